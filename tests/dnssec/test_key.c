/* Keys: made, written, read, and exchanged with dnssec-keygen, dnssec-signzone and the ldns
 * tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/stat.h>

#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/core_names.h>

#include "dnssec/crypto.h"
#include "dnssec/key.h"
#include "scratch.h"

static struct crypto *crypto;
static char directory[64];
static struct heard heard;
static const struct mist_reporter reporter = { .report = heard_report, .user = &heard };
static uint8_t zone[NAME_MAX];

static int set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	memset(&heard, 0, sizeof(heard));
	assert_int_not_equal(name_from_text(zone, "example.test"), 0);
	return crypto_new(&crypto);
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	crypto_free(crypto);
	return 0;
}

/* libcrypto's word on a signature, from the public key as it stands in the DNSKEY. */
static bool verifies(const struct key *key, const void *octets, size_t len, const uint8_t *signature)
{
	uint8_t rdata[DNSKEY_LEN_MAX];
	size_t rdata_len = key_dnskey(key, rdata);
	EVP_PKEY *public = NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok;
	if (key_algorithm(key) == MIST_ALGORITHM_ED25519) {
		public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, rdata + 4, rdata_len - 4);
		ok = EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
		     EVP_DigestVerify(context, signature, SIGNATURE_LEN, octets, len) == 1;
	} else {
		uint8_t point[65] = { 4 }, *der = NULL;
		memcpy(point + 1, rdata + 4, 64);
		OSSL_PARAM parameters[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){ "P-256" }, 0),
			OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
			OSSL_PARAM_construct_end(),
		};
		EVP_PKEY_CTX *from = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
		EVP_PKEY_fromdata_init(from);
		EVP_PKEY_fromdata(from, &public, EVP_PKEY_PUBLIC_KEY, parameters);
		EVP_PKEY_CTX_free(from);
		ECDSA_SIG *numbers = ECDSA_SIG_new();
		ECDSA_SIG_set0(numbers, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
		int der_len = i2d_ECDSA_SIG(numbers, &der);
		ECDSA_SIG_free(numbers);
		ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, public) == 1 &&
		     EVP_DigestVerify(context, der, (size_t)der_len, octets, len) == 1;
		OPENSSL_free(der);
	}
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	return ok;
}

static void test_sign(void **state)
{
	(void)state;
	const enum mist_algorithm algorithms[] = { MIST_ALGORITHM_ECDSAP256SHA256, MIST_ALGORITHM_ED25519 };
	for (unsigned i = 0; i < 2; i++) {
		struct key *key;
		struct signer *signer;
		assert_int_equal(key_generate(&key, crypto, zone, algorithms[i]), MIST_OK);
		assert_int_equal(key_algorithm(key), algorithms[i]);
		assert_int_equal(signer_new(&signer, key), MIST_OK);
		/* Many, because r or s is shorter than 32 octets in one signature of 128. */
		for (unsigned n = 0; n < 1000; n++) {
			char text[32];
			uint8_t signature[SIGNATURE_LEN];
			int len = snprintf(text, sizeof(text), "message %u", n);
			assert_int_equal(signer_sign(signer, text, (size_t)len, signature), MIST_OK);
			assert_true(verifies(key, text, (size_t)len, signature));
			signature[n % SIGNATURE_LEN] ^= 1;
			assert_false(verifies(key, text, (size_t)len, signature));
		}
		signer_free(signer);
		key_free(key);
	}
}

static void assert_same_key(const struct key *a, const struct key *b)
{
	uint8_t x[DNSKEY_LEN_MAX], y[DNSKEY_LEN_MAX];
	size_t len = key_dnskey(a, x);
	assert_int_equal(key_dnskey(b, y), len);
	assert_memory_equal(x, y, len);
	assert_int_equal(key_tag(a), key_tag(b));
}

