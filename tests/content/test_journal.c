/* The journal: frames that are whole or nothing, whatever a crash leaves of the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "content/journal.h"
#include "core/name.h"
#include "core/type.h"
#include "scratch.h"

static char directory[64], path[96];
static struct heard heard;
static const struct mist_reporter reporter = { .report = heard_report, .user = &heard };

static int set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof(path), "%s/edits.journal", directory);
	memset(&heard, 0, sizeof(heard));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static struct journal *open_it(void)
{
	struct journal *journal = NULL;
	assert_int_equal(journal_open(&journal, directory, &reporter), MIST_OK);
	return journal;
}

static struct rrset *address_set(unsigned count, unsigned first)
{
	struct rrset *set = NULL;
	for (unsigned i = 0; i < count; i++) {
		_Bool too_large = false;
		const uint8_t rdata[4] = { 127, 0, (uint8_t)((first + i) >> 8), (uint8_t)(first + i) };
		struct rrset *larger = rrset_with(set, TYPE_A, 60, rdata, 4, &too_large);
		free(set);
		set = larger;
		assert_non_null(set);
	}
	return set;
}

/* Entry `number` is about n<number>.a.test: described with number % 3 addresses, edited to number % 4. */
static void put_entry(struct journal *journal, unsigned number)
{
	uint8_t zone[NAME_MAX], owner[NAME_MAX];
	char text[32];
	snprintf(text, sizeof(text), "n%u.a.test", number);
	assert_int_not_equal(name_from_text(zone, "a.test"), 0);
	assert_int_not_equal(name_from_text(owner, text), 0);
	struct rrset *base = address_set(number % 3, number), *edited = address_set(number % 4, number + 7);
	journal_put(journal, zone, owner, TYPE_A, base, edited);
	free(base);
	free(edited);
}

struct reading {
	unsigned next;               /* the number expected */
};

static int check_entry(void *user, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                       const struct rrset *base, const struct rrset *edited)
{
	struct reading *reading = user;
	unsigned number = reading->next++;
	char text[NAME_TEXT_MAX], wanted[32];
	struct rrset *sets[2] = { address_set(number % 3, number), address_set(number % 4, number + 7) };
	const struct rrset *given[2] = { base, edited };
	snprintf(wanted, sizeof(wanted), "n%u.a.test", number);
	name_to_text(text, owner);
	assert_string_equal(text, wanted);
	name_to_text(text, zone);
	assert_string_equal(text, "a.test");
	assert_int_equal(type, TYPE_A);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sets[i] != NULL, given[i] != NULL);
		if (sets[i]) {
			assert_true(rrset_same(sets[i], given[i]));
			assert_int_equal(given[i]->ttl, 60);
		}
		free(sets[i]);
	}
	return 0;
}

static unsigned count_entries(struct journal *journal)
{
	struct reading reading = { 0 };
	assert_int_equal(journal_read(journal, check_entry, &reading), MIST_OK);
	return reading.next;
}

static off_t size_of(const char *file)
{
	struct stat status;
	return stat(file, &status) ? -1 : status.st_size;
}

static void test_round(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	assert_int_equal(count_entries(journal), 0);
	assert_false(journal_exists(journal));
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(size_of(path), -1); /* nothing to say, no file */
	for (unsigned i = 0; i < 20; i++) {
		put_entry(journal, 2 * i);
		put_entry(journal, 2 * i + 1);
		assert_int_equal(journal_write(journal), MIST_OK);
		assert_int_equal(count_entries(journal), 2 * i + 2);
	}
	put_entry(journal, 40);
	assert_int_equal(journal_write(journal), MIST_OK);
	journal_undo(journal);
	assert_int_equal(journal_write(journal), MIST_OK); /* an empty one changes nothing */
	journal_undo(journal);
	journal_close(journal);
	journal = open_it();
	assert_int_equal(count_entries(journal), 40);
	put_entry(journal, 40);
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(count_entries(journal), 41);
	journal_close(journal);
	assert_int_equal(heard.text[0], 0);
}

