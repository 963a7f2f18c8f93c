"""Secondary zones of a primary that does what it is told to: what is bad leaves the zone as it is, it expires in time,
and a restart serves at once. (What is cut, and kills: test_secondary_cuts.py.)
"""
import contextlib
import os
import tempfile
import time
import unittest

import dns.message
import dns.rcode
import dns.rrset
import dns.update

import harness
from moved import serial_of
from primary import Primary, message, served_version, soa, stamp, version, zones_of


def setUpModule():
    """Transfers come in on threads of their own, which know no engine; time is short in the everyday run."""
    if harness.ENGINE == "uring" and not harness.LONG:
        raise unittest.SkipTest("with io_uring in the long run")


class BadPrimaries(unittest.TestCase):
    """What is bad or cut leaves the zone as it is."""

    def test_bad_ones(self):
        def change(sets, at, *others):
            return sets[:at] + list(others) + sets[at:]

        def plain(text):
            return dns.rrset.from_text(*text.split(None, 4)[:1], 300, *text.split(None, 4)[2:])
        bad = {
            "id": ("another question", lambda q, z: message(q, version(z, 2), id=q.id ^ 1)),
            "outside": ("does not belong", lambda q, z: message(
                q, change(version(z, 2), 3, plain("a.other.test. 300 IN A 192.0.2.1")))),
            "early-soa": ("SOA", lambda q, z: message(q, change(version(z, 2), 3, soa(z, 1)))),
            "behind": ("behind the end", lambda q, z: message(
                q, version(z, 2) + [plain("x.%s 300 IN A 192.0.2.1" % z)])),
            "no-soa": ("begins with the SOA", lambda q, z: message(q, version(z, 2)[1:])),
            "cname": ("CNAME", lambda q, z: message(
                q, change(version(z, 2), 3, plain("stamp.%s 300 IN CNAME ns.%s" % (z, z))))),
            "no-ns": ("NS", lambda q, z: message(q, [version(z, 2)[0], *version(z, 2)[2:]])),
            "refused": ("REFUSED", lambda q, z: harness.framed(harness.answer_for(
                q, rcode=dns.rcode.REFUSED, ra=False).to_wire())),
            "junk": ("", lambda q, z: harness.framed(b"\xff" * 100)),
            "short": ("", lambda q, z: harness.framed(b"")),
            "question": ("question", lambda q, z: message(
                dns.message.make_query("other.test", q.question[0].rdtype, id=q.id), version(z, 2))),
            "changes": ("", lambda q, z: message(q, [soa(z, 2), soa(z, 7), soa(z, 2), soa(z, 2)])),
            "unsigned": ("without the signature", None),
        }
        names = {what: "%s.test." % what for what in bad}
        with Primary() as primary:
            primary.serials = {zone: 1 for zone in names.values()}
            config = zones_of(primary, names.values())
            with harness.Mist(config) as mist:
                harness.until(lambda: all(stamp(mist, zone) == 1 for zone in names.values()), "the first versions")
                for what, zone in names.items():
                    stream = bad[what][1]
                    if stream:
                        primary.streams[zone] = lambda q, s=stream, z=zone: s(q, z)
                    else:  # from now on it has to be signed
                        entry = next(e for e in config["zones"] if e["name"] == zone)
                        entry["tsig"] = "xfr-key"
                    primary.serials[zone] = 2
                mist.configure(config)
                mist.cli("reload")
                before = dict(primary.transfers)
                listed = harness.until(lambda: self.all_failed(mist, names), "errors of all")
                harness.until(lambda: all(primary.transfers.get(z, 0) > before.get(z, 0) + 1 or w == "unsigned"
                                          for w, z in names.items()), "second tries")
                for what, zone in names.items():
                    self.assertEqual(served_version(mist, zone), 1, what)
                    self.assertIn(bad[what][0], listed[zone.rstrip(".")], what)

    @staticmethod
    def all_failed(mist, names):
        lines = {line.split()[0]: line for line in mist.cli("zone", "list").stdout.splitlines()}
        return lines if all(";" in lines[zone.rstrip(".")] for zone in names.values()) else None

    def test_a_serial_that_goes_back(self):
        zone = "back.test."
        with Primary() as primary:
            primary.serials[zone] = 5
            with harness.Mist(zones_of(primary, [zone])) as mist:
                harness.until(lambda: stamp(mist, zone) == 5, "the zone")
                primary.serials[zone] = 4
                self.assertEqual(primary.notify(mist, zone), dns.rcode.NOERROR)
                harness.until(lambda: "lies behind" in mist.cli("zone", "list").stdout, "the error")
                self.assertEqual(stamp(mist, zone), 5)

    def test_a_stream_without_an_end(self):
        """It costs one of four followers; the other zones follow, and stopping is quick."""
        def endless(query):
            yield message(query, version("endless.test.", 2)[:2])
            with contextlib.suppress(OSError):
                for i in range(1 << 40):
                    yield message(query, [dns.rrset.from_text("e%d.endless.test." % i, 300, "IN", "A", "192.0.2.1")],
                                  question=False)
        with Primary() as primary:
            primary.serials = {"endless.test.": 1, "other.test.": 1}
            with harness.Mist(zones_of(primary, primary.serials)) as mist:
                harness.until(lambda: all(stamp(mist, zone) == 1 for zone in primary.serials), "both")
                primary.streams["endless.test."] = endless
                primary.serials = {"endless.test.": 2, "other.test.": 2}
                for zone in primary.serials:
                    primary.notify(mist, zone)
                harness.until(lambda: stamp(mist, "other.test.") == 2, "the other one")
                self.assertEqual(stamp(mist, "endless.test."), 1)
                began = time.monotonic()
                mist.stop()
                self.assertLess(time.monotonic() - began, 5)


