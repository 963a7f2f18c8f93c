"""UPDATE (RFC 2136) and TSIG (RFC 8945), as other people's programs send them: nsupdate, knsupdate,
dig, dnspython; and the ways of ACME clients and of external-dns. What is served afterwards is looked
at by asking, and by validators."""
import base64
import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import unittest.mock

import dns.exception
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update

import harness
from harness import make_query, texts

ZONE = """
$ORIGIN up.test.
$TTL 300
@          SOA    ns hostmaster 1 3600 600 86400 300
@          NS     ns
ns         A      127.0.0.1
host       A      192.0.2.1
host       A      192.0.2.2
host       TXT    "kept"
alias      CNAME  host
*.wild     A      192.0.2.9
sub        NS     ns.sub
ns.sub     A      192.0.2.53
deep.down.there A 192.0.2.7
"""
SECRETS = {kind: base64.b64encode(os.urandom(size)).decode()
           for kind, size in (("sha1", 20), ("sha224", 28), ("sha256", 32), ("sha384", 48), ("sha512", 64))}
OTHER = base64.b64encode(b"a key that is in no list........").decode()
CONFIG = {
    "zones": [{"name": "up.test", "file": "up.test.zone", "update": list(SECRETS) + ["127.9.0.0/16"],
               "transfer": ["sha256"]},
              {"name": "plain.test", "file": "plain.test.zone", "dnssec": False, "update": ["sha256"],
               "transfer": ["sha256"]},
              {"name": "made.test", "update": ["sha256@127.9.0.0/16"]},
              {"name": "shut.test"}],
    "tsig": [{"name": kind, "algorithm": "hmac-" + kind, "secret": secret}
             for kind, secret in SECRETS.items()] + [{"name": "other", "secret": OTHER}],
}
FILES = {"up.test.zone": ZONE, "plain.test.zone": ZONE.replace("up.test", "plain.test")}
RING = dns.tsigkeyring.from_text({**{kind + ".": ("hmac-" + kind, secret)
                                     for kind, secret in SECRETS.items()},
                                  "other.": ("hmac-sha256", OTHER)})


@contextlib.contextmanager
def pebble(directory, server):
    """An ACME server that asks `server` about names: its directory's address, and the environment that
    lets a client believe it."""
    host, port = harness.free_endpoint("127.0.0.1")
    _, other = harness.free_endpoint("127.0.0.1")
    key, certificate = (os.path.join(directory, name) for name in ("key.pem", "certificate.pem"))
    harness.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
                "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    config = os.path.join(directory, "pebble.json")
    with open(config, "w") as file:
        json.dump({"pebble": {"listenAddress": "%s:%d" % (host, port), "certificate": certificate,
                              "managementListenAddress": "%s:%d" % (host, other), "privateKey": key,
                              "httpPort": 5002, "tlsPort": 5001}}, file)
    with open(os.path.join(directory, "pebble.log"), "w") as log:
        process = subprocess.Popen(["pebble", "-config", config, "-dnsserver",
                                    "%s:%d" % (server.address, server.port)], stdout=log, stderr=log,
                                   env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})

    def listening():
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return True
        return False
    try:
        harness.until(listening, "pebble")
        yield "https://%s:%d/dir" % (host, port), {"LEGO_CA_CERTIFICATES": certificate}
    finally:
        harness.end(process, signal.SIGTERM)


