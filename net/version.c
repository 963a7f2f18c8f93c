/*
 * Versions: ours, and those of the libraries we were built against.
 */
#include <ares_version.h>
#include <openssl/opensslv.h>

#include "mistcore.h"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

const char *mist_version(void)
{
	return TEXT(MIST_VERSION_MAJOR) "." TEXT(MIST_VERSION_MINOR) "." TEXT(MIST_VERSION_PATCH);
}

const char *mist_version_libraries(void)
{
	return "engines uring and epoll; liburing " LIBURING_VERSION ", OpenSSL " OPENSSL_VERSION_STR
	       ", c-ares " ARES_VERSION_STR;
}
