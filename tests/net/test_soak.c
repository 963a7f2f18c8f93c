/*
 * Edits, registrations and questions from many threads at once, for MIST_SOAK_S seconds each (2 unless said
 * otherwise; ./do long: 600 under each sanitizer): no answer mixes two versions or is older than what its asker knows
 * to be published, no question is lost, memory stays, and in the end the zones are what models kept beside
 * them say.
 */
#include "edit_kit.h"

#include <pthread.h>
#include <time.h>

#include "chance.h"

static struct mist_server *server;
static _Atomic(bool) over;

static double seconds_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned soak_seconds(void)
{
	const char *text = getenv("MIST_SOAK_S");
	return text ? (unsigned)atoi(text) : 2;
}

static void let_pass(unsigned seconds)
{
	const double end = seconds_now() + seconds;
	while (seconds_now() < end)
		usleep(100000);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file && fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static const char zone_text[] =
	"example.test. 300 SOA ns.example.test. h.example.test. 7 3600 600 86400 300\n"
	"example.test. 300 NS ns.example.test.\n"
	"ns.example.test. 300 A 192.0.2.1\n";

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

static int start(void **state)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 2);
	struct mist_content *content;
	struct mist_zone *zone;
	(void)state;
	assert_int_equal(mist_content_new(&content, NULL), MIST_OK);
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .name = "example.test",
		.size = sizeof(struct mist_zone_options), .records = true }, &zone), MIST_OK);
	assert_int_equal(zonetext_read(zone_text, add_record, zone), MIST_OK);
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .name = "names.test",
		.size = sizeof(struct mist_zone_options), .registry = true }, NULL), MIST_OK);
	assert_int_equal(mist_start(&server, &options, content), MIST_OK);
	atomic_store(&over, false);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	return mist_stop(server);
}

/* ------------------------------------------------------------------------------------------------
 * Versions
 *
 * Version n has port n in the SRV record of stamp.example.test and n in the address of its target, which comes
 * along in the additional section.
 */

#define COMMITS_A_SECOND 1000
#define ASKERS 6

static _Atomic(uint32_t) begun, committed;

static int publish_version(uint32_t version)
{
	uint8_t stamp[NAME_MAX], target[NAME_MAX], srv[6 + NAME_MAX] = { 0 };
	const uint8_t address[4] = { 10, 0, (uint8_t)(version >> 8), (uint8_t)version };
	struct mist_edit *edit;
	name_from_text(stamp, "stamp.example.test");
	size_t len = name_from_text(target, "at.example.test");
	wire_set16(srv + 4, (uint16_t)version);
	memcpy(srv + 6, target, len);
	const struct mist_record one = { .ttl = 300, .rdata = srv, .rdata_len = (uint16_t)(6 + len) };
	const struct mist_record two = { .ttl = 300, .rdata = address, .rdata_len = 4 };
	int error = mist_edit_begin(server, &edit);
	if (!error)
		error = mist_edit_replace(edit, NULL, stamp, TYPE_SRV, &one, 1);
	if (!error)
		error = mist_edit_replace(edit, "example.test", target, TYPE_A, &two, 1);
	return error ? error : mist_edit_commit(edit, NULL);
}

static void *publish_versions(void *result)
{
	const double begin = seconds_now();
	for (uint32_t version = 2; !atomic_load(&over); version++) {
		atomic_store(&begun, version);
		if (publish_version(version)) {
			*(const char **)result = "a commit failed";
			break;
		}
		atomic_store(&committed, version);
		while (!atomic_load(&over) && seconds_now() < begin + (double)version / COMMITS_A_SECOND)
			usleep(200);
	}
	return NULL;
}