class Serving(unittest.TestCase):
    def setUp(self):
        self.mist = self.enterContext(harness.Mist(CONFIG, files=FILES))

    def a(self, name, rdtype="A"):
        """What a name has, sorted, by UDP: at once, on whatever worker."""
        return texts(self.mist.query(name, rdtype).answer, rdtype)

    def serial(self, zone="up.test"):
        return int(self.a(zone, "SOA")[0].split()[2])

    def update(self, zone="up.test", key="sha256"):
        ring = {dns.name.from_text(key): RING[dns.name.from_text(key)]} if key else None
        return dns.update.UpdateMessage(zone, keyring=ring, keyname=key and dns.name.from_text(key),
                                        keyalgorithm="hmac-" + key if key in SECRETS else
                                        "hmac-sha256")

    def send(self, update, tcp=False, source=None):
        """The rcode; dnspython checks the signature of the reply."""
        how = {"port": self.mist.port, "timeout": harness.DEADLINE, "source": source}
        query = dns.query.tcp if tcp else dns.query.udp
        return dns.rcode.to_text(query(update, self.mist.address, **how).rcode())

    def tool(self, tool, lines, *args, zone="up.test"):
        """Runs a script of nsupdate or knsupdate; what it printed."""
        script = "server %s %d\nzone %s\n%s\n" % (self.mist.address, self.mist.port, zone,
                                                  "\n".join(lines))
        done = harness.run(tool, *args, check=False, input=script)
        return done.returncode, done.stdout + done.stderr

    def valid(self, zone="up.test"):
        """ldns-verify-zone on the zone as a transfer gives it."""
        key = "hmac-sha256:sha256:" + SECRETS["sha256"]
        text = harness.dig(self.mist, "-y", key, "+onesoa", "+nocomments", "+nocmd", "+nostats",
                           zone, "AXFR")
        with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
            file.write("".join(line for line in text.splitlines(True) if "\tTSIG\t" not in line))
            file.flush()
            harness.run("ldns-verify-zone", file.name)
        return text


