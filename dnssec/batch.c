/* Many sets signed at once; see batch.h. */
#include "dnssec/batch.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/siphash.h"
#include "core/wire.h"
#include "dnssec/chain.h"

#define THREADS_MAX 64
#define CHUNK 32 /* jobs taken at a time: 0.6 ms of work; threads end within that of each other */
#define RRSIG_FIXED 18 /* octets before the signer's name (RFC 4034 section 3.1) */
#define RRSIG_LEN_MAX (RRSIG_FIXED + NAME_MAX + SIGNATURE_LEN)

int sign_batch_add(struct batch *batch, const struct batch_job *job)
{
	struct batch_job *jobs = array_reserve(batch->jobs, batch->count, &batch->room, sizeof(*jobs));
	if (!jobs)
		return MIST_ENOMEM;
	batch->jobs = jobs;
	batch->jobs[batch->count++] = *job;
	return MIST_OK;
}

void sign_batch_free(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->jobs[i].made);
	free(batch->jobs);
	*batch = (struct batch){ 0 };
}

/* ------------------------------------------------------------------------------------------------
 * Times
 */

static uint32_t jitter_max(const struct signing *signing)
{
	return signing->lifetime_s / 10;
}

/* Spread evenly by name and type, so that renewals are; anew each time, so that no two sets stay
 * together. Nothing here is secret. */
static uint32_t expiration(const struct signing *signing, const struct node *node, uint16_t type)
{
	uint8_t seed[16] = { 0 };
	wire_set32(seed, signing->now_s);
	wire_set16(seed + 4, type);
	uint64_t random = siphash(seed, node->name, node->name_len);
	return signing->now_s + signing->lifetime_s - (uint32_t)(random % (jitter_max(signing) + 1));
}

uint32_t sign_batch_ttl_cap(const struct signing *signing)
{
	return (signing->lifetime_s - jitter_max(signing)) / 4;
}

uint32_t signature_due(const struct record *rrsig)
{
	uint32_t expires = wire_get32(rrsig->rdata + 8);
	uint32_t made = wire_get32(rrsig->rdata + 12) + SIGN_INCEPTION_S;
	return expires - (expires - made) / 4;
}

uint32_t sign_set_due(const struct rrset *set)
{
	uint32_t due = UINT32_MAX;
	struct record sig;
	for (size_t at = set->len; rrset_next(set, set->full_len, &at, &sig);) {
		uint32_t this = signature_due(&sig);
		due = this < due ? this : due;
	}
	return due;
}

/* ------------------------------------------------------------------------------------------------
 * One set
 */

struct worker {
	const struct zone *zone;
	const struct signing *signing;
	struct signer *signer;
	uint8_t *octets;             /* what is signed */
	size_t room;
};

/* A copy with a lower TTL. */
static struct rrset *with_ttl(const struct rrset *set, uint32_t ttl)
{
	struct rrset *copy = rrset_signed(set, NULL, 0);
	if (!copy)
		return NULL;
	rrset_set_ttl(copy, ttl);
	return copy;
}

/* The RRSIG RDATA without signature. */
static size_t begin_rrsig(uint8_t rdata[RRSIG_LEN_MAX], const struct worker *worker,
                          const struct node *node, const struct rrset *set)
{
	const struct signing *signing = worker->signing;
	struct writer w = writer_on(rdata, RRSIG_LEN_MAX);
	writer_u16(&w, set->type);
	writer_u8(&w, (uint8_t)key_algorithm(signing->key));
	/* `*` is no label here, which is how a validator knows a wildcard (RFC 4034 section 3.1.3). */
	writer_u8(&w, (uint8_t)(name_labels(node->name) - name_is_wildcard(node->name)));
	writer_u32(&w, set->ttl);
	writer_u32(&w, expiration(signing, node, set->type));
	writer_u32(&w, signing->now_s - SIGN_INCEPTION_S);
	writer_u16(&w, key_tag(signing->key));
	writer_put(&w, worker->zone->name, worker->zone->name_len);
	return writer_len(&w);
}

/* What is signed: the RRSIG RDATA so far, then each record in canonical form and order (RFC 4034
 * section 3.1.8.1). Returns its length, 0 when memory is out. */
