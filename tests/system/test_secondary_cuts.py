"""Secondary zones whose transfers are cut, and programs that are killed: there is always a whole zone, before and
after."""
import contextlib
import os
import random
import signal
import tempfile
import threading
import time
import unittest

import dns.rcode
import dns.rdatatype

import harness
from primary import Primary, Stream, changes, served_version, stamp, version, zones_of


def setUpModule():
    """Transfers come in on threads of their own, which know no engine; time is short in the everyday run."""
    if harness.ENGINE == "uring" and not harness.LONG:
        raise unittest.SkipTest("with io_uring in the long run")


def whole_streams(names):
    """By what is asked: IXFR may be answered with the whole zone, too."""
    return {rdtype: Stream(rdtype, version(Stream.ZONE, Stream.SERIAL, names))
            for rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR)}


class Cuts(unittest.TestCase):
    """Streams of 20 kB, closed after each of their octets in turn: the whole zone, and changes. Hundreds of zones, as
    each tries again after a second."""
    WHOLE, CHANGES = 220, 102  # names, for 20 kB each
    STEP = 1 if harness.LONG else 40

    def setUp(self):
        self.wholes = {names: whole_streams(names) for names in (self.WHOLE, self.CHANGES)}
        self.changes = Stream("IXFR", changes(Stream.ZONE, Stream.SERIAL, self.CHANGES))
        self.zones = {"a%03d.test." % i: self.WHOLE for i in range(200 if harness.LONG else 100)}
        self.zones.update({"i%03d.test." % i: self.CHANGES for i in range(300 if harness.LONG else 100)})
        self.cutting = {}      # the octets that are left to be cut at, by the kind of a stream
        self.done = {kind: threading.Event() for kind in "ai"}
        self.lock = threading.Lock()

    def whole(self, query):
        name = query.question[0].name.to_text()
        return self.wholes[self.zones[name]][query.question[0].rdtype].of(query, self.primary.serials[name])

    def cut(self, kind, octets):
        with self.lock:
            at = next(self.cutting[kind], None)
        if at is None:
            self.done[kind].set()
        return octets[:at or 0]

    def cut_stream(self, query):
        """Of the one zones both forms, of the others changes alone: the whole is refused."""
        kind = query.question[0].name.to_text()[0]
        if kind == "a":
            return self.cut(kind, self.whole(query))
        if query.question[0].rdtype == dns.rdatatype.IXFR:
            return self.cut(kind, self.changes.of(query, 2))
        return harness.framed(harness.answer_for(query, rcode=dns.rcode.REFUSED, ra=False).to_wire())

    def publish(self, mist, serial, stream):
        for zone in self.zones:
            self.primary.streams[zone] = stream
            self.primary.serials[zone] = serial
            self.primary.notify(mist, zone)

    def assert_version(self, mist, zones, serial):
        for zone in zones:
            self.assertEqual(served_version(mist, zone, self.zones[zone]), serial, zone)

    def test_cut_anywhere(self):
        sample = lambda: random.sample(list(self.zones), 10)  # noqa: E731
        with Primary() as self.primary:
            self.primary.serials = {zone: 1 for zone in self.zones}
            self.primary.streams = {zone: self.whole for zone in self.zones}
            with harness.Mist(zones_of(self.primary, self.zones)) as mist:
                harness.until(lambda: all(stamp(mist, zone) == 1 for zone in self.zones), "the first versions")
                for kind, stream in ("a", self.wholes[self.WHOLE][dns.rdatatype.AXFR]), ("i", self.changes):
                    self.assertGreater(len(stream.octets), 20000)
                    self.cutting[kind] = iter(range(0, len(stream.octets), self.STEP))
                    print("%d octets, cut at each %dth" % (len(stream.octets), self.STEP), flush=True)
                self.publish(mist, 2, self.cut_stream)
                while not all(done.wait(0.2) for done in self.done.values()):
                    self.assert_version(mist, sample()[:1], 1)
                self.assert_version(mist, self.zones if harness.LONG else sample(), 1)
                self.publish(mist, 2, lambda query: self.changes.of(query, 2)
                             if query.question[0].name.to_text()[0] == "i"
                             and query.question[0].rdtype == dns.rdatatype.IXFR else self.whole(query))
                harness.until(lambda: all(stamp(mist, zone) == 2 for zone in self.zones), "the second versions")
                self.assert_version(mist, self.zones if harness.LONG else sample(), 2)


