#include "control/config.h"

#include "control/scratch.h"
#include "control/setup.h"
#include "control/units.h"

static int load(struct config **config, const char *text)
{
	struct config_source source = { .file = scratch_write("mist.yaml", text) };
	scratch_log[0] = '\0';
	return config_load(config, &source, &scratch_reporter);
}

static struct config *good(const char *text)
{
	struct config *config = NULL;
	if (load(&config, text))
		fail_msg("%s:\n%s", text, scratch_log);
	return config;
}

static void bad(const char *text, const char *message)
{
	struct config *config = NULL;
	assert_int_equal(load(&config, text), MIST_EINVAL);
	assert_null(config);
	scratch_said(message);
}

static void defaults_without_file(void **state)
{
	struct config *config;
	struct config_source source = { .no_file = true };
	(void)state;
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_OK);
	assert_int_equal(config->listen.port, 5380);
	assert_int_equal(config->zones.count, 1);
	assert_string_equal(config_zones(config)[0].name, "editor.land");
	assert_int_equal(config->forward.allow.count, 1);
	assert_string_equal(((struct config_rule *)config->forward.allow.items)->name,
	                    "update.editor.land");
	config_free(config);
}

static void everything(void **state)
{
	(void)state;
	struct config *config = good(
		"listen:\n  address: [127.0.0.1, '::1']\n  port: 0\n  fallback: fail\n"
		"workers: 3\nengine: epoll\nsteer: hash\npin: true\ngro: on\nnsid: here\n"
		"tcp: { idle: 5s, clients: 10, clients_each: 2 }\n"
		"state_directory: state\n"
		"zones:\n"
		"  - editor.land\n"
		"  - { name: a.test, address: [192.0.2.1, 2001:db8::1], ttl: 5m, cds: true }\n"
		"  - name: b.test\n    file: zones/b.zone\n    dnssec: false\n"
		"  - { name: c.test, file: /c.zone, dnssec: presigned }\n"
		"dnssec: { algorithm: ed25519, key_directory: keys, signature_lifetime: 14d }\n"
		"cookie_secret: 000102030405060708090a0b0c0d0e0f\n"
		"forward:\n"
		"  upstreams: [192.0.2.53, \"192.0.2.54:5353\", \"[2001:db8::1]:53\"]\n"
		"  allow:\n"
		"    - update.editor.land\n"
		"    - \"*.example.com\"\n"
		"    - { name: .corp.test, upstreams: [\"127.0.0.1:5355\"], private: true }\n"
		"  deny: [ads.example.org, { name: x.test, deny_rcode: drop }]\n"
		"  deny_rcode: nxdomain\n  default: forward\n  timeout: 1500ms\n  cache: 16MiB\n"
		"  max_ttl: 300\n");
	const struct config_zone *zone = config_zones(config);
	const struct config_rule *allow = config->forward.allow.items, *deny = config->forward.deny.items;
	char expected[256];
	assert_int_equal(config->listen.address.count, 2);
	assert_string_equal(config->listen.address.items[1], "::1");
	assert_int_equal(config->listen.port, 0);
	assert_int_equal(config->listen.port_only, 1);
	assert_int_equal(config->workers, 3);
	assert_int_equal(config->engine, MIST_ENGINE_EPOLL);
	assert_int_equal(config->steer, MIST_STEER_HASH);
	assert_true(config->pin && config->gro);
	assert_int_equal(config->tcp.idle_ms, 5000);
	snprintf(expected, sizeof(expected), "%s/state", scratch_directory);
	assert_string_equal(config->state_directory, expected);
	assert_int_equal(config->zones.count, 4);
	assert_string_equal(zone[0].name, "editor.land");
	assert_int_equal(zone[0].where.line, 14);
	assert_int_equal(zone[1].ttl, 300);
	assert_true(zone[1].cds);
	assert_int_equal(zone[1].address.count, 2);
	snprintf(expected, sizeof(expected), "%s/zones/b.zone", scratch_directory);
	assert_string_equal(zone[2].file, expected);
	assert_int_equal(zone[2].dnssec, MIST_DNSSEC_OFF);
	assert_string_equal(zone[3].file, "/c.zone");
	assert_int_equal(zone[3].dnssec, MIST_DNSSEC_PRESIGNED);
	assert_int_equal(config->dnssec.algorithm, MIST_ALGORITHM_ED25519);
	assert_int_equal(config->dnssec.signature_lifetime_s, 14 * 86400);
	assert_true(config->cookie_given);
	assert_int_equal(config->cookie_secret[15], 15);
	assert_int_equal(config->forward.upstreams.count, 3);
	assert_int_equal(config->forward.allow.count, 3);
	assert_string_equal(allow[1].name, "*.example.com");
	assert_int_equal(allow[1].where.line, 26);
	assert_string_equal(allow[2].name, ".corp.test");
	assert_string_equal(allow[2].upstreams.items[0], "127.0.0.1:5355");
	assert_true(allow[2].private_addresses && !allow[0].private_addresses);
	assert_int_equal(config->forward.deny.count, 2);
	assert_int_equal(deny[1].deny_rcode, MIST_DENY_DROP);
	assert_int_equal(config->forward.deny_rcode, MIST_DENY_NXDOMAIN);
	assert_int_equal(config->forward.forward_default, 1);
	assert_int_equal(config->forward.timeout_ms, 1500);
	assert_int_equal(config->forward.cache, 16 << 20);
	assert_int_equal(config->forward.max_ttl_s, 300);
	config_free(config);
}

