"""Zones on their way to secondaries: what arrives is the zone, to whom it may go, and what has changed is what IXFR
says. (How other people's secondaries follow: test_followers.py.)
"""
import random
import re
import unittest

import dns.exception
import dns.query
import dns.rcode
import dns.versioned
import dns.xfr
import dns.zone

import harness
import moved
from moved import KEYS, NAME, OTHER, SECRET, SIGNED, change, records, serial_of, transferred


def without_signatures(texts):
    """For comparing what was signed at different times: serials and signatures out."""
    return {re.sub(r"^(\S+ \d+ SOA \S+ \S+) \d+", r"\1 0", text) for text in texts if " RRSIG " not in text}


def octets_of(output):
    """How long a transfer was, by what dig says."""
    return int(re.search(r"XFR size: .* bytes (\d+)", output).group(1))


def serve(transfer=("127.0.0.0/8",), notify=(), history="1MiB", hosts=500):
    """A mist that has the zone and signs it."""
    zone = {"name": NAME, "file": "moved.zone", "transfer": list(transfer), "update": ["127.0.0.0/8"]}
    config = {"zones": [zone], "tsig": KEYS, "transfer": {"notify": list(notify), "history": history}}
    return harness.Mist(config, files={"moved.zone": moved.text(hosts)})


class WhatArrives(unittest.TestCase):
    def test_the_zone_as_it_is_dumped(self):
        with serve() as mist:
            arrived = records(transferred(mist))
            dumped = dns.zone.from_text(mist.cli("dump", "moved.test").stdout, "moved.test", relativize=False)
            self.assertEqual(without_signatures(arrived), without_signatures(records(dumped)))
            self.assertGreater(sum(" RRSIG " in text for text in arrived), 1000)

    def test_ldns_finds_it_well_signed(self):
        with serve() as mist:
            moved.verify(mist)

    def test_made_zones(self):
        config = {"zones": [{"name": "made.test", "address": ["127.0.0.1", "::1"], "transfer": ["127.0.0.1"]}]}
        with harness.Mist(config) as mist:
            zone = transferred(mist, "made.test")
            self.assertEqual({r.to_text() for r in zone.get_rdataset("*.made.test.", "AAAA")}, {"::1"})

    def test_messages_are_filled(self):
        with serve() as mist:
            output = harness.dig(mist, "moved.test", "AXFR")
            messages = int(re.search(r"messages (\d+)", output).group(1))
            self.assertLess(octets_of(output) / messages, 65535)
            self.assertGreater(octets_of(output) / messages, 10000)


class ToWhom(unittest.TestCase):
    def refused(self, *args, **how):
        with self.assertRaises((dns.exception.DNSException, EOFError)) as caught:
            transferred(*args, **how)
        return str(caught.exception)

    def test_an_address(self):
        with serve(transfer=["127.0.0.77"]) as mist:
            self.refused(mist)
            self.assertTrue(transferred(mist, source="127.0.0.77"))

    def test_a_key(self):
        with serve(transfer=["xfr-key"]) as mist:
            self.assertIn("REFUSED", self.refused(mist))
            self.assertEqual(records(transferred(mist, **SIGNED)), records(transferred(mist, **SIGNED)))
            for key, secret in (("xfr-key", OTHER), ("other-key", OTHER), ("no-key", OTHER)):
                output = harness.dig(mist, "moved.test", "AXFR", "-y", "hmac-sha512:%s:%s" % (key, secret),
                                     check=False)
                self.assertIn("Transfer failed", output, key)
            for rdtype in ("SOA", "A"):  # a secondary with a key signs its questions too
                output = harness.dig(mist, "moved.test", rdtype, "-y", "hmac-sha512:xfr-key:" + SECRET)
                self.assertIn("NOERROR", output)
                self.assertNotIn("Couldn't verify", output)

    def test_both_at_once(self):
        with serve(transfer=["xfr-key@127.0.0.77"]) as mist:
            self.refused(mist, **SIGNED)
            self.refused(mist, source="127.0.0.77")
            self.assertTrue(transferred(mist, source="127.0.0.77", **SIGNED))

    def test_not_over_udp(self):
        with serve() as mist:
            self.assertEqual(mist.query("moved.test", "AXFR").rcode(), dns.rcode.FORMERR)


class Changes(unittest.TestCase):
    """IXFR: whoever applies what it gets has the zone."""

    def test_applied_they_are_the_zone(self):
        random_ = random.Random(7)
        with serve() as mist:
            copy = dns.versioned.Zone("moved.test.", relativize=False)
            for turn in range(harness.scaled(500)):
                query, serial = dns.xfr.make_query(copy)
                self.assertEqual(serial is None, turn == 0)
                mode = random_.choice((dns.query.UDPMode.NEVER, dns.query.UDPMode.TRY_FIRST))
                dns.query.inbound_xfr(mist.address, copy, query, port=mist.port, udp_mode=mode,
                                      lifetime=harness.DEADLINE)
                self.assertEqual(records(copy), records(transferred(mist)), turn)
                if turn % 10 == 9:
                    moved.verify(mist)
                for _ in range(random_.randrange(4)):  # none, one, or some to be condensed
                    change(mist, random_)

    def test_they_are_small(self):
        with serve() as mist:
            whole = octets_of(harness.dig(mist, "moved.test", "AXFR"))
            serial = serial_of(mist)
            change(mist, random.Random(1))
            changes = octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % serial))
            self.assertLess(changes, whole / 20)
            change(mist, random.Random(2))
            harness.until(lambda: serial_of(mist) > serial, "the second change")
            self.assertLess(octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % serial)), whole / 20)

    def test_what_is_not_known_is_the_whole(self):
        with serve() as mist:
            whole = octets_of(harness.dig(mist, "moved.test", "AXFR"))
            old = octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % ((serial_of(mist) - 1000) % 2**32)))
            self.assertAlmostEqual(old, whole, delta=100)
            self.assertLess(octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % serial_of(mist))), 200)

    def test_a_bounded_history(self):
        with serve(history="1KiB") as mist:
            serial, whole = serial_of(mist), octets_of(harness.dig(mist, "moved.test", "AXFR"))
            for i in range(5):
                change(mist, random.Random(i))
            self.assertGreater(octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % serial)), whole / 2)


if __name__ == "__main__":
    unittest.main()
