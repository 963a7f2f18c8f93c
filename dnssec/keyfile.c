/*
 * Key files, read and written. The format is that of dnssec-keygen:
 *
 *   Kexample.test.+013+26557.private     Private-key-format: v1.3
 *                                        Algorithm: 13 (ECDSAP256SHA256)
 *                                        PrivateKey: (base64)
 *                                        Created: 20261121103739       times are accepted, not used
 *   Kexample.test.+013+26557.key         ; comments
 *                                        example.test. IN DNSKEY 257 3 13 (base64)
 *
 * ldns-keygen writes v1.2 without times, and a comment behind the record.
 */
#include "dnssec/keyfile.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/report.h"

/* Key files have some 400 octets; RSA ones, which we must be able to name as such, below 4,000. */
#define FILE_MAX 8192
#define PATH_SIZE 4096
#define FILE_NAME_SIZE (KEY_ZONE_TEXT_MAX + 32)

size_t key_zone_text(char to[KEY_ZONE_TEXT_MAX], const uint8_t *zone)
{
	size_t at = 0;
	for (; *zone; zone += 1 + *zone) {
		for (unsigned i = 1; i <= *zone; i++) {
			uint8_t c = zone[i] >= 'A' && zone[i] <= 'Z' ? (uint8_t)(zone[i] | 0x20) : zone[i];
			if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
				to[at++] = (char)c;
			else
				at += (size_t)snprintf(to + at, 4, "%%%02X", c);
		}
		to[at++] = '.';
	}
	if (at == 0)
		to[at++] = '.';
	to[at] = 0;
	return at;
}

static const char *algorithm_name(int algorithm)
{
	return algorithm == MIST_ALGORITHM_ED25519 ? "ED25519" : "ECDSAP256SHA256";
}

