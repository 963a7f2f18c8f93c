"""What validators of other people say about our signed zones: delv, with the printed trust anchor,
and unbound, with the zone as a stub zone; ldns-verify-zone and dnssec-verify about whole zones.

Secure means that both say so. A forwarded name inside a signed zone must be insecure, which means
usable: bogus would be SERVFAIL at every validating client.
"""
import contextlib
import glob
import os
import tempfile
import unittest

import dns.dnssec
import dns.rcode
import dns.rdatatype

import harness
import zonegen

# A zone with everything a validator may be asked to prove.
FULL_ZONE = """
$ORIGIN full.test.
$TTL 300
@              SOA    ns hostmaster 1 3600 600 86400 300
@              NS     ns
@              MX     10 mail
ns             A      127.0.0.1
mail           A      127.0.0.2
host           A      192.0.2.1
host           AAAA   2001:db8::1
a.b.ent        A      192.0.2.2
*.wild         A      192.0.2.3
*.wild         TXT    "wild"
x.below.wild   A      192.0.2.4
chain0         CNAME  chain1
chain1         CNAME  chain2
chain2         CNAME  host
wildchain      CNAME  any.wild
nowhere        CNAME  missing
*.wildcname    CNAME  host
dn             DNAME  target
a.target       A      192.0.2.5
signed         NS     ns.signed
signed         DS     12345 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20
ns.signed      A      127.0.0.9
unsigned       NS     ns.unsigned
ns.unsigned    A      127.0.0.9
svc            HTTPS  1 . alpn=h2 port=8443
odd            TYPE65400 \\# 3 010203
with\\.dot     A      192.0.2.6
MiXed          TXT    "Case"
"""

# What is asked, and the rcode; "" is the apex.
FULL_QUESTIONS = [
    # why                               name             type       rcode
    ("apex",                            "",              "SOA",     "NOERROR"),
    ("keys",                            "",              "DNSKEY",  "NOERROR"),
    ("positive",                        "host",          "A",       "NOERROR"),
    ("positive, other case",            "HOst",          "AAAA",    "NOERROR"),
    ("positive, stored in mixed case",  "mixed",         "TXT",     "NOERROR"),
    ("escaped dot",                     "with\\.dot",    "A",       "NOERROR"),
    ("unknown type",                    "odd",           "TYPE65400", "NOERROR"),
    ("HTTPS",                           "svc",           "HTTPS",   "NOERROR"),
    ("wildcard",                        "any.wild",      "A",       "NOERROR"),
    ("wildcard, several labels",        "a.b.c.wild",    "TXT",     "NOERROR"),
    ("wildcard itself",                 "*.wild",        "A",       "NOERROR"),
    ("NODATA",                          "host",          "MX",      "NOERROR"),
    ("NODATA at the apex",              "",              "TXT",     "NOERROR"),
    ("wildcard NODATA",                 "any.wild",      "MX",      "NOERROR"),
    ("empty non-terminal",              "b.ent",         "A",       "NOERROR"),
    ("empty non-terminal, the upper",   "ent",           "TXT",     "NOERROR"),
    ("empty non-terminal at wildcard",  "below.wild",    "A",       "NOERROR"),
    ("NXDOMAIN",                        "missing",       "A",       "NXDOMAIN"),
    ("NXDOMAIN before the first",       "0",             "A",       "NXDOMAIN"),
    ("NXDOMAIN after the last",         "zzz",           "A",       "NXDOMAIN"),
    ("NXDOMAIN below a name",           "x.y.host",      "A",       "NXDOMAIN"),
    ("NXDOMAIN beside a wildcard",      "y.below.wild",  "A",       "NXDOMAIN"),
    ("DS",                              "signed",        "DS",      "NOERROR"),
    ("no DS",                           "unsigned",      "DS",      "NOERROR"),
    ("CNAME chain",                     "chain0",        "A",       "NOERROR"),
    ("CNAME asked for",                 "chain0",        "CNAME",   "NOERROR"),
    ("CNAME chain to NODATA",           "chain0",        "MX",      "NOERROR"),
    ("CNAME to a wildcard",             "wildchain",     "A",       "NOERROR"),
    ("CNAME to nothing",                "nowhere",       "A",       "NXDOMAIN"),
    ("CNAME by wildcard",               "any.wildcname", "A",       "NOERROR"),
    ("DNAME",                           "a.dn",          "A",       "NOERROR"),
    ("DNAME asked for",                 "dn",            "DNAME",   "NOERROR"),
    ("DNAME to nothing",                "b.dn",          "A",       "NXDOMAIN"),
]

