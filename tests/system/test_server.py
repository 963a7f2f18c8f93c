"""Messages and transports: EDNS, truncation, TCP, cookies, odd and hostile packets, ports, signals.

What is said here is said of the program from outside, over sockets, once per engine (MIST_ENGINE).
"""
import contextlib
import ipaddress
import os
import random
import signal
import socket
import struct
import tempfile
import unittest

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

import harness
from harness import flags, make_query, texts

ZONE = """
$ORIGIN big.test.
$TTL 300
@        SOA  ns hostmaster 1 3600 600 86400 300
@        NS   ns
ns       A    127.0.0.1
host     A    192.0.2.1
many     A    192.0.2.1
many     AAAA 2001:db8::1
many     MX   10 host
alias    CNAME host
cut      NS   ns1.cut
cut      NS   ns2.cut
ns1.cut  A    192.0.2.11
ns2.cut  A    192.0.2.12
""" + "".join('txt%d TXT %s\n' % (size, " ".join(['"%s"' % ("x" * 250)] * (size // 251)))
              for size in (600, 1300, 4096, 16000)) \
    + "".join('full TXT "%04d%s"\n' % (i, "y" * 240) for i in range(252))

COOKIE, NSID, KEEPALIVE, PADDING, EDE = 10, 3, 11, 12, 15


def options(response, code):
    """The payloads of the options of that code."""
    return [o.data if hasattr(o, "data") else o.to_wire() for o in response.options
            if o.otype == code]


def option(code, data=b""):
    return dns.edns.GenericOption(code, data)


class Serving(unittest.TestCase):
    """One server for all tests of a class."""
    config = {"zones": [{"name": "editor.land"},
                        {"name": "big.test", "file": "big.test.zone", "dnssec": False}],
              "nsid": "mist-test", "forward": {"upstreams": ["127.0.0.1:1"]}}

    @classmethod
    def setUpClass(cls):
        cls.mist = cls.enterClassContext(harness.Mist(cls.config, files={"big.test.zone": ZONE}))

    def header(self, data):
        """(id, flags, qdcount, ancount, nscount, arcount) of octets."""
        return struct.unpack("!HHHHHH", data[:12])

    def rcode(self, data):
        return self.header(data)[1] & 15


class EdnsTest(Serving):

    def test_absent_and_present(self):
        """An OPT record answers an OPT record and nothing else (RFC 6891 section 7)."""
        self.assertEqual(self.mist.query("host.big.test").edns, -1)
        for payload in (0, 512, 1232, 4096, 65535):
            response = self.mist.query("host.big.test", edns=0, payload=payload)
            self.assertEqual((response.edns, response.ednsflags), (0, 0))
            self.assertGreaterEqual(response.payload, 512)

    def test_do_is_echoed(self):
        """DO comes back (RFC 3225 section 3), other flags do not (RFC 6891 section 6.1.4)."""
        query = make_query("host.big.test", edns=0)
        for sent, back in ((0x8000, 0x8000), (0xffff, 0x8000), (0x7fff, 0)):
            query.ednsflags = sent
            self.assertEqual(self.mist.ask(query).ednsflags & 0xffff, back)

    def test_versions(self):
        """A version above 0 is BADVERS with version 0, the question is not answered."""
        for version in (1, 2, 255):
            query = make_query("host.big.test", edns=0)
            query.ednsflags |= version << 16
            response = self.mist.ask(query)
            self.assertEqual(response.rcode(), dns.rcode.BADVERS)
            self.assertEqual((response.edns, response.answer), (0, []))

    def test_unknown_options(self):
        """Unknown options are ignored (RFC 6891 section 6.1.2), and not echoed."""
        for code in (1, 5, 8, 9, 13, 14, 100, 65001, 65535):
            response = self.mist.query("host.big.test", options=[option(code, b"\1\2\3\4")])
            self.assertEqual(response.rcode(), dns.rcode.NOERROR)
            self.assertEqual(texts(response.answer), ["192.0.2.1"])
            self.assertEqual(options(response, code), [])

    def test_malformed_opt(self):
        """Options that overrun, two OPTs, an OPT that is not of the root: FORMERR."""
        question = dns.name.from_text("host.big.test").to_wire() + b"\0\1\0\1"

        def ask(extra, arcount):
            return self.mist.udp(struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, arcount) + question + extra)
        opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
        self.assertEqual(self.rcode(ask(opt, 1)), dns.rcode.NOERROR)
        for name, extra, count in (
                ("two of them", opt + opt, 2),
                ("not the root", b"\1x" + opt, 1),
                ("option overruns", opt[:-2] + b"\0\6\0\x0c\0\x09ab", 1),
                ("data overruns", opt[:-2] + b"\0\x09", 1),
                ("half an option", opt[:-2] + b"\0\2\0\x0c", 1),
                ("cut", opt[:-3], 1)):
            with self.subTest(name):
                self.assertEqual(self.rcode(ask(extra, count)), dns.rcode.FORMERR)
        with self.subTest("an OPT in the answer section"):
            data = self.mist.udp(struct.pack("!HHHHHH", 7, 0x0100, 1, 1, 0, 0) + question + opt)
            self.assertEqual(self.rcode(data), dns.rcode.FORMERR)

    def test_nsid(self):
        """NSID when asked for (RFC 5001)."""
        response = self.mist.query("host.big.test", options=[option(NSID)])
        self.assertEqual(options(response, NSID), [b"mist-test"])
        self.assertEqual(options(self.mist.query("host.big.test", edns=0), NSID), [])

    def test_keepalive(self):
        """edns-tcp-keepalive is answered over TCP and never over UDP (RFC 7828)."""
        query = make_query("host.big.test", options=[option(KEEPALIVE)])
        (timeout,) = options(self.mist.ask(query, tcp=True), KEEPALIVE)
        self.assertGreater(struct.unpack("!H", timeout)[0], 0)
        self.assertEqual(options(self.mist.ask(query), KEEPALIVE), [])


class CookieTest(Serving):
    """Server cookies (RFC 7873, RFC 9018)."""
    client = b"ABCDEFGH"

    def ask(self, cookie, **how):
        return self.mist.query("host.big.test", options=[option(COOKIE, cookie)], **how)

    def test_given_and_taken(self):
        """A client cookie is answered with it and a server cookie of version 1; that is good again."""
        (full,) = options(self.ask(self.client), COOKIE)
        self.assertEqual((full[:8], len(full), full[8]), (self.client, 24, 1))
        response = self.ask(full)
        self.assertEqual(response.rcode(), dns.rcode.NOERROR)
        self.assertEqual(options(response, COOKIE)[0][:8], self.client)

    def test_wrong_cookies(self):
        """A cookie that is not ours is answered with a fresh one; bad lengths are FORMERR."""
        response = self.ask(self.client + b"x" * 16)
        self.assertIn(response.rcode(), (dns.rcode.NOERROR, dns.rcode.BADCOOKIE))
        self.assertNotEqual(options(response, COOKIE)[0][8:], b"x" * 16)
        for length in (0, 1, 7, 9, 15, 41):
            with self.subTest(length=length):
                self.assertEqual(self.ask(b"x" * length).rcode(), dns.rcode.FORMERR)

    def test_for_another_address(self):
        """The server cookie is bound to the client's address."""
        (full,) = options(self.ask(self.client), COOKIE)
        query = make_query("host.big.test", options=[option(COOKIE, full)])
        data = self.mist.udp(query.to_wire(), source="127.0.0.9")
        other = options(dns.message.from_wire(data), COOKIE)[0]
        self.assertNotEqual(full, other)

    def test_without_question(self):
        """A lone COOKIE without a question is answered NOERROR (RFC 7873 section 5.4)."""
        query = dns.message.Message(id=99)
        query.use_edns(0, options=[option(COOKIE, self.client)])
        response = self.mist.ask(query)
        self.assertEqual((response.rcode(), len(options(response, COOKIE))), (dns.rcode.NOERROR, 1))

    def test_shared_secret(self):
        """Servers that share `cookie_secret` take each other's cookies (RFC 9018 section 4)."""
        config = {**self.config, "cookie_secret": "00112233445566778899aabbccddeeff"}
        files = {"big.test.zone": ZONE}
        with harness.Mist(config, files=files) as one, harness.Mist(config, files=files) as two:
            query = make_query("host.big.test", options=[option(COOKIE, self.client)])
            (full,) = options(one.ask(query), COOKIE)
            query = make_query("host.big.test", options=[option(COOKIE, full)])
            self.assertEqual(options(two.ask(query), COOKIE), [full])


class SizeTest(Serving):
    """Truncation at RRset borders, full answers over TCP."""

    def test_limits(self):
        """512 octets without EDNS, what the client says up to 1232 with it; TC, no part of a set."""
        for name, payload, truncated in (
                ("txt600", None, True), ("txt600", 1232, False), ("txt600", 512, True),
                ("txt600", 100, True), ("txt1300", 1232, True), ("txt1300", 4096, True),
                ("txt4096", 65535, True), ("host", None, False)):
            with self.subTest(name=name, payload=payload):
                how = {} if payload is None else {"edns": 0, "payload": payload}
                query = make_query(name + ".big.test", "TXT" if name != "host" else "A", **how)
                data = self.mist.udp(query.to_wire())
                limit = 512 if payload is None else min(max(payload, 512), 1232)
                self.assertLessEqual(len(data), limit)
                response = dns.message.from_wire(data, raise_on_truncation=False)
                self.assertEqual("TC" in flags(response), truncated)
                self.assertEqual(bool(response.answer), not truncated)
                self.assertEqual(response.edns, -1 if payload is None else 0)
                full = self.mist.ask(query, tcp=True)
                self.assertEqual(len(full.answer), 1)
                self.assertNotIn("TC", flags(full))

    def test_largest(self):
        """An answer of nearly 64 KiB over TCP, and over UDP an empty one with TC."""
        response = self.mist.query("full.big.test", "TXT", tcp=True)
        self.assertEqual(len(response.answer[0]), 252)
        response = self.mist.query("full.big.test", "TXT", edns=0, payload=65535)
        self.assertEqual((response.answer, "TC" in flags(response)), ([], True))

    def test_signed_nxdomain_fits_or_says_so(self):
        """DNSSEC answers in 512 octets: TC or whole."""
        for name in ("a.b.c.editor.land", "editor.land"):
            for rdtype in ("A", "DNSKEY", "TXT"):
                query = make_query(name, rdtype, dnssec=True, payload=512)
                data = self.mist.udp(query.to_wire())
                self.assertLessEqual(len(data), 512)
                whole = self.mist.ask(query, tcp=True)
                part = dns.message.from_wire(data, raise_on_truncation=False)
                if "TC" not in flags(part):
                    self.assertEqual(harness.rrsets(part.answer), harness.rrsets(whole.answer))
                    self.assertEqual(harness.rrsets(part.authority), harness.rrsets(whole.authority))

    def test_other_tools(self):
        """dig, kdig and drill agree, over UDP and TCP, and fall over to TCP by themselves."""
        for tool, short, tcp in ((harness.dig, ["+short"], ["+tcp"]),
                                 (harness.kdig, ["+short"], ["+tcp"]),
                                 (harness.drill, ["-Q", "-a"], ["-t"])):
            with self.subTest(tool.__name__):
                for how in ([], tcp):
                    out = tool(self.mist, *short, *how, "anything.editor.land", "A")
                    self.assertEqual(out.split(), ["127.0.0.1"])
                self.assertGreater(len(tool(self.mist, *(short + ["full.big.test", "TXT"]))), 60000)


class QuestionTest(Serving):
    """Questions that are not the plain kind."""

    def test_case_comes_back(self):
        """The question's case, octet by octet (0x20), also as the owner of the answer."""
        for name in ("HoSt.bIg.TeSt", "ANYTHING.Editor.LAND", "a.B.c.D.editor.land"):
            query = make_query(name)
            wire = query.to_wire()
            for data in (self.mist.udp(wire), *self.mist.tcp(wire)):
                length = len(query.question[0].name.to_wire())
                self.assertEqual(data[12:12 + length], wire[12:12 + length])
                self.assertEqual(str(dns.message.from_wire(data).answer[0].name), name + ".")

    def test_any(self):
        """ANY is answered minimally: some set of the name, not all (RFC 8482)."""
        for tcp in (False, True):
            response = self.mist.query("many.big.test", "ANY", tcp=tcp)
            self.assertEqual(response.rcode(), dns.rcode.NOERROR)
            self.assertEqual(len(response.answer), 1)
        self.assertEqual(self.mist.query("gone.big.test", "ANY").rcode(), dns.rcode.NXDOMAIN)
        response = self.mist.query("www.editor.land", "ANY", dnssec=True)
        self.assertEqual(len({s.name for s in response.answer}), 1)

    def test_question_count(self):
        """No question or several: FORMERR (RFC 9619)."""
        question = dns.name.from_text("host.big.test").to_wire() + b"\0\1\0\1"
        for count, body in ((0, b""), (2, question * 2), (2, question), (65535, question)):
            with self.subTest(count=count):
                data = self.mist.udp(struct.pack("!HHHHHH", 3, 0x0100, count, 0, 0, 0) + body)
                self.assertEqual(self.rcode(data), dns.rcode.FORMERR)
                self.assertEqual(self.header(data)[0], 3)

    def test_opcodes(self):
        """What is not QUERY: NOTIMP for what we do not know; UPDATE is not taken from anybody; NOTIFY of a
        zone that is ours is heard. The opcode comes back."""
        for opcode in range(1, 16):
            with self.subTest(opcode=opcode):
                query = make_query("editor.land", "SOA")
                query.set_opcode(opcode)
                for data in (self.mist.udp(query.to_wire()), *self.mist.tcp(query.to_wire())):
                    head = self.header(data)
                    self.assertEqual(head[1] >> 11 & 15, opcode)
                    self.assertEqual(head[1] & 15, {4: dns.rcode.NOERROR, 5: dns.rcode.REFUSED}.get(
                        opcode, dns.rcode.NOTIMP))

    def test_transfers_are_refused(self):
        """AXFR and IXFR: nobody, unless named."""
        for rdtype in ("AXFR", "IXFR"):
            with self.subTest(rdtype):
                response = self.mist.query("editor.land", rdtype, tcp=True)
                self.assertIn(response.rcode(), (dns.rcode.REFUSED, dns.rcode.NOTAUTH))
                self.assertEqual(response.answer, [])
                data = self.mist.udp(make_query("editor.land", rdtype).to_wire())
                self.assertNotEqual(self.rcode(data), dns.rcode.NOERROR)

    def test_classes(self):
        """Classes other than IN are refused."""
        for rdclass in ("CLASS2", "HS", "NONE", "ANY", "CLASS0", "CLASS77"):
            with self.subTest(rdclass):
                response = self.mist.query("host.big.test", rdclass=rdclass)
                self.assertEqual((response.rcode(), response.answer), (dns.rcode.REFUSED, []))

    def test_chaos(self):
        """version.bind is not told; id.server and hostname.bind are the NSID (RFC 4892)."""
        for name in ("version.bind", "version.server", "authors.bind"):
            self.assertEqual(self.mist.query(name, "TXT", rdclass="CH").rcode(), dns.rcode.REFUSED)
        for name in ("id.server", "hostname.bind", "ID.Server"):
            response = self.mist.query(name, "TXT", rdclass="CH")
            self.assertEqual(texts(response.answer), ['"mist-test"'])

    def test_every_type(self):
        """Types 1 to 65535 at a name without them: an answer, NOERROR unless it is no type of data."""
        wires = [make_query("host.big.test", "TYPE%d" % t).to_wire()
                 for t in range(2, 65536, 1 if harness.LONG else 7)]
        for wire, data in zip(wires, harness.ask_all(self.mist, wires)):
            (rdtype,) = struct.unpack("!H", wire[-4:-2])
            with self.subTest(rdtype=rdtype):
                if rdtype == 255:
                    continue
                if rdtype == 41 or 128 <= rdtype < 255:
                    self.assertIn(self.rcode(data), (1, 4, 5))
                else:
                    self.assertEqual((self.rcode(data), self.header(data)[3:5]), (0, (0, 1)))

    def test_flags(self):
        """AA for local answers; RD and CD as sent; AD, TC and Z are never taken over."""
        for sent in (0, dns.flags.RD, dns.flags.RD | dns.flags.AD, dns.flags.TC, 0x40):
            query = make_query("host.big.test")
            query.flags = sent
            response = self.mist.ask(query)
            self.assertIn("AA", flags(response))
            self.assertEqual(response.flags & dns.flags.RD, sent & dns.flags.RD)
            self.assertFalse(response.flags & (dns.flags.TC | dns.flags.AD | 0x40))
        self.assertNotIn("AA", flags(self.mist.query("www.cut.big.test")))

    def test_referral(self):
        """A referral has the NS set and the glue below the cut."""
        response = self.mist.query("www.cut.big.test")
        self.assertEqual(texts(response.authority), ["ns1.cut.big.test.", "ns2.cut.big.test."])
        self.assertEqual(texts(response.additional), ["192.0.2.11", "192.0.2.12"])

    def test_compression(self):
        """Names are compressed where they may be, with pointers backwards only."""
        data = self.mist.udp(make_query("many.big.test", "MX").to_wire())
        self.assertLess(len(data), 12 + 19 + 2 + 10 + 2 + 7 + 40)
        self.assertEqual(data.count(b"\3big\4test"), 1)
        # SRV and later types are not to be compressed (RFC 3597 section 4): dnspython would read on
        self.assertEqual(texts(dns.message.from_wire(data).answer), ["10 host.big.test."])


class HostileTest(Serving):
    """Packets nobody sends by accident. After each the server still answers."""

    def tearDown(self):
        self.assertEqual(texts(self.mist.query("host.big.test").answer), ["192.0.2.1"])
        self.assertIsNone(self.mist.process.poll())

    def test_responses_are_not_answered(self):
        """A packet with QR set gets nothing: no loops between servers."""
        query = make_query("host.big.test")
        query.flags |= dns.flags.QR
        self.assertIsNone(self.mist.udp(query.to_wire(), deadline=0.3))

    def test_short_packets(self):
        """Shorter than a header: silence. A header alone: FORMERR."""
        for length in range(12):
            self.assertIsNone(self.mist.udp(b"\0" * length or b"", deadline=0.05))
        self.assertEqual(self.rcode(self.mist.udp(b"\0\1" + b"\0" * 10)), dns.rcode.FORMERR)

    def test_bad_names(self):
        """Questions with pointers, loops, long names and labels, reserved label types."""
        def ask(name):
            return self.mist.udp(struct.pack("!HHHHHH", 5, 0x0100, 1, 0, 0, 0) + name + b"\0\1\0\1")
        label = b"\x3f" + b"a" * 63
        for what, name in (("pointer to itself", b"\xc0\x0c"), ("pointer forward", b"\xc0\x20"),
                           ("pointer into the header", b"\xc0\x00"), ("type 01", b"\x41\x01\0"),
                           ("type 10", b"\x81\x01\0"), ("no end", b"\x3fabc"),
                           ("256 octets", label * 4 + b"\0"), ("pointer behind label", b"\1a\xc0\x0c")):
            with self.subTest(what):
                self.assertEqual(self.rcode(ask(name)), dns.rcode.FORMERR)
        with self.subTest("255 octets, the longest"):
            name = label * 3 + b"\x3d" + b"b" * 61 + b"\0"
            self.assertEqual(len(name), 255)
            self.assertEqual(self.rcode(ask(name)), dns.rcode.REFUSED)
        with self.subTest("127 labels, the most"):
            self.assertEqual(self.rcode(ask(b"\1a" * 127 + b"\0")), dns.rcode.REFUSED)

    def test_lying_counts(self):
        """Counts that promise what is not there; octets behind the end."""
        question = dns.name.from_text("host.big.test").to_wire() + b"\0\1\0\1"
        for counts in ((1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (1, 65535, 65535, 65535)):
            with self.subTest(counts):
                data = self.mist.udp(struct.pack("!HHHHHH", 6, 0, *counts) + question)
                self.assertEqual(self.rcode(data), dns.rcode.FORMERR)
        data = self.mist.udp(struct.pack("!HHHHHH", 6, 0, 1, 0, 0, 0) + question + b"trailing")
        self.assertEqual(self.rcode(data), dns.rcode.FORMERR)

    def test_mutations(self):
        """Random damage to good queries, UDP and TCP: an answer or silence, never harm."""
        dice = random.Random(20)
        seeds = [make_query("a.editor.land", dnssec=True).to_wire(),
                 make_query("alias.big.test", "MX", options=[option(COOKIE, b"12345678"),
                                                             option(NSID)]).to_wire(),
                 make_query("full.big.test", "TXT").to_wire()]
        broken = []
        for _ in range(harness.scaled(20000)):
            data = bytearray(dice.choice(seeds))
            for _ in range(dice.choice([1, 1, 2, 8])):
                data[dice.randrange(len(data))] = dice.randrange(256)
            if dice.random() < 0.2:
                del data[dice.randrange(len(data)):]
            if dice.random() < 0.1:
                data += bytes(dice.randrange(256) for _ in range(dice.randrange(40)))
            broken.append(bytes(data))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.connect((self.mist.address, self.mist.port))
            for data in broken:
                sock.send(data)
        for i in range(0, len(broken), 50):
            with self.mist.tcp_connect() as sock, contextlib.suppress(ConnectionError):
                sock.sendall(b"".join(map(harness.framed, broken[i:i + 50])))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass

    def test_tsig_of_strangers(self):
        """A signed query whose key we do not have is NOTAUTH, BADKEY (RFC 8945 section 5.2.1)."""
        import dns.tsigkeyring
        query = make_query("host.big.test")
        query.use_tsig(dns.tsigkeyring.from_text({"key.": "AAAAAAAAAAAAAAAAAAAAAA=="}))
        data = self.mist.udp(query.to_wire())
        self.assertEqual(self.rcode(data), dns.rcode.NOTAUTH)

    def test_tsig_of_strangers_who_want_more(self):
        """Transfers, updates and notifications with a key we do not have, where there are no keys at all: BADKEY for
        each, and the server lives on."""
        import dns.tsigkeyring
        import dns.update
        keyring = dns.tsigkeyring.from_text({"key.": "AAAAAAAAAAAAAAAAAAAAAA=="})
        update = dns.update.UpdateMessage("big.test")
        update.add("host", 300, "A", "192.0.2.1")
        notify = make_query("big.test", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        for message in make_query("big.test", "AXFR"), make_query("big.test", "IXFR"), update, notify:
            message.use_tsig(keyring)
            for ask in self.mist.udp, lambda octets: self.mist.tcp(octets)[0]:
                data = ask(message.to_wire())
                self.assertEqual(self.rcode(data), dns.rcode.NOTAUTH)
                with self.assertRaises(dns.tsig.PeerBadKey):
                    dns.message.from_wire(data, keyring=keyring)
        self.assertEqual(self.rcode(self.mist.udp(make_query("host.big.test").to_wire())), dns.rcode.NOERROR)


class TcpTest(Serving):
    config = {**Serving.config, "tcp": {"idle": "2s"}}

    def test_pipelining(self):
        """Many questions in one segment, many answers; all of them, whatever their order."""
        queries = [make_query("n%d.editor.land" % i, dnssec=True, id=i) for i in range(500)]
        answers = self.mist.tcp(*[q.to_wire() for q in queries])
        self.assertEqual(sorted(self.header(a)[0] for a in answers), list(range(500)))
        for data in answers:
            message = dns.message.from_wire(data)
            self.assertEqual(str(message.question[0].name), "n%d.editor.land." % message.id)

    def test_octet_by_octet(self):
        """A question that arrives in pieces of one octet."""
        with self.mist.tcp_connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in harness.framed(make_query("host.big.test").to_wire()):
                sock.send(bytes([octet]))
            self.assertIsNotNone(harness.tcp_read_message(sock))

    def test_half_close(self):
        """A client that has no more questions gets the answers to those it asked, then the end."""
        with self.mist.tcp_connect() as sock:
            for _ in range(50):
                sock.sendall(harness.framed(make_query("full.big.test", "TXT").to_wire()))
            sock.shutdown(socket.SHUT_WR)
            for _ in range(50):
                self.assertGreater(len(harness.tcp_read_message(sock)), 60000)
            self.assertEqual(sock.recv(1), b"")

    def test_idle_connections_end(self):
        """A silent connection, one in the middle of a question, and one that never was asked."""
        socks = [self.mist.tcp_connect() for _ in range(3)]
        socks[0].sendall(harness.framed(make_query("host.big.test").to_wire()))
        self.assertIsNotNone(harness.tcp_read_message(socks[0]))
        socks[1].sendall(harness.framed(make_query("host.big.test").to_wire())[:9])
        for sock in socks:
            with sock:
                self.assertEqual(sock.recv(1), b"")

    def test_who_never_reads(self):
        """Clients that ask for much and read nothing do not stop others, and are dropped."""
        socks = []
        question = harness.framed(make_query("full.big.test", "TXT").to_wire()) * 200
        for _ in range(20):
            sock = self.mist.tcp_connect()
            sock.setblocking(False)
            socks.append(sock)
            try:
                sock.send(question)
            except BlockingIOError:
                pass
        self.assertEqual(texts(self.mist.query("host.big.test", tcp=True).answer), ["192.0.2.1"])
        self.assertEqual(texts(self.mist.query("host.big.test").answer), ["192.0.2.1"])

        def dropped(sock):
            try:
                sock.send(b"\0")
                return False
            except BlockingIOError:
                return False
            except OSError:
                return True
        for sock in socks:
            harness.until(lambda s=sock: dropped(s), "a client that never reads to be dropped")
            sock.close()

    def test_bad_lengths(self):
        """A length of 0, or shorter than a header, ends the connection or is passed over."""
        for length in (0, 1, 11):
            with self.mist.tcp_connect() as sock:
                sock.sendall(struct.pack("!H", length) + b"x" * length)
                sock.sendall(harness.framed(make_query("host.big.test").to_wire()))
                try:
                    harness.tcp_read_message(sock)
                except ConnectionError:
                    pass
        self.mist.query("host.big.test", tcp=True)

    def test_many_connections(self):
        """Two hundred at once, each answered."""
        socks = [self.mist.tcp_connect() for _ in range(200)]
        for i, sock in enumerate(socks):
            sock.sendall(harness.framed(make_query("c%d.editor.land" % i).to_wire()))
        for i, sock in enumerate(socks):
            with sock:
                answer = dns.message.from_wire(harness.tcp_read_message(sock))
                self.assertEqual(str(answer.question[0].name), "c%d.editor.land." % i)


class TcpLimitTest(unittest.TestCase):

    def test_limit_of_connections(self):
        """At `tcp.clients` connections whoever has been idle longest makes room for who comes."""
        config = {"zones": [{"name": "editor.land"}], "workers": 1, "tcp": {"clients": 4, "clients_each": 4}}
        question = harness.framed(make_query("x.editor.land").to_wire())

        def served(sock):
            try:
                sock.sendall(question)
                return harness.tcp_read_message(sock) is not None
            except OSError:
                return False
        with harness.Mist(config) as mist, contextlib.ExitStack() as stack:
            socks = []
            for _ in range(12):
                socks.append(stack.enter_context(mist.tcp_connect()))
                self.assertTrue(served(socks[-1]))
            self.assertEqual([served(sock) for sock in socks], [False] * 8 + [True] * 4)


class PortTest(unittest.TestCase):
    """Which port, and whose."""
    zones = [{"name": "editor.land"}]

    def assert_serves(self, mist):
        for tcp in (False, True):
            self.assertEqual(texts(mist.query("x.editor.land", tcp=tcp).answer), ["127.0.0.1"])

    def taken(self, udp, tcp):
        """A port with its UDP or TCP side taken by another program: (port, sockets)."""
        address, port = harness.free_endpoint("127.0.0.1")
        socks = []
        for kind, wanted in ((socket.SOCK_DGRAM, udp), (socket.SOCK_STREAM, tcp)):
            if wanted:
                sock = socket.socket(socket.AF_INET, kind)
                self.addCleanup(sock.close)
                sock.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    sock.listen()
                socks.append(sock)
        return port

    def test_preferred_port(self):
        """A port that is free is used."""
        _, port = harness.free_endpoint("127.0.0.1")
        with harness.Mist({"zones": self.zones, "listen": {"port": port}}) as mist:
            self.assertEqual(mist.port, port)
            self.assert_serves(mist)

    def test_taken_ports(self):
        """Taken for UDP, for TCP, for both: another one by `fallback: any`, an error (exit 2) by
        `fallback: fail`."""
        for udp, tcp in ((True, False), (False, True), (True, True)):
            with self.subTest(udp=udp, tcp=tcp):
                port = self.taken(udp, tcp)
                with harness.Mist({"zones": self.zones, "listen": {"port": port}}) as mist:
                    self.assertNotEqual(mist.port, port)
                    self.assert_serves(mist)
                done = harness.mist_cli("serve", config={
                    "zones": self.zones, "state_directory": "state", "engine": harness.ENGINE,
                    "listen": {"port": port, "fallback": "fail"}})
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(str(port), done.stderr)
                self.assertEqual(done.stdout, "")

    def test_two_servers_never_share(self):
        """Two servers of one user on one port: the second goes elsewhere, or fails."""
        with harness.Mist({"zones": self.zones}) as one:
            with harness.Mist({"zones": self.zones, "listen": {"port": one.port}}) as two:
                self.assertNotEqual(one.port, two.port)
                self.assert_serves(one)
                self.assert_serves(two)

    def test_many_started_at_once(self):
        """Ten servers started at once on one wanted port all serve on ports of their own."""
        _, port = harness.free_endpoint("127.0.0.1")
        servers = [harness.Mist({"zones": [{"name": "s%d.test" % i}], "workers": 2,
                                 "listen": {"port": port}}) for i in range(10)]
        processes = []
        for server in servers:  # all at once, then wait
            server.stderr_path = os.path.join(server.directory, "stderr")
            with open(server.stderr_path, "ab") as stderr:
                server.process = harness.subprocess.Popen(
                    [harness.program(), "serve", "-c", server.config_file], env=server.env,
                    stdin=harness.subprocess.DEVNULL, stdout=harness.subprocess.PIPE, stderr=stderr)
            self.addCleanup(server.close)
            processes.append(server.process)
        for server in servers:
            ready = harness.json.loads(harness.read_line(server.process.stdout, server.process))
            server.address, server.port = ready["address"], ready["port"]
        self.assertEqual(len({server.port for server in servers}), len(servers))
        for i, server in enumerate(servers):
            for _ in range(8):  # several source ports: several workers
                self.assertEqual(server.query("x.s%d.test" % i).rcode(), dns.rcode.NOERROR)
            server.stop()

    def test_same_port_again(self):
        """Stop and start on the same port with `fallback: fail`, again and again."""
        _, port = harness.free_endpoint("127.0.0.1")
        for _ in range(harness.scaled(50)):
            with harness.Mist({"zones": self.zones,
                               "listen": {"port": port, "fallback": "fail"}}) as mist:
                with mist.tcp_connect() as sock:  # leaves a connection to be closed by the stop
                    self.assert_serves(mist)
                    sock.sendall(b"\0")

    def test_port_file(self):
        """--port-file holds the number and is there when the ready line is."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "port")
            with harness.Mist({"zones": self.zones}, args=["--port-file", path]) as mist:
                with open(path) as file:
                    self.assertEqual(file.read().strip(), str(mist.port))

    def test_port_flag_and_environment(self):
        """Flags win over environment, environment over file."""
        ports = [harness.free_endpoint("127.0.0.1")[1] for _ in range(3)]
        config = {"zones": self.zones, "listen": {"port": ports[0]}}
        env = {"MIST_LISTEN_PORT": str(ports[1])}
        with harness.Mist(config, env=env) as mist:
            self.assertEqual(mist.port, ports[1])
        with harness.Mist(config, env=env, args=["--port", str(ports[2])]) as mist:
            self.assertEqual(mist.port, ports[2])

    def test_ipv6(self):
        """::1, alone and beside 127.0.0.1, on one port number."""
        with harness.Mist({"zones": self.zones, "listen": {"address": "::1"}}) as mist:
            self.assertEqual(mist.address, "::1")
            self.assert_serves(mist)
        with harness.Mist({"zones": self.zones,
                           "listen": {"address": ["127.0.0.1", "::1"]}}) as mist:
            for mist.address in ("127.0.0.1", "::1"):
                self.assert_serves(mist)

    def test_loopback_aliases(self):
        """Any address of 127.0.0.0/8."""
        with harness.Mist({"zones": self.zones, "listen": {"address": "127.3.2.1"}}) as mist:
            self.assertTrue(ipaddress.ip_address(mist.address).is_loopback)
            self.assert_serves(mist)

    def test_non_loopback(self):
        """Other addresses are refused before anything is opened, unless allowed."""
        for address in ("0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1", "10.0.0.1"):
            with self.subTest(address):
                done = harness.mist_cli("serve", config={
                    "zones": self.zones, "state_directory": "state",
                    "listen": {"address": address, "port": 0}})
                self.assertIn(done.returncode, (1, 2), done.stderr)
                self.assertIn("allow_non_loopback", done.stderr)
                self.assertEqual(done.stdout, "")
        config = {"zones": self.zones, "listen": {"address": "0.0.0.0", "allow_non_loopback": True}}
        with harness.Mist(config) as mist:
            mist.address = "127.0.0.1"
            self.assert_serves(mist)

    def test_ready_line(self):
        """The ready line says what runs: address, port, engine, workers."""
        with harness.Mist({"zones": self.zones, "workers": 2}) as mist:
            self.assertEqual(mist.ready["workers"], 2)
            self.assertIn(mist.ready["engine"], ("uring", "epoll"))
            if harness.ENGINE != "auto":
                self.assertEqual(mist.ready["engine"], harness.ENGINE)


class SignalTest(unittest.TestCase):

    def zone(self, address, serial=1):
        return ("$ORIGIN s.test.\n$TTL 60\n@ SOA ns host %d 1 1 1 60\n@ NS ns\nns A 127.0.0.1\n"
                "www A %s\n" % (serial, address))

    def test_hup_swaps(self):
        """SIGHUP: new zone content, new zones and new rules, without a restart."""
        entry = {"name": "s.test", "file": "s.zone"}
        with harness.Mist({"zones": [entry]}, files={"s.zone": self.zone("192.0.2.1")}) as mist:
            first = mist.query("s.test", "SOA").answer[0][0].serial
            self.assertEqual(texts(mist.query("www.s.test").answer), ["192.0.2.1"])
            mist.write("s.zone", self.zone("192.0.2.2", 2))
            mist.configure({"zones": [entry, {"name": "new.test"}]})
            mist.hup()
            harness.until(lambda: texts(mist.query("www.s.test").answer) == ["192.0.2.2"], "reload")
            self.assertEqual(texts(mist.query("x.new.test").answer), ["127.0.0.1"])
            second = mist.query("s.test", "SOA").answer[0][0].serial
            self.assertGreater(second, first)
            with self.subTest("the same serial in the file still rises when served"):
                mist.write("s.zone", self.zone("192.0.2.3", 2))
                mist.hup()
                harness.until(lambda: texts(mist.query("www.s.test").answer) == ["192.0.2.3"],
                              "reload")
                self.assertGreater(mist.query("s.test", "SOA").answer[0][0].serial, second)

    def test_hup_with_a_broken_file(self):
        """A broken configuration changes nothing and says why; the next good one is taken."""
        with harness.Mist({"zones": [{"name": "editor.land"}]}) as mist:
            path = mist.config_file
            with open(path) as file:
                good = file.read()
            for broken in ("zones: [", "zonez: []\n", "listen: {address: 192.0.2.1}\n", "\0"):
                with self.subTest(broken):
                    before = len(mist.stderr)
                    mist.configure(broken)
                    mist.hup()
                    harness.until(lambda: len(mist.stderr) > before, "a word about it")
                    self.assertEqual(texts(mist.query("x.editor.land").answer), ["127.0.0.1"])
            mist.configure(good.replace("editor.land", "other.land"))
            mist.hup()
            harness.until(lambda: texts(mist.query("x.other.land").answer) == ["127.0.0.1"],
                          "the good one")

    def test_no_question_is_lost_by_reloads(self):
        """Reloads under questions: each is answered, from the old content or the new."""
        entry = {"name": "s.test", "file": "s.zone"}
        with harness.Mist({"zones": [entry]}, files={"s.zone": self.zone("192.0.2.1")}) as mist:
            client = harness.UdpClient(mist, window=16, patience=30)
            wires = [make_query("www.s.test", dnssec=i % 2).to_wire()
                     for i in range(harness.scaled(100000))]
            every = max(1, len(wires) // 20)
            seen = set()
            for count, (_, data) in enumerate(client.ask(wires)):
                answer = dns.message.from_wire(data).answer
                seen.update(texts(answer, "A"))
                if count % every == 0:
                    mist.write("s.zone", self.zone("192.0.2.%d" % (1 + count // every), count))
                    mist.hup()
            self.assertLessEqual(seen, {"192.0.2.%d" % i for i in range(1, 30)})
            self.assertGreaterEqual(len(seen), 1)

    def test_term_in_flight(self):
        """SIGTERM while forwarded questions wait: they are answered, then the program ends with 0."""
        def slow(query, _tcp):
            name = query.question[0].name
            return harness.after(0.5, harness.answer_for(query, ["%s 60 IN A 203.0.113.5" % name]))
        with harness.Upstream(slow) as upstream:
            config = {"zones": [{"name": "editor.land"}], "forward": {
                "upstreams": [upstream.spec], "allow": ["udp.example.org", "tcp.example.org"]}}
            with harness.Mist(config) as mist, \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, mist.tcp_connect() as tcp:
                udp.connect((mist.address, mist.port))
                udp.settimeout(harness.DEADLINE)
                udp.send(make_query("udp.example.org").to_wire())
                tcp.sendall(harness.framed(make_query("tcp.example.org").to_wire()))
                for name in ("udp.example.org", "tcp.example.org"):
                    harness.until(lambda n=name: upstream.asked(n), name + " to arrive upstream")
                mist.process.send_signal(signal.SIGTERM)
                for data in (udp.recv(65535), harness.tcp_read_message(tcp)):
                    self.assertIsNotNone(data)
                    self.assertEqual(texts(dns.message.from_wire(data).answer), ["203.0.113.5"])
                self.assertEqual(harness.end(mist.process), 0)
                mist.process = None

    def test_signals_that_end_it(self):
        """SIGTERM and SIGINT end it with 0, at once when nothing is in flight."""
        for how in (signal.SIGTERM, signal.SIGINT):
            with harness.Mist({"zones": [{"name": "editor.land"}]}) as mist:
                idle = mist.tcp_connect()
                mist.process.send_signal(how)
                self.assertEqual(harness.end(mist.process), 0)
                mist.process = None
                idle.close()


class FailedZoneTest(unittest.TestCase):

    def test_failed_zone(self):
        """A zone that does not load is SERVFAIL with an Extended DNS Error 14 and is reported with
        file and line; the others serve. It is never forwarded."""
        broken = "$ORIGIN bad.test.\n@ 60 SOA ns host 1 1 1 1 1\n@ 60 NS ns\nns 60 A 1.2.3\n"
        with harness.Upstream(table={}) as upstream:
            config = {"zones": [{"name": "bad.test", "file": "bad.zone"}, {"name": "editor.land"},
                                {"name": "gone.test", "file": "missing.zone"}],
                      "forward": {"upstreams": [upstream.spec], "default": "forward"}}
            with harness.Mist(config, files={"bad.zone": broken}) as mist:
                for name in ("bad.test", "x.bad.test", "gone.test"):
                    for rdtype in ("A", "SOA", "TXT"):
                        response = mist.query(name, rdtype, edns=0)
                        self.assertEqual(response.rcode(), dns.rcode.SERVFAIL)
                        self.assertEqual(harness.ede(response), [14])
                self.assertEqual(texts(mist.query("x.editor.land").answer), ["127.0.0.1"])
                self.assertRegex(mist.stderr, r"bad\.zone.{0,3}4")
                self.assertIn("missing.zone", mist.stderr)
                self.assertEqual(upstream.packets, 0)
                self.assertEqual(mist.cli("check", check=False).returncode, 1)


class ChainTest(unittest.TestCase):
    """CNAME chains between zones and out of them."""

    def test_between_zones(self):
        """A chain through several local zones is followed; loops and long chains end."""
        one = ("$ORIGIN one.test.\n$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 127.0.0.1\n"
               "a CNAME b.two.test.\nc CNAME host.two.test.\nloop CNAME loop.two.test.\n"
               "gone CNAME nothing.two.test.\nout CNAME www.example.com.\n"
               + "".join("l%d CNAME l%d\n" % (i, i + 1) for i in range(40)) + "l40 A 192.0.2.9\n")
        two = ("$ORIGIN two.test.\n$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 127.0.0.1\n"
               "b CNAME c.one.test.\nhost A 192.0.2.1\nloop CNAME loop.one.test.\n")
        config = {"zones": [{"name": "one.test", "file": "one", "dnssec": False},
                            {"name": "two.test", "file": "two"}],
                  "forward": {"upstreams": ["127.0.0.1:1"]}}
        with harness.Mist(config, files={"one": one, "two": two}) as mist:
            response = mist.query("a.one.test")
            self.assertEqual(texts(response.answer), ["192.0.2.1", "b.two.test.", "c.one.test.",
                                                      "host.two.test."])
            self.assertEqual(mist.query("gone.one.test").rcode(), dns.rcode.NXDOMAIN)
            response = mist.query("loop.one.test")
            self.assertEqual(len(response.answer), 2)
            self.assertEqual(response.rcode(), dns.rcode.NOERROR)
            response = mist.query("l0.one.test", tcp=True)
            self.assertIn(len(response.answer), range(8, 20))
            response = mist.query("l34.one.test")
            self.assertIn("192.0.2.9", texts(response.answer))
            with self.subTest("out of the zones: the chain ends there, and says why"):
                response = mist.query("out.one.test", edns=0)
                self.assertEqual(texts(response.answer), ["www.example.com."])
                self.assertEqual(response.rcode(), dns.rcode.NOERROR)
                self.assertEqual(harness.ede(response), [15])


if __name__ == "__main__":
    unittest.main()
