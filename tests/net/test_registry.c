/* Registered names through the public calls: who is answered, under which names, and what is refused. */
#include "registry_kit.h"

#include "net/server.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
