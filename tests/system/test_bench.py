"""The load generator of bench/ against servers that answer wrong, late or not at all: what it says about
servers is only worth something if it would notice."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import dns.flags
import dns.rcode

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "bench"))
import figures  # noqa: E402
import measure  # noqa: E402

ENGINE_FREE = True
LOAD = os.path.join(os.path.dirname(harness.program()), "bench_load")
RECORD = ["www.example.test. 60 IN A 127.0.0.1"]


def right(query):
    return harness.answer_for(query, RECORD, aa=True)


def octets(query, change):
    """The right answer with a change to its octets."""
    data = bytearray(right(query).to_wire())
    return bytes(change(data) or data)


@unittest.skipUnless(os.path.exists(LOAD), "built without the bench")
class Generator(unittest.TestCase):
    def load(self, server, *options, questions="www.example.test A 0 1 0\n", check=0):
        with tempfile.NamedTemporaryFile("w", suffix=".questions") as file:
            file.write(questions)
            file.flush()
            done = subprocess.run([LOAD, "--server", server.address, "--port", str(server.port), "--queries",
                                   file.name, "--seconds", "20", *options], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
        self.assertEqual(done.returncode, check, done.stderr)
        return json.loads(done.stdout) if check == 0 else done.stderr

    def asked(self, handler, *options, **how):
        with harness.Upstream(lambda query, tcp: handler(query)) as upstream:
            return self.load(upstream, "--count", "40", *options, **how)

    def assert_wrong(self, handler, reason, *options):
        result = self.asked(handler, *options)
        self.assertEqual((result["answered"], result["wrong"], result["reasons"][reason]), (40, 40, 40), result)

    def test_right_answers(self):
        for options in ([], ["--sockets", "4", "--window", "5"], ["--rate", "2000"], ["--do"], ["--cookies"],
                        ["--tcp"], ["--tcp", "--sockets", "3", "--window", "4"], ["--sources", "3", "--sockets", "4"],
                        ["--tcp", "--per-connection", "1", "--sources", "2"], ["--segment", "--gro", "--window", "8"]):
            with self.subTest(options):
                result = self.asked(right, *options)
                self.assertEqual([result[key] for key in ("sent", "answered", "wrong", "lost", "late", "broken")],
                                 [40, 40, 0, 0, 0, 0])
                latency = result["latency_us"]
                self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["max"], latency)

    def test_wrong_answers(self):
        def truncated(query):
            response = right(query)
            response.flags |= dns.flags.TC
            return response

        def empty(query):
            return harness.answer_for(query)

        self.assert_wrong(lambda query: harness.answer_for(query, RECORD, rcode=dns.rcode.NXDOMAIN), "rcode")
        self.assert_wrong(empty, "count")
        self.assert_wrong(empty, "count", "--tcp")
        self.assert_wrong(lambda query: harness.answer_for(query, RECORD, RECORD), "count")
        self.assert_wrong(truncated, "truncated")
        self.assert_wrong(lambda query: harness.wrong_question(right(query)), "question")
        self.assert_wrong(lambda query: query.to_wire(), "header")
        self.assert_wrong(lambda query: octets(query, lambda data: data[:-1]), "form")
        self.assert_wrong(lambda query: octets(query, lambda data: data + b"\0"), "form")

    def test_wrong_ids_and_short_messages_answer_nothing(self):
        for handler in (lambda query: harness.wrong_id(right(query)), lambda query: b"\0"):
            result = self.asked(handler, "--timeout", "0.2", "--sockets", "10", "--window", "4")
            self.assertEqual((result["answered"], result["lost"], result["late"]), (0, 40, 40))

    def test_losses(self):
        seen = []

        def every_other(query):
            seen.append(query)
            return right(query) if len(seen) % 2 else None

        for options in ([], ["--sockets", "4", "--window", "5"]):
            seen.clear()
            result = self.asked(every_other, "--timeout", "0.2", *options)
            self.assertEqual((result["sent"], result["answered"], result["lost"]), (40, 20, 20))

    def test_nobody_there(self):
        server = harness.Server()
        server.address, server.port = harness.free_endpoint()
        result = self.load(server, "--count", "8", "--timeout", "0.2", "--sockets", "2")
        self.assertEqual((result["answered"], result["lost"]), (0, 8))

    def test_any_value(self):
        result = self.asked(right, questions="# any\nwww.example.test. A\n\nwww.example.test TYPE1 - 1 # one\n")
        self.assertEqual(result["wrong"], 0)

    def test_refuses(self):
        server = harness.Server()
        server.address, server.port = "127.0.0.1", 5353
        for questions, why in (("", "no questions"), ("www A 0 1 0 7", "too many"), ("www", "no type"),
                               ("a..b A", "not a name"), ("www WWW", "not a type"), ("www A x", "not a number")):
            self.assertIn(why, self.load(server, questions=questions, check=2))
        for address in ("192.0.2.1", "2001:db8::1", "0.0.0.0", "localhost"):
            server.address = address
            self.assertIn("loopback only", self.load(server, check=2))


class Figures(unittest.TestCase):
    def test_median(self):
        self.assertEqual(figures.median([3, 1, 2]), 2)
        self.assertEqual(figures.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(figures.spread([1, 2, 3, 4, 100]), 1)

    def test_interval(self):
        # binomial tables: from 6 values minimum and maximum, from 15 the 4th and the 12th
        self.assertIsNone(figures.interval(range(5)))
        self.assertEqual(figures.interval(range(1, 7)), (1, 6))
        self.assertEqual(figures.interval(range(1, 16)), (4, 12))

    def test_paired(self):
        self.assertEqual(figures.paired([1, 4, 9], [2, 4, 3])["ratio"], 1)
        self.assertIsNone(figures.paired([], []))

    def test_calls(self):
        self.assertEqual(measure.read_calls("# started\n\n1234;;raw_syscalls:sys_enter;5;100.00;;\n"), 1234)
        self.assertEqual(measure.read_calls("100.00 0.1 9 77 3 total\n"), 77)
        self.assertIsNone(measure.read_calls("<not counted>;;raw_syscalls:sys_enter;0;0;;\n"))


if __name__ == "__main__":
    unittest.main()