# RFC 4035 appendix A, without its keys and signatures. The DS record is the RFC's.
RFC4035_ZONE = """
example.       3600 IN SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600
example.       3600 IN NS  ns1.example.
example.       3600 IN NS  ns2.example.
example.       3600 IN MX  1 xx.example.
a.example.     3600 IN NS  ns1.a.example.
a.example.     3600 IN NS  ns2.a.example.
a.example.     3600 IN DS  57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
ns1.a.example. 3600 IN A   192.0.2.5
ns2.a.example. 3600 IN A   192.0.2.6
ai.example.    3600 IN A   192.0.2.9
ai.example.    3600 IN HINFO "KLH-10" "ITS"
ai.example.    3600 IN AAAA 2001:db8::f00:baa9
b.example.     3600 IN NS  ns1.b.example.
b.example.     3600 IN NS  ns2.b.example.
ns1.b.example. 3600 IN A   192.0.2.7
ns2.b.example. 3600 IN A   192.0.2.8
ns1.example.   3600 IN A   192.0.2.1
ns2.example.   3600 IN A   192.0.2.2
*.w.example.   3600 IN MX  1 ai.example.
x.w.example.   3600 IN MX  1 xx.example.
x.y.w.example. 3600 IN MX  1 xx.example.
xx.example.    3600 IN A   192.0.2.10
xx.example.    3600 IN HINFO "KLH-10" "TOPS-20"
xx.example.    3600 IN AAAA 2001:db8::f00:baaa
"""

# RFC 4035 appendix B: question, rcode, AA, and in each section the sets by owner and type.
RFC4035_ANSWERS = [
    ("B.1", "x.w.example.", "MX", "NOERROR", True, {"x.w.example. MX"}, set()),
    ("B.2", "ml.example.", "A", "NXDOMAIN", True, set(),
     {"example. SOA", "b.example. NSEC", "example. NSEC"}),
    ("B.3", "ns1.example.", "MX", "NOERROR", True, set(), {"example. SOA", "ns1.example. NSEC"}),
    ("B.4", "mc.a.example.", "MX", "NOERROR", False, set(), {"a.example. NS", "a.example. DS"}),
    ("B.5", "mc.b.example.", "MX", "NOERROR", False, set(), {"b.example. NS", "b.example. NSEC"}),
    ("B.6", "a.z.w.example.", "MX", "NOERROR", True, {"a.z.w.example. MX"},
     {"x.y.w.example. NSEC"}),
    ("B.7", "a.z.w.example.", "AAAA", "NOERROR", True, set(),
     {"example. SOA", "x.y.w.example. NSEC", "*.w.example. NSEC"}),
    ("B.8", "example.", "DS", "NOERROR", True, set(), {"example. SOA", "example. NSEC"}),
]

# RFC 4592 section 2.2.1, with the RDATA it leaves open.
RFC4592_ZONE = """
example.                 3600 IN SOA ns.example.com. host.example.com. 1 3600 600 86400 3600
example.                 3600 IN NS  ns.example.com.
example.                 3600 IN NS  ns.example.net.
*.example.               3600 IN TXT "this is a wildcard"
*.example.               3600 IN MX  10 host1.example.
sub.*.example.           3600 IN TXT "this is not a wildcard"
host1.example.           3600 IN A   192.0.2.1
_ssh._tcp.host1.example. 3600 IN SRV 0 0 22 host1.example.
_ssh._tcp.host2.example. 3600 IN SRV 0 0 22 host2.example.
subdel.example.          3600 IN NS  ns.example.com.
subdel.example.          3600 IN NS  ns.example.net.
"""
RFC4592_ANSWERS = [
    # the RFC's words                               name                       type   rcode, answer
    ("host3 MX is synthesized",                     "host3.example.",          "MX",
     "NOERROR", ["10 host1.example."]),
    ("host3 A: no error, but no data",              "host3.example.",          "A", "NOERROR", []),
    ("foo.bar TXT: bar does not exist, wildcard",   "foo.bar.example.",        "TXT",
     "NOERROR", ['"this is a wildcard"']),
    ("host1 MX: it exists",                         "host1.example.",          "MX", "NOERROR", []),
    ("sub.* MX: it exists",                         "sub.*.example.",          "MX", "NOERROR", []),
    ("_telnet._tcp.host1: its parent exists",       "_telnet._tcp.host1.example.", "SRV",
     "NXDOMAIN", []),
    ("ghost.*: no wildcard below the asterisk",     "ghost.*.example.",        "MX", "NXDOMAIN", []),
    ("host2 is an empty non-terminal",              "host2.example.",          "MX", "NOERROR", []),
]

