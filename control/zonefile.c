#include "control/zonefile.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "control/domain.h"
#include "control/entry.h"
#include "control/rdata.h"
#include "control/units.h"

enum {
	DEPTH_MAX = 16,      /* of $INCLUDE in $INCLUDE */
	INCLUDES_MAX = 4096, /* in all: sixteen files that include each other twice would be 65,536 */
	PROBLEMS_MAX = 20,   /* reported; the rest of a file that is no zone file says nothing new */
	TTL_MAX = INT32_MAX, /* RFC 2181 section 8 */
};

/* The reading of one zone, over all its files. */
struct zonefile {
	zonefile_record *record;
	void *user;
	const struct mist_reporter *reporter;
	unsigned includes, problems;
	bool out_of_memory, partial;
	uint8_t rdata[RDATA_LEN_MAX];
};

/* What the lines of one file build on; an included file starts with a copy. */
struct scope {
	const char *path;
	const struct scope *outer;
	dev_t device;
	ino_t inode;
	uint8_t origin[MIST_NAME_SIZE];
	uint8_t owner[MIST_NAME_SIZE]; /* of the record before */
	uint32_t ttl;                  /* of $TTL, or else of the record before */
	bool owner_known, ttl_known, ttl_directive;
};

static void problem(struct zonefile *zonefile, const struct scope *scope, unsigned line,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
static void problem(struct zonefile *zonefile, const struct scope *scope, unsigned line,
                    const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	zonefile->problems++;
	if (zonefile->problems <= PROBLEMS_MAX && zonefile->reporter && zonefile->reporter->report)
		zonefile->reporter->report(zonefile->reporter->user, MIST_LEVEL_ERROR, scope->path, line,
		                           zonefile->problems < PROBLEMS_MAX ? text
		                           : "too many problems; the rest of the file is not read");
}

static void no_memory(struct zonefile *zonefile)
{
	zonefile->out_of_memory = true;
}

static bool ttl_read(const char *text, uint32_t *ttl)
{
	uint64_t milliseconds;
	if (strstr(text, "ms") || !units_duration(text, &milliseconds) ||
	    milliseconds / 1000 > TTL_MAX)
		return false;
	*ttl = (uint32_t)(milliseconds / 1000);
	return true;
}

static bool class_read(const char *text, uint16_t *class)
{
	uint64_t number;
	if (strncasecmp(text, "CLASS", 5) == 0 && units_number(text + 5, &number) &&
	    number <= UINT16_MAX) {
		*class = (uint16_t)number;
		return true;
	}
	static const struct { const char *name; uint16_t class; } names[] = {
		{ "IN", LDNS_RR_CLASS_IN }, { "CH", LDNS_RR_CLASS_CH }, { "HS", LDNS_RR_CLASS_HS },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(text, names[i].name) == 0) {
			*class = names[i].class;
			return true;
		}
	return false;
}

/* ---- records --------------------------------------------------------------------------------- */

/* TTL and class, in either order, both optional (RFC 1035 section 5.1). Leaves `type` at the token
 * that follows. */
static bool header_read(struct zonefile *zonefile, const struct scope *scope, unsigned line,
                        char **at, char **type, uint32_t *ttl, bool *ttl_given)
{
	uint16_t class = LDNS_RR_CLASS_IN;
	bool class_given = false;
	*ttl_given = false;
	while ((*type = entry_token(at))) {
		if (!class_given && class_read(*type, &class)) {
			class_given = true;
		} else if (!*ttl_given && **type >= '0' && **type <= '9') {
			if (!ttl_read(*type, ttl)) {
				problem(zonefile, scope, line, "%.40s is not a TTL", *type);
				return false;
			}
			*ttl_given = true;
		} else {
			break;
		}
	}
	if (class != LDNS_RR_CLASS_IN) {
		problem(zonefile, scope, line, "class %u; only class IN is served", class);
		return false;
	}
	if (!*type && !zonefile->partial)
		problem(zonefile, scope, line, "a record without a type");
	return *type || zonefile->partial;
}

/* A record without a TTL has that of $TTL (RFC 2308 section 4), else that of the record before;
 * a first SOA may stand for itself with its minimum, as old files have it. */
static bool ttl_settle(struct scope *scope, uint16_t type, const uint8_t *rdata, size_t len,
                       bool given, uint32_t *ttl)
{
	if (!given && scope->ttl_known) {
		*ttl = scope->ttl;
	} else if (!given && type == LDNS_RR_TYPE_SOA && len > 20) {
		const uint8_t *minimum = rdata + len - 4;
		*ttl = ((uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 |
		        (uint32_t)minimum[2] << 8 | minimum[3]) & TTL_MAX;
	} else if (!given) {
		return false;
	}
	if (!scope->ttl_directive) {
		scope->ttl = *ttl;
		scope->ttl_known = true;
	}
	return true;
}

static void record_read(struct zonefile *zonefile, struct scope *scope, struct entry_reader *reader)
{
	char *at = reader->text, *type_text, what[160];
	uint32_t ttl = 0;
	bool ttl_given;
	unsigned line = reader->begin;
	if (!reader->indented) {
		const char *owner = entry_token(&at);
		if (!domain_read(owner, scope->origin, scope->owner)) {
			problem(zonefile, scope, line,
			        "\"%.80s\" is not a domain name (labels of 1 to 63 octets, "
			        "255 in all)",
			        owner);
			return;
		}
		scope->owner_known = true;
	}
	if (!header_read(zonefile, scope, line, &at, &type_text, &ttl, &ttl_given))
		return;
	uint16_t type = type_text ? rdata_type(type_text) : 0;
	if (!type && type_text) {
		problem(zonefile, scope, line, "%.40s is not a record type known here; "
		        "others are written as TYPEnnn \\# LENGTH HEX (RFC 3597): %s", type_text, entry_excerpt(reader));
		return;
	}
	if (!scope->owner_known) {
		problem(zonefile, scope, line, "the first record has no owner name: %s",
		        entry_excerpt(reader));
		return;
	}
	bool bare = zonefile->partial && !at[strspn(at, " \t")];
	int len = bare ? 0 : rdata_from_text(type, at, scope->origin, zonefile->rdata, what, sizeof(what));
	if (len == -2)
		no_memory(zonefile);
	else if (len < 0)
		problem(zonefile, scope, line, "%s record: %s: %s", type_text, what, entry_excerpt(reader));
	if (len < 0)
		return;
	if (!zonefile->partial && !ttl_settle(scope, type, zonefile->rdata, (size_t)len, ttl_given, &ttl)) {
		problem(zonefile, scope, line,
		        "no TTL, no $TTL before it and no record to take it from: %s",
		        entry_excerpt(reader));
		return;
	}
	struct mist_record record = {
		.owner = scope->owner, .type = type, .ttl = ttl,
		.rdata = bare ? NULL : zonefile->rdata, .rdata_len = (uint16_t)len, .line = line,
	};
	int error = zonefile->record(zonefile->user, scope->path, &record);
	if (error == MIST_ENOMEM)
		no_memory(zonefile);
	else if (error)
		zonefile->problems++;
}

/* ---- directives and files -------------------------------------------------------------------- */

static void file_read(struct zonefile *zonefile, struct scope *scope);

/* The path of an included file, from the directory of the one that includes it. Quotes are taken
 * off. */
static char *include_path(const struct scope *scope, const char *text)
{
	const char *slash = strrchr(scope->path, '/');
	size_t directory = text[0] != '/' && slash ? (size_t)(slash - scope->path) + 1 : 0;
	size_t len = strlen(text);
	char *path = malloc(directory + len + 1);
	if (!path)
		return NULL;
	memcpy(path, scope->path, directory);
	memcpy(path + directory, text, len + 1);
	return path;
}

static void include(struct zonefile *zonefile, const struct scope *scope, unsigned line, char *file,
                    const char *origin)
{
	unsigned depth = 0;
	size_t len = strlen(file);
	if (len > 1 && file[0] == '"' && file[len - 1] == '"') {
		file[len - 1] = '\0';
		file++;
	}
	for (const struct scope *outer = scope; outer; outer = outer->outer)
		depth++;
	if (depth >= DEPTH_MAX || zonefile->includes++ >= INCLUDES_MAX) {
		problem(zonefile, scope, line, "$INCLUDE %.80s: too many files", file);
		return;
	}
	struct scope inner = *scope;
	inner.outer = scope;
	char *path = include_path(scope, file);
	inner.path = path;
	if (origin && !domain_read(origin, scope->origin, inner.origin))
		problem(zonefile, scope, line, "$INCLUDE: \"%.80s\" is not a domain name", origin);
	else if (!path)
		no_memory(zonefile);
	else
		file_read(zonefile, &inner);
	free(path);
}

static void directive(struct zonefile *zonefile, struct scope *scope, struct entry_reader *reader)
{
	char *at = reader->text;
	unsigned line = reader->begin;
	const char *name = entry_token(&at);
	char *value = entry_token(&at), *second = value ? entry_token(&at) : NULL;
	bool is_include = strcasecmp(name, "$INCLUDE") == 0, is_ttl = strcasecmp(name, "$TTL") == 0;
	bool is_origin = strcasecmp(name, "$ORIGIN") == 0;
	if (!is_include && !is_ttl && !is_origin) {
		problem(zonefile, scope, line, "only $ORIGIN, $TTL and $INCLUDE are known: %s",
		        entry_excerpt(reader));
	} else if (!value || (second && (!is_include || entry_token(&at)))) {
		problem(zonefile, scope, line, "%s: %s", value ? "too much" : "nothing behind it",
		        entry_excerpt(reader));
	} else if (is_include && !scope->path) {
		problem(zonefile, scope, line, "$INCLUDE stands in files only");
	} else if (is_include) {
		include(zonefile, scope, line, value, second);
	} else if (is_ttl) {
		if (ttl_read(value, &scope->ttl))
			scope->ttl_known = scope->ttl_directive = true;
		else
			problem(zonefile, scope, line, "$TTL: %.40s is not a TTL", value);
	} else if (!domain_read(value, scope->origin, scope->origin)) {
		problem(zonefile, scope, line, "$ORIGIN: \"%.80s\" is not a domain name", value);
	}
}

static bool includes_itself(const struct scope *scope)
{
	for (const struct scope *outer = scope->outer; outer; outer = outer->outer)
		if (outer->device == scope->device && outer->inode == scope->inode)
			return true;
	return false;
}

static void entries_read(struct zonefile *zonefile, struct scope *scope,
                         struct entry_reader *reader)
{
	while (zonefile->problems < PROBLEMS_MAX && !zonefile->out_of_memory) {
		enum entry_result result = entry_next(reader);
		if (result == ENTRY_END)
			return;
		if (result == ENTRY_MEMORY) {
			no_memory(zonefile);
			return;
		}
		if (result != ENTRY_FOUND) {
			problem(zonefile, scope, reader->begin, "%s%s%s", entry_problem(result),
			        result == ENTRY_UNREADABLE ? ": " : "",
			        result == ENTRY_UNREADABLE ? strerror(errno) : "");
			if (result == ENTRY_UNREADABLE || result == ENTRY_LONG)
				return;
			continue;
		}
		if (reader->text[0] == '$')
			directive(zonefile, scope, reader);
		else
			record_read(zonefile, scope, reader);
	}
}

static void file_read(struct zonefile *zonefile, struct scope *scope)
{
	struct stat status;
	struct entry_reader reader = { .file = fopen(scope->path, "re"), .line = 1 };
	if (!reader.file || fstat(fileno(reader.file), &status) != 0) {
		problem(zonefile, scope, 0, "cannot be read: %s", strerror(errno));
	} else if (S_ISDIR(status.st_mode)) {
		problem(zonefile, scope, 0, "is a directory");
	} else {
		scope->device = status.st_dev;
		scope->inode = status.st_ino;
		if (includes_itself(scope))
			problem(zonefile, scope, 0, "includes itself");
		else
			entries_read(zonefile, scope, &reader);
	}
	if (reader.file)
		fclose(reader.file);
	free(reader.text);
}

/* Takes the scope's beginnings from the caller; `input` NULL: its file is read. */
static int read_all(struct zonefile *zonefile, struct scope *scope, const char *origin, FILE *input)
{
	if (!domain_read(origin, (const uint8_t *)"", scope->origin))
		return MIST_ENAME;
	if (input) {
		struct entry_reader reader = { .file = input, .line = 1 };
		entries_read(zonefile, scope, &reader);
		free(reader.text);
	} else {
		file_read(zonefile, scope);
	}
	return zonefile->out_of_memory ? MIST_ENOMEM : zonefile->problems ? MIST_EZONE : MIST_OK;
}

static struct zonefile *zonefile_new(zonefile_record *record, void *user,
                                     const struct mist_reporter *reporter)
{
	struct zonefile *zonefile = calloc(1, sizeof(*zonefile));
	if (!zonefile)
		return NULL;
	zonefile->record = record;
	zonefile->user = user;
	zonefile->reporter = reporter;
	return zonefile;
}

int zonefile_read(const char *file, const char *origin, zonefile_record *record, void *user,
                  const struct mist_reporter *reporter)
{
	struct zonefile *zonefile = zonefile_new(record, user, reporter);
	struct scope scope = { .path = file };
	int error = zonefile ? read_all(zonefile, &scope, origin, NULL) : MIST_ENOMEM;
	free(zonefile);
	return error;
}

int zonefile_text(const char *text, const char *origin, uint32_t ttl, bool partial,
                  zonefile_record *record, void *user, const struct mist_reporter *reporter)
{
	struct zonefile *zonefile = zonefile_new(record, user, reporter);
	struct scope scope = { .ttl = ttl, .ttl_known = true, .ttl_directive = true };
	size_t len = strlen(text);
	FILE *input = fmemopen((void *)(uintptr_t)(len ? text : "\n"), len ? len : 1, "r");
	int error = MIST_ENOMEM;
	if (zonefile && input) {
		zonefile->partial = partial;
		error = read_all(zonefile, &scope, origin, input);
	}
	if (input)
		fclose(input);
	free(zonefile);
	return error;
}
