#include "control/zonefile.h"

#include "control/scratch.h"
#include "control/text.h"

/* The records of a file as text, a line each. */
static char records[1 << 18];
static unsigned lines[256], count;

static int keep(void *user, const char *file, const struct mist_record *record)
{
	char *line = text_record(record);
	(void)user;
	(void)file;
	assert_non_null(line);
	strcat(strcat(records, line), "\n");
	free(line);
	if (count < sizeof(lines) / sizeof(lines[0]))
		lines[count] = record->line;
	count++;
	return MIST_OK;
}

static int zone_read(const char *text)
{
	records[0] = '\0';
	scratch_log[0] = '\0';
	count = 0;
	const char *path = scratch_write("zone", text);
	return zonefile_read(path, "example.", keep, NULL, &scratch_reporter);
}

static void bad(const char *text, const char *message)
{
	assert_int_equal(zone_read(text), MIST_EZONE);
	scratch_said(message);
}

static void good(const char *text, const char *expected)
{
	int error = zone_read(text);
	if (error)
		fail_msg("%s: %s", text, scratch_log);
	assert_string_equal(records, expected);
}

static void names_and_ttls(void **state)
{
	(void)state;
	good("$TTL 1h\n"
	     "@ IN SOA ns host ( 1 ; serial\n 2 3\n 4 5 )\n"
	     "\tNS ns\n"
	     "ns 300 IN A 192.0.2.1\n"
	     "   IN 1d A 192.0.2.2 ; class and TTL in the other order\n"
	     "$ORIGIN sub.example.\n"
	     "a A 192.0.2.3\r\n"
	     "@ A 192.0.2.4\n"
	     "$ORIGIN deep\n"
	     "b.example. CLASS1 A 192.0.2.5\n"
	     "c A 192.0.2.6",
	     "example.\t3600\tIN\tSOA\tns.example. host.example. 1 2 3 4 5\n"
	     "example.\t3600\tIN\tNS\tns.example.\n"
	     "ns.example.\t300\tIN\tA\t192.0.2.1\n"
	     "ns.example.\t86400\tIN\tA\t192.0.2.2\n"
	     "a.sub.example.\t3600\tIN\tA\t192.0.2.3\n"
	     "sub.example.\t3600\tIN\tA\t192.0.2.4\n"
	     "b.example.\t3600\tIN\tA\t192.0.2.5\n"
	     "c.deep.sub.example.\t3600\tIN\tA\t192.0.2.6\n");
	assert_int_equal(lines[0], 2);
	assert_int_equal(lines[1], 5);
	assert_int_equal(lines[3], 7);
	assert_int_equal(lines[7], 13);
}

static void ttl_without_directive(void **state)
{
	(void)state;
	good("@ SOA ns host 1 2 3 4 77\n@ NS ns\nx 5 A 192.0.2.1\ny A 192.0.2.2\n",
	     "example.\t77\tIN\tSOA\tns.example. host.example. 1 2 3 4 77\n"
	     "example.\t77\tIN\tNS\tns.example.\n"
	     "x.example.\t5\tIN\tA\t192.0.2.1\n"
	     "y.example.\t5\tIN\tA\t192.0.2.2\n");
	bad("x A 192.0.2.1\n", "zone:1: no TTL");
}

static void strange_names(void **state)
{
	(void)state;
	good("$TTL 1\n"
	     "a\\.b\\032\\@c A 192.0.2.1\n"
	     "\\@ A 192.0.2.2\n"
	     "@x A 192.0.2.3\n"
	     "\\\"q\\\" A 192.0.2.4\n"
	     "\\$TTL A 192.0.2.5\n"
	     "*.w TXT \"a;b(c\" d\\;e \"\" \"f\\\\\"\n",
	     "a\\.b\\032\\@c.example.\t1\tIN\tA\t192.0.2.1\n"
	     "\\@.example.\t1\tIN\tA\t192.0.2.2\n"
	     "\\@x.example.\t1\tIN\tA\t192.0.2.3\n"
	     "\\\"q\\\".example.\t1\tIN\tA\t192.0.2.4\n"
	     "\\$TTL.example.\t1\tIN\tA\t192.0.2.5\n"
	     "*.w.example.\t1\tIN\tTXT\t\"a;b(c\" \"d;e\" \"\" \"f\\\\\"\n");
	/* What was printed reads back to the same. */
	char first[4096];
	strcpy(first, records);
	good(first, first);
}

