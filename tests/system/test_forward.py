"""Forwarding, end to end: mist before an upstream that does as it is told, most of it badly.

What forward/ does with datagrams, times and its cache is tested closer by in tests/forward/; here
the same has to come out of the sockets of a running server.
"""
import socket
import struct
import time
import unittest

import dns.flags
import dns.message
import dns.rcode

import harness
from harness import after, answer_for, large_answer, truncated, wrong_id, wrong_question

NAME = "www.allowed.example."
GOOD = "203.0.113.7"


def good(query, ttl=60):
    return answer_for(query, ["%s %d IN A %s" % (query.question[0].name, ttl, GOOD)])


def changed(message, offset, bits):
    """The octets of a message with bits of one octet turned over."""
    data = bytearray(message.to_wire(max_size=65535))
    data[offset] ^= bits
    return bytes(data)


class ForwardTest(unittest.TestCase):

    def serve(self, handler, zones=(), **forward):
        """(mist, upstream) for the length of a test; names below allowed.example are forwarded."""
        upstream = handler if isinstance(handler, harness.Upstream) else harness.Upstream(handler)
        self.enterContext(upstream)
        config = {"zones": list(zones), "workers": 2, "forward": {
            "upstreams": [upstream.spec], "allow": [".allowed.example"], "timeout": "10s", **forward}}
        return self.enterContext(harness.Mist(config)), upstream

    def assert_good(self, response):
        self.assertEqual(response.rcode(), dns.rcode.NOERROR)
        self.assertEqual(harness.texts(response.answer), [GOOD])

    # ---- what comes back

    def test_plain(self):
        mist, upstream = self.serve(lambda query, tcp: good(query))
        response = mist.query("WwW.allowed.EXAMPLE.", dnssec=True)
        self.assert_good(response)
        self.assertEqual(response.question[0].name.to_text(), "WwW.allowed.EXAMPLE.")
        self.assertEqual(harness.flags(response), {"QR", "RD", "RA"})
        (query,) = upstream.asked()
        self.assertEqual(query.question[0].name.to_text(), "www.allowed.example.")
        self.assertEqual(query.payload, 1232)
        self.assertTrue(query.ednsflags & dns.flags.DO)
        self.assert_good(mist.query(NAME, tcp=True))

    def test_ipv6_upstream(self):
        mist, _ = self.serve(harness.Upstream(
            lambda query, tcp: good(query) if tcp else truncated(query), address="::1"))
        self.assert_good(mist.query(NAME))

    def test_junk_before_the_answer(self):
        def junk(query, tcp):
            response = good(query).to_wire()
            if tcp:
                return response
            bad = answer_for(query, ["%s 60 IN A 198.51.100.66" % query.question[0].name])
            return [b"", b"\0" * 5, query.to_wire(), wrong_id(bad), wrong_question(bad),
                    changed(bad, 2, 0x28), changed(bad, 7, 7), truncated(query).to_wire(),
                    changed(bad, 3, dns.rcode.FORMERR), changed(bad, 3, dns.rcode.SERVFAIL),
                    bad.to_wire() + b"\0" * 4000, response]

        mist, upstream = self.serve(junk)
        for i in range(harness.scaled(1000)):
            self.assert_good(mist.query("n%d.allowed.example." % i))
        # a busy machine may take its time between junk and answer
        self.assertLess(len(upstream.asked(transport="tcp")), harness.scaled(1000) / 10)

    def test_wrong_id_alone(self):
        mist, _ = self.serve(lambda query, tcp: wrong_id(good(query)), timeout="1s")
        response = mist.query(NAME, edns=0)
        self.assertEqual(response.rcode(), dns.rcode.SERVFAIL)
        self.assertIn(22, harness.ede(response))

    def test_truncated_then_tcp(self):
        mist, upstream = self.serve(lambda query, tcp: good(query) if tcp else truncated(query))
        self.assert_good(mist.query(NAME))
        self.assertEqual(len(upstream.asked(transport="tcp")), 1)

    def test_64_kib(self):
        mist, upstream = self.serve(
            lambda query, tcp: large_answer(query) if tcp else truncated(query))
        response = mist.query(NAME, "TXT", tcp=True)
        self.assertGreater(len(response.to_wire(max_size=65535)), 60000)
        response = mist.query(NAME, "TXT")
        self.assertIn("TC", harness.flags(response))
        self.assertEqual(response.answer, [])
        self.assertEqual(len(upstream.asked(transport="tcp")), 2)  # too large to keep

    def test_servfail_then_good(self):
        seen = []

        def handler(query, _tcp):
            seen.append(query)
            return answer_for(query, rcode=dns.rcode.SERVFAIL) if len(seen) == 1 else good(query)

        mist, _ = self.serve(handler)
        self.assert_good(mist.query(NAME))

    def test_silence(self):
        mist, upstream = self.serve(lambda query, tcp: None, timeout="1s")
        response = mist.query(NAME, edns=0, tcp=True)
        self.assertEqual(response.rcode(), dns.rcode.SERVFAIL)
        self.assertEqual(harness.ede(response), [22])
        self.assertLessEqual(upstream.packets, 3)

    def test_slow_answer_is_taken(self):
        mist, _ = self.serve(lambda query, tcp: after(3, good(query)))
        self.assert_good(mist.query(NAME, tcp=True))

    def test_out_of_bailiwick(self):
        def handler(query, _tcp):
            return answer_for(
                query,
                ["%s 60 IN CNAME a.elsewhere.example." % NAME, "a.elsewhere.example. 60 IN A " + GOOD,
                 "evil.example. 60 IN A 198.51.100.1", "allowed.example. 60 IN A 198.51.100.2"],
                ["example. 60 IN NS ns.evil.example."], ["ns.evil.example. 60 IN A 198.51.100.3"])

        mist, upstream = self.serve(handler)
        for _ in range(2):
            response = mist.query(NAME)
            self.assertEqual(sorted(harness.rrsets(response.answer)),
                             [("a.elsewhere.example.", "A"), (NAME, "CNAME")])
            self.assertEqual((response.authority, response.additional), ([], []))
        self.assertEqual(len(upstream.asked()), 1)
        self.assertEqual(mist.query("a.elsewhere.example.").rcode(), dns.rcode.REFUSED)

    def test_chain_into_a_local_zone(self):
        def handler(query, _tcp):
            return answer_for(query, ["%s 60 IN CNAME x.allowed.example." % NAME,
                                      "x.allowed.example. 60 IN CNAME web.home.example.",
                                      "web.home.example. 60 IN A 198.51.100.1"])

        mist, _ = self.serve(handler, zones=[{"name": "home.example", "address": ["127.0.0.9"],
                                              "dnssec": False}])
        for _ in range(2):
            response = mist.query(NAME)
            self.assertEqual(sorted(harness.rrsets(response.answer)), [
                ("web.home.example.", "A"), (NAME, "CNAME"), ("x.allowed.example.", "CNAME")])
            self.assertEqual(harness.texts(response.answer, "A"), ["127.0.0.9"])

    def test_private_addresses(self):
        records = {
            "A": ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                  "0.0.0.0"],
            "AAAA": ["::1", "::", "fd00:ec2::254", "fe80::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"],
            "HTTPS": ["1 . ipv4hint=10.0.0.1", "1 . ipv6hint=fd00::1"],
        }
        table = {}
        for rdtype, values in records.items():
            for i, value in enumerate(values):
                for rule in ("allowed", "private"):
                    name = "n%d.%s.example." % (i, rule)
                    table[name, rdtype] = ["%s 60 IN CNAME c.%s" % (name, name),
                                           "c.%s 60 IN %s %s" % (name, rdtype, value)]
        mist, _ = self.serve(harness.Upstream(table=table), allow=[
            ".allowed.example", {"name": ".private.example", "private": True}])
        for rdtype, values in records.items():
            for i, value in enumerate(values):
                for _ in range(2):
                    response = mist.query("n%d.allowed.example." % i, rdtype, edns=0)
                    self.assertEqual(response.rcode(), dns.rcode.REFUSED, value)
                    self.assertEqual((response.answer, harness.ede(response)), ([], [17]), value)
                response = mist.query("n%d.private.example." % i, rdtype)
                self.assertEqual(len(response.answer), 2, value)

    # ---- times

    def test_ttl_and_negative_answers(self):
        def handler(query, _tcp):
            name = query.question[0].name.to_text()
            if name == NAME:
                return good(query, 100000)
            soa = ["allowed.example. 200 IN SOA ns.example. host.example. 1 2 3 4 50"]
            return answer_for(query, [], soa, rcode=dns.rcode.NXDOMAIN if name.startswith("no.")
                              else dns.rcode.NOERROR)

        mist, upstream = self.serve(handler)
        first = mist.query(NAME).answer[0].ttl
        self.assertEqual(first, 300)  # capped
        harness.until(lambda: mist.query(NAME).answer[0].ttl < first, "the TTL to count down")
        for name, rcode in (("no.allowed.example.", "NXDOMAIN"), ("empty.allowed.example.", "NOERROR")):
            for _ in range(2):
                response = mist.query(name)
                self.assertEqual(dns.rcode.to_text(response.rcode()), rcode)
                self.assertEqual(response.answer, [])
                self.assertLessEqual(response.authority[0].ttl, 50)
            self.assertEqual(len(upstream.asked(name)), 1)
        self.assertEqual(len(upstream.asked(NAME)), 1)

    def test_failures_are_remembered_for_a_moment(self):
        failing = [True]

        def handler(query, _tcp):
            return answer_for(query, rcode=dns.rcode.SERVFAIL) if failing else good(query)

        mist, upstream = self.serve(handler)
        codes = set()
        for _ in range(50):
            response = mist.query(NAME, edns=0)
            self.assertEqual(response.rcode(), dns.rcode.SERVFAIL)
            codes.update(harness.ede(response))
        self.assertIn(13, codes)
        self.assertLess(len(upstream.asked()), 50)
        failing.clear()
        harness.until(lambda: mist.query(NAME).rcode() == dns.rcode.NOERROR, "the failure to be over")

    def test_prefetch(self):
        with harness.Clock() as clock:
            upstream = self.enterContext(harness.Upstream(lambda query, tcp: good(query, 100)))
            mist = self.enterContext(harness.Mist({"workers": 1, "forward": {
                "upstreams": [upstream.spec], "allow": [".allowed.example"]}}, env=clock.env))
            for _ in range(5):
                mist.query(NAME)
            clock.set(95)
            mist.query(NAME)
            harness.until(lambda: len(upstream.asked()) == 2, "the refresh")
            harness.until(lambda: mist.query(NAME).answer[0].ttl > 50, "the fresh answer")
            clock.set(150)
            self.assert_good(mist.query(NAME))
            self.assertEqual(len(upstream.asked()), 2)

    # ---- many at once

    def test_coalescing(self):
        mist, upstream = self.serve(lambda query, tcp: after(0.3, good(query)))
        wires = [harness.make_query(NAME).to_wire()] * 500
        for data in harness.ask_all(mist, wires, window=500):
            self.assert_good(dns.message.from_wire(data))
        self.assertLessEqual(len(upstream.asked()), 2)  # one of each worker

    def test_fail_over(self):
        silent = self.enterContext(harness.Upstream(lambda query, tcp: None))
        upstream = harness.Upstream(lambda query, tcp: good(query))
        mist, _ = self.serve(upstream, upstreams=[silent.spec, upstream.spec])
        for i in range(100):
            self.assert_good(mist.query("n%d.allowed.example." % i))
        self.assertLess(silent.packets, 20)  # it is asked after the other one, and tried now and then
        silent.handler = lambda query, tcp: good(query)
        before = silent.packets
        numbers = iter(range(100, 100000))

        def asked_again():
            self.assert_good(mist.query("n%d.allowed.example." % next(numbers)))
            return silent.packets > before + 10
        harness.until(asked_again, "the first upstream to be first again")

    def test_black_hole(self):
        """While one upstream swallows everything, local names and other upstreams answer."""
        hole = self.enterContext(harness.Upstream(lambda query, tcp: None))
        mist, _ = self.serve(
            lambda query, tcp: good(query), zones=[{"name": "home.example"}],
            allow=[".allowed.example", {"name": ".hole.example", "upstreams": [hole.spec]}])
        slowest = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((mist.address, mist.port))
            for i in range(harness.scaled(2000)):
                for j in range(10):
                    sock.send(harness.make_query("n%d-%d.hole.example." % (i, j)).to_wire())
                start = time.monotonic()
                self.assertEqual(mist.query("a.home.example.").rcode(), dns.rcode.NOERROR)
                self.assert_good(mist.query("n%d.allowed.example." % i))
                slowest = max(slowest, time.monotonic() - start)
        self.assertLess(slowest, 5)  # the hole's own questions take twice as long
        self.assertLessEqual(hole.packets, 3 * 10 * harness.scaled(2000))

    def test_ports_and_ids(self):
        """20,000 questions leave from at least 12,000 ports (a tenth of both without MIST_LONG)."""
        total = harness.scaled(20000)
        ports, ids = set(), [0] * 256
        upstream = harness.Upstream()

        def serve_udp():
            while not upstream.ended:
                try:
                    data, peer = upstream.udp_socket.recvfrom(65535)
                except OSError:
                    continue
                if len(data) < 12:
                    continue
                ports.add(peer[1])
                ids[data[0]] += 1
                end = data.index(b"\0", 12) + 5
                upstream.udp_socket.sendto(
                    data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + data[12:end] +
                    b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\7", peer)
        upstream.serve_udp = serve_udp
        mist, _ = self.serve(upstream)
        wires = [harness.make_query("n%d.allowed.example." % i).to_wire() for i in range(total)]
        for data in harness.ask_all(mist, wires, window=128):
            self.assertEqual(data[3] & 15, dns.rcode.NOERROR)
        self.assertGreaterEqual(len(ports), total * 0.6)
        expected = sum(ids) / 256
        self.assertLess(sum((n - expected) ** 2 / expected for n in ids), 330.5)  # p = 0.001

    # ---- ourselves

    def test_loop(self):
        address, port = harness.free_endpoint("127.0.0.1")
        mist = self.enterContext(harness.Mist({
            "listen": {"port": port, "fallback": "fail"}, "workers": 2,
            "forward": {"upstreams": ["%s:%d" % (address, port)], "allow": [".allowed.example"]}}))
        response = mist.query(NAME, edns=0)
        self.assertEqual(response.rcode(), dns.rcode.SERVFAIL)
        self.assertEqual(len(harness.ede(response)), 1)

    def test_loop_by_another_address(self):
        """Listening everywhere, with an upstream that is this machine by another of its addresses."""
        _, port = harness.free_endpoint("127.0.0.1")
        mist = self.enterContext(harness.Mist({
            "listen": {"address": "0.0.0.0", "allow_non_loopback": True, "port": port,
                       "fallback": "fail"},
            "forward": {"upstreams": ["127.1.2.3:%d" % port], "allow": [".allowed.example"]}}))
        mist.address = "127.0.0.1"
        response = mist.query(NAME, edns=0)
        self.assertEqual((response.rcode(), harness.ede(response)), (dns.rcode.SERVFAIL, [0]))

    def test_cut_in_a_signed_zone(self):
        """Forwarded names in a zone of ours lose AA, AD, DNSSEC records and the authority section."""
        signature = "A 13 3 60 20400101000000 20240101000000 1 land. AAAA"

        def handler(query, _tcp):
            name = query.question[0].name.to_text()
            rdtype = dns.rdatatype.to_text(query.question[0].rdtype)
            soa = ["land. 60 IN SOA a. b. 1 2 3 4 30", "land. 60 IN NSEC zz.land. NS SOA RRSIG NSEC"]
            if rdtype in ("A", "RRSIG"):
                response = answer_for(query, [name + " 60 IN A " + GOOD, name + " 60 IN RRSIG " + signature],
                                      ["land. 60 IN NS ns.land."], aa=True)
            else:
                response = answer_for(query, [], soa, aa=True,
                                      rcode=dns.rcode.NXDOMAIN if rdtype == "TXT" else dns.rcode.NOERROR)
            response.flags |= dns.flags.AD
            return response

        mist, _ = self.serve(handler, zones=[{"name": "editor.land"}], allow=["update.editor.land"])
        for rd in (True, False):
            response = mist.query("update.editor.land.", dnssec=True, rd=rd)
            self.assert_good(response)
            self.assertEqual(response.authority, [])
            self.assertFalse(harness.flags(response) & {"AA", "AD"})
        for rdtype, rcode in (("AAAA", "NOERROR"), ("TXT", "NXDOMAIN"), ("RRSIG", "NOERROR")):
            response = mist.query("update.editor.land.", rdtype, dnssec=True)
            self.assertEqual(dns.rcode.to_text(response.rcode()), rcode)
            if rdtype != "RRSIG":
                self.assertEqual(response.answer, [])
            self.assertEqual(sorted(harness.rrsets(response.authority)),
                             [("update.editor.land.", "SOA")] if not response.answer else [])
            self.assertFalse(harness.flags(response) & {"AA", "AD"})

    def test_tcp_client_waits(self):
        """Answers of one connection, some at once and some late; each finds its question."""
        mist, _ = self.serve(lambda query, tcp: after(0.2, good(query)), zones=[{"name": "home.example"}])
        names = ["a.home.example.", NAME, "b.home.example.", "x.allowed.example."]
        queries = [harness.make_query(name, id=i) for i, name in enumerate(names)]
        answers = {struct.unpack("!H", data[:2])[0]: dns.message.from_wire(data)
                   for data in mist.tcp(*[query.to_wire() for query in queries])}
        for i, name in enumerate(names):
            self.assertEqual(answers[i].question[0].name.to_text(), name)
            self.assertEqual(len(answers[i].answer), 1)


if __name__ == "__main__":
    unittest.main()
