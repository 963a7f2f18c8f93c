/* Health of upstream servers (target.h). Times are monotonic milliseconds. */
#include "forward/target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define SILENT_SERVER_MS 300  /* without an answer: others go first. Most answer in 100 */
#define SILENT_TARGET_MS 1000 /* a resolver with a cold cache may take that long for a name */
#define PROBE_MS 1000         /* first new try of a silent server; doubled each time, up to: */
#define PROBE_MAX_MS 8000

static bool same_address(const struct upstream_address *a, const struct upstream_address *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->octets, b->octets, a->family == AF_INET6 ? 16 : 4) == 0;
}

static bool is_unspecified(const struct upstream_address *address)
{
	static const uint8_t zeros[16];
	return memcmp(address->octets, zeros, address->family == AF_INET6 ? 16 : 4) == 0;
}

/* 0.0.0.0 and :: as a destination are the loopback address on Linux. */
static struct upstream_address specified(const struct upstream_address *address)
{
	struct upstream_address result = *address;
	if (!is_unspecified(address))
		return result;
	result.octets[0] = address->family == AF_INET ? 127 : 0;
	result.octets[address->family == AF_INET ? 3 : 15] = 1;
	return result;
}

bool home_is(const struct home *home, const struct upstream_address *address, bool *uncertain)
{
	const struct upstream_address wanted = specified(address);
	*uncertain = false;
	for (unsigned i = 0; i < home->count; i++) {
		const struct upstream_address *own = &home->addresses[i];
		if (same_address(own, &wanted))
			return true;
		*uncertain |= own->port == wanted.port && own->family == wanted.family &&
		              is_unspecified(own);
	}
	return false;
}

static void target_load(struct target *target, const struct upstream_set *set,
                        const struct home *home)
{
	bool uncertain;
	memset(target, 0, sizeof *target);
	target->policy = set->policy;
	for (unsigned i = 0; i < set->count && target->count < TARGET_SERVERS_MAX; i++) {
		if (home_is(home, &set->addresses[i], &uncertain))
			target->only_self = true;
		else
			target->servers[target->count++].address = set->addresses[i];
	}
	target->only_self &= target->count == 0;
}

/* The policy number does not tell the order of a set's servers, and the order is a preference. */
static bool is_target_of(const struct target *target, const struct upstream_set *set,
                         const struct home *home)
{
	unsigned at = 0;
	bool uncertain;
	if (target->used_ms == 0 || target->policy != set->policy)
		return false;
	for (unsigned i = 0; i < set->count && at < TARGET_SERVERS_MAX; i++) {
		if (home_is(home, &set->addresses[i], &uncertain))
			continue;
		if (at == target->count ||
		    !same_address(&target->servers[at++].address, &set->addresses[i]))
			return false;
	}
	return at == target->count;
}

struct target *target_get(struct targets *targets, const struct upstream_set *set, uint64_t now_ms)
{
	struct target *oldest = NULL;
	for (unsigned i = 0; i < TARGETS_MAX; i++) {
		struct target *target = &targets->entries[i];
		if (is_target_of(target, set, &targets->home)) {
			target->used_ms = now_ms;
			return target;
		}
		if (target->users == 0 && (!oldest || target->used_ms < oldest->used_ms))
			oldest = target;
	}
	if (!oldest)
		return NULL;
	target_load(oldest, set, &targets->home);
	oldest->used_ms = now_ms ? now_ms : 1;
	return oldest;
}

static bool silent_for(const struct server *server, uint64_t now_ms, uint64_t ms)
{
	return server->asked_ms != 0 && now_ms - server->asked_ms >= ms;
}

bool target_silent(const struct target *target, uint64_t now_ms)
{
	for (unsigned i = 0; i < target->count; i++)
		if (!silent_for(&target->servers[i], now_ms, SILENT_TARGET_MS))
			return false;
	return true;
}

/* May a silent server be asked first once more? Taking the chance uses it up. */
static bool take_probe(struct server *server, uint64_t now_ms)
{
	if (now_ms < server->probe_ms)
		return false;
	server->probe_after_ms = server->probe_after_ms == 0 ? PROBE_MS :
		server->probe_after_ms * 2 > PROBE_MAX_MS ? PROBE_MAX_MS : server->probe_after_ms * 2;
	const bool first = server->probe_ms == 0; /* it has just become silent */
	server->probe_ms = now_ms + server->probe_after_ms;
	return !first;
}

static size_t write_address(char *to, size_t size, const struct upstream_address *address)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(address->family, address->octets, text, sizeof text);
	const char *format = address->family == AF_INET6 ? "[%s]:%u" : "%s:%u";
	const int len = snprintf(to, size, format, text, address->port);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

void target_order(struct target *target, uint64_t now_ms, char text[TARGET_TEXT_MAX])
{
	unsigned order[2 * TARGET_SERVERS_MAX], count = 0;
	bool good[TARGET_SERVERS_MAX];
	for (unsigned i = 0; i < target->count; i++) {
		struct server *server = &target->servers[i];
		good[i] = !silent_for(server, now_ms, SILENT_SERVER_MS) || take_probe(server, now_ms);
		if (good[i])
			order[count++] = i;
	}
	for (unsigned i = 0; i < target->count; i++)
		if (!good[i])
			order[count++] = i;
	size_t at = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < count && i < TARGET_TRIES; i++) {
		if (at > 0)
			text[at++] = ',';
		at += write_address(text + at, TARGET_TEXT_MAX - at, &target->servers[order[i]].address);
	}
}

struct server *target_server(struct target *target, const struct upstream_address *address)
{
	for (unsigned i = 0; i < target->count; i++)
		if (same_address(&target->servers[i].address, address))
			return &target->servers[i];
	return NULL;
}

void server_asked(struct server *server, uint64_t now_ms)
{
	if (server && server->asked_ms == 0)
		server->asked_ms = now_ms;
}

void server_answered(struct server *server)
{
	if (!server)
		return;
	server->asked_ms = server->probe_ms = 0;
	server->probe_after_ms = 0;
}

void server_refused(struct server *server, uint64_t now_ms)
{
	if (server && !silent_for(server, now_ms, SILENT_SERVER_MS))
		server->asked_ms = now_ms > SILENT_SERVER_MS ? now_ms - SILENT_SERVER_MS : 1;
}
