/*
 * Special-use names: those that the RFCs keep out of the public DNS. Asking upstreams for them leaks
 * what a machine does at home and can only bring an answer that is wrong, so they are answered
 * here. Each matches the name itself and everything below it.
 *
 * Not in the table: `example` and its siblings, which servers must treat like other names (RFC 6761
 * section 6.5), and `ipv4only.arpa`, which only the network's own resolver knows (RFC 8880).
 */
#include "core/route.h"

#define NONE(text, rfc) { .name = text, .kind = SPECIAL_NXDOMAIN, .reference = rfc }
#define NEVER(text, rfc) { .name = text, .kind = SPECIAL_NXDOMAIN, .never = true, .reference = rfc }

#define PRIVATE(text) NONE(text ".in-addr.arpa", "RFC 6303 section 4.1")
#define UNROUTED(text) NONE(text ".in-addr.arpa", "RFC 6303 section 4.2")
#define SHARED(text) NONE(text ".100.in-addr.arpa", "RFC 7793 section 2")
#define SHARED_8(a, b, c, d, e, f, g, h) \
	SHARED(a), SHARED(b), SHARED(c), SHARED(d), SHARED(e), SHARED(f), SHARED(g), SHARED(h)

#define ZEROS_15 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define ZEROS_31 ZEROS_15 ZEROS_15 "0."

static const struct special specials[] = {
	{ .name = "localhost", .kind = SPECIAL_LOCALHOST, .never = true,
	  .reference = "RFC 6761 section 6.3" },
	NEVER("invalid", "RFC 6761 section 6.4"),
	NEVER("onion", "RFC 7686 section 2"),
	NONE("test", "RFC 6761 section 6.2"),
	NONE("local", "RFC 6762 section 22.1"),
	NONE("home.arpa", "RFC 8375 section 4"),
	NONE("resolver.arpa", "RFC 9462 section 6.4"),
	NONE("service.arpa", "RFC 9665 section 10"),
	NONE("alt", "RFC 9476 section 2"),
	NONE("internal", "ICANN Board resolution 2024.07.29.06"),

	PRIVATE("10"),
	PRIVATE("16.172"), PRIVATE("17.172"), PRIVATE("18.172"), PRIVATE("19.172"),
	PRIVATE("20.172"), PRIVATE("21.172"), PRIVATE("22.172"), PRIVATE("23.172"),
	PRIVATE("24.172"), PRIVATE("25.172"), PRIVATE("26.172"), PRIVATE("27.172"),
	PRIVATE("28.172"), PRIVATE("29.172"), PRIVATE("30.172"), PRIVATE("31.172"),
	PRIVATE("168.192"),

	UNROUTED("0"), UNROUTED("127"), UNROUTED("254.169"), UNROUTED("2.0.192"),
	UNROUTED("100.51.198"), UNROUTED("113.0.203"), UNROUTED("255.255.255.255"),

	/* ::, ::1, unique local, link local, and the addresses of examples. */
	NONE("0." ZEROS_31 "ip6.arpa", "RFC 6303 section 4.3"),
	NONE("1." ZEROS_31 "ip6.arpa", "RFC 6303 section 4.3"),
	NONE("d.f.ip6.arpa", "RFC 6303 section 4.4"),
	NONE("8.e.f.ip6.arpa", "RFC 6303 section 4.5"),
	NONE("9.e.f.ip6.arpa", "RFC 6303 section 4.5"),
	NONE("a.e.f.ip6.arpa", "RFC 6303 section 4.5"),
	NONE("b.e.f.ip6.arpa", "RFC 6303 section 4.5"),
	NONE("8.b.d.0.1.0.0.2.ip6.arpa", "RFC 6303 section 4.6"),

	/* 100.64.0.0/10, shared between carriers and their customers. */
	SHARED_8("64", "65", "66", "67", "68", "69", "70", "71"),
	SHARED_8("72", "73", "74", "75", "76", "77", "78", "79"),
	SHARED_8("80", "81", "82", "83", "84", "85", "86", "87"),
	SHARED_8("88", "89", "90", "91", "92", "93", "94", "95"),
	SHARED_8("96", "97", "98", "99", "100", "101", "102", "103"),
	SHARED_8("104", "105", "106", "107", "108", "109", "110", "111"),
	SHARED_8("112", "113", "114", "115", "116", "117", "118", "119"),
	SHARED_8("120", "121", "122", "123", "124", "125", "126", "127"),
};

const struct special *special_table(unsigned *count)
{
	*count = sizeof specials / sizeof specials[0];
	return specials;
}