# After RFC 6672 section 2.2, its table of substitutions: (owner, target, question, where it leads).
RFC6672_TABLE = [
    ("d1.example.",   "t1.example.",   "a.d1.example.",    "a.t1.example."),
    ("d1.example.",   "t1.example.",   "a.b.d1.example.",  "a.b.t1.example."),
    ("d1.example.",   "t1.example.",   "d1.example.",      None),
    ("d1.example.",   "t1.example.",   "ad1.example.",     None),
    ("x.d2.example.", "t1.example.",   "a.x.d2.example.",  "a.t1.example."),
    ("d3.example.",   "y.t3.example.", "a.d3.example.",    "a.y.t3.example."),
    ("d4.example.",   "d1.example.",   "a.d4.example.",    "a.d1.example."),
    ("d5.example.",   "t5.example.",   "a.d5.example.",    "a.t5.example."),
]
RFC6672_ZONE = """
example.           3600 IN SOA ns.example. host.example. 1 3600 600 86400 3600
example.           3600 IN NS  ns.example.
ns.example.        3600 IN A   192.0.2.1
a.t1.example.      3600 IN A   192.0.2.2
a.b.t1.example.    3600 IN A   192.0.2.3
a.y.t3.example.    3600 IN A   192.0.2.4
*.t5.example.      3600 IN A   192.0.2.5
d1.example.        3600 IN TXT "a DNAME redirects what is below, not itself"
long.example.      3600 IN DNAME %s.example.
""" % ".".join(["l" * 63] * 3) + "".join(
    sorted({"%s 3600 IN DNAME %s\n" % row[:2] for row in RFC6672_TABLE}))


def zone_entry(name, text, **how):
    """An entry of `zones:` and the file it names."""
    return {"name": name, "file": name.strip(".") + ".zone", **how}, {name.strip(".") + ".zone": text}


def absolute(name, zone):
    return "%s.%s." % (name, zone) if name else zone + "."


def anchor(mist, zone, how):
    """The trust anchor as `mist trust-anchor` prints it."""
    return mist.cli("trust-anchor", zone, "--format", how).stdout


def key_anchors(key_path, zone):
    """Trust anchors made from a .key file: (for delv, for unbound)."""
    with open(key_path + ".key") as file:
        record = next(line for line in file if not line.startswith(";")).split(";")[0].split()
    fields = record[record.index("DNSKEY") + 1:]
    return ('trust-anchors { "%s" static-key %s %s %s "%s"; };\n'
            % (zone, *fields[:3], "".join(fields[3:]))), "%s IN DNSKEY %s" % (zone, " ".join(fields))


