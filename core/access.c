/* Access lists, see access.h. */
#include "core/access.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"
#include "core/report.h"

/* "192.0.2.0/24", "192.0.2.1": false when it is neither. */
static bool read_network(struct access_entry *entry, const char *text)
{
	char host[64];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = 0;
	entry->len = (uint8_t)address_from_text(host, entry->octets);
	entry->bits = (uint8_t)(entry->len * 8);
	if (!entry->len || !slash)
		return entry->len;
	size_t digits = strspn(slash + 1, "0123456789");
	if (digits == 0 || digits > 3 || slash[1 + digits] || atoi(slash + 1) > entry->bits)
		return false;
	entry->bits = (uint8_t)atoi(slash + 1);
	return true;
}

static bool read_key(struct access_entry *entry, const char *text)
{
	/* Nobody calls a key so, but many mistype an address. */
	if (strchr(text, '/') || strchr(text, ':') || strspn(text, "0123456789.") == strlen(text))
		return false;
	entry->len = 0;
	if (!name_from_text(entry->key, text))
		return false;
	name_lower(entry->key, entry->key);
	return true;
}

static int read_list(struct access_list *list, const char *const *texts, size_t count, const char *what,
                     const char *zone, const char *file, const struct mist_reporter *reporter)
{
	if (count > ACCESS_MAX) {
		report(reporter, MIST_LEVEL_ERROR, file, 0, "zone %s: %zu entries of `%s`; at most %d", zone,
		       count, what, ACCESS_MAX);
		return MIST_EINVAL;
	}
	list->entries = calloc(count + 1, sizeof(*list->entries));
	if (!list->entries)
		return MIST_ENOMEM;
	for (; list->count < count; list->count++) {
		struct access_entry *entry = &list->entries[list->count];
		const char *text = texts[list->count] ? texts[list->count] : "";
		if (read_network(entry, text) || read_key(entry, text))
			continue;
		report(reporter, MIST_LEVEL_ERROR, file, 0,
		       "zone %s: \"%s\" of `%s` is no address, network or key; write 192.0.2.1, "
		       "192.0.2.0/24, 2001:db8::1 or the name of a TSIG key", zone, text, what);
		return MIST_EINVAL;
	}
	return MIST_OK;
}

static int read_notify(struct access *access, const struct access_texts *texts, const char *zone,
                       const char *file, const struct mist_reporter *reporter)
{
	if (texts->notify_count > ACCESS_MAX) {
		report(reporter, MIST_LEVEL_ERROR, file, 0, "zone %s: %zu secondaries to notify; at most %d",
		       zone, texts->notify_count, ACCESS_MAX);
		return MIST_EINVAL;
	}
	access->notify = calloc(texts->notify_count + 1, sizeof(*access->notify));
	if (!access->notify)
		return MIST_ENOMEM;
	for (; access->notify_count < texts->notify_count; access->notify_count++) {
		const char *text = texts->notify[access->notify_count];
		if (text && upstream_from_text(text, 53, &access->notify[access->notify_count]))
			continue;
		report(reporter, MIST_LEVEL_ERROR, file, 0,
		       "zone %s: \"%s\" of `notify` is no address; write 192.0.2.7, 192.0.2.7:5353 or "
		       "[2001:db8::7]:53", zone, text ? text : "");
		return MIST_EINVAL;
	}
	return MIST_OK;
}

int access_new(struct access **access, const struct access_texts *texts, const char *zone,
               const char *file, const struct mist_reporter *reporter)
{
	struct access *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	atomic_init(&made->references, 1);
	int error = read_list(&made->transfer, texts->transfer, texts->transfer_count, "transfer", zone, file,
	                      reporter);
	if (!error)
		error = read_list(&made->update, texts->update, texts->update_count, "update", zone, file,
		                  reporter);
	if (!error)
		error = read_notify(made, texts, zone, file, reporter);
	if (error)
		access_release(made);
	else
		*access = made;
	return error;
}

struct access *access_hold(struct access *access)
{
	if (access)
		atomic_fetch_add_explicit(&access->references, 1, memory_order_relaxed);
	return access;
}

void access_release(struct access *access)
{
	if (!access || atomic_fetch_sub(&access->references, 1) != 1)
		return;
	free(access->transfer.entries);
	free(access->update.entries);
	free(access->notify);
	free(access);
}

static bool in_network(const struct access_entry *entry, const uint8_t *client)
{
	unsigned whole = entry->bits / 8, rest = entry->bits % 8;
	return memcmp(entry->octets, client, whole) == 0 &&
	       (!rest || ((entry->octets[whole] ^ client[whole]) & (0xff00 >> rest & 0xff)) == 0);
}

bool access_allows(const struct access_list *list, const uint8_t *client, size_t client_len,
                   const uint8_t *key)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (client_len == 16 && memcmp(client, mapped, sizeof(mapped)) == 0) {
		client += sizeof(mapped); /* IPv4 over an IPv6 socket (RFC 4291 section 2.5.5.2) */
		client_len = 4;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct access_entry *entry = &list->entries[i];
		if (entry->len ? entry->len == client_len && in_network(entry, client)
		               : key && name_equal(entry->key, key))
			return true;
	}
	return false;
}

bool access_has_key(const struct access_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->entries[i].len)
			return true;
	return false;
}
