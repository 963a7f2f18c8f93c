/* Contents that are served: serials, renewals, views of one after the other. */
#include "content/content_kit.h"

#include <time.h>

#include "content/reload.h"
#include "content/serial.h"

static uint32_t sealed_serial(struct mist_content_options o, const char *zone, const char *text,
                              enum mist_dnssec dnssec)
{
	struct mist_content *content = content_with(o);
	if (text)
		add_text(content, zone, dnssec, text);
	else
		assert_int_equal(add_zone(content, zone, NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	uint32_t serial = serial_of(content, zone);
	mist_content_free(content);
	return serial;
}

static void test_serials(void **state)
{
	(void)state;
	struct mist_content_options o = options();
	o.state_directory = directory;
	/* Restarts, and a new day's prefix when there is none yet. */
	uint32_t serial = sealed_serial(o, "made.test", NULL, 0);
	char today[16];
	time_t now = time(NULL);
	strftime(today, sizeof(today), "%Y%m%d01", gmtime(&now));
	assert_int_equal(serial, strtoul(today, NULL, 10));
	for (unsigned i = 0; i < 3; i++) {
		uint32_t next = sealed_serial(o, "made.test", NULL, 0);
		assert_int_equal(next, serial + 1);
		serial = next;
	}
	/* A file that is signed here starts with its own, and goes on from there. */
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "42"), MIST_DNSSEC_SIGN), 42);
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "42"), MIST_DNSSEC_SIGN), 43);
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "50"), MIST_DNSSEC_SIGN), 50);
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "50"), MIST_DNSSEC_SIGN), 51);
	/* One that is not stays as it is. */
	assert_int_equal(sealed_serial(o, "off.test", SOA("off.test", "42"), MIST_DNSSEC_OFF), 42);
	assert_int_equal(sealed_serial(o, "off.test", SOA("off.test", "42"), MIST_DNSSEC_OFF), 42);
	assert_true(run("test ! -e %s/off.test.serial", directory));
	/* read_only looks, and keeps nothing. */
	o.read_only = true;
	assert_int_equal(sealed_serial(o, "made.test", NULL, 0), serial + 1);
	assert_int_equal(sealed_serial(o, "made.test", NULL, 0), serial + 1);
	/* What is kept is broken. */
	o.read_only = false;
	memset(&heard, 0, sizeof(heard));
	assert_true(run("echo broken >%s/made.test.serial", directory));
	sealed_serial(o, "made.test", NULL, 0);
	assert_heard("cannot be read");
}

/* What a served content does while this one is signed. */
static void reserve_more(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	uint8_t name[NAME_MAX];
	heard_report(user, level, file, line, text);
	name_from_text(name, "file.test");
	if (strstr(text, "DNSKEY records of the zone's own"))
		assert_int_equal(serial_write(500, directory, name, &(struct mist_reporter){ heard_report, &heard }), MIST_OK);
}

static void test_reserved_meanwhile(void **state)
{
	(void)state;
	static const char text[] = SOA("file.test", "42")
		"file.test. 300 DNSKEY \\# 0100030d1111111111111111111111111111111111111111111111111111111111111111"
		"1111111111111111111111111111111111111111111111111111111111111111\n";
	struct mist_content_options o = options();
	o.state_directory = directory;
	assert_int_equal(sealed_serial(o, "file.test", text, MIST_DNSSEC_SIGN), 42);
	o.reporter.report = reserve_more;
	assert_int_equal(sealed_serial(o, "file.test", text, MIST_DNSSEC_SIGN), 43);
	assert_true(run("grep -qx 500 %s/file.test.serial", directory));
	o.reporter.report = heard_report;
	assert_int_equal(sealed_serial(o, "file.test", text, MIST_DNSSEC_SIGN), 501);
}

static void test_follow(void **state)
{
	(void)state;
	struct mist_content *old = content_with(options()), *new = content_with(options());
	struct mist_content *const both[] = { old, new };
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(add_zone(both[i], "made.test", NULL), MIST_OK);
		assert_int_equal(mist_content_zone(both[i], &(struct mist_zone_options){
			.size = sizeof(struct mist_zone_options), .name = "off.test",
			.dnssec = MIST_DNSSEC_OFF }, NULL), MIST_OK);
		add_text(both[i], "file.test", MIST_DNSSEC_OFF, SOA("file.test", "42"));
		assert_int_equal(mist_content_seal(both[i]), MIST_OK);
	}
	uint64_t signatures = 0;
	assert_int_equal(reload_prepare(new, old, false, (uint32_t)time(NULL), &signatures), MIST_OK);
	assert_true(serial_greater(serial_of(new, "made.test"), serial_of(old, "made.test")));
	assert_true(serial_greater(serial_of(new, "off.test"), serial_of(old, "off.test")));
	assert_int_equal(serial_of(new, "file.test"), 42);
	verify(new, "made.test");
	mist_content_free(old);
	verify(new, "made.test");
	mist_content_free(new);
}