class Judged(unittest.TestCase):
    """Asks both validators."""

    @contextlib.contextmanager
    def judges(self, server, zone, delv_anchor, unbound_anchor):
        """Gives judge(name, type, rcode, want): both must say `want`, secure or insecure."""
        with harness.unbound_validate(server, zone, [unbound_anchor]) as unbound:
            def judge(name, rdtype, rcode="NOERROR", want="secure"):
                verdict, response = unbound.judge(name, rdtype)
                self.assertEqual((verdict, dns.rcode.to_text(response.rcode())), (want, rcode),
                                 "unbound says of %s %s: %s\n%s" % (name, rdtype, verdict,
                                                                    unbound.log()[-1500:]))
                verdict, text = harness.delv(server, name, rdtype, delv_anchor, zone)
                self.assertIn(verdict, (want, "negative " + want),
                              "delv says of %s %s:\n%s" % (name, rdtype, text))
                if rcode == "NXDOMAIN":
                    self.assertIn("ncache nxdomain", text.replace("resolution failed: ", ""))
                return response
            yield judge

    def mist_judges(self, mist, zone):
        return self.judges(mist, zone, anchor(mist, zone, "bind"), anchor(mist, zone, "ds"))

    def judge_full(self, server, delv_anchor, unbound_anchor, zone="full.test"):
        with self.judges(server, zone, delv_anchor, unbound_anchor) as judge:
            for why, name, rdtype, rcode in FULL_QUESTIONS:
                with self.subTest(why):
                    judge(absolute(name, zone), rdtype, rcode)

    def verify(self, text, zone):
        """Both verifiers of whole zones accept the text."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "zone")
            with open(path, "w") as file:
                file.write(text)
            harness.run("ldns-verify-zone", path)
            harness.run("dnssec-verify", "-q", "-z", "-o", zone, path)


class SignedHereTest(Judged):
    """Zones that mist signs."""

    def test_zone_file(self):
        """Everything a zone file can hold is secure, with the printed anchor."""
        entry, files = zone_entry("full.test", FULL_ZONE)
        with harness.Mist({"zones": [entry]}, files=files) as mist:
            self.judge_full(mist, anchor(mist, "full.test", "bind"),
                            anchor(mist, "full.test", "ds"))

    def test_zone_file_ed25519(self):
        """The same with Ed25519 (RFC 8080)."""
        entry, files = zone_entry("full.test", FULL_ZONE)
        config = {"zones": [entry], "dnssec": {"algorithm": "ed25519"}}
        with harness.Mist(config, files=files) as mist:
            keys = mist.query("full.test.", "DNSKEY", dnssec=True).answer[0]
            self.assertEqual([(k.flags, k.algorithm) for k in keys], [(257, 15)])
            self.judge_full(mist, anchor(mist, "full.test", "bind"),
                            anchor(mist, "full.test", "ds"))

    def test_made_zone(self):
        """A made zone: every name below it is there, and what it lacks is proven."""
        config = {"zones": [{"name": "editor.land", "address": ["127.0.0.1", "::1"]}]}
        with harness.Mist(config) as mist, self.mist_judges(mist, "editor.land") as judge:
            for name in ("", "ns", "www", "a.b.c.d.e.f", "x.ns", "*", "WwW.proj"):
                with self.subTest(name=name):
                    response = judge(absolute(name, "editor.land"), "A")
                    self.assertIn("127.0.0.1", harness.texts(response.answer, "A"))
                    judge(absolute(name, "editor.land"), "AAAA")
                    judge(absolute(name, "editor.land"), "TXT")
            judge("editor.land.", "SOA")
            judge("editor.land.", "NS")
            judge("editor.land.", "DNSKEY")

    def test_rfc4035_appendix(self):
        """The zone of RFC 4035 appendix A gives the records of appendix B, by our own keys."""
        entry, files = zone_entry("example", RFC4035_ZONE)
        with harness.Mist({"zones": [entry]}, files=files) as mist:
            for title, name, rdtype, rcode, aa, answer, authority in RFC4035_ANSWERS:
                with self.subTest(title):
                    response = mist.query(name, rdtype, dnssec=True, tcp=True)
                    self.assertEqual(dns.rcode.to_text(response.rcode()), rcode)
                    self.assertEqual("AA" in harness.flags(response), aa)
                    self.assertEqual(self.signed_sets(response.answer), answer)
                    found = self.signed_sets(response.authority, {"a.example. NS", "b.example. NS"})
                    self.assertEqual(found, authority)
            with self.mist_judges(mist, "example") as judge:
                for _, name, rdtype, rcode, aa, _, _ in RFC4035_ANSWERS:
                    if aa and rdtype != "DS":      # B.8 is a question for the zone above
                        judge(name, rdtype, rcode)
                judge("y.w.example.", "MX")        # an empty non-terminal
                judge("a.example.", "DS")
                judge("b.example.", "DS")
            self.verify(mist.cli("dump", "example").stdout, "example.")

    def signed_sets(self, section, unsigned=frozenset()):
        """The sets of a section as {"owner TYPE"}; each must have its RRSIG or be in `unsigned`."""
        sets = {"%s %s" % (s.name, dns.rdatatype.to_text(s.rdtype)) for s in section
                if s.rdtype != dns.rdatatype.RRSIG}
        signed = {"%s %s" % (s.name, dns.rdatatype.to_text(s.covers)) for s in section
                  if s.rdtype == dns.rdatatype.RRSIG}
        self.assertEqual(sets - signed, sets & unsigned)
        return sets

    def test_rfc4592_examples(self):
        """Wildcards as RFC 4592 section 2.2.1 has them, signed."""
        entry, files = zone_entry("example", RFC4592_ZONE)
        with harness.Mist({"zones": [entry]}, files=files) as mist, \
                self.mist_judges(mist, "example") as judge:
            for words, name, rdtype, rcode, answer in RFC4592_ANSWERS:
                with self.subTest(words):
                    response = mist.query(name, rdtype)
                    self.assertEqual(dns.rcode.to_text(response.rcode()), rcode)
                    self.assertEqual(harness.texts(response.answer), answer)
                    judge(name, rdtype, rcode)
            with self.subTest("host.subdel A: a referral"):
                response = mist.query("host.subdel.example.", "A")
                self.assertNotIn("AA", harness.flags(response))
                self.assertEqual(harness.texts(response.authority, "NS"),
                                 ["ns.example.com.", "ns.example.net."])

    def test_rfc6672_examples(self):
        """DNAMEs lead where the table of RFC 6672 section 2.2 says, and validate."""
        entry, files = zone_entry("example", RFC6672_ZONE)
        with harness.Mist({"zones": [entry]}, files=files) as mist, \
                self.mist_judges(mist, "example") as judge:
            for _, _, name, leads in RFC6672_TABLE:
                with self.subTest(name):
                    response = mist.query(name, "A")
                    cnames = {str(s.name): str(s[0].target) for s in response.answer
                              if s.rdtype == dns.rdatatype.CNAME}
                    self.assertEqual(cnames.get(name), leads)
                    judge(name, "A", dns.rcode.to_text(response.rcode()))
            with self.subTest("too long a name is YXDOMAIN"):
                response = mist.query("%s.long.example." % ("x" * 63), "A", dnssec=True)
                self.assertEqual(response.rcode(), dns.rcode.YXDOMAIN)
                self.assertEqual([dns.rdatatype.to_text(s.rdtype) for s in response.answer],
                                 ["DNAME", "RRSIG"])

    def test_zone_inside_a_zone(self):
        """A local zone inside a local zone is delegated there by itself: the anchor of the outer one
        is enough for the names of the inner one. An unsigned inner zone is insecure."""
        outer, files = zone_entry("full.test", FULL_ZONE)
        config = {"zones": [outer, {"name": "inner.full.test"},
                            {"name": "deep.er.full.test"},
                            {"name": "plain.full.test", "dnssec": False}]}
        with harness.Mist(config, files=files) as mist:
            with self.mist_judges(mist, "full.test") as judge:
                for name in ("inner", "x.inner", "deep.er", "x.y.deep.er", "host"):
                    with self.subTest(name):
                        judge(absolute(name, "full.test"), "A")
                        judge(absolute(name, "full.test"), "MX")
                judge("inner.full.test.", "DS")
                judge("deep.er.full.test.", "DS")
                judge("er.full.test.", "A")
                judge("inner.full.test.", "DNSKEY")
                judge("plain.full.test.", "DS")
                judge("plain.full.test.", "A", want="insecure")
                judge("x.plain.full.test.", "A", want="insecure")
                judge("x.plain.full.test.", "MX", want="insecure")
            self.verify(mist.cli("dump", "full.test").stdout, "full.test.")
            self.verify(mist.cli("dump", "inner.full.test").stdout, "inner.full.test.")

    def test_dump_verifies(self):
        """ldns-verify-zone and dnssec-verify accept what `mist dump` prints: made zones, generated
        zones with everything, zones with forwarded names inside."""
        entry, files = zone_entry("full.test", FULL_ZONE)
        entries = [entry, {"name": "editor.land"}]
        for seed in range(3 if not harness.LONG else 20):
            zone = zonegen.Zone("dump %d" % seed, apex="g%d.example." % seed)
            entry, file = zone_entry("g%d.example" % seed, zone.text)
            entries.append(entry)
            files.update(file)
        config = {"zones": entries, "forward": {
            "upstreams": ["127.0.0.1:1"],
            "allow": ["update.editor.land", "*.a.b.editor.land", ".c.editor.land"]}}
        with harness.Mist(config, files=files) as mist:
            for entry in entries:
                with self.subTest(entry["name"]):
                    self.verify(mist.cli("dump", entry["name"]).stdout, entry["name"] + ".")

    def test_generated_zones(self):
        """Generated zones signed here: what unbound is asked is never bogus, and secure unless it
        lies below a cut without DS or leads out of the zone."""
        for seed in range(2 if not harness.LONG else 12):
            zone = zonegen.Zone("judge %d" % seed, apex="g%d.example." % seed, plain=True)
            entry, files = zone_entry("g%d.example" % seed, zone.text)
            with self.subTest(seed=seed), harness.Mist({"zones": [entry]}, files=files) as mist:
                with harness.unbound_validate(mist, entry["name"],
                                              [anchor(mist, entry["name"], "ds")]) as unbound:
                    for name, rdtype in zone.questions(150):
                        if not self.stays(zone, name) or rdtype == "NSEC":
                            continue
                        verdict, _ = unbound.judge(name, rdtype)
                        if verdict == "failed" and "circle" in str(name):
                            continue
                        self.assertEqual(verdict, "secure", "%s %s\n%s" % (name, rdtype,
                                                                           unbound.log()[-1500:]))

    @staticmethod
    def stays(zone, name):
        """Whether a question about the name is answered inside the zone: it has no cut above it, and
        no alias in the zone may lead elsewhere."""
        lower = name.canonicalize()
        for up in [lower, *zonegen.ancestors(lower, zone.apex)]:
            if up in zone.closed or up in zone.taken:
                return False
        return not any("CNAME" in zone.nodes[w] and lower.is_subdomain(w.parent())
                       for w in zone.wildcards if w in zone.nodes)


class ForwardedInsideTest(Judged):
    """Forwarded names inside a signed zone are insecure and usable."""

    RULES = [
        # rule                       the name asked         without data        not there
        ("update.editor.land",       "update.editor.land.", "update.editor.land.", None),
        ("*.sub.editor.land",        "a.sub.editor.land.",  "a.sub.editor.land.", "no.sub.editor.land."),
        (".both.x.editor.land",      "both.x.editor.land.", "b.both.x.editor.land.",
         "no.both.x.editor.land."),
    ]

    def config(self, upstream):
        return {"zones": [{"name": "editor.land"}],
                "forward": {"upstreams": [upstream.spec], "allow": [r[0] for r in self.RULES]}}

    def judge_rules(self, upstream):
        with harness.Mist(self.config(upstream)) as mist, \
                self.mist_judges(mist, "editor.land") as judge:
            for rule, name, nodata, missing in self.RULES:
                with self.subTest(rule):
                    response = judge(name, "A", want="insecure")
                    self.assertEqual(harness.texts(response.answer, "A"), ["203.0.113.7"])
                    judge(nodata, "MX", want="insecure")
                    if missing:
                        judge(missing, "A", "NXDOMAIN", want="insecure")
            for name in ("www", "", "x", "updates", "a.update2", "y.x", "sub2"):
                with self.subTest("still secure: " + name):
                    judge(absolute(name, "editor.land"), "A")
            with self.subTest("the insecure delegation itself is proven"):
                judge("update.editor.land.", "DS")
                judge("both.x.editor.land.", "DS")

    def test_plain_upstream(self):
        """The upstream's answers are unsigned."""
        table = {(n, "A"): ["%s 60 IN A 203.0.113.7" % n] for n in (
            "update.editor.land.", "a.sub.editor.land.", "both.x.editor.land.",
            "b.both.x.editor.land.")}
        with harness.Upstream(table=table) as upstream:
            self.judge_rules(upstream)

    def test_upstream_signed_by_others(self):
        """The public zone of that name is signed, by keys our anchor does not know: unbound and delv
        must not see its signatures, nor its AD."""
        public = """
editor.land. 60 IN SOA ns.editor.land. host.editor.land. 1 2 3 4 60
editor.land. 60 IN NS ns.editor.land.
ns.editor.land. 60 IN A 203.0.113.1
update.editor.land. 60 IN A 203.0.113.7
a.sub.editor.land. 60 IN A 203.0.113.7
both.x.editor.land. 60 IN A 203.0.113.7
b.both.x.editor.land. 60 IN A 203.0.113.7
"""
        for denial in ("nsec", "nsec3"):
            with self.subTest(denial), tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, "editor.land")
                with open(path, "w") as file:
                    file.write(public)
                signed = zonegen.sign(path, "editor.land.", denial)
                with harness.Knot({"editor.land": signed}) as knot:
                    # a recursive server sets RA and AD: make it look like one
                    def recursive(query, tcp, knot=knot):
                        response = knot.ask(query, tcp)
                        response.flags |= dns.flags.RA | dns.flags.AD
                        response.flags &= ~dns.flags.AA
                        return response
                    with harness.Upstream(recursive) as upstream:
                        self.judge_rules(upstream)

    def test_star_rule_leaves_the_name_itself(self):
        """Under `*.sub`, `sub` itself is answered from the zone, unsigned."""
        with harness.Upstream(table={}) as upstream, \
                harness.Mist(self.config(upstream)) as mist, \
                self.mist_judges(mist, "editor.land") as judge:
            response = judge("sub.editor.land.", "A", want="insecure")
            self.assertEqual(harness.texts(response.answer, "A"), ["127.0.0.1"])
            judge("sub.editor.land.", "DS")
            self.assertEqual(upstream.packets, 0)

    def test_what_the_client_gets(self):
        """A forwarded answer inside a signed zone has no AA, AD, DNSSEC records or authority; a
        negative one has a made SOA owned by the cut; RD=0 is forwarded too, never referred."""
        table = {("update.editor.land.", "A"): ["update.editor.land. 60 IN A 203.0.113.7"]}
        with harness.Upstream(table=table) as upstream, \
                harness.Mist(self.config(upstream)) as mist:
            for rd in (True, False):
                for dnssec in (True, False):
                    with self.subTest(rd=rd, dnssec=dnssec):
                        response = mist.query("update.editor.land", rd=rd, dnssec=dnssec)
                        self.assertEqual(harness.texts(response.answer), ["203.0.113.7"])
                        self.assertEqual(response.authority, [])
                        self.assertFalse({"AA", "AD"} & harness.flags(response))
                        response = mist.query("update.editor.land", "TXT", rd=rd, dnssec=dnssec)
                        self.assertEqual(response.rcode(), dns.rcode.NOERROR)
                        self.assertEqual([(str(s.name), s.rdtype) for s in response.authority],
                                         [("update.editor.land.", dns.rdatatype.SOA)])
            with self.subTest("below the cut without a rule is denied"):
                self.assertNotEqual(mist.query("x.update.editor.land").rcode(), dns.rcode.NOERROR)
                self.assertEqual(upstream.asked("x.update.editor.land"), [])