class Kills(unittest.TestCase):
    """Killed in a transfer, while it writes or at any moment: it starts with a whole zone, which is no older than the
    one that it had on disk, and needs no primary for that."""
    ZONE, NAMES = "kill.test.", 1000 if harness.LONG else 300

    def setUp(self):
        self.random = random.Random(2)
        self.streams = whole_streams(self.NAMES)
        self.reached, self.over = threading.Event(), threading.Event()

    def whole(self, query):
        return self.streams[query.question[0].rdtype].of(query, self.primary.serials[self.ZONE])

    def held(self, query):
        """A part of the stream; the rest never comes."""
        octets = self.whole(query)
        yield octets[:self.random.randrange(len(octets))]
        self.reached.set()
        self.over.wait(harness.DEADLINE)

    def publish(self, mist):
        self.primary.serials[self.ZONE] += 1
        self.primary.notify(mist, self.ZONE)

    def into_a_transfer(self, mist):
        self.reached.clear()
        self.over.clear()
        self.primary.streams[self.ZONE] = self.held
        self.publish(mist)
        self.assertTrue(self.reached.wait(harness.DEADLINE))

    def into_a_write(self, mist):
        end = time.monotonic() + harness.DEADLINE
        again = 0
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.draft)  # of the kill before
        while not os.path.exists(self.draft):
            self.assertLess(time.monotonic(), end)
            if time.monotonic() > again:  # it was too quick for us
                self.publish(mist)
                again = time.monotonic() + 1

    def anywhere(self, mist):
        end = time.monotonic() + self.random.random() * 0.3
        while time.monotonic() < end:
            self.publish(mist)
            time.sleep(self.random.random() * 0.02)

    def kill(self, mist):
        process, mist.process = mist.process, None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        self.over.set()
        self.primary.streams[self.ZONE] = self.whole

    def start(self, mist):
        """Without a primary that would help; returns what it serves."""
        self.primary.refusing = True
        mist.start()
        version_ = served_version(mist, self.ZONE, self.NAMES)
        self.primary.refusing = False
        return version_

    def test_kill(self):
        ways = [self.into_a_transfer, self.into_a_write, self.anywhere]
        drafts = 0
        with Primary() as self.primary, tempfile.TemporaryDirectory() as directory:
            self.primary.serials[self.ZONE] = 1
            self.primary.streams[self.ZONE] = self.whole
            mist = harness.Mist(zones_of(self.primary, [self.ZONE]), keep=directory)
            file = os.path.join(mist.state_dir, "kill.test.secondary")
            self.draft = file + ".new"
            with mist:
                harness.until(lambda: os.path.exists(file), "its file")
                last = 1
                turns = 210 if harness.LONG else 21
                for turn in range(turns):
                    way = ways[turn % len(ways)]
                    way(mist)
                    self.kill(mist)
                    drafts += way == self.into_a_write and os.path.exists(self.draft)
                    found = self.start(mist)
                    self.assertIsInstance(found, int, turn)  # none: it was not served; mixed, half: not whole
                    self.assertTrue(last <= found <= self.primary.serials[self.ZONE], (turn, last, found))
                    last = found
        print("killed %d times, %d of them while the file was being written" % (turns, drafts), flush=True)
        self.assertGreater(drafts, turns // 10)


if __name__ == "__main__":
    unittest.main()
