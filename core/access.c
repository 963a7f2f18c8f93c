/* Access lists, see access.h. */
#include "core/access.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/report.h"

/* "192.0.2.0/24", "192.0.2.1": false when it is neither. Bits behind the prefix have to be 0: whoever
 * writes 192.0.2.7/24 means one of two things. */
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
	for (unsigned bit = entry->bits; bit < entry->len * 8u; bit++) {
		if (entry->octets[bit / 8] & 0x80 >> bit % 8)
			return false;
	}
	return true;
}

/* The name of a key in `len` octets of text. */
static bool read_key(uint8_t key[NAME_MAX], const char *text, size_t len)
{
	char name[NAME_TEXT_MAX];
	if (len == 0 || len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = 0;
	/* Nobody calls a key so, but many mistype an address. */
	if (strpbrk(name, "/:@") || strspn(name, "0123456789.") == len || !name_from_text(key, name))
		return false;
	name_lower(key, key);
	return true;
}

/* What stands behind "key@", or all of it; NULL: that is no key. */
static const char *read_signer(uint8_t key[NAME_MAX], const char *text)
{
	const char *at = strchr(text, '@');
	key[0] = 0;
	if (!at)
		return text;
	return read_key(key, text, (size_t)(at - text)) ? at + 1 : NULL;
}

static bool read_entry(struct access_entry *entry, const char *text)
{
	const char *network = read_signer(entry->key, text);
	if (network && read_network(entry, network))
		return true;
	entry->len = 0;
	return network == text && read_key(entry->key, text, strlen(text));
}

static bool read_target(struct access_target *target, const char *text)
{
	const char *address = read_signer(target->key, text);
	return address && upstream_from_text(address, 53, &target->address);
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
		if (read_entry(entry, text))
			continue;
		report(reporter, MIST_LEVEL_ERROR, file, 0,
		       "zone %s: \"%s\" of `%s` is no address, network or key; write 192.0.2.1, "
		       "192.0.2.0/24 (bits behind the prefix 0), 2001:db8::1, the name of a TSIG key, or "
		       "key@192.0.2.0/24", zone, text, what);
		return MIST_EINVAL;
	}
	return MIST_OK;
}

static int read_targets(struct access_target **targets, size_t *read, const char *const *texts, size_t count,
                        const char *what, const char *zone, const char *file,
                        const struct mist_reporter *reporter)
{
	if (count > ACCESS_MAX) {
		report(reporter, MIST_LEVEL_ERROR, file, 0, "zone %s: %zu entries of `%s`; at most %d", zone,
		       count, what, ACCESS_MAX);
		return MIST_EINVAL;
	}
	*targets = calloc(count + 1, sizeof(**targets));
	if (!*targets)
		return MIST_ENOMEM;
	for (; *read < count; ++*read) {
		const char *text = texts[*read];
		if (text && read_target(*targets + *read, text))
			continue;
		report(reporter, MIST_LEVEL_ERROR, file, 0,
		       "zone %s: \"%s\" of `%s` is no address; write 192.0.2.7, 192.0.2.7:5353, "
		       "[2001:db8::7]:53 or key@192.0.2.7", zone, text ? text : "", what);
		return MIST_EINVAL;
	}
	return MIST_OK;
}

/* The key of a zone is that of its primaries, unless they name their own. */
static int read_primary_key(struct access *access, const char *text, const char *zone, const char *file,
                            const struct mist_reporter *reporter)
{
	uint8_t key[NAME_MAX];
	if (!text)
		return MIST_OK;
	if (!read_key(key, text, strlen(text))) {
		report(reporter, MIST_LEVEL_ERROR, file, 0, "zone %s: \"%s\" of `tsig` is not the name of a key",
		       zone, text);
		return MIST_EINVAL;
	}
	for (size_t i = 0; i < access->primary_count; i++) {
		if (!access->primary[i].key[0])
			name_copy(access->primary[i].key, key);
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
		error = read_targets(&made->notify, &made->notify_count, texts->notify, texts->notify_count,
		                     "notify", zone, file, reporter);
	if (!error)
		error = read_targets(&made->primary, &made->primary_count, texts->primary, texts->primary_count,
		                     "primary", zone, file, reporter);
	if (!error)
		error = read_primary_key(made, texts->primary_key, zone, file, reporter);
	if (error)
		access_release(made);
	else
		*access = made;
	return error;
}

int access_same_primaries(struct access *access, const struct access *as)
{
	struct access_target *primary = calloc(as->primary_count + 1, sizeof(*primary));
	if (!primary)
		return MIST_ENOMEM;
	memcpy(primary, as->primary, as->primary_count * sizeof(*primary));
	free(access->primary);
	access->primary = primary;
	access->primary_count = as->primary_count;
	return MIST_OK;
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
	free(access->primary);
	free(access);
}

static bool in_network(const struct access_entry *entry, const uint8_t *client)
{
	unsigned whole = entry->bits / 8, rest = entry->bits % 8;
	return memcmp(entry->octets, client, whole) == 0 &&
	       (!rest || ((entry->octets[whole] ^ client[whole]) & (0xff00 >> rest & 0xff)) == 0);
}

/* IPv4 over an IPv6 socket is IPv4 (RFC 4291 section 2.5.5.2). */
static void unmap(const uint8_t **client, size_t *client_len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (*client_len == 16 && memcmp(*client, mapped, sizeof(mapped)) == 0) {
		*client += sizeof(mapped);
		*client_len = 4;
	}
}

bool access_allows(const struct access_list *list, const uint8_t *client, size_t client_len,
                   const uint8_t *key)
{
	unmap(&client, &client_len);
	for (size_t i = 0; i < list->count; i++) {
		const struct access_entry *entry = &list->entries[i];
		if ((!entry->len || (entry->len == client_len && in_network(entry, client))) &&
		    (!entry->key[0] || (key && name_equal(entry->key, key))))
			return true;
	}
	return false;
}

bool access_is_primary(const struct access *access, const uint8_t *client, size_t client_len,
                       const uint8_t *key)
{
	unmap(&client, &client_len);
	for (size_t i = 0; i < access->primary_count; i++) {
		const struct access_target *primary = &access->primary[i];
		const bool known = primary->address.family == (client_len == 4 ? AF_INET : AF_INET6) &&
		                   memcmp(primary->address.octets, client, client_len) == 0;
		if (known || (primary->key[0] && key && name_equal(primary->key, key)))
			return true;
	}
	return false;
}

int access_each_key(const struct access *access, int (*visit)(void *user, const uint8_t *key), void *user)
{
	const struct access_list *lists[] = { &access->transfer, &access->update };
	int result = 0;
	for (unsigned list = 0; list < 2; list++) {
		for (size_t i = 0; i < lists[list]->count && !result; i++) {
			if (lists[list]->entries[i].key[0])
				result = visit(user, lists[list]->entries[i].key);
		}
	}
	for (size_t i = 0; i < access->notify_count && !result; i++) {
		if (access->notify[i].key[0])
			result = visit(user, access->notify[i].key);
	}
	for (size_t i = 0; i < access->primary_count && !result; i++) {
		if (access->primary[i].key[0])
			result = visit(user, access->primary[i].key);
	}
	return result;
}