/* The versions that the SRV record and the address in a response tell; false: not that. */
static bool read_versions(const uint8_t *response, size_t len, uint16_t *srv, uint16_t *address)
{
	uint8_t name[NAME_MAX];
	unsigned found = 0, records = (unsigned)response[7] + response[9] + response[11];
	size_t at = 12;
	at += name_read(response, len, at, name) + 4;
	for (unsigned i = 0; i < records && at < len; i++) {
		at += name_read(response, len, at, name);
		uint16_t type = wire_get16(response + at), size = wire_get16(response + at + 8);
		if (type == TYPE_SRV)
			*srv = wire_get16(response + at + 14), found |= 1;
		else if (type == TYPE_A)
			*address = wire_get16(response + at + 12), found |= 2;
		at += 10u + size;
	}
	return found == 3;
}

struct asker {
	bool local;                  /* by a look-up handle, else over UDP */
	uint64_t asked;
	const char *problem;
};

static void *ask_versions(void *argument)
{
	struct asker *asker = argument;
	struct mist_lookup *lookup = NULL;
	struct mist_resolver *resolver = NULL;
	uint8_t query[300] = { 0x12, 0x34, 1, 0, 0, 1 }, response[4096];
	int size = mist_name_from_text("stamp.example.test", query + 12);
	query[13 + size] = TYPE_SRV;
	query[15 + size] = 1;
	if (asker->local ? mist_lookup_open(&lookup, server)
	                 : mist_resolver_open(&resolver, &(struct mist_resolver_options){ .port = mist_port(server),
	                                      .size = sizeof(struct mist_resolver_options), .timeout_ms = 20000 })) {
		asker->problem = "no handle";
		return NULL;
	}
	while (!atomic_load(&over) && !asker->problem) {
		size_t len = sizeof(response), query_len = 16 + (size_t)size;
		uint16_t srv = 0, address = 1, least = (uint16_t)atomic_load(&committed);
		if (asker->local ? mist_lookup_message(lookup, query, query_len, response, &len)
		                 : mist_resolver_message(resolver, false, query, query_len, response, &len))
			asker->problem = "a question without answer";
		else if (!read_versions(response, len, &srv, &address))
			asker->problem = "an answer without its records";
		else if (srv != address)
			asker->problem = "an answer of two versions";
		else if ((uint16_t)(srv - least) > (uint16_t)((uint16_t)atomic_load(&begun) - least))
			asker->problem = "an answer that is older than what was published, or newer than what was begun";
		asker->asked++;
	}
	mist_lookup_close(lookup);
	mist_resolver_close(resolver);
	return NULL;
}

static void versions(void **state)
{
	(void)state;
	pthread_t editor, all[ASKERS];
	struct asker askers[ASKERS] = { 0 };
	const char *failed = NULL;
	uint64_t asked = 0;

	assert_int_equal(publish_version(1), MIST_OK);
	atomic_store(&begun, 1);
	atomic_store(&committed, 1);
	for (unsigned i = 0; i < ASKERS; i++) {
		askers[i].local = i % 3 == 0;
		assert_int_equal(pthread_create(&all[i], NULL, ask_versions, &askers[i]), 0);
	}
	assert_int_equal(pthread_create(&editor, NULL, publish_versions, &failed), 0);
	usleep(500000);
	const long early = resident_kib();
	let_pass(soak_seconds());
	const long late = resident_kib();
	atomic_store(&over, true);
	pthread_join(editor, NULL);
	for (unsigned i = 0; i < ASKERS; i++)
		pthread_join(all[i], NULL);
	for (unsigned i = 0; i < ASKERS; i++) {
		if (askers[i].problem)
			fail_msg("%s", askers[i].problem);
		asked += askers[i].asked;
	}
	if (failed)
		fail_msg("%s", failed);
	print_message("%u versions, %llu answers, memory %ld KiB, later %ld\n", atomic_load(&committed),
	              (unsigned long long)asked, early, late);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they keep what was freed */
	assert_true(late < early + 8192);
#endif
}

/* ------------------------------------------------------------------------------------------------
 * Models
 *
 * Each thread has names of its own, whose records it knows, and one that it shares with all others.
 */

#define THREADS 8
#define NAMES 12
#define ADDRESSES 6

