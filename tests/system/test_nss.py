"""The NSS module as an administrator installs it: a line of nsswitch.conf, and programs that know nothing of it. The name
server of resolv.conf counts what reaches it."""
import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import harness
import namespace

ENGINE_FREE = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIST_BUILD", os.path.join(ROOT, "build"))
MODULE = os.path.join(BUILD, "libnss_mist.so.2")
OTHER = "127.0.0.53"  # resolv.conf's
FIRST = "hosts: files mist [!UNAVAIL=return] dns\n"
ONLY = "hosts: files mist [!SUCCESS=return] dns\n"
CONFIG = {
    "zones": [{"name": "editor.land", "address": ["127.0.0.1"]},
              {"name": "dual.test", "address": ["127.0.0.1", "::1"]},
              {"name": "arcbox.local", "registry": True},
              {"name": "zone.test", "file": "zone"}],
    "forward": {"upstreams": ["127.0.0.77:9"]},
}
ZONE = """
$TTL 300
@      SOA   ns host 1 3600 600 86400 60
@      NS    ns
ns     A     127.0.0.1
mail   A     127.0.0.5
       AAAA  ::5
alias  CNAME mail
""" + "".join("many   A     127.1.0.%d\n" % i for i in range(1, 101))


def sanitized():
    with open(os.path.join(BUILD, "CMakeCache.txt")) as file:
        return re.search(r"^SANITIZER:\w+=(.*)$", file.read(), re.M).group(1)


def setUpModule():
    global etc, other
    if sanitized():
        raise unittest.SkipTest("getent is not sanitized; tests/sidecar/test_nss.c is")
    if not os.path.exists(MODULE):
        raise unittest.SkipTest("no NSS module here: no glibc")
    etc = namespace.enter()
    unittest.addModuleCleanup(shutil.rmtree, etc.directory, True)
    namespace.mount("none", "/run", "tmpfs", 0)
    etc.write("resolv_conf", "nameserver %s\noptions timeout:1 attempts:1\n" % OTHER)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    unittest.addModuleCleanup(other.close)
    other.bind((OTHER, 53))
    other.setblocking(False)


def asked_elsewhere():
    """How many questions reached the name server of resolv.conf since the last call."""
    count = 0
    while True:
        try:
            other.recv(4096)
        except BlockingIOError:
            return count
        count += 1


