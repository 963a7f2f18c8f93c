#include "dnssec/tsig.h"

#include <string.h>

#include <openssl/crypto.h>

#include "core/message.h"
#include "core/type.h"
#include "dnssec/crypto.h"

/* ---- the MAC ---- */

/* A MAC being made: a run of octets, with the error kept for the end. */
struct mac {
	EVP_MAC_CTX *context;
	bool failed;
};

static struct mac mac_begin(const struct tsig_key *key)
{
	EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->begun);
	return (struct mac){ context, !context };
}

static void mac_put(struct mac *mac, const void *octets, size_t len)
{
	if (!mac->failed && len && EVP_MAC_update(mac->context, octets, len) != 1)
		mac->failed = true;
}

static void mac_put16(struct mac *mac, uint16_t value)
{
	const uint8_t octets[2] = { (uint8_t)(value >> 8), (uint8_t)value };
	mac_put(mac, octets, sizeof(octets));
}

static bool mac_end(struct mac *mac, uint8_t octets[TSIG_MAC_MAX])
{
	size_t len;
	if (!mac->failed && EVP_MAC_final(mac->context, octets, &len, TSIG_MAC_MAX) != 1)
		mac->failed = true;
	EVP_MAC_CTX_free(mac->context);
	return !mac->failed;
}

/* One that covers the MAC of the message before. */
static struct mac begin_with_mac(const struct tsig *tsig)
{
	struct mac mac = mac_begin(tsig->signer);
	if (tsig->mac_len) {
		mac_put16(&mac, tsig->mac_len);
		mac_put(&mac, tsig->mac, tsig->mac_len);
	}
	return mac;
}

/*
 * The MAC of `len` octets of message that stand before their TSIG record, as RFC 8945 section 4.3 has
 * it: the MAC of the message before, this message as it was before it was signed, and the variables of
 * the record; of those only the times when a stream goes on (section 5.3.1). `header` is the message's
 * with the original id and without the TSIG record in its count.
 */
static bool make_mac(const struct tsig *tsig, const struct tsig_record *record,
                     const uint8_t header[MESSAGE_HEADER], const uint8_t *message, size_t len,
                     uint8_t octets[TSIG_MAC_MAX])
{
	uint8_t time[TSIG_TIME_LEN];
	struct mac mac = tsig->open ? (struct mac){ EVP_MAC_CTX_dup(tsig->open), false } : begin_with_mac(tsig);
	mac.failed |= !mac.context;
	mac_put(&mac, header, MESSAGE_HEADER);
	mac_put(&mac, message + MESSAGE_HEADER, len - MESSAGE_HEADER);
	if (!tsig->stream) {
		static const uint8_t class_ttl[6] = { 0, CLASS_ANY };
		mac_put(&mac, record->key, name_len(record->key));
		mac_put(&mac, class_ttl, sizeof(class_ttl));
		mac_put(&mac, record->algorithm, name_len(record->algorithm));
	}
	tsig_time_write(time, record->time_s);
	mac_put(&mac, time, sizeof(time));
	mac_put16(&mac, record->fudge_s);
	if (!tsig->stream) {
		mac_put16(&mac, record->error);
		mac_put16(&mac, record->other_len);
		mac_put(&mac, record->other, record->other_len);
	}
	return mac_end(&mac, octets);
}

static void keep_mac(struct tsig *tsig, const uint8_t *mac, size_t len)
{
	tsig->mac_len = (uint16_t)len;
	memcpy(tsig->mac, mac, len);
}

/* ---- checking ---- */

/* Is the MAC of the record the message's? NOERROR, FORMERR, NOTAUTH with tsig->error, SERVFAIL. */
static unsigned check_mac(struct tsig *tsig, const struct tsig_record *record,
                          const uint8_t *message, size_t at)
{
	uint8_t header[MESSAGE_HEADER], mac[TSIG_MAC_MAX];
	const size_t whole = tsig->signer->mac_len;
	/* RFC 8945 section 5.2.2.1 */
	if (record->mac_len > whole || record->mac_len < whole / 2 || record->mac_len < 10)
		return RCODE_FORMERR;
	memcpy(header, message, sizeof(header));
	wire_set16(header, record->id);
	wire_set16(header + 10, (uint16_t)(wire_get16(header + 10) - 1));
	if (!make_mac(tsig, record, header, message, at, mac))
		return RCODE_SERVFAIL;
	const bool same = CRYPTO_memcmp(mac, record->mac, record->mac_len) == 0;
	tsig->error = !same ? TSIG_BADSIG : record->mac_len < whole ? TSIG_BADTRUNC : TSIG_NOERROR;
	return tsig->error ? RCODE_NOTAUTH : RCODE_NOERROR;
}

static bool time_fits(const struct tsig_record *record, uint64_t now_s)
{
	/* The fudge is the sender's choice; a message that is good for ever can be replayed for ever. */
	const uint64_t fudge_s = record->fudge_s < TSIG_FUDGE_S ? record->fudge_s : TSIG_FUDGE_S;
	return now_s <= record->time_s + fudge_s && record->time_s <= now_s + fudge_s;
}

