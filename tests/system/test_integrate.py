"""What `mist integrate` prints, read by those it is for: unbound and dnsmasq resolve and validate with it, and ask
mist for nothing else. And how it is installed: as a whole, over nothing that is not ours, and gone when it is undone.
systemd-resolved has a file of its own, since it wants a network of its own."""
import json
import os
import shutil
import tempfile
import unittest

import dns.flags
import dns.rcode
import yaml

from harness import Mist, Peer, Upstream, make_query, mist_cli, run, texts

ENGINE_FREE = True
# A root key that nobody has: whatever is below the root and has no anchor of its own cannot be validated.
ROOT_ANCHOR = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
CONFIG = {"zones": ["editor.land", {"name": "open.test", "dnssec": False}],
          "forward": {"allow": ["update.editor.land"]}}
FORMS = ("resolved", "networkmanager", "dnsmasq", "unbound", "resolv.conf", "macos", "docker", "kubernetes")


class Snippet(Peer):
    """A resolver with a printed snippet; `else`: the server it asks for all other names."""

    def __init__(self, snippet, other, anchor=ROOT_ANCHOR):
        super().__init__({"editor.land": None}, probe="probe.invalid")
        self.snippet, self.other, self.anchor = snippet, other, anchor

    def ask_secure(self, name, rdtype="A"):
        """(rcode, whether it was validated, data)"""
        query = make_query(name, rdtype, dnssec=True)
        query.flags |= dns.flags.AD
        response = self.ask(query)
        return dns.rcode.to_text(response.rcode()), bool(response.flags & dns.flags.AD), texts(response.answer, rdtype)


class Unbound(Snippet):
    program = "unbound"

    def command(self):
        return ["unbound", "-d", "-c", self.path("conf")]

    def config(self):
        with open(self.path("mist.conf"), "w") as file:
            file.write(self.snippet)
        text = """
server:
	interface: %(address)s@%(port)d
	username: ""
	chroot: ""
	directory: "%(dir)s"
	pidfile: "%(dir)s/pid"
	use-syslog: no
	do-not-query-localhost: no
	domain-insecure: "probe.invalid."
	local-zone: "probe.invalid." transparent
	private-address: 127.0.0.0/8
	trust-anchor: "%(anchor)s"
	num-threads: 1
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: %(other)s
include: "%(dir)s/mist.conf"
""" % {"address": self.address, "port": self.port, "dir": self.directory, "anchor": self.anchor,
            "other": self.other.spec.replace(":", "@")}
        with open(self.path("checked"), "w") as file:
            file.write(text)
        run("unbound-checkconf", self.path("checked"))
        return text


class Dnsmasq(Snippet):
    program = "dnsmasq"

    def command(self):
        return ["dnsmasq", "--keep-in-foreground", "--conf-file=" + self.path("conf")]

    def config(self):
        text = """
no-resolv
no-hosts
no-poll
bind-interfaces
listen-address=%s
port=%d
user=
pid-file=
log-facility=-
log-queries
stop-dns-rebind
dnssec
trust-anchor=.,20326,8,2,E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
server=/probe.invalid/%s
server=%s
%s""" % (self.address, self.port, self.other.spec.replace(":", "#"), self.other.spec.replace(":", "#"), self.snippet)
        with open(self.path("checked"), "w") as file:
            file.write(text)
        run("dnsmasq", "--test", "--conf-file=" + self.path("checked"))
        return text


