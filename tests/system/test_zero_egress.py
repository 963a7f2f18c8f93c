"""A query is egress: for a denied name not one packet leaves, whatever its type, class or opcode.

A counting upstream stands where the allowed names are forwarded to. 100,000 questions that must not
leave (a tenth without MIST_LONG) go to mist; then one that may, to show that the counter counts.
"""
import random
import struct
import unittest

import dns.flags
import dns.message
import dns.name
import dns.rcode

import harness

RULES = ["allowed.example.org", "*.star.example.org", ".both.example.org"]
GOOD = "allowed.example.org."

# Names that look like allowed ones and are not; %s is a random label.
NEIGHBOURS = [
    "xallowed.example.org.", "allowed.example.orgx.", "allowed.example.org.%s.", "example.org.",
    "allowed\\.example.org.", "allowed.example\\.org.", "allowed\\000.example.org.",
    "star.example.org.", "%s.xstar.example.org.", "star.example.org.%s.", "\\*.star.example\\.org.",
    "xboth.example.org.", "both.example.org.%s.", "%s.allowed.example.org.", "%s.example.org.",
    "%s.sub.%s.allowed.example.org.", "org.", ".", "%s.", "%s.com.", "_dns.resolver.arpa.",
    "%s.in-addr.arpa.", "1.0.0.10.in-addr.arpa.", "1.2.0.192.in-addr.arpa.", "%s.ip6.arpa.",
    "localhost.", "%s.localhost.", "%s.invalid.", "%s.onion.", "%s.local.", "%s.test.",
    "%s.home.arpa.", "%s.internal.", "wpad.", "isatap.%s.", "use-application-dns.net.",
    "_443._tcp.%s.org.", "xn--%s.org.", "\\255\\254.%s.org.", "editor.land.", "%s.editor.land.",
]
LABEL = "abcdefghijklmnopqrstuvwxyz0123456789-_ABCXYZ"


def make_wire(name, rdtype=1, rdclass=1, opcode=0, flags=0x0100, edns=False, counts=(1, 0, 0, 0),
              extra=b""):
    """A message by hand, so that anything can be wrong with it."""
    opt = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0" if edns else b""
    counts = counts[:3] + (counts[3] + edns,)
    return (struct.pack("!HHHHHH", random.randrange(65536), flags | opcode << 11, *counts)
            + (name.to_wire() + struct.pack("!HH", rdtype, rdclass)) * counts[0] + extra + opt)


class ZeroEgressTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.upstream = harness.Upstream(table={(GOOD, "A"): [GOOD + " 0 IN A 203.0.113.1"]})
        cls.enterClassContext(cls.upstream)

    def setUp(self):
        self.dice = random.Random(self.id())
        self.before = self.upstream.packets

    def mist(self, **forward):
        return harness.Mist({"zones": [{"name": "local.example"}], "workers": 2, "forward": {
            "upstreams": [self.upstream.spec], "allow": RULES, **forward}})

    def name(self):
        dice = self.dice
        text = dice.choice(NEIGHBOURS)
        labels = tuple("".join(dice.choices(LABEL, k=dice.choice([1, 3, 8, 20, 59])))
                       for _ in range(text.count("%s")))
        return dns.name.from_text(text % labels)

    def denied(self, count):
        """Questions of every kind for names that no rule allows."""
        dice = self.dice
        for i in range(count):
            rdclass = dice.choice([1, 1, 1, 3, 4, 254, 255, dice.randrange(65536)])
            opcode = dice.choice([0, 0, 0, 0, dice.randrange(16)])
            yield make_wire(self.name(), i % 65536, rdclass, opcode,
                            flags=dice.choice([0x0100, 0, 0x0110, 0x0130]), edns=dice.random() < 0.5)

    def assert_silent(self, mist):
        """Nothing has left, and what may leave does."""
        self.assertEqual(self.upstream.packets - self.before, 0)
        response = mist.query(GOOD, dnssec=True)
        self.assertEqual(harness.texts(response.answer), ["203.0.113.1"])
        self.assertGreater(self.upstream.packets, self.before)

    def assert_no_data(self, data):
        flags, _, ancount = struct.unpack("!HHH", data[2:8])
        self.assertTrue(flags & 0x8000)
        if ancount:  # localhost is answered here
            message = dns.message.from_wire(data)
            self.assertTrue(message.question[0].name.is_subdomain(dns.name.from_text("localhost")),
                            message)

    def test_udp(self):
        """Denied names over UDP: all types, many classes, all opcodes, with and without EDNS."""
        with self.mist() as mist:
            wires = list(self.denied(harness.scaled(80000)))
            for data in harness.ask_all(mist, wires):
                self.assert_no_data(data)
            self.assert_silent(mist)

    def test_tcp(self):
        """The same over TCP, pipelined."""
        with self.mist() as mist:
            wires = list(self.denied(harness.scaled(20000)))
            for i in range(0, len(wires), 100):
                # a zone transfer may end the connection: those go one by one
                for data in mist.tcp(*wires[i:i + 100]):
                    self.assertIsNotNone(data)
                    self.assert_no_data(data)
            self.assert_silent(mist)

    def test_allowed_names_asked_otherwise(self):
        """What is no plain question of class IN never leaves, though the name is allowed."""
        names = [dns.name.from_text(n) for n in (
            "allowed.example.org.", "x.star.example.org.", "both.example.org.")]
        wires = []
        for name in names:
            for edns in (False, True):
                wires += [make_wire(name, 1, 1, opcode, edns=edns) for opcode in range(1, 16)]
                wires += [make_wire(name, 1, c, edns=edns) for c in (0, 2, 3, 4, 254, 255, 65535)]
                wires += [make_wire(name, t, 1, edns=edns)   # meta types and transfers
                          for t in (0, 41, 249, 250, 251, 252, 253, 254)]
                wires += [make_wire(name, edns=edns, counts=(n, 0, 0, 0)) for n in (0, 2, 3)]
                wires += [make_wire(name, edns=edns, extra=b"\0")]          # an octet too many
                wires += [make_wire(name, edns=edns, counts=(1, 0, 0, 9))]  # counts that lie
                wires += [make_wire(name, edns=edns, counts=(1, 1, 0, 0))]
        with self.mist() as mist:
            for data in harness.ask_all(mist, wires):
                self.assert_no_data(data)
                self.assertNotEqual(data[3] & 15, dns.rcode.NOERROR)
            for wire in wires:
                self.assert_no_data(mist.tcp(wire)[0])
            self.assert_silent(mist)

    def test_broken_messages(self):
        """Messages for an allowed name cut at every octet, or with one octet changed, are answered
        or not, but what is not the question itself never leaves."""
        good = make_wire(dns.name.from_text("allowed.example.org."), edns=True)
        with self.mist() as mist:
            with harness.socket.socket(harness.socket.AF_INET, harness.socket.SOCK_DGRAM) as sock:
                for end in range(len(good)):
                    sock.sendto(good[:end], (mist.address, mist.port))
                for at, bits in ((2, 0xf8), *((at, 0xff) for at in range(4, 12))):
                    for bit in range(8):       # the header: QR, opcode, counts
                        if bits >> bit & 1:
                            broken = bytearray(good)
                            broken[at] ^= 1 << bit
                            sock.sendto(bytes(broken), (mist.address, mist.port))
            mist.query("local.example")        # behind all of them, on each engine
            mist.query("local.example", tcp=True)
            self.assert_silent(mist)

    def test_every_denial(self):
        """refused, nxdomain, nodata and drop, as the configuration and as a rule say, keep silent
        upstream; a name below an allowed one is NXDOMAIN in each (a search list at work)."""
        expected = {"refused": dns.rcode.REFUSED, "nxdomain": dns.rcode.NXDOMAIN,
                    "nodata": dns.rcode.NOERROR}
        deny = [{"name": ".%s.example.org" % how, "deny_rcode": how} for how in expected]
        for how, rcode in expected.items():
            with self.subTest(how), self.mist(deny_rcode=how, deny=deny) as mist:
                for rdtype in ("A", "AAAA", "TXT", "HTTPS", "PTR", "ANY", "TYPE999"):
                    response = mist.query("denied.example.com", rdtype, dnssec=True)
                    self.assertEqual(response.rcode(), rcode)
                    self.assertEqual(response.answer, [])
                    self.assertEqual(harness.ede(response), [15])
                    for rule, expect in expected.items():
                        response = mist.query("x.%s.example.org" % rule, rdtype)
                        self.assertEqual(response.rcode(), expect)
                for suffix in ("allowed.example.org.corp.test", "local.example.corp.test",
                               "www.local.example.corp.test"):
                    self.assertEqual(mist.query(suffix).rcode(), dns.rcode.NXDOMAIN)
                self.assert_silent(mist)
            self.before = self.upstream.packets
        with self.subTest("drop"), self.mist(deny_rcode="drop") as mist:
            for name in ("denied.example.com.", "example.org."):
                data = mist.udp(make_wire(dns.name.from_text(name)), deadline=0.2)
                self.assertIsNone(data)
            self.assert_silent(mist)

    def test_deny_beats_allow(self):
        """A deny rule beats a shorter or equal allow rule, on label borders."""
        with self.mist(deny=["bad.star.example.org", "*.very.star.example.org"]) as mist:
            for name in ("bad.star.example.org", "a.very.star.example.org",
                         "a.b.very.star.example.org"):
                with self.subTest(name):
                    self.assertEqual(mist.query(name).rcode(), dns.rcode.REFUSED)
            self.assertEqual(self.upstream.packets - self.before, 0)
            for name in ("very.star.example.org", "xbad.star.example.org"):
                mist.query(name)
                self.assertEqual(len(self.upstream.asked(name)), 1)


if __name__ == "__main__":
    unittest.main()