/* Plain data is read field by field, data with escapes as a whole: it comes to the same. */
static void names_in_data(void **state)
{
	(void)state;
	good("$TTL 1\n"
	     "a MX 10 @\n"
	     "b MX ( 010\n  c )\n"
	     "d MX 10 c\\046d\n"
	     "e NS @x.f\n"
	     "g SRV 1 2 3 .\n"
	     "h AAAA 2001:db8::1 ; an address\n",
	     "a.example.\t1\tIN\tMX\t10 example.\n"
	     "b.example.\t1\tIN\tMX\t10 c.example.\n"
	     "d.example.\t1\tIN\tMX\t10 c\\.d.example.\n"
	     "e.example.\t1\tIN\tNS\t\\@x.f.example.\n"
	     "g.example.\t1\tIN\tSRV\t1 2 3 .\n"
	     "h.example.\t1\tIN\tAAAA\t2001:db8::1\n");
	bad("$TTL 1\na MX 10\n", "zone:2: MX record: something is missing: a MX 10");
	bad("$TTL 1\na MX \"10\" x\n", "is not a number that fits");
	bad("$TTL 1\na MX 10 x y\n", "there is more than the type holds: a MX 10 x y");
	bad("$TTL 1\na MX 10 x..y\n", "the data does not fit the type");
	bad("$TTL 1\na AAAA 192.0.2.1\n", "the data does not fit the type");
	/* The excerpt is whole, whatever was cut off the entry, and ends where it gets long. */
	bad("a 1 IN A\t192.0.2.1 ( 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8 )\n",
	    "type holds: a 1 IN A 192.0.2.1   192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7...\n");
}

static void problems_with_place(void **state)
{
	(void)state;
	bad("$TTL 1\na A 1.2.3\n", "zone:2: A record: the data does not fit the type: a A 1.2.3");
	bad("$TTL 1\n\n;\na ( \n A \n 1.2.3 )\n", "zone:4: A record");
	bad("$TTL 1\na MX 70000 x\n", "70000 is not a number that fits");
	bad("$TTL 1\na MX -1 x\n", "-1 is not a number that fits");
	bad("$TTL 1\na CAA 300 issue \"x\"\n", "300 is not a number that fits");
	bad("$TTL 1\na HTTPS 1 . port=70000\n", "port=70000 is not a port");
	bad("$TTL 1\na DS 1 13 2 abc\n", "odd number of hexadecimal digits");
	bad("$TTL 1\na A \\# 4 0A0000ZZ\n", "'Z' is not a hexadecimal digit");
	bad("$TTL 1\na A \\# 4 0A000000 00\n", "more than the length");
	bad("$TTL 1\na A \\# 4 0A0000\n", "\\# announces 4 octets, 3 follow");
	bad("$TTL 1\na TYPE65280 \\# 70000 00\n", "a length from 0 to 65535");
	bad("$TTL 1\na BOGUS x\n", "zone:2: BOGUS is not a record type");
	bad("$TTL 1\na NULL AAAA\n", "write it as TYPE10 \\# LENGTH HEX");
	bad("$TTL 1\na CH TXT x\n", "class 3; only class IN");
	bad("$TTL 1\na TXT \"open\nb A 192.0.2.1\n", "zone:2: a quote");
	assert_int_equal(count, 1); /* and what follows is read */
	bad("$TTL 1\na A 192.0.2.1 )\n", "parentheses do not match");
	bad("$TTL 1\na A ( 192.0.2.1\n", "parentheses do not match");
	bad("$TTL 1\na..b A 192.0.2.1\n", "\"a..b\" is not a domain name");
	const char *half = "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
	                   "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a";
	char both[512];
	snprintf(both, sizeof(both), "$ORIGIN %s.\n%s 1 A 192.0.2.1\n", half, half);
	bad(both, "is not a domain name (labels of 1 to 63 octets, 255 in all)");
	bad("$TTL 1\na A\n", "there is no data");
	bad("$TTL 1\na\n", "a record without a type");
	bad("$TTL 1\na MX 10\n", "something is missing");
	bad("$TTL 1\na A 192.0.2.1 x\n", "more than the type holds");
	bad("$TTL x\n", "$TTL: x is not a TTL");
	bad("$ORIGIN a..b\n", "$ORIGIN: \"a..b\"");
	bad("$GENERATE 1-2 a$ A 192.0.2.$\n", "only $ORIGIN, $TTL and $INCLUDE are known");
	bad("  A 192.0.2.1\n", "the first record has no owner");
	bad("\001\n", "a control character");
	assert_int_equal(zonefile_read("/nonexistent/zone", "example.", keep, NULL, &scratch_reporter),
	                 MIST_EZONE);
	scratch_said("/nonexistent/zone:0: cannot be read: No such file");
}

