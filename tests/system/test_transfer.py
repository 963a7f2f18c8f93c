"""Zones on their way to secondaries: what arrives is the zone, to whom it may go, and other people's
secondaries follow every change (NOTIFY, IXFR).
"""
import contextlib
import random
import re
import tempfile
import unittest

import dns.exception
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.versioned
import dns.xfr
import dns.zone

import harness

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
OTHER = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcg=="
KEYRING = dns.tsigkeyring.from_text({"xfr-key.": ("hmac-sha512", SECRET)})
KEYS = [{"name": "xfr-key", "algorithm": "hmac-sha512", "secret": SECRET},
        {"name": "other-key", "secret": OTHER}]

ZONE = """
$ORIGIN moved.test.
$TTL 300
@        SOA ns hostmaster 1 3600 600 86400 300
@        NS  ns
@        MX  10 mail
ns       A   127.0.0.1
mail     A   192.0.2.1
*.wild   TXT "any"
a.b.c    A   192.0.2.2
alias    CNAME mail
dn       DNAME mail
sub      NS  ns.sub
ns.sub   A   192.0.2.3
big      TXT %s
MiXed    A   192.0.2.4
""" % " ".join('"%s%03d"' % ("x" * 240, i) for i in range(40))  # more breaks NSD's own transfers


def transferred(server, zone="moved.test", **how):
    """The zone as AXFR gives it: a dns.zone.Zone."""
    return dns.zone.from_xfr(dns.query.xfr(server.address, zone, port=server.port, relativize=False,
                                           lifetime=harness.DEADLINE, **how), relativize=False)


def records(zone):
    """All records of a zone as a set of texts."""
    return {"%s %d %s %s" % (name, rdataset.ttl, dns.rdatatype.to_text(rdataset.rdtype), rdata.to_text())
            for name, rdataset in zone.iterate_rdatasets() for rdata in rdataset}


def without_signatures(texts):
    """For comparing what was signed at different times: serials and signatures out."""
    return {re.sub(r"^(\S+ \d+ SOA \S+ \S+) \d+", r"\1 0", text) for text in texts if " RRSIG " not in text}


def serial_of(server, zone="moved.test"):
    with contextlib.suppress(TimeoutError, IndexError):
        return server.query(zone, "SOA", deadline=2).answer[0][0].serial
    return None


def octets_of(output):
    """How long a transfer was, by what dig says."""
    return int(re.search(r"XFR size: .* bytes (\d+)", output).group(1))


def serve(transfer=("127.0.0.0/8",), notify=(), history="1MiB", hosts=500):
    text = ZONE + "".join("h%d A 10.0.%d.%d\n" % (i, i >> 8, i & 255) for i in range(hosts))
    zone = {"name": "moved.test", "file": "moved.zone", "transfer": list(transfer), "update": ["127.0.0.0/8"]}
    config = {"zones": [zone], "tsig": KEYS, "transfer": {"notify": list(notify), "history": history}}
    return harness.Mist(config, files={"moved.zone": text})


class WhatArrives(unittest.TestCase):
    def test_the_zone_as_it_is_dumped(self):
        with serve() as mist:
            arrived = records(transferred(mist))
            dumped = dns.zone.from_text(mist.cli("dump", "moved.test").stdout, "moved.test", relativize=False)
            self.assertEqual(without_signatures(arrived), without_signatures(records(dumped)))
            self.assertGreater(sum(" RRSIG " in text for text in arrived), 1000)

    def test_ldns_finds_it_well_signed(self):
        with serve() as mist, tempfile.NamedTemporaryFile("w") as file:
            file.write(harness.dig(mist, "moved.test", "AXFR", "+onesoa"))
            file.flush()
            harness.run("ldns-verify-zone", file.name)

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
            signed = {"keyring": KEYRING, "keyname": "xfr-key.", "keyalgorithm": dns.tsig.HMAC_SHA512}
            self.assertEqual(records(transferred(mist, **signed)), records(transferred(mist, **signed)))
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
            signed = {"keyring": KEYRING, "keyname": "xfr-key.", "keyalgorithm": dns.tsig.HMAC_SHA512}
            self.refused(mist, **signed)
            self.refused(mist, source="127.0.0.77")
            self.assertTrue(transferred(mist, source="127.0.0.77", **signed))

    def test_not_over_udp(self):
        with serve() as mist:
            self.assertEqual(mist.query("moved.test", "AXFR").rcode(), dns.rcode.FORMERR)


