/*
 * Registered names through the public calls: who is answered, under which names, until when, and what is
 * left when they have gone.
 */
#include "edit_kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "net/server.h"
#include "scratch.h"

static struct mist_server *server;
static struct mist_lookup *lookup;
static char text[512];
static struct heard heard;

static void add_zone(struct mist_content *content, const char *name, bool registry, size_t addresses)
{
	static const char *const one[] = { "127.0.0.1", "::1" };
	struct mist_zone *zone;
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
		.name = name, .registry = registry, .addresses = one, .address_count = addresses,
		.dnssec = MIST_DNSSEC_SIGN, .ephemeral_key = true }, &zone), MIST_OK);
}

static struct mist_content *content_of(unsigned registries)
{
	struct mist_content_options options = { .size = sizeof(options), .forward_by_default = true };
	struct mist_content *content;
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	add_zone(content, "arcbox.local", true, 0);
	add_zone(content, "editor.land", registries > 1, 2);
	return content;
}

static int start_with(unsigned registries)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 2);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(mist_start(&server, &options, content_of(registries)), MIST_OK);
	return mist_lookup_open(&lookup, server);
}
static int start(void **state) { (void)state; return start_with(1); }
static int start_two(void **state) { (void)state; return start_with(2); }

static int stop(void **state)
{
	(void)state;
	mist_lookup_close(lookup);
	return mist_stop(server);
}

/* Addresses are given in one text, separated by spaces. */
static int put(const char *name, const char *owner, unsigned tier, const char *addresses, uint32_t lease_ms)
{
	const char *list[64];
	size_t count = 0;
	char *copy = strdup(addresses), *save = NULL;
	for (char *one = strtok_r(copy, " ", &save); one; one = strtok_r(NULL, " ", &save))
		list[count++] = one;
	int error = mist_register(server, &(struct mist_registration){ .size = sizeof(struct mist_registration),
		.name = name, .owner = owner, .tier = tier, .addresses = list, .address_count = count,
		.lease_ms = lease_ms });
	free(copy);
	return error;
}