int key_lock(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* Another process needs milliseconds for a key. */
	for (unsigned tries = 0; flock(fd, LOCK_EX | LOCK_NB); tries++) {
		if (tries == 500 || (errno != EWOULDBLOCK && errno != EINTR)) {
			int why = errno;
			close(fd);
			errno = why;
			return -1;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
	}
	return fd;
}

/* ------------------------------------------------------------------------------------------------
 * Finding
 */

/* The pair of files of one key: K<zone>+<alg>+<tag>. */
struct found {
	char base[KEY_ZONE_TEXT_MAX + 12];
	int algorithm;
	unsigned tag;
	bool private_there, public_there;
};

/* "+013+26557.key" behind the zone's name; false if it is something else. */
static bool parse_suffix(const char *suffix, struct found *found)
{
	unsigned digits[] = { 1, 2, 3, 5, 6, 7, 8, 9 };
	if (strnlen(suffix, 11) < 11 || suffix[0] != '+' || suffix[4] != '+')
		return false;
	for (unsigned i = 0; i < sizeof(digits) / sizeof(*digits); i++) {
		if (suffix[digits[i]] < '0' || suffix[digits[i]] > '9')
			return false;
	}
	found->algorithm = atoi(suffix + 1);
	found->tag = (unsigned)atoi(suffix + 5);
	found->private_there = !strcmp(suffix + 10, ".private");
	found->public_there = !strcmp(suffix + 10, ".key");
	return found->private_there || found->public_there;
}

/* Looks through the directory for the one key of the zone. */
static int find(struct found *found, const uint8_t *zone, const char *directory,
                const struct mist_reporter *reporter)
{
	char prefix[1 + KEY_ZONE_TEXT_MAX] = "K";
	size_t prefix_len = 1 + key_zone_text(prefix + 1, zone);
	DIR *entries = opendir(directory);
	if (!entries) {
		if (errno == ENOENT)
			return MIST_ENOTFOUND;
		report(reporter, MIST_LEVEL_ERROR, directory, 0,
		       "the key directory cannot be read: %s", strerror(errno));
		return MIST_EKEY;
	}
	int error = MIST_ENOTFOUND;
	for (struct dirent *entry; error != MIST_EKEY && (entry = readdir(entries));) {
		struct found this;
		if (strncasecmp(entry->d_name, prefix, prefix_len) ||
		    !parse_suffix(entry->d_name + prefix_len, &this))
			continue;
		snprintf(this.base, sizeof(this.base), "%.*s", (int)prefix_len + 10, entry->d_name);
		if (error == MIST_ENOTFOUND) {
			*found = this;
			error = MIST_OK;
		} else if (!strcmp(found->base, this.base)) {
			found->private_there |= this.private_there;
			found->public_there |= this.public_there;
		} else {
			report(reporter, MIST_LEVEL_ERROR, directory, 0,
			       "two keys for one zone: %s and %s; a zone has one key here, move the "
			       "files of the other away", found->base, this.base);
			error = MIST_EKEY;
		}
	}
	closedir(entries);
	return error;
}

/* What the file of a key is called that is written here. */
static void file_name(char name[FILE_NAME_SIZE], const struct key *key, const char *suffix)
{
	char zone[KEY_ZONE_TEXT_MAX];
	key_zone_text(zone, key_zone(key));
	snprintf(name, FILE_NAME_SIZE, "K%s+%03d+%05u.%s", zone, (int)key_algorithm(key), key_tag(key), suffix);
}

static bool remove_file(const struct key *key, const char *suffix, const char *directory)
{
	char name[FILE_NAME_SIZE], path[PATH_SIZE];
	file_name(name, key, suffix);
	return (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) < sizeof(path) && !unlink(path);
}

/* Whoever made a key elsewhere may have written its zone in capitals. */
static void remove_all(const uint8_t *zone, const char *directory)
{
	char prefix[1 + KEY_ZONE_TEXT_MAX] = "K";
	const size_t prefix_len = 1 + key_zone_text(prefix + 1, zone);
	struct found this;
	DIR *entries = opendir(directory);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		if (!strncasecmp(entry->d_name, prefix, prefix_len) && parse_suffix(entry->d_name + prefix_len, &this))
			unlinkat(dirfd(entries), entry->d_name, 0);
	}
	if (entries)
		closedir(entries);
}

/* By name where that is known: thousands of zones may go at once, and a walk is as long as there are keys. */
void key_remove(const uint8_t *zone, const struct key *key, const char *directory)
{
	if (key && remove_file(key, "private", directory))
		remove_file(key, "key", directory);
	else
		remove_all(zone, directory);
}

/* ------------------------------------------------------------------------------------------------
 * Reading
 */

/* Reads a whole file as text. `secret`: only if nobody but its owner can. */
static int read_file(const char *path, bool secret, char text[FILE_MAX],
                     const struct mist_reporter *reporter)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	if (fd < 0 || fstat(fd, &status)) {
		report(reporter, MIST_LEVEL_ERROR, path, 0, "the key file cannot be read: %s",
		       strerror(errno));
		goto fail;
	}
	if (!S_ISREG(status.st_mode)) {
		report(reporter, MIST_LEVEL_ERROR, path, 0, "the key file is no regular file");
		goto fail;
	}
	if (secret && status.st_mode & 077) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "the private key can be read or written by others (mode %04o); do: chmod 600 FILE, "
		       "and think about a new key", (unsigned)status.st_mode & 07777);
		goto fail;
	}
	ssize_t got = 0, n;
	while (got < FILE_MAX - 1 && (n = read(fd, text + got, (size_t)(FILE_MAX - 1 - got))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			report(reporter, MIST_LEVEL_ERROR, path, 0, "the key file cannot be read: %s",
			       strerror(errno));
			goto fail;
		}
		got += n;
	}
	if (got == FILE_MAX - 1 || memchr(text, 0, (size_t)got)) {
		report(reporter, MIST_LEVEL_ERROR, path, 0, "this is no key file");
		goto fail;
	}
	text[got] = 0;
	close(fd);
	return MIST_OK;
