/*
 * One secondary zone and how it follows its primaries (RFC 1034 section 4.3.5, RFC 1996): when they are asked, what is
 * done with what they say, and until when the zone may be served without them.
 *
 * No thread and no lock here: net/follower.h owns these, and lets one thread at a time work on one.
 */
#ifndef MIST_TRANSFER_SECONDARY_H
#define MIST_TRANSFER_SECONDARY_H

#include <stdatomic.h>

#include "content/secondary.h"
#include "core/address.h"

/* SOA timers are what others say; these are the ends of what makes sense. */
#define SECONDARY_LEAST_S 1
#define SECONDARY_MOST_S (14u * 86400)
/* A zone that is not there yet: tried again after 1, 2, 4, ... seconds, at most these. */
#define SECONDARY_FIRST_MOST_S 300
/* NOTIFY makes it ask at once, but not more often than this: whoever can send one with a primary's address may. */
#define SECONDARY_PAUSE_MS 100
/* The file is written again when this many times the time has passed that writing it took. */
#define SECONDARY_WRITE_SHARE 20
/* A disk that was full is seldom empty sooner. */
#define SECONDARY_WRITE_AGAIN_MS 60000

#define SECONDARY_WHY_MAX 256

struct secondary_counters {
	_Atomic(uint64_t) checks, failures, wholes, changes; /* as in mistcore.h */
};

/* What the server around it can do. */
struct secondary_host {
	void *context;
	/* Judges an edit and publishes what it makes. */
	void (*commit)(void *context, struct edit *edit);
	/* A catalog has a new version, and members are to follow it. False: it is broken, `why` says how. */
	bool (*list)(void *context, const uint8_t *catalog, char why[SECONDARY_WHY_MAX]);
	/* NULL: nothing is kept. Lives as long as the call. */
	const char *directory;
	const struct mist_reporter *reporter; /* of any thread */
	int stop;                    /* a descriptor that can be read when all is to end */
	struct secondary_counters *counters;
};

struct secondary {
	uint8_t name[NAME_MAX];
	uint64_t member;             /* as in struct secondary_zone, like `catalog` */
	bool catalog;
	struct access *access;       /* held */
	struct keyring *keyring;     /* held, or NULL */
	bool as_it_comes;
	bool there, expired;
	bool whole;                  /* the whole zone is to be asked for */
	uint32_t serial;
	uint32_t refresh_s, retry_s, expire_s;
	uint64_t checked_s;          /* by the clock people have; 0: never */
	uint64_t checked_ms;         /* by the one that does not jump */
	uint64_t due_ms, written_ms; /* when it is asked next; when the file may be written next */
	uint64_t asked_ms;           /* when the last try ended */
	unsigned failures;           /* since the last good answer */
	size_t turn;                 /* the primary to ask first */
	struct zone *unwritten;      /* held: a version that is not on disk yet, */
	uint32_t unwritten_serial;   /* and its primary's serial: a reload may set `serial` back before it is written */
	struct upstream_address from;/* the primary that answered last */
	char error[512];             /* of the last try; "": it went well */
	char broken[SECONDARY_WHY_MAX]; /* why nobody follows the last version of a catalog; "": all do */
};

/* Takes over what a content says of the zone; `fresh`: nothing is known of it yet. */
void secondary_describe(struct secondary *secondary, const struct secondary_zone *zone, bool fresh,
                        uint64_t now_ms, uint64_t now_s);
void secondary_free(struct secondary *secondary); /* what it holds */

/* A primary says that there is news. */
void secondary_notice(struct secondary *secondary, uint64_t now_ms);

/* Does what is due: asks, transfers, publishes, lets expire, writes. Sets due_ms. */
void secondary_work(struct secondary *secondary, const struct secondary_host *host);

/* Before it is freed: writes what is not on disk yet. */
void secondary_save(struct secondary *secondary, const struct secondary_host *host);

/* When the next work is due. */
uint64_t secondary_due_ms(const struct secondary *secondary);

#endif
