/*
 * What a change costs the library: edits of a zone of any size, one after the other or from many
 * threads, from mist_edit_begin() to the return of mist_edit_commit(), when every worker answers
 * from it.
 *
 *   bench_commits [--names N] [--commits N] [--threads N] [--sign] [--kept DIRECTORY]
 *   bench_commits --serve FILE [--names N] [--sign] [--kept DIRECTORY]
 *
 * Each edit is one record: in turns another address for a name, a new name, and its removal. Prints
 * one JSON object.
 *
 * With --serve each edit is a version for those who ask meanwhile (struct stamp). Prints where it is
 * asked, {"address", "port"}; then makes, for each line "COMMITS RATE" from stdin, so many commits at
 * so many a second, and prints an object for it; until there is no more line. FILE is eight octets for
 * others to map: the version begun last, and the version committed last.
 */
#include <fcntl.h>
#include <getopt.h>
#include <mistcore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/usage.h"

#define ZONE "editor.land" /* as everybody's in the bench */
#define COMMITS_MAX 10000000u /* and of versions: three octets of an address and eight digits tell them */

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_SOA = 6, TYPE_TXT = 16, TYPE_SRV = 33 };

static unsigned names = 10000, commits = 3000, threads = 1;
static unsigned rate;    /* commits a second of all threads together; 0: as many as they can */
static unsigned version; /* before the commits that are made now */
static const char *kept, *serve;
static bool sign;
static struct mist_server *server;
static _Atomic(uint32_t) *progress; /* in the file: begun, committed */
static double *took; /* microseconds, of every commit */

static void fail(const char *what, int error)
{
	fprintf(stderr, "bench_commits: %s: %s\n", what, mist_strerror(error));
	exit(1);
}

static void name_of(uint8_t name[MIST_NAME_SIZE], const char *kind, unsigned number)
{
	char text[64];
	snprintf(text, sizeof(text), "%s%07u." ZONE, kind, number);
	if (mist_name_from_text(text, name) < 0)
		abort();
}

static struct mist_record address_of(const uint8_t *owner, uint32_t *address)
{
	return (struct mist_record){ .owner = owner, .type = TYPE_A, .ttl = 300, .rdata = (const uint8_t *)address,
	                             .rdata_len = 4 };
}

/* A version, for those who ask: the address and the text of one name, and priority and weight of the SRV
 * record that leads there, whose answer brings the address along. bench/versions.py reads them. */
struct stamp {
	uint8_t name[MIST_NAME_SIZE], service[MIST_NAME_SIZE];
	uint8_t address[4], text[10], srv[6 + MIST_NAME_SIZE];
	struct mist_record records[3];
};

static void stamp_of(struct stamp *stamp, unsigned number)
{
	const uint8_t octets[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
	                            (uint8_t)number };
	const int len = mist_name_from_text("stamp." ZONE, stamp->name);
	mist_name_from_text("service." ZONE, stamp->service);
	memcpy(stamp->address, octets, 4);
	stamp->address[0] = 10;
	snprintf((char *)stamp->text, sizeof(stamp->text), "%c%08u", 8, number % COMMITS_MAX);
	memset(stamp->srv, 0, 6); /* port 0 */
	memcpy(stamp->srv, octets, 4);
	memcpy(stamp->srv + 6, stamp->name, (size_t)len);
	stamp->records[0] = (struct mist_record){ .owner = stamp->name, .type = TYPE_A, .ttl = 300,
		.rdata = stamp->address, .rdata_len = 4 };
	stamp->records[1] = (struct mist_record){ .owner = stamp->name, .type = TYPE_TXT, .ttl = 300,
		.rdata = stamp->text, .rdata_len = 9 };
	stamp->records[2] = (struct mist_record){ .owner = stamp->service, .type = TYPE_SRV, .ttl = 300,
		.rdata = stamp->srv, .rdata_len = (uint16_t)(6 + len) };
}