static void nothing_is_fine(void **state)
{
	static const char *const texts[] = { "", "# only a comment\n", "---\n", "listen:\nzones:\nforward:\n",
	                                     "zones: []\nforward: {}\n", "{}" };
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config = good(texts[i]);
		assert_int_equal(config->zones.count, 0);
		config_free(config);
	}
}

static void problems_with_place(void **state)
{
	(void)state;
	bad("listen:\n  prot: 5\n", "mist.yaml:2: `listen.prot` is not a key; did you mean `port`?");
	bad("xyzzy: 1\n", "mist.yaml:1: `xyzzy` is not a key; there are: listen, control");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], members: [x] }]\n",
	    "`zones[0]` (c.test): `members` are those of a catalog");
	bad("zones: [{ name: c.test, catalog: true }]\n", "`zones[0]` (c.test): a catalog comes from a `primary`");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], catalog: true, dnssec: true }]\n",
	    "`zones[0]` (c.test): a catalog comes from a `primary` and is not signed here");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], catalog: true, members: [{ dnssec: false }] }]\n",
	    "`zones[0].members[0]`: members are served as they come");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], catalog: true, members: [{ group: x, tsig: key }] }]\n",
	    "`zones[0].members[0]`: `tsig` is the key that a `primary` is asked with");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], catalog: true, members: [x, { cds: true }, x] }]\n",
	    "`zones[0].members[2]`: members of x are described twice; first in line 1");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], catalog: true, members: [{ cds: true }, { cds: false }] }]\n",
	    "`zones[0].members[1]`: members of no `group` are described twice");
	bad("zones: [a.test, { name: c.test, primary: [192.0.2.1], address: [127.0.0.1] }]\n",
	    "`zones[1]` (c.test) has both `primary` and `address`");
	bad("zones: [{ name: c.test, primary: [192.0.2.1], dnssec: false }]\n",
	    "`zones[0]` (c.test): a zone with a `primary` is served as it comes");
	bad("zones: [{ name: c.test, tsig: a-key }]\n",
	    "`zones[0]` (c.test): `tsig` is the key that a `primary` is asked with");
	bad("control: { socket: [a, b] }\n", "`control.socket` must be a single value, not a list");
	bad("tsig: [a-key]\n", "mist.yaml:1: `tsig[0]` (a-key) has no `secret`");
	bad("tsig:\n  - { secret: AAAA }\n", "mist.yaml:2: `tsig[0]` has no `name`");
	bad("listen: { port: 70000 }\n",
	    "mist.yaml:1: `listen.port`: \"70000\" is not a number from 0 to 65535");
	bad("listen: { port: [1] }\n", "`listen.port` must be a single value, not a list");
	bad("listen: 5380\n", "`listen` must be a mapping with keys of its own, such as `address:`");
	bad("listen: { port: }\n", "`listen.port` has no value");
	bad("listen: { port: 1, port: 2 }\n", "`listen.port` is given twice");
	bad("workers: 17\n", "is not auto or a number from 1 to 16");
	bad("engine: kqueue\n", "is not one of auto, uring or epoll");
	bad("pin: maybe\n", "is not true or false");
	bad("forward: { cache: 16Mb2 }\n", "is not a size such as 16MiB");
	bad("forward: { timeout: 2 weeks }\n", "is not a duration such as");
	bad("forward: { max_ttl: 1500ms }\n", "is not a duration such as");
	bad("forward: { upstreams: [dns.example] }\n",
	    "`forward.upstreams[0]`: \"dns.example\" is not an address such as");
	bad("forward: { allow: [a..b] }\n", "`forward.allow[0]`: \"a..b\" is not a rule");
	bad("forward: { allow: [\"a.*.b\"] }\n", "is not a rule");
	bad("forward: { allow: [{ private: true }] }\n", "`forward.allow[0]` has no `name`");
	bad("forward: { allow: [{ name: x.test, nmae: y }] }\n", "`forward.allow[0].nmae` is not a key; did "
	    "you mean `name`?");
	bad("forward:\n  allow:\n    - *.example.com\n", "must stand in quotes: \"*.example.com\"");
	bad("listen:\n\tport: 1\n", "mist.yaml:2: not YAML:");
	bad("listen: {\n", "not YAML:");
	bad("listen: { address: [127.0.0.1, ::1] }\n", "must stand in quotes: \"::1\"");
	bad("a: 1\n---\nb: 2\n", "mist.yaml:3: a second document");
	bad("- a\n", "the file must be a mapping of keys");
	bad("zones: &z [a.test]\nforward: { allow: *z }\n", "repeats this by an alias");
	bad("zones: [a.test, A.TEST.]\n", "zone A.TEST. is given twice");
	bad("zones: [{ name: a.test, file: x, address: 127.0.0.1 }]\n", "both `file` and `address`");
	bad("zones: [{ name: a.test, file: x, ttl: 5 }]\n", "`ttl` is for made zones");
	bad("zones: [{ name: a.test, dnssec: presigned }]\n", "needs a `file`");
	bad("zones: [{ file: x }]\n", "`zones[0]` has no `name`");
	bad("zones: [\"\"]\n", "`zones[0]` is empty");
	bad("listen: { address: 0.0.0.0 }\n", "0.0.0.0 can be reached by other machines");
	bad("listen: { address: [] }\n", "`listen.address` is empty");
	bad("listen: { address: nonsense }\n", "is not an IPv4 or IPv6 address");
	bad("cookie_secret: 1234\n", "must be auto or 32 hexadecimal digits");
	/* All problems are said, not the first alone. */
	bad("pni: true\nworkers: x\nfoward: {}\n", "mist.yaml:3: `foward` is not a key; did you mean `forward`?");
	scratch_said("mist.yaml:1: `pni` is not a key; did you mean `pin`?");
	scratch_said("mist.yaml:2: `workers`");
}

