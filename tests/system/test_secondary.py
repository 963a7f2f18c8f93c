"""Secondary zones of other people's primaries: whatever they have, we have, record for record."""
import contextlib
import json
import os
import random
import tempfile
import unittest

import dns.tsig

import harness
import test_transfer
from test_transfer import KEYRING, KEYS, SECRET, ZONE, records, serial_of, transferred

NAME = "moved.test"
SIGNED = {"keyring": KEYRING, "keyname": "xfr-key.", "keyalgorithm": dns.tsig.HMAC_SHA512}


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
  provide-xfr: 127.0.0.0/8 %s
  notify: %s@%d %s
  outgoing-interface: %s
""" % (NAME, upstream.address, upstream.port, who, *self.how["us"], who, self.address)


def folded(texts):
    """Owners in lower case, as we send them; signed data has them so already."""
    return {text.split(" ", 1)[0].lower() + " " + text.split(" ", 1)[1] for text in texts}


def zone_text(hosts=20):
    return ZONE + "".join("h%d A 10.0.%d.%d\n" % (i, i >> 8, i & 255) for i in range(hosts))


@contextlib.contextmanager
def zone_file(text=None):
    with tempfile.TemporaryDirectory(prefix="zone-") as directory:
        path = os.path.join(directory, "moved.zone")
        with open(path, "w") as file:
            file.write(text or zone_text())
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

    def update(self, server, random_):
        test_transfer.Changes.update(self, server, random_)

    def follow(self, ours, primary, turns, origin=None, **signed):
        random_ = random.Random(5)
        for turn in range(turns):
            if turn:
                self.update(origin or primary, random_)
            serial = serial_of(origin or primary)
            harness.until(lambda: serial_of(ours) == serial, "serial %s" % serial)
            self.assertEqual(records(transferred(ours)), folded(records(transferred(primary, **signed))), turn)

    def run_with(self, kind, turns, key=None, **zone):
        us = harness.free_endpoint("127.0.0.1" if kind is BindPrimary else None)
        with zone_file() as path, kind({NAME: path}, us=us, key=key) as primary:
            with harness.Mist(settings([(primary.address, primary.port)], key, us, **zone)) as ours:
                self.follow(ours, primary, harness.scaled(turns), **(SIGNED if key else {}))
                self.assertNotIn("warning", ours.stderr)
                counters = json.loads(ours.cli("stats", "--json").stdout)
                counters = counters.get("counters", counters)
                self.assertEqual(counters["secondary_wholes"], 1)  # the first; then changes
                self.assertGreater(counters["secondary_changes"], 0)
                with tempfile.NamedTemporaryFile("w") as file:
                    file.write(harness.dig(ours, NAME, "AXFR", "+onesoa"))
                    file.flush()
                    if "DNSKEY" in harness.dig(ours, NAME, "DNSKEY", "+noall", "+answer"):
                        harness.run("ldns-verify-zone", file.name)

    def test_knot(self):
        self.run_with(KnotPrimary, 300)

    def test_knot_with_a_key(self):
        self.run_with(KnotPrimary, 50, "xfr-key")

    def test_bind(self):
        self.run_with(BindPrimary, 1000)

    def test_bind_with_a_key(self):
        self.run_with(BindPrimary, 100, "xfr-key")

    def test_signed_by_another(self):
        self.run_with(SignedKnot, 100)

    def test_signed_by_another_with_nsec3(self):
        self.run_with(SignedKnotNsec3, 100)

    def through_nsd(self, turns, key=None):
        us, between = harness.free_endpoint(), harness.free_endpoint()
        config = {"zones": [{"name": NAME, "file": "moved.zone", "dnssec": False, "transfer": ["127.0.0.0/8"],
                             "update": ["127.0.0.0/8"]}],
                  "transfer": {"notify": ["%s:%d" % between]}}
        with harness.Mist(config, files={"moved.zone": zone_text()}) as origin:
            with NsdBetween({NAME: None}, endpoint=between, us=us, upstream=origin, key=key) as nsd:
                with harness.Mist(settings([between], key, us)) as ours:
                    self.follow(ours, nsd, harness.scaled(turns), origin, **(SIGNED if key else {}))

    def test_nsd(self):
        self.through_nsd(300)

    def test_nsd_with_a_key(self):
        self.through_nsd(50, "xfr-key")

    def test_not_every_message_is_signed(self):
        """NSD signs the first message, each 96th and the last one (RFC 8945 section 5.3.1)."""
        us, between = harness.free_endpoint(), harness.free_endpoint()
        text = zone_text(0) + "".join('h%d TXT "%s"\n' % (i, str(i) * 30) for i in range(12000))
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
                    self.update(primary, random_)
                    harness.until(lambda: data(ours) == data(primary), "turn %d" % turn)
                    if data(primary) != old:
                        self.assertGreater(serial_of(ours), before)
                    with tempfile.NamedTemporaryFile("w") as file:
                        file.write(harness.dig(ours, NAME, "AXFR", "+onesoa"))
                        file.flush()
                        harness.run("ldns-verify-zone", file.name)
                self.assertNotIn("warning", ours.stderr)


if __name__ == "__main__":
    unittest.main()
