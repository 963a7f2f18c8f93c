/* Questions in flight on one socket. An id is the place in the window, with a generation above it that
   tells the answer to this question from a late answer to an earlier one in the same place. */
#include "bench/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int client_init(struct load *load, struct client *client)
{
	unsigned window = load->options.window;

	*client = (struct client){ .fd = -1, .cookie_length = 8 };
	client->free_slots = calloc(window, sizeof *client->free_slots);
	client->flights = calloc(window, sizeof *client->flights);
	if (client->free_slots == NULL || client->flights == NULL)
		return -1;
	for (unsigned i = 0; i < window; i++)
		client->free_slots[client->free_count++] = (uint16_t)(window - 1 - i);
	/* Each client has a cookie of its own (RFC 7873 section 5.1); it need not be secret here. */
	for (size_t i = 0; i < 8; i++)
		client->cookie[i] = (uint8_t)((uintptr_t)client >> 4 >> i * 3 ^ i * 37);
	return 0;
}

void client_free(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->free_slots);
	free(client->flights);
	free(client->in);
	free(client->out);
}

static uint64_t tick_of(const struct load *load)
{
	return load->options.tick ? load->options.tick : 1;
}

uint64_t client_due(const struct load *load, uint64_t now)
{
	if (load->options.rate == 0)
		return now;
	uint64_t after = (uint64_t)((double)load->sent * (double)SECOND / (double)load->options.rate);
	uint64_t tick = tick_of(load);
	return load->start + (after + tick - 1) / tick * tick;
}

unsigned client_room(const struct load *load, const struct client *client, uint64_t now)
{
	uint64_t room = client->free_count, due;

	if (now >= load->end)
		return 0;
	if (load->options.count - load->sent < room)
		room = load->options.count - load->sent;
	if (load->options.rate > 0) {
		/* client_due() alone says when: rounded here as well, a question could be due and yet have no room. */
		if (client_due(load, now) > now)
			return 0;
		/* What became due behind the last tick waits for the next. */
		uint64_t elapsed = (now - load->start) / tick_of(load) * tick_of(load);
		due = (uint64_t)((double)elapsed * (double)load->options.rate / (double)SECOND) + 1;
		due = due > load->sent ? due - load->sent : 1;
		if (due < room)
			room = due;
	}
	return (unsigned)room;
}

/* An OPT record (RFC 6891), with a cookie if wanted: what the client has of the server, else its own. */
static size_t write_opt(const struct options *options, const struct client *client, uint8_t *at)
{
	size_t data = options->cookies ? 4 + client->cookie_length : 0;

	memset(at, 0, 11);
	at[2] = 41;
	at[3] = (uint8_t)(options->payload >> 8);
	at[4] = (uint8_t)options->payload;
	at[7] = options->dnssec ? 0x80 : 0;
	at[10] = (uint8_t)data;
	if (data > 0) {
		at[11] = 0;
		at[12] = 10;
		at[13] = 0;
		at[14] = (uint8_t)client->cookie_length;
		memcpy(at + 15, client->cookie, client->cookie_length);
	}
	return 11 + data;
}

size_t client_ask(struct load *load, struct client *client, uint64_t since, uint8_t *query)
{
	const struct question *question = &load->questions.list[load->next_question];
	uint16_t slot = client->free_slots[--client->free_count];
	uint16_t id = (uint16_t)(client->generation++ << load->id_bits | slot);
	size_t length = question->length;

	if (++load->next_question == load->questions.count)
		load->next_question = 0;
	client->flights[slot] = (struct flight){ question, since, id };
	memcpy(query, question->wire, length);
	query[0] = (uint8_t)(id >> 8);
	query[1] = (uint8_t)id;
	if (load->options.payload > 0) {
		query[11] = 1;
		length += write_opt(&load->options, client, query + length);
	}
	load->sent++;
	load->query_octets += length;
	return length;
}

static void release(struct client *client, unsigned slot)
{
	client->flights[slot].question = NULL;
	client->free_slots[client->free_count++] = (uint16_t)slot;
}

void client_answer(struct load *load, struct client *client, const uint8_t *message, size_t length,
                   uint64_t now)
{
	uint16_t id = length >= 2 ? (uint16_t)(message[0] << 8 | message[1]) : 0;
	unsigned slot = id & ((1u << load->id_bits) - 1);
	struct flight *flight;
	enum verdict verdict;

	if (length < 2 || slot >= load->options.window || client->flights[slot].question == NULL ||
	    client->flights[slot].id != id) {
		load->late++;
		return;
	}
	flight = &client->flights[slot];
	verdict = verify(flight->question, message, length);
	if (load->options.stamped && verdict == RIGHT && !verify_version(message, length))
		verdict = WRONG_MIXED;
	load->verdicts[verdict]++;
	load->answered++;
	load->octets += length;
	load->last = now;
	histogram_add(&load->latency, now > flight->since ? now - flight->since : 0);
	if (load->options.cookies && verdict == RIGHT) {
		size_t cookie = verify_cookie(message, length, client->cookie);
		if (cookie > 0)
			client->cookie_length = cookie;
	}
	release(client, slot);
}

unsigned client_expire(struct load *load, struct client *client, uint64_t now, bool all)
{
	unsigned count = 0;

	for (unsigned i = 0; i < load->options.window; i++) {
		const struct flight *flight = &client->flights[i];
		if (flight->question == NULL || (!all && flight->since + load->options.timeout > now))
			continue;
		release(client, i);
		count++;
	}
	load->lost += count;
	return count;
}

static int bind_source(struct load *load, int fd)
{
	struct sockaddr_in source = { .sin_family = AF_INET };
	unsigned host = 0x7f000100 + 1 + load->next_source++ % load->options.sources;

	source.sin_addr.s_addr = htonl(host);
	/* The port is chosen by connect, which knows that one port may serve many addresses. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int)) != 0)
		return -1;
	return bind(fd, (struct sockaddr *)&source, sizeof source);
}

int client_socket(struct load *load, int type)
{
	const struct options *options = &load->options;
	struct timeval limit = { .tv_sec = (time_t)(options->timeout / SECOND),
	                         .tv_usec = (suseconds_t)(options->timeout % SECOND / 1000) };
	/* On loopback a connection stands when connect returns, waiting or not; where the server's queue is full
	 * it takes a second, which must not hold up the others. */
	int wait = type == SOCK_STREAM ? SOCK_NONBLOCK : 0;
	int fd = socket(options->server.any.sa_family, type | SOCK_CLOEXEC | wait, 0), error;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
	    (options->sources == 0 || bind_source(load, fd) == 0) &&
	    (connect(fd, &options->server.any, options->server_length) == 0 || errno == EINPROGRESS))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
