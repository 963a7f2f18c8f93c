/*
 * The inside of a content, shared by the files of content/ and nobody else:
 *
 *   content.c    describing: zones, records
 *   rules.c      describing: rules, upstreams
 *   tsig.c       describing: keys of signed messages
 *   seal.c       sealing: completing, carving, keys, serials, signing
 *   suffix.c     search lists: which names a wildcard does not answer
 *   view.c       views of it, and what makes the next view: renewal, resolv.conf
 *   edit.c       collecting the operations of an edit
 *   overlay.c    what edits have made of a zone since its description was read
 *   replay.c     what edits have made of a zone is made of its new description
 *   journal.c    edits on disk: a file,
 *   frame.c      and the frames in it
 *   kept.c       edits are written there, and come from there
 *   secondary.c  zones that are transferred become versions
 *   store.c      and are kept in files
 *   catalog.c    which zones a catalog lists
 *   group.c      describing: how members of a catalog are served
 *   members.c    and are zones here for as long as it lists them
 *   reload.c     a content takes the place of another, and its zones go on from those that are served
 *   apply.c      what an edit makes of zones
 *   check.c      whether it may
 *   delegate.c   delegations follow the zones they are of
 *   commit.c     a group of edits becomes the next versions and the next view
 *   registry.c   names that come and go with their owners: changes
 *   registrations.c  who registered which
 *   registered.c what zones say of them
 *   reverse.c    what addresses are called
 *   tell.c       what it tells: walks, anchors
 *   walk.c       walks over the records of a zone that is served
 *   why.c        explanations
 *   serial.c     the serials that were published, kept in files
 *   keep.c       which serial a version gets, and when it is kept
 */
#ifndef MIST_CONTENT_PARTS_H
#define MIST_CONTENT_PARTS_H

#include <sys/stat.h>
#include <sys/types.h>

#include "content/overlay.h"
#include "content/suffix.h"
#include "core/fork_guard.h"
#include "core/route.h"
#include "core/trie.h"
#include "core/view.h"
#include "core/zone.h"
#include "dnssec/key.h"
#include "mistcore.h"

#define UPSTREAMS_MAX 32      /* of one set: more are no fail-over but a mistake */
#define UPSTREAM_SETS_MAX 4096
#define ZONES_MAX 60000       /* struct view counts them in 16 bits */

struct mist_zone {
	struct mist_content *content;
	size_t index;                /* in the content's zones, and in its views' */
	struct zone *zone;           /* one reference: the newest version */
	struct zone *next;           /* the one that a commit is making of it, or NULL (commit.h) */
	struct zone *draft;          /* the one that the edit being judged is making of that, or NULL */
	enum mist_dnssec dnssec;
	bool records, ephemeral_key, cds, registry;
	uint32_t ttl;                /* of made records */
	struct zone_address *addresses;
	size_t address_count;
	struct mist_zone *parent;    /* the closest local zone around it */
	struct key *key;             /* of a zone signed here */
	uint32_t file_serial;        /* of a zone with records */
	uint32_t signed_s, due_s;    /* when it was signed last; when signatures come due */
	uint32_t next_due_s;         /* of `next` */
	bool serial_kept;            /* on disk, this one: */
	uint32_t kept_serial, reserve, reserved_s;
	struct overlay overlay;      /* what edits changed */
	struct zone *before;         /* held until reload_prepare(): what this one may go on from */
	bool pending;                /* complete, but with no serial and no signatures of its own yet */
	bool edited;                 /* while it served: its serial is ours from then on */

	/* Of a secondary zone (secondary.h); `file_serial` is that of its primary. */
	bool secondary;
	bool finished;               /* `next` has its serial and its signatures */
	uint64_t checked_s;          /* when it was last known to be good: of its file */
	struct zone *kept;           /* held: the last good version, while it has expired; or NULL */

	struct groups *groups;       /* of a catalog: how its members are served; NULL: it is none (group.h) */
	/* Of a member of a catalog (members.h): */
	struct mist_zone *catalog;   /* that lists it; NULL: it is configured */
	const struct group *group;   /* of the catalog */
	uint8_t label[1 + LABEL_MAX];/* its unique label, with the length; 0: none */
	uint64_t member;             /* which one it is, of all that have had the name (secondary.h) */
	bool leaving;                /* not listed any more, and in no view from now on */
};

/* A rule as it was given. */
struct content_rule {
	struct rule rule;            /* `policy` is set in views */
	struct content_rule *same_name; /* the next rule of the same name */
	char *file;
	unsigned line;
	bool useless;                /* a zone's apex or a special-use name decides instead */
};

struct mist_content {
	struct guard guard;
	bool is_sealed;
	int broken;                  /* the error that a seal ended with half way */
	struct mist_content_options options; /* its strings are ours */
	struct crypto *crypto;
	struct keyring *keyring;     /* NULL: no keys */
	struct mist_zone **zones;
	size_t zone_count;
	struct trie zones_by_name;   /* struct mist_zone */
	struct mist_zone **registries;
	size_t registry_count;
	struct mist_zone *reverse;   /* not one of the zones (reverse.h); NULL: there is no registry */
	struct content_rule **rules;
	size_t rule_count;
	struct trie rules_by_name;   /* struct content_rule, the first of its name */
	struct known_names known;    /* while it is sealed */
	struct upstream_set *sets;   /* [0]: the content's own */
	size_t set_count;
	struct stat resolv_status[2];/* of resolv.conf and of systemd-resolved's, when last read */
	struct journal *journal;     /* of the server that serves it; NULL: edits end with the process */
	bool view_owed;              /* something changed, and memory was out when the view was made or published */
	uint64_t signatures;
	uint64_t members;            /* of catalogs, that there have ever been */
};