static size_t gather(struct worker *worker, const struct node *node, const struct rrset *set,
                     const uint8_t *rrsig, size_t rrsig_len)
{
	size_t need = rrsig_len + set->len + (size_t)set->count * node->name_len;
	if (need > worker->room) {
		uint8_t *octets = realloc(worker->octets, 2 * need);
		if (!octets)
			return 0;
		worker->octets = octets;
		worker->room = 2 * need;
	}
	struct writer w = writer_on(worker->octets, worker->room);
	writer_put(&w, rrsig, rrsig_len);
	struct record record;
	for (size_t at = 0; rrset_next(set, set->len, &at, &record);) {
		writer_put(&w, node->name, node->name_len);
		writer_u16(&w, set->type);
		writer_u16(&w, CLASS_IN);
		writer_u32(&w, set->ttl);
		writer_u16(&w, record.rdata_len);
		writer_put(&w, record.rdata, record.rdata_len);
	}
	assert(!w.failed);
	return writer_len(&w);
}

static int sign_set(struct worker *worker, const struct node *node, const struct rrset *set,
                    struct rrset **made)
{
	uint8_t rdata[RRSIG_LEN_MAX];
	size_t len = begin_rrsig(rdata, worker, node, set);
	size_t octets = gather(worker, node, set, rdata, len);
	if (!octets)
		return MIST_ENOMEM;
	int error = signer_sign(worker->signer, worker->octets, octets, rdata + len);
	if (error)
		return error;
	struct record sig = { .type = TYPE_RRSIG, .ttl = set->ttl, .rdata = rdata,
	                      .rdata_len = (uint16_t)(len + SIGNATURE_LEN) };
	*made = rrset_signed(set, &sig, 1);
	return *made ? MIST_OK : MIST_ENOMEM;
}

static int sign_job(struct worker *worker, struct batch_job *job)
{
	struct rrset *own = NULL;
	const struct rrset *set = job->set;
	uint32_t cap = sign_batch_ttl_cap(worker->signing);
	if (!set) {
		/* The NSEC's TTL is that of negative answers (RFC 9077). */
		uint32_t ttl = worker->zone->negative_ttl;
		set = own = chain_nsec(job->node, job->next, ttl < cap ? ttl : cap);
	} else if (set->ttl > cap) {
		set = own = with_ttl(set, cap);
	}
	int error = set ? sign_set(worker, job->node, set, &job->made) : MIST_ENOMEM;
	free(own);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * All of them
 */

struct crew {
	struct batch *batch;
	const struct zone *zone;
	const struct signing *signing;
	atomic_size_t next;
	atomic_int error;            /* the first one; ends the work of all */
};

static void *work(void *argument)
{
	struct crew *crew = argument;
	struct batch *batch = crew->batch;
	struct worker worker = { .zone = crew->zone, .signing = crew->signing };
	int error = signer_new(&worker.signer, crew->signing->key);
	while (!error && !atomic_load_explicit(&crew->error, memory_order_relaxed)) {
		size_t at = atomic_fetch_add_explicit(&crew->next, CHUNK, memory_order_relaxed);
		if (at >= batch->count)
			break;
		size_t end = batch->count - at > CHUNK ? at + CHUNK : batch->count;
		for (; at < end && !error; at++)
			error = sign_job(&worker, &batch->jobs[at]);
	}
	if (error)
		atomic_store_explicit(&crew->error, error, memory_order_relaxed);
	signer_free(worker.signer);
	free(worker.octets);
	return NULL;
}

int sign_batch_sign(struct batch *batch, const struct zone *zone, const struct signing *signing)
{
	struct crew crew = { .batch = batch, .zone = zone, .signing = signing };
	atomic_init(&crew.next, 0);
	atomic_init(&crew.error, 0);
	size_t threads = signing->threads < THREADS_MAX ? signing->threads : THREADS_MAX;
	size_t useful = (batch->count + CHUNK - 1) / CHUNK;
	if (threads > useful)
		threads = useful;

	/* Helpers must not take the host program's signals. One that cannot start is done without. */
	pthread_t helpers[THREADS_MAX];
	unsigned started = 0;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started + 1 < threads && !pthread_create(&helpers[started], NULL, work, &crew))
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(&crew);
	for (unsigned i = 0; i < started; i++)
		pthread_join(helpers[i], NULL);
	return atomic_load(&crew.error);
}

int sign_batch_put(struct batch *batch, struct zone *zone)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct batch_job *job = &batch->jobs[i];
		struct rrset *made = job->made;
		job->made = NULL;
		int error = zone_put_at(zone, job->node, made);
		if (error)
			return error;
	}
	return MIST_OK;
}
