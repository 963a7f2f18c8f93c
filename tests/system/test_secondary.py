"""Secondary zones of other people's primaries: after each of a thousand random edits we have what they have, record for
record: by NOTIFY and IXFR, and as a whole where we fell behind what they remember.
"""
import contextlib
import json
import os
import random
import signal
import tempfile
import unittest

import harness
import moved
from moved import KEYS, NAME, SECRET, SIGNED, change, records, serial_of, transferred

FALL = 30          # edits that we miss, more than a primary here remembers
BETWEEN_FALLS = 100


def setUpModule():
    """Transfers come in on threads of their own, which know no engine; time is short in the everyday run."""
    if harness.ENGINE == "uring" and not harness.LONG:
        raise unittest.SkipTest("with io_uring in the long run")


class KnotPrimary(harness.Knot):
    """Takes updates from anybody here."""
    signing = ""

    def config(self):
        head = super().config().split("template:")[0]
        key = "key:\n  - id: xfr-key\n    algorithm: hmac-sha512\n    secret: %s\n" % SECRET
        with_key = "    key: xfr-key\n" if self.how.get("key") else ""
        return head + key + self.signing + """
remote:
  - id: us
    address: %s@%d
    via: %s
%sacl:
  - id: update
    address: 127.0.0.0/8
    action: update
  - id: transfer
    address: 127.0.0.0/8
    action: transfer
%stemplate:
  - id: default
    storage: "%s"
    journal-max-depth: 20
zone:
  - domain: %s
    file: "%s"
    zonefile-sync: -1
    zonefile-load: whole
    semantic-checks: off
    acl: [update, transfer]
    notify: us
%s""" % (*self.how["us"], self.address, with_key, with_key, self.directory, NAME, self.zones[NAME], self.more())

    def more(self):
        return ""


class SignedKnot(KnotPrimary):
    signing = """policy:
  - id: here
    single-type-signing: on
    algorithm: ecdsap256sha256
    nsec3: off
"""

    def more(self):
        return "    dnssec-signing: on\n    dnssec-policy: here\n"


class SignedKnotNsec3(SignedKnot):
    signing = SignedKnot.signing.replace("nsec3: off", "nsec3: on\n    nsec3-iterations: 0")


class BindPrimary(harness.Bind):
    def config(self):
        key = 'key xfr-key { algorithm hmac-sha512; secret "%s"; };\n' % SECRET
        return self.head(notify="explicit") + key + """
zone "%s" {
    type primary;
    file "%s";
    check-names ignore;
    allow-update { any; };
    allow-transfer { %s; };
    also-notify { %s port %d; };
    notify-delay 0;
    max-ixfr-ratio 20%%; # of the zone; what is more is sent as a whole
};
""" % (NAME, self.zones[NAME], "key xfr-key" if self.how.get("key") else "any", *self.how["us"])


class NsdBetween(harness.Nsd):
    """Has the zone from another server and passes it on: NSD takes no updates."""

    def config(self):
        upstream = self.how["upstream"]
        head = super().config().split("zone:\n")[0].replace("server:", "server:\n  xfrd-reload-timeout: 0")
        key = "key:\n  name: xfr-key\n  algorithm: hmac-sha512\n  secret: %s\n" % SECRET
        who = "xfr-key" if self.how.get("key") else "NOKEY"
        return head + key + """
zone:
  name: %s
  zonefile: "moved.zone"
  request-xfr: %s@%d NOKEY
  allow-notify: 127.0.0.0/8 NOKEY
  store-ixfr: yes
  ixfr-number: 2
  provide-xfr: 127.0.0.0/8 %s
  notify: %s@%d %s
  outgoing-interface: %s
""" % (NAME, upstream.address, upstream.port, who, *self.how["us"], who, self.address)


class NsdPrimary(harness.Nsd):
    """Reads the zone from a file. Debian's finds out by itself what differs from the file before."""

    def config(self):
        head = super().config().split("zone:\n")[0]
        return head + """
zone:
  name: %s
  zonefile: "%s"
  store-ixfr: yes
  create-ixfr: yes
  ixfr-number: 2
  provide-xfr: 127.0.0.0/8 NOKEY
  notify: %s@%d NOKEY
  outgoing-interface: %s
""" % (NAME, self.zones[NAME], *self.how["us"], self.address)

    def read_again(self, text):
        path = self.zones[NAME]
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)
        self.process.send_signal(signal.SIGHUP)


def folded(texts):
    """Owners in lower case, as we send them; signed data has them so already."""
    return {text.split(" ", 1)[0].lower() + " " + text.split(" ", 1)[1] for text in texts}