/* "RCODE first second ...; authority", with an id of our own. */
static const char *ask_id(struct mist_lookup *with, const char *name, const char *type, uint16_t id, char to[512])
{
	uint8_t query[300] = { (uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1 }, response[4096], owner[NAME_MAX];
	size_t len = sizeof(response), at = 12;
	char rcode[16];
	int size = mist_name_from_text(name, query + 12);
	query[12 + size] = (uint8_t)(type_from_text(type) >> 8);
	query[13 + size] = (uint8_t)type_from_text(type);
	query[15 + size] = 1;
	int error = mist_lookup_message(with, query, 16 + (size_t)size, response, &len);
	if (error)
		return strcpy(to, error == MIST_EFORWARD ? "forwarded" : mist_strerror(error));
	strcpy(to, rcode_to_text(response[3] & 15, rcode));
	strcat(to, response[2] & 4 ? " aa" : "");
	at += (size_t)size + 4;
	for (unsigned i = 0; i < (unsigned)response[7] + response[9]; i++) {
		at += name_read(response, len, at, owner);
		char address[64], name_text[NAME_TEXT_MAX];
		unsigned this = wire_get16(response + at), rdata_len = wire_get16(response + at + 8);
		if (this == TYPE_A || this == TYPE_AAAA) {
			inet_ntop(this == TYPE_A ? AF_INET : AF_INET6, response + at + 10, address, sizeof(address));
			strcat(strcat(to, " "), address);
		} else if (this == TYPE_SOA) {
			name_to_text(name_text, owner);
			strcat(strcat(to, " SOA "), name_text);
		} else if (this == TYPE_PTR) {
			name_read(response, len, at + 10, owner);
			name_to_text(name_text, owner);
			strcat(strcat(to, " "), name_text);
		}
		at += 10 + rdata_len;
	}
	return to;
}

static void assert_answer(const char *name, const char *type, const char *wanted)
{
	assert_string_equal(ask_id(lookup, name, type, 0, text), wanted);
}

/* ---- who is answered ------------------------------------------------------------------------- */

static void owners_and_tiers(void **state)
{
	(void)state;
	assert_answer("web.arcbox.local", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_int_equal(put("web", "a", 1, "172.17.0.2 172.17.0.2 fd00::2", 0), MIST_OK);
	assert_int_equal(put("web", "b", 1, "172.17.0.3 172.17.0.2", 0), MIST_OK);
	assert_int_equal(put("web.arcbox.local", "sandbox", 2, "10.0.0.9", 0), MIST_OK);
	/* of one tier all, each address once; a higher tier waits */
	assert_answer("web.arcbox.local", "A", "NOERROR aa 172.17.0.2 172.17.0.3");
	assert_answer("web.arcbox.local", "AAAA", "NOERROR aa fd00::2");
	/* one owner less, the others stay as they were */
	assert_int_equal(mist_deregister(server, "a", "web"), MIST_OK);
	assert_answer("web.arcbox.local", "A", "NOERROR aa 172.17.0.2 172.17.0.3");
	assert_answer("web.arcbox.local", "AAAA", "NOERROR aa SOA arcbox.local");
	/* the same owner anew: other addresses in place of the old */
	assert_int_equal(put("web", "b", 1, "172.17.0.7", 0), MIST_OK);
	assert_answer("web.arcbox.local", "A", "NOERROR aa 172.17.0.7");
	assert_int_equal(mist_deregister(server, "b", NULL), MIST_OK);
	assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.9");
	assert_int_equal(mist_deregister(server, "nobody", NULL), MIST_ENOTFOUND);
	assert_int_equal(mist_deregister(server, "sandbox", "other"), MIST_ENOTFOUND);
	assert_int_equal(mist_deregister(server, "sandbox", "web.arcbox.local."), MIST_OK);
	assert_answer("web.arcbox.local", "A", "NXDOMAIN aa SOA arcbox.local");
}

static void all_orders(void **state)
{
	static const char *const orders[] = { "abc", "acb", "bac", "bca", "cab", "cba" };
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		for (const char *owner = "abc"; *owner; owner++)
			assert_int_equal(put("alias", (char[]){ *owner, 0 }, 0, (char[]){ '1', '0', '.', '0', '.', '0', '.',
				(char)('1' + *owner - 'a'), 0 }, 0), MIST_OK);
		assert_answer("alias", "A", "NOERROR aa 10.0.0.1 10.0.0.2 10.0.0.3");
		for (unsigned gone = 0; gone < 3; gone++) {
			char wanted[64] = "NOERROR aa";
			assert_int_equal(mist_deregister(server, (char[]){ orders[i][gone], 0 }, "alias"), MIST_OK);
			for (char owner = 'a'; owner <= 'c'; owner++) {
				if (strchr(orders[i] + gone + 1, owner))
					sprintf(wanted + strlen(wanted), " 10.0.0.%d", 1 + owner - 'a');
			}
			assert_answer("alias.arcbox.local", "A", gone < 2 ? wanted : "NXDOMAIN aa SOA arcbox.local");
		}
	}
}

static void bare_names(void **state)
{
	(void)state;
	assert_answer("web", "A", "NXDOMAIN aa SOA arcbox.local"); /* though other names are forwarded: */
	assert_answer("www.example.com", "A", "forwarded");
	assert_answer("web", "HTTPS", "NXDOMAIN aa SOA arcbox.local");
	assert_int_equal(put("web", "a", 0, "172.17.0.2", 0), MIST_OK);
	assert_answer("web", "A", "NOERROR aa 172.17.0.2");
	assert_answer("WEB", "A", "NOERROR aa 172.17.0.2");
	assert_answer("web", "AAAA", "NOERROR aa SOA arcbox.local");
	assert_answer("web", "HTTPS", "NOERROR aa SOA arcbox.local");
	assert_answer("other", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_answer("ns", "A", "NXDOMAIN aa SOA arcbox.local"); /* of the zone, but nobody registered it */
	assert_answer("other.arcbox.local", "TXT", "NXDOMAIN aa SOA arcbox.local");
	assert_answer("localhost", "A", "NOERROR aa 127.0.0.1");
	assert_answer("local", "A", "NXDOMAIN aa SOA local");
	/* names of several labels are completed as well, but are not answered without the zone */
	assert_int_equal(put("api.project", "a", 0, "172.17.0.4", 0), MIST_OK);
	assert_answer("api.project.arcbox.local", "A", "NOERROR aa 172.17.0.4");
	assert_answer("project.arcbox.local", "A", "NOERROR aa SOA arcbox.local");
	assert_answer("api.project", "A", "forwarded");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_answer("project.arcbox.local", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_answer("web", "A", "NXDOMAIN aa SOA arcbox.local");
}

static void reverse_names(void **state)
{
	(void)state;
	assert_answer("2.0.17.172.in-addr.arpa", "PTR", "NXDOMAIN aa SOA 17.172.in-addr.arpa");
	assert_int_equal(put("web", "a", 0, "172.17.0.2 fd00::2 93.184.0.9", 0), MIST_OK);
	assert_int_equal(put("api.proj", "b", 0, "172.17.0.2", 0), MIST_OK);
	assert_answer("2.0.17.172.in-addr.arpa", "PTR", "NOERROR aa api.proj.arcbox.local web.arcbox.local");
	assert_answer("2.0.17.172.in-addr.arpa", "A", "NOERROR aa SOA arpa");
	assert_answer("9.0.184.93.in-addr.arpa", "PTR", "NOERROR aa web.arcbox.local");
	assert_answer("8.8.8.8.in-addr.arpa", "PTR", "forwarded");
	assert_answer("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "PTR",
	              "NOERROR aa web.arcbox.local");
	assert_answer("1.0.0.127.in-addr.arpa", "PTR", "NOERROR aa editor.land"); /* which is made from it */
	assert_int_equal(mist_reload(server, content_of(1)), MIST_OK);
	assert_answer("9.0.184.93.in-addr.arpa", "PTR", "NOERROR aa web.arcbox.local");
	assert_int_equal(put("web", "a", 0, "172.17.0.3", 0), MIST_OK);
	assert_answer("2.0.17.172.in-addr.arpa", "PTR", "NOERROR aa api.proj.arcbox.local");
	assert_answer("3.0.17.172.in-addr.arpa", "PTR", "NOERROR aa web.arcbox.local");
	assert_answer("9.0.184.93.in-addr.arpa", "PTR", "forwarded");
	for (unsigned i = 0; i < 40; i++) { /* crowds say nothing, and stop nobody */
		char name[16];
		sprintf(name, "crowd%u", i);
		assert_int_equal(put(name, "c", 0, "172.17.0.9", 0), MIST_OK);
	}
	assert_int_equal(mist_publish(server, content_of(1)), MIST_OK);
	for (unsigned i = 0; i < 40; i++) {
		char name[16];
		sprintf(name, "crowd%u", i);
		assert_answer(name, "A", "NOERROR aa 172.17.0.9");
	}
	for (const char *owner = "abc"; *owner; owner++)
		assert_int_equal(mist_deregister(server, (char[]){ *owner, 0 }, NULL), MIST_OK);
	assert_answer("9.0.17.172.in-addr.arpa", "PTR", "NXDOMAIN aa SOA 17.172.in-addr.arpa");
	assert_answer("2.0.17.172.in-addr.arpa", "PTR", "NXDOMAIN aa SOA 17.172.in-addr.arpa");
	/* nobody but the registry reaches it */
	assert_int_equal(edit_now(server, "arpa", "+1.2.0.192.in-addr.arpa. 5 A 192.0.2.1\n", NULL), MIST_ENOTFOUND);
}

/* How many names an address has. */
static unsigned count_names(const char *reverse)
{
	uint8_t query[300] = { 0, 0, 1, 0, 0, 1 }, response[16384];
	size_t len = sizeof(response);
	const int size = mist_name_from_text(reverse, query + 12);
	query[13 + size] = TYPE_PTR;
	query[15 + size] = 1;
	assert_int_equal(mist_lookup_message(lookup, query, 16 + (size_t)size, response, &len), MIST_OK);
	return wire_get16(response + 6);
}

/* As many as a set may have records; who comes later is answered, and not named. */
static void names_of_an_address(void **state)
{
	char name[16];
	(void)state;
	for (unsigned i = 0; i < 103; i++) {
		sprintf(name, "n%u", i);
		assert_int_equal(put(name, "a", 0, "172.17.0.2", 0), MIST_OK);
		assert_int_equal(count_names("2.0.17.172.in-addr.arpa"), i < 100 ? i + 1 : 100);
	}
	assert_answer("n102", "A", "NOERROR aa 172.17.0.2");
	assert_int_equal(mist_deregister(server, "a", "n7"), MIST_OK);
	assert_int_equal(count_names("2.0.17.172.in-addr.arpa"), 99);
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_answer("2.0.17.172.in-addr.arpa", "PTR", "NXDOMAIN aa SOA 17.172.in-addr.arpa");
}

/* Spellings of a name are one name. */
static void whole_names(void **state)
{
	char whole[MIST_NAME_TEXT_SIZE];
	(void)state;
	static const char *const spellings[] = { "web", "WEB", "\\119eb", "web.arcbox.local", "Web.Arcbox.Local." };
	for (unsigned i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		assert_int_equal(mist_registered_name(server, spellings[i], whole), MIST_OK);
		assert_string_equal(whole, "web.arcbox.local");
	}
	assert_int_equal(mist_registered_name(server, "*.web", whole), MIST_ENAME);
	assert_int_equal(mist_registered_name(server, "", whole), MIST_ENAME);
	assert_int_equal(mist_registered_name(server, "web.editor.land.", whole), MIST_ENOTFOUND);
	assert_int_equal(mist_registered_name(server, NULL, whole), MIST_ENAME);
}

static void whole_name_in_which(void **state)
{
	char whole[MIST_NAME_TEXT_SIZE];
	(void)state;
	assert_int_equal(mist_registered_name(server, "web", whole), MIST_EINVAL);
	assert_int_equal(mist_registered_name(server, "web.editor.land", whole), MIST_OK);
}

static const struct rrset *served_set(const char *zone, const char *owner, uint16_t type)
{
	const struct view *view = atomic_load(&server->publisher.current);
	uint8_t wire[NAME_MAX];
	for (unsigned i = 0; i < view->zone_count; i++) {
		name_from_text(wire, zone);
		if (!name_equal(view->zones[i]->name, wire))
			continue;
		name_from_text(wire, owner);
		const struct node *node = zone_node(view->zones[i], wire);
		return node ? node_rrset(node, type) : NULL;
	}
	return NULL;
}

/* A name server that is registered is glue in the zone around its own, and nobody's there. */
static void glue(void **state)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 1);
	struct mist_content *content;
	(void)state;
	assert_int_equal(mist_content_new(&content, NULL), MIST_OK);
	add_zone(content, "test", false, 1);
	add_zone(content, "inner.test", true, 1);
	assert_int_equal(mist_start(&server, &options, content), MIST_OK);
	assert_int_equal(put("ns2", "a", 0, "10.0.0.1 10.0.0.2", 0), MIST_OK);
	assert_int_equal(edit_now(server, NULL, "+inner.test. 60 NS ns2.inner.test.\n", NULL), MIST_OK);
	const struct rrset *own = served_set("inner.test", "ns2.inner.test", TYPE_A);
	const struct rrset *copy = served_set("test", "ns2.inner.test", TYPE_A);
	assert_non_null(own);
	assert_non_null(copy);
	assert_int_equal(own->flags, RRSET_REGISTERED);
	assert_int_equal(copy->flags, RRSET_PLAIN_COPY);
	assert_true(rrset_same(own, copy));
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void in_turns(void **state)
{
	unsigned first[4] = { 0 };
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 fd00::1", 0), MIST_OK);
	for (unsigned id = 0; id < 400; id++) {
		ask_id(lookup, id % 2 ? "web" : "web.arcbox.local", "A", (uint16_t)(id * 7919), text);
		unsigned sum = 0;
		for (unsigned i = 1; i <= 4; i++) {
			char address[16];
			sprintf(address, "10.0.0.%u", i);
			assert_non_null(strstr(text, address));
			sum += i;
		}
		assert_int_equal(sum, 10);
		first[text[strlen("NOERROR aa 10.0.0.")] - '1']++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(first[i], 60, 140);
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
}

/* Whoever asks for addresses in process has no id to choose. */
static void calls_in_turns(void **state)
{
	unsigned first[2] = { 0 };
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1 10.0.0.2 fd00::1", 0), MIST_OK);
	for (unsigned i = 0; i < 10; i++) {
		struct mist_address list[3];
		size_t count = 3;
		assert_int_equal(mist_lookup_addresses(lookup, "web", list, &count), MIST_OK);
		assert_int_equal(count, 3);
		assert_int_equal(list[0].octets[3] + list[1].octets[3], 3);
		first[list[0].octets[3] - 1]++;
	}
	assert_int_equal(first[0], 5);
	assert_int_equal(first[1], 5);
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void mistakes(void **state)
{
	(void)state;
	assert_int_equal(put("web", "", 0, "10.0.0.1", 0), MIST_EINVAL);
	assert_int_equal(put("web", NULL, 0, "10.0.0.1", 0), MIST_EINVAL);
	assert_int_equal(put("web", "a", 0, "", 0), MIST_EINVAL);
	assert_int_equal(put("web", "a", 0, "10.0.0.256", 0), MIST_EINVAL);
	assert_int_equal(put("we..b", "a", 0, "10.0.0.1", 0), MIST_ENAME);
	assert_int_equal(put("*.web", "a", 0, "10.0.0.1", 0), MIST_ENAME);
	assert_int_equal(put("web.elsewhere.", "a", 0, "10.0.0.1", 0), MIST_ENOTFOUND);
	assert_int_equal(put("web.editor.land.", "a", 0, "10.0.0.1", 0), MIST_ENOTFOUND); /* no registry */
	assert_int_equal(put("ns", "a", 0, "10.0.0.1", 0), MIST_ECONFLICT); /* the zone's own */
	assert_int_equal(edit_now(server, NULL, "+alias.arcbox.local. 60 CNAME ns.arcbox.local.\n", NULL), MIST_OK);
	assert_int_equal(put("alias", "a", 0, "10.0.0.1", 0), MIST_ECONFLICT);
	/* what failed left nothing */
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_ENOTFOUND);
	assert_int_equal(edit_now(server, NULL, "!alias.arcbox.local. CNAME\n", NULL), MIST_OK);
	assert_int_equal(put("alias", "a", 0, "10.0.0.1", 0), MIST_OK);
	/* nor did it take what was there */
	assert_int_equal(put("alias", "a", 0, "10.0.0.300", 0), MIST_EINVAL);
	assert_answer("alias", "A", "NOERROR aa 10.0.0.1");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
}

static void too_many_addresses(void **state)
{
	char owner[16], address[32];
	int error = MIST_OK;
	unsigned i;
	(void)state;
	for (i = 0; i < 200 && !error; i++) {
		sprintf(owner, "owner-%u", i);
		sprintf(address, "10.1.%u.%u", i / 100, i % 100);
		error = put("crowd", owner, 0, address, 0);
	}
	assert_int_equal(error, MIST_ELIMIT);
	assert_int_equal(i, 101);
	/* who came too late is not there, and can come later */
	assert_int_equal(mist_deregister(server, "owner-100", NULL), MIST_ENOTFOUND);
	assert_int_equal(mist_deregister(server, "owner-7", NULL), MIST_OK);
	assert_int_equal(put("crowd", "owner-100", 0, "10.1.1.0", 0), MIST_OK);
	for (i = 0; i < 101; i++) {
		sprintf(owner, "owner-%u", i);
		assert_int_equal(mist_deregister(server, owner, NULL), i == 7 ? MIST_ENOTFOUND : MIST_OK);
	}
	assert_answer("crowd", "A", "NXDOMAIN aa SOA arcbox.local");
}

static void several_registries(void **state)
{
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_EINVAL); /* in which? */
	assert_int_equal(put("web.editor.land", "a", 0, "10.0.0.1", 0), MIST_OK);
	assert_int_equal(put("db.arcbox.local", "a", 0, "10.0.0.2", 0), MIST_OK);
	assert_answer("web", "A", "NOERROR aa 10.0.0.1");
	assert_answer("db", "A", "NOERROR aa 10.0.0.2");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_answer("web.editor.land", "A", "NOERROR aa 127.0.0.1"); /* the wildcard again */
	assert_answer("web", "A", "NXDOMAIN aa SOA arcbox.local");
}

static void wildcard_survives(void **state)
{
	(void)state;
	assert_int_equal(put("web.proj.editor.land", "a", 0, "10.0.0.1", 0), MIST_OK);
	assert_answer("web.proj.editor.land", "A", "NOERROR aa 10.0.0.1");
	assert_answer("proj.editor.land", "A", "NOERROR aa 127.0.0.1");
	assert_answer("api.proj.editor.land", "AAAA", "NOERROR aa ::1");
	assert_answer("x.web.proj.editor.land", "A", "NOERROR aa 127.0.0.1");
	assert_answer("web.proj.editor.land", "AAAA", "NOERROR aa SOA editor.land");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_answer("web.proj.editor.land", "A", "NOERROR aa 127.0.0.1");
}

/* ---- time and change ------------------------------------------------------------------------- */

static void wait_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

static void leases(void **state)
{
	(void)state;
	assert_int_equal(put("web", "long", 1, "10.0.0.1", 60000), MIST_OK);
	assert_int_equal(put("web", "short", 0, "10.0.0.2", 400), MIST_OK);
	assert_int_equal(put("other", "renewed", 0, "10.0.0.3", 400), MIST_OK);
	assert_answer("web", "A", "NOERROR aa 10.0.0.2");
	for (unsigned i = 0; i < 100; i++) {
		wait_ms(100);
		assert_int_equal(put("other", "renewed", 0, "10.0.0.3", 2000), MIST_OK);
		if (strcmp(ask_id(lookup, "web", "A", 0, text), "NOERROR aa 10.0.0.1") == 0)
			break;
	}
	assert_answer("web", "A", "NOERROR aa 10.0.0.1");
	assert_answer("other", "A", "NOERROR aa 10.0.0.3");
	for (unsigned i = 0; i < 100 && strncmp(ask_id(lookup, "other", "A", 0, text), "NOERROR", 7) == 0; i++)
		wait_ms(100);
	assert_answer("other", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_int_equal(mist_deregister(server, "renewed", NULL), MIST_ENOTFOUND);
	assert_int_equal(mist_deregister(server, "long", NULL), MIST_OK);
}

static void another_content(void **state)
{
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1 10.0.0.2", 0), MIST_OK);
	assert_int_equal(put("db", "b", 0, "10.0.0.3", 0), MIST_OK);
	for (unsigned i = 0; i < 4; i++) {
		struct mist_content *content = content_of(1);
		assert_int_equal(i % 2 ? mist_reload(server, content) : mist_publish(server, content), MIST_OK);
		assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.1 10.0.0.2");
		assert_answer("db", "A", "NOERROR aa 10.0.0.3");
		assert_string_equal(ask_id(lookup, "web", "A", 1, text), "NOERROR aa 10.0.0.2 10.0.0.1");
	}
	assert_int_equal(mist_deregister(server, "b", NULL), MIST_OK);
	assert_int_equal(mist_reload(server, content_of(1)), MIST_OK);
	assert_answer("db", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
}

static int from_inside;

/* A reporter that registers: an error, and no deadlock. */
static void register_from_inside(void *user, enum mist_level level, const char *file, unsigned line, const char *said)
{
	heard_report(user, level, file, line, said);
	if (strstr(said, "cannot be answered"))
		from_inside = put("inside.editor.land", "a", 0, "10.0.0.9", 0);
}

/* A reload forwards a name that is registered. It is not answered, and holds nobody up. */
static void forwarded_from_now_on(void **state)
{
	(void)state;
	static const char *const upstream[] = { "192.0.2.53" };
	struct mist_content_options options = { .size = sizeof(options), .reporter = { register_from_inside, &heard } };
	struct mist_content *content;
	assert_int_equal(put("web.editor.land", "a", 0, "10.0.0.1", 1500), MIST_OK);
	assert_int_equal(put("web.editor.land", "b", 0, "10.0.0.2", 0), MIST_OK);
	assert_int_equal(put("other.editor.land", "c", 0, "10.0.0.3", 1600), MIST_OK);
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	add_zone(content, "arcbox.local", true, 0);
	add_zone(content, "editor.land", true, 2);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "web.editor.land", .upstreams = upstream, .upstream_count = 1 }), MIST_OK);
	from_inside = MIST_OK;
	assert_int_equal(mist_reload(server, content), MIST_OK);
	assert_int_equal(from_inside, MIST_EBUSY);
	assert_non_null(strstr(heard.text, "a rule forwards web.editor.land"));
	/* leases go on ending, that of the name too */
	for (unsigned i = 0; i < 100 && strstr(ask_id(lookup, "other.editor.land", "A", 0, text), "10.0.0.3"); i++)
		wait_ms(100);
	assert_answer("other.editor.land", "A", "NOERROR aa 127.0.0.1");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_ENOTFOUND);
	assert_int_equal(put("web.editor.land", "b", 0, "10.0.0.4", 0), MIST_ECONFLICT);
	assert_int_equal(put("third.editor.land", "b", 0, "10.0.0.5", 0), MIST_OK);
	assert_int_equal(mist_deregister(server, "b", NULL), MIST_OK);
	assert_answer("third.editor.land", "A", "NOERROR aa 127.0.0.1");
	assert_int_equal(mist_reload(server, content_of(2)), MIST_OK);
	assert_answer("web.editor.land", "A", "NOERROR aa 127.0.0.1");
}

