/*
 * mistcore - private names answered and signed, allowed names forwarded, everything else refused.
 *
 * The idea in five nouns:
 *
 *   content   What is answered: zones, and the rules for names outside them. It is described with
 *             plain calls, sealed once (checked, signed), and immutable from then on.
 *   server    Worker threads that answer from a content on UDP and TCP. Content is replaced as a
 *             whole, or changed by edits, while it serves; no query is lost or sees half of two.
 *   lookup    A handle for asking a server of this process without a socket.
 *   resolver  A client that asks a server, ours or any other, over loopback.
 *   reporter  Where messages for people go. The library itself never prints.
 *
 * The smallest useful program (docs/examples has it whole):
 *
 *   struct mist_content *content;
 *   struct mist_server *server;
 *   mist_content_new(&content, NULL);
 *   mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
 *                                                           .name = "editor.land" }, NULL);
 *   mist_start(&server, NULL, content);
 *   printf("asking 127.0.0.1:%u works\n", mist_port(server));
 *   mist_stop(server);
 *
 * Conventions that hold for every call:
 *
 *   Errors     A function that can fail returns MIST_OK (0) or a negative enum mist_error;
 *              mist_strerror() has its text. On error every out parameter is left as it was. The
 *              library never aborts on input, never exits, prints, or touches signal handlers.
 *   Threads    Calls that take a server may come from any thread unless said otherwise. A content
 *              belongs to one thread at a time. Callbacks run on one background thread of the
 *              server, in order, never on a worker, and must not call mist_stop().
 *   fork       After fork() the child must not use what the parent made: each call then returns
 *              MIST_EFORKED. Descriptors are close-on-exec.
 *   Options    Every options struct begins with `size = sizeof(struct ...)`, so that it can grow.
 *              Zero (or NULL) in a field means the default its comment names. NULL for the whole
 *              struct means all defaults.
 *   Text       Strings are UTF-8 without meaning beyond ASCII, copied before a call returns. Names
 *              are presentation format (RFC 1035 section 5.1); a final dot may be left out.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef MISTCORE_H
#define MISTCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MIST_API __attribute__((visibility("default")))
#else
#define MIST_API
#endif

#define MIST_VERSION_MAJOR 0
#define MIST_VERSION_MINOR 1
#define MIST_VERSION_PATCH 0

/* ------------------------------------------------------------------------------------------------
 * Errors and messages
 */

enum mist_error {
	MIST_OK = 0,
	MIST_ENOMEM = -1,      /* memory */
	MIST_EINVAL = -2,      /* an argument makes no sense; the reporter was told which */
	MIST_ENAME = -3,       /* not a domain name (RFC 1035 section 2.3.4 limits) */
	MIST_ERECORD = -4,     /* record data that does not fit its type */
	MIST_EZONE = -5,       /* a zone that fails its checks */
	MIST_EKEY = -6,        /* a key file that cannot be read, or does not fit */
	MIST_ECRYPTO = -7,     /* libcrypto refused */
	MIST_EFILE = -8,       /* a file or directory cannot be read or written */
	MIST_ENETWORK = -9,    /* a socket cannot be opened; no free port */
	MIST_EADDRESS = -10,   /* an address outside 127.0.0.0/8 and ::1, not allowed by options */
	MIST_EENGINE = -11,    /* the engine asked for does not run here */
	MIST_EBUSY = -12,      /* used by another thread, or a limit is reached; try again */
	MIST_EFORKED = -13,    /* made before fork(); of no use in the child */
	MIST_ESEALED = -14,    /* the content is sealed and cannot change */
	MIST_ENOTFOUND = -15,  /* no such zone, name or address */
	MIST_EFORWARD = -16,   /* a lookup that only a forwarder can answer; ask with a resolver */
	MIST_ETIMEOUT = -17,   /* no answer in time */
	MIST_EREFUSED = -18,   /* the server refused or failed the name */
	MIST_EMISMATCH = -19,  /* an answer that must not be believed */
	MIST_ESPACE = -20,     /* the caller's buffer is too small */
	MIST_EINTERNAL = -21,  /* a mistake of ours; please report it */
	MIST_ECONFLICT = -22,  /* an edit would break a rule of DNS or of the zone; the result says which record */
	MIST_ELIMIT = -23,     /* an edit would exceed a limit of the content; the result says which record */
	MIST_EREQUIRE = -24,   /* what an edit requires does not hold */
};

/* Text for an error, static, never NULL, also for numbers that are no errors. Any thread. */
MIST_API const char *mist_strerror(int error);

/* "0.1.0". Static. Any thread. */
MIST_API const char *mist_version(void);

/* One line that names engine support and the versions of liburing, OpenSSL and c-ares that are
 * linked. Static. Any thread. */
MIST_API const char *mist_version_libraries(void);