/* A crash may have written any part of the last frame. */
static void test_cut(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	for (unsigned i = 0; i < 3; i++) {
		put_entry(journal, i);
		assert_int_equal(journal_write(journal), MIST_OK);
	}
	off_t two = size_of(path);
	put_entry(journal, 3);
	put_entry(journal, 4);
	assert_int_equal(journal_write(journal), MIST_OK);
	journal_close(journal);
	off_t whole = size_of(path);
	assert_true(run("cp %s %s/whole", path, directory));
	for (off_t len = 0; len < whole; len++) {
		memset(&heard, 0, sizeof(heard));
		assert_true(run("cp %s/whole %s", directory, path));
		assert_int_equal(truncate(path, len), 0);
		journal = open_it();
		unsigned count = count_entries(journal);
		assert_true(len >= two ? count == 3 : count < 3);
		/* Where something was cut off, that is said. */
		assert_int_equal(heard.count[MIST_LEVEL_WARNING], len > 8 && size_of(path) < len);
		/* What comes next follows what was whole. */
		put_entry(journal, count);
		assert_int_equal(journal_write(journal), MIST_OK);
		assert_int_equal(count_entries(journal), count + 1);
		journal_close(journal);
	}
}

/* Any octet of a frame that is not what was written: it and what follows is nothing. */
static void test_spoiled(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	for (unsigned i = 0; i < 6; i++) {
		put_entry(journal, i);
		assert_int_equal(journal_write(journal), MIST_OK);
	}
	journal_close(journal);
	off_t whole = size_of(path);
	assert_true(run("cp %s %s/whole", path, directory));
	for (off_t at = 8; at < whole; at++) {
		assert_true(run("cp %s/whole %s", directory, path));
		FILE *file = fopen(path, "r+");
		assert_non_null(file);
		fseek(file, at, SEEK_SET);
		int octet = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(octet ^ (1 << at % 8), file);
		fclose(file);
		journal = open_it();
		assert_in_range(count_entries(journal), 0, 5);
		journal_close(journal);
	}
	/* No journal at all is left alone. */
	assert_true(run("echo 'something else' >%s", path));
	journal = open_it();
	struct reading reading = { 0 };
	assert_int_equal(journal_read(journal, check_entry, &reading), MIST_EFILE);
	journal_close(journal);
	assert_int_equal(size_of(path), 15);
}

static void test_renew(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	assert_false(journal_is_long(journal));
	unsigned writes = 0;
	for (; !journal_is_long(journal); writes++) {
		for (unsigned i = 0; i < 100; i++)
			put_entry(journal, i);
		assert_int_equal(journal_write(journal), MIST_OK);
		assert_in_range(writes, 0, 2000);
	}
	off_t before = size_of(path);
	journal_renew(journal);
	for (unsigned i = 0; i < 100; i++)
		put_entry(journal, i);
	assert_int_equal(journal_renewed(journal), MIST_OK);
	assert_true(size_of(path) * 20 < before);
	assert_int_equal(count_entries(journal), 100);
	assert_false(journal_is_long(journal));
	/* It is held as the old one was. */
	struct journal *second = NULL;
	assert_int_equal(journal_open(&second, directory, &reporter), MIST_EBUSY);
	put_entry(journal, 100);
	assert_int_equal(journal_write(journal), MIST_OK);
	journal_close(journal);
	journal = open_it();
	assert_int_equal(count_entries(journal), 101);
	/* Larger than a frame of a renewal. */
	journal_renew(journal);
	for (unsigned i = 0; i < 60000; i++)
		put_entry(journal, i);
	assert_int_equal(journal_renewed(journal), MIST_OK);
	assert_int_equal(count_entries(journal), 60000);
	/* Where there is no room beside it, the old one stays. */
	char draft[128];
	snprintf(draft, sizeof(draft), "%s-new", path);
	assert_int_equal(mkdir(draft, 0700), 0);
	journal_renew(journal);
	put_entry(journal, 0);
	assert_int_equal(journal_renewed(journal), MIST_EFILE);
	assert_int_equal(count_entries(journal), 60000);
	put_entry(journal, 60000);
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(count_entries(journal), 60001);
	journal_close(journal);
}

