/*
 * Presigned zones: taken over as they are, after a look whether what answers need is there. Whether
 * the signatures are right only a validator can say; that they are missing we can say at load, not
 * when a client stumbles over it.
 */
#include "dnssec/sign.h"

#include <stdio.h>
#include <string.h>

#include "core/report.h"
#include "core/wire.h"
#include "core/zone_diff.h"
#include "dnssec/chain.h"
#include "dnssec/nsec3.h"

#define REPORTS_MAX 10 /* of one kind of trouble there may be a million */

struct adoption {
	struct zone *zone;
	const struct mist_reporter *reporter;
	unsigned problems;
};

static void problem(struct adoption *adoption, const uint8_t *owner, const char *what)
{
	char name[NAME_TEXT_MAX];
	if (adoption->problems++ >= REPORTS_MAX)
		return;
	name_to_text(name, owner);
	report(adoption->reporter, MIST_LEVEL_ERROR, adoption->zone->file, 0, "%s: %s", name, what);
}

/* NSEC3PARAM RDATA (RFC 5155 section 4.2), and the beginning of NSEC3 RDATA, which is the same but
 * for its flags. False: malformed. */
static bool parse_params(struct nsec3_params *params, uint8_t *flags, const struct record *record)
{
	struct reader r = reader_on(record->rdata, record->rdata_len);
	memset(params, 0, sizeof(*params));
	params->algorithm = reader_u8(&r);
	*flags = reader_u8(&r);
	params->iterations = reader_u16(&r);
	params->salt_len = reader_u8(&r);
	const uint8_t *salt = reader_take(&r, params->salt_len);
	if (salt)
		memcpy(params->salt, salt, params->salt_len);
	return !r.failed;
}

static bool same_params(const struct nsec3_params *a, const struct nsec3_params *b)
{
	return a->algorithm == b->algorithm && a->iterations == b->iterations &&
	       a->salt_len == b->salt_len && !memcmp(a->salt, b->salt, a->salt_len);
}

/* Is there an NSEC3 for the hash of that name? */
static const struct node *nsec3_node(const struct zone *zone, const uint8_t *name)
{
	uint8_t hash[NSEC3_HASH_LEN], owner[NAME_MAX];
	nsec3_hash(&zone->nsec3_params, name, hash);
	return nsec3_owner(owner, hash, zone) ? trie_get(&zone->nsec3_nodes, owner) : NULL;
}

static int check_nsec3(void *user, void *value)
{
	struct adoption *adoption = user;
	const struct node *node = value;
	const struct rrset *set = node_rrset(node, TYPE_NSEC3);
	struct nsec3_params params;
	struct record record;
	uint8_t flags;
	if (!set)
		return 0;
	for (size_t at = 0; rrset_next(set, set->len, &at, &record);) {
		if (!parse_params(&params, &flags, &record))
			problem(adoption, node->name, "malformed NSEC3 record");
		else if (!same_params(&params, &adoption->zone->nsec3_params))
			problem(adoption, node->name,
			        "NSEC3 record of another chain than NSEC3PARAM names; a zone file should "
			        "hold one chain");
		else if (flags & 1)
			adoption->zone->nsec3_params.opt_out = true;
	}
	if (!set->sig_count)
		problem(adoption, node->name, "NSEC3 record without RRSIG; sign the zone again");
	return 0;
}

/* Chooses NSEC or NSEC3 by what stands at the apex. */
static int choose_denial(struct adoption *adoption)
{
	struct zone *zone = adoption->zone;
	if (node_rrset(zone->apex, TYPE_NSEC))
		return MIST_OK;
	const struct rrset *set = node_rrset(zone->apex, TYPE_NSEC3PARAM);
	if (!set) {
		problem(adoption, zone->name,
		        "neither NSEC nor NSEC3PARAM at the apex, so the zone is not signed; sign it, or "
		        "say `dnssec: true` to have it signed here, or `dnssec: false`");
		return MIST_EZONE;
	}
	struct record record;
	uint8_t flags;
	for (size_t at = 0; rrset_next(set, set->len, &at, &record);) {
		/* Flags other than 0 are for signers' private use: not a chain that is ready
		 * (RFC 5155 section 4.1.2). */
		if (!parse_params(&zone->nsec3_params, &flags, &record) || flags ||
		    zone->nsec3_params.algorithm != NSEC3_SHA1)
			continue;
		if (zone->nsec3_params.iterations > NSEC3_ITERATIONS_MAX) {
			problem(adoption, zone->name,
			        "NSEC3 with more than 150 iterations, which validators treat as unsigned "
			        "(RFC 9276); sign again with 0");
			return MIST_EZONE;
		}
		zone->nsec3 = true;
		zone->nsec3_hash = nsec3_hash;
		return MIST_OK;
	}
	problem(adoption, zone->name, "no NSEC3PARAM record with hash algorithm 1 (SHA-1)");
	return MIST_EZONE;
}