fail:
	if (fd >= 0)
		close(fd);
	return MIST_EKEY;
}

/* The value of "Field: value" of a private file, or NULL; `len` without the line's end. */
static const char *field(const char *text, const char *name, size_t *len)
{
	size_t name_len = strlen(name);
	for (const char *line = text; *line;) {
		size_t line_len = strcspn(line, "\n");
		if (line_len > name_len && !strncasecmp(line, name, name_len) && line[name_len] == ':') {
			const char *value = line + name_len + 1;
			value += strspn(value, " \t");
			*len = strcspn(value, "\r\n");
			return value;
		}
		line += line_len;
		line += *line == '\n';
	}
	return NULL;
}

/* Takes algorithm and scalar out of a private file. */
static int parse_private(const char *text, const char *path, int named, uint8_t scalar[SCALAR_LEN],
                         const struct mist_reporter *reporter)
{
	size_t len;
	const char *value = field(text, "Private-key-format", &len);
	if (!value || strncmp(value, "v1.", 3)) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "this is no private key: it does not begin with \"Private-key-format: v1\"");
		return MIST_EKEY;
	}
	value = field(text, "Algorithm", &len);
	int algorithm = value ? atoi(value) : 0;
	if (algorithm != MIST_ALGORITHM_ECDSAP256SHA256 && algorithm != MIST_ALGORITHM_ED25519) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "a key of algorithm %d; zones are signed with 13 (ECDSAP256SHA256) or 15 "
		       "(ED25519): make one with dnssec-keygen -a ECDSAP256SHA256 -f KSK, or move this "
		       "one away and one is made", algorithm);
		return MIST_EKEY;
	}
	if (algorithm != named) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "the file says algorithm %d, its name %d", algorithm, named);
		return MIST_EKEY;
	}
	value = field(text, "PrivateKey", &len);
	uint8_t octets[SCALAR_LEN];
	int got = value ? base64_decode(octets, sizeof(octets), value, len) : -1;
	/* Some writers leave out leading zeros of an integer; an Ed25519 key is a string of 32. */
	if (got < 1 || (algorithm == MIST_ALGORITHM_ED25519 && got != SCALAR_LEN)) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "\"PrivateKey:\" is missing or is not base64 of 32 octets; the file is damaged");
		return MIST_EKEY;
	}
	memset(scalar, 0, SCALAR_LEN);
	memcpy(scalar + SCALAR_LEN - got, octets, (size_t)got);
	OPENSSL_cleanse(octets, sizeof(octets));
	return MIST_OK;
}

/* The next word of a record; parentheses and white space separate. */
static size_t word(const char **text)
{
	*text += strspn(*text, " \t()");
	return strcspn(*text, " \t\r\n();");
}

static bool word_is(const char *text, size_t len, const char *what)
{
	return strlen(what) == len && !strncasecmp(text, what, len);
}

struct public_record {
	uint8_t owner[NAME_MAX];
	long flags, protocol, algorithm;
	uint8_t key[PUBLIC_LEN_MAX];
	int key_len;
};

/* "example.test. 3600 IN DNSKEY 257 3 13 (base64, in words)". False: not a DNSKEY record. */
static bool parse_record(const char *line, struct public_record *record)
{
	char owner[NAME_TEXT_MAX];
	size_t len = word(&line);
	if (len == 0 || len >= sizeof(owner))
		return false;
	memcpy(owner, line, len);
	owner[len] = 0;
	if (!name_from_text(record->owner, owner))
		return false;
	for (line += len; (len = word(&line)) && !word_is(line, len, "DNSKEY"); line += len) {
		if (!word_is(line, len, "IN") && strspn(line, "0123456789") != len)
			return false;
	}
	if (len == 0)
		return false;
	line += len;
	long *numbers[] = { &record->flags, &record->protocol, &record->algorithm };
	for (unsigned i = 0; i < 3; i++) {
		len = word(&line);
		if (len == 0 || len > 5 || strspn(line, "0123456789") < len)
			return false;
		*numbers[i] = strtol(line, NULL, 10);
		line += len;
	}
	char base64[512];
	size_t base64_len = 0;
	for (; (len = word(&line)) && base64_len + len <= sizeof(base64); line += len) {
		memcpy(base64 + base64_len, line, len);
		base64_len += len;
	}
	record->key_len = base64_decode(record->key, sizeof(record->key), base64, base64_len);
	return true;
}

