"""systemd-resolved with what `mist integrate resolved --apply` installs, in a network and with an /etc of its own: it
asks mist for our zones and for nothing else, and validates. The machine's own is not touched; where the package is
not installed, the one that `./do test` has laid out is taken.

resolvectl talks to it over D-Bus, so that there is a bus as well; what systemd would do with the unit, this test does."""
import contextlib
import glob
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest

import dns.flags
import dns.rcode

import harness
import namespace
from harness import DEADLINE, Mist, Server, Upstream, make_query, run, texts, until

ENGINE_FREE = True
USER = "systemd-resolve:x:64999:64999::/:/usr/sbin/nologin\n"
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_destination="*"/> <allow receive_sender="*"/>
    <allow send_type="method_call"/>
  </policy>
</busconfig>
"""
CONFIG = {"listen": {"address": "127.0.0.1"}, "zones": ["editor.land", {"name": "open.test", "dnssec": False}],
          "forward": {"allow": ["update.editor.land"]}}


def find(name):
    """A program of the package, where it is installed or laid out."""
    for root in ["/", *glob.glob(os.path.join(harness.ROOT, "build*", "resolved"))]:
        for path in glob.glob(os.path.join(root, "*", name)) + glob.glob(os.path.join(root, "*", "*", name)):
            if os.access(path, os.X_OK):
                return path
    raise unittest.SkipTest("%s is neither installed nor laid out by `./do test`" % name)


def setUpModule():
    global directory, resolved, resolvectl
    if os.geteuid() != 0:
        raise unittest.SkipTest("systemd-resolved has a user of its own, whom only root can become")
    resolved, resolvectl = find("systemd-resolved"), find("resolvectl")
    if not shutil.which("dbus-daemon"):
        raise unittest.SkipTest("dbus-daemon is not installed")
    if run(resolvectl, "--version", check=False).returncode:
        raise unittest.SkipTest("resolvectl lacks libraries of systemd's here")
    directory = tempfile.mkdtemp(prefix="mist-resolved-")
    unittest.addModuleCleanup(shutil.rmtree, directory, True)
    try:
        namespace.unshare()
        namespace.mount(None, "/", None, namespace.MS_REC | namespace.MS_PRIVATE)
        namespace.loopback_up()
        etc = os.path.join(directory, "etc")
        shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
        for name in ("passwd", "group"):
            with open(os.path.join(etc, name), "a") as file:
                file.write(USER if name == "passwd" else "systemd-resolve:x:64999:\n")
        namespace.mount(etc, "/etc", None, namespace.MS_BIND)
        namespace.mount("none", "/run", "tmpfs", 0)
        os.makedirs("/run/dbus")
        os.makedirs("/run/systemd")
    except OSError as error:
        raise unittest.SkipTest("no namespaces for us here: %s" % error)
    link_make("net0")
    run("ip", "address", "add", "192.0.2.200/32", "dev", "net0")
    with open(os.path.join(directory, "bus.conf"), "w") as file:
        file.write(BUS)
    unittest.addModuleCleanup(start("dbus-daemon", "--config-file=" + file.name, "--nofork", "--nopidfile"))
    until(lambda: os.path.exists("/run/dbus/system_bus_socket"), "the bus")


def link_make(name):
    """A link that is up and leads nowhere. Where the kernel has no dummy links, one end of a pair is one; then the
    unit's own `-ip link add` finds it there."""
    if run("ip", "link", "add", name, "type", "dummy", check=False).returncode:
        run("ip", "link", "add", name, "type", "veth", "peer", "name", name + "-end")
        run("ip", "link", "set", name + "-end", "up")
    run("ip", "link", "set", name, "up")


def start(*command, **env):
    """Runs a daemon; returns what ends it."""
    log = open(os.path.join(directory, os.path.basename(command[0]) + ".log"), "ab")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **env})
    log.close()

    def stop():
        process.terminate()
        process.wait(DEADLINE)
    return stop


class Stub(Server):
    address, port = "127.0.0.53", 53