static void test_refresh(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	assert_int_equal(add_zone(content, "inner.editor.land", NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	struct view *first = content_view(content), *view = NULL;
	uint64_t signatures = 0;
	uint32_t now = (uint32_t)time(NULL), due = content_due(content);
	assert_true(due > now + 9 * 24 * 3600 && due < now + 11 * 24 * 3600);
	assert_int_equal(content_refresh(content, due - 1, &view, &signatures), MIST_OK);
	assert_null(view);
	uint32_t serial = serial_of(content, "editor.land");
	uint32_t inner = serial_of(content, "inner.editor.land");
	for (unsigned i = 0; i < 60; i++) {
		due = content_due(content);
		assert_int_equal(content_refresh(content, due, &view, &signatures), MIST_OK);
		assert_non_null(view);
		assert_true(content_due(content) > due);
		view_free(view);
	}
	assert_true(serial_greater(serial_of(content, "editor.land"), serial));
	assert_true(serial_greater(serial_of(content, "inner.editor.land"), inner));
	assert_true(signatures > content_signatures(content));
	/* A view that could not be published is made again. */
	assert_int_equal(content_refresh(content, due, &view, &signatures), MIST_OK);
	assert_null(view);
	content_owe_view(content);
	assert_int_equal(content_refresh(content, due, &view, &signatures), MIST_OK);
	assert_non_null(view);
	view_free(view);
	/* A clock that was years ahead and is put right. */
	serial = serial_of(content, "editor.land");
	assert_int_equal(content_refresh(content, now, &view, &signatures), MIST_OK);
	assert_non_null(view);
	view_free(view);
	verify(content, "editor.land");
	assert_true(serial_greater(serial_of(content, "editor.land"), serial));
	/* The first view still stands. */
	uint8_t name[NAME_MAX];
	struct route route;
	name_from_text(name, "editor.land");
	struct name_key key;
	name_key(&key, name, NAME_MAX);
	route_find(first->routes, &key, TYPE_SOA, &route);
	assert_non_null(route.zone->soa);
	mist_content_free(content);
	view_free(first);
}

/* Views go in any order, and the content in the middle of them, while the clock jumps. What is freed
 * too early or never, the sanitizers see. */
static void test_views_in_any_order(void **state)
{
	(void)state;
	enum { VIEWS = 16 };
	struct view *views[VIEWS] = { NULL };
	uint64_t signatures = 0, random = 20261121;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	add_text(content, "plain.land", MIST_DNSSEC_SIGN, SOA("plain.land", "1"));
	assert_int_equal(add_rule(content, "*.x.editor.land"), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	uint32_t now = (uint32_t)time(NULL);
	for (unsigned i = 0; i < 400; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		struct view **view = &views[(random >> 33) % VIEWS];
		uint8_t name[NAME_MAX];
		name_from_text(name, "any.editor.land");
		if (*view) {
			struct route route;
			struct zone_found found;
			struct name_key key;
			name_key(&key, name, NAME_MAX);
			route_find((*view)->routes, &key, TYPE_A, &route);
			zone_find(route.zone, &key, &found);
			assert_true(found.encloser->flags & NODE_WILDCARD);
			assert_non_null(zone_nsec_at_or_before(route.zone, name));
			view_free(*view);
		}
		*view = NULL;
		if (i == 300) {
			mist_content_free(content);
			content = NULL;
		}
		if (!content)
			continue;
		now += (uint32_t)(random >> 40) % 1000000;
		if (i % 50 == 49)
			now -= 10000000;
		assert_int_equal(content_refresh(content, now, view, &signatures), MIST_OK);
		assert_true(content_due(content) > now);
		if (!*view)
			*view = content_view(content);
	}
	for (unsigned i = 0; i < VIEWS; i++)
		view_free(views[i]);
}

static void test_resolv_conf(void **state)
{
	(void)state;
	char path[128];
	struct mist_content_options o = options();
	snprintf(path, sizeof(path), "%s/resolv.conf", directory);
	o.resolv_conf = path;
	o.upstream_count = 0;
	o.forward_by_default = true;
	struct mist_content *content = content_with(o);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_heard("no name server is known");
	struct view *view = content_view(content), *next = NULL;
	uint64_t signatures = 0;
	assert_int_equal(view->upstream_sets[0].count, 0);
	assert_true(view->upstream_sets[0].from_resolv_conf);
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_null(next);
	assert_silence();
	assert_true(run("echo nameserver 192.0.2.99 >%s", path));
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_non_null(next);
	assert_int_equal(next->upstream_sets[0].count, 1);
	assert_int_equal(next->upstream_sets[0].addresses[0].port, 53);
	assert_int_not_equal(next->rules[0].policy, view->rules[0].policy);
	assert_heard("1 name server");
	view_free(next);
	/* Written again, the same. */
	assert_true(run("sleep 0.05; echo nameserver 192.0.2.99 >%s", path));
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_null(next);
	view_free(view);
	mist_content_free(content);
	/* Nobody asks for it: nothing is said. */
	memset(&heard, 0, sizeof(heard));
	o.forward_by_default = false;
	o.resolv_conf = "/nonexistent/resolv.conf";
	content = content_with(o);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_null(next);
	assert_silence();
	mist_content_free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_serials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserved_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_follow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refresh, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_views_in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resolv_conf, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