/* Compares a .key file with what the private one says. */
static int check_public(const char *text, const char *path, const struct key *key,
                        const struct mist_reporter *reporter)
{
	struct public_record record;
	unsigned number = 0;
	const char *line = text, *next;
	bool there = false;
	for (; *line && !there; line = next) {
		size_t len = strcspn(line, "\n");
		next = line + len + (line[len] == '\n');
		number++;
		size_t blank = strspn(line, " \t\r");
		if (line[blank] == ';' || line[blank] == '\n' || !line[blank])
			continue;
		there = parse_record(line, &record);
		if (!there)
			break;
	}
	if (!there) {
		report(reporter, MIST_LEVEL_ERROR, path, number,
		       "this is no DNSKEY record; the private file beside it is enough, so this one may "
		       "be removed");
		return MIST_EKEY;
	}
	if (!name_equal(record.owner, key_zone(key))) {
		char owner[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];
		name_to_text(owner, record.owner);
		name_to_text(zone, key_zone(key));
		report(reporter, MIST_LEVEL_ERROR, path, number,
		       "the key is for %s, its file's name says %s", owner, zone);
		return MIST_EKEY;
	}
	if (record.flags != KEY_FLAGS || record.protocol != 3) {
		report(reporter, MIST_LEVEL_ERROR, path, number,
		       "flags %ld, protocol %ld; a zone's one key has flags 257 and protocol 3: make it "
		       "with dnssec-keygen -f KSK or ldns-keygen -k", record.flags, record.protocol);
		return MIST_EKEY;
	}
	uint8_t rdata[DNSKEY_LEN_MAX];
	size_t len = key_dnskey(key, rdata);
	if (record.algorithm != rdata[3] || record.key_len != (int)len - 4 ||
	    memcmp(record.key, rdata + 4, len - 4)) {
		report(reporter, MIST_LEVEL_ERROR, path, number,
		       "this public key does not belong to the private key in the file beside it");
		return MIST_EKEY;
	}
	return MIST_OK;
}

static int load_found(struct key **key, struct crypto *crypto, const uint8_t *zone,
                      const char *directory, const struct found *found,
                      const struct mist_reporter *reporter)
{
	char path[PATH_SIZE], text[FILE_MAX];
	uint8_t scalar[SCALAR_LEN];
	struct key *loaded = NULL;
	snprintf(path, sizeof(path), "%s/%s.private", directory, found->base);
	if (!found->private_there) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "the private key is missing, its .key file is there; bring it back, or remove the "
		       ".key file and a new key is made (with a new DS)");
		return MIST_EKEY;
	}
	int error = read_file(path, true, text, reporter);
	if (!error)
		error = parse_private(text, path, found->algorithm, scalar, reporter);
	OPENSSL_cleanse(text, sizeof(text));
	if (error)
		return error;

	error = key_from_scalar(&loaded, crypto, zone, (enum mist_algorithm)found->algorithm, scalar);
	OPENSSL_cleanse(scalar, sizeof(scalar));
	if (error == MIST_ENOMEM)
		return error;
	if (error) {
		report(reporter, MIST_LEVEL_ERROR, path, 0, "libcrypto does not take this private key");
		return MIST_EKEY;
	}
	if (key_tag(loaded) != found->tag) {
		report(reporter, MIST_LEVEL_ERROR, path, 0,
		       "the private key has key tag %05u (with flags 257), the file's name says %05u",
		       key_tag(loaded), found->tag);
		error = MIST_EKEY;
	}
	snprintf(path, sizeof(path), "%s/%s.key", directory, found->base);
	if (found->public_there) {
		int public_error = read_file(path, false, text, reporter);
		if (!public_error)
			public_error = check_public(text, path, loaded, reporter);
		error = error ? error : public_error;
	} else if (!error) {
		report(reporter, MIST_LEVEL_WARNING, path, 0,
		       "the public key file is missing; the private one serves, but tools will want it");
	}
	if (error)
		key_free(loaded);
	else
		*key = loaded;
	return error;
}