struct worker {
	unsigned number;
	struct chance chance;
	uint8_t zone[NAMES];         /* addresses of n<i>.t<number>.example.test, as bits */
	uint8_t registered[NAMES];   /* of r<i>-<number>.names.test */
	bool shares;                 /* shared.names.test */
	uint64_t commits, aborts;
	const char *problem;
};

/* Some operations on names of one's own, as one edit; given up one time in four. */
static void edit_some(struct worker *worker)
{
	struct mist_edit *edit;
	uint8_t after[NAMES], owner[NAME_MAX];
	char name[64];
	memcpy(after, worker->zone, sizeof(after));
	int error = mist_edit_begin(server, &edit);
	for (unsigned i = 1 + chance_of(&worker->chance, 4); i > 0 && !error; i--) {
		const unsigned which = chance_of(&worker->chance, NAMES), bit = chance_of(&worker->chance, ADDRESSES);
		const uint8_t address[4] = { 10, 1, (uint8_t)worker->number, (uint8_t)bit };
		snprintf(name, sizeof(name), "n%u.t%u.example.test", which, worker->number);
		name_from_text(owner, name);
		struct mist_record record = { .owner = owner, .type = TYPE_A, .ttl = 60, .rdata = address, .rdata_len = 4 };
		switch (chance_of(&worker->chance, 5)) {
		case 0:
			error = mist_edit_remove(edit, NULL, &record);
			after[which] &= (uint8_t)~(1u << bit);
			break;
		case 1:
			error = mist_edit_remove(edit, NULL, &(struct mist_record){ .owner = owner });
			after[which] = 0;
			break;
		case 2:
			error = mist_edit_replace(edit, NULL, owner, TYPE_A, &record, 1);
			after[which] = (uint8_t)(1u << bit);
			break;
		default:
			error = mist_edit_add(edit, NULL, &record);
			after[which] |= (uint8_t)(1u << bit);
		}
	}
	if (error) {
		worker->problem = "an operation failed";
		mist_edit_abort(edit);
	} else if (chance_of(&worker->chance, 4) == 0) {
		mist_edit_abort(edit);
		worker->aborts++;
	} else if (mist_edit_commit(edit, NULL)) {
		worker->problem = "a commit failed";
	} else {
		memcpy(worker->zone, after, sizeof(after));
		worker->commits++;
	}
}

static void register_some(struct worker *worker)
{
	char name[64], owner[32], text[ADDRESSES][32];
	const char *addresses[ADDRESSES];
	size_t count = 0;
	const unsigned which = chance_of(&worker->chance, NAMES), bits = 1 + chance_of(&worker->chance, (1u << ADDRESSES) - 1);
	snprintf(owner, sizeof(owner), "owner %u", worker->number);
	for (unsigned bit = 0; bit < ADDRESSES; bit++) {
		snprintf(text[count], sizeof(text[count]), "10.2.%u.%u", worker->number, bit);
		if (bits >> bit & 1)
			addresses[count] = text[count], count++;
	}
	struct mist_registration registration = { .size = sizeof(registration), .name = name, .owner = owner,
	                                          .addresses = addresses, .address_count = count };
	bool shared = chance_of(&worker->chance, 6) == 0, leave = chance_of(&worker->chance, 3) == 0;
	snprintf(name, sizeof(name), "r%u-%u", which, worker->number);
	if (shared) {
		strcpy(name, "shared");
		registration.address_count = 1;
		snprintf(text[0], sizeof(text[0]), "10.3.0.%u", worker->number);
		addresses[0] = text[0];
	}
	bool was = shared ? worker->shares : worker->registered[which] != 0;
	int error = leave ? mist_deregister(server, owner, name) : mist_register(server, &registration);
	if (error != (leave && !was ? MIST_ENOTFOUND : MIST_OK))
		worker->problem = "a registration failed";
	if (shared)
		worker->shares = !leave;
	else
		worker->registered[which] = leave ? 0 : (uint8_t)bits;
	worker->commits++;
}

