/*
 * Registered names of very many owners, at once: what is left when they have gone, and a model of what each of them
 * wishes. MIST_REGISTRY_ROUNDS: rounds of each thread.
 */
#include "registry_kit.h"

#include <pthread.h>
#include <stdatomic.h>

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
		cmocka_unit_test_setup_teardown(a_thousand_owners, start, stop),
		cmocka_unit_test_setup_teardown(everybody_at_once, start_two, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
