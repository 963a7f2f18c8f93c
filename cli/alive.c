#include "cli/alive.h"

#include <string.h>

#include "control/address.h"
#include "control/message.h"

enum { RESPONSE_SIZE = 512, TYPE_A = 1 };

/* An address of ours on loopback; NULL: there is none. */
static const char *loopback_of(const struct schema_list *listen)
{
	for (size_t i = 0; i < listen->count; i++) {
		const char *address = listen->items[i];
		if (address_is_loopback(address))
			return address;
		if (strcmp(address, "0.0.0.0") == 0)
			return "127.0.0.1";
		if (strcmp(address, "::") == 0)
			return "::1";
	}
	return listen->count ? NULL : "127.0.0.1";
}

bool alive(struct mist_server *server, const struct config *config, uint32_t timeout_ms)
{
	struct mist_resolver_options options = {
		.size = sizeof(options), .address = loopback_of(&config->listen.address), .port = mist_port(server),
		.timeout_ms = timeout_ms,
	};
	struct mist_resolver *resolver;
	struct mist_status status;
	uint8_t query[MESSAGE_QUERY_SIZE], response[RESPONSE_SIZE];
	size_t response_len = sizeof(response);
	if (!options.address)
		return mist_status(server, &status) == MIST_OK;
	size_t len = message_query("localhost", TYPE_A, false, query);
	if (mist_resolver_open(&resolver, &options))
		return false;
	int error = mist_resolver_message(resolver, false, query, len, response, &response_len);
	mist_resolver_close(resolver);
	return error == MIST_OK;
}