class ToolsTest(Serving):
    def test_every_algorithm(self):
        for number, (kind, secret) in enumerate(sorted(SECRETS.items())):
            for tool in ("nsupdate", "knsupdate"):
                for way in ([], ["-v"]):
                    with self.subTest(kind=kind, tool=tool, way=way):
                        name = "%s-%s%s.up.test" % (tool, kind, "-tcp" if way else "")
                        code, said = self.tool(tool, ["update add %s 60 A 192.0.2.%d" % (name, number),
                                                      "send"],
                                               *way, "-y", "hmac-%s:%s:%s" % (kind, kind, secret))
                        self.assertEqual((code, said), (0, ""))
                        self.assertEqual(self.a(name), ["192.0.2.%d" % number])
        self.valid()

    def test_md5_is_refused_with_a_reason(self):
        code, said = self.tool("nsupdate", ["update add x.up.test 60 A 192.0.2.1", "send"],
                               "-y", "hmac-md5:sha256:" + SECRETS["sha256"])
        self.assertNotEqual(code, 0)
        self.assertIn("BADKEY", said)
        self.assertEqual(self.a("x.up.test"), [])
        harness.until(lambda: "HMAC-MD5 is broken" in self.mist.stderr, "a reason in the log")
        self.assertIn("sha256 at 127.0.0.1", self.mist.stderr)
        query = make_query("host.up.test", edns=0)
        ring = dns.tsigkeyring.from_text({"sha256.": ("hmac-md5.sig-alg.reg.int", SECRETS["sha256"])})
        query.use_tsig(ring, "sha256.", algorithm=dns.tsig.HMAC_MD5)
        data = self.mist.udp(query.to_wire())
        self.assertEqual(data[3] & 15, dns.rcode.NOTAUTH)
        self.assertIn(b"HMAC-MD5 is broken", data)  # an Extended DNS Error

    def test_scripts(self):
        """Of each: what it says, and what the names have then."""
        key = "hmac-sha256:sha256:" + SECRETS["sha256"]
        h, n, fresh = "host.up.test", "new.up.test", self.serial()
        steps = [
            # script, rcode of a failure, {name or (name, type): what it has}
            (["update add %s 60 A 192.0.2.3" % h], "", {h: ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}),
            (["update delete %s A 192.0.2.1" % h], "", {h: ["192.0.2.2", "192.0.2.3"]}),
            (["update delete %s A" % h], "", {h: [], (h, "TXT"): ['"kept"']}),
            (["update delete %s" % h], "", {(h, "TXT"): []}),
            (["prereq nxdomain %s" % n, "update add %s 60 A 192.0.2.4" % n], "", {n: ["192.0.2.4"]}),
            (["prereq nxdomain %s" % n, "update add %s 60 A 192.0.2.5" % n], "YXDOMAIN",
             {n: ["192.0.2.4"]}),
            (["prereq yxdomain %s" % n, "prereq yxrrset %s A" % n, "prereq nxrrset %s TXT" % n,
              "update add %s 60 TXT mine" % n], "", {(n, "TXT"): ['"mine"']}),
            (["prereq nxrrset %s TXT" % n, "update delete %s" % n], "YXRRSET", {n: ["192.0.2.4"]}),
            (["prereq yxrrset %s MX" % n, "update delete %s" % n], "NXRRSET", {n: ["192.0.2.4"]}),
            (["prereq yxdomain none.up.test", "update delete %s" % n], "NXDOMAIN", {n: ["192.0.2.4"]}),
            (["prereq yxrrset %s A 192.0.2.4" % n, "update add %s 60 A 192.0.2.5" % n], "",
             {n: ["192.0.2.4", "192.0.2.5"]}),
            (["prereq yxrrset %s A 192.0.2.4" % n, "update delete %s A" % n], "NXRRSET",
             {n: ["192.0.2.4", "192.0.2.5"]}),
            (["prereq yxrrset %s A 192.0.2.5" % n, "prereq yxrrset %s A 192.0.2.4" % n,
              "update delete %s A" % n, "update add %s 60 A 192.0.2.6" % n], "", {n: ["192.0.2.6"]}),
            # What is there already, or never was, is no error; and what a rule forbids is passed over.
            (["update add %s 60 A 192.0.2.6" % n, "update delete none.up.test"], "", {n: ["192.0.2.6"]}),
            (["update add %s 60 CNAME elsewhere.test." % n], "", {n: ["192.0.2.6"], (n, "CNAME"): []}),
            (["update add alias.up.test 60 A 192.0.2.8"], "", {("alias.up.test", "CNAME"): ["host.up.test."]}),
            (["update add alias.up.test 60 CNAME %s" % n], "", {("alias.up.test", "CNAME"): [n + "."]}),
            (["update delete up.test NS", "update delete up.test SOA", "update delete up.test"], "",
             {("up.test", "NS"): ["ns.up.test."]}),
            # Wildcards, delegations, empty non-terminals.
            (["update add *.new.up.test 60 TXT wild"], "", {("any.new.up.test", "TXT"): ['"wild"']}),
            (["update delete *.new.up.test TXT"], "", {("any.new.up.test", "TXT"): []}),
            (["update delete deep.down.there.up.test"], "", {"down.there.up.test": []}),
            (["update add x.y.up.test 60 A 192.0.2.1", "update delete x.y.up.test A"], "", {"x.y.up.test": []}),
            (["update delete sub.up.test NS", "update add sub.up.test 60 A 192.0.2.10"], "",
             {"sub.up.test": ["192.0.2.10"], "ns.sub.up.test": ["192.0.2.53"]}),
            (["update add up.test 60 SOA ns.up.test. who.up.test. 3000000000 1 2 3 4"], "",
             {("up.test", "NS"): ["ns.up.test."]}),
            # Not in the zone; not to be signed by others.
            (["update add www.other.test 60 A 192.0.2.1"], "NOTZONE", {}),
            (["update add %s 60 NSEC a.up.test. A" % n], "REFUSED", {n: ["192.0.2.6"]}),
        ]
        for number, (script, failure, names) in enumerate(steps):
            for zone in ("up.test", "plain.test"):
                def local(text):
                    return text.replace("up.test", zone)
                if zone == "plain.test" and failure == "REFUSED":
                    continue # nobody signs there
                with self.subTest(script=script, zone=zone):
                    tool = ("nsupdate", "knsupdate")[number % 2 if failure != "NOTZONE" else 0]
                    code, said = self.tool(tool, [local(line) for line in script] + ["send"], "-y", key,
                                           zone=zone)
                    if failure:
                        self.assertNotEqual(code, 0)
                        self.assertIn(failure, said)
                    else:
                        self.assertEqual((code, said), (0, ""))
                    for asked, expected in names.items():
                        name, rdtype = asked if isinstance(asked, tuple) else (asked, "A")
                        self.assertEqual(self.a(local(name), rdtype), [local(text) for text in expected])
        self.valid()
        soa = self.a("up.test", "SOA")[0].split()
        self.assertEqual(soa[1], "who.up.test.")
        self.assertTrue(3000000000 <= int(soa[2]) < 3000000100, soa)
        self.assertLess(fresh, 3000000000)

    def test_nothing_changes_nothing(self):
        """An update that leaves the zone as it is makes no version."""
        serial = self.serial()
        update = self.update()
        update.add("host", 300, "A", "192.0.2.1")
        update.delete("none")
        self.assertEqual(self.send(update), "NOERROR")
        self.assertEqual(self.serial(), serial)