enum mist_level {
	MIST_LEVEL_ERROR = 1,
	MIST_LEVEL_WARNING = 2,
	MIST_LEVEL_INFO = 3,
	MIST_LEVEL_DEBUG = 4,
};

/*
 * Where messages go. `file` is NULL when the message belongs to no file, `line` 0 when to no line.
 * `text` lives for the call only, is one line, and holds no control characters. During calls on a
 * content the reporter runs on the calling thread; for a server it runs on its background thread.
 */
struct mist_reporter {
	void (*report)(void *user, enum mist_level level, const char *file, unsigned line,
	               const char *text);
	void *user;
};

/* ------------------------------------------------------------------------------------------------
 * Content: what is answered
 */

struct mist_content;
struct mist_zone;

enum mist_deny {
	MIST_DENY_DEFAULT = 0, /* of a rule: as the content says; of a content: REFUSED */
	MIST_DENY_REFUSED,     /* REFUSED */
	MIST_DENY_NXDOMAIN,    /* NXDOMAIN without SOA */
	MIST_DENY_NODATA,      /* NOERROR without records */
	MIST_DENY_DROP,        /* no answer at all */
};

enum mist_algorithm {
	MIST_ALGORITHM_DEFAULT = 0,          /* ECDSAP256SHA256 */
	MIST_ALGORITHM_ECDSAP256SHA256 = 13, /* RFC 6605 */
	MIST_ALGORITHM_ED25519 = 15,         /* RFC 8080 */
};

struct mist_content_options {
	size_t size;
	struct mist_reporter reporter;       /* report = NULL: messages are dropped */
	const char *key_directory;           /* K<zone>+<alg>+<tag>.key/.private; NULL: state_directory */
	const char *state_directory;         /* keys and serials; NULL: nothing is kept, keys die with us */
	enum mist_algorithm algorithm;       /* of keys that are made */
	uint32_t signature_lifetime_s;       /* 0: 14 days */
	unsigned threads;                    /* that sign; 0: one per CPU of the affinity mask */
	enum mist_deny deny;                 /* what a denied name gets */
	bool forward_by_default;             /* names that no zone and no rule covers are forwarded */
	const char *const *upstreams;        /* "192.0.2.53", "192.0.2.53:5353", "[2001:db8::1]:53" */
	size_t upstream_count;               /* 0: the name servers of resolv_conf, read again when it changes */
	const char *resolv_conf;             /* NULL: /etc/resolv.conf; systemd-resolved's stub in it is
	                                        replaced by its real upstreams */
	uint32_t timeout_ms;                 /* of a forwarded question in total; 0: 2000 */
	uint32_t max_ttl_s;                  /* TTL cap of forwarded answers; 0: 300 */
	bool read_only;                      /* make no key and write no serial (for checks); a key that
	                                        would have to be made is then made in memory only */
	uint32_t set_records_max;            /* records of one name and type after an edit; also the names that
	                                        an address is told to have; 0: 100 */
	uint32_t name_types_max;             /* types of one name after an edit; 0: 100 */
	size_t history_bytes;                /* of changes kept for IXFR, for each zone that may be
	                                        transferred; 0: 4 MiB */
};

/*
 * Makes an empty content. The caller owns it until mist_start() or mist_publish() takes it, or
 * frees it with mist_content_free(). MIST_EINVAL, MIST_ENOMEM.
 */
MIST_API int mist_content_new(struct mist_content **content,
                              const struct mist_content_options *options);
MIST_API void mist_content_free(struct mist_content *content); /* NULL is fine */

enum mist_dnssec {
	MIST_DNSSEC_SIGN = 0,   /* sign here: one key, NSEC (RFC 4034, RFC 4035) */
	MIST_DNSSEC_OFF,        /* serve unsigned */
	MIST_DNSSEC_PRESIGNED,  /* records come with RRSIG and NSEC or NSEC3; served as they are */
};