/* A commit that is longer than what is held in memory is in the file as a whole, or not at all. */
static void test_long(void **state)
{
	const unsigned many = 60000; /* 3 MB in several frames */
	const unsigned count = getenv("MIST_LONG") ? 100 * many : many;
	(void)state;
	struct journal *journal = open_it();
	put_entry(journal, 0);
	assert_int_equal(journal_write(journal), MIST_OK);
	const off_t one = size_of(path);
	for (unsigned i = 1; i < count; i++)
		put_entry(journal, i);
	assert_true(size_of(path) > one + (1 << 20)); /* parts of it are there */
	assert_int_equal(count_entries(journal), 1);  /* and nothing yet */
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(count_entries(journal), count);
	journal_undo(journal);
	assert_int_equal(size_of(path), one);
	for (unsigned i = 1; i < many; i++)
		put_entry(journal, i);
	assert_int_equal(journal_write(journal), MIST_OK);
	put_entry(journal, many); /* what follows goes with it, if it is cut */
	assert_int_equal(journal_write(journal), MIST_OK);
	const off_t whole = size_of(path);
	journal_close(journal);
	assert_true(run("cp %s %s/whole", path, directory));
	for (off_t len = whole - 200; len > one; len -= whole / 12) {
		assert_true(run("cp %s/whole %s", directory, path));
		assert_int_equal(truncate(path, len), 0);
		journal = open_it();
		assert_int_equal(count_entries(journal), 1);
		assert_int_equal(size_of(path), one);
		journal_close(journal);
	}
}

/* A part of a commit finds no room: nothing of it is left. */
static void test_full_in_parts(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	put_entry(journal, 0);
	assert_int_equal(journal_write(journal), MIST_OK);
	const off_t one = size_of(path);
	struct rlimit before, limit;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 1500000; /* in the second part */
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned i = 1; i < 60000; i++)
		put_entry(journal, i);
	assert_int_equal(journal_write(journal), MIST_EFILE);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_int_equal(size_of(path), one);
	put_entry(journal, 1);
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(count_entries(journal), 2);
	journal_close(journal);
}

/* A full disk: nothing of the frame is left, and the next one goes on where it began. */
static void test_full(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	put_entry(journal, 0);
	assert_int_equal(journal_write(journal), MIST_OK);
	struct rlimit before, limit;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)size_of(path) + 10; /* in the middle of the next frame */
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	put_entry(journal, 1);
	assert_int_equal(journal_write(journal), MIST_EFILE);
	assert_non_null(strstr(heard.text, "edits that cannot be kept are refused"));
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_int_equal(count_entries(journal), 1);
	put_entry(journal, 1);
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(count_entries(journal), 2);
	journal_close(journal);
}

/* The new file has taken the old one's place, but the directory could not be brought to the disk. */
static void test_renewed_unsafely(void **state)
{
	(void)state;
	struct journal *journal = open_it();
	put_entry(journal, 0);
	assert_int_equal(journal_write(journal), MIST_OK);
	journal_renew(journal);
	put_entry(journal, 0);
	struct rlimit before, limit;
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 0; /* those that are open stay so */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	int renewed = journal_renewed(journal);
	put_entry(journal, 1);
	int refused = journal_write(journal); /* nobody is told that it is safe there */
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(renewed, MIST_EFILE);
	assert_int_equal(refused, MIST_EFILE);
	put_entry(journal, 1);
	assert_int_equal(journal_write(journal), MIST_OK);
	assert_int_equal(count_entries(journal), 2);
	journal_close(journal);
	journal = open_it();
	assert_int_equal(count_entries(journal), 2);
	journal_close(journal);
}

/* Two servers were given one directory before either had an edit. */
static void test_two_servers(void **state)
{
	(void)state;
	struct journal *one = open_it(), *two = open_it();
	put_entry(one, 0);
	assert_int_equal(journal_write(one), MIST_OK);
	for (unsigned i = 0; i < 2; i++) { /* while the first one runs, and when it has ended */
		put_entry(two, 7);
		assert_int_equal(journal_write(two), MIST_EFILE);
		assert_non_null(strstr(heard.text, "another server has kept its edits here"));
		journal_undo(two);
		journal_close(i ? NULL : one);
	}
	journal_close(two);
	one = open_it();
	assert_int_equal(count_entries(one), 1);
	journal_close(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spoiled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_in_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renewed_unsafely, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_servers, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
