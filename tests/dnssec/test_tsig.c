/* TSIG: against MACs that are laid out by hand here and made by libcrypto's one-shot HMAC, against
 * mutations of good messages, and against each other over whole exchanges. That other people's
 * programs agree is a matter of tests/system/test_update.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "chance.h"
#include "core/guard.h"
#include "core/message.h"
#include "dnssec/key.h"
#include "dnssec/tsig.h"

#define NOW 1700000000u
static const uint8_t secret[] = "a secret of 32 octets, as it may";
static const uint8_t key_name[] = "\4Test\3Key";
static struct crypto *crypto;
static struct keyring *keyring;

static const struct { const char *text; const EVP_MD *(*digest)(void); uint16_t mac_len; } kinds[] = {
	{ "hmac-sha256", EVP_sha256, 32 },
	{ "hmac-sha512", EVP_sha512, 64 },
	{ "hmac-sha384", EVP_sha384, 48 },
	{ "hmac-sha224", EVP_sha224, 28 },
	{ "hmac-sha1", EVP_sha1, 20 },
};

static void renew_keyring(const char *algorithm)
{
	keyring_release(keyring);
	assert_int_equal(keyring_new(&keyring, crypto), MIST_OK);
	assert_int_equal(keyring_add(keyring, key_name, algorithm, secret, sizeof(secret)), MIST_OK);
}

static int open_all(void **state)
{
	(void)state;
	return crypto_new(&crypto);
}

static int close_all(void **state)
{
	(void)state;
	keyring_release(keyring);
	crypto_free(crypto);
	return 0;
}

/* A question for the SOA of example, id 4660. */
static const uint8_t question[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\0\0\6\0\1";
#define QUESTION_LEN (sizeof(question) - 1)

/* The variables of RFC 8945 section 4.3.3, as they stand behind the message. */
static size_t put_variables(uint8_t *at, const char *algorithm, uint32_t now_s, uint16_t error)
{
	struct writer w = writer_on(at, 400);
	uint8_t name[NAME_MAX];
	writer_put(&w, "\4test\3key", 10);
	writer_u16(&w, 255);
	writer_u32(&w, 0);
	writer_put(&w, name, name_from_text(name, algorithm));
	writer_u16(&w, 0);
	writer_u32(&w, now_s);
	writer_u16(&w, 300);
	writer_u16(&w, error);
	writer_u16(&w, 0);
	assert_false(w.failed);
	return writer_len(&w);
}

/* What stands in a message, found as the server finds it. */
static size_t tsig_at(const uint8_t *message, size_t len)
{
	struct request request;
	uint8_t copy[2048];
	memcpy(copy, message, len);
	copy[2] &= 0x7f; /* also of responses */
	assert_int_equal(message_parse(&request, copy, len), PARSED_OK);
	return request.tsig_at;
}

static size_t ask(struct tsig *client, uint8_t message[2048], uint64_t now_s)
{
	memcpy(message, question, QUESTION_LEN);
	tsig_ask(client, keyring_find(keyring, key_name));
	size_t len = tsig_sign(client, message, QUESTION_LEN, 2048, now_s);
	assert_int_not_equal(len, 0);
	return len;
}

static void test_layout(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 5; kind++) {
		renew_keyring(kinds[kind].text);
		struct tsig client, server = { 0 };
		struct tsig_record record;
		uint8_t message[2048], input[4096], expected[64];
		unsigned mac_len;
		size_t len = ask(&client, message, NOW);

		/* The request: the message, the variables. */
		memcpy(input, question, QUESTION_LEN);
		size_t input_len = QUESTION_LEN + put_variables(input + QUESTION_LEN, kinds[kind].text, NOW, 0);
		HMAC(kinds[kind].digest(), secret, sizeof(secret), input, input_len, expected, &mac_len);
		assert_int_equal(mac_len, kinds[kind].mac_len);
		assert_true(tsig_read(&record, message, len, tsig_at(message, len)));
		assert_int_equal(record.mac_len, mac_len);
		assert_memory_equal(record.mac, expected, mac_len);
		assert_int_equal(record.id, 0x1234);
		assert_int_equal(tsig_check(&server, keyring, message, len, tsig_at(message, len), NOW), 0);
		assert_ptr_equal(server.key, keyring_find(keyring, key_name));

		/* The first reply: the MAC of the request before it. */
		uint8_t before[66], reply[2048];
		for (unsigned part = 0; part < 3; part++) {
			before[0] = 0;
			before[1] = (uint8_t)mac_len;
			memcpy(before + 2, expected, mac_len);
			memcpy(reply, question, QUESTION_LEN);
			reply[2] = 0x84;
			memcpy(input, before, mac_len + 2);
			memcpy(input + mac_len + 2, reply, QUESTION_LEN);
			input_len = mac_len + 2 + QUESTION_LEN;
			if (part == 0) {
				input_len += put_variables(input + input_len, kinds[kind].text, NOW + 1, 0);
			} else { /* those that follow: the MAC of the one before, and of the variables the times */
				wire_set16(input + input_len, 0);
				wire_set32(input + input_len + 2, NOW + 1 + part);
				wire_set16(input + input_len + 6, 300);
				input_len += 8;
			}
			HMAC(kinds[kind].digest(), secret, sizeof(secret), input, input_len, expected, &mac_len);
			const size_t room = tsig_room(&server);
			len = tsig_sign(&server, reply, QUESTION_LEN, sizeof(reply), NOW + 1 + part);
			assert_int_equal(len, QUESTION_LEN + room);
			assert_true(tsig_read(&record, reply, len, tsig_at(reply, len)));
			assert_memory_equal(record.mac, expected, mac_len);
			assert_int_equal(wire_get16(reply + 10), 1);
			assert_true(tsig_check_reply(&client, reply, len, tsig_at(reply, len), NOW + 1 + part));
		}
	}
}