/* ---- beside what others say ------------------------------------------------------------------- */

/* Edits leave registered addresses alone, and what they bring beside them stays. */
static void edits_beside(void **state)
{
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_OK);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 A 10.0.0.2\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 AAAA fd00::2\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "-web.arcbox.local. 60 A 10.0.0.1\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. A\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 TXT mine\n", NULL), MIST_OK);
	assert_int_equal(put("web", "a", 0, "10.0.0.3 fd00::3", 0), MIST_OK);
	assert_string_equal(ask(lookup, "web.arcbox.local", "TXT", text), "NOERROR mine");
	assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. ANY\n", NULL), MIST_OK);
	assert_string_equal(ask(lookup, "web.arcbox.local", "TXT", text), "NOERROR");
	assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.3");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 A 10.0.0.2\n", NULL), MIST_OK);
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_ECONFLICT);
	assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.2");
}

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

/* A registry from a file, which may have addresses of its own for `web`; edits are kept in a directory. */
static struct mist_content *content_file(const char *directory, bool web)
{
	struct mist_content_options options = {
		.size = sizeof(options), .reporter = { heard_report, &heard }, .state_directory = directory,
	};
	struct mist_content *content;
	struct mist_zone *zone;
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
		.name = "arcbox.local", .registry = true, .records = true, .dnssec = MIST_DNSSEC_SIGN }, &zone), MIST_OK);
	assert_int_equal(zonetext_read("arcbox.local. 300 SOA ns.arcbox.local. h.arcbox.local. 1 3600 600 86400 60\n"
		"arcbox.local. 300 NS ns.arcbox.local.\nns.arcbox.local. 300 A 127.0.0.1\n", add_record, zone), MIST_OK);
	if (web)
		assert_int_equal(zonetext_read("web.arcbox.local. 300 A 10.1.1.1\n", add_record, zone), MIST_OK);
	return content;
}

