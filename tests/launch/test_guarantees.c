/*
 * Which guarantees follow from which facts, and their words.
 */
#include "launch/guarantees.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALL_FACTS 0x1ffu

static unsigned set_of(const char *words)
{
	const char *unknown;
	unsigned set = 0;

	assert_true(guarantees_read(words, &set, &unknown));
	return set;
}

static unsigned all_but(unsigned facts)
{
	return ALL_FACTS & ~facts;
}

static void words(void **state)
{
	const char *unknown = NULL;
	char text[GUARANTEES_TEXT_SIZE];
	unsigned set = 0;

	(void)state;
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++) {
		assert_int_equal(set_of(guarantee_word((enum guarantee)i)), 1u << i);
		assert_true(strlen(guarantee_text((enum guarantee)i)) > 0);
	}
	assert_int_equal(set_of(""), 0);
	assert_int_equal(set_of("all"), (1u << GUARANTEE_COUNT) - 1);
	assert_int_equal(set_of("port53,libc,port53"), 1u << GUARANTEE_PORT53 | 1u << GUARANTEE_LIBC);
	for (const char **bad = (const char *[]){ "lib", "libcc", ",libc", "libc,,node", "libc, node", "LIBC", NULL }; *bad; bad++) {
		unknown = NULL;
		assert_false(guarantees_read(*bad, &set, &unknown));
		assert_non_null(unknown);
	}
	guarantees_print(text, 0);
	assert_string_equal(text, "none");
	guarantees_print(text, (1u << GUARANTEE_COUNT) - 1);
	assert_string_equal(text, "libc node sockets port53 outside privileges processes");
}

static void what_follows(void **state)
{
	(void)state;
	assert_int_equal(guarantees_held(LAUNCH_LOOPBACK, ALL_FACTS), set_of("all"));
	assert_int_equal(guarantees_held(LAUNCH_EGRESS, ALL_FACTS), set_of("all") & ~set_of("outside"));
	assert_int_equal(guarantees_held(LAUNCH_HOST, ALL_FACTS), set_of("all") & ~set_of("outside,port53"));
	for (int net = LAUNCH_HOST; net <= LAUNCH_LOOPBACK; net++)
		assert_int_equal(guarantees_held((enum launch_net)net, 0) & ~set_of("port53"), 0);

	/* A way out without its ports shut is as good as the host's network. */
	assert_int_equal(guarantees_held(LAUNCH_EGRESS, all_but(FACT_PORTS_SHUT)) & set_of("port53"), 0);
	/* A socket that is not masked is a way out. */
	assert_int_equal(guarantees_held(LAUNCH_LOOPBACK, all_but(FACT_SOCKETS)) & set_of("outside,sockets"), 0);
	/* libnss_mist is for glibc: what reads resolv.conf asks others. */
	assert_int_equal(guarantees_held(LAUNCH_HOST, FACT_NSSWITCH | FACT_NSS_MODULE) & set_of("libc"), 0);
	for (unsigned fact = FACT_PORT53; fact <= FACT_NSSWITCH; fact <<= 1)
		assert_int_equal(guarantees_held(LAUNCH_HOST, all_but(fact)) & set_of("libc"), 0);
	/* Node.js without the preload asks whom it likes, unless nobody else is there. */
	assert_int_equal(guarantees_held(LAUNCH_HOST, all_but(FACT_NODE)) & set_of("node"), 0);
	assert_int_equal(guarantees_held(LAUNCH_LOOPBACK, all_but(FACT_NODE)) & set_of("node"), set_of("node"));
	assert_int_equal(guarantees_held(LAUNCH_HOST, all_but(FACT_PRIVILEGES)) & set_of("privileges"), 0);
	assert_int_equal(guarantees_held(LAUNCH_HOST, all_but(FACT_PROC)) & set_of("processes"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(what_follows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
