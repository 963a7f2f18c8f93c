/*
 * Signing zones; see sign.h. A zone is walked once to list what is to be signed (batch.h signs it
 * on all cores), then the signed sets are put in its place.
 */
#include "dnssec/sign.h"

#include <stdlib.h>
#include <string.h>

#include "core/wire.h"
#include "dnssec/batch.h"
#include "dnssec/chain.h"

/* ------------------------------------------------------------------------------------------------
 * Serials
 */

/* The SOA set with another serial, unsigned. */
static struct rrset *soa_with(const struct rrset *soa, uint32_t serial)
{
	struct rrset *copy = rrset_signed(soa, NULL, 0);
	if (!copy)
		return NULL;
	uint8_t *rdata = copy->wire + RRSET_FIXED;
	size_t at = name_len(rdata); /* MNAME, then RNAME, then the serial (RFC 1035 section 3.3.13) */
	at += name_len(rdata + at);
	wire_set32(rdata + at, serial);
	return copy;
}

static int put_soa(struct zone *zone, struct rrset *soa, uint32_t serial)
{
	if (!soa)
		return MIST_ENOMEM;
	int error = zone_put(zone, zone->name, soa);
	if (!error)
		zone->serial = serial;
	return error;
}

int sign_serial(struct zone *zone, uint32_t serial)
{
	return put_soa(zone, soa_with(zone->soa, serial), serial);
}

/* ------------------------------------------------------------------------------------------------
 * The whole zone
 */

static int put_record(struct zone *zone, uint16_t type, const uint8_t *rdata, size_t len)
{
	_Bool too_large = false;
	const struct rrset *old = node_rrset(zone->apex, type);
	struct rrset *set = rrset_with(old, type, zone->soa->ttl, rdata, (uint16_t)len, &too_large);
	if (!set)
		return too_large ? MIST_EZONE : MIST_ENOMEM;
	return zone_put(zone, zone->name, set);
}

/* DNSKEY, and for a parent that wants to take the key over by itself CDS and CDNSKEY (RFC 7344). */
static int put_keys(struct zone *zone, const struct signing *signing)
{
	uint8_t rdata[DNSKEY_LEN_MAX], ds[36];
	size_t len = key_dnskey(signing->key, rdata);
	int error = put_record(zone, TYPE_DNSKEY, rdata, len);
	if (error || !signing->cds)
		return error;
	size_t ds_len = key_ds(signing->key, ds);
	error = ds_len ? put_record(zone, TYPE_CDS, ds, ds_len) : MIST_ECRYPTO;
	return error ? error : put_record(zone, TYPE_CDNSKEY, rdata, len);
}

/* The walk of a zone that is signed for the first time. */
struct whole {
	struct zone *zone;
	struct batch batch;
	size_t last_nsec;            /* the job whose `next` waits for the next name; count: none */
};

static int list_node(void *user, const struct node *node)
{
	struct whole *whole = user;
	struct batch *batch = &whole->batch;
	if (!chain_has(node))
		return 0;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (!chain_signs(node, node->rrsets[i]->type))
			continue;
		struct batch_job job = { .node = node, .set = node->rrsets[i] };
		int error = sign_batch_add(batch, &job);
		if (error)
			return error;
	}
	if (whole->last_nsec < batch->count)
		batch->jobs[whole->last_nsec].next = node->name;
	whole->last_nsec = batch->count;
	return sign_batch_add(batch, &(struct batch_job){ .node = node, .next = whole->zone->name });
}

int sign_zone(struct zone *zone, const struct signing *signing, uint64_t *made)
{
	struct whole whole = { .zone = zone, .last_nsec = SIZE_MAX };
	uint32_t cap = sign_batch_ttl_cap(signing);
	if (zone->negative_ttl > cap)
		zone->negative_ttl = cap;
	int error = put_keys(zone, signing);
	if (!error)
		error = zone_each(zone, list_node, &whole);
	if (!error)
		error = sign_batch_sign(&whole.batch, zone, signing);
	if (!error)
		error = sign_batch_put(&whole.batch, zone);
	if (!error) {
		zone->is_signed = true;
		*made = whole.batch.count;
	}
	sign_batch_free(&whole.batch);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * Renewal
 */

static int find_due(void *user, const struct node *node)
{
	uint32_t *due = user;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		uint32_t this = sign_set_due(node->rrsets[i]);
		*due = this < *due ? this : *due;
	}
	return 0;
}

uint32_t sign_due(const struct zone *zone)
{
	uint32_t due = UINT32_MAX;
	if (zone->is_signed && !zone->presigned)
		zone_each(zone, find_due, &due);
	return due;
}

struct renewal {
	struct batch batch;
	uint32_t until_s;
};

static int list_due(void *user, const struct node *node)
{
	struct renewal *renewal = user;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = node->rrsets[i];
		bool soa = set->type == TYPE_SOA && node->flags & NODE_APEX;
		if (soa || !set->sig_count || sign_set_due(set) > renewal->until_s)
			continue;
		struct batch_job job = { .node = node, .set = set };
		int error = sign_batch_add(&renewal->batch, &job);
		if (error)
			return error;
	}
	return 0;
}

int sign_renew(struct zone **renewed, struct zone *zone, const struct signing *signing,
               uint32_t ahead_s, uint32_t serial, uint64_t *made)
{
	struct renewal renewal = { .until_s = signing->now_s + ahead_s };
	struct zone *fork = NULL;
	struct rrset *soa = soa_with(zone->soa, serial);
	int error = soa ? sign_batch_add(&renewal.batch,
	                            &(struct batch_job){ .node = zone->apex, .set = soa })
	                : MIST_ENOMEM;
	if (!error)
		error = zone_each(zone, list_due, &renewal);
	if (!error)
		error = sign_batch_sign(&renewal.batch, zone, signing);
	if (!error)
		error = zone_fork(&fork, zone);
	if (!error)
		error = sign_batch_put(&renewal.batch, fork);
	if (!error) {
		fork->serial = serial;
		*renewed = fork;
		*made = renewal.batch.count;
	} else if (fork) {
		zone_release(fork);
	}
	sign_batch_free(&renewal.batch);
	free(soa);
	return error;
}