class SearchSuffixTest(Judged):
    """In a signed zone made from addresses, a name that is answered elsewhere does not exist with the zone's name behind
    it. What its wildcard covers it could not deny; so there is an insecure delegation, with nothing behind it."""

    CONFIG = {"zones": [{"name": "editor.land"}, {"name": "file.test", "file": "file"}, {"name": "dev"}],
              "forward": {"upstreams": ["127.0.0.77:9"], "allow": ["www.example.com", "*.example.net"]}}
    FILES = {"file": "@ 300 SOA ns host 1 2 3 4 5\n@ 300 NS ns\nns 300 A 127.0.0.1\n"}

    def test_suffixed_names(self):
        with harness.Mist(self.CONFIG, files=self.FILES) as mist, self.mist_judges(mist, "editor.land") as judge:
            for name in ("www.example.com", "a.www.example.com", "a.b.example.net", "x.file.test", "any.editor.land",
                         "x.dev"):
                with self.subTest("not there: " + name):
                    for rdtype in ("A", "AAAA", "HTTPS"):
                        response = judge(absolute(name, "editor.land"), rdtype, "NXDOMAIN", want="insecure")
                        self.assertEqual(response.answer, [])
            for name in ("", "www", "com", "example.com", "ftp.example.com", "net", "test", "land", "x.land",
                         "www.example.org", "a.www.example.org"):
                with self.subTest("still secure: " + name):
                    response = judge(absolute(name, "editor.land"), "A")
                    self.assertEqual(harness.texts(response.answer, "A"), ["127.0.0.1"])
            with self.subTest("a single label may be meant"):
                response = judge("dev.editor.land.", "A", want="insecure")
                self.assertEqual(harness.texts(response.answer, "A"), ["127.0.0.1"])
            with self.subTest("the insecure delegation itself is proven"):
                judge("www.example.com.editor.land.", "DS")

    def test_the_whole_zone(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "zone")
            with harness.Mist(self.CONFIG, files=self.FILES) as mist, open(path, "w") as file:
                file.write(mist.cli("dump", "editor.land").stdout)
            harness.run("ldns-verify-zone", "-V", "1", path)
            harness.run("dnssec-verify", "-q", "-z", "-o", "editor.land", path)


