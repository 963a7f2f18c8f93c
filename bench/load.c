/* load: asks a DNS server on loopback as fast as it answers, or at a rate, and judges every answer.
   One JSON object on stdout. Exit code 0: it ran, whatever the answers; 2: it could not. */
#include "bench/load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EXPIRE_EVERY (SECOND / 20)
#define SECONDS_MAX 3600

static const char usage[] =
	"usage: load --server ADDRESS --port PORT --queries FILE [options]\n"
	"  --tcp                over TCP\n"
	"  --sockets N          sockets, or connections (1)\n"
	"  --window N           questions in flight on each (1)\n"
	"  --rate N             open loop: questions a second (closed loop)\n"
	"  --tick US            open loop: only once in so long, then all that is due (each question alone)\n"
	"  --seconds S          how long to ask (1)\n"
	"  --count N            questions at most\n"
	"  --timeout S          after which a question is lost (2)\n"
	"  --edns N             EDNS with this payload size (no EDNS)\n"
	"  --do                 DNSSEC records (EDNS 1232 unless said)\n"
	"  --cookies            DNS cookies (EDNS 1232 unless said)\n"
	"  --stamped            addresses and SRV records tell a version: the same in an answer\n"
	"  --segment            send with UDP_SEGMENT\n"
	"  --gro                receive with UDP_GRO\n"
	"  --per-connection N   TCP: close after N answers\n"
	"  --sources N          from N addresses beginning with 127.0.1.1\n"
	"  --spin               never sleep: for a CPU of its own\n"
	"  --think US           one question at a time: compute so long after each answer\n"
	"  --pauses             note when a CPU stood still\n"
	"  --buckets            the whole latency histogram in the result\n"
	"Loopback only.\n";

uint64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* ---- options ---- */

static int number(const char *text, double min, double max, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && *end == 0 && *value >= min && *value <= max ? 0 : -1;
}

static int server_address(struct options *options, const char *text)
{
	if (inet_pton(AF_INET, text, &options->server.v4.sin_addr) == 1) {
		options->server.any.sa_family = AF_INET;
		options->server_length = sizeof options->server.v4;
		return ntohl(options->server.v4.sin_addr.s_addr) >> 24 == 127 ? 0 : -1;
	}
	if (inet_pton(AF_INET6, text, &options->server.v6.sin6_addr) == 1) {
		options->server.any.sa_family = AF_INET6;
		options->server_length = sizeof options->server.v6;
		return IN6_IS_ADDR_LOOPBACK(&options->server.v6.sin6_addr) ? 0 : -1;
	}
	return -1;
}

static int read_option(struct options *options, int letter, const char *text)
{
	double value = 0;

	switch (letter) {
	case 'a': return server_address(options, text);
	case 'q': options->path = text; return 0;
	case 't': options->tcp = true; return 0;
	case 'd': options->dnssec = true; return 0;
	case 'k': options->cookies = true; return 0;
	case 'g': options->segment = true; return 0;
	case 'G': options->gro = true; return 0;
	case 'b': options->buckets = true; return 0;
	case 'i': options->spin = true; return 0;
	case 'P': options->pauses = true; return 0;
	case 'V': options->stamped = true; return 0;
	case 'p':
		if (number(text, 1, 65535, &value) != 0)
			return -1;
		options->server.v4.sin_port = htons((uint16_t)value); /* in the same place for both families */
		return 0;
	case 's': options->sockets = number(text, 1, SOCKETS_MAX, &value) ? 0 : (unsigned)value; break;
	case 'w': options->window = number(text, 1, WINDOW_MAX, &value) ? 0 : (unsigned)value; break;
	case 'r': options->rate = number(text, 1, 1e8, &value) ? 0 : (uint64_t)value; break;
	case 'S': options->duration = number(text, 0.001, SECONDS_MAX, &value) ? 0 : (uint64_t)(value * 1e9); break;
	case 'c': options->count = number(text, 1, 1e12, &value) ? 0 : (uint64_t)value; break;
	case 'T': options->timeout = number(text, 0.001, 60, &value) ? 0 : (uint64_t)(value * 1e9); break;
	case 'e': options->payload = number(text, 512, 4096, &value) ? 0 : (unsigned)value; break;
	case 'n': options->per_connection = number(text, 1, 1e9, &value) ? 0 : (unsigned)value; break;
	case 'K': options->tick = number(text, 1, 1e6, &value) ? 0 : (uint64_t)(value * 1e3); break;
	case 'h': options->think = number(text, 1, 1e6, &value) ? 0 : (uint64_t)(value * 1e3); break;
	case 'o': options->sources = number(text, 1, 250, &value) ? 0 : (unsigned)value; break;
	default: return -1;
	}
	return value > 0 ? 0 : -1; /* every number has a lower bound above 0, so 0 was not one */
}

