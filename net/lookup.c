/*
 * Asking a server of this process without a socket: the same query_process() on the caller's thread,
 * on a view held by a slot of the publisher.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/type.h"
#include "forward/forward.h"
#include "net/addresses.h"
#include "net/server.h"

struct mist_lookup {
	struct mist_server *server;
	int slot;
	_Atomic(uint16_t) turn;      /* of calls; counted loosely, since two threads here are one too many */
	struct query query;          /* with its memo */
	uint8_t response[MESSAGE_MAX];
};

int mist_lookup_open(struct mist_lookup **lookup, struct mist_server *server)
{
	if (!lookup || !server)
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	struct mist_lookup *made = calloc(1, sizeof *made);
	if (!made)
		return MIST_ENOMEM;
	if (memo_new(&made->query.memo, &server->identity.question_secret)) {
		free(made);
		return MIST_ENOMEM;
	}
	made->server = server;
	made->slot = slot_take(&server->publisher);
	if (made->slot < 0) {
		memo_free(made->query.memo);
		free(made);
		return MIST_EBUSY;
	}
	*lookup = made;
	return MIST_OK;
}

void mist_lookup_close(struct mist_lookup *lookup)
{
	if (!lookup || guard_forked(&lookup->server->guard))
		return;
	slot_give(&lookup->server->publisher, lookup->slot);
	memo_free(lookup->query.memo);
	free(lookup);
}

/* From query to response in lookup->response, the slot being held. */
static int answer(struct mist_lookup *lookup, const struct view *view)
{
	struct query *query = &lookup->query;
	enum verdict verdict = query_process(query, view);

	while (verdict == QUERY_FORWARD) {
		enum forwarded forwarded = forward_from_cache(lookup->server->cache, query, view);
		if (forwarded == FORWARD_WAIT)
			return MIST_EFORWARD;
		verdict = query_resume(query, view, forwarded == FORWARD_MORE);
	}
	if (verdict == QUERY_HANDOFF) /* transfers and updates are not for looking up */
		verdict = query_fail(query, RCODE_NOTIMP, EDE_NONE, NULL);
	return verdict == QUERY_REPLY ? MIST_OK : MIST_EINVAL;
}

/* Answers and copies the response out while the handle is still ours alone. */
static int ask(struct mist_lookup *lookup, const void *octets, size_t len, void *response, size_t *response_len)
{
	struct mist_server *server = lookup->server;
	struct query *query = &lookup->query;
	struct timespec time;

	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	const struct view *view = slot_enter(&server->publisher, lookup->slot);
	if (!view)
		return MIST_EBUSY;
	clock_gettime(CLOCK_REALTIME_COARSE, &time); /* a page read, no system call */
	query->octets = octets;
	query->len = len;
	query->response = lookup->response;
	query->response_size = sizeof lookup->response;
	query->transport = TRANSPORT_LOCAL;
	query->client_len = 0;
	query->now_s = (uint32_t)time.tv_sec;
	query->identity = &server->identity;
	int error = len > MESSAGE_MAX ? MIST_EINVAL : answer(lookup, view);
	if (!error && query->response_len > *response_len)
		error = MIST_ESPACE;
	if (!error) {
		memcpy(response, lookup->response, query->response_len);
		*response_len = query->response_len;
	}
	slot_leave(&server->publisher, lookup->slot);
	return error;
}

int mist_lookup_message(struct mist_lookup *lookup, const void *query, size_t query_len, void *response,
                        size_t *response_len)
{
	if (!lookup || !query || !response || !response_len)
		return MIST_EINVAL;
	return ask(lookup, query, query_len, response, response_len);
}

int mist_lookup_addresses(struct mist_lookup *lookup, const char *name, struct mist_address *addresses,
                          size_t *count)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	/* 16 KiB hold a thousand addresses, and a small stack still holds them. */
	uint8_t wire[NAME_MAX], query[ADDRESSES_QUERY_MAX], response[16384];
	size_t found = 0;

	if (!lookup || !name || !count || (*count && !addresses))
		return MIST_EINVAL;
	if (!name_from_text(wire, name))
		return MIST_ENAME;
	/* Registered addresses are told in turns, by the id. One for both types: counted by question, A would see even
	 * numbers alone, and always the same of two. */
	uint16_t turn = atomic_load_explicit(&lookup->turn, memory_order_relaxed);
	atomic_store_explicit(&lookup->turn, (uint16_t)(turn + 1), memory_order_relaxed);
	for (unsigned i = 0; i < 2; i++) {
		size_t query_len = addresses_query(query, turn, wire, types[i], MESSAGE_UDP_EDNS);
		size_t response_len = sizeof response;
		int error = ask(lookup, query, query_len, response, &response_len);
		if (!error)
			error = addresses_read(response, response_len, query, query_len, addresses, *count, &found);
		if (error == MIST_EINVAL) /* no answer at all: that is how it was refused */
			error = MIST_EREFUSED;
		if (error)
			return error;
	}
	if (!found)
		return MIST_ENOTFOUND;
	*count = found;
	return MIST_OK;
}