/* What a server says to requests it does not take. */
static void test_refusals(void **state)
{
	(void)state;
	renew_keyring(NULL);
	struct tsig client, server;
	struct tsig_record record;
	uint8_t message[2048], reply[2048];
	size_t len = ask(&client, message, NOW), at = tsig_at(message, len);

	/* Too old, too new: signed, with both times. */
	const uint64_t times[] = { NOW - 301, NOW + 301 };
	for (unsigned i = 0; i < 2; i++) {
		server = (struct tsig){ 0 };
		assert_int_equal(tsig_check(&server, keyring, message, len, at, times[i]), RCODE_NOTAUTH);
		assert_null(server.key);
		memcpy(reply, question, QUESTION_LEN);
		size_t reply_len = tsig_sign(&server, reply, QUESTION_LEN, sizeof(reply), times[i]);
		assert_true(tsig_read(&record, reply, reply_len, QUESTION_LEN));
		assert_int_equal(record.error, TSIG_BADTIME);
		assert_int_equal(record.time_s, NOW);
		assert_int_equal(record.other_len, 6);
		assert_int_equal(wire_get32(record.other + 2), times[i]);
		assert_int_equal(record.mac_len, 32);
	}
	for (int drift = -300; drift <= 300; drift += 300) {
		server = (struct tsig){ 0 };
		assert_int_equal(tsig_check(&server, keyring, message, len, at, (uint64_t)((int64_t)NOW + drift)),
		                 0);
	}

	/* A wrong MAC, an unknown key, another algorithm than the key's: not signed, the times as they
	 * were. */
	for (unsigned i = 0; i < 3; i++) {
		uint8_t bad[2048];
		memcpy(bad, message, len);
		bad[i == 0 ? len - 10 : i == 1 ? at + 1 : at + 10 + 10 + 8] ^= 1;
		server = (struct tsig){ 0 };
		assert_int_equal(tsig_check(&server, keyring, bad, len, at, NOW), RCODE_NOTAUTH);
		assert_null(server.key);
		memcpy(reply, question, QUESTION_LEN);
		size_t reply_len = tsig_sign(&server, reply, QUESTION_LEN, sizeof(reply), NOW + 5);
		assert_true(tsig_read(&record, reply, reply_len, QUESTION_LEN));
		assert_int_equal(record.error, i == 0 ? TSIG_BADSIG : TSIG_BADKEY);
		assert_int_equal(record.mac_len, 0);
		assert_int_equal(record.time_s, NOW);
		assert_false(tsig_check_reply(&client, reply, reply_len, QUESTION_LEN, NOW));
	}

	/* Cut short: FORMERR below what may be, BADTRUNC (if right) or BADSIG from there. */
	assert_true(tsig_read(&record, message, len, at));
	uint8_t mac[32];
	memcpy(mac, record.mac, sizeof(mac));
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		for (uint16_t cut = 0; cut < 32; cut++) {
			struct writer w = writer_on(reply, sizeof(reply));
			writer_put(&w, message, at);
			record.mac = mac;
			record.mac_len = cut;
			tsig_write(&w, &record);
			server = (struct tsig){ 0 };
			const unsigned rcode = tsig_check(&server, keyring, reply, writer_len(&w), at, NOW);
			assert_int_equal(rcode, cut < 16 ? RCODE_FORMERR : RCODE_NOTAUTH);
			assert_null(server.key);
			if (cut >= 16)
				assert_int_equal(server.error, wrong ? TSIG_BADSIG : TSIG_BADTRUNC);
		}
		mac[3] ^= 0x40;
	}
}