class PresignedTest(Judged):
    """Zones that come signed are served as they are, proofs included."""

    def test_presigned_zones(self):
        """NSEC, NSEC3 and NSEC3 with opt-out, by both signers."""
        for denial, signer in (("nsec", "bind"), ("nsec", "ldns"), ("nsec3", "bind"),
                               ("nsec3", "ldns"), ("nsec3-optout", "bind")):
            with self.subTest(denial=denial, signer=signer), \
                    tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, "full.test")
                with open(path, "w") as file:
                    file.write(FULL_ZONE)
                key = zonegen.make_key(directory, "full.test.")
                signed = zonegen.sign(path, "full.test.", denial, signer, key)
                delv_anchor, unbound_anchor = key_anchors(key, "full.test.")
                config = {"zones": [{"name": "full.test", "file": signed, "dnssec": "presigned"}]}
                with harness.Mist(config) as mist:
                    if denial == "nsec3-optout":
                        self.judge_optout(mist, delv_anchor, unbound_anchor)
                    else:
                        self.judge_full(mist, delv_anchor, unbound_anchor)

    def judge_optout(self, server, delv_anchor, unbound_anchor):
        """With opt-out an unsigned delegation may hide in each span, so that negative answers are
        insecure (RFC 5155 section 9.2); nothing is bogus."""
        with harness.unbound_validate(server, "full.test", [unbound_anchor]) as unbound:
            for why, name, rdtype, rcode in FULL_QUESTIONS:
                with self.subTest(why):
                    verdict, response = unbound.judge(absolute(name, "full.test"), rdtype)
                    self.assertIn(verdict, ("secure", "insecure"))
                    self.assertEqual(dns.rcode.to_text(response.rcode()), rcode)
                    if "NXDOMAIN" not in why and "nothing" not in why and why != "no DS" \
                            and "wildcard" not in why and "wildcard" not in name:
                        self.assertEqual(verdict, "secure")


