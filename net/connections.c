/* See connections.h. */
#include "net/connections.h"

#include <stdlib.h>

#include "core/address.h"

bool connections_init(struct connections *table, uint32_t count)
{
	*table = (struct connections){ .count = count, .free = CONNECTIONS_NONE, .oldest = CONNECTIONS_NONE,
	                               .newest = CONNECTIONS_NONE };
	table->slots = calloc(count, sizeof *table->slots);
	if (!table->slots)
		return false;
	for (uint32_t slot = count; slot-- > 0;) {
		table->slots[slot] = (struct connection){ .fd = -1, .slot = slot, .next = table->free };
		table->free = slot;
	}
	return true;
}

void connections_free(struct connections *table)
{
	free(table->slots);
}

/* ---- by last activity ---- */

static void unlink_one(struct connections *table, struct connection *connection)
{
	if (connection->previous == CONNECTIONS_NONE)
		table->oldest = connection->next;
	else
		table->slots[connection->previous].next = connection->next;
	if (connection->next == CONNECTIONS_NONE)
		table->newest = connection->previous;
	else
		table->slots[connection->next].previous = connection->previous;
}

static void link_newest(struct connections *table, struct connection *connection)
{
	connection->next = CONNECTIONS_NONE;
	connection->previous = table->newest;
	if (table->newest == CONNECTIONS_NONE)
		table->oldest = connection->slot;
	else
		table->slots[table->newest].next = connection->slot;
	table->newest = connection->slot;
}

void connections_touch(struct connections *table, struct connection *connection, uint64_t now_ms)
{
	connection->active_ms = now_ms;
	if (table->newest == connection->slot)
		return;
	unlink_one(table, connection);
	link_newest(table, connection);
}

struct connection *connections_add(struct connections *table, int fd, const union socket_address *peer, uint64_t now_ms)
{
	struct connection *connection = connections_at(table, table->free);

	if (!connection)
		return NULL;
	table->free = connection->next;
	*connection = (struct connection){ .fd = fd, .slot = connection->slot, .generation = connection->generation,
	                                   .peer = *peer, .active_ms = now_ms };
	link_newest(table, connection);
	table->open++;
	return connection;
}

void connections_remove(struct connections *table, struct connection *connection)
{
	unlink_one(table, connection);
	connection->fd = -1;
	connection->generation++;
	connection->next = table->free;
	table->free = connection->slot;
	table->open--;
}

/* ---- by client ---- */

static bool same_client(const union socket_address *a, const union socket_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return address_same_client(a->v6.sin6_addr.s6_addr, 16, b->v6.sin6_addr.s6_addr, 16);
}

unsigned connections_of(const struct connections *table, const union socket_address *client)
{
	unsigned count = 0;

	for (const struct connection *c = connections_oldest(table); c; c = connections_next(table, c))
		count += same_client(&c->peer, client);
	return count;
}

struct connection *connections_idlest(const struct connections *table, const union socket_address *client)
{
	struct connection *c = connections_oldest(table);

	while (c && (c->waiting || (client && !same_client(&c->peer, client))))
		c = connections_next(table, c);
	return c;
}