class Resolvers(unittest.TestCase):
    """A mist with a signed and an unsigned zone and a forwarded name; what it is not asked for goes to `other`."""

    @classmethod
    def setUpClass(cls):
        upstream = cls.enterClassContext(Upstream(table={
            ("update.editor.land", "A"): ["update.editor.land. 60 IN A 203.0.113.9"]}))
        cls.mist = cls.enterClassContext(Mist({**CONFIG, "forward": {**CONFIG["forward"],
                                                                    "upstreams": [upstream.spec]}}))
        cls.other = cls.enterClassContext(Upstream(table={
            (".", "*"): [],  # priming, and what validates
            ("probe.invalid", "SOA"): ["probe.invalid. 60 IN SOA a. b. 1 2 3 4 5"],
            ("example.com", "A"): ["example.com. 60 IN A 203.0.113.7"]}))

    def snippet(self, form):
        return self.mist.cli("integrate", form).stdout

    def resolves_and_validates(self, peer):
        before = len(self.other.asked())
        self.assertEqual(peer.ask_secure("any.editor.land"), ("NOERROR", True, ["127.0.0.1"]))
        self.assertEqual(peer.ask_secure("editor.land", "SOA")[:2], ("NOERROR", True))
        self.assertEqual(peer.ask_secure("any.editor.land", "TXT"), ("NOERROR", True, []))
        self.assertEqual(peer.ask_secure("update.editor.land"), ("NOERROR", False, ["203.0.113.9"]))
        self.assertEqual(peer.ask_secure("any.open.test"), ("NOERROR", False, ["127.0.0.1"]))
        with self.other.lock:
            left = {str(query.question[0].name) for query, _ in self.other.queries[before:]}
        self.assertEqual({name for name in left if "land" in name or "test" in name} - {"land.", "test."}, set())

    def asks_others_for_others(self, peer):
        """Their answers cannot be validated here, with a root key that nobody has; whom it asks can be seen."""
        self.mist.query("x.editor.land")
        before = self.counter("udp_queries")
        peer.query("example.com")
        self.assertTrue(self.other.asked("example.com"))
        self.assertEqual(self.counter("udp_queries"), before)

    def counter(self, name):
        return json.loads(self.mist.cli("stats", "--json").stdout)["counters"][name]

    def finds_wrong_keys_out(self, kind, form):
        """With another key's anchor nothing of the zone is believed."""
        lines = self.snippet(form).splitlines(True)
        wrong = "".join(self.other_digest(line) if "trust-anchor" in line else line for line in lines)
        self.assertNotEqual("".join(lines), wrong)
        with kind(wrong, self.other) as peer:
            self.assertEqual(peer.ask_secure("any.editor.land")[0], "SERVFAIL")

    @staticmethod
    def other_digest(line):
        end = line.rstrip("\"\n")
        return end[:-4] + ("0000" if end[-4:] != "0000" else "1111") + line[len(end):]

    def test_unbound(self):
        with Unbound(self.snippet("unbound"), self.other) as peer:
            self.resolves_and_validates(peer)
            self.asks_others_for_others(peer)
        self.finds_wrong_keys_out(Unbound, "unbound")

    def test_unbound_without_it(self):
        """What the snippet is there for: without its lines on the unsigned zone, that cannot be validated."""
        lines = self.snippet("unbound").splitlines(True)
        with Unbound("".join(line for line in lines if "domain-insecure" not in line), self.other) as peer:
            self.assertEqual(peer.ask_secure("any.open.test")[0], "SERVFAIL")

    def test_dnsmasq(self):
        with Dnsmasq(self.snippet("dnsmasq"), self.other) as peer:
            self.resolves_and_validates(peer)
            self.asks_others_for_others(peer)
        self.finds_wrong_keys_out(Dnsmasq, "dnsmasq")

    def test_networkmanager(self):
        """Two files: that NetworkManager runs dnsmasq, and what that one reads."""
        with tempfile.TemporaryDirectory() as root:
            for directory in ("conf.d", "dnsmasq.d"):
                os.makedirs(os.path.join(root, "etc/NetworkManager", directory))
            self.mist.cli("integrate", "networkmanager", "--apply", "--root", root)
            with open(os.path.join(root, "etc/NetworkManager/conf.d/mist.conf")) as file:
                self.assertIn("[main]\ndns=dnsmasq\n", file.read())
            with open(os.path.join(root, "etc/NetworkManager/dnsmasq.d/mist.conf")) as file:
                snippet = file.read()
        with Dnsmasq(snippet, self.other) as peer:
            self.resolves_and_validates(peer)

    def test_macos(self):
        printed = self.snippet("macos")
        files = dict(part.split("\n", 1) for part in printed.replace("\n\n", "\0").split("\0"))
        self.assertEqual([first.split(":")[0] for first in files], ["# /etc/resolver/editor.land",
                                                                    "# /etc/resolver/open.test"])
        for text in files.values():
            known = [line.split() for line in text.splitlines() if not line.startswith("#")]
            self.assertEqual(known, [["nameserver", self.mist.address], ["port", str(self.mist.port)]])
        self.assertEqual(printed.count(" IN DS "), 1)

    def test_kubernetes(self):
        self.refused("kubernetes", "--at")
        printed = self.mist.cli("integrate", "kubernetes", "--at", "169.254.20.53:53").stdout
        config = yaml.safe_load(printed)
        self.assertEqual((config["kind"], config["metadata"]),
                         ("ConfigMap", {"name": "coredns-custom", "namespace": "kube-system"}))
        blocks = config["data"]["mist.server"]
        for zone in ("editor.land", "open.test"):
            self.assertIn("%s:53 {\n    errors\n    cache 30\n    forward . 169.254.20.53:53\n}\n" % zone, blocks)
        self.assertIn("editor.land. IN DS ", config["data"]["mist.anchors"])

    def test_docker(self):
        self.refused("docker", "--address")
        self.refused("docker", "port 53", "--at", "172.17.0.1")
        printed = self.mist.cli("integrate", "docker", "--at", "172.17.0.1:53").stdout
        self.assertEqual(yaml.safe_load(printed), {"services": {"app": {"dns": ["172.17.0.1"]}}})
        self.assertIn("# trust anchor: editor.land. IN DS ", printed)

    def test_resolv_conf(self):
        self.refused("resolv.conf", "start it on port 53")
        done = self.mist.cli("integrate", "resolv.conf", "--at", "127.0.0.53:53")
        self.assertIn("\nnameserver 127.0.0.53\n", done.stdout)
        self.assertIn("forward.upstreams", done.stderr)

    def refused(self, form, said, *args):
        done = self.mist.cli("integrate", form, *args, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn(said, done.stderr)


class Installed(unittest.TestCase):
    """--apply and --undo in a directory that stands for /, from a configuration: no server runs."""

    def setUp(self):
        self.root = self.enterContext(tempfile.TemporaryDirectory(prefix="mist-root-"))
        for directory in ("etc/unbound/unbound.conf.d", "etc/systemd/system", "etc/dnsmasq.d"):
            os.makedirs(self.path(directory))
        self.config = {"state_directory": self.path("state"), **CONFIG}

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def integrate(self, *args, code=0):
        done = mist_cli("integrate", *args, config=self.config)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def put(self, form, how, *args, code=0):
        return self.integrate(form, how, "--root", self.root, *args, code=code)

    def files(self, directory="etc"):
        return sorted(os.path.relpath(os.path.join(path, name), self.root)
                      for path, _, names in os.walk(self.path(directory)) for name in names)

    def test_there_and_back(self):
        for form, expected in (
                ("unbound", ["etc/unbound/unbound.conf.d/mist.conf"]), ("dnsmasq", ["etc/dnsmasq.d/mist.conf"]),
                ("resolved", ["etc/dnssec-trust-anchors.d/editor.land.positive",
                              "etc/dnssec-trust-anchors.d/open.test.negative",
                              "etc/systemd/system/mist-resolved.service"])):
            self.put(form, "--apply")
            self.assertEqual(self.files(), expected)
            first = [self.read(name) for name in expected]
            self.assertEqual("\n".join(sorted(self.integrate(form).stdout.split("\n"))).strip(),
                             "\n".join(sorted("\n".join(first).split("\n"))).strip())
            self.put(form, "--apply")  # again is nothing new
            self.assertEqual([self.read(name) for name in expected], first)
            for name in expected:
                self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, 0o644)
            self.put(form, "--undo")
            self.assertEqual(self.files(), [])
            self.put(form, "--undo")

    def test_what_is_not_ours_is_left_alone(self):
        os.mkdir(self.path("etc/dnssec-trust-anchors.d"))
        theirs = "etc/dnssec-trust-anchors.d/open.test.negative"
        self.write(theirs, "open.test\n")
        done = self.put("resolved", "--apply", code=3)
        self.assertIn("is there and not ours", done.stderr)
        self.assertEqual(self.files(), [theirs])  # and nothing else was begun
        os.unlink(self.path(theirs))
        for make in (lambda p: os.symlink("/etc/passwd", p), os.mkdir, lambda p: os.mkfifo(p)):
            make(self.path("etc/unbound/unbound.conf.d/mist.conf"))
            self.assertIn("not ours", self.put("unbound", "--apply", code=3).stderr)
            self.put("unbound", "--undo")
            self.assertTrue(os.path.lexists(self.path("etc/unbound/unbound.conf.d/mist.conf")))
            shutil.rmtree(self.path("etc/unbound/unbound.conf.d"))
            os.mkdir(self.path("etc/unbound/unbound.conf.d"))
        self.put("unbound", "--apply")
        self.write("etc/unbound/unbound.conf.d/mist.conf", "# mine now\n")
        self.put("unbound", "--undo")
        self.assertEqual(self.read("etc/unbound/unbound.conf.d/mist.conf"), "# mine now\n")

    def test_zones_that_go_take_their_files_along(self):
        self.put("resolved", "--apply")
        self.write("etc/dnssec-trust-anchors.d/other.positive", "other. IN DS 1 13 2 00\n")
        self.config["zones"] = ["editor.land"]
        self.put("resolved", "--apply")
        self.assertEqual(self.files("etc/dnssec-trust-anchors.d"),
                         ["etc/dnssec-trust-anchors.d/editor.land.positive", "etc/dnssec-trust-anchors.d/other.positive"])
        self.assertNotIn("open.test", self.read("etc/systemd/system/mist-resolved.service"))

    def test_resolv_conf_comes_back(self):
        at = ("--at", "127.0.0.1:53")
        for before in (lambda p: self.write(p, "nameserver 192.0.2.1\n"),
                       lambda p: os.symlink("/nonexistent/stub-resolv.conf", self.path(p))):
            before("etc/resolv.conf")
            for _ in range(2):
                self.put("resolv.conf", "--apply", *at)
                self.assertIn("nameserver 127.0.0.1\n", self.read("etc/resolv.conf"))
                self.assertEqual(self.files(), ["etc/resolv.conf", "etc/resolv.conf.before-mist"])
            self.put("resolv.conf", "--undo")
            self.assertEqual(self.files(), ["etc/resolv.conf"])
            self.put("resolv.conf", "--undo")  # it is another's: nothing to undo
            if os.path.islink(self.path("etc/resolv.conf")):
                self.assertEqual(os.readlink(self.path("etc/resolv.conf")), "/nonexistent/stub-resolv.conf")
            else:
                self.assertEqual(self.read("etc/resolv.conf"), "nameserver 192.0.2.1\n")
            os.unlink(self.path("etc/resolv.conf"))
        self.put("resolv.conf", "--apply", *at)  # none was there
        self.put("resolv.conf", "--undo")
        self.assertEqual(self.files(), [])
        self.write("etc/resolv.conf", "a\n")
        self.write("etc/resolv.conf.before-mist", "b\n")
        self.assertIn("from another time", self.put("resolv.conf", "--apply", *at, code=3).stderr)
        self.assertEqual((self.read("etc/resolv.conf"), self.read("etc/resolv.conf.before-mist")), ("a\n", "b\n"))

    def test_errors_teach(self):
        self.assertIn("did you mean unbound;", self.integrate("unbuond", code=1).stderr)
        self.assertIn("there are: " + ", ".join(FORMS), self.integrate("bind", code=1).stderr)
        self.assertIn("opposites", self.integrate("unbound", "--apply", "--undo", code=1).stderr)
        self.assertIn("not a file of this machine", self.integrate("macos", "--apply", code=1).stderr)
        self.assertIn("--at nowhere", self.integrate("unbound", "--at", "nowhere", code=1).stderr)
        self.assertIn("no server answers", self.integrate("unbound").stderr)
        shutil.rmtree(self.path("etc/unbound"))
        self.assertIn("is the program installed", self.put("unbound", "--apply", code=3).stderr)
        self.config["listen"] = {"port": 0}
        self.assertIn("`listen.port` is 0", self.integrate("unbound", code=1).stderr)
        self.config["listen"] = {"port": 5380}
        self.config["zones"] = [{"name": "x.test", "ephemeral_key": True}]
        self.assertIn("its key lives in the server alone", self.integrate("unbound", code=1).stderr)
        self.integrate("unbound", "--socket", self.path("nobody"), code=2)

    def test_names_that_other_files_cannot_hold(self):
        self.config["zones"] = ["good.test", "a\\032b.test", "a\\034.test", "sl/ash.test", "semi\\;colon.test", "x.local"]
        done = self.integrate("dnsmasq")
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith("server=")],
                         ["server=/good.test/127.0.0.1#5380", "server=/x.local/127.0.0.1#5380"])
        self.assertEqual(done.stderr.count("is left out"), 4)
        self.assertIn("mdns4_minimal", done.stderr)
        self.config["zones"] = ["."]
        self.assertIn("there is no zone", self.integrate("unbound", code=1).stderr)

    def test_addresses(self):
        self.config["zones"] = ["editor.land"]
        for listen, form, expected in (
                (["::1"], "unbound", "stub-addr: ::1@5380"), (["::1"], "dnsmasq", "/::1#5380"),
                (["::1"], "resolved", "mist0 [::1]:5380\n"), (["0.0.0.0"], "dnsmasq", "/127.0.0.1#5380"),
                (["::"], "dnsmasq", "/::1#5380"), (["127.0.0.1", "192.0.2.1"], "kubernetes", "forward . 192.0.2.1:5380"),
                (["127.0.0.1", "2001:db8::1"], "kubernetes", "forward . [2001:db8::1]:5380"),
                (["192.0.2.1"], "dnsmasq", "/192.0.2.1#5380")):
            self.config["listen"] = {"address": listen, "allow_non_loopback": True}
            self.assertIn(expected, self.integrate(form).stdout)


if __name__ == "__main__":
    unittest.main()