class KeysTest(Judged):
    """Keys and anchors as the standard tools have them."""

    def test_anchor_formats(self):
        """Each format of `mist trust-anchor` is understood by the program it is for."""
        entry, files = zone_entry("full.test", FULL_ZONE)
        with harness.Mist({"zones": [entry]}, files=files) as mist:
            texts = {how: anchor(mist, "full.test", how)
                     for how in ("ds", "dnskey", "bind", "unbound", "resolved")}
            with self.subTest("bind"):
                verdict, text = harness.delv(mist, "host.full.test", "A", texts["bind"], "full.test")
                self.assertEqual(verdict, "secure", text)
                with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
                    file.write(texts["bind"])
                    file.flush()
                    harness.run("named-checkconf", file.name)
            for how in ("ds", "dnskey"):
                with self.subTest(how), harness.unbound_validate(
                        mist, "full.test", [texts[how]]) as unbound:
                    self.assertEqual(unbound.judge("host.full.test")[0], "secure")
            with self.subTest("unbound"):
                lines = [line for line in texts["unbound"].splitlines()
                         if line.strip() and line.strip() != "server:"]
                with harness.unbound_validate(mist, "full.test", [],
                                              more="\n".join(lines)) as unbound:
                    self.assertEqual(unbound.judge("host.full.test")[0], "secure")
            with self.subTest("resolved: one DS line, dnssec-trust-anchors.d(5)"):
                lines = [line for line in texts["resolved"].splitlines()
                         if line.strip() and not line.startswith(";")]
                self.assertEqual([line.split()[:3] for line in lines], [["full.test.", "IN", "DS"]])
            with self.subTest("the DS is that of the key, as dnssec-dsfromkey makes it"):
                (key,) = glob.glob(os.path.join(mist.state_dir, "**", "Kfull.test.+013+*.key"),
                                   recursive=True)
                made = harness.run("dnssec-dsfromkey", "-a", "SHA-256", key).stdout.split()
                ours = texts["ds"].split()
                self.assertEqual([x.lower() for x in made[made.index("DS") + 1:]],
                                 [x.lower() for x in ours[ours.index("DS") + 1:]])
                self.assertEqual(os.stat(key.replace(".key", ".private")).st_mode & 0o777, 0o600)

    def test_keys_of_other_tools(self):
        """Keys made by dnssec-keygen and ldns-keygen are used as they are."""
        for tool, algorithm in (("dnssec-keygen", "ECDSAP256SHA256"), ("dnssec-keygen", "ED25519"),
                                ("ldns-keygen", "ECDSAP256SHA256"), ("ldns-keygen", "ED25519")):
            with self.subTest(tool=tool, algorithm=algorithm), \
                    tempfile.TemporaryDirectory() as directory:
                if tool == "dnssec-keygen":
                    path = zonegen.make_key(directory, "full.test.", algorithm)
                else:
                    base = harness.run("ldns-keygen", "-k", "-a", algorithm, "full.test.",
                                       cwd=directory).stdout.strip()
                    path = os.path.join(directory, base)
                entry, files = zone_entry("full.test", FULL_ZONE)
                config = {"zones": [entry], "dnssec": {
                    "key_directory": directory,
                    "algorithm": "ed25519" if algorithm == "ED25519" else "ecdsap256sha256"}}
                with harness.Mist(config, files=files) as mist:
                    delv_anchor, unbound_anchor = key_anchors(path, "full.test.")
                    with self.judges(mist, "full.test", delv_anchor, unbound_anchor) as judge:
                        judge("host.full.test.", "A")
                        judge("missing.full.test.", "A", "NXDOMAIN")

    def test_restart_keeps_the_key_and_raises_the_serial(self):
        """After a restart the same key signs, and the SOA serial is higher (RFC 1982)."""
        with tempfile.TemporaryDirectory() as state:
            seen = []
            for _ in range(2):
                config = {"zones": [{"name": "editor.land"}], "state_directory": state}
                with harness.Mist(config) as mist:
                    soa = mist.query("editor.land", "SOA").answer[0][0]
                    seen.append((soa.serial, anchor(mist, "editor.land", "ds")))
            self.assertEqual(seen[0][1], seen[1][1])
            self.assertGreater((seen[1][0] - seen[0][0]) & 0xffffffff, 0)
            self.assertLess((seen[1][0] - seen[0][0]) & 0xffffffff, 1 << 31)

    def test_cds(self):
        """CDS and CDNSKEY on request (RFC 7344), signed."""
        config = {"zones": [{"name": "editor.land", "cds": True}]}
        with harness.Mist(config) as mist, self.mist_judges(mist, "editor.land") as judge:
            judge("editor.land.", "CDS")
            judge("editor.land.", "CDNSKEY")
            ds = anchor(mist, "editor.land", "ds").split()
            cds = mist.query("editor.land", "CDS").answer[0][0].to_text().split()
            self.assertEqual([x.lower() for x in cds[:3] + ["".join(cds[3:])]],
                             [x.lower() for x in ds[-4:]])


