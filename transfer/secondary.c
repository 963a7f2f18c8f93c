/* See secondary.h. */
#include "transfer/secondary.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "content/store.h"
#include "core/report.h"
#include "dnssec/keyring.h"
#include "transfer/primary.h"

static uint64_t clock_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static uint32_t bounded(uint32_t seconds)
{
	return seconds < SECONDARY_LEAST_S ? SECONDARY_LEAST_S
	     : seconds > SECONDARY_MOST_S ? SECONDARY_MOST_S : seconds;
}

/* Up to a tenth less, so that zones that were loaded together do not ask together for ever. */
static uint64_t with_jitter(uint64_t ms)
{
	uint32_t random = 0;
	(void)!getrandom(&random, sizeof(random), 0);
	return ms - ms / 10 * (random & 1023) / 1024;
}

/* ------------------------------------------------------------------------------------------------
 * What is known
 */

static void take_timers(struct secondary *secondary, const struct zone *zone)
{
	const uint8_t *numbers = zone->soa->wire + zone->soa->len - 20;
	secondary->refresh_s = wire_get32(numbers + 4);
	secondary->retry_s = wire_get32(numbers + 8);
	secondary->expire_s = wire_get32(numbers + 12);
}

void secondary_describe(struct secondary *secondary, const struct secondary_zone *zone, bool fresh,
                        uint64_t now_ms, uint64_t now_s)
{
	struct access *access = secondary->access;
	struct keyring *keyring = secondary->keyring;
	name_copy(secondary->name, zone->name);
	secondary->member = zone->member;
	secondary->catalog = zone->catalog;
	secondary->access = access_hold(zone->access);
	secondary->keyring = keyring_hold(zone->keyring);
	access_release(access);
	keyring_release(keyring);
	/* Signed here, it has delegations of names that are forwarded and of zones inside it: others, perhaps, than
	 * when it came. */
	secondary->whole = !zone->as_it_comes;
	const bool other = secondary->as_it_comes != zone->as_it_comes || secondary->there != zone->there ||
	                   (zone->there && secondary->serial != zone->serial);
	secondary->as_it_comes = zone->as_it_comes;
	secondary->turn = 0;
	secondary->due_ms = now_ms;
	if (!fresh && !other)
		return;
	secondary->there = zone->there;
	secondary->expired = false;
	secondary->serial = zone->serial;
	secondary->refresh_s = zone->refresh_s;
	secondary->retry_s = zone->retry_s;
	secondary->expire_s = zone->expire_s;
	if (!fresh)
		return;
	secondary->checked_s = zone->checked_s;
	const uint64_t age_ms = now_s > zone->checked_s ? (now_s - zone->checked_s) * 1000 : 0;
	secondary->checked_ms = now_ms - age_ms; /* below 0, before the machine started: expires_ms() adds modulo 2^64 */
}

static void drop_unwritten(struct secondary *secondary)
{
	if (secondary->unwritten)
		zone_release(secondary->unwritten);
	secondary->unwritten = NULL;
}

void secondary_free(struct secondary *secondary)
{
	drop_unwritten(secondary);
	access_release(secondary->access);
	keyring_release(secondary->keyring);
}

static uint64_t expires_ms(const struct secondary *secondary)
{
	if (!secondary->there || secondary->expired)
		return UINT64_MAX;
	const uint64_t ends_ms = secondary->checked_ms + (uint64_t)secondary->expire_s * 1000;
	return ends_ms > INT64_MAX ? 0 : ends_ms;
}

uint64_t secondary_due_ms(const struct secondary *secondary)
{
	uint64_t due_ms = secondary->due_ms;
	const uint64_t ends_ms = expires_ms(secondary);
	if (ends_ms < due_ms)
		due_ms = ends_ms;
	if (secondary->unwritten && secondary->written_ms < due_ms)
		due_ms = secondary->written_ms;
	return due_ms;
}

/* ------------------------------------------------------------------------------------------------
 * Saying what happens
 */

static void address_text(const struct upstream_address *address, char text[80])
{
	char host[INET6_ADDRSTRLEN] = "?";
	inet_ntop(address->family, address->octets, host, sizeof(host));
	snprintf(text, 80, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, address->port);
}

/* Once, until it is something else; of several that fail in turn, the first time only. */
static void note_error(struct secondary *secondary, const struct secondary_host *host,
                       const struct upstream_address *address, const char *why)
{
	char text[sizeof(secondary->error)], from[80], name[NAME_TEXT_MAX];
	address_text(address, from);
	snprintf(text, sizeof(text), "primary %s: %s", from, why);
	const bool known = secondary->failures && (secondary->access->primary_count > 1 ||
	                                           !strcmp(text, secondary->error));
	memcpy(secondary->error, text, sizeof(text));
	if (known)
		return;
	name_to_text(name, secondary->name);
	report(host->reporter, MIST_LEVEL_WARNING, NULL, 0, "zone %s: %s", name, text);
}

/* ------------------------------------------------------------------------------------------------
 * Publishing
 */