/* One to four changes: bits, octets, parts moved, cut and put in. */
static size_t mutate(uint8_t *message, size_t len, size_t size)
{
	for (unsigned times = 1 + chance(4); times > 0; times--) {
		const size_t at = chance((uint32_t)len), count = 1 + chance(8);
		switch (chance(5)) {
		case 0:
			message[at] ^= (uint8_t)(1u << chance(8));
			break;
		case 1:
			message[at] = (uint8_t)chance(256);
			break;
		case 2:
			if (at + count < len) {
				memmove(message + at, message + at + count, len - at - count);
				len -= count;
			}
			break;
		case 3:
			if (len + count <= size) {
				memmove(message + at + count, message + at, len - at);
				for (size_t i = 0; i < count; i++)
					message[at + i] = (uint8_t)chance(256);
				len += count;
			}
			break;
		default:
			if (at + 2 <= len)
				wire_set16(message + at, (uint16_t)chance(65536));
		}
	}
	return len;
}

/* The same request but for what no MAC covers: the id, which the record has too; the letters' case and
 * the compression of the record's names; the count, which only says that the record is there. */
static bool same_meaning(const uint8_t *message, size_t len, const struct tsig_record *good,
                         const uint8_t *original, size_t at)
{
	struct tsig_record record;
	struct request request;
	if (message_parse(&request, message, len) != PARSED_OK || request.tsig_at != at ||
	    !tsig_read(&record, message, len, at))
		return false;
	return record.id == good->id && record.time_s == good->time_s &&
	       record.fudge_s == good->fudge_s && record.error == good->error && record.other_len == 0 &&
	       record.mac_len == good->mac_len && memcmp(record.mac, good->mac, good->mac_len) == 0 &&
	       name_equal(record.key, good->key) && name_equal(record.algorithm, good->algorithm) &&
	       memcmp(message + 2, original + 2, at - 2) == 0;
}

static void test_mutations(void **state)
{
	(void)state;
	unsigned accepted = 0, read = 0;
	for (unsigned i = 0; i < 100000; i++) {
		struct tsig client, server = { 0 };
		struct request request;
		uint8_t good[2048], bad[2048];
		if (i % 20000 == 0)
			renew_keyring(kinds[i / 20000].text);
		const size_t good_len = ask(&client, good, NOW);
		struct tsig_record record;
		const size_t at = tsig_at(good, good_len);
		assert_true(tsig_read(&record, good, good_len, at));
		memcpy(bad, good, good_len);
		const size_t len = mutate(bad, good_len, sizeof(bad));
		if (len == good_len && memcmp(bad, good, len) == 0)
			continue;
		const uint8_t *message = guarded(bad, len);
		const enum parsed parsed = message_parse(&request, message, len);
		if (parsed == PARSED_DROP || !request.tsig_at || same_meaning(message, len, &record, good, at))
			continue;
		read++;
		if (tsig_check(&server, keyring, message, len, request.tsig_at, NOW) == 0 || server.key)
			accepted++;
	}
	assert_int_equal(accepted, 0);
	assert_true(read > 30000); /* the others did not even come that far */
}