struct mist_zone_options {
	size_t size;
	const char *name;              /* the apex */
	bool records;                  /* true: the zone is filled with mist_zone_add(), not made */
	const char *const *addresses;  /* of a made zone: SOA, NS, ns, apex and * are made with them */
	size_t address_count;          /* 0: 127.0.0.1; with `registry`: SOA, NS and ns alone are made */
	uint32_t ttl;                  /* of made records; 0: 300 */
	enum mist_dnssec dnssec;
	bool ephemeral_key;            /* the key is never written; the zone's DS changes each start */
	bool cds;                      /* publish CDS and CDNSKEY (RFC 7344) */
	const char *file;              /* for messages: where the zone comes from; may be NULL */
	bool registry;                 /* names come and go: mist_register() */
	/* Who may more than ask; nobody unless named: addresses ("192.0.2.1"), networks ("192.0.2.0/24"),
	 * names of keys (mist_content_tsig(): whoever signs with it), or both ("key@192.0.2.0/24"). One
	 * entry that fits is enough. */
	const char *const *transfer;   /* AXFR, IXFR */
	size_t transfer_count;
	const char *const *update;     /* RFC 2136 */
	size_t update_count;
	const char *const *notify;     /* secondaries that are told of each version (RFC 1996): "192.0.2.7:53",
	                                  or "key@192.0.2.7:53" to sign the message */
	size_t notify_count;
	/* A secondary zone: it is transferred from these, "192.0.2.1:53" or "key@192.0.2.1", in turn, and
	 * follows them (RFC 1034 section 4.3.5, RFC 1995, RFC 1996). `records` is true, and nothing is
	 * added. MIST_DNSSEC_PRESIGNED serves it as it comes, signed or not; MIST_DNSSEC_SIGN signs it here,
	 * and then its serials are ours. Kept in state_directory, so that a restart serves it at once;
	 * SERVFAIL before it is there, and when it has expired as its SOA says. */
	const char *const *primaries;
	size_t primary_count;
	const char *primary_key;       /* TSIG key for those that name none; NULL: none */
	/* A secondary zone, MIST_DNSSEC_PRESIGNED, that lists others (a catalog, RFC 9432): these are zones of the
	 * server for as long as it lists them; see mist_zone_members(). It answers those alone who may transfer it. */
	bool catalog;
};

struct mist_tsig {
	size_t size;
	const char *name;              /* of the key: a domain name, the same at both ends */
	const char *algorithm;         /* "hmac-sha256" (NULL: that); also sha512, sha384, sha224, sha1 */
	const char *secret;            /* base64, 1 to 128 octets; as tsig-keygen and keymgr make it */
	const char *file;              /* for messages; may be NULL */
	unsigned line;
};

/*
 * Adds a key for signed messages (TSIG, RFC 8945). Before the zones that name it. MIST_ENAME,
 * MIST_EINVAL (an algorithm that is not offered, twice the same name), MIST_EKEY (no such secret),
 * MIST_ESEALED, MIST_ENOMEM.
 */
MIST_API int mist_content_tsig(struct mist_content *content, const struct mist_tsig *key);

/*
 * Adds a zone. `zone` may be NULL; what it receives belongs to the content and lives as long.
 * MIST_ENAME, MIST_EINVAL (twice the same zone, bad address), MIST_ESEALED, MIST_ENOMEM.
 */
MIST_API int mist_content_zone(struct mist_content *content,
                               const struct mist_zone_options *options, struct mist_zone **zone);

/* A record in wire form (RFC 1035 section 3.2.1): names in `owner` and `rdata` are uncompressed. */
struct mist_record {
	const uint8_t *owner;  /* a wire name; its length is its own */
	uint16_t type;
	uint32_t ttl;
	const uint8_t *rdata;
	uint16_t rdata_len;
	unsigned line;         /* in the zone's file, for messages; 0: unknown */
};

/*
 * Adds one record of class IN to a zone with `records`. The record is copied. A record that cannot
 * be (out of zone, data that does not fit its type) is reported and MIST_ERECORD returned; checks
 * that need the whole zone wait for the seal. MIST_ESEALED, MIST_ENOMEM.
 */
MIST_API int mist_zone_add(struct mist_zone *zone, const struct mist_record *record);

/*
 * Says that a zone could not be loaded: it is served as SERVFAIL with an Extended DNS Error 14
 * (Not Ready, RFC 8914), never as an empty NOERROR, and never forwarded. `reason` is copied.
 */
MIST_API int mist_zone_fail(struct mist_zone *zone, const char *reason);

/*
 * How members of a catalog are served: those that it puts into `group` (RFC 9432 section 4.3.2), or, with NULL, those of no
 * group that is described. Of a member's groups the one that was described first counts. Of the options dnssec,
 * ephemeral_key, cds, transfer, notify, primaries, primary_key and file count; without primaries they come from those
 * of the catalog. Members that nothing is said of are served as they come, from the catalog's primaries, and transferred
 * to nobody.
 *
 * A member is a secondary zone that comes and goes with the catalog's word, and with it what was kept of it in
 * state_directory, its key too; when its unique label changes it is begun anew. A zone that is described with
 * mist_content_zone() goes before a member of its name; of two catalogs that list one zone the first has it, and gives it away only by
 * `coo`. A catalog that breaks the rules of RFC 9432, has more than 10,000 members, or has expired changes nothing: that is
 * reported, and its members stay as they are.
 *
 * `catalog` is what mist_content_zone() gave. MIST_EINVAL (no catalog; the same group twice; options that do not fit),
 * MIST_ENOTFOUND (no such key), MIST_ESEALED, MIST_ENOMEM.
 */
MIST_API int mist_zone_members(struct mist_zone *catalog, const char *group,
                               const struct mist_zone_options *options);