static int publish(struct secondary *secondary, const struct secondary_host *host, struct news *news,
                   char why[IN_WHY_MAX])
{
	struct edit *edit;
	name_copy(news->zone, secondary->name);
	news->member = secondary->member;
	int error = news_edit(&edit, news);
	if (error)
		return error;
	host->commit(host->context, edit);
	error = edit->error;
	if (error)
		snprintf(why, IN_WHY_MAX, "%s", edit_reason(edit));
	edit_free(edit);
	return error;
}

/* False: it is a broken catalog. What it listed last is what a restart is to find on disk. */
static bool is_to_be_kept(struct secondary *secondary, const struct secondary_host *host)
{
	char name[NAME_TEXT_MAX];
	secondary->broken[0] = 0;
	if (!secondary->catalog || host->list(host->context, secondary->name, secondary->broken))
		return true;
	name_to_text(name, secondary->name);
	report(host->reporter, MIST_LEVEL_ERROR, NULL, 0, "catalog %s is broken, and its members stay as they are: %s",
	       name, secondary->broken);
	return false;
}

/* The version that came of it is the one that counts, and has to be written. */
static void take_version(struct secondary *secondary, const struct secondary_host *host, struct news *news)
{
	struct zone *version = news->version;
	if (news->kind != NEWS_SAME)
		secondary->serial = news->serial;
	secondary->there = true;
	secondary->expired = false;
	if (!version)
		return;
	take_timers(secondary, version);
	if (!is_to_be_kept(secondary, host)) {
		zone_release(version);
		return;
	}
	drop_unwritten(secondary);
	secondary->unwritten = version;
	secondary->unwritten_serial = secondary->serial;
}

/* False: it is not on disk, and will be tried again. It said why. */
static bool save(struct secondary *secondary, const struct secondary_host *host)
{
	if (host->directory && store_write(host->directory, secondary->unwritten, secondary->unwritten_serial,
	                                   secondary->checked_s, host->reporter))
		return false;
	drop_unwritten(secondary);
	return true;
}

void secondary_save(struct secondary *secondary, const struct secondary_host *host)
{
	if (secondary->unwritten)
		(void)save(secondary, host);
}

static void write_file(struct secondary *secondary, const struct secondary_host *host)
{
	const uint64_t begun_ms = clock_ms();
	const bool saved = save(secondary, host);
	const uint64_t now_ms = clock_ms();
	secondary->written_ms = now_ms + (saved ? (now_ms - begun_ms) * SECONDARY_WRITE_SHARE : SECONDARY_WRITE_AGAIN_MS);
}

/* ------------------------------------------------------------------------------------------------
 * Asking
 */

static int transfer(struct secondary *secondary, const struct secondary_host *host,
                    struct primary *primary, bool changes)
{
	const struct in_options options = { .zone = secondary->name, .changes = changes,
	                                    .serial = secondary->serial, .key = primary->key,
	                                    .as_it_comes = secondary->as_it_comes };
	struct in in;
	int error = in_begin(&in, &options);
	if (!error)
		error = primary_transfer(primary, &in);
	if (!error)
		error = in_finish(&in);
	if (error && in.why[0])
		memcpy(primary->why, in.why, sizeof(in.why));
	struct news news = { .serial = in.serial, .whole = in.whole, .changes = &in.changes,
	                     .from = options.serial,
	                     .kind = in.whole ? NEWS_WHOLE : in.has_changes ? NEWS_CHANGES : NEWS_SAME };
	if (!error) {
		error = publish(secondary, host, &news, primary->why);
		in.whole = news.whole;
	}
	if (!error)
		take_version(secondary, host, &news);
	if (!error && news.kind != NEWS_SAME)
		atomic_fetch_add(news.kind == NEWS_WHOLE ? &host->counters->wholes : &host->counters->changes, 1);
	in_free(&in);
	return error;
}

/* Changes if they are to be had, else the whole. */
static int follow(struct secondary *secondary, const struct secondary_host *host, struct primary *primary)
{
	const bool changes = secondary->there && !secondary->expired && !secondary->whole;
	int error = MIST_EMISMATCH;
	if (changes)
		error = transfer(secondary, host, primary, true);
	/* What was not believed, not understood or not wanted as changes may still be as a whole; and some primaries close the
	 * connection, or say nothing, when they are asked for changes. */
	if (error == MIST_EMISMATCH || error == MIST_EREFUSED || error == MIST_ERECORD || error == MIST_EZONE ||
	    error == MIST_ELIMIT || (changes && (error == MIST_ENETWORK || error == MIST_ETIMEOUT))) {
		primary->why[0] = 0;
		error = transfer(secondary, host, primary, false);
	}
	if (!error)
		secondary->whole = false;
	return error;
}

static int confirm(struct secondary *secondary, const struct secondary_host *host, char why[IN_WHY_MAX])
{
	struct news news = { .kind = NEWS_SAME, .serial = secondary->serial };
	if (!secondary->expired)
		return MIST_OK;
	int error = publish(secondary, host, &news, why);
	if (!error)
		take_version(secondary, host, &news);
	return error;
}

