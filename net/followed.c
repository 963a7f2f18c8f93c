/* See followed.h. */
#include "net/followed.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "content/store.h"

static uint64_t clock_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static uint64_t clock_s(void)
{
	return (uint64_t)time(NULL);
}

static void drop_description(struct followed *followed)
{
	if (followed->described)
		secondary_zone_release(&followed->description);
	followed->described = false;
}

struct followed *followed_new(const struct secondary_zone *zone)
{
	struct followed *followed = calloc(1, sizeof *followed);

	if (!followed)
		return NULL;
	secondary_describe(&followed->secondary, zone, true, clock_ms(), clock_s());
	followed_note(followed);
	return followed;
}

void followed_free(struct followed *followed)
{
	drop_description(followed);
	secondary_free(&followed->secondary);
	free(followed);
}

void followed_note(struct followed *followed)
{
	const struct secondary *secondary = &followed->secondary;
	struct follower_status *status = &followed->status;
	const uint64_t now_ms = clock_ms(), due_ms = secondary_due_ms(secondary);

	*status = (struct follower_status){
		.there = secondary->there, .serial = secondary->serial,
		.checked_s = secondary->checked_s,
		.next_s = clock_s() + (due_ms > now_ms ? (due_ms - now_ms) / 1000 : 0),
	};
	if (secondary->there)
		status->expires_s = secondary->checked_s + secondary->expire_s;
	if (secondary->from.family) {
		char host[INET6_ADDRSTRLEN] = "?";
		inet_ntop(secondary->from.family, secondary->from.octets, host, sizeof host);
		snprintf(status->primary, sizeof status->primary,
		         secondary->from.family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, secondary->from.port);
	}
	if (secondary->error[0])
		snprintf(status->error, sizeof status->error, "%s", secondary->error);
	else if (secondary->broken[0])
		snprintf(status->error, sizeof status->error, "broken: %s", secondary->broken);
}

/* ---- descriptions ---- */

static uint64_t member_of(const struct followed *followed)
{
	return followed->described ? followed->description.member : followed->secondary.member;
}

bool followed_is_described(const struct followed *followed, const struct secondary_zone *zone)
{
	const struct secondary_zone *last = &followed->description;
	const struct secondary *secondary = &followed->secondary;

	return followed->described ? last->access == zone->access && last->as_it_comes == zone->as_it_comes
	                           : secondary->access == zone->access && secondary->as_it_comes == zone->as_it_comes;
}

void followed_describe(struct followed *followed, const struct secondary_zone *zone)
{
	if (!followed->busy) {
		secondary_describe(&followed->secondary, zone, false, clock_ms(), clock_s());
		return;
	}
	drop_description(followed);
	followed->description = *zone;
	secondary_zone_hold(zone);
	followed->described = true;
}

bool followed_is_another(const struct followed *followed, const struct secondary_zone *zone)
{
	return zone->member && zone->member != member_of(followed);
}

static void begin(struct followed *followed, const struct secondary_zone *zone)
{
	secondary_free(&followed->secondary);
	followed->secondary = (struct secondary){ .there = false };
	secondary_describe(&followed->secondary, zone, true, clock_ms(), clock_s());
}

void followed_begin_anew(struct followed *followed, const struct secondary_zone *zone, const char *directory)
{
	if (followed->busy) {
		followed->drop = true;
		followed_describe(followed, zone);
		return;
	}
	if (directory)
		store_remove(directory, followed->secondary.name);
	begin(followed, zone);
	followed_note(followed);
}

void followed_drop(struct followed *followed, const char *directory)
{
	if (!member_of(followed))
		return;
	if (followed->busy)
		followed->drop = true;
	else if (directory)
		store_remove(directory, followed->secondary.name);
}

/* ---- what waited ---- */

void followed_ended(struct followed *followed, const char *directory)
{
	followed->busy = false;
	if (followed->drop && directory)
		store_remove(directory, followed->secondary.name);
	if (followed->drop && followed->described)
		begin(followed, &followed->description);
	else if (followed->described)
		secondary_describe(&followed->secondary, &followed->description, false, clock_ms(), clock_s());
	drop_description(followed);
	if (followed->noticed)
		secondary_notice(&followed->secondary, clock_ms());
	followed->noticed = followed->drop = false;
	followed_note(followed);
}