static void start_file(const char *directory, bool web)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 1);
	assert_int_equal(mist_start(&server, &options, content_file(directory, web)), MIST_OK);
	assert_int_equal(mist_lookup_open(&lookup, server), MIST_OK);
}

static void restart_file(const char *directory, bool web)
{
	stop(NULL);
	start_file(directory, web);
}

static void files_beside(void **state)
{
	static const char nobody[] = "NXDOMAIN aa SOA arcbox.local", file[] = "NOERROR aa 10.1.1.1";
	char directory[64];
	(void)state;
	memset(&heard, 0, sizeof(heard));
	scratch_make(directory);
	start_file(directory, false);
	/* The file gets addresses where a name is registered: they are answered, and stay. */
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_OK);
	assert_int_equal(mist_reload(server, content_file(directory, true)), MIST_OK);
	assert_non_null(strstr(heard.text, "web.arcbox.local is registered"));
	assert_answer("web.arcbox.local", "A", file);
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_ECONFLICT);
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_answer("web.arcbox.local", "A", file);
	/* An edit takes them out, somebody registers the name and leaves: the edit is kept, the name is not. */
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. A\n", NULL), MIST_OK);
		assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_OK);
		assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. ANY\n", NULL), MIST_OK);
		if (i & 1) {
			assert_int_equal(mist_reload(server, content_file(directory, true)), MIST_OK);
			assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.1");
		}
		if (i & 2) {
			assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
			assert_int_equal(mist_reload(server, content_file(directory, true)), MIST_OK);
		}
		restart_file(directory, true);
		assert_answer("web.arcbox.local", "A", nobody);
		restart_file(directory, true);
		assert_answer("web.arcbox.local", "A", nobody);
		assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 300 A 10.1.1.1\n", NULL), MIST_OK);
	}
	restart_file(directory, true);
	assert_answer("web.arcbox.local", "A", file);
	assert_int_equal(heard.count[MIST_LEVEL_ERROR], 0);
	stop(NULL);
	scratch_remove(directory);
}

