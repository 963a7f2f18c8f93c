"""The load generator of bench/ against servers that answer wrong, late or not at all: what it says about
servers is only worth something if it would notice."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock

import dns.flags
import dns.rcode

import harness

sys.path.insert(0, os.path.join(harness.ROOT, "bench"))
import beside  # noqa: E402
import changing  # noqa: E402
import figures  # noqa: E402
import measure  # noqa: E402
import patterns  # noqa: E402
import plots  # noqa: E402
import publish  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import rounds  # noqa: E402
import servers  # noqa: E402
import versions  # noqa: E402
import zones  # noqa: E402

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
        for options in ([], ["--sockets", "4", "--window", "5"], ["--rate", "2000"],
                        ["--rate", "2000", "--tick", "5000", "--sockets", "4", "--window", "2"], ["--do"], ["--cookies"],
                        ["--tcp"], ["--tcp", "--sockets", "3", "--window", "4"], ["--sources", "3", "--sockets", "4"],
                        ["--tcp", "--per-connection", "1", "--sources", "2"], ["--segment", "--gro", "--window", "8"]):
            with self.subTest(options):
                result = self.asked(right, *options)
                self.assertEqual([result[key] for key in ("sent", "answered", "wrong", "lost", "late", "broken")],
                                 [40, 40, 0, 0, 0, 0])
                latency = result["latency_us"]
                self.assertTrue(0 < latency["p50"] <= latency["p99"] <= latency["max"], latency)

    def test_how_it_waits(self):
        """Whether it sleeps, looks all the time or computes after each answer changes nothing about what it asks."""
        for options in (["--rate", "2000", "--spin"], ["--rate", "2000", "--pauses"], ["--think", "5000", "--pauses"]):
            with self.subTest(options):
                result = self.asked(right, *options)
                self.assertEqual([result[key] for key in ("sent", "answered", "lost")], [40, 40, 0])
                # absent where a thread of ours may not go before all others
                self.assertTrue(0 <= result.get("paused", 0) <= 1, result)
        self.assertGreaterEqual(result["seconds"], 39 * 0.005)

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

    def test_versions(self):
        stamp = ["srv.example.test. 60 IN SRV 1 2 0 www.example.test."]     # 65,538

        def versions_of(address):
            return lambda query: harness.answer_for(query, stamp, [], ["www.example.test. 60 IN A 10." + address])
        questions = {"questions": "srv.example.test SRV 0 1 0\n"}
        for address, options, wrong in (("1.0.2", ["--stamped"], 0), ("1.0.3", ["--stamped"], 40), ("1.0.3", [], 0)):
            result = self.asked(versions_of(address), *options, **questions)
            self.assertEqual((result["wrong"], result["reasons"]["mixed"]), (wrong, wrong), result)

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
        self.assertIn("usage", self.load(server, "--think", "300", "--sockets", "2", check=2))
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
        # a round without a value counts on neither side, and does not shift the others
        found = figures.paired([1, None, 6, 8], [2, 5, 3, 4])
        self.assertEqual((found["ratio"], found["rounds"], found["interval"]), (2, 3, None))
        ratios = figures.paired(range(1, 16), [1] * 15)
        self.assertEqual((ratios["ratio"], ratios["interval"], ratios["rounds"]), (8, (4, 12), 15))

    def test_generators_side_by_side(self):
        def one(sent, rate, buckets, longest):
            counts = {key: sent for key in ("sent", "answered", "lost", "late", "wrong", "connections", "broken")}
            return {**counts, "rate": rate, "reasons": {"rcode": sent}, "buckets_us": buckets,
                    "latency_us": {"max": longest}}
        whole = figures.merge([one(1, 10, [[5, 98], [9, 1]], 8), one(2, 20, [[5, 1], [20, 1]], 19)])
        self.assertEqual((whole["sent"], whole["rate"], whole["reasons"]), (3, 30, {"rcode": 3}))
        self.assertEqual(whole["latency_us"], {"p50": 5, "p90": 5, "p99": 9, "p99.9": 19, "max": 19})

    def test_middle_half(self):
        self.assertEqual(figures.middle_half([5]), (5, 5))
        self.assertEqual(figures.middle_half(range(1, 9)), (3, 6))

    def test_numbers(self):
        self.assertEqual([figures.number(v) for v in (None, 1.234, 12.34, 123.4, 12345, 1234567)],
                         ["-", "1.23", "12.3", "123", "12k", "1.23M"])

    def test_others(self):
        """Whom this one started is not among the others."""
        with subprocess.Popen(["sleep", "60"]) as process:
            self.assertIn(process.pid, measure.tree(os.getpid()))
            self.assertIn(os.getpid(), measure.processes())
            before = measure.others_us()
            self.assertGreaterEqual(before, 0)
            process.kill()
        idle, busy = measure.counters()
        self.assertTrue(idle >= 0 and busy > 0)

    def test_cpu_of_threads_that_ended(self):
        before = measure.cpu_us([os.getpid()])
        thread = threading.Thread(target=lambda: sum(range(1000000)))
        thread.start()
        thread.join()
        self.assertGreater(measure.cpu_us([os.getpid()]), before)
        self.assertEqual(measure.cpu_us([2 ** 22 + 1]), 0)      # nobody has that number

    def test_calls(self):
        self.assertEqual(measure.read_calls("# started\n\n1234;;raw_syscalls:sys_enter;5;100.00;;\n"), 1234)
        self.assertEqual(measure.read_calls("100.00 0.1 9 77 3 total\n"), 77)
        self.assertIsNone(measure.read_calls("<not counted>;;raw_syscalls:sys_enter;0;0;;\n"))


class Rounds(unittest.TestCase):
    def script(self, others):
        """A run that is disturbed as the list says, and what order the labels came in."""
        order = []
        rest = iter(others)

        def run(label):
            order.append(label)
            return {"others": next(rest), "number": len(order)}
        return run, order

    def test_turns(self):
        run, order = self.script([0] * 9)
        kept, again, disturbed = rounds.take(list("abc"), run, 3)
        self.assertEqual([sorted(order[i:i + 3]) for i in (0, 3, 6)], 3 * [list("abc")])
        self.assertEqual((len(kept), again, disturbed), (3, 0, 0))

    def test_everybody_runs_behind_everybody(self):
        orders = [rounds.order(list("abcd"), number) for number in range(15)]
        self.assertEqual(orders, [rounds.order(list("abcd"), number) for number in range(15)])
        behind = {pair for order in orders for pair in zip(order, order[1:])}
        self.assertEqual(len(behind), 12)
        self.assertEqual({order[0] for order in orders}, set("abcd"))

    def test_a_disturbed_run_is_taken_again_in_its_round(self):
        run, order = self.script([0, 0, 0, 0.5, 0, 0, 0])
        kept, again, disturbed = rounds.take(list("ab"), run, 3)
        self.assertEqual((len(order), again, disturbed), (7, 1, 0))
        last = order[3]          # of the second round, in which it was disturbed
        self.assertEqual((order[4], kept[1][last]["number"]), (last, 5))

    def test_care(self):
        for care, runs, disturbed in ((rounds.Care(0.3, 4, 9), 5, 1), (rounds.Care(0.3, 4, 0.25), 5, 1),
                                      (rounds.Care(0.3, 4, 0), 2, 2), (rounds.Care(0.45, 4, 9), 2, 0)):
            run, order = self.script([0.4, 0.4, 0.4, 0.4, 0.1] if runs == 5 else [0.4, 0.4])
            self.assertEqual(rounds.take(["a"], run, 2, care)[2], disturbed, care)
            self.assertEqual(len(order), runs, care)

    def test_the_quietest_try_counts_and_it_ends(self):
        run, order = self.script([0.9, 0.2, 0.3] + [0.4])
        kept, again, disturbed = rounds.take(["a"], run, 2)
        self.assertEqual((len(order), again, disturbed), (4, 2, 2))
        self.assertEqual([figures["a"]["others"] for figures in kept], [0.2, 0.4])

    def test_wrong_answers_of_every_try_count(self):
        rest = iter([(0.9, 2), (0.2, 0), (0.3, 1), (0, 0)])
        kept, again, _ = rounds.take(["a"], lambda _: dict(zip(("others", "wrong"), next(rest))), 2)
        self.assertEqual((again, [figures["a"] for figures in kept]),
                         (2, [{"others": 0.2, "wrong": 3}, {"others": 0, "wrong": 0}]))

    def test_nobody(self):
        self.assertEqual(rounds.take([], None, 3), ([], 0, 0))


def part(cpu, pattern="stubs", count=15, disturbed=0, **more):
    """A pattern as the bench leaves it; `cpu` is {label: microseconds of every round}."""
    def run(value):
        return {"rate": 1e6 / value, "cpu_us": value, "busy_us": 2 * value, "sleeps": 0, "p50": 3 * value,
                "p90": 4 * value, "p99": 5 * value, "p99.9": 6 * value, "max": 7 * value, "octets": 67, "others": 0,
                "sent": 10, "answered": 10, "lost": 0, "late": 0, "wrong": 0, "broken": 0, "reasons": {}}
    return {"title": pattern, "metric": "cpu_us", "load": [], "place": "pinned", "questions": "equal", "setup": "zone",
            "burners": False, "group": "", "problems": [],
            "taken": {"date": "2000-01-01 00:00 UTC", "commit": "abc", "rounds": count, "seconds": 1, "again": 0,
                      "disturbed": disturbed, "others": 0},
            "entries": {label: {"runs": [run(value) for _ in range(count)], "calls": [], "dnsperf": None}
                        for label, value in cpu.items()}, **more}


class Results(unittest.TestCase):
    def setUp(self):
        self.result = results.empty()

    def test_several_invocations_are_one_result(self):
        with tempfile.TemporaryDirectory() as directory:
            results.add(self.result, "patterns", "pipelined", part({"mist": 1}))
            results.add(self.result, "patterns", "stubs", part({"mist": 2, "gdnsd": 2, "nsd": 4}))
            results.save(self.result, directory)
            result = results.load(directory)
            results.add(result, "patterns", "pipelined", part({"mist": 1, "knot": 2}, problems=["lost"]))
            results.save(result, directory)
            result = results.load(directory)
            self.assertEqual(sorted(result["patterns"]), ["pipelined", "stubs"])
            self.assertEqual(results.problems(result), ["lost"])
            self.assertIn("nsd", result["remarks"])
            results.add(result, "patterns", "pipelined", part({"mist": 3, "knot": 4}))
            self.assertEqual(results.problems(result), [])
            self.assertEqual(report.centre(result["patterns"]["pipelined"]["entries"]["mist"], "cpu_us"), 3)
            self.assertEqual(list(results.parts(result)), ["stubs", "pipelined"])
            self.assertTrue(results.done(result, "stubs", 15))
            self.assertFalse(results.done(result, "stubs", 16))
            self.assertFalse(results.done(result, "tail", 1))
            self.assertEqual(sorted(os.listdir(directory)), ["result.json"])

    def test_another_machine(self):
        self.result["machine"]["cpu"] = "another"
        with self.assertRaisesRegex(ValueError, "another machine"):
            results.add(self.result, "patterns", "stubs", part({"mist": 2}))

    def test_preliminary(self):
        results.add(self.result, "patterns", "stubs", part({"mist": 2}))
        results.add(self.result, "patterns", "cookies", part({"mist": 2}, count=7))
        self.assertEqual(results.preliminary(self.result), [])
        results.add(self.result, "patterns", "stubs", part({"mist": 2}, count=14))
        results.add(self.result, "patterns", "tail", part({"mist": 2}, disturbed=4))
        results.add(self.result, "patterns", "tcp", part({"mist": 2}, disturbed=3))
        few, disturbed = results.preliminary(self.result)
        self.assertIn("stubs", few)
        self.assertTrue(disturbed.endswith("of tail (5 %)"), disturbed)


class Bars(unittest.TestCase):
    def verdicts(self, *found, higher=False):
        bar = patterns.Bar(1, "stubs", "cpu_us", ("gdnsd",), *found[:2], higher=higher)
        return report.verdict(bar, {"ratio": found[2]})

    def test_verdicts(self):
        for must, reach, ratio, verdict in ((1.05, 1, 1.06, "missed"), (1.05, 1, 1.05, "met"), (1.05, 1, 1, "reached"),
                                            (0.9, None, 0.9, "met"), (0.9, None, 0.91, "missed"),
                                            (None, None, 7, "reported"), (None, 0.9, 0.91, "not reached"),
                                            (None, 0.9, 0.9, "reached")):
            self.assertEqual(self.verdicts(must, reach, ratio), verdict, (must, reach, ratio))
        self.assertEqual(self.verdicts(1.4, 2, 1.5, higher=True), "met")
        self.assertEqual(self.verdicts(1.4, 2, 1.3, higher=True), "missed")

    def test_ratios(self):
        found = report.bars({"stubs": part({"mist": 2, "gdnsd": 2, "knot": 4})})
        self.assertEqual([(each["against"], each["metric"], each["ratio"], each["interval"], each["rounds"])
                          for each in found],
                         [("gdnsd", "cpu_us", 1, (1, 1), 15), ("knot", "cpu_us", 0.5, (0.5, 0.5), 15),
                          ("gdnsd", "busy_us", 1, (1, 1), 15)])

    def test_only_the_best_counts(self):
        found = report.bars({"single": part({"mist": 4, "gdnsd": 3, "gdnsd+workers=1": 2, "nsd": 5})})
        self.assertEqual([(each["against"], each["ratio"]) for each in found if each["metric"] == "p50"],
                         [("gdnsd+workers=1", 2)])

    def test_a_value_alone_has_an_interval(self):
        one = part({"mist": 2}, title="start", metric="ms")
        for number, run in enumerate(one["entries"]["mist"]["runs"]):
            run["ms"] = number + 1
        found = report.bars({"start": one})
        self.assertEqual([(each["ratio"], each["interval"], each["verdict"]) for each in found],
                         [(8, (4, 12), "reached")])

    def test_every_bar_can_be_measured(self):
        known = {pattern.name: [*pattern.servers, *("mist:" + name for name in pattern.beside)]
                 for pattern in patterns.PATTERNS}
        for bar in patterns.BARS:
            if bar.pattern in known:
                self.assertIn(bar.ours, known[bar.pattern], bar)
                self.assertTrue(set(bar.theirs) <= set(known[bar.pattern]), bar)
        self.assertEqual({bar.number for bar in patterns.BARS}, set(range(1, 17)))
        self.assertEqual([row[0] for row in patterns.ROWS], list(range(1, 17)))


class Publishing(unittest.TestCase):
    PAGE = "# Page\n\n<!-- bench: machine -->\nold\n<!-- bench: end -->\n\nby hand\n\n<!-- bench: bars -->\n" \
           "<!-- bench: end -->\n<!-- bench: other -->\nkept\n<!-- bench: end -->\n"

    def published(self, result):
        with tempfile.TemporaryDirectory() as directory:
            docs, out = (os.path.join(directory, name) for name in ("docs", "out"))
            for each in (docs, os.path.join(out, "configurations")):
                os.makedirs(each)
            for name in ("stubs.knot", "tail.knot"):
                with open(os.path.join(out, "configurations", name), "w") as file:
                    file.write("listen: ADDRESS@PORT\n")
            with open(os.path.join(docs, "PERFORMANCE.md"), "w") as file:
                file.write(self.PAGE)
            with open(os.path.join(directory, "README.md"), "w") as file:
                file.write("<!-- bench: glance -->\n<!-- bench: end -->\n")
            publish.publish(result, out, docs)
            first = self.read(directory)
            publish.publish(result, out, docs)
            self.assertEqual(self.read(directory), first)
            return first

    def read(self, directory):
        found = {}
        for where, _, names in os.walk(directory):
            for name in names:
                with open(os.path.join(where, name)) as file:
                    found[name] = file.read()
        return found

    def test_between_the_markers(self):
        result = results.empty()
        results.add(result, "patterns", "stubs", part({"mist": 2, "gdnsd": 2, "nsd": 4}))
        known = self.published(result)
        page = known["PERFORMANCE.md"]
        self.assertNotIn("old", page)
        self.assertIn("\n\nby hand\n\n", page)
        self.assertIn("kept", page)
        self.assertIn("commit abc", page)
        self.assertIn("stubs, CPU / gdnsd: **1.00** (1.00 to 1.00)", page)
        self.assertIn("docs/bench/bars.svg", known["README.md"])
        self.assertIn("bars.svg", known)
        self.assertNotIn("stubs-rate.svg", known)       # no page shows it
        summary = json.loads(known["result.json"])
        self.assertEqual(summary["stubs / nsd"]["cpu_us"], [4, 0])
        self.assertEqual(known["configurations.md"].count("listen:"), 1)
        self.assertIn("## stubs.knot, tail.knot\n", known["configurations.md"])

    def test_what_nsd_lacks_stands_beside_it(self):
        self.assertIn("| nsd (no recvmmsg) |", report.table(part({"nsd": 4})))
        self.assertIn("nsd+workers=1 (no recvmmsg)", plots.servers("t", ("x", "us"), False, [("nsd+workers=1", [1])]))

    def test_a_group_is_one_table(self):
        both = {name: part({"mist+steer=cpu+pin=true": 2}, title=name) for name in ("one", "many")}
        self.assertIn("| steer: cpu, pin: true | 500k ±0.0 % | 2.00 ±0.0 % | 6.00 ±0.0 % | 500k",
                      report.group_table(both))


class Sites(unittest.TestCase):
    def test_what_is_judged(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "questions")
            for judged, expected in (("strict", "3 0 1"), ("loose", "3 0 -"), ("form", "- - -")):
                zones.write_questions(path, [("no", "A", 3, 0, 1)], judged)
                with open(path) as file:
                    self.assertEqual(file.read(), "no.editor.land A %s\n" % expected)

    def test_configurations_show_no_places(self):
        site = zones.Site("/site", None)
        nsd = servers.Nsd({zones.ZONE: "/site/zone"}, workers=1)
        nsd.address, nsd.port = "127.1.2.3", 1024
        with open(nsd.path("conf"), "w") as file:
            file.write(nsd.config())
        text = servers.shown_configuration(nsd, site)
        nsd.close()
        self.assertIn('ip-address: ADDRESS@PORT\n', text)
        self.assertIn('zonefile: "ZONES/zone"', text)
        self.assertNotIn(nsd.directory, text)

    def test_affinity_of_nsd(self):
        for how, wanted in (({"affinity": True}, self.assertRegex), ({}, self.assertNotRegex)):
            nsd = servers.Nsd({zones.ZONE: "zone"}, workers=2, **how)
            nsd.address, nsd.port = "127.0.0.1", 1
            wanted(nsd.config(), r"server-2-cpu-affinity: \d+\n")
            nsd.close()


class Changing(unittest.TestCase):
    QUESTION = harness.make_query(zones.ZONE, "SOA", rd=False)

    def serial(self, *sections, **how):
        answer = harness.answer_for(self.QUESTION, *sections, **how).to_wire()
        return changing.serial_of(answer, self.QUESTION.to_wire())

    def test_serials_are_of_answers_alone(self):
        soa = ["%s. 300 IN SOA %s" % (zones.ZONE, zones.SOA.replace(" 1 ", " 4026531840 "))]
        self.assertEqual(self.serial(soa), 4026531840)
        self.assertIsNone(self.serial(soa, rcode=dns.rcode.REFUSED))
        self.assertIsNone(self.serial([], soa))
        self.assertIsNone(self.serial())

    def test_every_change_is_seen_and_valid(self):
        with tempfile.TemporaryDirectory() as directory:
            path = changing.write_zone(os.path.join(directory, "zone"), 20)
            with changing.make("mist", path, 2) as server:
                changer = changing.Changer(server, 20)
                changer.run(3)       # the serial of the file may be behind the date
                first = changer.serial
                figures_of = changer.run(9)
                self.assertEqual(changer.serial - first & 0xffffffff, 9)
                self.assertEqual(len(figures_of["first"]), 9)
                self.assertGreaterEqual(changer.signatures(), 2)
                self.assertEqual(changer.invalid(), [])
                changer.changed[-2] = (changer.changed[-2][0], "192.0.2.254")
                changer.changed.pop()
                self.assertNotEqual(changer.invalid(), [], "it would not notice")
                changer.close()

    def test_it_ends_with_as_many_of_each_kind(self):
        changer = changing.Changer.__new__(changing.Changer)
        changer.connect, changer.written, changer.change = (lambda: None), (lambda: 0), (lambda: (1, 2, 3))
        with unittest.mock.patch.object(changing, "ENOUGH", 0):
            self.assertEqual(len(changer.run(30)["first"]), changing.KINDS)
        self.assertEqual(len(changer.run(30)["first"]), 30)


@unittest.skipUnless(os.path.exists(LOAD), "built without the bench")
class Beside(unittest.TestCase):
    def test_every_version_is_seen_whole(self):
        for way, kind in beside.WAYS.items():
            with self.subTest(way), kind(50) as server:
                for _ in range(2):           # versions go on where they were
                    server.begin(0.5)
                    with versions.Sampler(server, server.progress) as sampler:
                        commits = server.end()
                    seen, problems = sampler.judge()
                    self.assertEqual(problems, [])
                    self.assertGreater(commits["commits"], 0)
                    self.assertGreater(seen["versions"], 0)
                    self.assertGreater(seen["signatures"], seen["samples"])
                self.assertEqual(server.progress.committed, server.progress.begun)
                self.assert_noticed(server, sampler)

    def assert_noticed(self, server, sampler):
        """What is made worse by hand."""
        (which, committed, message, begun), = [each for each in sampler.kept if each[0] == 0][-1:]
        version = server.progress.committed
        broken = bytearray(message)
        broken[-40] ^= 1                     # in the signature, before 11 octets of OPT
        for kept, why in (((which, version + 1, message, version + 1), "committed before"),
                          ((which, 0, message, 0), "begun behind"), ((which, committed, bytes(broken), begun), "RRSIG"),
                          ((1, committed, message, begun), "another question")):
            sampler.kept = [kept]
            self.assertIn(why, " ".join(sampler.judge()[1]))
        judge = versions.Judge(changing.keys_of(server))
        judge.version = version + 1
        judge.look(which, 0, message, version)
        self.assertIn("after %d" % judge.version, judge.problems[0])


if __name__ == "__main__":
    unittest.main()
