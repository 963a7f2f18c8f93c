/* See reply.h. */
#include "transfer/reply.h"

#include <stdlib.h>
#include <string.h>

#include "core/type.h"
#include "dnssec/tsig.h"
#include "transfer/out.h"

struct reply {
	const struct reply_host *host;
	struct request request;
	uint8_t client_len, client[16];
	enum transport transport;
	struct zone *zone;
	struct tsig tsig;
	struct keyring *keyring;     /* that the exchange is signed from */
	bool begun;
	struct out out;
	uint8_t octets[];            /* the request */
};

struct reply *reply_new(const struct reply_options *options)
{
	struct reply *reply = malloc(sizeof(*reply) + options->len);
	if (!reply)
		return NULL;
	memset(reply, 0, sizeof(*reply));
	reply->host = options->host;
	reply->transport = options->transport;
	memcpy(reply->client, options->client, options->client_len);
	reply->client_len = (uint8_t)options->client_len;
	memcpy(reply->octets, options->octets, options->len);
	reply->request.len = options->len;
	reply->zone = options->zone;
	return reply;
}

void reply_free(struct reply *reply)
{
	if (!reply)
		return;
	if (reply->zone)
		zone_release(reply->zone);
	keyring_release(reply->keyring);
	free(reply);
}

/* Header, question, rcode. */
static size_t refuse(const struct reply *reply, uint8_t *octets, unsigned rcode, int ede, const char *text)
{
	const struct request *request = &reply->request;
	const struct edns_reply edns = { .present = request->edns.present, .dnssec_ok = request->edns.dnssec_ok,
	                                 .ede = ede, .ede_text = text, .keepalive_ds = -1 };
	struct answer answer;

	answer_begin(&answer, request, octets, MESSAGE_UDP_PLAIN, edns.present ? 11 : 0);
	return answer_finish(&answer, (uint16_t)(FLAG_QR | request->opcode << 11 | (request->flags & FLAG_RD)),
	                     rcode, &edns);
}

/* A signed question: as any other, but for its signature. */
static size_t answer(struct reply *reply, const struct view *view, uint8_t *octets, uint32_t now_s)
{
	struct request *request = &reply->request;
	struct query *query = calloc(1, sizeof(*query));
	size_t len = 0;

	if (!query)
		return refuse(reply, octets, RCODE_SERVFAIL, EDE_NONE, NULL);
	wire_set16(reply->octets + 10, (uint16_t)(wire_get16(reply->octets + 10) - 1));
	query->octets = reply->octets;
	query->len = request->tsig_at;
	query->response = octets;
	query->response_size = MESSAGE_MAX - tsig_room(&reply->tsig);
	query->transport = reply->transport;
	query->client_len = reply->client_len;
	memcpy(query->client, reply->client, reply->client_len);
	query->now_s = now_s;
	query->identity = reply->host->identity;
	switch (query_process(query, view)) {
	case QUERY_REPLY:
		len = query->response_len;
		break;
	case QUERY_DROP:
		break;
	default: /* who signs questions asks about zones */
		len = refuse(reply, octets, RCODE_REFUSED, EDE_NOT_SUPPORTED, "signed questions are not forwarded");
	}
	free(query);
	return len;
}

static size_t begin_transfer(struct reply *reply, uint8_t *octets, bool *more)
{
	const struct access *access = reply->zone ? reply->zone->access : NULL;
	const uint8_t *key = reply->tsig.key ? reply->tsig.key->name : NULL;

	if (!access || !access_allows(&access->transfer, reply->client, reply->client_len, key))
		return refuse(reply, octets, RCODE_REFUSED, EDE_PROHIBITED, "transfers are not allowed");
	if (reply->zone->failed)
		return refuse(reply, octets, RCODE_SERVFAIL, EDE_NOT_READY, reply->zone->reason);
	if (reply->request.question.type == TYPE_AXFR && reply->transport == TRANSPORT_UDP)
		return refuse(reply, octets, RCODE_FORMERR, EDE_OTHER, "AXFR is for TCP");
	out_begin(&reply->out, reply->zone);
	return out_next(&reply->out, &reply->request, octets, MESSAGE_MAX, tsig_room(&reply->tsig), more);
}

/* The first message, without TSIG. */
static size_t begin(struct reply *reply, const struct view *view, uint8_t *octets, uint32_t now_s, bool *more)
{
	struct request *request = &reply->request;
	const size_t len = request->len;
	unsigned rcode = RCODE_NOERROR;

	if (message_parse(request, reply->octets, len) != PARSED_OK)
		return 0;
	reply->keyring = keyring_hold(view->keyring);
	if (request->tsig_at)
		rcode = tsig_check(&reply->tsig, reply->keyring, reply->octets, len, request->tsig_at, now_s);
	if (rcode)
		return refuse(reply, octets, rcode, EDE_NONE, NULL);
	if (request->opcode != OPCODE_QUERY)
		return refuse(reply, octets, RCODE_NOTIMP, EDE_NONE, NULL);
	if (request->question.type == TYPE_AXFR || request->question.type == TYPE_IXFR)
		return begin_transfer(reply, octets, more);
	return answer(reply, view, octets, now_s);
}

static size_t begin_pinned(struct reply *reply, uint8_t *octets, uint32_t now_s, bool *more)
{
	const struct reply_host *host = reply->host;
	int pin;
	const struct view *view = host->pin(host->context, &pin);
	size_t len = 0;

	if (view) {
		len = begin(reply, view, octets, now_s, more);
		host->unpin(host->context, pin);
	}
	return len;
}

size_t reply_next(struct reply *reply, uint8_t *octets, uint32_t now_s, bool *more)
{
	size_t len;

	*more = false;
	if (reply->begun)
		len = out_next(&reply->out, &reply->request, octets, MESSAGE_MAX, tsig_room(&reply->tsig), more);
	else
		len = begin_pinned(reply, octets, now_s, more);
	reply->begun = true;
	if (len)
		len = tsig_sign(&reply->tsig, octets, len, MESSAGE_MAX, now_s);
	return len;
}
