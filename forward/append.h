/*
 * Putting a forwarded answer into a response: below a local CNAME chain, cut where an upstream's
 * chain leads into a zone of ours, stripped where the name is a cut in a zone of ours.
 */
#ifndef MIST_FORWARD_APPEND_H
#define MIST_FORWARD_APPEND_H

#include "forward/cache.h"
#include "forward/forward.h"

/* What is asked for query->target: the key of the cache, of coalescing, and of the upstream query.
 * Its question is the client's, or made in `question` at the end of a chain. */
struct cache_key append_key(const struct query *query, const struct view *view,
                            struct question *question);

/* Appends; `remembered`: a failure or refusal from the cache. FORWARD_DONE or FORWARD_MORE. */
enum forwarded append_answer(struct query *query, const struct view *view,
                             const struct cache_answer *answer, bool remembered);

/* SERVFAIL in place of an answer, and why. */
enum forwarded append_failure(struct query *query, int ede, const char *text);

/* The servers that a FORWARD route leads to. */
const struct upstream_set *append_set(const struct route *route, const struct view *view);

#endif