class Timers(unittest.TestCase):
    def test_refresh(self):
        zone = "refresh.test."
        with Primary() as primary:
            primary.serials[zone], primary.timers[zone] = 1, {"refresh": 1}
            with harness.Mist(zones_of(primary, [zone])) as mist:
                harness.until(lambda: stamp(mist, zone) == 1, "the zone")
                primary.serials[zone] = 2
                harness.until(lambda: stamp(mist, zone) == 2, "its next version", 10)

    def test_expiry(self):
        """SERVFAIL with a reason when it has expired, also over a restart; and it comes back."""
        zone = "expire.test."
        with Primary() as primary, tempfile.TemporaryDirectory() as directory:
            primary.serials[zone], primary.timers[zone] = 1, {"refresh": 1, "retry": 1, "expire": 4}
            with harness.Mist(zones_of(primary, [zone]), keep=directory) as mist:
                self.assertEqual(mist.query(zone, "SOA").rcode() in (dns.rcode.NOERROR, dns.rcode.SERVFAIL), True)
                harness.until(lambda: stamp(mist, zone) == 1, "the zone")
                time.sleep(6)  # confirmed again and again
                self.assertEqual(stamp(mist, zone), 1)
                primary.silent = True
                harness.until(lambda: mist.query(zone, "SOA").rcode() == dns.rcode.SERVFAIL, "its end", 15)
                response = mist.query(zone, "SOA", edns=0)
                self.assertEqual(harness.ede(response), [14])
                self.assertIn("has expired", mist.stderr)
                mist.stop()
                mist.start()
                self.assertEqual(mist.query(zone, "SOA").rcode(), dns.rcode.SERVFAIL)
                primary.silent = False
                harness.until(lambda: stamp(mist, zone) == 1, "its return", 20)

    def test_a_serial_after_the_end(self):
        """What had expired does not count any more: the primary may begin anew."""
        zone = "anew.test."
        with Primary() as primary:
            primary.serials[zone], primary.timers[zone] = 50, {"refresh": 1, "retry": 1, "expire": 3}
            with harness.Mist(zones_of(primary, [zone])) as mist:
                harness.until(lambda: stamp(mist, zone) == 50, "the zone")
                primary.silent = True
                harness.until(lambda: mist.query(zone, "SOA").rcode() == dns.rcode.SERVFAIL, "its end", 15)
                primary.serials[zone] = 7
                primary.silent = False
                harness.until(lambda: stamp(mist, zone) == 7, "its return", 20)
                self.assertEqual(serial_of(mist, zone), 7)

    def test_several_primaries(self):
        zone = "two.test."
        with Primary() as first, Primary() as second:
            first.silent = True
            second.serials[zone] = 3
            config = zones_of(first, [zone])
            config["zones"][0]["primary"].append(second.spec)
            with harness.Mist(config) as mist:
                harness.until(lambda: stamp(mist, zone) == 3, "the zone")
                harness.until(lambda: "of " + second.spec in mist.cli("zone", "list").stdout, "its primary")

    def test_notify_from_strangers(self):
        zone = "quiet.test."
        with Primary() as primary:
            primary.serials[zone] = 1
            with harness.Mist(zones_of(primary, [zone])) as mist:
                harness.until(lambda: stamp(mist, zone) == 1, "the zone")
                asked = len(primary.asked())
                primary.serials[zone] = 2
                self.assertEqual(primary.notify(mist, zone, source="127.0.0.1"), dns.rcode.REFUSED)
                time.sleep(1)
                self.assertEqual((len(primary.asked()), stamp(mist, zone)), (asked, 1))
                self.assertEqual(primary.notify(mist, zone), dns.rcode.NOERROR)
                harness.until(lambda: stamp(mist, zone) == 2, "its next version")

    def test_updates_go_elsewhere(self):
        with Primary() as primary:
            primary.serials["x.test."] = 1
            with harness.Mist(zones_of(primary, ["x.test."])) as mist:
                update = dns.update.Update("x.test")
                update.add("new", 300, "A", "192.0.2.1")
                self.assertEqual(mist.ask(update).rcode(), dns.rcode.NOTAUTH)