class Resolved(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(Upstream(table={
            ("update.editor.land", "A"): ["update.editor.land. 60 IN A 203.0.113.9"]}))
        cls.other = cls.enterClassContext(Upstream(table={
            ("example.com", "A"): ["example.com. 60 IN A 203.0.113.7"]}))
        cls.mist = cls.enterClassContext(Mist({**CONFIG, "forward": {**CONFIG["forward"],
                                                                    "upstreams": [cls.upstream.spec]}}))
        cls.stub = Stub()

    @contextlib.contextmanager
    def integrated(self, change=lambda: None):
        """The files in place (`change` may alter them), resolved started, the unit's commands run; and back."""
        with contextlib.ExitStack() as stack:
            self.mist.cli("integrate", "resolved", "--apply")
            stack.callback(self.mist.cli, "integrate", "resolved", "--undo")
            change()
            stack.push(self.explain)
            stack.callback(start(resolved, SYSTEMD_LOG_TARGET="console", SYSTEMD_LOG_LEVEL="info"))
            until(lambda: self.stub_answers() and run(resolvectl, "status", check=False).returncode == 0,
                  "systemd-resolved")
            link_make("mist0")
            self.run_unit("ExecStart")
            stack.callback(self.run_unit, "ExecStop")
            yield

    @staticmethod
    def explain(kind, *_):
        for path in glob.glob(directory + "/*.log") if kind else ():
            with open(path, errors="replace") as file:
                print("--- %s:\n%s---" % (os.path.basename(path), "".join(file.readlines()[-60:])))

    def stub_answers(self):
        with contextlib.suppress(OSError):
            return self.stub.udp(make_query("localhost").to_wire(), 0.2) is not None
        return False

    def run_unit(self, key):
        """As systemd does it: one line after the other; a failure counts unless - stands before it."""
        with open("/etc/systemd/system/mist-resolved.service") as file:
            commands = [line.split("=", 1)[1].strip() for line in file if line.startswith(key + "=")]
        self.assertTrue(commands)
        for command in commands:
            may_fail, words = command.startswith("-"), shlex.split(command.lstrip("-"))
            words[0] = resolvectl if words[0] == "resolvectl" else words[0]
            run(*words, check=not may_fail)

    def ask(self, name, rdtype="A"):
        query = make_query(name, rdtype, dnssec=True)
        query.flags |= dns.flags.AD
        response = self.stub.ask(query)
        return dns.rcode.to_text(response.rcode()), bool(response.flags & dns.flags.AD), texts(response.answer, rdtype)

    def questions(self):
        return int(self.mist.cli("stats").stdout.split("udp_queries ")[1].split()[0])

    def test_resolves_and_validates(self):
        with self.integrated():
            self.assertEqual(self.ask("any.editor.land"), ("NOERROR", True, ["127.0.0.1"]))
            self.assertEqual(self.ask("any.open.test"), ("NOERROR", False, ["127.0.0.1"]))
            self.assertEqual(self.ask("update.editor.land"), ("NOERROR", False, ["203.0.113.9"]))
            self.assertEqual(self.ask("any.editor.land", "TXT"), ("NOERROR", True, []))
        self.assertEqual(glob.glob("/etc/dnssec-trust-anchors.d/*") + glob.glob("/etc/systemd/system/mist*"), [])

    def test_others_are_asked_of_others(self):
        with self.integrated():
            run(resolvectl, "dns", "net0", self.other.spec)
            run(resolvectl, "domain", "net0", "~.")
            run(resolvectl, "dnssec", "net0", "no")
            before = self.questions()
            self.assertEqual(self.ask("example.com"), ("NOERROR", False, ["203.0.113.7"]))
            self.assertEqual(self.questions(), before)
            asked = len(self.other.asked())
            self.assertEqual(self.ask("new.editor.land"), ("NOERROR", True, ["127.0.0.1"]))
            self.assertEqual(len(self.other.asked()), asked)
            self.assertGreater(self.questions(), before)

    def test_without_any_other_network(self):
        """resolved asks nobody while no link is up: ours is."""
        run("ip", "link", "set", "net0", "down")
        self.addCleanup(run, "ip", "link", "set", "net0", "up")
        with self.integrated():
            self.assertEqual(self.ask("offline.editor.land"), ("NOERROR", True, ["127.0.0.1"]))
            run("ip", "link", "set", "mist0", "down")
            until(lambda: self.ask("really.offline.editor.land")[0] == "SERVFAIL", "the trap that mist0 is there for")

    def test_a_wrong_key_is_found_out(self):
        def change():
            path = "/etc/dnssec-trust-anchors.d/editor.land.positive"
            with open(path) as file:
                text = file.read().rstrip("\n")
            with open(path, "w") as file:
                file.write(text[:-4] + ("0000" if text[-4:] != "0000" else "1111") + "\n")

        with self.integrated(change):
            self.assertEqual(self.ask("any.editor.land")[0], "SERVFAIL")
            self.assertEqual(self.ask("any.open.test")[0], "NOERROR")


if __name__ == "__main__":
    unittest.main()
