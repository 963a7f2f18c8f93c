/*
 * Texts of enum mist_error (mistcore.h). What exactly was wrong goes to the reporter; these say what
 * kind of thing it was.
 */
#include "mistcore.h"

static const char *const texts[] = {
	[-MIST_OK] = "no error",
	[-MIST_ENOMEM] = "out of memory",
	[-MIST_EINVAL] = "an argument makes no sense",
	[-MIST_ENAME] = "not a domain name",
	[-MIST_ERECORD] = "record data does not fit its type",
	[-MIST_EZONE] = "a zone fails its checks",
	[-MIST_EKEY] = "a key file cannot be read or does not fit",
	[-MIST_ECRYPTO] = "libcrypto refused",
	[-MIST_EFILE] = "a file or directory cannot be read or written",
	[-MIST_ENETWORK] = "a socket cannot be opened, or no port is free",
	[-MIST_EADDRESS] = "the address is not loopback, and other addresses are not allowed",
	[-MIST_EENGINE] = "the engine asked for does not run here",
	[-MIST_EBUSY] = "in use by another thread, or a limit is reached",
	[-MIST_EFORKED] = "made before fork(), of no use in the child",
	[-MIST_ESEALED] = "the content is sealed and cannot change",
	[-MIST_ENOTFOUND] = "no such zone, name or address",
	[-MIST_EFORWARD] = "only a forwarder can answer; ask with a resolver",
	[-MIST_ETIMEOUT] = "no answer in time",
	[-MIST_EREFUSED] = "the server refused or failed the name",
	[-MIST_EMISMATCH] = "an answer that must not be believed",
	[-MIST_ESPACE] = "the buffer is too small",
	[-MIST_EINTERNAL] = "a mistake of mistcore; please report it",
	[-MIST_ECONFLICT] = "the edit would break a rule of DNS or of the zone",
	[-MIST_ELIMIT] = "the edit would exceed a limit",
	[-MIST_EREQUIRE] = "what the edit requires does not hold",
};

const char *mist_strerror(int error)
{
	/* Compared before the sign is turned, which INT_MIN would not survive. */
	if (error > 0 || error <= -(int)(sizeof(texts) / sizeof(*texts)))
		return "unknown error";
	return texts[-error];
}
