/*
 * What a reader remembers of the questions it was asked: where each led (lead.h), so that a question
 * asked again costs no walk through routes and zone.
 *
 * A memo belongs to one reader, a worker or a look-up handle, and nobody else touches it: no lock, no
 * atomic. What it remembers of one view is never used in another, so that nothing needs to be
 * told when a view is replaced: the memo is cold then, and a question costs what it would without.
 *
 * Only a question that comes a second time is remembered: names that are asked once, as in a flood of
 * random ones, cost a hash and one line of the index, and push nobody out. And only what is in a zone of ours:
 * who speaks for a name is found out as soon as it would be remembered.
 */
#ifndef MIST_CORE_MEMO_H
#define MIST_CORE_MEMO_H

#include "core/lead.h"
#include "core/message.h"
#include "core/question_hash.h"

struct memo;

int memo_new(struct memo **memo, const struct question_secret *secret); /* MIST_OK or MIST_ENOMEM */
void memo_free(struct memo *memo);

/* What the question of a request leads to: remembered, or found. `memo` may be NULL: none. The hash that it took
 * is left in the request. */
void memo_lead(struct memo *memo, const struct view *view, struct request *request, struct lead *lead);

/*
 * For those who read ahead (ahead.h). The hash of a question, for whose place in the memo it asks
 * (prefetch). And then the lead that may be the question's, asked for as well, or NULL. It may be any
 * other's, and from views that are no more: it is good for reading ahead.
 */
uint64_t memo_hash(struct memo *memo, const struct question *question);
const struct lead *memo_likely(struct memo *memo, uint64_t hash);

#endif
