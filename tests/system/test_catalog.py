"""Catalog zones (RFC 9432) of other people's producers: members come, go, are reset and change hands as they say."""
import contextlib
import os
import random
import signal
import tempfile
import time
import unittest

import dns.rcode
import dns.rrset
import dns.update

import harness
from moved import KEYS, SECRET, serial_of
from primary import Primary, message, soa, stamp
from test_secondary import setUpModule  # noqa: F401  the same holds here

CATALOGS = ("one.cat", "two.cat")
MEMBERS = tuple("m%d.test" % i for i in range(1, 6))


def catalog_text(name, members=(), version="2"):
    """A catalog: {label: zone}."""
    return "$ORIGIN %s.\n$TTL 0\n@ SOA invalid. invalid. 1 3600 1 86400 0\n@ NS invalid.\nversion TXT \"%s\"\n%s" % (
        name, version, "".join("%s.zones PTR %s.\n" % member for member in dict(members).items()))


def member_text(name):
    return "$ORIGIN %s.\n$TTL 300\n@ SOA ns h 1 3600 1 86400 60\n@ NS ns\nns A 127.0.0.1\nname TXT \"%s\"\n" % (name, name)


class Knot(harness.Knot):
    """Takes updates from anybody here, tells `us`. `options`: more lines of a zone."""

    def config(self):
        options = self.how.get("options", {})
        zones = "".join("""  - domain: %s
%s    zonefile-sync: -1
    zonefile-load: whole
    semantic-checks: off
    acl: [update, transfer]
    notify: us
%s""" % (name, '    file: "%s"\n' % path if path else "", options.get(name, "")) for name, path in self.zones.items())
        return super().config().split("template:")[0] + """
remote:
  - id: us
    address: %s@%d
    via: %s
acl:
  - id: update
    address: 127.0.0.0/8
    action: update
  - id: transfer
    address: 127.0.0.0/8
    action: [transfer, query]
template:
  - id: default
    storage: "%s"
zone:
%s""" % (*self.how["us"], self.address, self.directory, zones)

    def reconfigure(self):
        with open(self.path("conf"), "w") as file:
            file.write(self.config())
        self.process.send_signal(signal.SIGHUP)


class Bind(harness.Bind):
    def config(self):
        head = super().config().split('zone "')[0].replace("notify no;", "notify explicit;")
        return head + "".join("""
zone "%s" {
    type primary;
    file "%s";
    check-names ignore;
    allow-update { any; };
    allow-transfer { any; };
    max-ixfr-ratio unlimited;
    also-notify { %s port %d; };
    notify-delay 0;
};
""" % (name, path, *self.how["us"]) for name, path in self.zones.items())


@contextlib.contextmanager
def zone_files(texts):
    with tempfile.TemporaryDirectory(prefix="zones-") as directory:
        paths = {}
        for name, text in texts.items():
            paths[name] = os.path.join(directory, name)
            with open(paths[name], "w") as file:
                file.write(text)
        yield paths


def settings(primary, us, catalogs=CATALOGS, **catalog):
    """The configuration of a mist that follows the catalogs of a server."""
    where = ["%s:%d" % (primary.address, primary.port)]
    return {"zones": [{"name": name, "primary": where, "catalog": True, **catalog} for name in catalogs],
            "listen": {"address": us[0], "port": us[1], "fallback": "fail"}, "tsig": KEYS}


def listed(mist):
    """The lines of `zone list` by name."""
    return {line.split()[0]: line for line in mist.cli("zone", "list").stdout.splitlines()}


def members(mist, catalog="one.cat"):
    return {name for name, line in listed(mist).items() if " member of " + catalog in line}


def is_served(mist, name):
    """The zone with the data that says that it is this one."""
    response = mist.query("name." + name, "TXT")
    return response.rcode() == dns.rcode.NOERROR and harness.texts(response.answer, "TXT") == ['"%s"' % name]


def is_unknown(mist, name):
    """Neither served nor about to be: nobody's, a special-use name."""
    return mist.query(name, "SOA").rcode() == dns.rcode.NXDOMAIN


def counters(mist):
    return dict(line.split() for line in mist.cli("stats").stdout.splitlines())


