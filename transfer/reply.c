/* See reply.h. */
#include "transfer/reply.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/type.h"
#include "dnssec/tsig.h"
#include "transfer/out.h"
#include "transfer/update.h"

struct reply {
	const struct reply_host *host;
	struct request request;
	uint8_t client_len, client[16];
	enum transport transport;
	struct zone *zone;
	struct tsig tsig;
	struct keyring *keyring;     /* that the exchange is signed from */
	struct edit *edit;           /* of an UPDATE, read and not yet committed */
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
	out_free(&reply->out);
	keyring_release(reply->keyring);
	edit_free(reply->edit);
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

/* Octets for an answer that is signed behind. What a client without EDNS has room for may be less than
 * question and signature together: then it gets a little more than it can be sure to take. */
static size_t answer_room(const struct reply *reply)
{
	const struct edns *edns = &reply->request.edns;
	const size_t least = MESSAGE_HEADER + NAME_MAX + 4 + 64; /* a question and an OPT record */
	size_t limit = MESSAGE_MAX;
	if (reply->transport == TRANSPORT_UDP)
		limit = !edns->present ? MESSAGE_UDP_PLAIN
		        : edns->udp_size < MESSAGE_UDP_EDNS ? edns->udp_size : MESSAGE_UDP_EDNS;
	return limit < least + tsig_room(&reply->tsig) ? least : limit - tsig_room(&reply->tsig);
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
	query->response_size = answer_room(reply);
	query->transport = reply->transport;
	query->client_len = reply->client_len;
	memcpy(query->client, reply->client, reply->client_len);
	query->key = reply->tsig.key ? reply->tsig.key->name : NULL;
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

/* What of the zone the client gets: by what it has, and by what is known of that. */
static int choose_form(struct reply *reply, enum out_form *form, struct history_changes *changes)
{
	const struct zone *zone = reply->zone;
	uint32_t serial;

	*form = OUT_WHOLE;
	if (reply->request.question.type == TYPE_AXFR)
		return MIST_OK;
	if (!out_client_serial(&reply->request, &serial))
		return MIST_EINVAL;
	if ((int32_t)(zone->serial - serial) <= 0) { /* it has ours, or a later one (RFC 1982) */
		*form = OUT_SOA;
		return MIST_OK;
	}
	int error = zone->history ? history_since(zone->history, serial, zone->serial, changes) : MIST_ENOTFOUND;
	if (!error)
		*form = OUT_CHANGES;
	else if (reply->transport == TRANSPORT_UDP)
		*form = OUT_SOA;
	return error == MIST_ENOTFOUND ? MIST_OK : error;
}

/* Of a datagram; at least 512 octets are needed beside a signature. */
static size_t datagram_limit(const struct edns *edns, size_t room)
{
	const size_t asked = edns->present ? edns->udp_size : MESSAGE_UDP_PLAIN;
	const size_t size = asked < MESSAGE_UDP_EDNS ? asked : MESSAGE_UDP_EDNS;
	return size < MESSAGE_UDP_PLAIN + room ? MESSAGE_UDP_PLAIN + room : size;
}

static size_t send_zone(struct reply *reply, enum out_form form, const struct history_changes *changes,
                        uint8_t *octets, bool *more)
{
	const size_t room = tsig_room(&reply->tsig);
	const size_t limit = reply->transport == TRANSPORT_UDP ? datagram_limit(&reply->request.edns, room)
	                                                       : MESSAGE_MAX;

	out_begin(&reply->out, reply->zone, form, changes);
	size_t len = out_next(&reply->out, &reply->request, octets, limit, room, more);
	if (reply->transport != TRANSPORT_UDP || !*more)
		return len;
	/* Too much for a datagram: the SOA alone sends the client to TCP (RFC 1995 section 2). */
	out_free(&reply->out);
	out_begin(&reply->out, reply->zone, OUT_SOA, NULL);
	return out_next(&reply->out, &reply->request, octets, limit, room, more);
}

static size_t begin_transfer(struct reply *reply, uint8_t *octets, bool *more)
{
	const struct access *access = reply->zone ? reply->zone->access : NULL;
	const uint8_t *key = reply->tsig.key ? reply->tsig.key->name : NULL;
	struct history_changes changes;
	enum out_form form;

	if (!access || !access_allows(&access->transfer, reply->client, reply->client_len, key))
		return refuse(reply, octets, RCODE_REFUSED, EDE_PROHIBITED, "transfers are not allowed");
	if (reply->zone->failed)
		return refuse(reply, octets, RCODE_SERVFAIL, EDE_NOT_READY, reply->zone->reason);
	if (reply->request.question.type == TYPE_AXFR && reply->transport == TRANSPORT_UDP)
		return refuse(reply, octets, RCODE_FORMERR, EDE_OTHER, "AXFR is for TCP");
	int error = choose_form(reply, &form, &changes);
	if (error)
		return refuse(reply, octets, error == MIST_EINVAL ? RCODE_FORMERR : RCODE_SERVFAIL, EDE_NONE, NULL);
	return send_zone(reply, form, &changes, octets, more);
}

/* ---- notifications ---- */

unsigned notify_rcode(const struct question *question, const struct zone *zone, const uint8_t *client,
                      size_t client_len, const uint8_t *key, bool *heard)
{
	*heard = false;
	if (question->type != TYPE_SOA)
		return RCODE_FORMERR;
	if (!zone)
		return RCODE_NOTAUTH;
	if (!zone->access || !zone->access->primary_count)
		return RCODE_NOERROR;
	*heard = access_is_primary(zone->access, client, client_len, key);
	return *heard ? RCODE_NOERROR : RCODE_REFUSED;
}

static size_t begin_notify(struct reply *reply, uint8_t *octets)
{
	bool heard;
	const unsigned rcode = notify_rcode(&reply->request.question, reply->zone, reply->client, reply->client_len,
	                                    reply->tsig.key ? reply->tsig.key->name : NULL, &heard);
	if (heard)
		reply->host->notified(reply->host->context, reply->zone->name);
	return refuse(reply, octets, rcode, EDE_NONE, NULL);
}

/* ---- updates ---- */

/* Who sent it, "KEY at ADDRESS" or the address alone. */
static void client_text(const struct reply *reply, char text[NAME_TEXT_MAX + 64])
{
	char address[INET6_ADDRSTRLEN] = "", key[NAME_TEXT_MAX] = "";
	inet_ntop(reply->client_len == 4 ? AF_INET : AF_INET6, reply->client, address, sizeof(address));
	if (reply->tsig.present)
		name_to_text(key, reply->tsig.record.key);
	snprintf(text, NAME_TEXT_MAX + 64, "%s%s%s", key, *key ? " at " : "", address);
}

__attribute__((format(printf, 2, 3)))
static void tell(const struct reply *reply, const char *format, ...)
{
	char client[NAME_TEXT_MAX + 64], text[REPORT_TEXT_MAX], all[sizeof(client) + sizeof(text) + 2];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	client_text(reply, client);
	snprintf(all, sizeof(all), "%s: %s", client, text);
	reply->host->tell(reply->host->context, all);
}

/* Reads it, if its sender may send it. 0: reply->edit is to be committed. */
static size_t begin_update(struct reply *reply, uint8_t *octets)
{
	const struct access *access = reply->zone ? reply->zone->access : NULL;
	const uint8_t *key = reply->tsig.key ? reply->tsig.key->name : NULL;

	if (reply->request.question.type != TYPE_SOA)
		return refuse(reply, octets, RCODE_FORMERR, EDE_NONE, NULL);
	if (!reply->zone)
		return refuse(reply, octets, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE, "no such zone here");
	if (access && access->primary_count)
		return refuse(reply, octets, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
		              "updates go to the primary of the zone");
	if (!access || !access_allows(&access->update, reply->client, reply->client_len, key)) {
		tell(reply, "an UPDATE is refused: its zone's `update` names neither the key nor the address");
		return refuse(reply, octets, RCODE_REFUSED, EDE_PROHIBITED, "updates are not allowed");
	}
	const unsigned rcode = update_read(&reply->edit, &reply->request);
	return rcode ? refuse(reply, octets, rcode, EDE_NONE, NULL) : 0;
}

/* Nothing of what is published is held here: what this publishes takes its place. */
static size_t finish_update(struct reply *reply, uint8_t *octets)
{
	struct edit *edit = reply->edit;
	reply->host->commit(reply->host->context, edit);
	const unsigned rcode = update_rcode(edit);
	const bool known = rcode == RCODE_REFUSED || rcode == RCODE_SERVFAIL;
	if (known)
		tell(reply, "an UPDATE fails: %s", edit_reason(edit));
	return refuse(reply, octets, rcode, known ? EDE_OTHER : EDE_NONE, known ? edit_reason(edit) : NULL);
}

/* ---- the first message ---- */

/* The signature is not what it should be. */
static size_t refuse_signature(const struct reply *reply, uint8_t *octets, unsigned rcode)
{
	const char *why = reply->tsig.error == TSIG_BADKEY ? keyring_refuses_name(reply->tsig.record.algorithm)
	                                                   : NULL;
	if (rcode != RCODE_NOTAUTH || !why)
		return refuse(reply, octets, rcode, EDE_NONE, NULL);
	tell(reply, "a signed message is refused: %s; there are " TSIG_ALGORITHMS, why);
	return refuse(reply, octets, rcode, EDE_OTHER, why);
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
		return refuse_signature(reply, octets, rcode);
	if (request->opcode == OPCODE_UPDATE)
		return begin_update(reply, octets);
	if (request->opcode == OPCODE_NOTIFY)
		return begin_notify(reply, octets);
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
	return reply->edit ? finish_update(reply, octets) : len;
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