/* A reply that was signed for another question, out of order, or not at all is not believed. */
static void test_replies(void **state)
{
	(void)state;
	renew_keyring(NULL);
	struct tsig client, other, server = { 0 };
	uint8_t message[2048], reply[3][2048];
	size_t reply_len[3], len = ask(&client, message, NOW);
	assert_int_equal(tsig_check(&server, keyring, message, len, tsig_at(message, len), NOW), 0);
	for (unsigned i = 0; i < 3; i++) {
		memcpy(reply[i], question, QUESTION_LEN);
		reply_len[i] = tsig_sign(&server, reply[i], QUESTION_LEN, sizeof(reply[i]), NOW);
	}
	ask(&other, message, NOW + 1);
	assert_false(tsig_check_reply(&other, reply[0], reply_len[0], QUESTION_LEN, NOW));
	assert_false(tsig_check_reply(&client, reply[0], QUESTION_LEN, 0, NOW));
	assert_false(tsig_check_reply(&client, reply[1], reply_len[1], QUESTION_LEN, NOW));
	assert_false(tsig_check_reply(&client, reply[0], reply_len[0], QUESTION_LEN, NOW + 301));
	assert_true(tsig_check_reply(&client, reply[0], reply_len[0], QUESTION_LEN, NOW));
	assert_false(tsig_check_reply(&client, reply[2], reply_len[2], QUESTION_LEN, NOW));
	assert_true(tsig_check_reply(&client, reply[1], reply_len[1], QUESTION_LEN, NOW));
	assert_true(tsig_check_reply(&client, reply[2], reply_len[2], QUESTION_LEN, NOW));
	/* No room: then nothing goes out. */
	memcpy(reply[0], question, QUESTION_LEN);
	assert_int_equal(tsig_sign(&server, reply[0], QUESTION_LEN, QUESTION_LEN + 40, NOW), 0);
}

static void test_keys(void **state)
{
	(void)state;
	struct keyring *ring;
	const uint8_t long_secret[TSIG_SECRET_MAX + 1] = { 0 };
	assert_int_equal(keyring_new(&ring, crypto), MIST_OK);
	assert_int_equal(keyring_add(ring, key_name, "hmac-md5", secret, 16), MIST_EINVAL);
	assert_int_equal(keyring_add(ring, key_name, "hmac-sha3", secret, 16), MIST_EINVAL);
	assert_int_equal(keyring_add(ring, key_name, "", secret, 16), MIST_EINVAL);
	assert_int_equal(keyring_add(ring, key_name, NULL, secret, 0), MIST_EKEY);
	assert_int_equal(keyring_add(ring, key_name, NULL, long_secret, sizeof(long_secret)), MIST_EKEY);
	assert_null(keyring_find(ring, key_name));
	assert_int_equal(keyring_add(ring, key_name, "HMAC-SHA512.", secret, TSIG_SECRET_MAX / 8), MIST_OK);
	for (unsigned i = 1; i < KEYRING_MAX; i++) {
		char text[16];
		uint8_t name[NAME_MAX];
		snprintf(text, sizeof(text), "key%u", i);
		name_from_text(name, text);
		assert_int_equal(keyring_add(ring, name, NULL, secret, 16), MIST_OK);
		assert_non_null(keyring_find(ring, name));
	}
	assert_int_equal(keyring_add(ring, (const uint8_t *)"\1x", NULL, secret, 16), MIST_ELIMIT);
	assert_non_null(keyring_find(ring, (const uint8_t *)"\4tEST\3KEY"));
	assert_null(keyring_find(ring, (const uint8_t *)"\4test"));
	assert_non_null(strstr(keyring_refuses_name(
		(const uint8_t *)"\10HMAC-MD5\7SIG-ALG\3REG\3INT"), "MD5 is broken"));
	assert_null(keyring_refuses("hmac-sha384"));
	assert_false(keyring_discourages("hmac-sha384"));
	assert_true(keyring_discourages("HMAC-SHA1"));
	keyring_hold(ring);
	keyring_release(ring);
	assert_non_null(keyring_find(ring, key_name));
	keyring_release(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_mutations),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