/* How many addresses a name has now. */
static unsigned addresses_of(struct mist_lookup *lookup, const char *name)
{
	struct mist_address addresses[64];
	size_t count = 64;
	return mist_lookup_addresses(lookup, name, addresses, &count) ? 0 : (unsigned)count;
}

/* What one knows of one's own names is what everybody is told. */
static void look_up_some(struct worker *worker, struct mist_lookup *lookup)
{
	char name[64];
	const unsigned which = chance_of(&worker->chance, NAMES);
	snprintf(name, sizeof(name), "n%u.t%u.example.test", which, worker->number);
	if (addresses_of(lookup, name) != (unsigned)__builtin_popcount(worker->zone[which]))
		worker->problem = "a name of one's own is not as it was left";
	snprintf(name, sizeof(name), "r%u-%u.names.test", which, worker->number);
	if (worker->registered[which] &&
	    addresses_of(lookup, name) != (unsigned)__builtin_popcount(worker->registered[which]))
		worker->problem = "a registered name is not as it was left";
}

static void *live(void *argument)
{
	struct worker *worker = argument;
	struct mist_lookup *lookup;
	if (mist_lookup_open(&lookup, server)) {
		worker->problem = "no handle";
		return NULL;
	}
	while (!atomic_load(&over) && !worker->problem) {
		if (chance_of(&worker->chance, 3) == 0)
			register_some(worker);
		else
			edit_some(worker);
		look_up_some(worker, lookup);
	}
	mist_lookup_close(lookup);
	return NULL;
}

/* Takes each record out of the model of its thread: in the end nothing may be left. */
static int compare_with_models(void *user, const struct mist_record *record)
{
	struct worker *workers = user;
	char name[MIST_NAME_TEXT_SIZE];
	unsigned which, number;
	mist_name_to_text(record->owner, NAME_MAX, name);
	if (record->type != TYPE_A || record->rdata[0] != 10)
		return 0;
	const unsigned bit = 1u << record->rdata[3];
	uint8_t *left = NULL;
	if (sscanf(name, "n%u.t%u.example.test", &which, &number) == 2)
		left = &workers[number].zone[which];
	else if (sscanf(name, "r%u-%u.names.test", &which, &number) == 2)
		left = &workers[number].registered[which];
	else if (!strcmp(name, "shared.names.test") && workers[record->rdata[3]].shares)
		return workers[record->rdata[3]].shares = false;
	if (!left || record->rdata[2] != number || !(*left & bit))
		fail_msg("%s has 10.%u.%u.%u, which its model has not", name, record->rdata[1], record->rdata[2],
		         record->rdata[3]);
	*left &= (uint8_t)~bit;
	return 0;
}

static void models(void **state)
{
	(void)state;
	pthread_t all[THREADS];
	struct worker workers[THREADS] = { 0 };
	uint64_t commits = 0, aborts = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].chance.state = 77 + i;
		assert_int_equal(pthread_create(&all[i], NULL, live, &workers[i]), 0);
	}
	let_pass(soak_seconds());
	atomic_store(&over, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		if (workers[i].problem)
			fail_msg("%s", workers[i].problem);
		commits += workers[i].commits;
		aborts += workers[i].aborts;
	}
	print_message("%llu commits, %llu given up\n", (unsigned long long)commits, (unsigned long long)aborts);
	assert_int_equal(mist_walk(server, "example.test", MIST_WALK_DATA, compare_with_models, workers), 0);
	assert_int_equal(mist_walk(server, "names.test", MIST_WALK_DATA, compare_with_models, workers), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned j = 0; j < NAMES; j++)
			assert_int_equal(workers[i].zone[j] | workers[i].registered[j], 0);
		assert_false(workers[i].shares);
	}
}

/* With an argument, the test of that name alone. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, start, stop),
		cmocka_unit_test_setup_teardown(models, start, stop),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