static const struct option option_names[] = {
	{ "server", 1, NULL, 'a' }, { "port", 1, NULL, 'p' }, { "queries", 1, NULL, 'q' },
	{ "tcp", 0, NULL, 't' }, { "sockets", 1, NULL, 's' }, { "window", 1, NULL, 'w' },
	{ "rate", 1, NULL, 'r' }, { "seconds", 1, NULL, 'S' }, { "count", 1, NULL, 'c' },
	{ "timeout", 1, NULL, 'T' }, { "edns", 1, NULL, 'e' }, { "do", 0, NULL, 'd' },
	{ "cookies", 0, NULL, 'k' }, { "segment", 0, NULL, 'g' }, { "gro", 0, NULL, 'G' },
	{ "per-connection", 1, NULL, 'n' }, { "sources", 1, NULL, 'o' }, { "buckets", 0, NULL, 'b' },
	{ "spin", 0, NULL, 'i' }, { "pauses", 0, NULL, 'P' }, { "think", 1, NULL, 'h' },
	{ "stamped", 0, NULL, 'V' }, { "tick", 1, NULL, 'K' },
	{ NULL, 0, NULL, 0 },
};

static bool one_at_a_time(const struct options *options)
{
	return !options->tcp && options->sockets == 1 && options->window == 1 && options->rate == 0;
}

static int read_options(struct options *options, int argc, char **argv)
{
	int letter, index = -1;

	*options = (struct options){ .sockets = 1, .window = 1, .duration = SECOND, .timeout = 2 * SECOND,
	                             .count = UINT64_MAX };
	while ((letter = getopt_long(argc, argv, "", option_names, &index)) != -1) {
		if (letter == '?') {
			fputs(usage, stderr);
			return -1;
		}
		if (read_option(options, letter, optarg) != 0) {
			fprintf(stderr, "load: --%s %s is out of bounds%s\n", option_names[index].name,
			        optarg ? optarg : "", letter == 'a' ? ": loopback only" : "");
			return -1;
		}
	}
	if (optind < argc || options->server_length == 0 || options->server.v4.sin_port == 0 ||
	    options->path == NULL || (options->think > 0 && !one_at_a_time(options)) ||
	    (options->tick > 0 && options->rate == 0) || (options->sources > 0 && options->server.any.sa_family != AF_INET)) {
		fputs(usage, stderr);
		return -1;
	}
	if (options->payload == 0 && (options->dnssec || options->cookies))
		options->payload = 1232;
	return 0;
}

/* ---- the loop ---- */

static int open_client(struct load *load, struct client *client)
{
	return load->options.tcp ? stream_open(load, client) : datagram_open(load, client);
}

static void fill(struct load *load, struct client *client, unsigned count)
{
	if (count > 0 && load->options.tcp)
		stream_send(load, client, count);
	else if (count > 0)
		datagram_send(load, client, count);
}

/* Open loop: one question per client in turn, or of a tick what its window takes, for as long as one is due and a
   window has room. Returns whether all windows are full: then only an answer helps. */
static bool fill_in_turn(struct load *load, unsigned *turn)
{
	unsigned idle = 0;
	uint64_t now = clock_now();

	while (idle < load->options.sockets && client_due(load, now) <= now) {
		struct client *client = &load->clients[(*turn)++ % load->options.sockets];
		uint64_t before = load->sent;
		unsigned room = client_room(load, client, now);
		fill(load, client, room > 0 && load->options.tick == 0 ? 1 : room);
		idle = load->sent > before ? 0 : idle + 1;
	}
	return idle == load->options.sockets;
}

static void take(struct load *load, struct client *client, unsigned events)
{
	if (load->options.tcp)
		stream_receive(load, client, events);
	else
		datagram_receive(load, client);
	if (load->options.rate == 0)
		fill(load, client, client_room(load, client, clock_now()));
}

static bool in_flight(const struct load *load)
{
	return load->sent > load->answered + load->lost;
}

static void expire(struct load *load, uint64_t now)
{
	for (unsigned i = 0; i < load->options.sockets; i++) {
		struct client *client = &load->clients[i];
		bool expired = client_expire(load, client, now, false) > 0;
		if (expired && load->options.tcp)
			stream_renew(load, client);
		/* In closed loop a client starts again here; a broken connection as well. */
		if (load->options.rate == 0 && (expired || client->fd < 0))
			fill(load, client, client_room(load, client, now));
	}
}

/* Sleeps until an answer comes, the next question is due unless all windows are full, or it is time to look at
   what got lost; or just looks. */
static int wait_events(const struct load *load, struct epoll_event *events, int max, uint64_t expiry, bool full)
{
	uint64_t now = clock_now(), until = expiry, due;

	if (load->options.rate > 0 && now < load->end && load->sent < load->options.count) {
		due = client_due(load, now);
		if (!full && due < until)
			until = due; /* it may be that already: time has passed since questions left */
	} else if (now < load->end && load->end < until) {
		until = load->end;
	}
	until = until > now && !load->options.spin ? until - now : 0;
	return epoll_pwait2(load->epoll, events, max,
	                    &(struct timespec){ (time_t)(until / SECOND), (long)(until % SECOND) }, NULL);
}