static int ask(struct secondary *secondary, const struct secondary_host *host,
               const struct access_target *target, struct primary *primary)
{
	uint32_t serial;
	*primary = (struct primary){ .address = target->address, .zone = secondary->name, .stop = host->stop,
	                             .until_ms = expires_ms(secondary) };
	primary->key = target->key[0] && secondary->keyring ? keyring_find(secondary->keyring, target->key) : NULL;
	if (target->key[0] && !primary->key) { /* contents see to it that there is one */
		snprintf(primary->why, sizeof(primary->why), "its key is not known");
		return MIST_EKEY;
	}
	int error = primary_serial(primary, &serial);
	if (error)
		return error;
	const int32_t ahead = (int32_t)(serial - secondary->serial);
	if (secondary->there && !secondary->expired && ahead < 0) {
		snprintf(primary->why, sizeof(primary->why), "its serial %u lies behind ours, %u", serial,
		         secondary->serial);
		return MIST_EMISMATCH;
	}
	/* What has expired does not count any more, and may go back. */
	if (!secondary->there || secondary->whole || ahead != 0)
		return follow(secondary, host, primary);
	return confirm(secondary, host, primary->why);
}

static void went_well(struct secondary *secondary, const struct secondary_host *host,
                      const struct upstream_address *address)
{
	char name[NAME_TEXT_MAX], from[80];
	if (secondary->error[0]) {
		name_to_text(name, secondary->name);
		address_text(address, from);
		report(host->reporter, MIST_LEVEL_INFO, NULL, 0, "zone %s: primary %s answers again", name, from);
	}
	secondary->error[0] = 0;
	secondary->from = *address;
	secondary->failures = 0;
	atomic_fetch_add(&host->counters->checks, 1);
	secondary->checked_s = (uint64_t)time(NULL);
	secondary->checked_ms = clock_ms();
	secondary->due_ms = secondary->checked_ms + with_jitter((uint64_t)bounded(secondary->refresh_s) * 1000);
	if (host->directory && !secondary->unwritten)
		store_checked(host->directory, secondary->name, secondary->checked_s);
}

static void went_wrong(struct secondary *secondary, const struct secondary_host *host)
{
	const unsigned doubled = secondary->failures < 16 ? secondary->failures : 16;
	uint64_t wait_s = secondary->there ? bounded(secondary->retry_s) : UINT64_C(1) << doubled;
	if (!secondary->there && wait_s > SECONDARY_FIRST_MOST_S)
		wait_s = SECONDARY_FIRST_MOST_S;
	secondary->failures++;
	atomic_fetch_add(&host->counters->failures, 1);
	secondary->due_ms = clock_ms() + with_jitter(wait_s * 1000);
}

static void expire(struct secondary *secondary, const struct secondary_host *host)
{
	char why[IN_WHY_MAX], name[NAME_TEXT_MAX];
	struct news news = { .kind = NEWS_EXPIRED };
	if (clock_ms() < expires_ms(secondary))
		return;
	if (publish(secondary, host, &news, why)) { /* no memory */
		secondary->checked_ms += 1000;
		return;
	}
	secondary->expired = true;
	name_to_text(name, secondary->name);
	report(host->reporter, MIST_LEVEL_ERROR, NULL, 0, "zone %s has expired: %s; it answers SERVFAIL until a primary "
	       "answers", name, secondary->error[0] ? secondary->error : "no primary has confirmed it");
}

/* All primaries in turn, until one knows. None is waited for beyond the zone's end, which then comes first. */
static void ask_all(struct secondary *secondary, const struct secondary_host *host)
{
	const struct access *access = secondary->access;
	struct primary primary;
	for (size_t i = 0; i < access->primary_count; i++) {
		const struct access_target *target = &access->primary[(secondary->turn + i) % access->primary_count];
		expire(secondary, host);
		int error = ask(secondary, host, target, &primary);
		if (!error) {
			secondary->turn = (secondary->turn + i) % access->primary_count;
			went_well(secondary, host, &target->address);
			return;
		}
		if (error == MIST_EBUSY || error == MIST_ENOTFOUND)
			break; /* all ends, or it is no zone any more */
		note_error(secondary, host, &target->address, primary.why[0] ? primary.why : mist_strerror(error));
	}
	went_wrong(secondary, host);
}

void secondary_notice(struct secondary *secondary, uint64_t now_ms)
{
	const uint64_t soon_ms = secondary->asked_ms + SECONDARY_PAUSE_MS;
	const uint64_t due_ms = now_ms > soon_ms ? now_ms : soon_ms;
	if (due_ms < secondary->due_ms)
		secondary->due_ms = due_ms;
}

void secondary_work(struct secondary *secondary, const struct secondary_host *host)
{
	expire(secondary, host);
	if (clock_ms() >= secondary->due_ms)
		ask_all(secondary, host);
	expire(secondary, host);
	secondary->asked_ms = clock_ms();
	if (secondary->unwritten && clock_ms() >= secondary->written_ms)
		write_file(secondary, host);
}