static void fill(struct mist_zone *zone)
{
	uint8_t name[MIST_NAME_SIZE], apex[MIST_NAME_SIZE], rdata[2 * MIST_NAME_SIZE + 20] = { 0 };
	uint32_t address = 0x010200c0;
	struct stamp stamp;
	mist_name_from_text(ZONE, apex);
	int len = mist_name_from_text("ns." ZONE, name);
	memcpy(rdata, name, (size_t)len);
	memcpy(rdata + len, name, (size_t)len);
	for (int i = 0; i < 5; i++)
		rdata[2 * len + 4 * i + 2] = 14; /* 3,584: serial and all the timers */
	int error = mist_zone_add(zone, &(struct mist_record){ .owner = apex, .type = TYPE_SOA, .ttl = 300,
	                          .rdata = rdata,
	                          .rdata_len = (uint16_t)(2 * len + 20) });
	if (!error)
		error = mist_zone_add(zone, &(struct mist_record){ .owner = apex, .type = TYPE_NS, .ttl = 300,
		                      .rdata = name,
		                      .rdata_len = (uint16_t)len });
	struct mist_record record = address_of(name, &address);
	if (!error)
		error = mist_zone_add(zone, &record);
	for (unsigned i = 0; i < names && !error; i++, address++) {
		name_of(name, "n", i);
		error = mist_zone_add(zone, &record);
	}
	stamp_of(&stamp, version);
	for (unsigned i = 0; serve && i < 3 && !error; i++)
		error = mist_zone_add(zone, &stamp.records[i]);
	if (error)
		fail("filling the zone", error);
}

static void start(void)
{
	struct mist_content *content;
	struct mist_zone *zone = NULL;
	int error = mist_content_new(&content, &(struct mist_content_options){
		.size = sizeof(struct mist_content_options), .state_directory = kept });
	if (!error)
		error = mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
			.name = ZONE, .records = true, .ephemeral_key = true,
			.dnssec = sign ? MIST_DNSSEC_SIGN : MIST_DNSSEC_OFF }, &zone);
	if (error)
		fail("describing", error);
	fill(zone);
	error = mist_start(&server, &(struct mist_options){ .size = sizeof(struct mist_options), .workers = 2 },
	                   content);
	if (error)
		fail("starting", error);
}

/* Another address, a new name, or the removal of that. */
static int change(struct mist_edit *edit, unsigned number)
{
	uint8_t owner[MIST_NAME_SIZE];
	uint32_t address = 0x0a000000u + number;
	const unsigned way = number % 3;
	const struct mist_record record = address_of(owner, &address);

	name_of(owner, way == 0 ? "n" : "x", way == 0 ? number * 2654435761u % names : number / 3);
	if (way == 0)
		return mist_edit_replace(edit, NULL, owner, TYPE_A, &record, 1);
	if (way == 1)
		return mist_edit_add(edit, NULL, &record);
	return mist_edit_remove(edit, NULL, &(struct mist_record){ .owner = owner });
}

static int next_version(struct mist_edit *edit, unsigned number)
{
	struct stamp stamp;
	int error = MIST_OK;
	stamp_of(&stamp, number);
	for (unsigned i = 0; i < 3 && !error; i++)
		error = mist_edit_replace(edit, NULL, stamp.records[i].owner, stamp.records[i].type, &stamp.records[i], 1);
	return error;
}

static void commit_one(unsigned number)
{
	struct mist_edit *edit;
	struct mist_edit_result result = { .size = sizeof(result) };
	int error = mist_edit_begin(server, &edit);
	if (!error && serve)
		error = next_version(edit, version + number + 1);
	else if (!error)
		error = change(edit, number);
	if (serve)
		atomic_store(&progress[0], version + number + 1);
	if (!error)
		error = mist_edit_commit(edit, &result);
	if (error)
		fail(result.text, error);
	if (serve)
		atomic_store(&progress[1], version + number + 1);
}

static double now_us(void)
{
	return usage_now_s() * 1e6;
}