static void test_save_and_load(void **state)
{
	(void)state;
	struct key *made, *loaded;
	assert_int_equal(key_load(&made, crypto, zone, directory, &reporter), MIST_ENOTFOUND);
	assert_int_equal(key_load(&made, crypto, zone, "/nonexistent/keys", &reporter), MIST_ENOTFOUND);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(key_generate(&made, crypto, zone, i & 1 ? MIST_ALGORITHM_ED25519
		                                                         : MIST_ALGORITHM_DEFAULT), MIST_OK);
		assert_int_equal(key_save(made, directory, &reporter), MIST_OK);
		char path[256];
		struct stat status;
		snprintf(path, sizeof(path), "%s/Kexample.test.+%03d+%05u.private", directory,
		         (int)key_algorithm(made), key_tag(made));
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
		assert_int_equal(key_load(&loaded, crypto, zone, directory, &reporter), MIST_OK);
		assert_same_key(made, loaded);
		key_free(loaded);
		/* Never over another file. */
		assert_int_equal(key_save(made, directory, NULL), MIST_EFILE);
		/* The private file is enough. */
		assert_true(run("rm %s/*.key", directory));
		assert_int_equal(key_load(&loaded, crypto, zone, directory, NULL), MIST_OK);
		assert_same_key(made, loaded);
		key_free(loaded);
		key_free(made);
		assert_true(run("rm %s/K*; test -z \"$(ls -A %s)\"", directory, directory));
	}
	assert_string_equal(heard.text, "");
}

/* The zone's key alone goes, however its file's name is written; another one of it goes with it when none is known. */
static void test_remove(void **state)
{
	struct key *key, *other;
	uint8_t longer[NAME_MAX];
	(void)state;
	name_from_text(longer, "example.test.more");
	assert_int_equal(key_generate(&key, crypto, zone, MIST_ALGORITHM_DEFAULT), MIST_OK);
	assert_int_equal(key_generate(&other, crypto, longer, MIST_ALGORITHM_DEFAULT), MIST_OK);
	assert_int_equal(key_save(other, directory, &reporter), MIST_OK);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(key_save(key, directory, &reporter), MIST_OK);
		if (i & 1)
			assert_true(run("cd %s && for f in Kexample.test.+*; do mv $f KExample.TEST.${f#Kexample.test.}; done", directory));
		key_remove(zone, i & 2 ? NULL : key, directory);
		assert_true(run("test $(ls %s | wc -l) = 2", directory));
	}
	key_remove(longer, other, directory);
	key_remove(longer, other, directory);
	key_remove(longer, NULL, "/nonexistent/keys");
	assert_true(run("test -z \"$(ls -A %s)\"", directory));
	key_free(key);
	key_free(other);
	assert_string_equal(heard.text, "");
}

static void load_from(const char *command, int algorithm)
{
	struct key *key;
	assert_true(run("cd %s && %s >/dev/null 2>&1", directory, command));
	int error = key_load(&key, crypto, zone, directory, &reporter);
	assert_string_equal(heard.text, "");
	assert_int_equal(error, MIST_OK);
	assert_int_equal(key_algorithm(key), algorithm);
	key_free(key);
	assert_true(run("rm %s/K*", directory));
}

static void test_load_of_others(void **state)
{
	(void)state;
	if (have_tool("dnssec-keygen")) {
		load_from("dnssec-keygen -f KSK -a ECDSAP256SHA256 example.test", 13);
		load_from("dnssec-keygen -f KSK -a ED25519 Example.TEST.", 15);
	}
	if (have_tool("ldns-keygen")) {
		/* Several: it leaves out leading zeros. */
		for (unsigned i = 0; i < 20; i++)
			load_from("ldns-keygen -k -a ECDSAP256SHA256 example.test", 13);
		load_from("ldns-keygen -k -a ED25519 example.test", 15);
	}
}

#define ZONE_TEXT "example.test. 300 IN SOA ns.example.test. h.example.test. 1 1 1 1 300\\n" \
	"example.test. 300 IN NS ns.example.test.\\nns.example.test. 300 IN A 192.0.2.1\\n"

static void test_others_sign_with_ours(void **state)
{
	(void)state;
	const enum mist_algorithm algorithms[] = { MIST_ALGORITHM_ECDSAP256SHA256, MIST_ALGORITHM_ED25519 };
	for (unsigned i = 0; i < 2; i++) {
		struct key *key;
		assert_int_equal(key_generate(&key, crypto, zone, algorithms[i]), MIST_OK);
		assert_int_equal(key_save(key, directory, &reporter), MIST_OK);
		key_free(key);
		assert_true(run("printf '" ZONE_TEXT "' >%s/zone", directory));
		if (have_tool("dnssec-signzone"))
			assert_true(run("cd %s && dnssec-signzone -z -S -K . -o example.test zone >log 2>&1 && "
			                "dnssec-verify -z -o example.test zone.signed >log 2>&1", directory));
		if (have_tool("ldns-signzone"))
			assert_true(run("cd %s && cat K*.key >>zone && ldns-signzone -o example.test -f signed zone "
			                "$(basename K*.key .key) >log 2>&1 && ldns-verify-zone -k "
			                "$(ls K*.key) signed >log 2>&1", directory));
		assert_true(run("rm %s/K*", directory));
	}
}

