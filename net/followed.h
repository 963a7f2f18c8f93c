/*
 * One zone that is followed (follower.h): what a thread works on, and what others say of it meanwhile. All of it under the lock
 * of the follower, but for `secondary` while it is busy: then that is the thread's.
 */
#ifndef MIST_NET_FOLLOWED_H
#define MIST_NET_FOLLOWED_H

#include "core/due.h"
#include "net/follower.h"
#include "transfer/secondary.h"

struct followed {
	struct secondary secondary;
	size_t place;                /* among all of the follower's, */
	struct due work;             /* and among those whose work is due; in none while it is busy */
	bool busy;                   /* a thread works on it */
	bool listed;                 /* in the content that is being looked at */
	/* While it is busy: */
	bool noticed;                /* a NOTIFY came */
	bool described;              /* it is described anew: */
	struct secondary_zone description; /* with references of its own */
	bool drop;                   /* the zone is no more, nor what the thread leaves of it on disk; it is forgotten then, or
	                                another one, which is described, begins */
	/* As it was when work on it began or ended, for those who ask. */
	struct follower_status status;
};

struct followed *followed_new(const struct secondary_zone *zone); /* NULL: no memory */
void followed_free(struct followed *followed);

/* Does the description differ in what members are described by: another group, another catalog? */
bool followed_is_described(const struct followed *followed, const struct secondary_zone *zone);
void followed_describe(struct followed *followed, const struct secondary_zone *zone);

/* Is that a member that has no more in common with this one than the name? */
bool followed_is_another(const struct followed *followed, const struct secondary_zone *zone);

/* `directory`, here and below: where zones are kept; NULL: nowhere. A file may be there again: a thread may have written it
 * after the content had removed it, and before this. */
void followed_begin_anew(struct followed *followed, const struct secondary_zone *zone, const char *directory);

/* It is no member any more, if it was one: nothing is left of it on disk; if it is busy, when that ends. */
void followed_drop(struct followed *followed, const char *directory);

/* The thread has done its work. */
void followed_ended(struct followed *followed, const char *directory);

/* Notes the status. */
void followed_note(struct followed *followed);

#endif