static void sleep_until(double us)
{
	const struct timespec time = { (time_t)(us / 1e6), (long)((us - 1e6 * (double)(time_t)(us / 1e6)) * 1e3) };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

/* Each thread its share, by threes, so that a name is removed by who added it. */
static void *work(void *argument)
{
	const unsigned mine = (unsigned)(uintptr_t)argument;
	const double start_us = now_us();
	for (unsigned i = 3 * mine; i + 2 < commits; i += 3 * threads) {
		for (unsigned j = i; j < i + 3; j++) {
			if (rate)
				sleep_until(start_us + 1e6 * j / rate);
			const double begin = now_us();
			commit_one(j);
			took[j] = now_us() - begin;
		}
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "names", required_argument, NULL, 'n' }, { "commits", required_argument, NULL, 'c' },
		{ "threads", required_argument, NULL, 't' }, { "sign", no_argument, NULL, 's' },
		{ "kept", required_argument, NULL, 'k' }, { "serve", required_argument, NULL, 'S' }, { 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'n': names = (unsigned)atoi(optarg); break;
		case 'c': commits = (unsigned)atoi(optarg); break;
		case 't': threads = (unsigned)atoi(optarg); break;
		case 's': sign = true; break;
		case 'S': serve = optarg; break;
		case 'k': kept = optarg; break;
		default: exit(2);
		}
	}
	commits -= commits % 3;
	if (!names || !commits || !threads || threads > 64 || names > 9999999 || commits > COMMITS_MAX) {
		fprintf(stderr, "bench_commits: --names 1 to 9999999, --commits from 3, --threads 1 to 64\n");
		exit(2);
	}
	if (serve)
		threads = 1; /* versions come in their order */
}

/* All commits, by all threads; prints what they took. */
static void make_all(void)
{
	pthread_t thread[64];
	struct mist_counters before, after;
	struct mist_status first, last;

	took = malloc(commits * sizeof(*took));
	if (!took)
		fail("starting", MIST_ENOMEM);
	memset(took, 1, commits * sizeof(*took)); /* there before memory is looked at */
	mist_counters(server, &before, sizeof(before));
	mist_status(server, &first);
	const long memory = usage_resident_kib();
	const double begin = now_us();
	for (uintptr_t i = 0; i < threads; i++) {
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			fail("starting a thread", MIST_ENOMEM);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	const double all = now_us() - begin;
	mist_counters(server, &after, sizeof(after));
	mist_status(server, &last);
	qsort(took, commits, sizeof(*took), compare);
	printf("{\"names\": %u, \"signed\": %s, \"threads\": %u, \"commits\": %u, \"publications\": %llu, \"rate\": %.1f, "
	       "\"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, \"max\": %.1f, \"signatures\": %.2f, "
	       "\"grown_kib\": %ld, \"resident_kib\": %ld}\n", names, sign ? "true" : "false", threads, commits,
	       (unsigned long long)(last.view - first.view), commits / all * 1e6, took[commits / 2], took[commits * 9 / 10],
	       took[commits * 99 / 100], took[commits - 1],
	       (double)(after.signatures - before.signatures) / commits, usage_resident_kib() - memory, memory);
	fflush(stdout);
	free(took);
}

/* Where others see how far it is. */
static void map_progress(void)
{
	int fd = open(serve, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 2 * sizeof(*progress)))
		fail(serve, MIST_EFILE);
	progress = mmap(NULL, 2 * sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (progress == MAP_FAILED)
		fail(serve, MIST_ENOMEM);
	close(fd);
}

static void obey(void)
{
	char line[64];
	printf("{\"address\": \"127.0.0.1\", \"port\": %u}\n", mist_port(server));
	fflush(stdout);
	for (; fgets(line, sizeof(line), stdin); version += commits) {
		if (sscanf(line, "%u %u", &commits, &rate) != 2 || commits < 3 || commits > COMMITS_MAX - version) {
			fprintf(stderr, "bench_commits: a line is COMMITS, from 3, and RATE\n");
			exit(2);
		}
		commits -= commits % 3;
		make_all();
	}
}

int main(int argc, char **argv)
{
	read_arguments(argc, argv);
	if (serve)
		map_progress();
	start();
	if (serve)
		obey();
	else
		make_all();
	mist_stop(server);
	return 0;
}
