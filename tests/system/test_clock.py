"""Signed zones that are edited while the clock moves, for more than a year: what is served is valid by that clock."""
import random
import threading
import time
import unittest

import dns.rdatatype
import dns.update

import harness
import moved
from harness import Clock, Mist, delv

ENGINE_FREE = True  # what is signed and published does not hang on how packets come

DAY = 86400
ZONE = """$TTL 300
@ IN SOA ns host 7 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 127.0.0.9
*.wild A 127.0.0.8
cut NS ns.cut
ns.cut A 127.0.0.7
"""
CONFIG = {"zones": [{"name": "a.test", "file": "a.zone", "transfer": ["127.0.0.0/8"], "update": ["127.0.0.0/8"]}]}


class Time(unittest.TestCase):
    def setUp(self):
        self.clock = self.enter(Clock())
        self.set(-30 * DAY)
        self.mist = self.enter(Mist(CONFIG, files={"a.zone": ZONE}, env=self.clock.env))
        self.anchor = self.mist.cli("trust-anchor", "a.test", "--format", "bind").stdout

    def enter(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def set(self, seconds):
        self.offset = seconds
        self.clock.set(seconds)

    def now(self):
        return time.time() + self.offset

    def judge(self, *wanted):
        for name, rdtype, want in wanted:
            verdict, text = delv(self.mist, name, rdtype, self.anchor, "a.test", self.clock.env)
            self.assertEqual(verdict, want, "day %d: %s" % (self.offset / DAY, text))

    def test_jumps(self):
        """It starts a month behind and jumps, also back: after the first edit at each moment, everything is valid for a
        validator with the same clock."""
        serial = 0
        for days in [*range(-30, 0, 10), *range(0, 401, 40), 200, 390, 10]:
            self.set(days * DAY)
            name = "t%d.a.test" % abs(days)
            self.mist.cli("zone", "edit", "a.test", "--add", "%s. A 127.0.0.2" % name)
            self.judge((name, "A", "secure"), ("www.a.test", "A", "secure"),
                       ("none.a.test", "A", "negative secure"))
            now = self.mist.query("a.test", "SOA").answer[0][0].serial
            self.assertGreater(now, serial)
            serial = now

    def test_day_by_day(self):
        """It runs, faster than clocks do, from 30 days ago to day 400, and edits go on: no signature of any answer or
        of the whole zone is ever outside its time, nor will be as long as the answer may be kept."""
        random_ = random.Random(4)
        over, edits = threading.Event(), [0]

        def edit():
            while not over.is_set():
                message = dns.update.Update("a.test")
                message.replace("e%d" % random_.randrange(30), 300, "TXT", '"%d"' % edits[0])
                message.delete("e%d" % random_.randrange(30))
                moved.update(self.mist, message)
                edits[0] += 1

        editor = threading.Thread(target=edit)
        editor.start()
        judged = steps = 0
        try:
            while self.offset < (400 if harness.LONG else 30) * DAY:
                before = edits[0]
                self.set(self.offset + random_.randrange(1, DAY if harness.LONG else 2 * DAY))
                steps += 1
                judged += self.judge_signatures()
                harness.until(lambda: edits[0] > before + 1 or not editor.is_alive(), "an edit")
                self.assertTrue(editor.is_alive())
                judged += self.judge_signatures()
                if steps % 20 == 0:
                    self.judge(("www.a.test", "A", "secure"), ("none.a.test", "A", "negative secure"),
                               ("x.wild.a.test", "A", "secure"), ("cut.a.test", "DS", "negative secure"))
        finally:
            over.set()
            editor.join()
        print("%d edits in %d steps of the clock, %d signatures in their time" % (edits[0], steps, judged), flush=True)

    def judge_signatures(self):
        """How many signatures there were; the clock does not move meanwhile."""
        zone = moved.transferred(self.mist, "a.test")
        signatures = [(rdataset.ttl, rdata) for _, rdataset in zone.iterate_rdatasets()
                      if rdataset.rdtype == dns.rdatatype.RRSIG for rdata in rdataset]
        for name in "www", "none", "x.wild", "e1", "cut":
            response = self.mist.query(name + ".a.test", dnssec=True)
            signatures += [(rrset.ttl, rdata) for rrset in response.answer + response.authority
                           if rrset.rdtype == dns.rdatatype.RRSIG for rdata in rrset]
        now = self.now()
        for ttl, signature in signatures:
            self.assertLessEqual(signature.inception, now)
            self.assertLess(now + ttl, signature.expiration)
        self.assertGreater(len(signatures), 10)
        return len(signatures)


if __name__ == "__main__":
    unittest.main(verbosity=2)
