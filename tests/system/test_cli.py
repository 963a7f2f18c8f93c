"""The program from outside: every verb, the ready line, signals, exit codes, and what it says to bad
input: what is wrong, in which file and line, and what to do; and nothing half done."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import dns.rcode

from harness import (ENGINE, Mist, Upstream, environment, free_endpoint, kdig, mist_cli, program, run,
                     texts, until)

CONFIGURATION, NETWORK, FILES, MEMORY, OTHER = 1, 2, 3, 4, 5

ZONE = """$TTL 300
@ IN SOA ns host 7 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 127.0.0.9
text TXT "a b" c
any TYPE65280 \\# 3 010203
svc HTTPS 1 . alpn=h2 port=8443
"""


def cli(*args, config=None, **how):
    """A verb with a state directory of its own, so that nothing of the machine is touched."""
    if isinstance(config, dict):
        config = {"state_directory": "state", **config}
    return mist_cli(*args, config=config, **how)


class CommandLine(unittest.TestCase):
    def refused(self, done, code, *said):
        self.assertEqual(done.returncode, code, done.stderr)
        for text in said:
            self.assertIn(text, done.stderr)
        self.assertEqual(done.stdout, "")
        for line in done.stderr.splitlines():
            self.assertRegex(line, r"^(error|warning|info|debug): ")

    def test_help_teaches(self):
        top = run(program(), "--help")
        for verb in ("serve", "check", "dump", "query", "trust-anchor", "why", "reload", "stats",
                     "register", "deregister", "zone", "integrate"):
            self.assertRegex(top.stdout, r"(?m)^  %s +\S" % verb)
            for form in ([verb, "--help"], [verb, "-h"], ["help", verb]):
                text = run(program(), *form).stdout
                self.assertIn("usage: mist " + verb, text)
                self.assertIn("Examples:", text)
        nothing = run(program(), check=False)
        self.assertEqual(nothing.returncode, CONFIGURATION)

    def test_version_names_libraries(self):
        text = run(program(), "--version").stdout
        self.assertRegex(text, r"^mist \d+\.\d+\.\d+\n")
        for name in ("liburing", "OpenSSL", "c-ares"):
            self.assertIn(name, text)

    def test_unknown_verb_and_options(self):
        self.refused(mist_cli("serv"), CONFIGURATION, "did you mean serve;")
        self.refused(mist_cli("xyzzy"), CONFIGURATION, "is not a verb")
        self.refused(mist_cli("register", "x", "127.0.0.1"), CONFIGURATION, "needs --owner OWNER")
        self.refused(mist_cli("register", "x", "127.0.0.1", "--owner", "y", "--lease", "soon"), CONFIGURATION,
                     "not a duration")
        self.refused(mist_cli("serve", "--prot", "1"), CONFIGURATION, "did you mean --port;")
        self.refused(mist_cli("serve", "-X"), CONFIGURATION, "no option -X")
        self.refused(mist_cli("serve", "--port"), CONFIGURATION, "--port needs a value: --port N")
        self.refused(mist_cli("serve", "extra"), CONFIGURATION, '"extra" is too much')
        self.refused(mist_cli("dump"), CONFIGURATION, "mist dump needs ZONE")
        self.refused(mist_cli("query", "a", "NOTYPE"), CONFIGURATION, "not a record type")
        self.refused(mist_cli("query", "a..b"), CONFIGURATION, "a..b")
        self.refused(mist_cli("query", "x", "--server", "nonsense"), CONFIGURATION, "--server nonsense")
        self.refused(mist_cli("serve", "--port", "many"), CONFIGURATION, '`--port`: "many" is not a number')
        self.refused(mist_cli("serve", "--set", "x"), CONFIGURATION, "KEY=VALUE")
        self.refused(mist_cli("serve", "--set", "listen.prot=1"), CONFIGURATION, "did you mean `port`")
        self.refused(mist_cli("trust-anchor", "--format", "pgp"), CONFIGURATION, "is not one of ds")

    def test_configuration_problems(self):
        self.refused(mist_cli("check", "-c", "/nonexistent/mist.yaml"), FILES,
                     "cannot read /nonexistent/mist.yaml: No such file")
        self.refused(mist_cli("check", "-c", "/tmp"), FILES, "cannot read /tmp")
        self.refused(cli("check", config="listen:\n  prot: 1\n"), CONFIGURATION,
                     "mist.conf:2: `listen.prot` is not a key; did you mean `port`?")
        self.refused(cli("check", config="listen:\n  port: x\n"), CONFIGURATION, "mist.conf:2: `listen.port`")
        self.refused(cli("check", config="zones:\n- name: a.test\n- name: b.test\n  primary: [192.0.2.1]\n  ttl: 5\n"),
                     CONFIGURATION, "mist.conf:3: `zones[1]` (b.test) has both `primary` and `ttl`")
        self.refused(cli("check", config="listen: {address: 192.0.2.1}\n"), CONFIGURATION,
                     "mist.conf:1: `listen.address`: 192.0.2.1", "allow_non_loopback")
        self.refused(cli("check", config="forward: {upstreams: [dns.example]}\n"), CONFIGURATION,
                     "mist.conf:1: `forward.upstreams[0]`", "not an address")
        self.refused(cli("check", config="listen: {address: [127.0.0.1, '::1', 127.0.0.1]}\n"),
                     CONFIGURATION, "mist.conf:1: `listen.address`: 127.0.0.1 is there twice")
        self.refused(cli("check", config="zones: [\n"), CONFIGURATION, "not YAML")

    def test_environment(self):
        done = cli("check", config={}, env={"MIST_ENGINE": "kqueue"})
        self.refused(done, CONFIGURATION, "`MIST_ENGINE`", "auto, uring or epoll")
        done = cli("why", "a.test", config={"zones": ["b.test"]}, env={"MIST_ZONES": "a.test"})
        self.assertIn("answered here", done.stdout)
        done = cli("check", config={"zones": ["b.test"]}, env={"MIST_LISTEN_PROT": "1"})
        self.assertIn("did you mean MIST_LISTEN_PORT?", done.stderr)
        self.assertEqual(done.returncode, 0)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "m.yaml")
            with open(path, "w") as file:
                file.write("state_directory: state\nzones: [c.test]\n")
            done = mist_cli("why", "c.test", env={"MIST_CONFIG": path})
            self.assertIn("answered here", done.stdout)

    def test_check(self):
        files = {"z.zone": ZONE}
        config = {"zones": ["editor.land", {"name": "z.test", "file": "z.zone"}],
                  "forward": {"upstreams": ["127.0.0.1:9"], "allow": ["a.test", "*.b.land"],
                              "deny": ["x.b.land"]}}
        done = cli("check", config=config, files=files)
        self.assertEqual((done.returncode, done.stdout), (0, "ok: 2 zones, 3 rules\n"), done.stderr)
        for text, place in ((ZONE + "bad A 1.2.3\n", "z.zone:9: A record"),
                            ("$INCLUDE other\n", "other: cannot be read"),
                            (ZONE + "www CNAME x\n", "z.zone:"),
                            (ZONE + "elsewhere. A 127.0.0.1\n", "z.zone:9:"),
                            ("www 5 A 127.0.0.1\n", "SOA"), ("", "SOA")):
            done = cli("check", config=config, files={"z.zone": text})
            self.refused(done, CONFIGURATION, place)

    def test_check_writes_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            state = os.path.join(directory, "state")
            for verb in (["check"], ["dump", "editor.land"], ["why", "editor.land"]):
                done = mist_cli(*verb, config={"state_directory": state, "zones": ["editor.land"]})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertFalse(os.path.exists(state), verb)

    def test_keys(self):
        with tempfile.TemporaryDirectory() as directory:
            config = {"state_directory": directory, "zones": ["key.test"]}
            first = mist_cli("trust-anchor", config=config).stdout
            self.assertRegex(first, r"^key\.test\.\s.*DS\s+\d+ 13 2 [0-9A-Fa-f ]{64}")
            self.assertEqual(mist_cli("trust-anchor", "key.test", config=config).stdout, first)
            private, = [n for n in os.listdir(directory) if n.endswith(".private")]
            self.assertEqual(os.stat(os.path.join(directory, private)).st_mode & 0o777, 0o600)
            for format, pattern in (("dnskey", r"DNSKEY\s+257 3 13 "), ("bind", r"trust-anchors \{"),
                                    ("unbound", "trust-anchor: "), ("resolved", r"^key\.test")):
                text = mist_cli("trust-anchor", "-f", format, config=config).stdout
                self.assertRegex(text, pattern)
            self.refused(mist_cli("trust-anchor", "other.test", config=config), CONFIGURATION, "other.test")
            # A key that is none.
            path = os.path.join(directory, private)
            with open(path) as file:
                good = file.read()
            with open(path, "w") as file:
                file.write("Private-key-format: v1.3\nAlgorithm: 13\nPrivateKey: nonsense\n")
            self.refused(mist_cli("check", config=config), CONFIGURATION, private)
            # A key that is not the one of its .key file.
            swapped = re.sub(r"PrivateKey: .*", "PrivateKey: " + "A" * 42 + "I=", good)
            with open(path, "w") as file:
                file.write(swapped)
            self.refused(mist_cli("check", config=config), CONFIGURATION, private[:-8])
            # A key that others may read.
            with open(path, "w") as file:
                file.write(good)
            os.chmod(path, 0o644)
            self.refused(mist_cli("check", config=config), CONFIGURATION, private)
            os.chmod(path, 0o600)
            self.assertEqual(mist_cli("trust-anchor", config=config).stdout, first)

    def test_state_directory_that_cannot_be(self):
        config = {"state_directory": "/dev/null/state", "zones": ["a.test"], "listen": {"port": 0}}
        self.refused(mist_cli("serve", config=config), FILES, "/dev/null/state", "`state_directory`")

    def test_dump_satisfies_others(self):
        config = {"zones": ["editor.land", {"name": "z.test", "file": "z.zone"}],
                  "forward": {"upstreams": ["127.0.0.1:9"], "allow": ["update.editor.land"]}}
        for zone in ("editor.land", "z.test"):
            done = cli("dump", zone, config=config, files={"z.zone": ZONE})
            self.assertEqual(done.returncode, 0, done.stderr)
            run("ldns-verify-zone", "/dev/stdin", input=done.stdout)
            run("named-checkzone", "-q", zone, "/dev/stdin", input=done.stdout)
        self.assertIn("any.z.test.\t300\tIN\tTYPE65280\t\\# 3 010203\n", done.stdout)
        self.refused(cli("dump", "no.test", config=config, files={"z.zone": ZONE}), CONFIGURATION, "no.test")

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full, tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "m.yaml")
            with open(config, "w") as file:
                file.write("state_directory: s\nzones: [a.test]\n")
            done = subprocess.run([program(), "dump", "-c", config, "a.test"], stdout=full,
                                  stderr=subprocess.PIPE, universal_newlines=True,
                                  env=environment(directory))
        self.assertEqual(done.returncode, FILES)
        self.assertIn("No space left", done.stderr)

    def test_why(self):
        config = {"zones": ["editor.land", {"name": "z.test", "file": "missing.zone"}],
                  "forward": {"upstreams": ["127.0.0.1:9"], "allow": ["update.editor.land", "*.b.land"],
                              "deny": [{"name": "x.b.land", "deny_rcode": "nxdomain"}]}}
        for name, *said in (("any.editor.land", "answered here", "editor.land", "NOERROR with 1 record"),
                            ("update.editor.land", "forwarded", "update.editor.land"),
                            ("a.b.land", "forwarded", "*.b.land"),
                            ("x.b.land", "denied", "NXDOMAIN"),
                            ("example.com", "denied", "REFUSED"),
                            ("localhost", "special", "NOERROR"),
                            ("www.z.test", "failed", "SERVFAIL")):
            done = cli("why", name, config=config)
            self.assertEqual(done.returncode, 0, done.stderr)
            for text in said:
                self.assertIn(text, done.stdout)
        self.assertIn("NOERROR with 0 records", cli("why", "any.editor.land", "AAAA", config=config).stdout)
        self.assertNotIn("`- .`", cli("why", ".", config=config).stdout)  # it would allow every name
        for name in ("editor.land", "update.editor.land", "example.com"):
            done = cli("why", name, "AXFR", config=config)
            self.assertIn("gets REFUSED", done.stdout)
            self.assertIn("nobody may have one", done.stdout)


class Serve(unittest.TestCase):
    def test_ready_line_and_port_file(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "port")
            with Mist({"zones": ["editor.land", {"name": "eph.test", "ephemeral_key": True},
                                 {"name": "plain.test", "dnssec": False}]},
                      args=["--port-file", path]) as mist:
                ready = mist.ready
                self.assertEqual(ready["event"], "ready")
                self.assertEqual(ready["address"], "127.0.0.1")
                self.assertEqual(ready["addresses"], ["127.0.0.1"])
                self.assertGreater(ready["port"], 0)
                self.assertIn(ready["engine"], ("uring", "epoll"))
                if ENGINE != "auto":
                    self.assertEqual(ready["engine"], ENGINE)
                self.assertTrue(ready["engine_reason"])
                self.assertEqual(ready["workers"], 2)
                zones = {zone["name"]: zone for zone in ready["zones"]}
                self.assertIn(" DS ", zones["editor.land"]["ds"].replace("\t", " "))
                self.assertIn("ds", zones["eph.test"])
                self.assertNotIn("ds", zones["plain.test"])
                until(lambda: os.path.exists(path), "the port file")
                with open(path) as file:
                    self.assertEqual(file.read(), "%d\n" % ready["port"])
                anchor = mist.cli("trust-anchor", "editor.land").stdout.strip()
                self.assertEqual(anchor, zones["editor.land"]["ds"])
            self.assertFalse(os.path.exists(path))

    def test_closed_standard_files(self):
        """What is printed must not go to whatever is opened next."""
        with tempfile.TemporaryDirectory() as directory:
            port_file = os.path.join(directory, "port")
            process = subprocess.Popen(
                ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", program(), "serve", "--engine", ENGINE,
                 "-p", "0", "--port-file", port_file, "-s", directory],
                env=environment(directory))
            try:
                until(lambda: os.path.exists(port_file), "the port file")
                with open(port_file) as file:
                    port = int(file.read())
                links = {os.readlink("/proc/%d/fd/%d" % (process.pid, n)) for n in range(3)}
                self.assertEqual(links, {"/dev/null"})
                done = run(program(), "query", "a.editor.land", "--short", "-@", "127.0.0.1:%d" % port)
                self.assertEqual(done.stdout, "127.0.0.1\n")
                self.assertIsNone(process.poll())
            finally:
                process.terminate()
                self.assertEqual(process.wait(60), 0)

    def test_two_addresses(self):
        with Mist({"listen": {"address": ["127.0.0.1", "::1"]}, "zones": ["a.test"]}) as mist:
            self.assertEqual(mist.ready["addresses"], ["127.0.0.1", "::1"])
            for server in ("127.0.0.1:%d" % mist.port, "[::1]:%d" % mist.port):
                done = mist.cli("query", "x.a.test", "--server", server, "--short")
                self.assertEqual(done.stdout, "127.0.0.1\n")

    def test_sigint_and_sigterm(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Mist({"zones": ["a.test"]}) as mist:
                mist.process.send_signal(number)
                self.assertEqual(mist.process.wait(60), 0)

    def test_query_shows_what_dig_does(self):
        with Upstream() as upstream, Mist(
                {"zones": ["editor.land", {"name": "z.test", "file": "z.zone"}],
                 "forward": {"upstreams": ["%s:%d" % (upstream.address, upstream.port)]}},
                files={"z.zone": ZONE}) as mist:
            server = ["--server", "%s:%d" % (mist.address, mist.port)]
            done = mist.cli("query", "x.editor.land", *server)
            self.assertIn("NOERROR", done.stdout)
            self.assertRegex(done.stdout, r"flags: qr aa rd")
            self.assertIn("x.editor.land.\t300\tIN\tA\t127.0.0.1\n", done.stdout)
            done = mist.cli("query", "x.editor.land", "--dnssec", "--tcp", *server)
            self.assertIn("\tRRSIG\tA 13 ", done.stdout)
            self.assertIn("(tcp)", done.stdout)
            done = mist.cli("query", "example.com", *server)
            self.assertIn("REFUSED", done.stdout)
            self.assertIn("; reason: 15 (Blocked)", done.stdout)
            done = mist.cli("query", "svc.z.test", "https", "--short", *server)
            self.assertEqual(done.stdout, "1 . alpn=h2 port=8443\n")
            done = mist.cli("query", "any.z.test", "TYPE65280", "--short", *server)
            self.assertEqual(done.stdout, "\\# 3 010203\n")

    def test_query_finds_the_configured_port(self):
        host, port = free_endpoint()
        with Mist({"listen": {"address": host, "port": port, "fallback": "fail"},
                   "zones": ["a.test"]}) as mist:
            self.assertEqual(mist.cli("query", "x.a.test", "--short").stdout, "127.0.0.1\n")

    def test_query_without_server(self):
        host, port = free_endpoint()
        done = mist_cli("query", "x.test", "--server", "%s:%d" % (host, port))
        self.assertEqual(done.returncode, NETWORK, done.stderr)
        self.assertIn("is `mist serve` running there?", done.stderr)
        done = mist_cli("query", "x.test", "--server", "192.0.2.1")
        self.assertEqual(done.returncode, NETWORK, done.stderr)

    def test_port_taken_and_fallback_fail(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            host, port = free_endpoint("127.0.0.1")
            with socket.socket(socket.AF_INET, kind) as other:
                other.bind((host, port))
                if kind == socket.SOCK_STREAM:
                    other.listen(1)
                done = cli("serve", config={"listen": {"port": port, "fallback": "fail"}, "engine": ENGINE,
                                            "zones": ["a.test"]})
                self.assertEqual(done.returncode, NETWORK, done.stderr)
                self.assertIn(str(port), done.stderr)
                self.assertIn("fallback", done.stderr)
                self.assertEqual(done.stdout, "")
                with Mist({"listen": {"port": port}, "zones": ["a.test"]}) as mist:
                    self.assertNotEqual(mist.port, port)

    def test_failed_zone_serves_the_others(self):
        with Mist({"zones": ["good.test", {"name": "bad.test", "file": "bad.zone"}]},
                  files={"bad.zone": "this is no zone\n"}) as mist:
            self.assertIn("bad.zone:1: ", mist.stderr)
            self.assertEqual(texts(mist.query("x.good.test").answer), ["127.0.0.1"])
            self.assertEqual(mist.query("x.bad.test").rcode(), dns.rcode.SERVFAIL)
            # Mended, and read again.
            mist.write("bad.zone", ZONE)
            mist.hup()
            until(lambda: mist.query("www.bad.test").rcode() == dns.rcode.NOERROR, "the mended zone")

    def test_hup_swaps_or_changes_nothing(self):
        with Mist({"zones": ["a.test"]}) as mist:
            self.assertEqual(mist.query("x.b.land").rcode(), dns.rcode.REFUSED)
            mist.configure({"zones": ["a.test", "b.land"]})
            mist.hup()
            until(lambda: mist.query("x.b.land").rcode() == dns.rcode.NOERROR, "the new zone")
            until(lambda: "reloaded: zones 2, " in mist.stderr, "its word on it")

            for broken in ("zones: [\n", "zoness: []\n",
                           json.dumps({"zones": [{"name": "c.test", "file": "missing"}]})):
                before = mist.stderr.count("not reloaded")
                mist.configure(broken)
                mist.hup()
                until(lambda: mist.stderr.count("not reloaded") > before, "the refusal")
                self.assertNotIn("SERVFAIL", mist.stderr)  # nobody gets one
                self.assertEqual(mist.query("x.b.land").rcode(), dns.rcode.NOERROR)

            mist.configure({"zones": ["b.land"], "workers": 3})
            mist.hup()
            until(lambda: mist.query("x.a.test").rcode() == dns.rcode.NXDOMAIN, "the zone to go")
            # Said as long as it is so, and no longer.
            warning = "`workers` has changed; that takes a restart"
            until(lambda: warning in mist.stderr, "the warning")
            mist.hup()
            until(lambda: mist.stderr.count(warning) == 2, "the warning again")
            mist.configure({"zones": ["b.land", "d.test"], "workers": 2})
            mist.hup()
            until(lambda: mist.stderr.count("reloaded: zones 2, ") == 2, "the way back")
            self.assertEqual(mist.stderr.count(warning), 2)

    def test_stderr_that_nobody_reads(self):
        """A full pipe delays messages; it must not keep the server from reloading and stopping."""
        with tempfile.TemporaryDirectory() as directory:
            reader, writer = os.pipe()
            process = subprocess.Popen(
                [program(), "serve", "--engine", ENGINE, "-p", "0", "-s", directory],
                stdout=subprocess.PIPE, stderr=writer, env=environment(directory), universal_newlines=True)
            try:
                port = json.loads(process.stdout.readline())["port"]
                said = b""
                while b"SIGTERM stops" not in said:  # from here on it has nothing more to say by itself
                    said += os.read(reader, 4096)
                os.set_blocking(writer, False)
                with self.assertRaises(BlockingIOError):
                    while True:
                        os.write(writer, b"x" * 512)
                os.set_blocking(writer, True)
                for _ in range(3):
                    process.send_signal(signal.SIGHUP)
                done = run(program(), "query", "a.editor.land", "--short", "-@", "127.0.0.1:%d" % port)
                self.assertEqual(done.stdout, "127.0.0.1\n")
                process.terminate()
                self.assertEqual(process.wait(60), 0)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                os.close(reader)
                os.close(writer)

    def test_port_file_follows_no_link(self):
        with tempfile.TemporaryDirectory() as directory:
            port_file, victim = os.path.join(directory, "port"), os.path.join(directory, "victim")
            with open(victim, "w") as file:
                file.write("precious")
            process = subprocess.Popen(
                ["/bin/sh", "-c", 'ln -s victim "$1.$$"; ln -s victim "$1"; port=$1; shift; '
                 'exec "$@" --port-file "$port"', "sh", port_file,
                 program(), "serve", "--engine", ENGINE, "-p", "0", "-s", directory],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(directory))
            try:
                port = json.loads(process.stdout.readline())["port"]
                with open(port_file) as file:
                    self.assertEqual(int(file.read()), port)
                with open(victim) as file:
                    self.assertEqual(file.read(), "precious")
                self.assertFalse(os.path.islink(port_file))
            finally:
                process.terminate()
                self.assertEqual(process.wait(60), 0)
                process.stdout.close()

    def test_journal(self):
        with tempfile.TemporaryDirectory() as directory:
            # stderr that is the journal's gets priorities instead of words.
            with open(os.path.join(directory, "journal"), "w+") as journal:
                status = os.fstat(journal.fileno())
                env = environment(directory, {"JOURNAL_STREAM": "%d:%d" % (status.st_dev, status.st_ino)})
                subprocess.run([program(), "check", "-c", "/nonexistent"], stderr=journal, env=env)
                journal.seek(0)
                self.assertRegex(journal.read(), r"^<3>cannot read /nonexistent")

    def test_defaults_need_no_file(self):
        """What a newcomer types. The port may be taken here, so any will do."""
        if os.path.exists("/etc/mist/mist.yaml"):
            self.skipTest("this machine has a configuration")
        with tempfile.TemporaryDirectory() as directory:
            process = subprocess.Popen([program(), "serve", "-s", os.path.join(directory, "state")],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=directory,
                                       env=environment(directory))
            try:
                ready = json.loads(process.stdout.readline())
                self.assertEqual([zone["name"] for zone in ready["zones"]], ["editor.land"])
                done = mist_cli("query", "anything.editor.land", "--short", "--server",
                                "127.0.0.1:%d" % ready["port"])
                self.assertEqual(done.stdout, "127.0.0.1\n")
                done = mist_cli("query", "example.com", "--server", "127.0.0.1:%d" % ready["port"])
                self.assertIn("REFUSED", done.stdout)
            finally:
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(60), 0)
                process.stdout.close()


if __name__ == "__main__":
    unittest.main()