class WaysTest(Serving):
    def test_acme(self):
        """A DNS-01 challenge as lego and cert-manager set it: the old set goes, the new one is there
        with the reply, and not later than 50 ms after it was sent."""
        name, took = "_acme-challenge.www.up.test", []
        for number in range(20):
            token = "token-%d" % number
            update = self.update()
            update.replace(name + ".", 120, "TXT", token)
            sent = time.monotonic()
            self.assertEqual(self.send(update, tcp=number % 2 == 1), "NOERROR")
            self.assertEqual(self.a(name, "TXT"), ['"%s"' % token])
            took.append(time.monotonic() - sent)
        took.sort()
        self.assertLess(took[len(took) // 2], 0.050)
        anchor = self.mist.cli("trust-anchor", "up.test", "--format", "bind").stdout
        verdict, said = harness.delv(self.mist, name, "TXT", anchor, "up.test")
        self.assertEqual(verdict, "secure", said)
        update = self.update()
        update.delete(name + ".", "TXT")
        self.assertEqual(self.send(update), "NOERROR")
        response = self.mist.query(name, "TXT")
        self.assertEqual(response.rcode(), dns.rcode.NXDOMAIN)
        verdict, said = harness.delv(self.mist, name, "TXT", anchor, "up.test")
        self.assertEqual(verdict, "negative secure", said)

    @unittest.skipUnless(all(map(shutil.which, ("lego", "pebble", "openssl"))), "no lego, pebble, openssl")
    def test_lego(self):
        """A certificate for a name and for all below it: lego proves them to an ACME server (pebble), which
        asks us. Its own default algorithm and the recommended one."""
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            acme, environment = stack.enter_context(pebble(directory, self.mist))
            for number, (kind, domains) in enumerate((("sha1", ["www.up.test"]),
                                                      ("sha256", ["host.up.test", "*.up.test"]))):
                settings = {"RFC2136_NAMESERVER": "%s:%d" % (self.mist.address, self.mist.port),
                            "RFC2136_TSIG_KEY": kind, "RFC2136_TSIG_SECRET": SECRETS[kind],
                            "RFC2136_TSIG_ALGORITHM": "hmac-%s." % kind,
                            "RFC2136_POLLING_INTERVAL": "1", "RFC2136_SEQUENCE_INTERVAL": "1"}
                if kind == "sha1":
                    del settings["RFC2136_TSIG_ALGORITHM"]
                args = [part for domain in domains for part in ("-d", domain)]
                path = os.path.join(directory, "lego%d" % number)
                done = harness.run("lego", "-a", "-s", acme, "-m", "me@up.test", "--path", path,
                                   "--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers",
                                   settings["RFC2136_NAMESERVER"], *args, "run", check=False,
                                   env={**os.environ, **environment, **settings})
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                certificate = os.path.join(path, "certificates", domains[0] + ".crt")
                text = harness.run("openssl", "x509", "-noout", "-text", "-in", certificate).stdout
                for domain in domains:
                    self.assertIn("DNS:" + domain, text)
                    self.assertEqual(self.a("_acme-challenge." + domain.replace("*.", ""), "TXT"), [])

    def test_external_dns(self):
        """It lists the zone by a signed transfer, owns what has its TXT record, and changes both in one
        message: the old records out by value, the new ones in."""
        owner = '"heritage=external-dns,external-dns/owner=me"'

        def listed():
            transfer = dns.query.xfr(self.mist.address, "up.test", port=self.mist.port,
                                     keyring=RING, keyname="sha256.", lifetime=20)
            found = {}
            for message in transfer:
                for rrset in message.answer:
                    key = rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)
                    found.setdefault(key, set()).update(item.to_text() for item in rrset)
            return found

        self.assertNotIn(("web", "A"), listed())
        update = self.update()
        update.add("web", 300, "A", "192.0.2.20")
        update.add("a-web", 300, "TXT", owner)
        self.assertEqual(self.send(update, tcp=True), "NOERROR")
        self.assertEqual((listed()["web", "A"], listed()["a-web", "TXT"]), ({"192.0.2.20"}, {owner}))
        update = self.update()
        update.delete("web", "A", "192.0.2.20")
        update.delete("a-web", "TXT", owner)
        update.add("web", 300, "A", "192.0.2.21")
        update.add("web", 300, "A", "192.0.2.22")
        update.add("a-web", 300, "TXT", owner)
        self.assertEqual(self.send(update, tcp=True), "NOERROR")
        self.assertEqual(listed()["web", "A"], {"192.0.2.21", "192.0.2.22"})
        update = self.update()
        for address in ("192.0.2.21", "192.0.2.22"):
            update.delete("web", "A", address)
        update.delete("a-web", "TXT", owner)
        self.assertEqual(self.send(update, tcp=True), "NOERROR")
        self.assertFalse({key for key in listed() if "web" in key[0]})

    def test_many_at_once(self):
        """Updates of several clients, over UDP and over one connection each: all are there at the end,
        and serials only rise."""
        count, first = harness.scaled(200), self.serial()

        def run(client):
            with self.mist.tcp_connect() as sock:
                for number in range(count // 4):
                    update = self.update(key=sorted(SECRETS)[client])
                    update.add("n%d-%d" % (client, number), 60, "A", "192.0.2.%d" % (number % 250))
                    if number % 2:
                        wire = update.to_wire()
                        sock.sendall(harness.framed(wire))
                        reply = dns.message.from_wire(harness.tcp_read_message(sock),
                                                      keyring=update.keyring, request_mac=update.mac)
                        rcode = dns.rcode.to_text(reply.rcode())
                    else:
                        rcode = self.send(update)
                    if rcode != "NOERROR" or not self.a("n%d-%d.up.test" % (client, number)):
                        return "%s at %d" % (rcode, number)
            return None

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(pool.map(run, range(4))), [None] * 4)
        self.assertTrue(0 < (self.serial() - first) % 2 ** 32 < 2 ** 31)
        text = self.valid()
        self.assertEqual(sum(line.startswith("n") and "\tA\t" in line and "-" in line.split()[0]
                             for line in text.splitlines()), count // 4 * 4)

    def test_signed_questions(self):
        """What is asked with a key is answered with it, the same as without."""
        for tcp in (False, True):
            for name, rdtype in (("host.up.test", "A"), ("none.up.test", "A"), ("up.test", "SOA"),
                                 ("denied.example", "A")):
                for kind in sorted(SECRETS):
                    query = make_query(name, rdtype, dnssec=True)
                    plain = self.mist.ask(query, tcp)
                    query.use_tsig(RING, kind + ".", algorithm="hmac-" + kind)
                    wire = query.to_wire()
                    data = self.mist.tcp(wire)[0] if tcp else self.mist.udp(wire)
                    signed = dns.message.from_wire(data, keyring=RING, request_mac=query.mac)
                    self.assertTrue(signed.had_tsig)
                    self.assertEqual((signed.rcode(), signed.answer, signed.authority),
                                     (plain.rcode(), plain.answer, plain.authority))

    def test_notify(self):
        """Told of a zone that is ours: thanks. Of another: NOTAUTH."""
        for zone, rcode in (("up.test", dns.rcode.NOERROR), ("other.test", dns.rcode.NOTAUTH)):
            for signed in (False, True):
                notify = make_query(zone, "SOA")
                notify.set_opcode(dns.opcode.NOTIFY)
                if signed:
                    notify.use_tsig(RING, "sha256.")
                data = self.mist.udp(notify.to_wire())
                reply = dns.message.from_wire(data, keyring=RING, request_mac=notify.mac)
                self.assertEqual((reply.rcode(), reply.opcode()), (rcode, dns.opcode.NOTIFY))


class RefusedTest(Serving):
    def add(self, **how):
        update = self.update(**how)
        update.add("x", 60, "A", "192.0.2.1")
        return update

    def test_who_may_not(self):
        serial = self.serial()
        for tcp in (False, True):
            self.assertEqual(self.send(self.add(key=None), tcp), "REFUSED")
            self.assertEqual(self.send(self.add(key="other"), tcp), "REFUSED")
            self.assertEqual(self.send(self.add(zone="plain.test", key="sha512"), tcp), "REFUSED")
            self.assertEqual(self.send(self.add(zone="shut.test"), tcp), "REFUSED")
            self.assertEqual(self.send(self.add(zone="other.test"), tcp), "NOTAUTH")
            self.assertEqual(self.send(self.add(zone="other.test", key=None), tcp), "NOTAUTH")
            self.assertEqual(self.send(self.add(zone="host.up.test"), tcp), "NOTAUTH")
            # A key from one network only.
            self.assertEqual(self.send(self.add(zone="made.test"), tcp), "REFUSED")
            self.assertEqual(self.send(self.add(zone="made.test", key=None), tcp, "127.9.0.1"), "REFUSED")
        self.assertEqual(self.a("x.up.test"), [])
        self.assertEqual(self.serial(), serial)
        harness.until(lambda: "names neither the key nor the address" in self.mist.stderr, "the log")
        self.assertEqual(self.send(self.add(key=None), source="127.9.3.4"), "NOERROR")
        self.assertEqual(self.a("x.up.test"), ["192.0.2.1"])
        self.assertEqual(self.send(self.add(zone="made.test"), source="127.9.3.4"), "NOERROR")
        self.assertEqual(self.a("x.made.test"), ["192.0.2.1"])
        self.assertEqual(self.a("y.x.made.test"), ["127.0.0.1"])  # its wildcard survives around names

    def test_reload(self):
        """Keys and lists follow the configuration; what updates made stays, and who may no longer is told."""
        self.assertEqual(self.send(self.add()), "NOERROR")
        serial = self.serial()
        zones = [{**zone, "update": ["new"], "transfer": ["new"]} for zone in CONFIG["zones"][:2]]
        keys = [{"name": "new", "algorithm": "hmac-sha512", "secret": OTHER}] + CONFIG["tsig"][:-1]
        self.mist.configure({**CONFIG, "zones": zones, "tsig": keys})
        self.mist.hup()
        ring = dns.tsigkeyring.from_text({"new.": ("hmac-sha512", OTHER)})

        def by_new():
            update = dns.update.UpdateMessage("up.test", keyring=ring, keyalgorithm="hmac-sha512")
            update.add("y", 60, "A", "192.0.2.2")
            with contextlib.suppress(dns.tsig.PeerBadKey):
                return self.send(update) == "NOERROR"
        harness.until(by_new, "the new key")
        self.assertEqual(self.send(self.add()), "REFUSED")
        with self.assertRaises(dns.tsig.PeerBadKey):
            self.send(self.add(key="other"))
        self.assertEqual(self.a("x.up.test") + self.a("y.up.test"), ["192.0.2.1", "192.0.2.2"])
        self.assertLess(serial, self.serial())
        self.assertEqual(self.mist.query("x.made.test").rcode(), dns.rcode.NXDOMAIN)  # no zone any more

    def tsig_error(self, wire):
        """(rcode, TSIG error, octets of MAC) of the reply."""
        data = self.mist.udp(wire)
        at = data.rfind(b"\0\xfa\0\xff\0\0\0\0") + 10  # TSIG, ANY, TTL 0, RDLENGTH
        at = data.index(b"\0", at) + 1 + 8                # algorithm, time, fudge
        (size,) = struct.unpack_from("!H", data, at)
        (error,) = struct.unpack_from("!H", data, at + 2 + size + 2)
        return dns.rcode.to_text(data[3] & 15), error, size

    def test_signatures_that_are_not_good(self):
        wire = bytearray(self.add().to_wire())
        wire[-10] ^= 1
        self.assertEqual(self.tsig_error(bytes(wire)), ("NOTAUTH", 16, 0))
        stranger = make_query("up.test", "SOA")
        stranger.use_tsig(dns.tsigkeyring.from_text({"nobody.": SECRETS["sha256"]}))
        self.assertEqual(self.tsig_error(stranger.to_wire()), ("NOTAUTH", 17, 0))
        other = make_query("up.test", "SOA")
        other.use_tsig(dns.tsigkeyring.from_text({"sha256.": ("hmac-sha512", SECRETS["sha256"])}),
                       algorithm="hmac-sha512.")
        self.assertEqual(self.tsig_error(other.to_wire()), ("NOTAUTH", 17, 0))
        for drift, expected in ((-400, ("NOTAUTH", 18, 32)), (400, ("NOTAUTH", 18, 32))):
            with unittest.mock.patch("time.time", lambda now=time.time() + drift: now):
                late = self.add().to_wire()
            self.assertEqual(self.tsig_error(late), expected)
        self.assertEqual(self.a("x.up.test"), [])
        # nsupdate, whose clock is wrong, says so.
        with harness.Clock() as clock:
            clock.set(-1000)
            done = harness.run("nsupdate", "-y", "hmac-sha256:sha256:" + SECRETS["sha256"], check=False,
                               env={**os.environ, **clock.env},
                               input="server %s %d\nzone up.test\nupdate add x.up.test 60 A 192.0.2.1\n"
                                     "send\n" % (self.mist.address, self.mist.port))
            self.assertIn("BADTIME", done.stdout + done.stderr)

    def test_malformed(self):
        """Messages of RFC 2136 sections 3.2 and 3.4 that are FORMERR, and leave the zone as it was."""
        serial = self.serial()
        zone = dns.name.from_text("up.test").to_wire() + struct.pack("!HH", 6, 1)
        owner = dns.name.from_text("host.up.test").to_wire()

        def message(prerequisites=(), changes=(), zone=zone):
            return struct.pack("!HHHHHH", 7, 5 << 11, 1, len(prerequisites), len(changes), 0) + zone + \
                b"".join(prerequisites) + b"".join(changes)

        def record(rdtype, rdclass, ttl=0, data=b"", name=owner):
            return name + struct.pack("!HHIH", rdtype, rdclass, ttl, len(data)) + data

        a, ip = 1, b"\xc0\0\2\1"
        bad = [
            message(zone=zone[:-4] + struct.pack("!HH", 1, 1)),
            message(zone=zone[:-4] + struct.pack("!HH", 6, 3)),
            message([record(a, 255, 1)]), message([record(a, 255, 0, ip)]), message([record(a, 254, 1)]),
            message([record(a, 254, 0, ip)]), message([record(a, 1, 1, ip)]), message([record(255, 1, 0, ip)]),
            message([record(a, 1, 0, ip[:3])]), message([record(a, 3, 0, ip)]), message([record(0, 255)]),
            message([record(252, 255)]),
            message([], [record(255, 1, 60, ip)]), message([], [record(252, 1, 60, ip)]),
            message([], [record(a, 1, 60, ip + b"x")]), message([], [record(a, 1, 60)]),
            message([], [record(a, 255, 1)]), message([], [record(a, 255, 0, ip)]),
            message([], [record(a, 254, 1, ip)]), message([], [record(255, 254, 0)]),
            message([], [record(252, 255, 0)]), message([], [record(0, 255, 0)]),
            message([], [record(a, 3, 0, ip)]), message([], [record(2, 1, 60, b"\xc0")]),
            message([], [record(2, 1, 60, b"\xc0\x0c\0")]),
            message([], [record(6, 1, 60, b"\xc0\x0c\xc0\x0c" + bytes(19))]),
            # Good ones first: none of them is done.
            message([], [record(255, 255), record(a, 1, 60, ip + b"x")]),
        ]
        for wire in bad:
            with self.subTest(wire=wire.hex()):
                for tcp in (False, True):
                    data = self.from_listed(wire, tcp)
                    self.assertEqual((data[2] >> 3 & 15, data[3] & 15), (5, dns.rcode.FORMERR))
        outside = [message([record(a, 255, name=b"\4host\4test\0")]),
                   message([], [record(a, 1, 60, ip, name=b"\2up\5other\0")])]
        for wire in outside:
            self.assertEqual(self.from_listed(wire)[3] & 15, dns.rcode.NOTZONE)
        self.assertEqual(self.a("host.up.test"), ["192.0.2.1", "192.0.2.2"])
        self.assertEqual(self.serial(), serial)
        # Compressed names, in owners and in data, are names.
        good = message([], [record(15, 1, 60, b"\0\5\4mail\xc0\x0c", name=b"\1m\xc0\x0c")])
        self.assertEqual(self.from_listed(good)[3] & 15, dns.rcode.NOERROR)
        self.assertEqual(self.a("m.up.test", "MX"), ["5 mail.up.test."])

    def from_listed(self, wire, tcp=False):
        """Sends from an address that may update without a key."""
        if not tcp:
            return self.mist.udp(wire, source="127.9.0.1")
        with self.mist.tcp_connect(source="127.9.0.1") as sock:
            sock.sendall(harness.framed(wire))
            return harness.tcp_read_message(sock)


if __name__ == "__main__":
    unittest.main()
