/*
 * libnss_mist.so.2: the service `mist` of the database `hosts` in nsswitch.conf(5). The functions here are all there is
 * to see of it. Their form is glibc's (<nss.h>, and resolv/nss_dns for what is not written down): status as the result,
 * errno and h_errno by pointer, everything they hand out in the caller's buffer. No state, no globals, any thread.
 *
 *   SUCCESS     there it is
 *   NOTFOUND    no such name, none of such data, or the server denies it: the next service may know
 *   TRYAGAIN    the server failed, or says nothing or not all; we lack memory, descriptors or rights for asking;
 *               with ERANGE: the buffer is too small
 *   UNAVAIL     no server is known (server.h), or none is there
 *
 * So `hosts: files mist [!UNAVAIL=return] dns` asks others only where no server runs, and `files mist
 * [!SUCCESS=return]` nobody else in any case.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>

#include "core/type.h"
#include "sidecar/nss/ask.h"
#include "sidecar/nss/reply.h"
#include "sidecar/nss/server.h"

#define NSS_API __attribute__((visibility("default")))

NSS_API enum nss_status _nss_mist_gethostbyname_r(const char *name, struct hostent *host, char *buffer, size_t len,
                                                  int *errnop, int *h_errnop);
NSS_API enum nss_status _nss_mist_gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer,
                                                   size_t len, int *errnop, int *h_errnop);
NSS_API enum nss_status _nss_mist_gethostbyname3_r(const char *name, int family, struct hostent *host, char *buffer,
                                                   size_t len, int *errnop, int *h_errnop, int32_t *ttlp,
                                                   char **canonp);
NSS_API enum nss_status _nss_mist_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat, char *buffer,
                                                   size_t len, int *errnop, int *h_errnop, int32_t *ttlp);
NSS_API enum nss_status _nss_mist_gethostbyaddr_r(const void *address, socklen_t address_len, int family,
                                                  struct hostent *host, char *buffer, size_t len, int *errnop,
                                                  int *h_errnop);

/* ---- how it ends ---- */

struct end {
	int *errnop, *h_errnop;
};

static enum nss_status end(const struct end *end, enum nss_status status, int error, int h_error)
{
	*end->errnop = error;
	*end->h_errnop = h_error;
	return status;
}

static enum nss_status end_too_small(const struct end *e)
{
	return end(e, NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL);
}