class Changes(unittest.TestCase):
    """IXFR: whoever applies what it gets has the zone."""

    def update(self, mist, random_, names=40):
        update = dns.update.Update("moved.test")
        for _ in range(random_.randrange(1, 4)):
            name = random_.choice(("r%d", "r%d.deep", "*.r%d", "wild.r%d")) % random_.randrange(names)
            how = random_.randrange(6)
            if how < 3:
                update.add(name, 300, "A", "192.0.2.%d" % random_.randrange(5))
            elif how < 4:
                update.replace(name, random_.choice((60, 300)), "TXT", '"%d"' % random_.randrange(99))
            elif how < 5:
                update.delete(name, "A")
            else:
                update.delete(name)
        response = mist.ask(update, tcp=True)
        self.assertEqual(response.rcode(), dns.rcode.NOERROR)

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
                for _ in range(random_.randrange(4)):  # none, one, or some to be condensed
                    self.update(mist, random_)

    def test_they_are_small(self):
        with serve() as mist:
            whole = octets_of(harness.dig(mist, "moved.test", "AXFR"))
            serial = serial_of(mist)
            self.update(mist, random.Random(1))
            changes = octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % serial))
            self.assertLess(changes, whole / 20)
            self.update(mist, random.Random(2))
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
                self.update(mist, random.Random(i))
            self.assertGreater(octets_of(harness.dig(mist, "moved.test", "IXFR=%d" % serial)), whole / 2)


class Secondary:
    """A peer that has one zone from a primary; `key` signs what they say to each other."""

    def __init__(self, primary, key=None, **how):
        super().__init__(zones={"moved.test": None}, primary=primary, key=key, **how)

    def answers(self):
        """Whatever it says of the zone: it may be without until the primary answers."""
        if self.process.poll() is not None:
            return "dead"
        with contextlib.suppress(OSError):
            return "yes" if self.udp(harness.make_query("moved.test", "SOA").to_wire(), 0.2) else None
        return None


class KnotSecondary(Secondary, harness.Knot):
    def config(self):
        primary, key = self.how["primary"], self.how["key"]
        head = super().config().split("template:")[0]
        keys = "key:\n  - id: xfr-key\n    algorithm: hmac-sha512\n    secret: %s\n" % SECRET if key else ""
        return head + keys + """
remote:
  - id: primary
    address: %s@%d
%s
acl:
  - id: from-primary
    address: 127.0.0.0/8
    action: notify
%s
  - id: ask
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    storage: "%s"
zone:
  - domain: moved.test
    master: primary
    acl: [from-primary, ask]
    refresh-min-interval: 2
""" % (primary.address, primary.port, "    key: xfr-key" if key else "", "    key: xfr-key" if key else "",
       self.directory)


class NsdSecondary(Secondary, harness.Nsd):
    def config(self):
        primary, key = self.how["primary"], "xfr-key" if self.how["key"] else "NOKEY"
        keys = "key:\n  name: xfr-key\n  algorithm: hmac-sha512\n  secret: %s\n" % SECRET if self.how["key"] else ""
        head = super().config().split("zone:\n")[0].replace("server:", "server:\n  xfrd-reload-timeout: 0")
        return head + keys + """
zone:
  name: moved.test
  zonefile: moved.zone
  request-xfr: %s@%d %s
  allow-notify: 127.0.0.0/8 %s
  provide-xfr: 127.0.0.0/8 NOKEY
""" % (primary.address, primary.port, key, key)


class BindSecondary(Secondary, harness.Bind):
    def config(self):
        primary, key = self.how["primary"], self.how["key"]
        keys = 'key xfr-key { algorithm hmac-sha512; secret "%s"; };\n' % SECRET if key else ""
        return self.head() + keys + """
zone "moved.test" {
    type secondary;
    file "moved.zone";
    masterfile-format text;
    primaries { %s port %d %s; };
    allow-notify { any; };
    allow-transfer { any; };
    min-refresh-time 1;
    min-retry-time 1;
};
""" % (primary.address, primary.port, "key xfr-key" if key else "")


class Followers(unittest.TestCase):
    """Knot, NSD and BIND have the zone after each change, record for record."""

    @contextlib.contextmanager
    def followers(self, transfer, key):
        places = [harness.free_endpoint(address) for address in (None, None, "127.0.0.1")]
        notify = [("xfr-key@" if key else "") + "%s:%d" % place for place in places]
        with serve(transfer=transfer, notify=notify, hosts=10) as mist, contextlib.ExitStack() as stack:
            peers = [stack.enter_context(kind(mist, key, endpoint=place))
                     for kind, place in zip((KnotSecondary, NsdSecondary, BindSecondary), places)]
            yield mist, peers

    def follow(self, mist, peers, turns):
        random_ = random.Random(11)
        for turn in range(turns):
            Changes.update(self, mist, random_)
            serial = serial_of(mist)
            ours = records(transferred(mist, **self.signed))
            for peer in peers:
                harness.until(lambda p=peer: serial_of(p) == serial, "%s to have %s" % (peer.program, serial))
                self.assertEqual(records(transferred(peer)), ours, "%s, turn %d" % (peer.program, turn))

    def test_every_change(self):
        self.signed = {}
        with self.followers(["127.0.0.0/8"], None) as (mist, peers):
            self.follow(mist, peers, 1000 if harness.LONG else 30)

    def test_with_a_key(self):
        self.signed = {"keyring": KEYRING, "keyname": "xfr-key.", "keyalgorithm": dns.tsig.HMAC_SHA512}
        with self.followers(["xfr-key"], "xfr-key") as (mist, peers):
            self.follow(mist, peers, harness.scaled(50))


if __name__ == "__main__":
    unittest.main()