static void many_problems_end(void **state)
{
	static char text[20000];
	(void)state;
	text[0] = '\0';
	for (int i = 0; i < 1000; i++)
		strcat(text, "this is no zone\n");
	assert_int_equal(zone_read(text), MIST_EZONE);
	scratch_said("too many problems");
	size_t said = 0;
	for (const char *c = scratch_log; *c; c++)
		said += *c == '\n';
	assert_int_equal(said, 20);
}

static void include_has_its_own_place(void **state)
{
	(void)state;
	scratch_write("inner", "a A 192.0.2.1\n$ORIGIN other.\n$TTL 9\n@ A 192.0.2.2\n");
	good("$TTL 1\n$INCLUDE inner\nb A 192.0.2.3\n$INCLUDE \"inner\" sub\n",
	     "a.example.\t1\tIN\tA\t192.0.2.1\n"
	     "other.\t9\tIN\tA\t192.0.2.2\n"
	     "b.example.\t1\tIN\tA\t192.0.2.3\n"
	     "a.sub.example.\t1\tIN\tA\t192.0.2.1\n"
	     "other.\t9\tIN\tA\t192.0.2.2\n");
	scratch_write("inner", "\n\na A nonsense\n");
	bad("$TTL 1\n$INCLUDE inner\n", "inner:3: A record");
	bad("$INCLUDE missing\n", "missing:0: cannot be read");
	bad("$INCLUDE zone\n", "zone:0: includes itself");
	scratch_write("inner", "$INCLUDE zone\n");
	bad("$INCLUDE inner\n", "zone:0: includes itself");
	bad("$INCLUDE .\n", "is a directory");
	bad("$INCLUDE\n", "nothing behind it");
}

/* Sixteen files, each including the next one twice: 65,536 readings without the bound. */
static void include_is_bounded(void **state)
{
	char name[16], text[64];
	(void)state;
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(text, sizeof(text), "$INCLUDE f%d\n$INCLUDE f%d\n", i + 1, i + 1);
		scratch_write(name, text);
	}
	scratch_write("f15", "");
	bad("$INCLUDE f0\n", "too many files");
}