/* The server was not asked, or did not reply. */
static enum nss_status end_unasked(const struct end *e, int error)
{
	switch (error) {
	case ETIMEDOUT:
		return end(e, NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	case ENOMEM: /* ours: they say nothing of a server */
	case ENOBUFS:
	case EMFILE:
	case ENFILE:
	case EACCES:
		return end(e, NSS_STATUS_TRYAGAIN, error, TRY_AGAIN);
	default:
		return end(e, NSS_STATUS_UNAVAIL, error, NO_RECOVERY);
	}
}

static enum nss_status end_without(const struct end *e, enum answered answered)
{
	if (answered == ANSWER_FAILED)
		return end(e, NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	return end(e, NSS_STATUS_NOTFOUND, ENOENT, answered == ANSWER_NO_DATA ? NO_DATA : HOST_NOT_FOUND);
}

static enum nss_status end_found(const struct end *e)
{
	return end(e, NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS);
}

/* ---- the caller's buffer ---- */

struct room {
	char *at;
	size_t left;
};

/* NULL: it is too small. */
static void *take(struct room *room, size_t size, size_t align)
{
	const size_t skip = -(uintptr_t)room->at % align;
	if (room->left < skip || room->left - skip < size)
		return NULL;
	void *taken = room->at + skip;
	room->at += skip + size;
	room->left -= skip + size;
	return taken;
}

static char *take_text(struct room *room, const char *text)
{
	const size_t size = strlen(text) + 1;
	char *copy = take(room, size, 1);
	return copy ? memcpy(copy, text, size) : NULL;
}

static char **take_list(struct room *room, size_t count)
{
	char **list = take(room, (count + 1) * sizeof(*list), alignof(char *));
	if (list)
		list[count] = NULL;
	return list;
}

/* ---- asking ---- */

static int ask_server(const uint8_t *name, struct ask *all, size_t count)
{
	struct server server;
	for (size_t i = 0; i < count; i++)
		all[i].reply = NULL;
	const int error = server_find(&server);
	return error ? error : asks(&server, name, all, count);
}

static size_t address_size(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

/* The next address of an answer; records of another size are none. */
static const uint8_t *next_address(const struct reply *reply, struct reply_place *place, int family)
{
	const uint8_t *data;
	size_t len;
	while ((data = reply_next(reply, place, &len)) && len != address_size(family))
		;
	return data;
}

static size_t count_addresses(const struct reply *reply, int family)
{
	struct reply_place place = { 0 };
	size_t count = 0;
	while (next_address(reply, &place, family))
		count++;
	return count;
}

/* ---- names to addresses: struct hostent ---- */

/* Fills `host`, its name being `text`. False: the buffer is too small. */
static bool fill_host(struct hostent *host, struct room *room, const struct reply *reply, int family,
                      const char *text, const char *asked)
{
	const size_t count = count_addresses(reply, family), size = address_size(family);
	const bool alias = strcasecmp(text, asked) != 0;
	struct reply_place place = { 0 };
	char **addresses = take_list(room, count), **aliases = take_list(room, alias);
	uint8_t *octets = take(room, count * size, alignof(struct in6_addr));
	char *name = take_text(room, text);
	if (!addresses || !aliases || !octets || !name)
		return false;
	if (alias && !(aliases[0] = take_text(room, asked)))
		return false;
	for (size_t i = 0; i < count; i++) {
		addresses[i] = (char *)memcpy(octets + i * size, next_address(reply, &place, family), size);
	}
	*host = (struct hostent){ .h_name = name, .h_aliases = aliases, .h_addrtype = family, .h_length = (int)size,
	                          .h_addr_list = addresses };
	return true;
}

/* Of the name that was asked for and its reply. */
static enum nss_status give_host(const struct end *e, const struct ask *ask, int family, struct hostent *host,
                                 struct room *room, int32_t *ttlp, char **canonp)
{
	struct reply reply;
	char text[NAME_MAX + 1], asked[NAME_MAX + 1];
	uint8_t name[NAME_MAX];
	enum answered answered = reply_read(&reply, ask);
	if (answered != ANSWER_FOUND)
		return end_without(e, answered);
	name_read(ask->reply, ask->len, 12, name); /* it was compared with ours */
	if (!reply_host(asked, name) || !reply_host(text, reply.name) || count_addresses(&reply, family) == 0)
		return end_without(e, ANSWER_NO_NAME);
	if (!fill_host(host, room, &reply, family, text, asked))
		return end_too_small(e);
	if (ttlp)
		*ttlp = (int32_t)reply.ttl;
	if (canonp)
		*canonp = host->h_name;
	return end_found(e);
}

enum nss_status _nss_mist_gethostbyname3_r(const char *name, int family, struct hostent *host, char *buffer, size_t len,
                                           int *errnop, int *h_errnop, int32_t *ttlp, char **canonp)
{
	const struct end e = { errnop, h_errnop };
	struct ask ask = { .type = family == AF_INET ? TYPE_A : TYPE_AAAA };
	uint8_t wire[NAME_MAX];
	if (family != AF_INET && family != AF_INET6)
		return end(&e, NSS_STATUS_UNAVAIL, EAFNOSUPPORT, NO_DATA);
	if (!name_from_text(wire, name))
		return end_without(&e, ANSWER_NO_NAME);
	const int error = ask_server(wire, &ask, 1);
	const enum nss_status status = !ask.reply ? end_unasked(&e, error)
		: give_host(&e, &ask, family, host, &(struct room){ buffer, len }, ttlp, canonp);
	asks_free(&ask, 1);
	return status;
}

enum nss_status _nss_mist_gethostbyname2_r(const char *name, int family, struct hostent *host, char *buffer, size_t len,
                                           int *errnop, int *h_errnop)
{
	return _nss_mist_gethostbyname3_r(name, family, host, buffer, len, errnop, h_errnop, NULL, NULL);
}

enum nss_status _nss_mist_gethostbyname_r(const char *name, struct hostent *host, char *buffer, size_t len, int *errnop,
                                          int *h_errnop)
{
	return _nss_mist_gethostbyname3_r(name, AF_INET, host, buffer, len, errnop, h_errnop, NULL, NULL);
}

/* ---- names to addresses of both kinds: a list for getaddrinfo() ---- */

/* The list so far. glibc may hand in a first entry of its own, which is then to be used. */
struct tuples {
	struct gaih_addrtuple *first, **next;
	struct room *room;
};

static bool add_tuple(struct tuples *tuples, char *name, int family, const uint8_t *octets)
{
	struct gaih_addrtuple *tuple = take(tuples->room, sizeof(*tuple), alignof(struct gaih_addrtuple));
	if (!tuple)
		return false;
	*tuple = (struct gaih_addrtuple){ .name = name, .family = family };
	memcpy(tuple->addr, octets, address_size(family));
	*tuples->next = tuple;
	tuples->next = &tuple->next;
	return true;
}

/* False: the buffer is too small. */
static bool add_tuples(struct tuples *tuples, const struct reply *reply, int family)
{
	char text[NAME_MAX + 1];
	struct reply_place place = { 0 };
	const uint8_t *octets = next_address(reply, &place, family);
	if (!octets || !reply_host(text, reply->name))
		return true;
	char *name = take_text(tuples->room, text);
	bool fits = name != NULL;
	for (; octets && fits; octets = next_address(reply, &place, family))
		fits = add_tuple(tuples, name, family, octets);
	return fits;
}

/* What a name is that neither question has found. */
static enum answered worse(enum answered a, enum answered b)
{
	if (a == ANSWER_FAILED || b == ANSWER_FAILED)
		return ANSWER_FAILED;
	return a == ANSWER_NO_DATA || b == ANSWER_NO_DATA ? ANSWER_NO_DATA : ANSWER_NO_NAME;
}

static enum nss_status give_tuples(const struct end *e, const struct ask all[2], int error, struct tuples *tuples,
                                   int32_t *ttlp)
{
	static const int families[2] = { AF_INET, AF_INET6 };
	enum answered so_far = ANSWER_NO_NAME;
	uint32_t ttl = INT32_MAX;
	for (unsigned i = 0; i < 2; i++) {
		struct reply reply;
		const enum answered answered = all[i].reply ? reply_read(&reply, &all[i]) : ANSWER_NO_NAME;
		so_far = worse(so_far, answered);
		if (answered == ANSWER_FOUND && !add_tuples(tuples, &reply, families[i]))
			return end_too_small(e);
		if (answered == ANSWER_FOUND && reply.ttl < ttl)
			ttl = reply.ttl;
	}
	if (!tuples->first)
		return error ? end_unasked(e, error) : end_without(e, so_far);
	if (ttlp)
		*ttlp = (int32_t)ttl;
	return end_found(e);
}

enum nss_status _nss_mist_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat, char *buffer, size_t len,
                                           int *errnop, int *h_errnop, int32_t *ttlp)
{
	const struct end e = { errnop, h_errnop };
	struct ask all[2] = { { .type = TYPE_A }, { .type = TYPE_AAAA } };
	struct room room = { buffer, len };
	struct tuples tuples = { .next = &tuples.first, .room = &room };
	uint8_t wire[NAME_MAX];
	if (!name_from_text(wire, name))
		return end_without(&e, ANSWER_NO_NAME);
	const int error = ask_server(wire, all, 2);
	const enum nss_status status = give_tuples(&e, all, error, &tuples, ttlp);
	asks_free(all, 2);
	if (status == NSS_STATUS_SUCCESS && *pat)
		**pat = *tuples.first;
	else if (status == NSS_STATUS_SUCCESS)
		*pat = tuples.first;
	return status;
}

/* ---- addresses to names ---- */

static size_t put_label(uint8_t *wire, size_t at, const char *text, size_t len)
{
	wire[at] = (uint8_t)len;
	memcpy(wire + at + 1, text, len);
	return at + 1 + len;
}

/* 4.3.2.1.in-addr.arpa and its like (RFC 1035 section 3.5, RFC 3596 section 2.5). */
static void reverse_name(uint8_t wire[NAME_MAX], const uint8_t *octets, int family)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;
	for (size_t i = address_size(family); i-- > 0;) {
		const unsigned octet = octets[i];
		const char decimal[3] = { digits[octet / 100], digits[octet / 10 % 10], digits[octet % 10] };
		const unsigned zeros = octet < 10 ? 2 : octet < 100 ? 1 : 0;
		if (family == AF_INET) {
			at = put_label(wire, at, decimal + zeros, 3 - zeros);
			continue;
		}
		at = put_label(wire, at, &digits[octet & 15], 1);
		at = put_label(wire, at, &digits[octet >> 4], 1);
	}
	at = family == AF_INET ? put_label(wire, at, "in-addr", 7) : put_label(wire, at, "ip6", 3);
	at = put_label(wire, at, "arpa", 4);
	wire[at] = 0;
}

/* The next name; false: there are no more. */
static bool next_name(const struct reply *reply, struct reply_place *place, char text[NAME_MAX + 1])
{
	uint8_t name[NAME_MAX];
	const uint8_t *data;
	size_t len;
	while ((data = reply_next(reply, place, &len))) {
		const size_t at = (size_t)(data - reply->message);
		if (name_read(reply->message, at + len, at, name) && reply_host(text, name))
			return true;
	}
	return false;
}

static bool fill_names(struct hostent *host, struct room *room, const struct reply *reply, const uint8_t *octets,
                       int family)
{
	char text[NAME_MAX + 1];
	struct reply_place place = { 0 };
	size_t count = 0;
	while (next_name(reply, &place, text))
		count++;
	char **addresses = take_list(room, 1), **aliases = take_list(room, count - 1);
	uint8_t *address = take(room, address_size(family), alignof(struct in6_addr));
	if (!addresses || !aliases || !address)
		return false;
	addresses[0] = (char *)memcpy(address, octets, address_size(family));
	*host = (struct hostent){ .h_aliases = aliases, .h_addrtype = family, .h_length = (int)address_size(family),
	                          .h_addr_list = addresses };
	place = (struct reply_place){ 0 };
	for (size_t i = 0; i < count && next_name(reply, &place, text); i++) {
		char *name = take_text(room, text);
		if (!name)
			return false;
		*(i == 0 ? &host->h_name : &aliases[i - 1]) = name;
	}
	return true;
}

static enum nss_status give_names(const struct end *e, const struct ask *ask, const uint8_t *octets, int family,
                                  struct hostent *host, struct room *room)
{
	struct reply reply;
	char text[NAME_MAX + 1];
	const enum answered answered = reply_read(&reply, ask);
	if (answered != ANSWER_FOUND)
		return end_without(e, answered);
	if (!next_name(&reply, &(struct reply_place){ 0 }, text))
		return end_without(e, ANSWER_NO_NAME);
	return fill_names(host, room, &reply, octets, family) ? end_found(e) : end_too_small(e);
}

enum nss_status _nss_mist_gethostbyaddr_r(const void *address, socklen_t address_len, int family, struct hostent *host,
                                          char *buffer, size_t len, int *errnop, int *h_errnop)
{
	const struct end e = { errnop, h_errnop };
	struct ask ask = { .type = TYPE_PTR };
	uint8_t wire[NAME_MAX];
	if ((family != AF_INET && family != AF_INET6) || address_len < address_size(family))
		return end(&e, NSS_STATUS_UNAVAIL, EAFNOSUPPORT, NO_DATA);
	reverse_name(wire, address, family);
	const int error = ask_server(wire, &ask, 1);
	const enum nss_status status = !ask.reply ? end_unasked(&e, error)
		: give_names(&e, &ask, address, family, host, &(struct room){ buffer, len });
	asks_free(&ask, 1);
	return status;
}
