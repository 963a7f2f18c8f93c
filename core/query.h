/*
 * query_process() is the DNS server: octets in, verdict out. No socket, lock or allocation inside;
 * time arrives in the query. Daemon, in-process look-up, unit tests, fuzzers and the benchmark all
 * call it.
 *
 *   parse -> route -> local answer | refusal | forward
 *
 * A question may take several steps: a CNAME leads from one local zone to another, or out to a
 * forwarded name, and an upstream's CNAME leads back in. `target` is the name the answer has come
 * to. On QUERY_FORWARD the caller answers the target (forward/forward.h) and calls query_resume().
 */
#ifndef MIST_CORE_QUERY_H
#define MIST_CORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/lead.h"
#include "core/memo.h"
#include "core/message.h"
#include "core/view.h"

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_LOCAL /* in process, up to 65,535 */ };

/* Facts of a server that every query may need. Immutable. */
struct identity {
	uint8_t cookie_secret[16];   /* RFC 9018 */
	struct question_secret question_secret;
	const char *nsid;            /* or NULL */
	uint32_t tcp_idle_ms;        /* for edns-tcp-keepalive */
};

enum verdict { QUERY_DROP, QUERY_REPLY, QUERY_FORWARD, QUERY_HANDOFF };

#define QUERY_CHAIN_MAX 12 /* CNAME and DNAME steps: real chains stay below 8 */
#define QUERY_NOTES_MAX 64 /* what an answer must not hold twice: proofs, DNAMEs, hosts; a chain with all
                              its proofs and ADDITIONAL_MAX hosts stays below */

struct query {
	/* in; all else is set by query_process() */
	const uint8_t *octets;       /* the request as received */
	size_t len;
	uint8_t *response;           /* where the answer goes; must not overlap the request */
	size_t response_size;        /* UDP: >= 1232, else 65,535 */
	enum transport transport;
	uint8_t client_len;          /* 4 or 16; 0 in process: no cookies */
	uint8_t client[16];          /* its address */
	const uint8_t *key;          /* that the request was signed with, and is: lower case; NULL: none */
	uint32_t now_s;              /* wall clock */
	const struct identity *identity;
	struct memo *memo;           /* the reader's, or NULL */
	const struct glimpse *glimpse;  /* the question, if it was read ahead, with a hash by the same memo; or NULL */

	/* out, with QUERY_REPLY */
	size_t response_len;

	/* between query_process(), forward and query_resume() */
	struct request request;
	struct answer answer;
	struct lead lead;            /* of the target */
	const struct name_key *target; /* lower case: of the request, or what is kept below. It points into
	                                  this struct, so a query is never copied */
	struct name_key moved_key;   /* where a chain has led */
	uint8_t moved[NAME_MAX];
	uint16_t target_at;          /* its offset in the response; 12 at first */
	uint8_t steps;
	uint16_t flags;              /* of the response so far: AA, AD, RA */
	unsigned rcode;
	int ede;                     /* enum ede */
	const char *ede_text;        /* static or of the view */
	uint8_t server_cookie[24];
	bool cookie_present, cookie_valid;
	enum route_kind first;       /* how the question itself was routed, for counters */
	uint16_t chain_at[QUERY_CHAIN_MAX + 1]; /* where earlier targets stand, the question first */
	struct {
		const struct zone *zone;
		uint16_t name_at;
	} expanded[QUERY_CHAIN_MAX + 1]; /* names that a wildcard answered; proofs are owed */
	uint8_t expanded_count;
	uint8_t note_count;
	const void *notes[QUERY_NOTES_MAX];
};

/* Makes a name, of any case, the target; target_at is the caller's matter. */
void query_move(struct query *query, const uint8_t *name);

/* Notes that something is in the answer. False if it was already, or the notes are full. */
bool query_note(struct query *query, const void *what);

/* Answers a request from a view. With QUERY_HANDOFF (AXFR, IXFR, UPDATE, NOTIFY, and whatever is signed
 * where there are keys) query->request is parsed and nothing is written. */
enum verdict query_process(struct query *query, const struct view *view);

/*
 * Flags of responses. AA: the first name of the answer is a local zone's, or a name we decide
 * about. RA: some name of the view can be forwarded. AD: never ours to set, forward/ may. CD:
 * copied when the answer comes from upstreams (RFC 4035 section 3.2.2), clear in ours, as
 * authoritative servers do.
 *
 * Types and classes without an answer: class CH has id.server and hostname.bind (the NSID text, if
 * there is one) and hides versions with REFUSED; other classes, ANY included, are REFUSED. MAILA,
 * MAILB and TKEY are NOTIMP, other meta types FORMERR; none is ever forwarded. A request with a
 * TSIG is handed off, and where there are no keys it gets NOTAUTH and BADKEY (RFC 8945 section 5.2.1).
 */

/*
 * Goes on after the target was answered by forwarding: the caller has appended records, set rcode
 * and flags, and either moved target and target_at along a CNAME chain into a name that may be
 * ours (`more`), or not.
 */
enum verdict query_resume(struct query *query, const struct view *view, bool more);

/* Ends a query with an error instead of an answer, records dropped. */
enum verdict query_fail(struct query *query, unsigned rcode, int ede, const char *ede_text);

#endif
