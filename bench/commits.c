/*
 * What a change costs the library: one-record edits of a zone of any size, one after the other or
 * from many threads, from mist_edit_begin() to the return of mist_edit_commit(), when every worker
 * answers from it.
 *
 *   bench_commits [--names N] [--commits N] [--threads N] [--rate N] [--sign] [--kept DIRECTORY] [--serve S]
 *
 * Each edit is, in turns, another address for a name, a new name, and its removal. `--rate` is how
 * many a second all threads make together (as many as they can). `--serve` tells the port on stderr
 * and waits so many seconds before it begins and after it ends, for a load from outside. Prints one
 * line.
 */
#include <getopt.h>
#include <mistcore.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned names = 10000, commits = 3000, threads = 1, rate, serve;
static const char *kept;
static bool sign;
static struct mist_server *server;
static double *took; /* microseconds, of every commit */

static double now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "bench_commits: %s: %s\n", what, mist_strerror(error));
	exit(1);
}

static void name_of(uint8_t name[MIST_NAME_SIZE], const char *kind, unsigned number)
{
	char text[64];
	snprintf(text, sizeof(text), "%s%07u.bench.test", kind, number);
	if (mist_name_from_text(text, name) < 0)
		abort();
}

static struct mist_record address_of(const uint8_t *owner, uint32_t *address)
{
	return (struct mist_record){ .owner = owner, .type = 1, .ttl = 300, .rdata = (const uint8_t *)address,
	                             .rdata_len = 4 };
}

static void fill(struct mist_zone *zone)
{
	uint8_t name[MIST_NAME_SIZE], apex[MIST_NAME_SIZE], rdata[2 * MIST_NAME_SIZE + 20] = { 0 };
	uint32_t address = 0x010200c0;
	mist_name_from_text("bench.test", apex);
	int len = mist_name_from_text("ns.bench.test", name);
	memcpy(rdata, name, (size_t)len);
	memcpy(rdata + len, name, (size_t)len);
	for (int i = 0; i < 5; i++)
		rdata[2 * len + 4 * i + 2] = 14; /* 3,584: serial and all the timers */
	int error = mist_zone_add(zone, &(struct mist_record){ .owner = apex, .type = 6, .ttl = 300, .rdata = rdata,
	                          .rdata_len = (uint16_t)(2 * len + 20) });
	if (!error)
		error = mist_zone_add(zone, &(struct mist_record){ .owner = apex, .type = 2, .ttl = 300, .rdata = name,
		                      .rdata_len = (uint16_t)len });
	struct mist_record record = address_of(name, &address);
	if (!error)
		error = mist_zone_add(zone, &record);
	for (unsigned i = 0; i < names && !error; i++, address++) {
		name_of(name, "n", i);
		error = mist_zone_add(zone, &record);
	}
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
			.name = "bench.test", .records = true, .ephemeral_key = true,
			.dnssec = sign ? MIST_DNSSEC_SIGN : MIST_DNSSEC_OFF }, &zone);
	if (error)
		fail("describing", error);
	fill(zone);
	error = mist_start(&server, &(struct mist_options){ .size = sizeof(struct mist_options), .workers = 2 },
	                   content);
	if (error)
		fail("starting", error);
}

static void commit_one(unsigned number)
{
	struct mist_edit *edit;
	uint8_t owner[MIST_NAME_SIZE];
	uint32_t address = 0x0a000000u + number;
	const unsigned way = number % 3;
	const struct mist_record record = address_of(owner, &address);

	name_of(owner, way == 0 ? "n" : "x", way == 0 ? number * 2654435761u % names : number / 3);
	int error = mist_edit_begin(server, &edit);
	if (!error && way == 0)
		error = mist_edit_replace(edit, NULL, owner, 1, &record, 1);
	else if (!error && way == 1)
		error = mist_edit_add(edit, NULL, &record);
	else if (!error)
		error = mist_edit_remove(edit, NULL, &(struct mist_record){ .owner = owner });
	struct mist_edit_result result = { .size = sizeof(result) };
	if (!error)
		error = mist_edit_commit(edit, &result);
	if (error)
		fail(result.text, error);
}

/* Each thread its share, by threes, so that a name is removed by who added it. */
static void *work(void *argument)
{
	const unsigned mine = (unsigned)(uintptr_t)argument;
	const double start_us = now_us();
	for (unsigned i = 3 * mine; i + 2 < commits; i += 3 * threads) {
		for (unsigned j = i; j < i + 3; j++) {
			const double due = start_us + (rate ? 1e6 * j / rate : 0);
			if (now_us() < due)
				usleep((useconds_t)(due - now_us() + 1));
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
		{ "kept", required_argument, NULL, 'k' }, { "rate", required_argument, NULL, 'r' },
		{ "serve", required_argument, NULL, 'S' }, { 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'n': names = (unsigned)atoi(optarg); break;
		case 'c': commits = (unsigned)atoi(optarg); break;
		case 't': threads = (unsigned)atoi(optarg); break;
		case 's': sign = true; break;
		case 'r': rate = (unsigned)atoi(optarg); break;
		case 'S': serve = (unsigned)atoi(optarg); break;
		case 'k': kept = optarg; break;
		default: exit(2);
		}
	}
	commits -= commits % 3;
	if (!names || !commits || !threads || threads > 64 || names > 9999999) {
		fprintf(stderr, "bench_commits: --names 1 to 9999999, --commits from 3, --threads 1 to 64\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread[64];
	struct mist_counters before, after;
	struct mist_status first, last;

	read_arguments(argc, argv);
	took = malloc(commits * sizeof(*took));
	if (!took)
		fail("starting", MIST_ENOMEM);
	memset(took, 1, commits * sizeof(*took)); /* there before memory is looked at */
	start();
	if (serve)
		fprintf(stderr, "port %u\n", mist_port(server));
	sleep(serve);
	mist_counters(server, &before, sizeof(before));
	mist_status(server, &first);
	const long memory = resident_kib();
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
	sleep(serve);
	qsort(took, commits, sizeof(*took), compare);
	printf("names %u%s threads %u: %u commits in %llu publications, %.0f/s; us p50 %.1f p90 %.1f p99 %.1f "
	       "max %.0f; signatures %.2f a commit; memory %+ld KiB of %ld\n", names, sign ? " signed" : "",
	       threads, commits, (unsigned long long)(last.view - first.view), commits / all * 1e6,
	       took[commits / 2], took[commits * 9 / 10], took[commits * 99 / 100], took[commits - 1],
	       (double)(after.signatures - before.signatures) / commits, resident_kib() - memory, memory);
	mist_stop(server);
	free(took);
	return 0;
}