struct mist_rule {
	size_t size;
	const char *name;             /* "example.com" itself, "*.example.com" all below it, ".example.com" both */
	bool deny;                    /* false: names are forwarded */
	enum mist_deny deny_as;       /* of a deny rule */
	const char *const *upstreams; /* of an allow rule: its own; as in struct mist_content_options */
	size_t upstream_count;        /* 0: those of the content */
	bool private_addresses;       /* answers may hold loopback, private, link-local and metadata addresses */
	const char *file;             /* for messages; may be NULL */
	unsigned line;
};

/* Adds a rule. Longest name decides, see docs/ARCHITECTURE.md. MIST_ENAME, MIST_EINVAL,
 * MIST_ESEALED, MIST_ENOMEM. */
MIST_API int mist_content_rule(struct mist_content *content, const struct mist_rule *rule);

/*
 * Checks everything, completes zones (SOA and NS of made zones, delegations between local zones and
 * to forwarded names, NSEC, signatures) and freezes the content. Each problem is reported.
 * A zone that fails its checks is served as SERVFAIL and does not stop the others; the call then
 * returns MIST_EZONE or MIST_EKEY though the content *is* sealed and can be served. Other errors leave it unsealed.
 * mist_start() and mist_publish() seal what is not sealed, and go on when only zones failed.
 */
MIST_API int mist_content_seal(struct mist_content *content);

enum mist_walk {
	MIST_WALK_SERVED = 0, /* every record with its RRSIGs; what a transfer holds */
	MIST_WALK_DATA,       /* what a master file would say: without signatures, NSEC and the key of a zone
	                         that is signed here, without delegations that are made for forwarded names
	                         and for local zones inside it, and without what made zones repeat below
	                         names that would switch their wildcard off */
};

/*
 * Walks a zone of a sealed content in canonical order (RFC 4034 section 6.1), apex SOA first. The
 * record lives for the call. A callback result other than 0 ends the walk and is returned.
 * MIST_ENOTFOUND, MIST_EZONE (zone failed), MIST_ENOMEM.
 */
MIST_API int mist_content_walk(const struct mist_content *content, const char *zone,
                               enum mist_walk what,
                               int (*record)(void *user, const struct mist_record *record),
                               void *user);

/* Calls back with the name (presentation format, no final dot) of each zone of a content. */
MIST_API int mist_content_zones(const struct mist_content *content,
                                int (*zone)(void *user, const char *name, enum mist_dnssec dnssec),
                                void *user);

enum mist_anchor_format {
	MIST_ANCHOR_DS = 0,   /* zone file DS line, SHA-256 (RFC 4509) */
	MIST_ANCHOR_DNSKEY,   /* zone file DNSKEY line */
	MIST_ANCHOR_BIND,     /* trust-anchors { ... }; for named and delv */
	MIST_ANCHOR_UNBOUND,  /* server: trust-anchor: "..." */
	MIST_ANCHOR_RESOLVED, /* a file for /etc/dnssec-trust-anchors.d/NAME.positive */
};

/*
 * Writes the trust anchor of a signed zone, ending in a newline and NUL. MIST_ENOTFOUND, MIST_EZONE
 * (not signed here), MIST_ESPACE (4 KiB always suffice).
 */
MIST_API int mist_content_anchor(const struct mist_content *content, const char *zone,
                                 enum mist_anchor_format format, char *text, size_t text_size);

/* What decides about a name, and what a client would get. */
enum mist_verdict {
	MIST_VERDICT_LOCAL = 0, /* answered from `zone` */
	MIST_VERDICT_FORWARD,   /* asked of upstreams */
	MIST_VERDICT_DENY,      /* refused; `deny` says how */
	MIST_VERDICT_SPECIAL,   /* a special-use name (RFC 6761, RFC 6303), answered here */
	MIST_VERDICT_FAILED,    /* of a zone that did not load: SERVFAIL */
};

struct mist_why {
	enum mist_verdict verdict;
	enum mist_deny deny;
	char rcode[16];       /* as a client sees it: "NOERROR", "NXDOMAIN", ...; "" when upstreams decide */
	char zone[1025];      /* "" if none */
	char rule[1027];      /* as it was written; "" if none */
	char text[512];       /* one or two sentences for a person */
	size_t answer_count;  /* records in the answer section of a local answer */
};

/* Explains a sealed content's decision on `name` and `type` (a number, RFC 1035 section 3.2.2).
 * MIST_ENAME. */
MIST_API int mist_content_why(const struct mist_content *content, const char *name, uint16_t type,
                              struct mist_why *why);

/* ------------------------------------------------------------------------------------------------
 * Server
 */

struct mist_server;

enum mist_engine { MIST_ENGINE_AUTO = 0, /* epoll */ MIST_ENGINE_URING, MIST_ENGINE_EPOLL };
enum mist_steer { MIST_STEER_AUTO = 0, /* CPU on loopback with workers that are not pinned, else HASH */
                  MIST_STEER_CPU, MIST_STEER_HASH, MIST_STEER_RANDOM };

