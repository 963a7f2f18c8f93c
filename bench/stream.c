/* TCP: a connection is a client. It pipelines as many questions as its window holds, and is made anew after
   `per_connection` answers, or when the server closes it. */
#include "bench/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_OCTETS (2 * 65537)

static void watch(const struct load *load, struct client *client, int how, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = client };

	epoll_ctl(load->epoll, how, client->fd, &event);
}

int stream_open(struct load *load, struct client *client)
{
	if (client->in == NULL) {
		client->in = malloc(IN_OCTETS);
		client->out = malloc(load->options.window * (2 + (size_t)QUERY_OCTETS));
		if (client->in == NULL || client->out == NULL)
			return -1;
	}
	client->opened = clock_now();
	client->asked = client->answered = 0;
	client->in_length = client->out_length = client->out_sent = 0;
	if ((client->fd = client_socket(load, SOCK_STREAM)) < 0)
		return -1;
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	watch(load, client, EPOLL_CTL_ADD, EPOLLIN);
	load->connections++;
	return 0;
}

static void reopen(struct load *load, struct client *client)
{
	if (client->fd >= 0)
		close(client->fd); /* leaves the epoll set */
	client->fd = -1;
	client_expire(load, client, 0, true);
	if (clock_now() < load->end && load->sent < load->options.count && stream_open(load, client) != 0)
		load->broken++;
}

void stream_renew(struct load *load, struct client *client)
{
	load->broken++;
	reopen(load, client);
}

static void flush(struct load *load, struct client *client)
{
	ssize_t n = send(client->fd, client->out + client->out_sent, client->out_length - client->out_sent,
	                 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		client->out_sent += (size_t)n;
	if (client->out_sent == client->out_length)
		client->out_sent = client->out_length = 0;
	else if (n >= 0 || errno == EAGAIN)
		watch(load, client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

void stream_send(struct load *load, struct client *client, unsigned count)
{
	const struct options *options = &load->options;
	uint64_t now = clock_now();

	if (client->fd < 0)
		reopen(load, client);
	if (client->fd < 0 || client->out_length > 0)
		return;
	if (options->per_connection > 0 && count > options->per_connection - client->asked)
		count = options->per_connection - client->asked;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = client->out + client->out_length;
		/* The first question of a connection has waited for it. */
		uint64_t since = client->asked == 0 && options->rate == 0 ? client->opened : client_due(load, now);
		size_t length = client_ask(load, client, since, at + 2);
		at[0] = (uint8_t)(length >> 8);
		at[1] = (uint8_t)length;
		client->out_length += 2 + length;
		client->asked++;
	}
	if (client->out_length > 0)
		flush(load, client);
}

/* Judges the whole messages of what was read and keeps the rest. */
static void take_messages(struct load *load, struct client *client, uint64_t now)
{
	size_t at = 0;

	while (client->in_length - at >= 2) {
		size_t length = (size_t)(client->in[at] << 8 | client->in[at + 1]);
		if (client->in_length - at - 2 < length)
			break;
		client_answer(load, client, client->in + at + 2, length, now);
		client->answered++;
		at += 2 + length;
	}
	client->in_length -= at;
	memmove(client->in, client->in + at, client->in_length);
}

void stream_receive(struct load *load, struct client *client, unsigned events)
{
	ssize_t n;

	if (events & EPOLLOUT) {
		watch(load, client, EPOLL_CTL_MOD, EPOLLIN);
		if (client->out_length > 0)
			flush(load, client);
	}
	n = recv(client->fd, client->in + client->in_length, IN_OCTETS - client->in_length, MSG_DONTWAIT);
	if (n > 0) {
		client->in_length += (size_t)n;
		take_messages(load, client, clock_now());
		if (load->options.per_connection > 0 && client->answered >= load->options.per_connection)
			reopen(load, client);
	} else if (n == 0 || errno != EAGAIN) {
		if (client->free_count < load->options.window)
			load->broken++; /* closed on questions it had read, or might have */
		reopen(load, client);
	}
}
