/*
 * An edit: one transaction on its way to the zones. Whoever changes zones while they serve (a host,
 * an UPDATE message, the registry, a reload) collects operations here, each good in itself; what
 * they mean together is judged by commit.h, on the zones as they are then.
 */
#ifndef MIST_CONTENT_EDIT_H
#define MIST_CONTENT_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "core/report.h"
#include "core/rrset.h"
#include "mistcore.h"

struct zone_list;
enum edit_verb {
	EDIT_REQUIRE,   /* holds, or the edit fails */
	EDIT_ADD,       /* `set` is one record */
	EDIT_TAKE,      /* the one record of `set`, if it is there */
	EDIT_CLEAR,     /* the set of the type; type 0: all of them */
	EDIT_REPLACE,   /* `set` is what the type's set is to be */
};

struct edit_operation {
	enum edit_verb verb;
	enum mist_require require;
	uint16_t type;
	uint8_t owner_len;
	bool has_zone;               /* its name stands behind the owner; else the innermost zone is meant */
	struct rrset *set;           /* RDATA in canonical form; NULL: none */
	uint8_t names[];             /* lower case */
};

static inline const uint8_t *edit_owner(const struct edit_operation *operation)
{
	return operation->names;
}
static inline const uint8_t *edit_zone(const struct edit_operation *operation)
{
	return operation->has_zone ? operation->names + operation->owner_len : NULL;
}

#define EDIT_NOTES_MAX 16 /* problems and warnings kept: who has more of them reads the first ones */

struct edit_note {
	enum mist_level level;
	char text[REPORT_TEXT_MAX];
};

struct edit_zone {
	struct mist_zone *zone;      /* good under the lock of those who commit */
	uint32_t serial;
	uint8_t name[NAME_MAX];
};

struct edit {
	struct edit_operation **operations;
	size_t count, room;
	size_t octets;               /* of data, roughly */
	/*
	 * As RFC 2136 section 3.4.2 has it: what a rule of the zone forbids (CNAME beside other data, taking
	 * the SOA or the last NS away, a serial that goes back) is passed over in silence.
	 */
	bool lenient;
	bool points_back;            /* may change the zone of reverse.h, which no edit of others can name */
	/* Nothing of it is to be kept on disk: it is of the registry, and ends with the process; or it comes from there
	 * (replay.c). Registered addresses are changed by such edits alone. */
	bool passing;
	/* Called before the edit is judged, under the lock of those who commit: adds operations that depend
	 * on what was committed before. May be NULL. An error fails the edit. */
	int (*prepare)(struct edit *edit, void *user);
	/* Called when the edit fails after that, under the same lock, of several edits the last one first. May be
	 * NULL. */
	void (*undo)(struct edit *edit, void *user);
	/* Instead of operations: adds zones with their next versions itself (secondary.h). MIST_OK, or why nothing was
	 * done; forks that it made are its own to give up. */
	int (*make)(struct edit *edit, struct mist_content *content, struct zone_list *changed);
	/* Called when what it makes is published, under the lock. May be NULL. */
	void (*accepted)(struct edit *edit, struct mist_content *content);
	void *user;

	/* The outcome, of commit.h. */
	bool done;
	int error;
	size_t failed;               /* index of the operation that is to blame; SIZE_MAX: none of them */
	struct edit_note *notes;     /* what people should know */
	unsigned note_count;
	struct edit_zone *zones;     /* that it changed */
	size_t zone_count;
	uint64_t view;               /* number of the first that holds it; of who publishes */

	struct edit *next;           /* in a group */
};

int edit_new(struct edit **edit);
void edit_free(struct edit *edit); /* NULL is fine */

/* The operations, as mistcore.h tells them; `zone` is a wire name or NULL. MIST_ENAME, MIST_ERECORD,
 * MIST_EINVAL, MIST_ELIMIT (a set above 65,535 octets), MIST_ENOMEM; then nothing was added. */
int edit_add(struct edit *edit, const uint8_t *zone, const struct mist_record *record);
int edit_remove(struct edit *edit, const uint8_t *zone, const struct mist_record *record);
int edit_replace(struct edit *edit, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                 const struct mist_record *records, size_t count);
int edit_require(struct edit *edit, const uint8_t *zone, enum mist_require what, const uint8_t *owner,
                 uint16_t type, const struct mist_record *records, size_t count);
/* The same as edit_replace() with a set that exists already; it is copied. NULL: none. */
int edit_replace_set(struct edit *edit, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                     const struct rrset *set);

/* Keeps a message about the edit; when there is no memory or no room for it, it is lost. */
__attribute__((format(printf, 3, 4)))
void edit_note(struct edit *edit, enum mist_level level, const char *format, ...);

/* The first problem noted, or what the error means. */
const char *edit_reason(const struct edit *edit);

#endif