int key_load(struct key **key, struct crypto *crypto, const uint8_t *zone, const char *directory,
             const struct mist_reporter *reporter)
{
	struct found found;
	int error = find(&found, zone, directory, reporter);
	return error ? error : load_found(key, crypto, zone, directory, &found, reporter);
}

/* ------------------------------------------------------------------------------------------------
 * Writing
 */

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd);
}

/* Renames without replacing; file systems that cannot promise that get the promise of
 * key_lock(). */
static int rename_new(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	return errno == EINVAL || errno == ENOSYS ? rename(from, to) : -1;
}

/* A file that appears whole under its name, or not at all, and never replaces another. */
static int write_file(const char *directory, const char *name, const char *text, mode_t mode,
                      const struct mist_reporter *reporter)
{
	char path[PATH_SIZE], draft[PATH_SIZE];
	uint64_t random = 0;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)getpid();
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path) ||
	    (size_t)snprintf(draft, sizeof(draft), "%s/.key-%016llx", directory,
	                     (unsigned long long)random) >= sizeof(draft)) {
		report(reporter, MIST_LEVEL_ERROR, directory, 0, "the path of the key file is too long");
		return MIST_EFILE;
	}
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int error = fd < 0 ? MIST_EFILE : MIST_OK;
	if (!error && (write_all(fd, text, strlen(text)) || rename_new(draft, path)))
		error = MIST_EFILE;
	if (error)
		report(reporter, MIST_LEVEL_ERROR, path, 0, "the key file cannot be written: %s",
		       strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && error)
		unlink(draft);
	return error;
}

/* A new name in a directory lasts when the directory is synced. */
static void sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int key_save(const struct key *key, const char *directory, const struct mist_reporter *reporter)
{
	char owner[NAME_TEXT_MAX], base64[128], stamp[32];
	char name[FILE_NAME_SIZE], text[2 * NAME_TEXT_MAX + 512];
	int algorithm = (int)key_algorithm(key);
	struct tm utc;
	time_t now = time(NULL);
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &utc);
	name_to_text(owner, key_zone(key));
	const char *dot = *key_zone(key) ? "." : ""; /* the root's text is its dot */

	base64_encode(base64, sizeof(base64), key_scalar(key), SCALAR_LEN);
	file_name(name, key, "private");
	snprintf(text, sizeof(text),
	         "Private-key-format: v1.3\nAlgorithm: %d (%s)\nPrivateKey: %s\n"
	         "Created: %s\nPublish: %s\nActivate: %s\n",
	         algorithm, algorithm_name(algorithm), base64, stamp, stamp, stamp);
	int error = write_file(directory, name, text, 0600, reporter);
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(base64, sizeof(base64));
	if (error)
		return error;

	uint8_t rdata[DNSKEY_LEN_MAX];
	size_t len = key_dnskey(key, rdata);
	base64_encode(base64, sizeof(base64), rdata + 4, len - 4);
	file_name(name, key, "key");
	snprintf(text, sizeof(text),
	         "; This is a key-signing key, keyid %u, for %s%s\n; Created: %s\n"
	         "%s%s IN DNSKEY %d 3 %d %s\n",
	         key_tag(key), owner, dot, stamp, owner, dot, KEY_FLAGS, algorithm, base64);
	error = write_file(directory, name, text, 0644, reporter);
	sync_directory(directory);
	return error;
}