static bool is_insecure_cut(const struct node *node)
{
	return node->flags & NODE_CUT && !node_rrset(node, TYPE_DS);
}

static void check_proof(struct adoption *adoption, const struct node *node)
{
	const struct zone *zone = adoption->zone;
	if (!zone->nsec3) {
		if (chain_has(node) && !node_rrset(node, TYPE_NSEC))
			problem(adoption, node->name, "no NSEC record; sign the zone again");
		return;
	}
	/* With opt-out insecure delegations, and empty non-terminals above nothing else, have none
	 * (RFC 5155 section 7.1). */
	if (zone->nsec3_params.opt_out && (is_insecure_cut(node) || !node->rrset_count))
		return;
	if (!nsec3_node(zone, node->name))
		problem(adoption, node->name,
		        "no NSEC3 record for the hash of this name; sign the zone again");
}

static int check_node(void *user, const struct node *node)
{
	struct adoption *adoption = user;
	if (node->flags & NODE_OCCLUDED || node_rrset(node, TYPE_NSEC3))
		return 0;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = node->rrsets[i];
		if (!set->sig_count && chain_signs(node, set->type)) {
			char type[16], what[80];
			snprintf(what, sizeof(what), "%s without RRSIG; sign the zone again",
			         type_to_text(set->type, type));
			problem(adoption, node->name, what);
		}
	}
	check_proof(adoption, node);
	return 0;
}

int sign_adopt(struct zone *zone, const struct mist_reporter *reporter)
{
	struct adoption adoption = { .zone = zone, .reporter = reporter };
	if (!node_rrset(zone->apex, TYPE_DNSKEY)) {
		problem(&adoption, zone->name,
		        "no DNSKEY at the apex, so the zone is not signed; sign it, or say "
		        "`dnssec: true` to have it signed here, or `dnssec: false`");
		return MIST_EZONE;
	}
	int error = choose_denial(&adoption);
	if (error)
		return error;
	if (zone->nsec3)
		trie_each(&zone->nsec3_nodes, check_nsec3, &adoption);
	if (!adoption.problems)
		zone_each(zone, check_node, &adoption);
	if (adoption.problems > REPORTS_MAX)
		report(reporter, MIST_LEVEL_ERROR, zone->file, 0, "... and %u more",
		       adoption.problems - REPORTS_MAX);
	if (adoption.problems)
		return MIST_EZONE;
	zone->is_signed = zone->presigned = true;
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Zones that are transferred
 */

int sign_adopt_any(struct zone *zone, const struct mist_reporter *reporter)
{
	zone->is_signed = zone->nsec3 = false;
	return node_rrset(zone->apex, TYPE_DNSKEY) ? sign_adopt(zone, reporter) : MIST_OK;
}

static bool same_at_apex(const struct zone *zone, const struct zone *older, uint16_t type)
{
	const struct rrset *is = node_rrset(zone->apex, type), *was = node_rrset(older->apex, type);
	return is == was || (is && was && rrset_same(is, was));
}

static int check_changed(void *user, const struct node *older, const struct node *newer)
{
	struct adoption *adoption = user;
	(void)older;
	if (!newer)
		return 0;
	return node_rrset(newer, TYPE_NSEC3) ? check_nsec3(adoption, (void *)(uintptr_t)newer)
	                                     : check_node(adoption, newer);
}

int sign_adopt_next(struct zone *zone, const struct zone *older, const struct mist_reporter *reporter)
{
	struct adoption adoption = { .zone = zone, .reporter = reporter };
	if (!node_rrset(zone->apex, TYPE_DNSKEY) || !older->is_signed ||
	    !same_at_apex(zone, older, TYPE_NSEC3PARAM) ||
	    !node_rrset(zone->apex, TYPE_NSEC) != !node_rrset(older->apex, TYPE_NSEC))
		return sign_adopt_any(zone, reporter);
	zone_diff_nodes(older, zone, check_changed, &adoption);
	return adoption.problems ? MIST_EZONE : MIST_OK;
}
