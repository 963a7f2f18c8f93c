"""The control socket: who may use it, what it says to nonsense, and the verbs that go through it."""
import contextlib
import glob
import json
import os
import select
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import dns.rcode

from harness import DEADLINE, RANDOM, Mist, environment, program, run, scaled, texts, until

ENGINE_FREE = True
CONFIGURATION, NETWORK, FILES, MEMORY, OTHER = 1, 2, 3, 4, 5

ZONE = """$TTL 300
@ IN SOA ns host 7 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 127.0.0.9
"""
MADE = {"zones": ["editor.land"]}
FILED = {"zones": [{"name": "a.test", "file": "a.zone"}]}


class Line:
    """A raw connection to the socket."""

    def __init__(self, mist):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(socket_of(mist))
        self.socket.settimeout(DEADLINE)
        self.input = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else (json.dumps(data) + "\n").encode())

    def read(self):
        line = self.input.readline()
        return json.loads(line) if line else None

    def ask(self, data):
        self.send(data)
        return self.read()

    def close(self):
        self.input.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def socket_of(mist):
    return os.path.join(mist.directory, "mist.sock")


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Socket(unittest.TestCase):
    def test_mode_and_life(self):
        with Mist(MADE) as mist:
            path = socket_of(mist)
            found = os.stat(path)
            self.assertTrue(stat.S_ISSOCK(found.st_mode))
            self.assertEqual(stat.S_IMODE(found.st_mode), 0o600)
            self.assertEqual(mist.cli("stats").returncode, 0)
            mist.stop()
            self.assertFalse(os.path.exists(path))
            gone = run(program(), "stats", "--socket", path, check=False, env=mist.env)
            self.assertEqual(gone.returncode, NETWORK)
            self.assertIn("is `mist serve` running?", gone.stderr)

    def test_live_one_is_refused_and_stale_one_replaced(self):
        with Mist(MADE) as mist:
            second = run(program(), "serve", "--port", "0", "-s", "other", check=False, env=mist.env,
                         cwd=mist.directory)
            self.assertEqual(second.returncode, OTHER)
            self.assertIn("another server has the control socket", second.stderr)
            self.assertEqual(second.stdout, "")
            self.assertEqual(mist.cli("stats").returncode, 0)
            mist.process.kill()
            mist.process.wait()
            self.assertTrue(os.path.exists(socket_of(mist)))
            mist.start()
            self.assertEqual(mist.cli("stats").returncode, 0)

    def test_what_is_no_socket_is_left_alone(self):
        with tempfile.TemporaryDirectory(prefix="mist-test-") as directory:
            path = os.path.join(directory, "mist.sock")
            with open(path, "w") as file:
                file.write("precious")
            done = run(program(), "serve", "--port", "0", "-s", "state", check=False,
                       env=environment(directory), cwd=directory)
            self.assertEqual(done.returncode, FILES)
            self.assertIn("is there and no socket", done.stderr)
            with open(path) as file:
                self.assertEqual(file.read(), "precious")
            done = run(program(), "serve", "--port", "0", "-s", "state", "--socket", "x" * 200,
                       check=False, env=environment(directory), cwd=directory)
            self.assertEqual(done.returncode, FILES)
            self.assertIn("name a shorter one", done.stderr)

    def test_none(self):
        with Mist({**MADE, "control": {"socket": "none"}}, env={"MIST_CONTROL_SOCKET": ""}) as mist:
            self.assertFalse(os.path.exists(socket_of(mist)))
            self.assertEqual(mist.query("x.editor.land").rcode(), 0)
            done = mist.cli("stats", check=False)
            self.assertEqual(done.returncode, CONFIGURATION)
            self.assertIn("`control.socket` is none", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_other_users_are_kept_out(self):
        ask = ("import os, socket, sys\nos.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n"
               "try:\n s.connect(sys.argv[1])\nexcept PermissionError:\n sys.exit(7)\n"
               "try:\n s.sendall(b'{\"verb\":\"stats\"}\\n')\n sys.exit(8 if s.recv(1) else 9)\n"
               "except ConnectionError:\n sys.exit(9)\n")
        with Mist(MADE) as mist:
            os.chmod(mist.directory, 0o755)
            python = ["/usr/bin/python3", "-c", ask, socket_of(mist)]
            self.assertEqual(subprocess.run(python, check=False).returncode, 7)
            os.chmod(socket_of(mist), 0o666)  # where modes count for nothing, the credentials do
            self.assertEqual(subprocess.run(python, check=False).returncode, 9)
            self.assertEqual(mist.cli("stats").returncode, 0)


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.mist = cls.stack.enter_context(Mist(MADE))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_nonsense_is_told(self):
        with Line(self.mist) as line:
            for data, said in ((b"garbage\n", "not a line of JSON"), (b"\n", "not a line of JSON"),
                               (b"[]\n", '"verb"'), (b'{"verb":7}\n', '"verb"'),
                               (b'{"verb":"xyzzy"}\n', "no verb of this server"),
                               (b"[" * 3000 + b"\n", "not a line of JSON"),
                               (b'{"verb":"stats","verb":"stats"}\n', "not a line of JSON"),
                               (b'{"verb":"walk"}\n', '"zone"'),
                               (b"\xff\xfe\x00{}\n", "not a line of JSON")):
                reply = line.ask(data)
                self.assertIs(reply["ok"], False)
                self.assertIn(said, reply["error"])
            self.assertIs(line.ask({"verb": "stats"})["ok"], True)

    def test_a_line_without_end_is_ended(self):
        with Line(self.mist) as line:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(64):
                    line.send(b"x" * (1 << 16))
            with contextlib.suppress(ConnectionResetError):
                reply = line.read()
                self.assertIn("512 KiB", reply["error"])
        self.assertEqual(self.mist.cli("stats").returncode, 0)

    def test_many_requests_at_once_and_one_octet_at_a_time(self):
        with Line(self.mist) as line:
            count = 2000
            sender = threading.Thread(target=line.send, args=(b'{"verb":"stats"}\n' * count,))
            sender.start()
            for _ in range(count):
                self.assertIs(line.read()["ok"], True)
            sender.join()
            for octet in b'{"verb":"stats"}\n':
                line.send(bytes([octet]))
            self.assertIs(line.read()["ok"], True)

    def test_those_who_do_not_read_hold_nobody_up(self):
        with Line(self.mist) as deaf:
            deaf.socket.settimeout(1)
            with contextlib.suppress(socket.timeout):
                for _ in range(100):
                    deaf.send(b'{"verb":"stats"}\n' * 1000)
            self.assertEqual(self.mist.cli("stats").returncode, 0)

    def test_connections_are_given_back(self):
        self.mist.cli("stats")
        before = descriptors(self.mist.process.pid)
        lines = [Line(self.mist) for _ in range(300)]
        for line in lines:
            self.assertIs(line.ask({"verb": "stats"})["ok"], True)
        for line in lines:
            line.close()
        until(lambda: descriptors(self.mist.process.pid) <= before, "the descriptors back")

    def test_descriptors_that_nobody_asked_for_are_closed(self):
        """By verbs that are answered at once and by those that take a thread, while the connection stays."""
        with Line(self.mist) as line:
            for verb in ("stats", "zones", "xyzzy", "stats"):
                reader, writer = os.pipe()
                with open(reader) as pipe:
                    socket.send_fds(line.socket, [json.dumps({"verb": verb}).encode() + b"\n"], [writer, writer])
                    os.close(writer)
                    while "ok" not in line.read():
                        pass
                    self.assertTrue(select.select([pipe], [], [], DEADLINE)[0], verb)
                    self.assertEqual(pipe.read(), "")
            self.assertIs(line.ask({"verb": "listen"})["ok"], True)  # there are none: it asks for the port

    def test_descriptors_wait_for_their_line(self):
        with Line(self.mist) as line, contextlib.closing(socket.socket()) as no_listener:
            line.send(b'{"verb":"stats"}\n' * 50 + b'{"verb":')
            socket.send_fds(line.socket, [b'"listen"}\n'], [no_listener.fileno()])
            for _ in range(50):
                self.assertIs(line.read()["ok"], True)
            self.assertIn("these sockets cannot be served", line.read()["error"])

    def test_stats(self):
        def counter(name):
            stats = json.loads(self.mist.cli("stats", "--json").stdout)
            return stats["counters"][name]

        before = counter("udp_queries")
        for _ in range(7):
            self.mist.query("x.editor.land")
        self.assertGreaterEqual(counter("udp_queries"), before + 7)
        plain = self.mist.cli("stats").stdout
        self.assertRegex(plain, r"(?m)^port %d$" % self.mist.port)
        self.assertRegex(plain, r"(?m)^rcode\.nxdomain \d+$")
        self.assertRegex(plain, r"(?m)^signatures [1-9]\d*$")


class Zones(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        config = {"zones": [*FILED["zones"], "editor.land", "inner.a.test",
                            {"name": "off.test", "dnssec": False}],
                  "forward": {"allow": ["up.editor.land"], "upstreams": ["127.0.0.1:9"]}}
        cls.mist = cls.stack.enter_context(Mist(config, files={"a.zone": ZONE}))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def zone(self, *args, check=True, **how):
        return self.mist.cli("zone", *args, check=check, **how)

    def serial(self, zone):
        lines = [line.split() for line in self.zone("list").stdout.splitlines()]
        return next(int(serial) for name, _, serial in lines if name == zone)

    def address(self, name):
        answer = self.mist.query(name).answer
        return answer[0][0].to_text() if answer else None

    def test_use(self):
        for args in (["lst"], ["show"], ["list", "a.test"], ["edit", "a.test", "x"]):
            done = self.zone(*args, check=False)
            self.assertEqual(done.returncode, CONFIGURATION)
            self.assertIn("see `mist zone --help`", done.stderr)
        for verb in ("show", "export", "diff"):
            done = self.zone(verb, "no.test", check=False)
            self.assertEqual(done.returncode, CONFIGURATION)
            self.assertIn("no zone no.test is served here", done.stderr)

    def test_show_is_what_a_dump_is(self):
        """A zone that nobody has edited: the same records, and signatures on all of them."""
        shown = self.zone("show", "inner.a.test").stdout
        dumped = self.mist.cli("dump", "inner.a.test").stdout

        def plain(text):
            return sorted(line for line in text.splitlines()
                          if "RRSIG" not in line and "\tSOA\t" not in line)

        self.assertEqual(plain(shown), plain(dumped))
        self.assertEqual(shown.count("RRSIG"), dumped.count("RRSIG"))

    def test_export_is_data_alone(self):
        text = self.zone("export", "editor.land").stdout
        for made in ("RRSIG", "NSEC", "DNSKEY", "up.editor.land", "*.ns.editor.land"):
            self.assertNotIn(made, text)
        self.assertIn("*.editor.land.\t300\tIN\tA\t127.0.0.1", text)
        self.assertNotIn("inner.a.test.\t300\tIN\tDS", self.zone("export", "a.test").stdout)
        with tempfile.TemporaryDirectory(prefix="mist-test-") as directory:
            with open(os.path.join(directory, "a.zone"), "w") as file:
                file.write(self.zone("export", "a.test").stdout)
            config = {"state_directory": "state", "zones": [{"name": "a.test", "file": "a.zone"}]}
            with open(os.path.join(directory, "c"), "w") as file:
                json.dump(config, file)
            run(program(), "check", "-c", "c", cwd=directory, env=environment(directory))

    def test_edit(self):
        before = self.serial("a.test")
        self.zone("edit", "a.test", "--add", "e1 60 A 127.0.1.1", "--add", "e2 A 127.0.1.2",
                  "--remove", "none", "--add", 'e1 TXT "a b" c')
        self.assertEqual((self.address("e1.a.test"), self.address("e2.a.test")),
                         ("127.0.1.1", "127.0.1.2"))
        self.assertGreater(self.serial("a.test"), before)
        self.assertEqual(self.zone("diff", "a.test").stdout.splitlines(),
                         ['+e1.a.test.\t300\tIN\tTXT\t"a b" "c"',
                          "+e1.a.test.\t60\tIN\tA\t127.0.1.1",
                          "+e2.a.test.\t300\tIN\tA\t127.0.1.2"])
        self.zone("edit", "a.test", "-", input="# a comment\n\nremove e1\nadd e3 A 127.0.1.3\n"
                                               "remove e3 A\nremove e2 A 127.0.1.2\n")
        self.assertEqual(self.zone("diff", "a.test").stdout, "")
        done = self.zone("edit", "a.test", "--remove", "none")
        self.assertIn("nothing changed", done.stderr)

    def test_all_or_nothing(self):
        before = self.serial("a.test")
        for bad, said in ((("--add", "x A 1.2.3"), "the data does not fit"),
                          (("--add", "www CNAME x"), "www.a.test has CNAME and other data"),
                          (("--add", "x.other.test. A 127.0.0.1"), "x.other.test"),
                          (("--add", "x NOTYPE y"), "NOTYPE"),
                          (("--remove", "@ SOA"), "SOA"),
                          (("--add", "$INCLUDE /etc/passwd"), "$INCLUDE stands in files only"),
                          (("--add", "x"), "without a type")):
            done = self.zone("edit", "a.test", "--add", "good A 127.0.0.1", *bad, check=False)
            self.assertEqual(done.returncode, CONFIGURATION, bad)
            self.assertIn(said, done.stderr)
            self.assertIsNone(self.address("good.a.test"))
        done = self.zone("edit", "a.test", "-", input="add good A 127.0.0.1\nad x A 127.0.0.1\n",
                         check=False)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertIn("line 2", done.stderr)
        self.assertIsNone(self.address("good.a.test"))
        # octets that are no UTF-8 in the second of three operations
        bad = "\udcff A 127.0.0.1"
        done = self.zone("edit", "a.test", "--add", "good A 127.0.0.1", "--add", bad, "--remove", "www", check=False)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertIn("text is UTF-8", done.stderr)
        self.assertIn("operation 2, --add: nothing was changed", done.stderr)
        done = subprocess.run([program(), "zone", "edit", "-c", self.mist.config_file, "a.test", "-"],
                              input=b"add good A 127.0.0.1\nadd \xff A 127.0.0.1\nremove www\n", check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.mist.env, timeout=DEADLINE)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertIn(b"text is UTF-8", done.stderr)
        self.assertIn(b"line 2: nothing was changed", done.stderr)
        self.assertIsNone(self.address("good.a.test"))
        self.assertEqual(self.address("www.a.test"), "127.0.0.9")
        self.assertEqual(self.serial("a.test"), before)
        self.zone("edit", "a.test", "--add", r"\255 A 127.0.0.1", "--remove", r"\255")

    def test_editor(self):
        def edit(editor, **how):
            return run(program(), "zone", "edit", "-c", self.mist.config_file, "off.test",
                       env={**self.mist.env, "EDITOR": editor, "TMPDIR": self.mist.directory},
                       cwd=self.mist.directory, **how)

        edit("sh -c 'printf \"v1 A 127.0.2.1\\nv2 A 127.0.2.2\\n\" >>$0'")
        self.assertEqual(self.address("v1.off.test"), "127.0.2.1")
        edit("sed -i -e '/^v1/d' -e 's/127.0.2.2/127.0.2.3/' -e s/hostmaster/root/")
        self.assertEqual(self.address("v2.off.test"), "127.0.2.3")
        self.assertEqual(self.address("v1.off.test"), "127.0.0.1")  # the wildcard
        soa = self.mist.query("off.test", "SOA").answer[0][0]
        self.assertEqual(soa.rname.to_text(), "root.off.test.")
        self.assertIn("nothing changed", edit("true").stderr)
        edit("sed -i s/.300./\\\\t77\\\\t/")
        self.assertEqual(self.mist.query("v2.off.test").answer[0].ttl, 77)
        self.assertEqual(glob.glob(os.path.join(self.mist.directory, "mist-zone-*")), [])
        # To the server a name is the same in any case: nothing went, and nothing came.
        self.assertIn("nothing changed", edit("sed -i s/^v2/V2/").stderr)
        edit("sed -i -e s/^v2/V2/ -e s/.77./\\\\t78\\\\t/")
        self.assertEqual((self.address("v2.off.test"), self.mist.query("v2.off.test").answer[0].ttl),
                         ("127.0.2.3", 78))
        done = edit("false", check=False)
        self.assertIn("the editor failed", done.stderr)
        done = edit("sed -i s/127.0.2.3/127.0.2.300/", check=False)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertRegex(done.stderr, r"mist-zone-\w+:\d+: A record")
        self.assertEqual(self.address("v2.off.test"), "127.0.2.3")
        self.assertEqual(len(glob.glob(os.path.join(self.mist.directory, "mist-zone-*"))), 2)

    def test_one_connection_gone_before_the_commit(self):
        with Line(self.mist) as line:
            line.send({"verb": "edit.add", "zone": "a.test", "text": "gone A 127.0.0.1"})
            self.assertIs(line.ask({"verb": "stats"})["ok"], True)
        self.assertIsNone(self.address("gone.a.test"))
        with Line(self.mist) as line:
            line.send({"verb": "edit.add", "zone": "a.test", "text": "gone A 127.0.0.1"})
            self.assertIs(line.ask({"verb": "edit.abort"})["ok"], True)
            self.assertEqual(line.ask({"verb": "edit.commit"}), {"ok": True, "zones": []})
            line.send({"verb": "edit.add", "text": "gone A 127.0.0.1"})
            self.assertIn('"zone"', line.ask({"verb": "edit.commit"})["error"])
        self.assertIsNone(self.address("gone.a.test"))

    def test_many_at_once(self):
        """More commits than there are threads for them: all are done, each is answered."""
        lines = [Line(self.mist) for _ in range(50)]
        for number, line in enumerate(lines):
            for turn in range(5):
                line.send({"verb": "edit.add", "zone": "a.test",
                           "text": "m%d-%d A 127.0.3.%d" % (number, turn, number)})
                line.send({"verb": "edit.commit"})
        for line in lines:
            for _ in range(5):
                self.assertIs(line.read()["ok"], True)
            line.close()
        for number in range(50):
            self.assertEqual(self.address("m%d-4.a.test" % number), "127.0.3.%d" % number)
        self.zone("edit", "a.test", "-", input="".join(
            "remove m%d-%d\n" % (number, turn) for number in range(50) for turn in range(5)))
        self.assertEqual(self.zone("diff", "a.test").stdout, "")

    def test_who_waits_for_a_thread_gets_the_first_that_is_free(self):
        """Also when nothing else happens, and whatever place in the list its connection has."""
        big = "".join("wide%d TXT %s\n" % (i, "x" * 200) for i in range(5000))
        self.zone("edit", "off.test", "-", input="".join("add %s\n" % line for line in big.splitlines()))
        first = Line(self.mist)
        lines = [Line(self.mist) for _ in range(4)]
        for line in lines:      # each has a thread, which waits for its client
            line.send({"verb": "walk", "zone": "off.test"})
            self.assertIn("records", line.read())
        first.send({"verb": "zones"})
        self.mist.cli("stats")  # the request has come
        first.socket.settimeout(5)      # the others are waited for longer
        lines[0].close()
        self.assertIs(first.read()["ok"], True)
        for line in [first, *lines[1:]]:
            line.close()
        self.zone("edit", "off.test", "-", input="".join("remove wide%d\n" % i for i in range(5000)))

    def test_diff_beside_a_zone_from_elsewhere(self):
        config = {"zones": [*FILED["zones"], {"name": "b.test", "primary": ["127.0.0.1:9"], "dnssec": True}]}
        with Mist(config, files={"a.zone": ZONE}) as mist:
            mist.cli("zone", "edit", "a.test", "--add", "live A 127.0.5.1")
            done = mist.cli("zone", "diff", "a.test")
            self.assertEqual(done.stdout.splitlines(), ["+live.a.test.\t300\tIN\tA\t127.0.5.1"])

    def test_diff_of_long_ttls(self):
        """TTLs that signatures cut are no difference; those of glue are not cut."""
        zone = ZONE + "old 1000000 A 127.0.0.11\ncut 1000000 NS ns.cut\nns.cut 1000000 A 127.0.0.12\n"
        with Mist(FILED, files={"a.zone": zone}) as mist:
            self.assertEqual(mist.query("old.a.test").answer[0].ttl, 272160)
            self.assertEqual(mist.cli("zone", "diff", "A.test.").stdout, "")
            mist.cli("zone", "edit", "a.test", "--add", "old 272159 A 127.0.0.11")
            self.assertEqual(mist.cli("zone", "diff", "a.test").stdout.splitlines(),
                             ["+old.a.test.\t272159\tIN\tA\t127.0.0.11", "-old.a.test.\t272160\tIN\tA\t127.0.0.11"])

    def test_a_reader_that_stops_holds_nobody_up(self):
        """A large zone is printed to somebody who does not read; others are served meanwhile."""
        self.zone("edit", "off.test", "-", input="".join(
            "add big%d TXT %s\n" % (i, "x" * 200) for i in range(5000)))
        lines = [Line(self.mist) for _ in range(4)]
        for line in lines:
            line.send({"verb": "walk", "zone": "off.test"})
        self.zone("edit", "a.test", "--add", "during A 127.0.0.1", "--remove", "during")
        for line in lines:
            line.close()
        records = self.zone("show", "off.test").stdout.splitlines()
        self.assertEqual(sum(record.startswith("big") for record in records), 5000)
        self.zone("edit", "off.test", "-", input="".join("remove big%d\n" % i for i in range(5000)))


class Reload(unittest.TestCase):
    def test_good_and_broken(self):
        with Mist(FILED, files={"a.zone": ZONE}) as mist:
            mist.write("a.zone", ZONE + "new A 127.0.0.10\n")
            done = mist.cli("reload")
            self.assertEqual(done.returncode, 0)
            self.assertIn("reloaded: zones 1", done.stderr)
            self.assertEqual(mist.query("new.a.test").answer[0][0].to_text(), "127.0.0.10")
            mist.write("a.zone", ZONE + "new A 127.0.0.300\n")
            done = mist.cli("reload", check=False)
            self.assertEqual(done.returncode, CONFIGURATION)
            self.assertRegex(done.stderr, r"(?m)^error: .*a\.zone:6: ")
            self.assertIn("what was served before is served on", done.stderr)
            self.assertEqual(mist.query("new.a.test").answer[0][0].to_text(), "127.0.0.10")

    def test_only_differences_and_edits_stay(self):
        with Mist({"zones": [*FILED["zones"], "editor.land"]}, files={"a.zone": ZONE}) as mist:
            def counter(name):
                return json.loads(mist.cli("stats", "--json").stdout)["counters"][name]

            def serials():
                return mist.cli("zone", "list").stdout

            mist.cli("zone", "edit", "a.test", "--add", "live A 127.0.5.1", "--remove", "www")
            signatures, before = counter("signatures"), serials()
            mist.cli("reload")
            self.assertEqual((counter("signatures"), serials()), (signatures, before))
            mist.write("a.zone", ZONE + "filed A 127.0.5.2\n")
            mist.hup()
            until(lambda: mist.query("filed.a.test").answer, "the reload")
            self.assertEqual(mist.query("live.a.test").answer[0][0].to_text(), "127.0.5.1")
            self.assertEqual(mist.query("www.a.test").answer, [])
            self.assertLessEqual(counter("signatures") - signatures, 4)
            self.assertEqual(mist.cli("zone", "diff", "a.test").stdout.splitlines(),
                             ["+live.a.test.\t300\tIN\tA\t127.0.5.1", "-www.a.test.\t300\tIN\tA\t127.0.0.9"])
            # What was edited is written into the file: it is no edit any more.
            exported = mist.cli("zone", "export", "a.test").stdout
            mist.write("a.zone", exported)
            mist.cli("reload")
            self.assertEqual(mist.cli("zone", "diff", "a.test").stdout, "")
            mist.write("a.zone", exported.replace("127.0.5.1", "127.0.5.9"))
            mist.cli("reload")
            self.assertEqual(mist.query("live.a.test").answer[0][0].to_text(), "127.0.5.9")

    def test_side_by_side(self):
        """Many reloads, signals and other requests at once, and a stop in the middle."""
        with Mist(FILED, files={"a.zone": ZONE}) as mist:
            lines = [Line(mist) for _ in range(12)]
            for line in lines:
                line.send({"verb": "reload"})
                line.send({"verb": "stats"})
                mist.process.send_signal(signal.SIGHUP)
            outcomes = []
            for line in lines:
                replies = []
                while len(replies) < 2:
                    part = line.read()
                    if "ok" in part:
                        replies.append(part)
                self.assertIn("counters", replies[1])
                outcomes.append(replies[0]["ok"])
            self.assertIn(True, outcomes)
            for line in lines:
                line.send({"verb": "reload"})
            mist.stop()
            for line in lines:
                line.close()


class Restart(unittest.TestCase):
    def test_edits_survive_kill_9(self):
        """Edits until the program is killed, many times: each that was acknowledged is there afterwards, with
        a serial that has not gone back; one that was not is there as a whole or not at all."""
        with Mist({"zones": [*FILED["zones"], {"name": "b.test", "dnssec": False}]},
                  files={"a.zone": ZONE}) as mist:
            known, number, serial = {}, 0, 0
            for turn in range(scaled(200)):
                line = Line(mist)
                line.socket.settimeout(5)
                killer = threading.Timer(RANDOM.uniform(0.002, 0.06), mist.process.kill)
                killer.start()
                pending = None
                try:
                    while True:
                        number += 1
                        pending = (number % 40, "127.7.%d.%d" % (number >> 8 & 255, number & 255))
                        for zone in ("a.test", "b.test"):
                            line.send({"verb": "edit.remove", "zone": zone, "text": "k%d" % pending[0]})
                            line.send({"verb": "edit.add", "zone": zone, "text": "k%d A %s" % pending})
                        line.send({"verb": "edit.commit"})
                        reply = line.read()
                        if reply is None:
                            break
                        self.assertIs(reply["ok"], True)
                        known[pending[0]] = pending[1]
                        serial = max(serial, *(zone["serial"] for zone in reply["zones"]
                                               if zone["name"] == "a.test"))
                except OSError:
                    pass
                killer.join()
                mist.process.wait()
                line.close()
                mist.process.stdout.close()
                mist.start()
                both = []
                for zone in ("a.test", "b.test"):
                    found = {}
                    for record in mist.cli("zone", "export", zone).stdout.splitlines():
                        name, _, _, rdtype, data = record.split("\t")
                        if name.startswith("k") and rdtype == "A":
                            found[int(name.split(".")[0][1:])] = data
                    both.append(found)
                self.assertEqual(both[0], both[1])
                if both[0] != known:
                    self.assertEqual(both[0], {**known, pending[0]: pending[1]}, "turn %d" % turn)
                    known = both[0]
                listed = mist.cli("zone", "list").stdout.split()
                self.assertGreaterEqual(int(listed[2]), serial)
            self.assertGreater(len(known), 20)

    def test_a_registered_name_is_not_kept(self):
        with Mist({"zones": [{"name": "r.test", "registry": True}]}) as mist:
            with Line(mist) as line:
                line.send({"verb": "edit.add", "zone": "r.test", "text": "kept A 127.0.0.7"})
                self.assertIs(line.ask({"verb": "edit.commit"})["ok"], True)
            mist.cli("register", "web", "--owner", "o", "127.0.0.8")
            self.assertEqual(mist.query("web.r.test").answer[0][0].to_text(), "127.0.0.8")
            mist.cli("reload")
            self.assertEqual(mist.query("web.r.test").answer[0][0].to_text(), "127.0.0.8")
            mist.process.kill()
            mist.process.wait()
            mist.process.stdout.close()
            mist.start()
            self.assertEqual(mist.query("kept.r.test").answer[0][0].to_text(), "127.0.0.7")
            self.assertEqual(mist.query("web.r.test").answer, [])


class Register(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.mist = cls.stack.enter_context(Mist({"zones": [{"name": "r.test", "registry": True},
                                                           "editor.land"]}))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def addresses(self, name):
        return sorted(texts(self.mist.query(name).answer, "A"))

    def test_register(self):
        self.mist.cli("register", "web", "--owner", "one", "10.0.0.1", "10.0.0.2")
        self.mist.cli("register", "web.r.test", "--owner", "two", "10.0.0.3")
        self.assertEqual(self.addresses("web.r.test"), ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
        self.mist.cli("deregister", "web", "--owner", "one")
        self.assertEqual(self.addresses("web.r.test"), ["10.0.0.3"])
        self.mist.cli("deregister", "--owner", "two")
        self.assertEqual(self.mist.query("web.r.test").rcode(), dns.rcode.NXDOMAIN)
        done = self.mist.cli("deregister", "--owner", "two", check=False)
        self.assertEqual(done.returncode, CONFIGURATION)
        self.assertIn("has registered no such name", done.stderr)

    def test_wrong(self):
        for args, said in ((("web", "--owner", "o", "10.0.0"), "addresses are like"),
                           (("web", "--owner", "", "10.0.0.1"), "an owner is"),
                           (("web.editor.land.", "--owner", "o", "10.0.0.1"), "registry: true"),
                           (("web.no.test.", "--owner", "o", "10.0.0.1"), "registry: true")):
            done = self.mist.cli("register", *args, check=False)
            self.assertEqual(done.returncode, CONFIGURATION, args)
            self.assertIn(said, done.stderr)

    def test_text_is_utf8(self):
        self.mist.cli("register", "utf", "--owner", "u", "10.0.4.1", "10.0.4.2")
        for args in (("deregister", "\udcff", "--owner", "u"), ("deregister", "--owner", "\udcff"),
                     ("register", "utf", "--owner", "u", "10.0.4.3", "\udcff"),
                     ("register", "\udcff", "--owner", "u", "10.0.4.3")):
            done = self.mist.cli(*args, check=False)
            self.assertEqual(done.returncode, CONFIGURATION, args)
            self.assertIn("text is UTF-8", done.stderr)
        self.assertEqual(self.addresses("utf.r.test"), ["10.0.4.1", "10.0.4.2"])
        self.mist.cli("deregister", "utf", "--owner", "u")

    def test_lease(self):
        self.mist.cli("register", "short", "--owner", "o", "--lease", "300ms", "10.0.1.1")
        self.assertEqual(self.addresses("short.r.test"), ["10.0.1.1"])
        until(lambda: not self.addresses("short.r.test"), "the end of the lease")

    def test_hold(self):
        holder = subprocess.Popen([program(), "register", "-c", self.mist.config_file, "held", "--owner",
                                   "h", "--hold", "10.0.2.1"], env=self.mist.env, cwd=self.mist.directory,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(holder.stdout.readline(), b"held\n")
        self.assertEqual(self.addresses("held.r.test"), ["10.0.2.1"])
        holder.kill()
        holder.wait()
        holder.stdout.close()
        until(lambda: not self.addresses("held.r.test"), "the name to go with its connection")

    def register(self, line, name, owner, address, hold=True):
        return line.ask({"verb": "register", "name": name, "owner": owner, "addresses": [address],
                         "hold": hold})

    def test_the_last_keeper_keeps(self):
        """An owner's new connection registers before the old one is gone: the name stays."""
        with Line(self.mist) as old, Line(self.mist) as new:
            self.assertIs(self.register(old, "kept", "k", "10.0.3.1")["ok"], True)
            self.assertIs(self.register(new, "kept", "k", "10.0.3.2")["ok"], True)
            self.assertIs(self.register(old, "gone", "k", "10.0.3.3")["ok"], True)
            old.close()
            until(lambda: not self.addresses("gone.r.test"), "what only the old one kept to go")
            self.assertEqual(self.addresses("kept.r.test"), ["10.0.3.2"])
            self.assertIs(self.register(new, "kept", "k", "10.0.3.2", hold=False)["ok"], True)
        self.mist.cli("stats")
        time.sleep(0.2)
        self.assertEqual(self.addresses("kept.r.test"), ["10.0.3.2"])
        self.mist.cli("deregister", "--owner", "k")

    def test_a_thousand_die_at_once(self):
        count = scaled(1000)
        lines = []
        for number in range(count):
            line = Line(self.mist)
            lines.append(line)
            line.send({"verb": "register", "name": "d%d" % number, "owner": "o%d" % number,
                       "addresses": ["10.1.%d.%d" % (number >> 8, number & 255)], "hold": True})
        for line in lines:
            self.assertIs(line.read()["ok"], True)
        self.assertEqual(self.addresses("d%d.r.test" % (count - 1)),
                         ["10.1.%d.%d" % (count - 1 >> 8, count - 1 & 255)])
        for line in lines:
            line.close()
        until(lambda: "\n" + "d" not in "\n" + self.mist.cli("zone", "export", "r.test").stdout,
              "all of them to go")


if __name__ == "__main__":
    unittest.main()