class Following(unittest.TestCase):
    def change(self, primary, catalog, *changes):
        """One update of a catalog: ("add", owner, type, data) and ("delete", owner, type)."""
        update = dns.update.Update(catalog)
        for verb, owner, rdtype, *data in changes:
            if verb == "add":
                update.add(owner, 0, rdtype, *data)
            else:
                update.delete(owner, rdtype, *data)
        self.assertEqual(primary.ask(update, tcp=True).rcode(), dns.rcode.NOERROR)

    def add(self, primary, label, zone, catalog="one.cat", *more):
        self.change(primary, catalog, ("add", label + ".zones", "PTR", zone + "."), *more)

    @contextlib.contextmanager
    def following(self, kind, **catalog):
        us = harness.free_endpoint("127.0.0.1" if kind is Bind else None)
        texts = {name: catalog_text(name) for name in CATALOGS}
        texts["one.cat"] = catalog_text("one.cat", {"a": "m1.test"})
        with zone_files({**texts, **{name: member_text(name) for name in MEMBERS}}) as paths:
            with kind(paths, us=us) as primary, harness.Mist(settings(primary, us, **catalog)) as mist:
                harness.until(lambda: is_served(mist, "m1.test"), "the first member")
                yield primary, mist

    def story(self, kind):
        groups = [{"group": "signed", "dnssec": True}, {"transfer": ["127.0.0.0/8"]}]
        with self.following(kind, members=groups) as (primary, mist):
            harness.until(lambda: "m1.test.secondary" in os.listdir(mist.state_dir), "its file")

            # added, one signed here; removed, and nothing stays of it
            self.add(primary, "b", "m2.test")
            self.add(primary, "c", "m3.test", "one.cat", ("add", "group.c.zones", "TXT", '"signed"'))
            harness.until(lambda: is_served(mist, "m2.test") and is_served(mist, "m3.test"), "two more")
            self.assertTrue(mist.query("m3.test", "DNSKEY").answer)
            self.assertFalse(mist.query("m2.test", "DNSKEY").answer)
            self.assertEqual(members(mist), {"m1.test", "m2.test", "m3.test"})
            self.assertEqual(counters(mist)["catalog_members"], "3")
            self.change(primary, "one.cat", ("delete", "a.zones", "PTR"),
                        ("delete", "c.zones", "PTR"), ("delete", "group.c.zones", "TXT"))
            harness.until(lambda: is_unknown(mist, "m1.test") and is_unknown(mist, "m3.test"), "both to go")
            harness.until(lambda: not [name for name in os.listdir(mist.state_dir) if "m1.test" in name or "m3.test" in name],
                          "their files, serial and key")

            # another label: the zone comes anew; a reload changes nothing
            before = int(counters(mist)["secondary_wholes"])
            mist.cli("reload")
            self.assertTrue(is_served(mist, "m2.test"))
            self.assertEqual(int(counters(mist)["secondary_wholes"]), before)
            self.change(primary, "one.cat", ("delete", "b.zones", "PTR"), ("add", "bb.zones", "PTR", "m2.test."))
            harness.until(lambda: int(counters(mist)["secondary_wholes"]) == before + 1, "another transfer")
            harness.until(lambda: is_served(mist, "m2.test"), "the zone again")

            # it goes over to the other catalog, with all it has
            self.add(primary, "bb", "m2.test", "two.cat")
            harness.until(lambda: "has no `coo` for it" in mist.stderr, "the clash")
            self.change(primary, "one.cat", ("add", "coo.bb.zones", "PTR", "two.cat."))
            harness.until(lambda: members(mist, "two.cat") == {"m2.test"}, "the change of hands")
            self.assertEqual(mist.stderr.count("has no `coo` for it"), 1)
            self.add(primary, "d", "m4.test", "two.cat")
            harness.until(lambda: members(mist, "two.cat") == {"m2.test", "m4.test"}, "one more")
            self.change(primary, "one.cat", ("delete", "bb.zones", "PTR"), ("delete", "coo.bb.zones", "PTR"))
            harness.until(lambda: self.same_serial(primary, mist, "one.cat") and is_served(mist, "m4.test"), "both")
            self.assertTrue(is_served(mist, "m2.test"))
            self.assertEqual(int(counters(mist)["secondary_wholes"]), before + 2)

            # broken: nothing changes, over a restart too, with nobody to ask
            self.change(primary, "two.cat", ("add", "version", "TXT", '"3"'), ("delete", "bb.zones", "PTR"))
            harness.until(lambda: "broken: its `version` is 2 records" in listed(mist)["two.cat"], "the error")
            self.assertIn("catalog two.cat is broken, and its members stay as they are", mist.stderr)
            self.assertEqual(members(mist, "two.cat"), {"m2.test", "m4.test"})
            primary.process.send_signal(signal.SIGSTOP)
            try:
                mist.stop()
                mist.start()
                for name in ("m2.test", "m4.test"):
                    self.assertTrue(is_served(mist, name), name)
                self.assertEqual(members(mist, "two.cat"), {"m2.test", "m4.test"})
            finally:
                primary.process.send_signal(signal.SIGCONT)
            self.change(primary, "two.cat", ("delete", "version", "TXT", '"3"'))
            harness.until(lambda: members(mist, "two.cat") == {"m4.test"}, "a good version")

    def same_serial(self, primary, mist, catalog):
        return " serial %d" % serial_of(primary, catalog) in listed(mist)[catalog]

    def test_bind(self):
        self.story(Bind)

    @unittest.skipUnless(harness.LONG, "the same in the long run")
    def test_knot(self):
        self.story(Knot)

    def test_knot_generates(self):
        """Its catalog, with its labels; members are those of its configuration."""
        member = "    catalog-role: member\n    catalog-zone: one.cat\n"
        us = harness.free_endpoint()
        with zone_files({name: member_text(name) for name in MEMBERS}) as paths:
            options = {name: member for name in MEMBERS}
            options["one.cat"] = "    catalog-role: generate\n"
            options["m2.test"] += "    catalog-group: signed\n"
            zones = {"m1.test": paths["m1.test"], "m2.test": paths["m2.test"], "one.cat": None}
            with Knot(zones, us=us, options=options) as primary:
                config = settings(primary, us, ["one.cat"], members=[{"group": "signed", "dnssec": True}])
                with harness.Mist(config) as mist:
                    harness.until(lambda: is_served(mist, "m1.test") and is_served(mist, "m2.test"), "two members")
                    self.assertTrue(mist.query("m2.test", "DNSKEY").answer)
                    del primary.zones["m1.test"]
                    primary.zones["m3.test"] = paths["m3.test"]
                    primary.reconfigure()
                    harness.until(lambda: members(mist) == {"m2.test", "m3.test"}, "others")
                    harness.until(lambda: is_served(mist, "m3.test"), "the new one")
                    self.assertTrue(is_unknown(mist, "m1.test"))

    def test_who_may_ask(self):
        """A catalog says whom one serves: it is told to those alone who may have it."""
        with self.following(Bind, transfer=["127.0.0.77", "xfr-key"]) as (_, mist):
            for rdtype in ("SOA", "NS", "ANY"):
                response = mist.query("one.cat", rdtype, edns=0)
                self.assertEqual((response.rcode(), harness.ede(response)), (dns.rcode.REFUSED, [18]))
            self.assertEqual(mist.query("a.zones.one.cat", "PTR").rcode(), dns.rcode.REFUSED)
            query = harness.make_query("a.zones.one.cat", "PTR")
            data = mist.udp(query.to_wire(), source="127.0.0.77")
            self.assertEqual(harness.texts(dns.message.from_wire(data).answer), ["m1.test."])
            output = harness.dig(mist, "one.cat", "SOA", "-y", "hmac-sha512:xfr-key:" + SECRET)
            self.assertIn("NOERROR", output)
            output = harness.dig(mist, "one.cat", "AXFR", "-y", "hmac-sha512:xfr-key:" + SECRET)
            self.assertIn("m1.test.", output)
            self.assertIn("a.zones.one.cat", mist.cli("zone", "show", "one.cat").stdout)

    def test_configured_zones_go_first(self):
        """What the configuration has is not the catalog's; what it ceases to have may be."""
        with self.following(Bind) as (primary, mist):
            config = settings(primary, (mist.address, mist.port))
            config["zones"].append({"name": "m2.test", "address": "127.0.0.9", "dnssec": False})
            mist.configure(config)
            mist.cli("reload")
            self.add(primary, "b", "m2.test", "one.cat", ("add", "c.zones", "PTR", "one.cat."))
            harness.until(lambda: mist.stderr.count("is left out: it is a zone of the configuration") == 2, "the clashes")
            self.assertEqual(harness.texts(mist.query("m2.test").answer), ["127.0.0.9"])
            self.assertEqual(members(mist), {"m1.test"})
            config["zones"].pop()
            mist.configure(config)
            mist.cli("reload")
            harness.until(lambda: is_served(mist, "m2.test"), "the zone of the catalog")
            self.assertEqual(members(mist), {"m1.test", "m2.test"})
            # and without its catalog a member is nothing
            config["zones"] = config["zones"][1:]
            mist.configure(config)
            mist.cli("reload")
            self.assertTrue(is_unknown(mist, "m1.test") and is_unknown(mist, "m2.test"))

    def test_an_expired_catalog(self):
        """Members live by timers of their own."""
        us = harness.free_endpoint("127.0.0.1")
        catalog = catalog_text("one.cat", {"a": "m1.test"}).replace("3600 1 86400", "1 1 3")
        with tempfile.TemporaryDirectory() as keep:
            with zone_files({"one.cat": catalog, "m1.test": member_text("m1.test")}) as paths:
                with Bind(paths, us=us) as primary:
                    config = settings(primary, us, ["one.cat"])
                    with harness.Mist(config, keep=keep) as mist:
                        harness.until(lambda: is_served(mist, "m1.test"), "the member")
                        primary.process.send_signal(signal.SIGSTOP)
                        harness.until(lambda: "one.cat has expired" in mist.stderr, "its end")
                        self.assertTrue(is_served(mist, "m1.test"))
                        time.sleep(1)
                        mist.stop()
                        mist.start()
                        self.assertTrue(is_served(mist, "m1.test"))
                        harness.until(lambda: mist.stderr.count("one.cat has expired") == 2, "its end again")
                        self.assertTrue(is_served(mist, "m1.test"))
                        mist.cli("reload")
                        self.assertTrue(is_served(mist, "m1.test"))
                        primary.process.send_signal(signal.SIGCONT)

    def test_changes_without_a_pause(self):
        """Members come, go and begin anew while they are transferred, beside reloads; in the end all is as listed."""
        random_ = random.Random(9)
        names = ["c%d.test." % i for i in range(30)]
        model = {}

        def catalog(query):
            with primary.lock:
                sets = [("one.cat.", "NS", "invalid."), ("version.one.cat.", "TXT", '"2"')]
                sets += [(label + ".zones.one.cat.", "PTR", name) for name, label in model.items()]
                ends = soa("one.cat.", primary.serials["one.cat."])
            return message(query, [ends, *(dns.rrset.from_text(owner, 0, "IN", *rest) for owner, *rest in sets), ends])
        with Primary() as primary:
            primary.serials = {**{name: 1 for name in names}, "one.cat.": 1}
            primary.streams["one.cat."] = catalog
            config = {"zones": [{"name": "one.cat", "primary": [primary.spec], "catalog": True}]}
            with harness.Mist(config) as mist:
                harness.until(lambda: " catalog of" in listed(mist)["one.cat"], "the catalog")
                for turn in range(harness.scaled(600)):
                    with primary.lock:
                        for name in random_.sample(names, random_.randrange(1, 6)):
                            if name in model and random_.random() < 0.5:
                                del model[name]
                            else:
                                model[name] = "%s-%d" % (name.split(".")[0], random_.randrange(3))
                        primary.serials["one.cat."] += 1
                    primary.notify(mist, "one.cat.")
                    if turn % 20 == 7:
                        mist.cli("reload")
                    time.sleep(random_.random() * 0.15)
                serial = primary.serials["one.cat."]
                harness.until(lambda: " serial %d " % serial in listed(mist)["one.cat"], "the last version")
                harness.until(lambda: members(mist) == {name.rstrip(".") for name in model}, "its members")
                harness.until(lambda: all(stamp(mist, name) == 1 for name in model), "all of them")
                kept = {"%ssecondary" % name for name in model} | {"one.cat.secondary"}
                harness.until(lambda: set(os.listdir(mist.state_dir)) - {"journal"} == kept, "their files and no others")
                self.assertNotIn("error", mist.stderr)

    def test_many(self):
        """All of a large catalog come, are there at once after a restart, and go."""
        names = ["z%d.test" % i for i in range(harness.scaled(2000))]
        us = harness.free_endpoint()
        zones = [{"name": name, "dnssec": False, "transfer": ["127.0.0.0/8"]} for name in names]
        zones.append({"name": "one.cat", "file": "one.cat", "dnssec": False, "transfer": ["127.0.0.0/8"],
                      "update": ["127.0.0.0/8"]})
        config = {"zones": zones, "transfer": {"notify": ["%s:%d" % us]}, "listen": {"address": harness.free_endpoint()[0]}}
        text = catalog_text("one.cat", {"u%d" % i: name for i, name in enumerate(names)})
        with tempfile.TemporaryDirectory() as keep:
            with harness.Mist(config, files={"one.cat": text}) as primary:
                with harness.Mist(settings(primary, us, ["one.cat"]), keep=keep) as mist:
                    harness.until(lambda: self.serves(mist, names), "all of them")
                    primary.process.send_signal(signal.SIGSTOP)
                    mist.stop()
                    mist.start()
                    self.assertTrue(self.serves(mist, names))
                    primary.process.send_signal(signal.SIGCONT)
                    self.change(primary, "one.cat", *[("delete", "u%d.zones" % i, "PTR") for i in range(1, len(names))])
                    harness.until(lambda: counters(mist)["catalog_members"] == "1", "all but one to go")
                    self.assertTrue(self.serves(mist, names[:1]))
                    self.assertTrue(is_unknown(mist, names[1]) and is_unknown(mist, names[-1]))
                    harness.until(lambda: sorted(name for name in os.listdir(mist.state_dir) if name.startswith("z")) ==
                                  ["z0.test.secondary"], "their files")

    @staticmethod
    def serves(mist, names):
        return all(mist.query(name, "SOA").rcode() == dns.rcode.NOERROR for name in names)


if __name__ == "__main__":
    unittest.main()