static void missing_file(void **state)
{
	struct config *config = NULL;
	struct config_source source = { .file = "/nonexistent/mist.yaml" };
	(void)state;
	scratch_log[0] = '\0';
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_EFILE);
	scratch_said("cannot read /nonexistent/mist.yaml: No such file");
	source.file = "/tmp";
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_EFILE);
}

/* A YAML alias bomb: a few lines that stand for billions. */
static void alias_bomb(void **state)
{
	(void)state;
	bad("zones: [&a [x,x,x,x], &b [*a,*a,*a,*a], &c [*b,*b,*b,*b], &d [*c,*c,*c,*c]]\n",
	    "must be a single value");
	bad("zones: &a [*a]\n", "repeats this by an alias");
}

static void environment_over_file_and_flags_over_both(void **state)
{
	struct config *config;
	struct config_setting settings[] = { { "--port", "listen.port", "7" },
	                                     { "--set", "forward.timeout", "3s" } };
	struct config_source source = { .settings = settings, .setting_count = 2 };
	(void)state;
	source.file = scratch_write("mist.yaml", "listen: { port: 5 }\nworkers: 2\nforward:\n  allow: [a.test]\n"
	                                         "  deny: [b.test]\n");
	setenv("MIST_LISTEN_PORT", "6", 1);
	setenv("MIST_WORKERS", "4", 1);
	setenv("MIST_FORWARD_ALLOW", "x.test, *.y.test", 1);
	setenv("MIST_FORWARD_DENY", "", 1);
	setenv("MIST_ENGINE", "", 1);
	setenv("MIST_LISTEN_PROT", "9", 1);
	setenv("MIST_SERVICE_HOST", "10.0.0.1", 1);
	scratch_log[0] = '\0';
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_OK);
	assert_int_equal(config->listen.port, 7);
	assert_int_equal(config->workers, 4);
	assert_int_equal(config->forward.timeout_ms, 3000);
	assert_int_equal(config->forward.allow.count, 2);
	assert_string_equal(((struct config_rule *)config->forward.allow.items)[1].name, "*.y.test");
	assert_int_equal(config->forward.deny.count, 0);
	scratch_said("the variable MIST_LISTEN_PROT is ignored; did you mean MIST_LISTEN_PORT?");
	assert_null(strstr(scratch_log, "SERVICE_HOST"));
	config_free(config);

	setenv("MIST_WORKERS", "many", 1);
	scratch_log[0] = '\0';
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_EINVAL);
	scratch_said("`MIST_WORKERS`: \"many\" is not auto or a number");
	unsetenv("MIST_WORKERS");
	unsetenv("MIST_LISTEN_PROT");

	settings[1] = (struct config_setting){ "--set", "forward.timeuot", "3s" };
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_EINVAL);
	scratch_said("`forward.timeuot` is not a key; did you mean `timeout`?");
	settings[1].path = "forward";
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_EINVAL);
	settings[1].path = "zones.name";
	assert_int_equal(config_load(&config, &source, &scratch_reporter), MIST_EINVAL);
	unsetenv("MIST_LISTEN_PORT");
	unsetenv("MIST_FORWARD_ALLOW");
	unsetenv("MIST_FORWARD_DENY");
	unsetenv("MIST_ENGINE");
	unsetenv("MIST_SERVICE_HOST");
}