class NssTest(unittest.TestCase):

    def setUp(self):
        self.mist = self.enterContext(harness.Mist(CONFIG, files={"zone": ZONE}))
        self.env = {**os.environ, "LD_LIBRARY_PATH": BUILD, "MIST_DNS": "127.0.0.1:%d" % self.mist.port}
        etc.write("nsswitch_conf", FIRST)
        asked_elsewhere()

    def run_here(self, *command):
        return subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def getent(self, database, *keys):
        """{address} of names, or {name} of addresses, and the exit code: 2 is "not found"."""
        done = self.run_here("getent", database, *keys)
        return {line.split()[0] for line in done.stdout.splitlines()} or done.returncode

    def test_names(self):
        # not ahostsv4 and ahostsv6: where there is loopback only, these find nothing whatever the service says
        for database in ("ahosts", "hosts"):
            self.assertEqual(self.getent(database, "any.editor.land"), {"127.0.0.1"})
        self.assertEqual(self.getent("ahosts", "x.dual.test"), {"127.0.0.1", "::1"})
        self.assertEqual(self.getent("ahosts", "alias.zone.test"), {"127.0.0.5", "::5"})
        self.assertEqual(len(self.getent("ahosts", "many.zone.test")), 100)
        self.assertIn("127.0.0.1", self.getent("ahosts", "localhost"))
        self.assertEqual(asked_elsewhere(), 0)

    def test_registered_names(self):
        self.mist.cli("register", "web", "--owner", "test", "127.0.0.6")
        for name in ("web.arcbox.local", "web"):
            self.assertEqual(self.getent("ahosts", name), {"127.0.0.6"})
        done = self.run_here("getent", "hosts", "127.0.0.6")
        self.assertEqual(done.stdout.split(), ["127.0.0.6", "web.arcbox.local"])
        self.assertEqual(asked_elsewhere(), 0)

    def test_programs(self):
        """Each by its own function of the C library."""
        code = "import socket, sys; print(%s)"
        for expression, wanted in (("socket.gethostbyname('x.dual.test')", "127.0.0.1"),
                                   ("socket.gethostbyname_ex('alias.zone.test')",
                                    "('mail.zone.test', ['alias.zone.test'], ['127.0.0.5'])"),
                                   ("sorted({a[4][0] for a in socket.getaddrinfo('x.dual.test', 80)})",
                                    "['127.0.0.1', '::1']"),
                                   ("{a[4][0] for a in socket.getaddrinfo('x.dual.test', 80, socket.AF_INET6)}",
                                    "{'::1'}"),
                                   ("socket.gethostbyaddr('127.0.0.1')[0]", "localhost"),
                                   ("socket.getaddrinfo('alias.zone.test', 80, type=socket.SOCK_STREAM, "
                                    "flags=socket.AI_CANONNAME)[0][3]", "mail.zone.test")):
            with self.subTest(expression):
                self.assertEqual(self.run_here(sys.executable, "-c", code % expression).stdout.strip(), wanted)
        if shutil.which("perl"):
            done = self.run_here("perl", "-MSocket", "-e",
                                 "print inet_ntoa(scalar gethostbyname('alias.zone.test'))")
            self.assertEqual(done.stdout, "127.0.0.5")
        if shutil.which("curl"):
            done = self.run_here("curl", "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{remote_ip}",
                                 "http://x.editor.land:%d/" % self.mist.port)
            self.assertIn("127.0.0.1", done.stdout)  # which is no web server, but found
        self.assertEqual(asked_elsewhere(), 0)

    def test_what_the_server_does_not_know(self):
        """With [NOTFOUND=return], which [!UNAVAIL=return] contains, it is nowhere; without, the next is asked."""
        for name in ("missing.zone.test", "example.com"):
            self.assertEqual(self.getent("ahosts", name), 2)
        self.assertEqual(asked_elsewhere(), 0)
        etc.write("nsswitch_conf", "hosts: files mist dns\n")
        self.assertEqual(self.getent("ahosts", "any.editor.land"), {"127.0.0.1"})
        self.assertEqual(asked_elsewhere(), 0)
        self.assertEqual(self.getent("ahosts", "example.com"), 2)
        self.assertGreater(asked_elsewhere(), 0)

    def test_server_gone(self):
        """[!UNAVAIL=return] goes on to the next service, [!SUCCESS=return] does not: it fails closed."""
        self.mist.stop()
        self.assertEqual(self.getent("ahosts", "any.editor.land"), 2)
        self.assertGreater(asked_elsewhere(), 0)
        etc.write("nsswitch_conf", ONLY)
        for wrong in (self.env["MIST_DNS"], "127.0.0.1", ""):
            self.env["MIST_DNS"] = wrong
            self.assertEqual(self.getent("ahosts", "any.editor.land"), 2)
            self.assertEqual(self.getent("hosts", "127.0.0.6"), 2)
        self.assertEqual(asked_elsewhere(), 0)

    def test_port_file(self):
        """Without MIST_DNS, where `mist serve --port-file /run/mist/port` says."""
        del self.env["MIST_DNS"]
        etc.write("nsswitch_conf", ONLY)
        self.assertEqual(self.getent("ahosts", "x.dual.test"), 2)
        os.makedirs("/run/mist", exist_ok=True)
        with open("/run/mist/port", "w") as file:
            file.write("%d\n" % self.mist.port)
        self.addCleanup(os.unlink, "/run/mist/port")
        self.assertEqual(self.getent("ahosts", "x.dual.test"), {"127.0.0.1", "::1"})

    def test_administrator(self):
        """/etc/mist/nss.conf, in an /etc of the command's own."""
        del self.env["MIST_DNS"]
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "mist"))
            for name, text in (("nsswitch.conf", ONLY),
                               ("mist/nss.conf", "# the server\n\n[::ffff:127.0.0.1]:%d # here\n" % self.mist.port)):
                with open(os.path.join(directory, name), "w") as file:
                    file.write(text)
            done = self.run_here("unshare", "--mount", "sh", "-c",
                                 'mount --bind "$1" /etc && exec getent ahosts x.editor.land', "sh", directory)
        self.assertIn("127.0.0.1", done.stdout)

    def test_privileged_programs_are_not_told_by_the_environment(self):
        """AT_SECURE: whoever starts a set-user-ID program must not choose its name server."""
        etc.write("nsswitch_conf", ONLY)
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            getent = shutil.copy(shutil.which("getent"), directory)
            try:
                os.chown(getent, 65534, 65534)
            except OSError:
                self.skipTest("one user only in this namespace")
            # LD_LIBRARY_PATH does not count for such programs either, the linker's cache does
            conf, cache = os.path.join(directory, "conf"), os.path.join(directory, "cache")
            with open(conf, "w") as file:
                file.write(directory + "\ninclude /etc/ld.so.conf\n")
            shutil.copy(MODULE, directory)
            harness.run("ldconfig", "-X", "-f", conf, "-C", cache)
            os.chmod(cache, 0o644)
            script = 'mount --bind "$1" /etc/ld.so.cache && exec "$2" ahosts x.dual.test'
            for mode, found in ((0o755, True), (0o4755, False)):
                os.chmod(getent, mode)
                done = self.run_here("unshare", "--mount", "sh", "-c", script, "sh", cache, getent)
                self.assertEqual(bool(done.stdout), found)
            os.makedirs("/run/mist", exist_ok=True)
            with open("/run/mist/port", "w") as file:
                file.write("%d\n" % self.mist.port)
            self.addCleanup(os.unlink, "/run/mist/port")
            done = self.run_here("unshare", "--mount", "sh", "-c", script, "sh", cache, getent)
            self.assertIn("127.0.0.1", done.stdout)


class ModuleTest(unittest.TestCase):

    def test_what_there_is_to_see(self):
        names = harness.run("nm", "-D", "--defined-only", MODULE).stdout.split()[2::3]
        self.assertEqual(set(names), {"_nss_mist_gethostbyname%s_r" % kind for kind in ("", "2", "3", "4")} |
                         {"_nss_mist_gethostbyaddr_r"})
        dynamic = harness.run("readelf", "-d", MODULE).stdout
        self.assertEqual(re.findall(r"NEEDED.*\[(.*?)\]", dynamic), ["libc.so.6"])
        self.assertEqual(re.findall(r"SONAME.*\[(.*?)\]", dynamic), ["libnss_mist.so.2"])
        ctypes.CDLL(MODULE)

    def test_nothing_is_kept(self):
        """No writable data of its own, and so nothing that threads or forks could share."""
        sizes = dict(line.split()[:2] for line in harness.run("size", "-A", MODULE).stdout.splitlines()
                     if len(line.split()) == 3 and line.startswith("."))
        self.assertLessEqual(int(sizes.get(".data", 0)) + int(sizes.get(".bss", 0)), 16)  # the linker's own
        self.assertLess(os.path.getsize(MODULE), 200000)


if __name__ == "__main__":
    unittest.main()