/* Spoils the files of a good key and expects a message. */
static void spoil(const char *command, const char *message)
{
	struct key *key;
	assert_int_equal(key_generate(&key, crypto, zone, MIST_ALGORITHM_DEFAULT), MIST_OK);
	assert_int_equal(key_save(key, directory, &reporter), MIST_OK);
	key_free(key);
	assert_true(run("cd %s && %s", directory, command));
	memset(&heard, 0, sizeof(heard));
	key = NULL;
	int error = key_load(&key, crypto, zone, directory, &reporter);
	if (error != MIST_EKEY || !strstr(heard.text, message) || !strstr(heard.text, directory))
		fail_msg("after `%s`: error %d, \"%s\" without \"%s\"", command, error, heard.text, message);
	assert_null(key);
	assert_true(run("rm -r %s/K*", directory));
}

static void test_spoiled(void **state)
{
	(void)state;
	spoil("chmod 640 K*.private", "chmod 600");
	spoil("rm K*.private", "private key is missing");
	spoil("sed -i s/v1.3/v2.0/ K*.private", "no private key");
	spoil(": >$(echo K*.private)", "no private key");
	spoil("sed -i 's/Algorithm: 13/Algorithm: 8/' K*.private", "algorithm 8");
	spoil("sed -i 's/Algorithm: 13/Algorithm: 15/' K*.private", "its name 13");
	spoil("sed -i 's/^PrivateKey: ../PrivateKey: !!/' K*.private", "base64");
	spoil("sed -i '/^PrivateKey/d' K*.private", "base64");
	spoil("sed -i 's/^PrivateKey: .*/PrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=/' "
	      "K*.private", "does not take");
	spoil("sed -i 's|^PrivateKey: .*|PrivateKey: //////////////////////////////////////////8=|' "
	      "K*.private", "does not take");
	spoil("sed -i 's/^PrivateKey: .*/PrivateKey: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=/' "
	      "K*.private", "key tag");
	spoil("sed -i 's/ 257 / 256 /' K*.key", "flags 256");
	spoil("sed -i 's/^example.test/other.test/' K*.key", "other.test");
	spoil("sed -i 's/ 3 13 ..../ 3 13 AAAA/' K*.key", "does not belong");
	spoil("sed -i 's/DNSKEY/KEY/' K*.key", "no DNSKEY");
	spoil(": >$(echo K*.key)", "no DNSKEY");
	spoil("head -c 9000 /dev/zero >$(echo K*.key)", "no key file");
	spoil("f=$(echo K*.key); rm $f; mkdir $f", "no regular file");
	spoil("for f in K*; do mv $f $(echo $f | sed 's/+[0-9]*\\./+00001./'); done", "key tag");
	spoil("for f in K*; do cp -p $f $(echo $f | sed 's/+[0-9]*\\./+00001./'); done", "two keys");
	if (have_tool("dnssec-keygen"))
		spoil("rm K*; dnssec-keygen -f KSK -a RSASHA256 -b 2048 example.test >log 2>&1",
		      "algorithm 8");
}

/* RFC 6605 section 6.1 and RFC 8080 section 6.1: key tag and DS of known keys. */
static void known(const char *name, int algorithm, const char *private, unsigned tag,
                  const uint8_t *digest)
{
	struct key *key;
	uint8_t ds[36];
	name_from_text(zone, name);
	assert_true(run("cd %s && printf 'Private-key-format: v1.2\\nAlgorithm: %d\\nPrivateKey: %s\\n' "
	                ">K%s.+%03d+%05u.private && chmod 600 K*", directory, algorithm, private, name,
	                algorithm, tag));
	assert_int_equal(key_load(&key, crypto, zone, directory, NULL), MIST_OK);
	assert_int_equal(key_tag(key), tag);
	assert_int_equal(key_ds(key, ds), 36);
	assert_int_equal(ds[0] << 8 | ds[1], tag);
	assert_int_equal(ds[2], algorithm);
	assert_int_equal(ds[3], 2);
	assert_memory_equal(ds + 4, digest, 32);
	key_free(key);
	assert_true(run("rm %s/K*", directory));
}