/* ---- many ------------------------------------------------------------------------------------ */

static int count_record(void *user, const struct mist_record *record)
{
	(void)record;
	++*(unsigned *)user;
	return 0;
}

static unsigned records_of(const char *zone)
{
	unsigned count = 0;
	assert_int_equal(mist_walk(server, zone, MIST_WALK_SERVED, count_record, &count), MIST_OK);
	return count;
}

#define THREADS 4
#define EACH 250

static void *live_and_die(void *user)
{
	unsigned thread = (unsigned)(uintptr_t)user;
	char name[32], owner[32], address[32];
	for (unsigned i = 0; i < EACH; i++) {
		sprintf(name, "c%u", thread * EACH + i);
		sprintf(owner, "owner-%u", thread * EACH + i);
		sprintf(address, "10.%u.%u.%u", thread, i / 250, i % 250);
		put(name, owner, 0, address, 0);
		put("shared", owner, 0, "10.9.9.9", 0);
		put("short-lived", owner, 0, address, 300 + i % 7);
	}
	return NULL;
}

static void *die(void *user)
{
	unsigned thread = (unsigned)(uintptr_t)user;
	char owner[32];
	for (unsigned i = 0; i < EACH; i++) {
		sprintf(owner, "owner-%u", thread * EACH + i);
		mist_deregister(server, owner, NULL);
	}
	return NULL;
}