static bool key_fits(const struct tsig_key *key, const struct tsig_record *record)
{
	return key && name_equal(key->name, record->key) &&
	       name_equal(key->algorithm, record->algorithm);
}

unsigned tsig_check(struct tsig *tsig, const struct keyring *keyring, const uint8_t *message,
                    size_t len, size_t at, uint64_t now_s)
{
	struct tsig_record *record = &tsig->record;
	if (!tsig_read(record, message, len, at))
		return RCODE_FORMERR;
	tsig->present = true;
	tsig->error = TSIG_BADKEY;
	const struct tsig_key *key = keyring_find(keyring, record->key);
	if (!key_fits(key, record))
		return RCODE_NOTAUTH;

	tsig->signer = key;
	unsigned rcode = check_mac(tsig, record, message, at);
	if (!rcode && !time_fits(record, now_s)) {
		tsig->error = TSIG_BADTIME;
		rcode = RCODE_NOTAUTH;
	}
	if (rcode == RCODE_FORMERR)
		tsig->present = false;
	else if (tsig->error == TSIG_BADSIG || rcode == RCODE_SERVFAIL)
		tsig->signer = NULL; /* nothing is signed for those who do not know the secret */
	else
		keep_mac(tsig, record->mac, record->mac_len);
	if (!rcode)
		tsig->key = key;
	return rcode;
}

void tsig_ask(struct tsig *tsig, const struct tsig_key *key)
{
	*tsig = (struct tsig){ .signer = key, .present = true };
	name_copy(tsig->record.key, key->name);
	name_copy(tsig->record.algorithm, key->algorithm);
}

bool tsig_check_reply(struct tsig *tsig, const uint8_t *message, size_t len, size_t at, uint64_t now_s)
{
	struct tsig_record *record = &tsig->record;
	if (!at || !tsig_read(record, message, len, at) || !key_fits(tsig->signer, record) ||
	    check_mac(tsig, record, message, at) || record->error || !time_fits(record, now_s))
		return false;
	keep_mac(tsig, record->mac, record->mac_len);
	tsig->stream = true;
	tsig_end(tsig);
	return true;
}

bool tsig_pass_reply(struct tsig *tsig, const uint8_t *message, size_t len)
{
	if (!tsig->stream || tsig->unsigned_count == TSIG_UNSIGNED_MAX)
		return false;
	struct mac mac = tsig->open ? (struct mac){ tsig->open, false } : begin_with_mac(tsig);
	tsig->open = mac.context;
	mac_put(&mac, message, len);
	tsig->unsigned_count++;
	return !mac.failed;
}

void tsig_end(struct tsig *tsig)
{
	EVP_MAC_CTX_free(tsig->open);
	tsig->open = NULL;
	tsig->unsigned_count = 0;
}

/* ---- signing ---- */

/* The record of a reply, still without MAC. `other` has room for the time of a BADTIME. */
static struct tsig_record reply_record(const struct tsig *tsig, uint16_t id, uint64_t now_s,
                                       uint8_t other[TSIG_TIME_LEN])
{
	struct tsig_record record = tsig->record;
	record.mac_len = record.other_len = 0;
	record.id = id;
	record.error = tsig->error;
	if (!tsig->signer)
		return record; /* times and all as the request had them */
	record.fudge_s = TSIG_FUDGE_S;
	if (tsig->error == TSIG_BADTIME) { /* RFC 8945 section 5.2.3: the client's time, and ours */
		record.other_len = TSIG_TIME_LEN;
		record.other = other;
		tsig_time_write(other, now_s);
	} else {
		record.time_s = now_s;
	}
	return record;
}

size_t tsig_room(const struct tsig *tsig)
{
	uint8_t other[TSIG_TIME_LEN];
	if (!tsig->present)
		return 0;
	struct tsig_record record = reply_record(tsig, 0, 0, other);
	record.mac_len = tsig->signer ? tsig->signer->mac_len : 0;
	return tsig_size(&record);
}

size_t tsig_sign(struct tsig *tsig, uint8_t *message, size_t len, size_t size, uint64_t now_s)
{
	uint8_t mac[TSIG_MAC_MAX], other[TSIG_TIME_LEN];
	const uint16_t count = wire_get16(message + 10);
	if (!tsig->present)
		return len;
	struct tsig_record record = reply_record(tsig, wire_get16(message), now_s, other);
	if (tsig->signer) {
		if (!make_mac(tsig, &record, message, message, len, mac))
			return 0;
		record.mac = mac;
		record.mac_len = tsig->signer->mac_len;
		keep_mac(tsig, mac, record.mac_len);
		tsig->stream = tsig->key != NULL;
	}
	struct writer w = writer_on(message, size);
	w.at += len;
	tsig_write(&w, &record);
	if (w.failed)
		return 0;
	wire_set16(message + 10, (uint16_t)(count + 1));
	return writer_len(&w);
}