/* Copies an options struct of any size, older (shorter) ones included. False: it has no size. */
bool content_options_copy(void *to, size_t size, const void *from, size_t from_size);

/* Makes a zone one of the content's, the last one. MIST_ENOMEM: it is not. */
int content_insert(struct mist_content *content, struct mist_zone *zone);
void content_free_zone(struct mist_zone *zone); /* that is none of the content's */
/* Finds out which zone lies in which. */
void content_find_parents(struct mist_content *content);

/* MIST_ENOTFOUND, reported, when a list of a zone names a key that is not there. */
int content_check_access(const struct mist_content *content, const struct mist_zone_options *options,
                         const struct access *access);

/* MIST_EFORKED, MIST_ESEALED or MIST_OK: may the content be changed? */
int content_open(const struct mist_content *content);

/* The zone, or NULL. */
struct mist_zone *content_zone(const struct mist_content *content, const uint8_t *name);
/* The closest zone at or above a name; with `above`, above it. */
struct mist_zone *content_zone_around(const struct mist_content *content, const uint8_t *name,
                                      bool above);

/* The newest version, of a commit in progress too. */
static inline struct zone *content_newest(const struct mist_zone *zone)
{
	return zone->draft ? zone->draft : zone->next ? zone->next : zone->zone;
}

/* The zone of that name (text) in a sealed content. MIST_ENOTFOUND, MIST_EZONE (it failed), MIST_EINVAL
 * (not sealed). */
int content_served(const struct mist_content *content, const char *name,
                   const struct mist_zone **zone);

static inline bool zone_is_signed_here(const struct mist_zone *zone)
{
	return zone->dnssec == MIST_DNSSEC_SIGN && !zone->zone->failed;
}

/* The serial after `last` (if `known`) of a zone whose serial is ours to choose. */
uint32_t content_serial(const struct mist_zone *zone, bool known, uint32_t last, uint32_t now_s);
/* The one after `last` of a version that an edit makes. */
uint32_t content_edit_serial(const struct mist_zone *zone, uint32_t last, uint32_t now_s);
bool content_chooses_serial(const struct mist_zone *zone);

/* Makes a set of these texts. MIST_EINVAL, reported; MIST_ENOMEM. */
int content_parse_upstreams(struct upstream_set *set, const char *const *texts, size_t count,
                            const struct mist_reporter *reporter, const char *file, unsigned line);
/* The policy number of a set with or without filters (core/route.h). */
uint64_t content_policy(const struct upstream_set *set, bool private_addresses);

/* The serial for the version that is being sealed. */
uint32_t content_first_serial(const struct mist_zone *zone, uint32_t now_s);
/* An unsigned zone from a file has the file's serial, until edits gave out others. */
bool content_serial_is_kept(const struct mist_zone *zone);

/* Keeps the serial of the zone, if there is a place for it and no higher one is kept there. */
void content_keep_serial(struct mist_zone *zone);
/* The zones, the innermost first; the caller's. NULL: out of memory. */
struct mist_zone **content_inwards_out(const struct mist_content *content);

/* Gives a version what is no record: who may transfer and update is kept by versions, and described anew. */
void content_describe(struct zone *version, const struct zone *described);
/* Fills a secondary zone from its file. False: there is nothing to serve yet, and the zone failed. */
bool content_load_secondary(struct mist_zone *zone, const struct mist_reporter *reporter);
/* Delegates zones inside it, carves forwarded names, completes it: all but serial and signatures, of a zone
 * that does not come signed. */
int content_complete_zone(struct mist_zone *zone, const struct mist_reporter *reporter);
/* Finds or makes the key of a zone that is signed here. */
int content_find_key(struct mist_zone *zone, const struct mist_reporter *reporter);
/* Gives a complete zone its serial and signatures. */
int content_finish_zone(struct mist_zone *zone, uint32_t now_s, const struct mist_reporter *reporter);
/* Raises the serial above that of the zone whose place it takes. */
int content_follow_zone(struct mist_zone *zone, const struct mist_zone *before, uint32_t now_s,
                        uint64_t *signatures);

/* The same for a version that is about to be published, and some that may follow. */
void content_reserve_serial(struct mist_zone *zone, uint32_t serial, uint32_t now_s);

/* A directory for secrets and state, made with those above it. MIST_EFILE, reported. */
int content_make_directory(const char *path, const struct mist_reporter *reporter);

/* What dnssec/ needs to know to sign the zone now. */
struct signing;
struct signing content_signing(const struct mist_zone *zone, uint32_t now_s);

/* Reads resolv.conf when it has changed since it was read last (or never was). True: the servers
 * differ. */
bool content_read_resolv(struct mist_content *content);

#endif
