/*
 * transfer/in.c: what transfers of every form come to, and that what is wrong, unsigned or altered ends them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/message.h"
#include "core/type.h"
#include "core/zone_walk.h"
#include "dnssec/key.h"
#include "dnssec/tsig.h"
#include "messages.h"
#include "transfer/in.h"

#define NOW 1700000000u

/* ---- transfers ---- */

static uint16_t ask(struct in *in, bool changes, const struct tsig_key *key, uint8_t request[512], size_t *len)
{
	const struct in_options options = { .zone = APEX, .changes = changes, .serial = 1, .as_it_comes = true,
	                                    .key = key };
	assert_int_equal(in_begin(in, &options), MIST_OK);
	*len = in_request(in, 77, request, 512, NOW);
	assert_int_not_equal(*len, 0);
	return 77;
}

static void ask_plainly(struct in *in, bool changes)
{
	uint8_t request[512];
	size_t len;
	ask(in, changes, NULL, request, &len);
}

static int take(struct in *in)
{
	end();
	return in_message(in, sent.octets, sent.len, NOW);
}

static unsigned records_of(const struct zone *zone)
{
	struct zone_walk walk;
	struct record record;
	const uint8_t *owner;
	unsigned count = 0;
	zone_walk_begin(&walk, zone);
	while (zone_walk_next(&walk, &owner, &record))
		count++;
	return count;
}

static void test_whole(void **state)
{
	(void)state;
	for (int changes = 0; changes < 2; changes++) {
		for (int many = 0; many < 2; many++) {
			struct in in;
			ask_plainly(&in, changes);
			begin(77, FLAG_QR | FLAG_AA, changes ? TYPE_IXFR : TYPE_AXFR);
			soa(2);
			ns();
			if (many) {
				assert_int_equal(take(&in), MIST_OK);
				assert_int_not_equal(in.state, IN_DONE);
				begin(77, FLAG_QR, 0);
			}
			a("A.t");
			a("b.t");
			soa(2);
			assert_int_equal(take(&in), MIST_OK);
			assert_int_equal(in.state, IN_DONE);
			assert_int_equal(in_finish(&in), MIST_OK);
			assert_non_null(in.whole);
			assert_false(in.has_changes);
			assert_int_equal(in.serial, 2);
			assert_int_equal(in.whole->serial, 2);
			assert_int_equal(records_of(in.whole), 4);
			in_free(&in);
		}
	}
}

static void test_changes(void **state)
{
	struct in in;
	(void)state;
	ask_plainly(&in, true);
	begin(77, FLAG_QR, TYPE_IXFR);
	soa(3);
	soa(1);
	a("old.t");
	soa(2);
	a("new.t");
	assert_int_equal(take(&in), MIST_OK);
	begin(77, FLAG_QR, 0);
	soa(2);
	a("new.t");
	soa(3);
	soa(3);
	assert_int_equal(take(&in), MIST_OK);
	assert_int_equal(in.state, IN_DONE);
	assert_true(in.has_changes);
	assert_null(in.whole);
	assert_int_equal(in.serial, 3);
	assert_int_equal(in.changes.count, 7);
	in_free(&in);
}

static void test_no_news(void **state)
{
	(void)state;
	for (uint32_t serial = 0; serial < 3; serial++) {
		struct in in;
		ask_plainly(&in, true);
		begin(77, FLAG_QR, TYPE_IXFR);
		soa(serial);
		assert_int_equal(take(&in), MIST_OK);
		assert_int_equal(in.state == IN_DONE, serial < 2); /* a later one: more follows */
		assert_false(in.has_changes);
		assert_null(in.whole);
		in_free(&in);
	}
}

/* Each of these ends the transfer at this message. */
static int end_with(bool changes, uint16_t id, uint16_t flags, uint16_t qtype, void (*fill)(void))
{
	struct in in;
	ask_plainly(&in, changes);
	begin(id, flags, qtype);
	fill();
	const int error = take(&in);
	if (error)
		assert_true(in.why[0] || error == MIST_ENOMEM);
	in_free(&in);
	return error;
}