static void state_directory_follows_the_user(void **state)
{
	(void)state;
	setenv("STATE_DIRECTORY", "/var/lib/private/mist:/other", 1);
	struct config *config = good("zones: []\n");
	assert_string_equal(config->state_directory, "/var/lib/private/mist");
	config_free(config);
	unsetenv("STATE_DIRECTORY");
	if (geteuid() != 0) {
		setenv("XDG_STATE_HOME", "/x", 1);
		config = good("zones: []\n");
		assert_string_equal(config->state_directory, "/x/mist");
		config_free(config);
		unsetenv("XDG_STATE_HOME");
	}
}

static void restart_is_named(void **state)
{
	(void)state;
	struct config *a = good("workers: 1\n"), *b = good("workers: 1\nzones: [x.test]\n");
	struct config *c = good("workers: 2\n"), *d = good("workers: 1\nlisten: { address: '::1' }\n");
	assert_null(setup_needs_restart(a, b));
	assert_string_equal(setup_needs_restart(a, c), "workers");
	assert_string_equal(setup_needs_restart(a, d), "listen.address");
	config_free(a);
	config_free(b);
	config_free(c);
	config_free(d);
}

/* Keys, and lists that name them, go to the library; a secret is never repeated in a message. */
#define KEYS "tsig:\n  - { name: a-key, secret: c2VjcmV0LXNlY3JldA== }\n"
static void seals(const char *text, int error, const char *message)
{
	struct config *config = good(text);
	struct mist_content *content = NULL;
	scratch_log[0] = '\0';
	assert_int_equal(setup_content(config, SETUP_READ_ONLY, &scratch_reporter, &content), error);
	if (message)
		scratch_said(message);
	assert_null(strstr(scratch_log, "c2Vjc"));
	mist_content_free(content);
	config_free(config);
}