struct mist_options {
	size_t size;
	struct mist_reporter reporter;
	const char *const *addresses; /* to listen on, without port; */
	size_t address_count;         /* 0: 127.0.0.1 */
	uint16_t port;                /* of UDP and TCP alike; 0: any free port */
	bool port_only;               /* `fallback: fail`: if the port is taken, fail; else take any free one */
	bool allow_non_loopback;
	unsigned workers;             /* threads, at most 16; 0: 1 */
	enum mist_engine engine;
	enum mist_steer steer;
	bool pin;                     /* each worker to one CPU, for good */
	bool gro;                     /* UDP_GRO on, with 64 KiB receive buffers */
	size_t cache_bytes;           /* of forwarded answers; 0: 16 MiB */
	const uint8_t *cookie_secret; /* 16 octets (RFC 9018), shared by a fleet; NULL: random */
	const char *nsid;             /* RFC 5001; NULL: none */
	uint32_t tcp_idle_ms;         /* 0: 10,000 */
	unsigned tcp_clients;         /* connections per worker; where that many are, idle ones make room.
	                                 0: 1,024, but all together at most half of RLIMIT_NOFILE */
	unsigned tcp_clients_each;    /* connections per client address and worker; 0: 128 on loopback,
	                                 where all clients share few addresses: tcp_clients / 2 */
};

/*
 * Starts a server. Takes the content, also when it fails. Returns when every worker answers.
 * MIST_ENETWORK, MIST_EADDRESS, MIST_EENGINE, MIST_EINVAL, MIST_ENOMEM, and those of
 * mist_content_seal() except MIST_EZONE and MIST_EKEY.
 */
MIST_API int mist_start(struct mist_server **server, const struct mist_options *options,
                        struct mist_content *content);

/*
 * Stops a server: takes no new questions, finishes what is in flight (at most two seconds), closes
 * every socket, joins every thread, frees everything. Returns when all is gone, so that the same
 * port can be opened again at once. Lookups must be closed before. NULL is fine. Not from callbacks.
 */
MIST_API int mist_stop(struct mist_server *server);

/* The port number, in host order. Never 0 for a running server. */
MIST_API uint16_t mist_port(const struct mist_server *server);

/*
 * Adopts sockets that are open already, beside those that the server listens on itself: bound UDP sockets and
 * listening TCP sockets, of any network namespace, inherited from who started the process or received by
 * SCM_RIGHTS. When it returns MIST_OK they are served; one call's sockets by one worker.
 *
 * From then on the descriptors are the server's: it sets options of theirs (close-on-exec, nonblocking), and mist_stop()
 * closes them. On error all of them are still the caller's. Any thread, any number of times; at most 4,096 at once.
 *
 * Whoever sends from 127.0.0.1 of another namespace is 127.0.0.1 to access lists. And where upstreams come from
 * resolv.conf, adopted addresses are not recognised there as the server's own.
 *
 * MIST_EINVAL (not such a socket, or here already; reported), MIST_EADDRESS (not loopback, without
 * allow_non_loopback), MIST_EBUSY (too many, or a callback while mist_stop() runs), MIST_ENETWORK, MIST_ENOMEM, MIST_EFORKED.
 */
MIST_API int mist_listen_fds(struct mist_server *server, const int *fds, size_t n);

/*
 * Gives adopted sockets back: when it returns nobody reads from them, their TCP connections are closed, what was still
 * to be answered is not, and the descriptors are the caller's, open. The namespace they belong to can go when
 * they are closed. MIST_ENOTFOUND (one of them is not adopted; then nothing was done), MIST_EBUSY (a callback while
 * mist_stop() runs, which closes them itself), MIST_EINVAL, MIST_EFORKED.
 */
MIST_API int mist_unlisten(struct mist_server *server, const int *fds, size_t n);

struct mist_status {
	uint16_t port;
	unsigned workers;
	enum mist_engine engine;      /* the one that runs */
	enum mist_steer steer;        /* the one in effect, never AUTO */
	char engine_reason[160];      /* why this one */
	uint64_t view;                /* number of the published content, from 1 */
};

MIST_API int mist_status(const struct mist_server *server, struct mist_status *status);

/*
 * Replaces the content while serving. Takes it, also on error; on error the old one stays. When it
 * returns, every later query is answered from the new content. Errors as mist_start().
 *
 * A zone that is served already is compared with its new description, and only what differs is made and
 * signed anew: it keeps its other signatures, and its serial if nothing differs. For that give the content
 * unsealed. What was changed by edits goes back to what is described.
 */
MIST_API int mist_publish(struct mist_server *server, struct mist_content *content);

/*
 * The same for a description that was read again: what was changed by edits stays changed, as far as it
 * can stand beside the new description (else it is dropped, with a warning); and a zone that fails stops
 * it, MIST_EZONE or MIST_EKEY, with the old content served on.
 */
