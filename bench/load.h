/* One run of the load generator: what it was told, what it counts, and its clients.

       load.c       options, the loop, the result
       client.c     questions in flight on one socket
       datagram.c   UDP
       stream.c     TCP
       pauses.c     when a CPU stood still

   One thread. A client is a socket with a window: so many questions may be in flight on it.
   Closed loop: every answer makes room for the next question. Open loop: questions leave at times that
   a rate prescribes, whether or not answers come, and a latency counts from the prescribed time, so that a
   server that stalls cannot hide the questions it kept from being sent. Each alone at its own time takes more of
   the machine than the server does; with a tick those of a while leave together at its end. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "bench/pauses.h"
#include "bench/questions.h"
#include "bench/verify.h"

#define SECOND UINT64_C(1000000000)

/* A query with an OPT record of 11 octets and a cookie option of 44. */
#define QUERY_OCTETS (QUESTION_OCTETS + 11 + 44)

#define WINDOW_MAX 4096      /* ids are 16 bits: at least four bits of them tell an answer from a late one */
#define SOCKETS_MAX 4096
#define BURST_MAX 64         /* datagrams per system call, and of one UDP_SEGMENT send (the kernel's limit) */

struct options {
	const char *path;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} server;
	socklen_t server_length;
	bool tcp, dnssec, cookies, segment, gro, buckets, spin, pauses, stamped;
	unsigned sockets, window, payload;
	unsigned per_connection; /* TCP: questions until a connection is closed and made anew; 0: never */
	unsigned sources;        /* 127.0.1.1 and following to send from, in turn; 0: what the kernel takes */
	uint64_t rate;           /* questions a second; 0: closed loop */
	uint64_t count;          /* questions at most */
	uint64_t duration, timeout, think, tick; /* nanoseconds; tick 0: each question at its own time */
};

struct load;

struct flight {
	const struct question *question; /* NULL: free */
	uint64_t since;
	uint16_t id;
};

struct client {
	int fd;
	unsigned free_count;
	uint16_t *free_slots;    /* a stack */
	struct flight *flights;  /* one per place in the window */
	uint16_t generation;
	uint8_t cookie[40];
	size_t cookie_length;
	/* TCP */
	uint64_t opened;
	unsigned asked, answered; /* on this connection */
	size_t in_length, out_length, out_sent;
	uint8_t *in, *out;
};

struct load {
	struct options options;
	struct questions questions;
	size_t next_question;
	struct client *clients;
	unsigned id_bits;        /* of an id that are the place in the window */
	unsigned next_source;
	int epoll;
	uint64_t start, end;     /* of sending */
	uint64_t last;           /* when the last answer came */
	uint64_t sent, answered, lost, late, octets, query_octets, connections, broken;
	uint64_t verdicts[VERDICTS];
	struct histogram latency;
	struct pauses pauses;
};

uint64_t clock_now(void);

/* ---- client.c ---- */

int client_init(struct load *load, struct client *client);
void client_free(struct client *client);

/* How many questions may leave now, by window, rate, count and time. */
unsigned client_room(const struct load *load, const struct client *client, uint64_t now);

/* Writes the next query, at most QUERY_OCTETS; the caller saw to it that there is room. */
size_t client_ask(struct load *load, struct client *client, uint64_t since, uint8_t *query);

/* Judges a message and frees its place in the window. */
void client_answer(struct load *load, struct client *client, const uint8_t *message, size_t length,
                   uint64_t now);

/* Gives up what waits for longer than the timeout, or everything. Returns how many. */
unsigned client_expire(struct load *load, struct client *client, uint64_t now, bool all);

/* When the next query is, or was, to leave. */
uint64_t client_due(const struct load *load, uint64_t now);

/* A socket to the server, with the source address whose turn it is. -1 with errno. */
int client_socket(struct load *load, int type);

/* ---- datagram.c ---- */

int datagram_open(struct load *load, struct client *client);
void datagram_send(struct load *load, struct client *client, unsigned count);
void datagram_receive(struct load *load, struct client *client);

/* One question at a time, waiting for each answer in recv, as a stub resolver does. */
void datagram_ping(struct load *load, struct client *client);

/* ---- stream.c ---- */

int stream_open(struct load *load, struct client *client);
void stream_send(struct load *load, struct client *client, unsigned count);
void stream_receive(struct load *load, struct client *client, unsigned events);
/* A question was lost: closes the connection, which holds up all behind it, and makes a new one. */
void stream_renew(struct load *load, struct client *client);

#endif
