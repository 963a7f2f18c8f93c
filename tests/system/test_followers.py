"""Other people's secondaries have our zone after each of a thousand random edits, record for record: by NOTIFY and
IXFR, and as a whole where an edit is larger than the history.
"""
import contextlib
import random
import re
import unittest

import harness
import moved
from moved import NAME, SECRET, SIGNED, change, change_much, records, serial_of, transferred
from test_transfer import serve

HISTORY = "32KiB"   # less than change_much() takes, more than change()
WHOLE_LEAST = 9000  # octets: the zone has one record that is larger, random changes are smaller


class Secondary:
    """A peer that has one zone from a primary; `key` signs what they say to each other. `sizes` finds in its log how
    many octets each transfer had."""
    sizes = None

    def __init__(self, primary, key=None, **how):
        super().__init__(zones={NAME: None}, primary=primary, key=key, **how)

    def answers(self):
        """Whatever it says of the zone: it may be without until the primary answers."""
        if self.process.poll() is not None:
            return "dead"
        with contextlib.suppress(OSError):
            return "yes" if self.udp(harness.make_query(NAME, "SOA").to_wire(), 0.2) else None
        return None

    def transfers(self):
        """How many came as changes, and how many as a whole."""
        sizes = [int(size) for size in re.findall(self.sizes, self.log())]
        wholes = sum(size >= WHOLE_LEAST for size in sizes)
        return len(sizes) - wholes, wholes


class KnotSecondary(Secondary, harness.Knot):
    sizes = r"[AI]XFR, incoming, .*finished, .* (\d+) bytes"

    def config(self):
        primary, key = self.how["primary"], self.how["key"]
        head = super().config().split("template:")[0].replace("any: warning", "any: info")
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
    sizes = r"zone moved.test. received update to .* of (\d+) bytes"

    def config(self):
        primary, key = self.how["primary"], "xfr-key" if self.how["key"] else "NOKEY"
        keys = "key:\n  name: xfr-key\n  algorithm: hmac-sha512\n  secret: %s\n" % SECRET if self.how["key"] else ""
        more = "server:\n  verbosity: 1\n  xfrd-reload-timeout: 0"
        return super().config().split("zone:\n")[0].replace("server:", more) + keys + """
zone:
  name: moved.test
  zonefile: moved.zone
  request-xfr: %s@%d %s
  allow-notify: 127.0.0.0/8 %s
  provide-xfr: 127.0.0.0/8 NOKEY
""" % (primary.address, primary.port, key, key)


class BindSecondary(Secondary, harness.Bind):
    sizes = r"Transfer completed: .* (\d+) bytes"

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
        with serve(transfer=transfer, notify=notify, history=HISTORY, hosts=10) as mist, \
                contextlib.ExitStack() as stack:
            peers = [stack.enter_context(kind(mist, key, endpoint=place))
                     for kind, place in zip((KnotSecondary, NsdSecondary, BindSecondary), places)]
            yield mist, peers

    def follow(self, mist, peers, turns, **how):
        """Every tenth edit is too large for the history, on average."""
        random_ = random.Random(11)
        many = 0
        for turn in range(turns):
            before = serial_of(mist)
            much = random_.randrange(10) == 0
            many += much
            while serial_of(mist) == before:  # an update may change nothing
                (change_much if much else change)(mist, random_)
            serial = serial_of(mist)
            ours = records(transferred(mist, **how))
            for peer in peers:
                harness.until(lambda p=peer: serial_of(p) == serial, "%s to have %s" % (peer.program, serial))
                self.assertEqual(records(transferred(peer)), ours, "%s, turn %d" % (peer.program, turn))
            if much or turn % 10 == 0:
                moved.verify(peers[turn % len(peers)])
        for peer in peers:
            # it serves a version before it says that the transfer is over
            harness.until(lambda p=peer: sum(p.transfers()) > turns, "%s to tell of its transfers" % peer.program)
            changes, wholes = peer.transfers()
            print("%s: %d edits, %d changes and %d wholes transferred" % (peer.program, turns, changes, wholes),
                  flush=True)
            self.assertGreaterEqual(wholes, many + 1, peer.program)
            self.assertGreaterEqual(changes, turns - many, peer.program)

    def test_every_change(self):
        with self.followers(["127.0.0.0/8"], None) as (mist, peers):
            self.follow(mist, peers, 1000 if harness.LONG else 30)

    def test_with_a_key(self):
        with self.followers(["xfr-key"], "xfr-key") as (mist, peers):
            self.follow(mist, peers, harness.scaled(100), **SIGNED)


if __name__ == "__main__":
    unittest.main()