MIST_API int mist_reload(struct mist_server *server, struct mist_content *content);

/* Counters since the start, summed over the workers; each is exact, together they are no instant. */
struct mist_counters {
	uint64_t udp_queries, tcp_queries;
	uint64_t udp_replies, tcp_replies;
	uint64_t dropped;               /* malformed beyond an answer, responses, spoofed sources */
	uint64_t rcode[16];             /* of replies, by the low four bits */
	uint64_t truncated;             /* replies with TC */
	uint64_t local, denied, special, failed, forwarded; /* questions by verdict */
	uint64_t cache_hits, cache_misses, cache_inserts, cache_evictions, cache_prefetches;
	uint64_t upstream_queries, upstream_answers, upstream_timeouts, upstream_rejected, coalesced;
	uint64_t filtered;              /* upstream answers dropped for a private address */
	uint64_t tcp_accepted, tcp_refused, tcp_open;
	uint64_t signatures;            /* made since the start, renewals included */
	uint64_t secondary_checks, secondary_failures; /* of secondary zones: a primary that knew; none that did */
	uint64_t secondary_wholes, secondary_changes;  /* and what was transferred: whole zones, changes */
	uint64_t catalog_members;       /* zones that are served because a catalog lists them, at the moment */
};

/* `size` is sizeof(struct mist_counters), so that it can grow. */
MIST_API int mist_counters(const struct mist_server *server, struct mist_counters *counters,
                           size_t size);

/* The trust anchor of a zone as it is served now; see mist_content_anchor(). */
MIST_API int mist_anchor(struct mist_server *server, const char *zone,
                         enum mist_anchor_format format, char *text, size_t text_size);

/* A zone as it is served now. */
struct mist_zone_status {
	const char *name;         /* presentation format, no final dot */
	enum mist_dnssec dnssec;
	uint32_t serial;          /* 0: the zone failed */
	bool failed;              /* answers SERVFAIL */
	bool secondary;           /* it is transferred from a primary, and: */
	uint32_t primary_serial;  /* of the version there is; 0: none */
	uint64_t checked_s;       /* when a primary last confirmed it; seconds since 1970, like the others; 0: never */
	uint64_t next_s;          /* when one is asked next */
	uint64_t expires_s;       /* when it is not served any more, unless one answers; 0: there is none to expire */
	const char *primary;      /* that answered last; "" */
	const char *error;        /* of the last try, or what is wrong with a catalog, a sentence; "": it went well */
	uint32_t ttl_max;         /* longer TTLs are cut to it, so that no answer outlives its signature; UINT32_MAX: none is */
	bool catalog;             /* its members are zones here */
	const char *member_of;    /* the catalog that lists it; "": none does */
};

/* Calls back for each zone, in the order they were configured in, members of catalogs last. The text lives for the call, and the
 * callback must not call the server. A result other than 0 ends the walk and is returned. */
MIST_API int mist_zones(struct mist_server *server,
                        int (*zone)(void *user, const struct mist_zone_status *status), void *user);

/* Walks a zone as it is served now, like mist_content_walk(). Nobody waits for it: the zone may change
 * meanwhile, and the walk goes on over what it began with. */
MIST_API int mist_walk(struct mist_server *server, const char *zone, enum mist_walk what,
                       int (*record)(void *user, const struct mist_record *record), void *user);

/* ------------------------------------------------------------------------------------------------
 * Edits: changing zones while they are served
 *
 * An edit is one transaction over any number of local zones. It collects operations, which are
 * applied in the order given (add A, remove A: nothing) when it is committed: all of them or none,
 * published at once. One thread uses an edit at a time; any number of edits may be open and
 * committed in parallel, and those that meet are published together. Whoever commits first is first:
 * an edit is judged on the zones as they are at its commit.
 *
 * Where the content has a state_directory, an edit is on the disk before its commit returns, and the next
 * mist_start() with the same directory makes it again, of the zones as they are described then.
 *
 * What is made by the server stays its own: SOA serial (it rises with every change), DNSKEY, NSEC
 * and RRSIG of zones signed here, delegations of forwarded names and of local zones inside others.
 */

struct mist_edit;

/* Begins an edit. The caller owns it until mist_edit_commit() or mist_edit_abort(); end all edits
 * before mist_stop(). MIST_EFORKED, MIST_ENOMEM. */
MIST_API int mist_edit_begin(struct mist_server *server, struct mist_edit **edit);

/*
 * The operations. What they are given is copied. Owners and names in data are wire names; `zone` is
 * text, NULL: the innermost local zone at or around the owner. An operation that cannot be
 * (MIST_ENAME, MIST_EINVAL, MIST_ERECORD: data that does not fit its type; MIST_ENOMEM) is not
 * collected. At most 65,536 operations with 64 MiB of data in one edit: MIST_ELIMIT.
 */

