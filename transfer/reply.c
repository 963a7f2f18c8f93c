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
	const struct tsig_key *key;  /* of the request, held */
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
	tsig_key_release(reply->key);
	free(reply);
}

/* tsig_find_fn */
static const struct tsig_key *find_key(void *user, const uint8_t *name)
{
	struct reply *reply = user;
	if (!reply->key)
		reply->key = reply->host->key(reply->host->context, name);
	return reply->key;
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

/* The first message, without TSIG. */
static size_t begin(struct reply *reply, uint8_t *octets, uint32_t now_s, bool *more)
{
	struct request *request = &reply->request;
	const size_t len = request->len;

	if (message_parse(request, reply->octets, len) != PARSED_OK)
		return 0;
	unsigned rcode = RCODE_NOERROR;
	if (request->tsig_at)
		rcode = tsig_check(&reply->tsig, reply->octets, len, request->tsig_at, now_s, find_key, reply);
	if (rcode)
		return refuse(reply, octets, rcode, EDE_NONE, NULL);

	const uint8_t *key = reply->tsig.key ? tsig_key_name(reply->tsig.key) : NULL;
	const struct access *access = reply->zone ? reply->zone->access : NULL;
	if (!access || !access_allows(&access->transfer, reply->client, reply->client_len, key))
		return refuse(reply, octets, RCODE_REFUSED, EDE_PROHIBITED, "transfers of this zone are not allowed");
	if (reply->zone->failed)
		return refuse(reply, octets, RCODE_SERVFAIL, EDE_NOT_READY, reply->zone->reason);
	out_begin(&reply->out, reply->zone);
	return out_next(&reply->out, request, octets, MESSAGE_MAX, tsig_room(&reply->tsig), more);
}

size_t reply_next(struct reply *reply, uint8_t *octets, uint32_t now_s, bool *more)
{
	size_t len;

	*more = false;
	if (reply->begun)
		len = out_next(&reply->out, &reply->request, octets, MESSAGE_MAX, tsig_room(&reply->tsig), more);
	else
		len = begin(reply, octets, now_s, more);
	reply->begun = true;
	if (len)
		len = tsig_sign(&reply->tsig, octets, len, MESSAGE_MAX, now_s);
	return len;
}