@contextlib.contextmanager
def zone_file(text=None):
    with tempfile.TemporaryDirectory(prefix="zone-") as directory:
        path = os.path.join(directory, "moved.zone")
        with open(path, "w") as file:
            file.write(text or moved.text(20))
        yield path


def settings(primaries, key=None, endpoint=None, **zone):
    """The configuration of a mist that has the zone from there."""
    config = {"zones": [{"name": NAME, "primary": ["%s:%d" % place for place in primaries],
                         "transfer": ["127.0.0.0/8"], **({"tsig": "xfr-key"} if key else {}), **zone}], "tsig": KEYS}
    if endpoint:
        config["listen"] = {"address": endpoint[0], "port": endpoint[1], "fallback": "fail"}
    return config


class Following(unittest.TestCase):
    """After each change we have what the primary has."""

    def edit(self, server, random_):
        """An edit that changes something, with certainty."""
        before = serial_of(server)
        while serial_of(server) == before:
            change(server, random_)
        return serial_of(server)

    def follow(self, ours, primary, turns, edit=None, **signed):
        """`edit` makes one at the primary, ends when it serves what came of it, and returns its serial."""
        random_ = random.Random(5)
        edit = edit or (lambda: self.edit(primary, random_))
        serial = harness.until(lambda: serial_of(primary), "the first version")
        for turn in range(turns):
            if turn:
                serial = edit()
            if turn % BETWEEN_FALLS == BETWEEN_FALLS // 5:
                serial = self.fall_behind(ours, edit)
            self.compare(ours, primary, serial, turn, **signed)
        self.judge_life(ours)

    def compare(self, ours, primary, serial, turn, **signed):
        def theirs():
            zone = transferred(primary, **signed)
            return zone if zone.get_rdataset(NAME + ".", "SOA")[0].serial == serial else None
        harness.until(lambda: serial_of(ours) == serial, "serial %s" % serial)
        mine = transferred(ours)
        # NSD's old process may answer for a moment after its new one did.
        self.assertEqual(records(mine), folded(records(harness.until(theirs, "the primary's own"))), turn)
        if turn % 10 == 0 and mine.get_rdataset(NAME + ".", "DNSKEY"):
            moved.verify(ours)

    def fall_behind(self, ours, edit):
        self.judge_life(ours)
        ours.stop()
        for _ in range(FALL):
            serial = edit()
        ours.start()
        return serial

    def judge_life(self, ours):
        """Since a start: the whole came once, as there was nothing yet or we were too far behind; then changes."""
        counters = json.loads(ours.cli("stats", "--json").stdout)
        counters = counters.get("counters", counters)
        self.assertEqual(counters["secondary_wholes"], 1)
        self.assertGreater(counters["secondary_changes"], 0)
        self.assertNotIn("warning", ours.stderr)

    def run_with(self, kind, turns, key=None, **zone):
        us = harness.free_endpoint("127.0.0.1" if kind is BindPrimary else None)
        with zone_file() as path, kind({NAME: path}, us=us, key=key) as primary:
            with harness.Mist(settings([(primary.address, primary.port)], key, us, **zone)) as ours:
                self.follow(ours, primary, turns, **(SIGNED if key else {}))

    def test_knot(self):
        self.run_with(KnotPrimary, 1000 if harness.LONG else 30)

    def test_knot_with_a_key(self):
        self.run_with(KnotPrimary, harness.scaled(50), "xfr-key")

    def test_bind(self):
        self.run_with(BindPrimary, 1000 if harness.LONG else 30)

    def test_bind_with_a_key(self):
        self.run_with(BindPrimary, harness.scaled(100), "xfr-key")

    def test_signed_by_another(self):
        self.run_with(SignedKnot, harness.scaled(100))

    def test_signed_by_another_with_nsec3(self):
        self.run_with(SignedKnotNsec3, harness.scaled(100))

    @contextlib.contextmanager
    def origin(self, notify=()):
        """Where edits are made for primaries that take none."""
        config = {"zones": [{"name": NAME, "file": "moved.zone", "dnssec": False, "transfer": ["127.0.0.0/8"],
                             "update": ["127.0.0.0/8"]}],
                  "transfer": {"notify": ["%s:%d" % place for place in notify]}}
        with harness.Mist(config, files={"moved.zone": moved.text(20)}) as origin:
            yield origin

    def through_nsd(self, turns, key=None):
        random_ = random.Random(5)
        us, between = harness.free_endpoint(), harness.free_endpoint()
        with self.origin([between]) as origin:
            with NsdBetween({NAME: None}, endpoint=between, us=us, upstream=origin, key=key) as nsd:
                def edit():
                    serial = self.edit(origin, random_)
                    harness.until(lambda: serial_of(nsd) == serial, "NSD to have it")
                    return serial
                with harness.Mist(settings([between], key, us)) as ours:
                    harness.until(lambda: serial_of(nsd), "NSD to have the first")
                    self.follow(ours, nsd, turns, edit, **(SIGNED if key else {}))

    def test_nsd_between(self):
        self.through_nsd(1000 if harness.LONG else 30)

    def test_nsd_between_with_a_key(self):
        self.through_nsd(harness.scaled(50), "xfr-key")

    @contextlib.contextmanager
    def nsd_alone(self, without=None):
        """(ours, NSD that reads its zone from a file, without records of that type, and how it is edited)."""
        random_ = random.Random(6)
        us = harness.free_endpoint()

        def text():
            lines = harness.dig(origin, NAME, "AXFR", "+onesoa", "+noall", "+answer").splitlines(True)
            return "".join(line for line in lines if without not in line.split())

        def edit():
            serial = self.edit(origin, random_)
            nsd.read_again(text())
            harness.until(lambda: serial_of(nsd) == serial, "NSD to have read it")
            return serial
        with self.origin() as origin, zone_file(text()) as path, NsdPrimary({NAME: path}, us=us) as nsd:
            with harness.Mist(settings([(nsd.address, nsd.port)], None, us)) as ours:
                yield ours, nsd, edit

    def test_nsd(self):
        with self.nsd_alone(without="MX") as (ours, nsd, edit):
            self.follow(ours, nsd, 1000 if harness.LONG else 30, edit)

    def test_changes_that_do_not_fit(self):
        """NSD 4.6.1 says of the MX record at the apex, each time, that it came, though it was there: we have what NSD
        has all the same, as a whole."""
        with self.nsd_alone() as (ours, nsd, edit):
            for turn in range(harness.scaled(100)):
                self.compare(ours, nsd, edit(), turn)
            self.assertNotIn("warning", ours.stderr)

    def test_not_every_message_is_signed(self):
        """NSD signs the first message, each 96th and the last one (RFC 8945 section 5.3.1)."""
        us, between = harness.free_endpoint(), harness.free_endpoint()
        text = moved.text(0) + "".join('h%d TXT "%s"\n' % (i, str(i) * 30) for i in range(12000))
        config = {"zones": [{"name": NAME, "file": "moved.zone", "dnssec": False, "transfer": ["127.0.0.0/8"]}]}
        with harness.Mist(config, files={"moved.zone": text}) as origin:
            with NsdBetween({NAME: None}, endpoint=between, us=us, upstream=origin, key="xfr-key") as nsd:
                harness.until(lambda: serial_of(nsd), "NSD to have it")
                output = harness.dig(nsd, NAME, "AXFR", "-y", "hmac-sha512:xfr-key:" + SECRET)
                self.assertGreater(output.count("TSIG"), 1)
                with harness.Mist(settings([between], "xfr-key", us)) as ours:
                    harness.until(lambda: serial_of(ours), "the zone")
                    mine = harness.dig(ours, NAME, "AXFR", "+noall", "+answer")
                    theirs = harness.dig(origin, NAME, "AXFR", "+noall", "+answer")
                    self.assertEqual(sorted(mine.split("\n")), sorted(theirs.split("\n")))

    def test_signed_here(self):
        """The data is the primary's, the serials and signatures are ours, and right."""
        def data(server):
            return {text for text in folded(records(transferred(server)))
                    if text.split()[2] not in ("RRSIG", "NSEC", "DNSKEY", "SOA")}
        random_ = random.Random(3)
        us = harness.free_endpoint()
        with zone_file() as path, KnotPrimary({NAME: path}, us=us, key=None) as primary:
            with harness.Mist(settings([(primary.address, primary.port)], None, us, dnssec=True)) as ours:
                harness.until(lambda: serial_of(ours), "the zone")
                for turn in range(harness.scaled(100)):
                    before = serial_of(ours)
                    old = data(primary)
                    self.edit(primary, random_)
                    harness.until(lambda: data(ours) == data(primary), "turn %d" % turn)
                    if data(primary) != old:
                        self.assertGreater(serial_of(ours), before)
                    moved.verify(ours)
                self.assertNotIn("warning", ours.stderr)


if __name__ == "__main__":
    unittest.main()