static void fill_nothing(void) { }
static void fill_good(void) { soa(2); ns(); soa(2); }
static void fill_no_soa(void) { ns(); soa(2); }
static void fill_other_soa(void) { soa(2); ns(); soa(3); }
static void fill_outside(void) { soa(2); ns(); a("a.u"); }
static void fill_behind(void) { fill_good(); a("a.t"); }
static void fill_malformed(void) { soa(2); put("a.t", TYPE_A, "\1\2\3", 3); }
static void fill_short_soa(void) { put("t", TYPE_SOA, "\0\0", 2); }
static void fill_meta(void) { soa(2); put("a.t", TYPE_ANY, "", 0); }
static void fill_other_start(void) { soa(3); soa(2); }
static void fill_gap(void) { soa(4); soa(1); soa(2); soa(3); }
static void fill_rest(void) { fill_good(); writer_u8(&w, 0); }
static void fill_class(void)
{
	soa(2);
	writer_put(&w, "\1t\0\0\1\0\3\0\0\0\0\0\4\1\2\3\4", 17);
	wire_set16(sent.octets + 6, 2);
}
static void fill_count(void)
{
	fill_good();
	wire_set16(sent.octets + 6, 9);
}

static void test_wrong_ones(void **state)
{
	(void)state;
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_good), MIST_OK);
	assert_int_equal(end_with(false, 77, FLAG_QR, 0, fill_good), MIST_OK);
	assert_int_equal(end_with(false, 78, FLAG_QR, TYPE_AXFR, fill_good), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, 0, TYPE_AXFR, fill_good), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR | FLAG_TC, TYPE_AXFR, fill_good), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR | 4 << 11, TYPE_AXFR, fill_good), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_IXFR, fill_good), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR | RCODE_REFUSED, TYPE_AXFR, fill_nothing), MIST_EREFUSED);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_nothing), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_no_soa), MIST_ERECORD);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_other_soa), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_outside), MIST_ERECORD);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_behind), MIST_ERECORD);
	assert_int_not_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_malformed), MIST_OK);
	assert_int_not_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_short_soa), MIST_OK);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_meta), MIST_ERECORD);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_class), MIST_ERECORD);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_count), MIST_EMISMATCH);
	assert_int_equal(end_with(false, 77, FLAG_QR, TYPE_AXFR, fill_rest), MIST_EMISMATCH);
	assert_int_equal(end_with(true, 77, FLAG_QR, TYPE_IXFR, fill_other_start), MIST_EMISMATCH);
	assert_int_equal(end_with(true, 77, FLAG_QR, TYPE_IXFR, fill_gap), MIST_EMISMATCH);
}

/* ---- signatures ---- */

static struct keyring *keyring;

static int make_keys(void **state)
{
	static const uint8_t secret[32] = "a secret of both", other[32] = "a secret of nobody";
	struct crypto *crypto;
	(void)state;
	assert_int_equal(crypto_new(&crypto), MIST_OK);
	assert_int_equal(keyring_new(&keyring, crypto), MIST_OK);
	assert_int_equal(keyring_add(keyring, (const uint8_t *)"\1k", "hmac-sha256", secret, 32), MIST_OK);
	assert_int_equal(keyring_add(keyring, (const uint8_t *)"\1o", "hmac-sha256", other, 32), MIST_OK);
	crypto_free(crypto);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	keyring_release(keyring);
	return 0;
}

/* The primary's side of an exchange. */
static void answer(struct tsig *server, const uint8_t *request, size_t len)
{
	struct request parsed;
	uint8_t copy[512];
	memcpy(copy, request, len);
	assert_int_equal(message_parse(&parsed, copy, len), PARSED_OK);
	*server = (struct tsig){ 0 };
	assert_int_equal(tsig_check(server, keyring, copy, len, parsed.tsig_at, NOW), RCODE_NOERROR);
}

static void sign(struct tsig *server)
{
	end();
	sent.len = tsig_sign(server, sent.octets, sent.len, sizeof(sent.octets), NOW);
	assert_int_not_equal(sent.len, 0);
	tsig_end(server);
}