static void run(struct load *load)
{
	struct epoll_event events[64];
	uint64_t now = load->start, expiry = now + EXPIRE_EVERY;
	unsigned turn = 0;
	bool full = false;

	for (unsigned i = 0; load->options.rate == 0 && i < load->options.sockets; i++)
		fill(load, &load->clients[i], client_room(load, &load->clients[i], now));
	while ((now < load->end && load->sent < load->options.count) || in_flight(load)) {
		if (load->options.rate > 0)
			full = fill_in_turn(load, &turn);
		int count = wait_events(load, events, 64, expiry, full);
		for (int i = 0; i < count; i++)
			take(load, events[i].data.ptr, events[i].events);
		now = clock_now();
		if (now >= expiry) {
			expire(load, now);
			expiry = now + EXPIRE_EVERY;
		}
	}
}

static int prepare(struct load *load)
{
	const struct options *options = &load->options;
	struct rlimit files;

	/* Timers of the open loop shall be exact; the default slack is 50 us. */
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (questions_read(&load->questions, options->path) != 0)
		return -1;
	while (1u << load->id_bits < options->window)
		load->id_bits++;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->clients = calloc(options->sockets, sizeof *load->clients);
	if (load->epoll < 0 || load->clients == NULL) {
		perror("load");
		return -1;
	}
	for (unsigned i = 0; i < options->sockets; i++)
		load->clients[i].fd = -1;
	for (unsigned i = 0; i < options->sockets; i++)
		if (client_init(load, &load->clients[i]) != 0 || open_client(load, &load->clients[i]) != 0) {
			perror("load: socket");
			return -1;
		}
	if (options->pauses && pauses_begin(&load->pauses) != 0) {
		perror("load: thread");
		return -1;
	}
	return 0;
}

/* ---- the result ---- */

static double micros(uint64_t nanos) { return (double)nanos / 1000; }
static double mean(uint64_t sum, uint64_t count) { return count ? (double)sum / (double)count : 0; }

static void print_latency(const struct load *load)
{
	const struct histogram *latency = &load->latency;
	const char *comma = "";

	printf("\"latency_us\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"p99.9\": %.3f, \"max\": %.3f}",
	       micros(histogram_at(latency, 0.5)), micros(histogram_at(latency, 0.9)),
	       micros(histogram_at(latency, 0.99)), micros(histogram_at(latency, 0.999)), micros(latency->max));
	if (!load->options.buckets)
		return;
	printf(", \"buckets_us\": [");
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (latency->counts[i] > 0) {
			printf("%s[%.3f, %llu]", comma, micros(histogram_bound(i)), (unsigned long long)latency->counts[i]);
			comma = ", ";
		}
	printf("]");
}

static void print_result(const struct load *load)
{
	uint64_t span = load->last > load->start ? load->last - load->start : 1;
	uint64_t wrong = 0;

	for (int i = RIGHT + 1; i < VERDICTS; i++)
		wrong += load->verdicts[i];
	printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"late\": %llu, \"wrong\": %llu, ",
	       (unsigned long long)load->sent, (unsigned long long)load->answered,
	       (unsigned long long)load->lost, (unsigned long long)load->late, (unsigned long long)wrong);
	printf("\"reasons\": {");
	for (int i = RIGHT + 1; i < VERDICTS; i++)
		printf("%s\"%s\": %llu", i > RIGHT + 1 ? ", " : "", verdict_names[i],
		       (unsigned long long)load->verdicts[i]);
	printf("}, \"seconds\": %.6f, \"rate\": %.1f, ", (double)span / (double)SECOND,
	       (double)load->answered * (double)SECOND / (double)span);
	printf("\"query_octets\": %.2f, \"answer_octets\": %.2f, \"connections\": %llu, \"broken\": %llu, ",
	       mean(load->query_octets, load->sent), mean(load->octets, load->answered),
	       (unsigned long long)load->connections, (unsigned long long)load->broken);
	if (load->options.pauses && load->pauses.seen)
		printf("\"paused\": %.6f, ", (double)pauses_total(&load->pauses) / (double)(span * load->pauses.count));
	print_latency(load);
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct load load = { .epoll = -1 };
	int code = 2;

	if (read_options(&load.options, argc, argv) != 0)
		return 2;
	if (prepare(&load) == 0) {
		load.start = load.last = clock_now();
		load.end = load.start + load.options.duration;
		if (one_at_a_time(&load.options))
			datagram_ping(&load, &load.clients[0]);
		else
			run(&load);
		if (load.options.pauses)
			pauses_end(&load.pauses);
		print_result(&load);
		code = 0;
	}
	for (unsigned i = 0; load.clients != NULL && i < load.options.sockets; i++)
		client_free(&load.clients[i]);
	free(load.clients);
	questions_free(&load.questions);
	if (load.epoll >= 0)
		close(load.epoll);
	return code;
}
