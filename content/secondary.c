/* Secondary zones become versions; see secondary.h. */
#include "content/secondary.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "content/apply.h"
#include "content/parts.h"
#include "content/reload.h"
#include "content/serial.h"
#include "content/store.h"
#include "core/history.h"
#include "core/report.h"
#include "dnssec/keyring.h"
#include "dnssec/sign.h"

/* ------------------------------------------------------------------------------------------------
 * From the file
 */

struct loading {
	struct zone *zone;
	const struct mist_reporter *reporter;
};

static int load_record(void *user, const struct mist_record *record)
{
	struct loading *loading = user;
	return zone_add(loading->zone, record, loading->reporter);
}

static bool has_expired(const struct zone *zone, uint64_t checked_s, uint64_t now_s)
{
	const struct rrset *soa = node_rrset(zone->apex, TYPE_SOA);
	return !soa || checked_s + wire_get32(soa->wire + soa->len - 8) <= now_s;
}

bool content_load_secondary(struct mist_zone *zone, const struct mist_reporter *reporter)
{
	const char *directory = zone->content->options.state_directory;
	struct loading loading = { .reporter = reporter };
	const char *why = "it was not transferred yet";

	if (zone->zone->failed)
		return false;
	int error = directory ? zone_new(&loading.zone, zone->zone->name) : MIST_ENOTFOUND;
	if (!error) {
		content_describe(loading.zone, zone->zone);
		loading.zone->presigned = zone->dnssec == MIST_DNSSEC_PRESIGNED;
		error = store_read(directory, zone->zone->name, &zone->checked_s, load_record, &loading, reporter);
	}
	/* Members outlive their catalog, and it expires in due form, once the server runs. */
	if (!error && !zone->groups && has_expired(loading.zone, zone->checked_s, (uint64_t)time(NULL))) {
		why = "its last version has expired";
		error = MIST_ENOTFOUND;
	}
	if (!error) {
		zone_release(zone->zone);
		zone->zone = loading.zone;
		return true;
	}
	if (loading.zone)
		zone_release(loading.zone);
	zone_fail(zone->zone, why);
	return false;
}

/* ------------------------------------------------------------------------------------------------
 * What there is
 */

/* The last version that was good. */
static struct zone *good_version(const struct mist_zone *zone)
{
	return zone->zone->failed ? zone->kept : zone->zone;
}

int content_secondaries(const struct mist_content *content,
                        int (*visit)(void *user, const struct secondary_zone *zone), void *user)
{
	int result = 0;
	for (size_t i = 0; i < content->zone_count && !result; i++) {
		const struct mist_zone *zone = content->zones[i];
		const struct zone *good = good_version(zone);
		struct secondary_zone told = { .access = zone->zone->access, .keyring = content->keyring };
		if (!zone->secondary)
			continue;
		name_copy(told.name, zone->zone->name);
		told.member = zone->member;
		told.catalog = zone->groups != NULL;
		told.as_it_comes = zone->dnssec == MIST_DNSSEC_PRESIGNED;
		told.there = good != NULL;
		if (good) {
			const uint8_t *numbers = good->soa->wire + good->soa->len - 20;
			told.serial = zone->file_serial;
			told.refresh_s = wire_get32(numbers + 4);
			told.retry_s = wire_get32(numbers + 8);
			told.expire_s = wire_get32(numbers + 12);
			told.checked_s = zone->checked_s;
		}
		result = visit(user, &told);
	}
	return result;
}

void secondary_zone_hold(const struct secondary_zone *zone)
{
	access_hold(zone->access);
	keyring_hold(zone->keyring);
}

void secondary_zone_release(const struct secondary_zone *zone)
{
	access_release(zone->access);
	keyring_release(zone->keyring);
}

const char *content_state_directory(const struct mist_content *content)
{
	return content->options.read_only ? NULL : content->options.state_directory;
}

/* ------------------------------------------------------------------------------------------------
 * Versions
 */

struct making {
	struct mist_zone *zone;
	struct news *news;
	struct zone *good;           /* the version to go on from, or NULL */
	struct zone *next;
	struct mist_reporter reporter;
	uint32_t now_s;
};

static void hear(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	(void)file;
	(void)line;
	if (level == MIST_LEVEL_ERROR)
		edit_note(user, level, "%s", text);
}

static int fork_good(struct making *making)
{
	int error = zone_fork(&making->next, making->good);
	if (!error)
		content_describe(making->next, making->zone->zone);
	return error;
}

static struct zone *take_whole(struct news *news)
{
	struct zone *whole = news->whole;
	news->whole = NULL;
	return whole;
}

/* As it comes: what differs, or all of it. */
static int make_whole(struct making *making)
{
	struct zone *whole = making->news->whole;
	if (!making->good) {
		making->next = take_whole(making->news);
		content_describe(making->next, making->zone->zone);
		return MIST_OK;
	}
	int error = fork_good(making);
	if (!error)
		error = zone_patch_equal(making->next, making->good, whole);
	if (error)
		return error;
	making->next->is_signed = whole->is_signed;
	making->next->nsec3 = whole->nsec3;
	making->next->nsec3_params = whole->nsec3_params;
	making->next->nsec3_hash = whole->nsec3_hash;
	return MIST_OK;
}