/* Adds a record. One with the same data is no error; the TTL given last counts for the whole set
 * (RFC 2181 section 5.2). An SOA replaces the one that is there. */
MIST_API int mist_edit_add(struct mist_edit *edit, const char *zone,
                           const struct mist_record *record);

/* Removes: one record (its TTL does not matter); rdata NULL: the whole set of the type; type 0: all
 * sets of the owner. What is not there is no error. SOA and the last NS of a zone cannot be removed;
 * at the apex, type 0 leaves both. */
MIST_API int mist_edit_remove(struct mist_edit *edit, const char *zone,
                              const struct mist_record *record);

/* Makes the set of a type consist of these records, whose owner and type do not matter; of different TTLs
 * the smallest counts. 0: none. */
MIST_API int mist_edit_replace(struct mist_edit *edit, const char *zone, const uint8_t *owner,
                               uint16_t type, const struct mist_record *records, size_t count);

/* What must hold when the edit is committed, before its first operation (RFC 2136 section 2.4). */
enum mist_require {
	MIST_REQUIRE_NAME = 0,  /* the name has a record */
	MIST_REQUIRE_NO_NAME,   /* it has none */
	MIST_REQUIRE_SET,       /* it has a set of the type */
	MIST_REQUIRE_NO_SET,    /* it has none */
	MIST_REQUIRE_RECORDS,   /* its set of the type is exactly `records` (TTLs do not matter) */
};

/* `type` counts for the last three, `records` for the last one. MIST_EREQUIRE comes from the commit. */
MIST_API int mist_edit_require(struct mist_edit *edit, const char *zone, enum mist_require what,
                               const uint8_t *owner, uint16_t type,
                               const struct mist_record *records, size_t count);

#define MIST_EDIT_ZONES 8 /* zones of one edit whose new serials are told */

struct mist_edit_result {
	size_t size;                  /* in: sizeof(struct mist_edit_result) */
	struct mist_reporter reporter;/* in: hears each problem and each warning, on the calling thread,
	                                 before the commit returns; may be empty */
	size_t zone_count;            /* zones that changed; 0: everything was as wanted already */
	struct mist_edit_zone {
		char name[1025];
		uint32_t serial;
	} zones[MIST_EDIT_ZONES];     /* the first of them */
	uint64_t view;                /* number of the content that holds the edit */
	size_t operation;             /* of an error: which operation, in the order they were given from
	                                 0; SIZE_MAX: none of them */
	char text[1400];              /* of an error: the first problem; it names the record. Else "" */
};

/*
 * Checks, signs and publishes. Always ends the edit. When it returns MIST_OK every later query on
 * every worker sees it; otherwise nothing of it was done. `result` may be NULL.
 *
 *   MIST_ECONFLICT  the result would break a rule: CNAME beside other data, a second SOA, a serial
 *                   that goes back, ...; or the zone does not take edits (it came signed, it failed)
 *   MIST_ELIMIT     too many records of one name and type, or types of one name
 *   MIST_EREQUIRE   a mist_edit_require() does not hold
 *   MIST_ENOTFOUND  no such local zone, or the owner is outside of it
 *   MIST_EFILE      it cannot be kept on disk
 *   MIST_EBUSY      called from inside another call on the same server
 *   MIST_ENOMEM, MIST_ECRYPTO, MIST_EFORKED
 */
MIST_API int mist_edit_commit(struct mist_edit *edit, struct mist_edit_result *result);

/* Gives an edit up. NULL is fine. */
MIST_API void mist_edit_abort(struct mist_edit *edit);

/* ------------------------------------------------------------------------------------------------
 * Registry: names that come and go with their owners
 *
 * In zones with `registry`. A name may have several owners: the addresses of those in the lowest tier
 * are answered, without duplicates and rotated; the name goes with its last owner. Its bare form
 * (`web` of `web.arcbox.local`) is answered as well, unsigned. Registrations are edits: coalesced with
 * the others, signed, and seen by the next query.
 *
 * Addresses of a registered name are its owners' alone. An edit of them is MIST_ECONFLICT, and so is to
 * register a name that the zone has addresses for; a new content that has some answers with those.
 */

struct mist_registration {
	size_t size;
	const char *name;              /* "web" goes to the only registry zone; "web.arcbox.local" to the
	                                  registry zone around it */
	const char *owner;             /* any text of 1 to 255 octets; compared as octets */
	unsigned tier;                 /* kinds of owners: of several, the lowest tier is answered */
	const char *const *addresses;  /* IPv4 and IPv6; they replace those that this owner gave before */
	size_t address_count;
	uint32_t lease_ms;             /* registered anew within, or it goes; 0: no lease */
};

/* MIST_EINVAL (no single registry zone for a relative name, no owner, no or bad address), MIST_ENAME,
 * MIST_ENOTFOUND (no registry zone around the name), MIST_ELIMIT, and those of mist_edit_commit(). */
