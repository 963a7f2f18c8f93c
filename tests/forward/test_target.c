/* forward/target.c: which server is asked first, who is silent, and who is ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "forward/target.h"

static struct upstream_address address_of(const char *text, uint16_t port)
{
	struct upstream_address address = { .family = AF_INET, .port = port };
	if (inet_pton(AF_INET, text, address.octets) != 1) {
		address.family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, address.octets), 1);
	}
	return address;
}

static void test_order(void **state)
{
	(void)state;
	static struct targets targets;
	struct upstream_address addresses[] = { address_of("192.0.2.1", 53), address_of("::1", 5353),
	                                        address_of("192.0.2.3", 53), address_of("192.0.2.4", 53) };
	const struct upstream_set set = { .policy = 9, .count = 4, .addresses = addresses };
	char text[TARGET_TEXT_MAX];
	struct target *target = target_get(&targets, &set, 1000);
	assert_ptr_equal(target_get(&targets, &set, 1001), target);
	target_order(target, 1000, text);
	assert_string_equal(text, "192.0.2.1:53,[::1]:5353,192.0.2.3:53");

	struct server *first = target_server(target, &addresses[0]);
	server_asked(first, 1000);
	target_order(target, 1200, text);
	assert_string_equal(text, "192.0.2.1:53,[::1]:5353,192.0.2.3:53");
	target_order(target, 1300, text); /* silent */
	assert_string_equal(text, "[::1]:5353,192.0.2.3:53,192.0.2.4:53");
	target_order(target, 2400, text); /* tried again, once, and after two seconds the next time */
	assert_string_equal(text, "192.0.2.1:53,[::1]:5353,192.0.2.3:53");
	target_order(target, 2401, text);
	assert_string_equal(text, "[::1]:5353,192.0.2.3:53,192.0.2.4:53");
	target_order(target, 4390, text);
	assert_string_equal(text, "[::1]:5353,192.0.2.3:53,192.0.2.4:53");
	target_order(target, 4410, text);
	assert_string_equal(text, "192.0.2.1:53,[::1]:5353,192.0.2.3:53");
	server_answered(first);
	target_order(target, 4411, text);
	assert_string_equal(text, "192.0.2.1:53,[::1]:5353,192.0.2.3:53");
	server_refused(first, 5000); /* silent from now on */
	target_order(target, 5000, text);
	assert_string_equal(text, "[::1]:5353,192.0.2.3:53,192.0.2.4:53");

	assert_false(target_silent(target, 5000));
	for (unsigned i = 0; i < 4; i++)
		server_asked(target_server(target, &addresses[i]), 5000);
	assert_false(target_silent(target, 5900));
	assert_true(target_silent(target, 6000));

	const struct upstream_address swapped = addresses[0]; /* the order is part of a set */
	addresses[0] = addresses[1];
	addresses[1] = swapped;
	assert_ptr_not_equal(target_get(&targets, &set, 6000), target);
}

static void test_many(void **state)
{
	(void)state;
	static struct targets targets;
	struct upstream_address address = address_of("192.0.2.1", 53);
	struct upstream_set set = { .count = 1, .addresses = &address };
	for (set.policy = 1; set.policy <= TARGETS_MAX; set.policy++)
		target_get(&targets, &set, set.policy)->users = 1;
	assert_null(target_get(&targets, &set, 1000)); /* all in use */
	set.policy = 7;
	struct target *seventh = target_get(&targets, &set, 1000);
	seventh->users = 0;
	set.policy = 1000;
	assert_ptr_equal(target_get(&targets, &set, 1001), seventh);
}

static void test_home(void **state)
{
	(void)state;
	const struct home home = { 2, { address_of("127.0.0.1", 53), address_of("::", 5380) } };
	static const struct { const char *text; uint16_t port; bool is, uncertain; } cases[] = {
		{ "127.0.0.1", 53, true, false },      { "0.0.0.0", 53, true, false },
		{ "127.0.0.53", 53, false, false },    { "192.0.2.1", 53, false, false },
		{ "127.0.0.1", 54, false, false },     { "::1", 5380, false, true },
		{ "2001:db8::1", 5380, false, true },  { "2001:db8::1", 53, false, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct upstream_address address = address_of(cases[i].text, cases[i].port);
		bool uncertain;
		assert_int_equal(home_is(&home, &address, &uncertain), cases[i].is);
		assert_int_equal(uncertain, cases[i].uncertain);
	}
	static struct targets targets;
	targets.home = home;
	struct upstream_address addresses[] = { address_of("127.0.0.1", 53), address_of("192.0.2.1", 53) };
	struct upstream_set set = { .policy = 1, .count = 2, .addresses = addresses };
	char text[TARGET_TEXT_MAX];
	target_order(target_get(&targets, &set, 1), 1, text);
	assert_string_equal(text, "192.0.2.1:53");
	set.count = 1;
	assert_true(target_get(&targets, &set, 1)->only_self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order), cmocka_unit_test(test_many), cmocka_unit_test(test_home),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