static void test_known(void **state)
{
	(void)state;
	known("example.net", 13, "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=", 55648,
	      (const uint8_t[]){ 0xb4, 0xc8, 0xc1, 0xfe, 0x2e, 0x74, 0x77, 0x12, 0x7b, 0x27, 0x11, 0x56,
	                         0x56, 0xad, 0x62, 0x56, 0xf4, 0x24, 0x62, 0x5b, 0xf5, 0xc1, 0xe2, 0x77,
	                         0x0c, 0xe6, 0xd6, 0xe3, 0x7d, 0xf6, 0x1d, 0x17 });
	known("example.com", 15, "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=", 3613,
	      (const uint8_t[]){ 0x3a, 0xa5, 0xab, 0x37, 0xef, 0xce, 0x57, 0xf7, 0x37, 0xfc, 0x16, 0x27,
	                         0x01, 0x3f, 0xee, 0x07, 0xbd, 0xf2, 0x41, 0xbd, 0x10, 0xf3, 0xb1, 0x96,
	                         0x4a, 0xb5, 0x5c, 0x78, 0xe7, 0x9a, 0x30, 0x4b });
}

static void test_zone_text(void **state)
{
	(void)state;
	char text[KEY_ZONE_TEXT_MAX];
	uint8_t name[NAME_MAX];
	name_from_text(name, "we/ird.Ex_ample\\.te-st.\\000");
	key_zone_text(text, name);
	assert_string_equal(text, "we%2Fird.ex_ample%2Ete-st.%00.");
	key_zone_text(text, (const uint8_t *)"");
	assert_string_equal(text, ".");
}

static void test_lock(void **state)
{
	(void)state;
	assert_int_equal(key_lock("/nonexistent/keys"), -1);
	int lock = key_lock(directory);
	assert_true(lock >= 0);
	close(lock);
	lock = key_lock(directory);
	assert_true(lock >= 0);
	close(lock);
}

static void test_base64(void **state)
{
	(void)state;
	uint8_t octets[64];
	char text[32];
	assert_int_equal(base64_decode(octets, 3, "Zm9v", 4), 3);
	assert_int_equal(base64_decode(octets, 2, "Zm9v", 4), -1);
	assert_int_equal(base64_decode(octets, 64, " Z g\n= =", 8), 1);
	const char *const bad[] = { "", "Z", "Zg=", "Zg", "=Zg=", "Zg=x", "Z===", "Zg==Zg==", "Zm9\xc3" };
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(base64_decode(octets, 64, bad[i], strlen(bad[i])), -1);
	assert_int_equal(base64_encode(text, sizeof(text), (const uint8_t *)"foob", 4), 8);
	assert_string_equal(text, "Zm9vYg==");
	assert_int_equal(base64_encode(text, 8, (const uint8_t *)"foob", 4), -1);
}

struct visitor {
	struct crypto *crypto;
	pthread_barrier_t barrier;
	int error;
};

/* Makes a key, signs, and lives on until its crypto is gone. */
static void *visit(void *argument)
{
	struct visitor *visitor = argument;
	struct key *key = NULL;
	struct signer *signer = NULL;
	uint8_t signature[SIGNATURE_LEN];
	visitor->error = key_generate(&key, visitor->crypto, zone, MIST_ALGORITHM_ECDSAP256SHA256);
	if (!visitor->error)
		visitor->error = signer_new(&signer, key);
	if (!visitor->error)
		visitor->error = signer_sign(signer, "x", 1, signature);
	signer_free(signer);
	key_free(key);
	pthread_barrier_wait(&visitor->barrier);
	pthread_barrier_wait(&visitor->barrier);
	return NULL;
}

/* A content is sealed by one thread and freed by another, which may be the earlier to go. */
static void test_threads_outlive_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct visitor visitor = { 0 };
		pthread_t thread;
		assert_int_equal(crypto_new(&visitor.crypto), MIST_OK);
		pthread_barrier_init(&visitor.barrier, NULL, 2);
		assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
		pthread_barrier_wait(&visitor.barrier);
		crypto_free(visitor.crypto);
		pthread_barrier_wait(&visitor.barrier);
		pthread_join(thread, NULL);
		pthread_barrier_destroy(&visitor.barrier);
		assert_int_equal(visitor.error, MIST_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_save_and_load, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_load_of_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others_sign_with_ours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spoiled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zone_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_base64, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_threads_outlive_it, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
