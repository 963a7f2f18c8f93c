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
#include <sys/random.h>

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
	uint16_t type;
	uint8_t name_len;
	struct lead lead;
	uint8_t name[MEMO_NAME_MAX];     /* in whole blocks, as in struct question */
};
static_assert(sizeof(struct entry) == 192, "names of up to 40 octets end with the second line");

struct memo {
	uint64_t secret[3];              /* strangers choose the names: they must not choose the set */
	uint64_t view;                   /* of the entries up to `used` */
	unsigned next;                   /* the entry that is taken next */
	struct set sets[MEMO_SETS];
	struct entry entries[MEMO_ENTRIES];
};

int memo_new(struct memo **result)
{
	struct memo *memo = mmap(NULL, sizeof *memo, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memo == MAP_FAILED)
		return MIST_ENOMEM;
	if (getrandom(memo->secret, sizeof memo->secret, 0) != sizeof memo->secret) {
		munmap(memo, sizeof *memo);
		return MIST_ENOMEM;
	}
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

static inline uint64_t load(const uint8_t *octets)
{
	uint64_t word;
	memcpy(&word, octets, sizeof word);
	return word;
}

/* Both halves of a product: each bit of it depends on all lower ones of both factors, one half on the
 * others. Two factors that nobody knows, for each 16 octets. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	const unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keyed, so that collisions cannot be prepared. Should somebody learn of some all the same: they cost
 * him the memo for these names, and nobody more than the walk. */
static inline uint64_t hash_question(const struct memo *memo, const struct question *question)
{
	uint64_t hash = memo->secret[0] ^ ((uint64_t)question->type << 8 | question->len);
	for (unsigned at = 0; at < question->len; at += NAME_BLOCK)
		hash = mix(load(question->name + at) ^ memo->secret[1], load(question->name + at + 8) ^ hash);
	return mix(hash, memo->secret[2]);
}

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
	uint64_t differ = 0;
	for (unsigned at = 0; at < len; at += NAME_BLOCK)
		differ |= (load(a + at) ^ load(b + at)) | (load(a + at + 8) ^ load(b + at + 8));
	return differ == 0;
}

static inline bool is_entry_of(const struct entry *entry, uint64_t view, const struct question *question)
{
	return entry->view == view && entry->type == question->type && entry->name_len == question->len &&
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

/* After a miss; `way` has the tag, or is WAYS. */
static void remember(struct memo *memo, const struct view *view, const struct question *question, struct set *set,
                     unsigned way, uint32_t tag, const struct lead *lead)
{
	if (way == WAYS)
		way = KNOWN + tag % (WAYS - KNOWN);
	else if (!(set->ways[way] & NUMBER)) { /* seen before */
		const unsigned number = take_entry(memo, view);
		struct entry *entry = &memo->entries[number];
		*entry = (struct entry){ .view = view->number, .type = question->type, .name_len = question->len,
		                         .lead = *lead };
		memcpy(entry->name, question->name, MEMO_NAME_MAX);
		if (way >= KNOWN) {
			set->ways[way] = 0;
			way = choose_way(set, number);
		}
		set->ways[way] = tag << TAG_SHIFT | number;
		return;
	}
	/* Else the entry is of another view, or another's by now: this is the first time. */
	set->ways[way] = tag << TAG_SHIFT;
}

void memo_lead(struct memo *memo, const struct view *view, const struct request *request, struct lead *lead)
{
	const struct question *question = &request->question;
	if (!memo || question->len > MEMO_NAME_MAX) {
		lead_find(view, &request->key, question->type, lead);
		return;
	}
	const uint64_t hash = request->hash ? request->hash : hash_question(memo, question);
	struct set *set = &memo->sets[hash % MEMO_SETS];
	const uint32_t tag = tag_of(hash);
	const unsigned way = find_way(set, tag);
	if (way < WAYS) {
		const struct entry *entry = &memo->entries[set->ways[way] & NUMBER];
		if (is_entry_of(entry, view->number, question)) {
			*lead = entry->lead;
			return;
		}
	}
	lead_find(view, &request->key, question->type, lead);
	remember(memo, view, question, set, way, tag, lead);
}

/* ---- reading ahead ---- */

uint64_t memo_hash(const struct memo *memo, const struct question *question)
{
	const uint64_t hash = hash_question(memo, question);
	__builtin_prefetch(&memo->sets[hash % MEMO_SETS]);
	return hash;
}

const struct lead *memo_likely(const struct memo *memo, uint64_t hash)
{
	const struct set *set = &memo->sets[hash % MEMO_SETS];
	const unsigned way = find_way(set, tag_of(hash));
	if (way == WAYS || !(set->ways[way] & NUMBER))
		return NULL;
	const struct entry *entry = &memo->entries[set->ways[way] & NUMBER];
	for (const char *line = (const char *)entry; line < (const char *)(entry + 1); line += 64)
		__builtin_prefetch(line);
	return &entry->lead;
}
