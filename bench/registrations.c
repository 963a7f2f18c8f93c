/*
 * What names that are registered cost: many of them, by many owners at once, in a signed registry
 * zone; then all owners go.
 *
 *   bench_registrations [--names N] [--threads N] [--owned N] [--times N] [--unsigned]
 *
 * Each owner has so many names (`--owned`), each with one address. Done twice (`--times`), as what
 * the first time leaves, threads' arenas and a history for IXFR, must not grow with the second.
 * Memory is what the process has of the machine; in the end also what malloc gave out and did not
 * get back. Prints a JSON object for each time; exit code 1: the memory was not given back.
 */
#include <getopt.h>
#include <malloc.h>
#include <mistcore.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/usage.h"

#define LEFT_MOST 0.01       /* of the memory that the names took: what may be left of heap when they are gone, */
#define LEFT_ANYWAY_MIB 0.25 /* or this, of few names; */
#define RESIDENT_MOST 0.25   /* and of resident memory, */
#define RESIDENT_ANYWAY_MIB 8 /* beside threads' arenas and what a program touches */

static unsigned names = 100000, threads = 8, owned = 10, times = 2;
static bool plain;
static struct mist_server *server;

static double resident_mib(void)
{
	return (double)usage_resident_kib() / 1024;
}

static double heap_mib(void)
{
	const struct mallinfo2 info = mallinfo2();
	return (double)(info.uordblks + info.hblkhd) / (1 << 20);
}

static void fail(const char *what, int error)
{
	fprintf(stderr, "bench_registrations: %s: %s\n", what, mist_strerror(error));
	exit(1);
}

static void start(void)
{
	struct mist_content *content;
	struct mist_zone *zone;
	int error = mist_content_new(&content, &(struct mist_content_options){
		.size = sizeof(struct mist_content_options) });
	if (!error)
		error = mist_content_zone(content, &(struct mist_zone_options){
			.size = sizeof(struct mist_zone_options), .name = "bench.test", .registry = true, .ephemeral_key = true,
			.dnssec = plain ? MIST_DNSSEC_OFF : MIST_DNSSEC_SIGN }, &zone);
	if (error)
		fail("describing", error);
	error = mist_start(&server, &(struct mist_options){
		.size = sizeof(struct mist_options), .workers = 2 }, content);
	if (error)
		fail("starting", error);
}

/* Its own owners' names. */
static void *come(void *argument)
{
	for (unsigned i = (unsigned)(uintptr_t)argument * owned; i < names; i += threads * owned) {
		for (unsigned j = i; j < i + owned && j < names; j++) {
			char name[32], owner[32], address[32];
			const char *addresses[] = { address };
			snprintf(name, sizeof(name), "n%07u", j);
			snprintf(owner, sizeof(owner), "owner-%u", j / owned);
			snprintf(address, sizeof(address), "10.%u.%u.%u", j >> 16 & 255, j >> 8 & 255, j & 255);
			int error = mist_register(server, &(struct mist_registration){
				.size = sizeof(struct mist_registration), .name = name, .owner = owner,
				.addresses = addresses, .address_count = 1 });
			if (error)
				fail("registering", error);
		}
	}
	return NULL;
}

static void *leave(void *argument)
{
	for (unsigned i = (unsigned)(uintptr_t)argument * owned; i < names; i += threads * owned) {
		char owner[32];
		snprintf(owner, sizeof(owner), "owner-%u", i / owned);
		int error = mist_deregister(server, owner, NULL);
		if (error)
			fail("taking back", error);
	}
	return NULL;
}

/* Seconds until all threads are done with it. */
static double with_all(void *(*work)(void *))
{
	pthread_t thread[64];
	const double begin = usage_now_s();
	for (uintptr_t i = 0; i < threads; i++) {
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			fail("starting a thread", MIST_ENOMEM);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return usage_now_s() - begin;
}

static void read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "names", required_argument, NULL, 'n' }, { "threads", required_argument, NULL, 't' },
		{ "owned", required_argument, NULL, 'o' },
		{ "times", required_argument, NULL, 'T' }, { "unsigned", no_argument, NULL, 'u' }, { 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'n': names = (unsigned)atoi(optarg); break;
		case 't': threads = (unsigned)atoi(optarg); break;
		case 'o': owned = (unsigned)atoi(optarg); break;
		case 'T': times = (unsigned)atoi(optarg); break;
		case 'u': plain = true; break;
		default: exit(2);
		}
	}
	if (!names || !threads || threads > 64 || !owned || names > 9999999 || owned > 9999999) {
		fprintf(stderr, "bench_registrations: --names and --owned 1 to 9999999, --threads 1 to 64\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	read_arguments(argc, argv);
	start();
	const double heap = heap_mib(), resident = resident_mib();
	double taken = 0, kept = 0, stays = 0; /* MiB: resident for the names; of heap, and resident, after them */
	for (unsigned i = 0; i < times; i++) {
		const double came = with_all(come);
		const double resident_full = resident_mib();
		const double left = with_all(leave);
		malloc_trim(0);
		printf("{\"names\": %u, \"owners\": %u, \"signed\": %s, \"threads\": %u, \"came_s\": %.2f, \"octets_a_name\": %.0f, "
		       "\"left_s\": %.2f, \"heap_mib\": %.2f, \"resident_mib\": %.1f}\n", names, (names + owned - 1) / owned,
		       plain ? "false" : "true", threads, came, (resident_full - resident) * (1 << 20) / names, left,
		       heap_mib() - heap, resident_mib() - resident);
		fflush(stdout);
		taken = resident_full - resident;
		kept = heap_mib() - heap;
		stays = resident_mib() - resident;
	}
	mist_stop(server);
	if ((kept <= taken * LEFT_MOST || kept <= LEFT_ANYWAY_MIB) && stays <= taken * RESIDENT_MOST + RESIDENT_ANYWAY_MIB)
		return 0;
	fprintf(stderr, "bench_registrations: the memory was not given back: of %.2f MiB, %.2f of heap and %.2f resident were "
	        "kept\n", taken, kept, stays);
	return 1;
}