static void together(void *(*life)(void *user))
{
	pthread_t threads[THREADS];
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, life, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void a_thousand_owners(void **state)
{
	(void)state;
	unsigned before = records_of("arcbox.local");
	together(live_and_die);
	for (unsigned i = 0; i < THREADS * EACH; i++) {
		char name[32], wanted[64];
		sprintf(name, "c%u", i);
		sprintf(wanted, "NOERROR aa 10.%u.%u.%u", i / EACH, i % EACH / 250, i % EACH % 250);
		assert_answer(name, "A", wanted);
	}
	assert_answer("shared", "A", "NOERROR aa 10.9.9.9");
	together(die);
	assert_answer("shared", "A", "NXDOMAIN aa SOA arcbox.local");
	for (unsigned i = 0; i < 100 && strncmp(ask_id(lookup, "short-lived", "A", 0, text), "NXDOMAIN", 8); i++)
		wait_ms(50);
	assert_int_equal(records_of("arcbox.local"), before);
}

/* What validators would say of the zone, by a tool that is not ours. */
static void assert_verified(const char *zone)
{
	char directory[64], path[128];
	if (!have_tool("ldns-verify-zone"))
		return;
	scratch_make(directory);
	snprintf(path, sizeof(path), "%s/zone", directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(mist_walk(server, zone, MIST_WALK_SERVED, zonetext_write, file), MIST_OK);
	fclose(file);
	bool good = run("ldns-verify-zone -V 1 %s >%s/log 2>&1 || { cat %s/log; false; }", path, directory, directory);
	scratch_remove(directory);
	assert_true(good);
}

/* ---- everybody at once ----------------------------------------------------------------------- */

#define CROWD 8
#define OWNERS 3    /* of each thread */
#define NAMES 12    /* of all */
#define CHOICE 6    /* addresses */

struct wish {
	bool there;
	unsigned tier, addresses;        /* a bit each */
};

static struct wish wishes[CROWD][OWNERS][NAMES];
static _Atomic(unsigned) wrong;
static unsigned rounds;

static void name_text(char to[64], unsigned name)
{
	sprintf(to, name % 3 ? "n%u.arcbox.local" : "n%u.project%u.editor.land", name, name % 2);
}

static void crowd_register(struct wish *wish, const char *name, const char *owner, unsigned chance)
{
	char text_of_all[128] = "";
	*wish = (struct wish){ true, chance % 3, 1 + chance / 3 % ((1 << CHOICE) - 1) };
	for (unsigned i = 0; i < CHOICE; i++) {
		if (wish->addresses >> i & 1)
			sprintf(text_of_all + strlen(text_of_all), "10.7.0.%u ", i);
	}
	wrong += put(name, owner, wish->tier, text_of_all, 0) != MIST_OK;
}

/* TXT records beside the addresses; every other edit is given up. */
static void crowd_edit(const char *name, unsigned chance)
{
	struct mist_edit *edit;
	char line[128];
	sprintf(line, "%c%s. 60 TXT \"%u\"", chance % 3 ? '+' : '-', name, chance % 4);
	wrong += mist_edit_begin(server, &edit) || edit_text(edit, NULL, line);
	if (chance % 2)
		wrong += mist_edit_commit(edit, NULL) != MIST_OK;
	else
		mist_edit_abort(edit);
}

static void *crowd(void *user)
{
	const unsigned thread = (unsigned)(uintptr_t)user;
	struct mist_lookup *own;
	unsigned state = thread * 2654435761u + 1;
	char name[64], owner[32], answer[512];

	if (mist_lookup_open(&own, server))
		return atomic_fetch_add(&wrong, 1), NULL;
	for (unsigned round = 0; round < rounds; round++) {
		state = state * 1664525 + 1013904223;
		unsigned chance = state >> 8, n = chance % NAMES, o = chance / NAMES % OWNERS;
		struct wish *wish = &wishes[thread][o][n];
		chance /= NAMES * OWNERS;
		name_text(name, n);
		sprintf(owner, "owner-%u-%u", thread, o);
		switch (chance % 8) {
		case 0: case 1: case 2:
			crowd_register(wish, name, owner, chance / 8);
			break;
		case 3: case 4:
			wrong += mist_deregister(server, owner, name) != (wish->there ? MIST_OK : MIST_ENOTFOUND);
			wish->there = false;
			break;
		case 5:
			mist_deregister(server, owner, NULL);
			for (unsigned i = 0; i < NAMES; i++)
				wishes[thread][o][i].there = false;
			break;
		case 6:
			crowd_edit(name, chance / 8);
			break;
		default:
			ask_id(own, name, "A", (uint16_t)chance, answer);
			wrong += strncmp(answer, "NOERROR", 7) && strncmp(answer, "NXDOMAIN", 8);
		}
	}
	mist_lookup_close(own);
	return NULL;
}

/* What owners wish is what is answered. */
static void assert_wishes(void)
{
	for (unsigned n = 0; n < NAMES; n++) {
		unsigned tier = 9, addresses = 0;
		for (unsigned i = 0; i < CROWD * OWNERS; i++) {
			const struct wish *wish = &wishes[i / OWNERS][i % OWNERS][n];
			if (!wish->there || wish->tier > tier)
				continue;
			addresses = wish->tier < tier ? wish->addresses : addresses | wish->addresses;
			tier = wish->tier;
		}
		char name[64], wanted[128] = "NOERROR aa";
		name_text(name, n);
		for (unsigned i = 0; i < CHOICE; i++) {
			if (addresses >> i & 1)
				sprintf(wanted + strlen(wanted), " 10.7.0.%u", i);
		}
		ask_id(lookup, name, "A", 0, text);
		if (addresses || !strncmp(text, "NOERROR aa 10.", 14))
			assert_string_equal(text, wanted);
	}
}

static void everybody_at_once(void **state)
{
	pthread_t threads[CROWD];
	const char *wanted = getenv("MIST_REGISTRY_ROUNDS"); /* long runs: `./do long` */
	(void)state;
	rounds = wanted ? (unsigned)atoi(wanted) : 300;
	memset(wishes, 0, sizeof(wishes));
	atomic_store(&wrong, 0);
	for (uintptr_t i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd, (void *)i), 0);
	for (unsigned i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_wishes();
	assert_verified("arcbox.local");
	assert_verified("editor.land");
	assert_int_equal(mist_reload(server, content_of(2)), MIST_OK);
	assert_wishes();
	assert_verified("editor.land");
	for (unsigned i = 0; i < CROWD * OWNERS; i++) {
		char owner[32];
		sprintf(owner, "owner-%u-%u", i / OWNERS, i % OWNERS);
		mist_deregister(server, owner, NULL);
	}
	memset(wishes, 0, sizeof(wishes));
	assert_wishes();
	assert_verified("arcbox.local");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owners_and_tiers, start, stop),
		cmocka_unit_test_setup_teardown(all_orders, start, stop),
		cmocka_unit_test_setup_teardown(bare_names, start, stop),
		cmocka_unit_test_setup_teardown(reverse_names, start, stop),
		cmocka_unit_test_setup_teardown(names_of_an_address, start, stop),
		cmocka_unit_test_setup_teardown(whole_names, start, stop),
		cmocka_unit_test_setup_teardown(whole_name_in_which, start_two, stop),
		cmocka_unit_test(glue),
		cmocka_unit_test_setup_teardown(in_turns, start, stop),
		cmocka_unit_test_setup_teardown(calls_in_turns, start, stop),
		cmocka_unit_test_setup_teardown(mistakes, start, stop),
		cmocka_unit_test_setup_teardown(too_many_addresses, start, stop),
		cmocka_unit_test_setup_teardown(several_registries, start_two, stop),
		cmocka_unit_test_setup_teardown(wildcard_survives, start_two, stop),
		cmocka_unit_test_setup_teardown(leases, start, stop),
		cmocka_unit_test_setup_teardown(another_content, start, stop),
		cmocka_unit_test_setup_teardown(forwarded_from_now_on, start_two, stop),
		cmocka_unit_test_setup_teardown(edits_beside, start, stop),
		cmocka_unit_test(files_beside),
		cmocka_unit_test_setup_teardown(a_thousand_owners, start, stop),
		cmocka_unit_test_setup_teardown(everybody_at_once, start_two, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
