/* TSIG: hostile messages through tsig_check(). None is taken for a key holder's, because nobody here
 * can make a MAC; and what is answered is a message that says so in one well-formed record. */
#include <stdlib.h>
#include <string.h>

#include "core/message.h"
#include "dnssec/key.h"
#include "dnssec/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

#define NOW 1700000000u

static struct keyring *keyring_once(void)
{
	static struct keyring *keyring;
	static const uint8_t secret[32] = "known to nobody outside of this";
	struct crypto *crypto;
	if (keyring)
		return keyring;
	if (crypto_new(&crypto) || keyring_new(&keyring, crypto) ||
	    keyring_add(keyring, (const uint8_t *)"\1k", "hmac-sha256", secret, sizeof(secret)) ||
	    keyring_add(keyring, (const uint8_t *)"\1l", "hmac-sha512", secret, sizeof(secret)))
		abort();
	crypto_free(crypto);
	return keyring;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct keyring *keyring = keyring_once();
	struct request request;
	struct tsig server = { 0 }, client;
	struct tsig_record record;
	uint8_t reply[2048];

	if (message_parse(&request, octets, len) != PARSED_OK || !request.tsig_at)
		return 0;
	const unsigned rcode = tsig_check(&server, keyring, octets, len, request.tsig_at, NOW);
	if (server.key || (rcode != RCODE_NOTAUTH && rcode != RCODE_FORMERR))
		abort();
	memset(reply, 0, MESSAGE_HEADER);
	reply[2] = 0x80;
	const size_t room = tsig_room(&server);
	const size_t reply_len = tsig_sign(&server, reply, MESSAGE_HEADER, sizeof(reply), NOW);
	if (reply_len != MESSAGE_HEADER + room)
		abort();
	if (room && (wire_get16(reply + 10) != 1 || !tsig_read(&record, reply, reply_len, MESSAGE_HEADER) ||
	             record.error != server.error))
		abort();
	tsig_ask(&client, keyring_find(keyring, (const uint8_t *)"\1k"));
	if (tsig_check_reply(&client, octets, len, request.tsig_at, NOW))
		abort();
	return 0;
}