class Kept(unittest.TestCase):
    def test_a_restart_serves_at_once(self):
        zones = ["k%d.test." % i for i in range(20)]
        with Primary() as primary, tempfile.TemporaryDirectory() as directory:
            primary.serials = {zone: 4 for zone in zones}
            with harness.Mist(zones_of(primary, zones), keep=directory) as mist:
                harness.until(lambda: all(stamp(mist, zone) == 4 for zone in zones), "the zones")
                harness.until(lambda: len([f for f in os.listdir(mist.state_dir) if f.endswith(".secondary")]) ==
                              len(zones), "their files")
                primary.silent = True
                for signed_here in (False, True):
                    mist.stop()
                    if signed_here:
                        mist.configure(zones_of(primary, zones, dnssec=True))
                    mist.start()
                    for zone in zones:
                        self.assertEqual(served_version(mist, zone), 4)
                    answer = mist.query(zones[0], "SOA", dnssec=True)
                    self.assertEqual(bool(harness.texts(answer.answer, "RRSIG")), signed_here)

    def test_a_file_that_is_broken(self):
        zone = "broken.test."
        with Primary() as primary, tempfile.TemporaryDirectory() as directory:
            primary.serials[zone] = 1
            with harness.Mist(zones_of(primary, [zone]), keep=directory) as mist:
                path = os.path.join(mist.state_dir, "broken.test.secondary")
                harness.until(lambda: os.path.exists(path), "the file")
                mist.stop()
                with open(path, "rb") as file:
                    good = file.read()
                primary.silent = True
                for at in [*range(32, len(good), 97), len(good) - 1]:
                    with open(path, "wb") as file:
                        file.write(good[:at] if at % 2 else good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
                    check = mist.cli("dump", zone, check=False)
                    self.assertNotEqual(check.returncode, 0, at)
                primary.silent = False
                mist.start()
                harness.until(lambda: stamp(mist, zone) == 1, "the zone, transferred anew")

    def test_a_reload_keeps_them(self):
        """The version that is served goes on; primaries are those of the new file."""
        zone = "reloaded.test."
        for how in ({}, {"dnssec": True}):
            with Primary() as first, Primary() as second:
                first.serials[zone], second.serials[zone] = 1, 2
                with harness.Mist(zones_of(first, [zone], **how)) as mist:
                    harness.until(lambda: stamp(mist, zone) == 1, "the zone")
                    first.silent = True
                    mist.configure(zones_of(first, [zone, "other.test."], **how))
                    mist.cli("reload")
                    self.assertEqual(stamp(mist, zone), 1)
                    mist.configure(zones_of(second, [zone], **how))
                    mist.cli("reload")
                    harness.until(lambda: stamp(mist, zone) == 2, "the other primary's version")


if __name__ == "__main__":
    unittest.main()