/* A stream of a first message, `between` unsigned ones, and a last one. */
static int stream_of(unsigned between, bool first_signed, bool last_signed)
{
	struct in in;
	struct tsig server;
	uint8_t request[512];
	size_t len;
	ask(&in, false, keyring_find(keyring, (const uint8_t *)"\1k"), request, &len);
	answer(&server, request, len);
	begin(77, FLAG_QR, TYPE_AXFR);
	soa(2);
	ns();
	end();
	if (first_signed)
		sign(&server);
	int error = in_message(&in, sent.octets, sent.len, NOW);
	for (unsigned i = 0; i < between && !error; i++) {
		char owner[16];
		snprintf(owner, sizeof(owner), "n%u.t", i);
		begin(77, FLAG_QR, 0);
		a(owner);
		end();
		if (i < TSIG_UNSIGNED_MAX)
			assert_true(tsig_pass_reply(&server, sent.octets, sent.len));
		error = in_message(&in, sent.octets, sent.len, NOW);
	}
	begin(77, FLAG_QR, 0);
	soa(2);
	end();
	if (last_signed)
		sign(&server);
	if (!error)
		error = in_message(&in, sent.octets, sent.len, NOW);
	tsig_end(&server);
	in_free(&in);
	return error;
}

static void test_signed_streams(void **state)
{
	(void)state;
	assert_int_equal(stream_of(0, true, true), MIST_OK);
	assert_int_equal(stream_of(3, true, true), MIST_OK);
	assert_int_equal(stream_of(TSIG_UNSIGNED_MAX, true, true), MIST_OK);
	assert_int_equal(stream_of(TSIG_UNSIGNED_MAX + 1, true, true), MIST_EMISMATCH);
	assert_int_equal(stream_of(3, true, false), MIST_EMISMATCH);
	assert_int_equal(stream_of(0, true, false), MIST_EMISMATCH);
	assert_int_equal(stream_of(0, false, false), MIST_EMISMATCH);
}

/* Not one bit of a signed message may be another, but those that the signature is not about: the id, which is
 * checked by itself, and the class, TTL and case of names of the TSIG record. What is accepted is the same zone. */
static void test_altered(void **state)
{
	struct tsig server;
	uint8_t request[512];
	size_t len;
	(void)state;
	static uint8_t good[MESSAGE_MAX];
	struct in in;
	ask(&in, false, keyring_find(keyring, (const uint8_t *)"\1k"), request, &len);
	answer(&server, request, len);
	begin(77, FLAG_QR, TYPE_AXFR);
	soa(2);
	ns();
	a("a.t");
	soa(2);
	const size_t plain_len = end();
	sign(&server);
	const size_t good_len = sent.len;
	memcpy(good, sent.octets, good_len);
	assert_int_equal(in_message(&in, good, good_len, NOW), MIST_OK);
	in_free(&in);
	for (size_t bit = 0; bit < 8 * good_len; bit++) {
		uint8_t altered[1024];
		assert_true(good_len < sizeof(altered));
		memcpy(altered, good, good_len);
		altered[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ask(&in, false, keyring_find(keyring, (const uint8_t *)"\1k"), request, &len);
		const int error = in_message(&in, altered, good_len, NOW);
		if (bit / 8 < plain_len)
			assert_int_not_equal(error, MIST_OK);
		in_free(&in);
	}
}

static void test_another_key(void **state)
{
	struct in in;
	struct tsig server;
	uint8_t request[512];
	size_t len;
	(void)state;
	ask(&in, false, keyring_find(keyring, (const uint8_t *)"\1o"), request, &len);
	answer(&server, request, len);
	begin(77, FLAG_QR, TYPE_AXFR);
	fill_good();
	sign(&server);
	in_free(&in);
	ask(&in, false, keyring_find(keyring, (const uint8_t *)"\1k"), request, &len);
	assert_int_equal(in_message(&in, sent.octets, sent.len, NOW), MIST_EMISMATCH);
	in_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_no_news),
		cmocka_unit_test(test_wrong_ones),
		cmocka_unit_test(test_signed_streams),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_another_key),
	};
	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