static void keys_and_lists(void **state)
{
	(void)state;
	seals(KEYS "transfer: { allow: [127.0.0.1], notify: [\"a-key@127.0.0.1:5353\"] }\n"
	      "zones:\n  - { name: a.test, registry: true, update: [a-key], "
	      "transfer: [a-key@192.0.2.0/24, \"2001:db8::/32\"] }\n", MIST_OK, NULL);
	seals("zones:\n  - { name: a.test, update: [a-key] }\n", MIST_ENOTFOUND,
	      "zone a.test: \"a-key\" is neither an address nor a key under `tsig`");
	seals(KEYS "transfer: { allow: [b-key] }\nzones: [a.test]\n", MIST_ENOTFOUND,
	      "zone a.test: \"b-key\" is neither");
	seals("zones:\n  - { name: a.test, transfer: [192.0.2.1/24] }\n", MIST_EINVAL,
	      "\"192.0.2.1/24\" of `transfer` is no address, network or key");
	seals("transfer: { allow: [127.0.0.1], notify: [there] }\nzones: [a.test]\n", MIST_EINVAL,
	      "\"there\" of `notify` is no address");
	seals("tsig:\n  - { name: a-key, algorithm: hmac-md5, secret: c2VjcmV0 }\n", MIST_EINVAL,
	      "mist.yaml:2: TSIG key a-key: algorithm \"hmac-md5\" is refused: HMAC-MD5 is broken");
	seals("tsig:\n  - { name: a-key, algorithm: hmac-sha3, secret: c2VjcmV0 }\n", MIST_EINVAL,
	      "it is not known; there are hmac-sha256, hmac-sha512");
	seals("tsig:\n  - { name: a-key, algorithm: hmac-sha1, secret: c2VjcmV0 }\n", MIST_OK,
	      "mist.yaml:2: TSIG key a-key: HMAC-SHA1 is not recommended");
	seals("tsig:\n  - { name: a-key, secret: c2VjcmV0.. }\n", MIST_EKEY,
	      "TSIG key a-key: its secret is not base64");
	seals(KEYS "  - { name: A-Key., secret: c2VjcmV0 }\n", MIST_EINVAL, "is there twice");
	seals("tsig:\n  - { name: 192.0.2.1, secret: c2VjcmV0 }\n", MIST_ENAME,
	      "its name has to be a domain name that looks like no address");
}

static void units(void **state)
{
	uint64_t value;
	uint32_t distance;
	(void)state;
	assert_true(units_size("16MiB", &value) && value == 16 << 20);
	assert_true(units_size("1 GB", &value) && value == 1000000000);
	assert_true(units_size("4096", &value) && value == 4096);
	assert_false(units_size("", &value) || units_size("-1", &value) || units_size("1XiB", &value));
	assert_false(units_size("99999999999GiB", &value));
	assert_true(units_duration("1h30m", &value) && value == 5400000);
	assert_true(units_duration("250ms", &value) && value == 250);
	assert_true(units_duration("14d", &value) && value == 1209600000);
	assert_true(units_duration("7", &value) && value == 7000);
	assert_false(units_duration("", &value) || units_duration("s", &value) ||
	             units_duration("1s ", &value) || units_duration("1.5s", &value));
	assert_false(units_number("18446744073709551616", &value));
	assert_int_equal(units_distance("port", "prot"), 1);
	assert_int_equal(units_distance("kitten", "sitting"), 3);
	assert_true(units_near("adress", "address", &distance));
	assert_false(units_near("pin", "gro", &distance));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_without_file),
		cmocka_unit_test_setup_teardown(everything, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(nothing_is_fine, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(problems_with_place, scratch_open, scratch_close),
		cmocka_unit_test(missing_file),
		cmocka_unit_test_setup_teardown(alias_bomb, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(environment_over_file_and_flags_over_both, scratch_open,
		                                scratch_close),
		cmocka_unit_test_setup_teardown(state_directory_follows_the_user, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(restart_is_named, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(keys_and_lists, scratch_open, scratch_close),
		cmocka_unit_test(units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