/* A zone of its own: complete, with serial and signatures. */
static int finish_whole(struct making *making)
{
	struct mist_zone *zone = making->zone;
	struct zone *served = zone->zone;
	const uint32_t due_s = zone->due_s, signed_s = zone->signed_s;
	/* Above what was served, also where no serials are kept. */
	if (making->good && !serial_greater(zone->file_serial, making->good->serial))
		zone->file_serial = making->good->serial + 1;
	zone->zone = making->news->whole;
	int error = content_finish_zone(zone, making->now_s, &making->reporter);
	zone->zone = served;
	zone->next_due_s = zone->due_s;
	zone->due_s = due_s;
	zone->signed_s = signed_s;
	zone->finished = true;
	if (!error)
		making->next = take_whole(making->news);
	return error;
}

/* Signed here: like a file that was read again. */
static int sign_whole(struct making *making)
{
	struct mist_zone *zone = making->zone;
	struct zone *served = zone->zone, *whole = making->news->whole;
	/* An expired version cannot be signed on: it is in no view. */
	bool apart = !making->good || served->failed;

	content_describe(whole, served);
	zone->zone = whole;
	int error = content_complete_zone(zone, &making->reporter);
	zone->zone = served;
	if (!error)
		zone->file_serial = whole->serial;
	if (!error && !apart)
		error = reload_compare(zone, making->good, whole, &making->next, &apart);
	if (!error && !apart)
		content_describe(making->next, served);
	return error || !apart ? error : finish_whole(making);
}

static int make_changes(struct making *making)
{
	const bool as_it_comes = making->zone->dnssec == MIST_DNSSEC_PRESIGNED;
	if (!making->good || making->zone->file_serial != making->news->from)
		return MIST_EMISMATCH;
	int error = fork_good(making);
	if (!error)
		error = zone_patch_apply(making->news->changes, making->next, &making->reporter);
	if (!error && as_it_comes && making->next->serial != making->news->serial)
		error = MIST_EMISMATCH;
	if (!error && as_it_comes)
		error = sign_adopt_next(making->next, making->good, &making->reporter);
	return error;
}

static int make_failed(struct making *making)
{
	const struct zone *served = making->zone->zone;
	if (served->failed)
		return MIST_OK;
	int error = zone_new(&making->next, served->name);
	if (error)
		return error;
	content_describe(making->next, served);
	making->next->presigned = served->presigned;
	zone_fail(making->next, "it has expired: none of its primaries has confirmed it in time");
	return MIST_OK;
}

static int make_version(struct making *making)
{
	const bool as_it_comes = making->zone->dnssec == MIST_DNSSEC_PRESIGNED;
	int error;
	switch (making->news->kind) {
	case NEWS_WHOLE:
		error = as_it_comes ? make_whole(making) : sign_whole(making);
		break;
	case NEWS_CHANGES:
		error = make_changes(making);
		break;
	case NEWS_SAME:
		error = making->zone->zone->failed && making->good ? fork_good(making) : MIST_OK;
		making->zone->finished = true;
		making->zone->next_due_s = making->zone->due_s;
		break;
	default:
		error = make_failed(making);
		making->zone->finished = true;
	}
	making->zone->finished |= as_it_comes;
	return error;
}

static int make(struct edit *edit, struct mist_content *content, struct zone_list *changed)
{
	struct making making = { .news = edit->user, .reporter = { hear, edit }, .now_s = (uint32_t)time(NULL) };
	struct mist_zone *zone = making.zone = content_zone(content, making.news->zone);
	if (!zone || !zone->secondary || zone->member != making.news->member)
		return MIST_ENOTFOUND;
	if (zone->next)
		return MIST_EBUSY;
	/* A reload has decided meanwhile whether it is signed here: what was received was made for the other case. */
	if (making.news->kind == NEWS_WHOLE &&
	    making.news->whole->presigned != (zone->dnssec == MIST_DNSSEC_PRESIGNED))
		return MIST_EBUSY;
	const uint32_t primary_serial = zone->file_serial;
	making.good = good_version(zone);
	making.news->before = zone->zone;
	zone->finished = false;
	int error = make_version(&making);
	zone->file_serial = primary_serial; /* until it is accepted */
	if (!error && making.next)
		error = zone_list_add(changed, zone);
	if (!error && making.next) {
		zone->next = making.next;
		return MIST_OK;
	}
	zone->finished = false;
	if (making.next)
		zone_release(making.next);
	return error;
}

static void accepted(struct edit *edit, struct mist_content *content)
{
	struct news *news = edit->user;
	struct mist_zone *zone = content_zone(content, news->zone);
	if (news->kind == NEWS_WHOLE || news->kind == NEWS_CHANGES)
		zone->file_serial = news->serial;
	/* Who asked for the whole knew nothing of it, or less than there is: its timers, for one. */
	if ((zone->zone == news->before && news->kind != NEWS_WHOLE) || zone->zone->failed)
		return;
	news->version = zone->zone;
	zone_hold(news->version);
}

int news_edit(struct edit **edit, struct news *news)
{
	int error = edit_new(edit);
	if (error)
		return error;
	(*edit)->make = make;
	(*edit)->accepted = accepted;
	(*edit)->user = news;
	return MIST_OK;
}
