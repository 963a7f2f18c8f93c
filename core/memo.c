/*
 * The memo (memo.h): entries and an index.
 *
 * Entries are taken one behind the other and, when all are in use, over again from the first; a new
 * view begins with the first. So the memory that is touched is as much as there are names.
 *
 * The index leads from a hash to entries, in sets of half a cache line. It is a hint only: whether an entry is the
 * question's is told by its view, its type and each octet of its name. Ways of a set are of two kinds:
 * some lead to entries, some only note that a hash was seen once.
 */
#include "core/memo.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "mistcore.h"

/* Questions remembered of a view: more than the sidecars of a host ask in a while. 3 MiB, of which the
 * kernel gives no page before it is used. */
#define MEMO_ENTRIES 16384
/* Longer names are looked up each time: one in a thousand is. */
#define MEMO_NAME_MAX 96
#define MEMO_SETS 8192 /* two entries each, if all are in use */
#define KNOWN 4        /* of a set: ways to entries; in one of twenty sets a question more finds no place */
#define WAYS 8         /* the rest: what was seen once, so that many strangers must come between */

/* 16 bits of the hash and the number of an entry. 0 is never given away: it says "seen once". */
struct set {
	_Alignas(32) uint32_t ways[WAYS];
};
#define TAG_SHIFT 16
#define NUMBER 0xffff
static_assert(MEMO_ENTRIES <= NUMBER + 1, "an entry's number fits into a way");

struct entry {
	_Alignas(64) uint64_t view;      /* its number */
	uint32_t shape;                  /* type, and length of the name */
	struct lead lead;
	uint8_t name[MEMO_NAME_MAX];     /* in whole blocks, as in struct question */
};
static_assert(sizeof(struct entry) == 192, "names of up to 40 octets end with the second line");

struct memo {
	struct question_secret secret;   /* of the server */
	uint64_t view;                   /* of the entries up to `used` */
	unsigned next;                   /* the entry that is taken next */
	struct set sets[MEMO_SETS];
	struct entry entries[MEMO_ENTRIES];
};

int memo_new(struct memo **result, const struct question_secret *secret)
{
	struct memo *memo = mmap(NULL, sizeof *memo, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memo == MAP_FAILED)
		return MIST_ENOMEM;
	memo->secret = *secret;
	memo->next = 1;
	*result = memo;
	return MIST_OK;
}

void memo_free(struct memo *memo)
{
	if (memo)
		munmap(memo, sizeof *memo);
}

/* ---- hashing ---- */

static inline uint32_t shape_of(const struct question *question)
{
	return (uint32_t)question->type << 8 | question->len;
}

static inline struct set *set_of(struct memo *memo, uint64_t hash) { return &memo->sets[hash % MEMO_SETS]; }
static inline uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 48); }

/* The way with a tag, or WAYS. */
static inline unsigned find_way(const struct set *set, uint32_t tag)
{
	unsigned way = 0;
	while (way < WAYS && set->ways[way] >> TAG_SHIFT != tag)
		way++;
	return way;
}

/* ---- remembering ---- */

static inline bool same_name(const uint8_t *a, const uint8_t *b, unsigned len)
{
	const uint8_t *end = a + len;
	do
		if (memcmp(a, b, NAME_BLOCK) != 0)
			return false;
	while (b += NAME_BLOCK, (a += NAME_BLOCK) < end);
	return true;
}

static inline bool is_entry_of(const struct entry *entry, uint64_t view, const struct question *question)
{
	return entry->view == view && entry->shape == shape_of(question) &&
	       same_name(entry->name, question->name, question->len);
}

static unsigned take_entry(struct memo *memo, const struct view *view)
{
	if (memo->view != view->number) {
		memo->view = view->number;
		memo->next = 1;
	}
	const unsigned number = memo->next++;
	if (memo->next == MEMO_ENTRIES)
		memo->next = 1;
	return number;
}

/* A way to lead to the entry `number`: one that was lost, or any. */
static unsigned choose_way(const struct set *set, unsigned number)
{
	for (unsigned i = 0; i < KNOWN; i++) {
		if (!(set->ways[i] & NUMBER))
			return i;
	}
	return number % KNOWN;
}

static void fill(struct memo *memo, unsigned number, const struct view *view, const struct question *question,
                 const struct lead *lead)
{
	struct entry *entry = &memo->entries[number];
	entry->view = view->number;
	entry->shape = shape_of(question);
	entry->lead = *lead;
	memcpy(entry->name, question->name, MEMO_NAME_MAX);
}

/* Finds, and remembers what the memo did not have; `way` has the tag, or is WAYS. Kept out of memo_lead(), which
 * would save registers for it each time. */
__attribute__((noinline))
static void find_out(struct memo *memo, const struct view *view, const struct request *request, uint64_t hash,
                     unsigned way, struct lead *lead)
{
	struct set *set = set_of(memo, hash);
	const uint32_t tag = tag_of(hash);
	lead_find(view, &request->key, request->question.type, lead);
	if (lead->route.kind != ROUTE_LOCAL)
		return; /* nothing would be gained (docs/PERFORMANCE.md) */
	if (way == WAYS) { /* the first time */
		set->ways[KNOWN + tag % (WAYS - KNOWN)] = tag << TAG_SHIFT;
	} else if (set->ways[way] & NUMBER) { /* for this view too, or its entry is another's by now */
		set->ways[way] = tag << TAG_SHIFT;
	} else {
		const unsigned number = take_entry(memo, view);
		fill(memo, number, view, &request->question, lead);
		set->ways[way] = 0;
		set->ways[way < KNOWN ? way : choose_way(set, number)] = tag << TAG_SHIFT | number;
	}
}

void memo_lead(struct memo *memo, const struct view *view, struct request *request, struct lead *lead)
{
	const struct question *question = &request->question;
	if (!memo || question->len > MEMO_NAME_MAX) {
		lead_find(view, &request->key, question->type, lead);
		return;
	}
	if (!request->hash)
		request->hash = question_hash(&memo->secret, question);
	const uint64_t hash = request->hash;
	const struct set *set = set_of(memo, hash);
	const unsigned way = find_way(set, tag_of(hash));
	const struct entry *entry = &memo->entries[way < WAYS ? set->ways[way] & NUMBER : 0];
	if (is_entry_of(entry, view->number, question))
		*lead = entry->lead;
	else
		find_out(memo, view, request, hash, way, lead);
}

/* ---- reading ahead ---- */

uint64_t memo_hash(struct memo *memo, const struct question *question)
{
	const uint64_t hash = question_hash(&memo->secret, question);
	__builtin_prefetch(set_of(memo, hash));
	return hash;
}

const struct lead *memo_likely(struct memo *memo, uint64_t hash)
{
	const struct set *set = set_of(memo, hash);
	const unsigned way = find_way(set, tag_of(hash));
	if (way == WAYS || !(set->ways[way] & NUMBER))
		return NULL;
	const struct entry *entry = &memo->entries[set->ways[way] & NUMBER];
	for (const char *line = (const char *)entry; line < (const char *)(entry + 1); line += 64)
		__builtin_prefetch(line);
	return &entry->lead;
}
