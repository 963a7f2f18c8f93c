/*
 * Keys of signed messages, as a content is told of them, and the lists of zones that name them. A secret
 * is in no message: those end up in logs.
 */
#include <string.h>

#include "content/parts.h"
#include "core/address.h"
#include "core/report.h"
#include "dnssec/crypto.h"
#include "dnssec/keyring.h"

static int check_name(const struct mist_content *content, const struct mist_tsig *given,
                      uint8_t name[NAME_MAX])
{
	const struct mist_reporter *reporter = &content->options.reporter;
	uint8_t octets[16];
	/* Lists of access tell keys from addresses by how they look. */
	if (!given->name || !name_from_text(name, given->name) || strpbrk(given->name, "/:@") ||
	    strspn(given->name, "0123456789.") == strlen(given->name) ||
	    address_from_text(given->name, octets)) {
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "TSIG key \"%s\": its name has to be a domain name that looks like no address",
		       given->name ? given->name : "");
		return MIST_ENAME;
	}
	if (content->keyring && keyring_find(content->keyring, name)) {
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "TSIG key %s is there twice", given->name);
		return MIST_EINVAL;
	}
	return MIST_OK;
}

static int add_key(struct mist_content *content, const struct mist_tsig *given, const uint8_t *name)
{
	uint8_t secret[TSIG_SECRET_MAX];
	const struct mist_reporter *reporter = &content->options.reporter;
	const char *text = given->secret ? given->secret : "";
	const int len = base64_decode(secret, sizeof(secret), text, strlen(text));
	int error = len <= 0 ? MIST_EKEY
	                     : keyring_add(content->keyring, name, given->algorithm, secret, (size_t)len);
	explicit_bzero(secret, sizeof(secret));
	if (error == MIST_EINVAL)
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "TSIG key %s: algorithm \"%s\" is refused: %s; there are " TSIG_ALGORITHMS,
		       given->name, given->algorithm, keyring_refuses(given->algorithm));
	else if (error == MIST_EKEY)
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "TSIG key %s: its secret is not base64 of 1 to %d octets; `tsig-keygen` makes one",
		       given->name, TSIG_SECRET_MAX);
	else if (error == MIST_ELIMIT)
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "TSIG key %s is one too many; there is room for %d", given->name, KEYRING_MAX);
	else if (!error && given->algorithm && keyring_discourages(given->algorithm))
		report(reporter, MIST_LEVEL_WARNING, given->file, given->line,
		       "TSIG key %s: HMAC-SHA1 is not recommended any more (RFC 8945 section 6); choose "
		       "hmac-sha256 if the other end can", given->name);
	return error;
}

int mist_content_tsig(struct mist_content *content, const struct mist_tsig *key)
{
	struct mist_tsig given;
	uint8_t name[NAME_MAX];
	if (!content || !key || !content_options_copy(&given, sizeof(given), key, key->size))
		return MIST_EINVAL;
	int error = content_open(content);
	if (!error)
		error = check_name(content, &given, name);
	if (!error && !content->keyring)
		error = keyring_new(&content->keyring, content->crypto);
	return error ? error : add_key(content, &given, name);
}

/* The lists of one zone while their keys are looked up. */
struct checking {
	const struct mist_content *content;
	const struct mist_zone_options *options;
};

static int check_key(void *user, const uint8_t *key)
{
	const struct checking *checking = user;
	const struct mist_content *content = checking->content;
	char text[NAME_TEXT_MAX];
	if (content->keyring && keyring_find(content->keyring, key))
		return MIST_OK;
	name_to_text(text, key);
	report(&content->options.reporter, MIST_LEVEL_ERROR, checking->options->file, 0,
	       "zone %s: \"%s\" is neither an address nor a key under `tsig`", checking->options->name,
	       text);
	return MIST_ENOTFOUND;
}

int content_check_access(const struct mist_content *content, const struct mist_zone_options *options,
                         const struct access *access)
{
	struct checking checking = { content, options };
	return access_each_key(access, check_key, &checking);
}