class RenewalTest(Judged):

    def test_renewed_while_serving(self):
        """While the clock runs through three lifetimes, signatures are replaced before they end, the
        serial rises with them, and validators with the same clock say secure at every step."""
        entry, files = zone_entry("full.test", FULL_ZONE)
        config = {"zones": [entry], "dnssec": {"signature_lifetime": "4d"}}
        day = 86400
        with harness.Clock() as clock, harness.Mist(config, files=files, env=clock.env) as mist:
            delv_anchor, ds = anchor(mist, "full.test", "bind"), anchor(mist, "full.test", "ds")

            def signature():
                answer = mist.query("host.full.test", "A", dnssec=True).answer
                return next(s[0] for s in answer if s.rdtype == dns.rdatatype.RRSIG)
            serials = [mist.query("full.test", "SOA").answer[0][0].serial]
            begin = signature().inception
            for days in range(1, 13):
                clock.set(days * day)
                harness.until(lambda: signature().expiration > begin + days * day + day // 4,
                              "a signature that is still good on day %d" % days, deadline=180)
                for name, want in (("host", "secure"), ("", "secure"), ("gone", "negative secure")):
                    verdict, text = harness.delv(mist, absolute(name, "full.test"), "A" if name else
                                                 "SOA", delv_anchor, "full.test", clock.env)
                    self.assertEqual(verdict, want, "day %d: %s" % (days, text))
                serials.append(mist.query("full.test", "SOA").answer[0][0].serial)
            with harness.unbound_validate(mist, "full.test", [ds], env=clock.env) as unbound:
                self.assertEqual(unbound.judge("host.full.test")[0], "secure")
            self.assertEqual(serials, sorted(serials))
            self.assertGreaterEqual(len(set(serials)), 3)


if __name__ == "__main__":
    unittest.main()