/* Every type that ldns has a text form for, and generic ones; what is printed reads back. */
static void every_type(void **state)
{
	static const char text[] =
		"$TTL 300\n$ORIGIN a.\n"
		"a A 192.0.2.1\na NS ns\na MD md\na MF mf\na CNAME @\n@ SOA ns host 1 1h 10m 1w 300\n"
		"a MB mb\na MG mg\na MR mr\na NULL \\# 2 0102\na WKS 192.0.2.1 TCP 25 80\na PTR p\n"
		"a HINFO \"PC\" \"Linux\"\na MINFO a b\na MX 10 mail\na TXT \"v=1; k\" two \"\"\n"
		"a RP mbox txt\na AFSDB 1 afs\na X25 \"311061700956\"\na ISDN \"150862028003217\" \"004\"\n"
		"a RT 10 relay\na NSAP 0x47000580005a0000000001e133ffffff00016100\n"
		"a KEY 512 3 5 AAAA\na PX 10 a b\na GPOS -32.6882 116.8652 10.0\na AAAA 2001:db8::1\n"
		"a LOC 42 21 43.952 N 71 5 6.344 W -24m 1m 200m 10m\na SRV 0 5 5060 sip\n"
		"a NAPTR 100 50 \"u\" \"E2U+sip\" \"!^(.*)$!sip:\\\\1@example.com!\" .\na KX 10 kx\n"
		"a CERT PGP 0 0 AAAA\na CERT 1 65534 RSASHA256 AAAA\na DNAME foo\n"
		"a APL 1:192.168.32.0/21 !1:192.168.38.0/28\na APL 2:2001:db8::/32\n"
		"a DS 60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118\n"
		"a SSHFP 4 2 dd465c09cfa51fb45020cc83316fff21b9ec74ac\n"
		"a IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==\n"
		"a IPSECKEY 10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==\n"
		"a IPSECKEY 10 3 2 gw.example. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==\n"
		"a RRSIG A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQ==\n"
		"a NSEC host.example.com. A MX RRSIG NSEC TYPE1234\n"
		"a DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rA"
		"K9iUzy1L53eKGQ==\n"
		"a DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=\n"
		"a NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM\n"
		"a NSEC3PARAM 1 0 12 aabbccdd\na NSEC3PARAM 1 0 0 -\n"
		"a TLSA 3 1 1 0123456789abcdef0123456789abcdef\na SMIMEA 3 1 1 0123\n"
		"a HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cI rvs.example.\n"
		"a TALINK a b\na CDS 0 0 0 00\na CDNSKEY 0 3 0 AA==\na OPENPGPKEY AAAA\n"
		"a CSYNC 66 3 A NS AAAA\na ZONEMD 2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D2\n"
		"a SVCB 16 foo.example. alpn=\"f\\\\\\\\oo\\\\,bar,h2\" mandatory=alpn,ipv4hint ipv4hint=192.0.2.1\n"
		"a SVCB 1 foo key667=\"hello\\210qoo\"\na SVCB 0 foo\n"
		"a HTTPS 1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1 ech=AEX+DQ== ipv6hint=2001:db8::1\n"
		"a HTTPS 1 . no-default-alpn alpn=h2\na HTTPS 1 . dohpath=/dns-query{?dns}\n"
		"a HTTPS 1 . key65000=\"a;b(c d\"\n"
		"a SPF \"v=spf1 -all\"\na NID 10 0014:4fff:ff20:ee64\na L32 10 192.0.2.0\n"
		"a L64 10 2001:0DB8:1140:1000\na LP 10 l64\na EUI48 00-00-5e-00-53-2a\n"
		"a EUI64 00-00-5e-ef-10-00-00-2a\na URI 10 1 \"ftp://ftp1.example.com/public\"\n"
		"a CAA 0 issue \"letsencrypt.org\"\na CAA 128 tbs \"x;y=z\"\n"
		"a TYPE65280 \\# 4 0A000001\na TYPE65280 \\# 0\na A \\# 4 0A00 0001\na TYPE65 \\# 3 000100\n"
		"a TYPE1 192.0.2.1\na TYPE260 \\# 2 0A00\n";
	static char first[1 << 16];
	(void)state;
	if (zone_read(text))
		fail_msg("%s", scratch_log);
	unsigned first_count = count;
	strcpy(first, records);
	if (zone_read(first))
		fail_msg("%s", scratch_log);
	assert_int_equal(count, first_count);
	assert_string_equal(records, first);
}

static void long_data(void **state)
{
	static char text[300000];
	(void)state;
	strcpy(text, "$TTL 1\na TYPE65280 \\# 65535 ");
	size_t len = strlen(text);
	memset(text + len, 'a', 2 * 65535);
	text[len + 2 * 65535] = '\n';
	text[len + 2 * 65535 + 1] = '\0';
	assert_int_equal(zone_read(text), MIST_OK);
	assert_int_equal(count, 1);
	/* 250 strings of 255 octets. */
	strcpy(text, "$TTL 1\na TXT");
	len = strlen(text);
	for (int i = 0; i < 250; i++) {
		text[len++] = ' ';
		memset(text + len, 'b', 255);
		len += 255;
	}
	strcpy(text + len, "\n");
	assert_int_equal(zone_read(text), MIST_OK);
	assert_int_equal(count, 1);
}

/* An entry has an end also where it is made of lines without anything. */
static void long_nothing(void **state)
{
	enum { LINES = 600 << 10 };
	char *text = malloc(LINES + 64);
	(void)state;
	assert_non_null(text);
	memcpy(text, "$TTL 1\na A (", 12);
	memset(text + 12, '\n', LINES);
	memcpy(text + 12 + LINES, "192.0.2.1 )\n", 13);
	bad(text, "longer than any record can be");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_and_ttls, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(ttl_without_directive, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(strange_names, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(names_in_data, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(problems_with_place, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(many_problems_end, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(include_has_its_own_place, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(include_is_bounded, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(every_type, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(long_data, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(long_nothing, scratch_open, scratch_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