MIST_API int mist_register(struct mist_server *server, const struct mist_registration *registration);

/* Takes an owner's registration of a name back; `name` NULL: all of the owner's. MIST_ENOTFOUND: there is
 * none. */
MIST_API int mist_deregister(struct mist_server *server, const char *owner, const char *name);

/* The whole name that `name` would be registered under now, in lower case, as mist_name_to_text() writes it: spellings
 * of one name give one text. MIST_ENAME, MIST_EINVAL and MIST_ENOTFOUND as above, MIST_ECONFLICT (its zone did not
 * load), MIST_EBUSY (called from inside another call on the same server). */
MIST_API int mist_registered_name(struct mist_server *server, const char *name, char text[1025]);

/* ------------------------------------------------------------------------------------------------
 * Lookup: asking a server of this process without a socket
 */

struct mist_lookup;

/*
 * Opens a handle. One thread uses a handle at a time (MIST_EBUSY says otherwise); open one per
 * thread. At most 64 per server. It keeps the server's content of the moment of each call alive
 * during that call only. Close it before mist_stop().
 */
MIST_API int mist_lookup_open(struct mist_lookup **lookup, struct mist_server *server);
MIST_API void mist_lookup_close(struct mist_lookup *lookup); /* NULL is fine */

/*
 * Answers a query message with a response message, both in wire form, as over TCP (no truncation
 * below 65,535 octets). Local, refused and special names, and forwarded ones that are cached. A
 * name that upstreams must be asked for gives MIST_EFORWARD, a query that gets no answer
 * MIST_EINVAL, a small buffer MIST_ESPACE. No allocation, no lock, no system call.
 */
MIST_API int mist_lookup_message(struct mist_lookup *lookup, const void *query, size_t query_len,
                                 void *response, size_t *response_len);

/* An address as a resolver gives it. */
struct mist_address {
	uint8_t family;    /* 4 or 6 */
	uint8_t octets[16];/* in network order; four of them for IPv4 */
	uint32_t ttl;
};

/*
 * The addresses of a name: IPv4, then IPv6, CNAMEs followed. `count` says how many fit and receives
 * how many there are. MIST_ENOTFOUND (no such name, or no address), MIST_EREFUSED, MIST_EFORWARD,
 * MIST_ESPACE (an answer above 16 KiB, which only mist_lookup_message() takes).
 */
MIST_API int mist_lookup_addresses(struct mist_lookup *lookup, const char *name,
                                   struct mist_address *addresses, size_t *count);

/* ------------------------------------------------------------------------------------------------
 * Resolver: asking a server over loopback
 */

struct mist_resolver;

struct mist_resolver_options {
	size_t size;
	const char *address;            /* NULL: 127.0.0.1; must be loopback */
	uint16_t port;                  /* 0: 5380 */
	uint32_t timeout_ms;            /* in total; 0: 2000 */
	const char *const *local_zones; /* names at or below these must get loopback addresses, */
	size_t local_zone_count;        /* or the answer is MIST_EMISMATCH; 0: "editor.land" */
};

/* Opens a resolver. One thread at a time; it belongs to the caller. MIST_EADDRESS, MIST_ENOMEM. */
MIST_API int mist_resolver_open(struct mist_resolver **resolver,
                                const struct mist_resolver_options *options);
MIST_API void mist_resolver_close(struct mist_resolver *resolver); /* NULL is fine */

/*
 * Asks for the addresses of a name, UDP first, TCP when truncated; random id and port, the answer's
 * id, question and sender are checked (RFC 5452). MIST_ENOTFOUND, MIST_EREFUSED, MIST_ETIMEOUT,
 * MIST_EMISMATCH, MIST_ENETWORK.
 */
MIST_API int mist_resolver_addresses(struct mist_resolver *resolver, const char *name,
                                     struct mist_address *addresses, size_t *count);

/*
 * Sends one query message of the caller's as it is (its id is kept) and returns the response.
 * `tcp` asks over TCP at once. Errors as above.
 */
MIST_API int mist_resolver_message(struct mist_resolver *resolver, bool tcp, const void *query,
                                   size_t query_len, void *response, size_t *response_len);

/* ------------------------------------------------------------------------------------------------
 * Names and numbers, for programs that print what they ask
 */

#define MIST_NAME_SIZE 255       /* a wire name (RFC 1035 section 2.3.4) */
#define MIST_NAME_TEXT_SIZE 1025 /* a name as text: every octet as \DDD, and NUL */

/* Text to wire name, absolute. Returns its length, or MIST_ENAME. */
MIST_API int mist_name_from_text(const char *text, uint8_t name[MIST_NAME_SIZE]);

/* Wire name (uncompressed, within `len` octets) to text, without final dot but for the root.
 * Returns the length of the name, or MIST_ENAME. */
MIST_API int mist_name_to_text(const uint8_t *name, size_t len, char text[MIST_NAME_TEXT_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
