"""`mist serve` as a service: what it tells its supervisor, sockets that are passed to it, how its port is handed
over, and that nothing is left of root's rights when it answers."""
import contextlib
import fcntl
import glob
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest
import unittest.mock

import harness
from harness import Mist, RANDOM, Server, environment, free_endpoint, make_query, program, run, texts, until

USER = 65534  # nobody


class Service(Mist):
    """Started as a supervisor does: `fds` are 3, 4, ...; variables that name a process name this one."""

    def __init__(self, config=None, fds=(), variables="", **how):
        super().__init__(config, **how)
        self.fds = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 50) for fd in fds]  # out of the way of 3, 4, ...
        self.variables = variables

    def launch(self, command, **how):
        moves = " ".join("%d<&%d" % (3 + i, fd) for i, fd in enumerate(self.fds))
        script = "exec %s; export %s; exec \"$@\"" % (moves, self.variables or "A=b")
        try:
            return super().launch(["bash", "-c", script, "sh", *command], pass_fds=self.fds, **how)
        finally:
            for fd in self.fds:
                os.close(fd)


class Supervisor:
    """A $NOTIFY_SOCKET: what was told, as dicts."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="mist-notify-")
        self.path = os.path.join(self.directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(harness.DEADLINE)
        return self

    def __exit__(self, *_):
        self.socket.close()
        shutil.rmtree(self.directory)

    def next(self):
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n") if line)


class Notify(unittest.TestCase):
    def test_life(self):
        with Supervisor() as told, Service({"zones": ["a.test"]}, env={"NOTIFY_SOCKET": told.path}) as mist:
            self.assertEqual(told.next(), {"READY": "1", "STATUS": "answering on port %d" % mist.port})
            before = time.clock_gettime(time.CLOCK_MONOTONIC)
            mist.hup()
            reloading = told.next()
            self.assertEqual(reloading.pop("RELOADING"), "1")
            self.assertTrue(before <= int(reloading["MONOTONIC_USEC"]) / 1e6 + 0.001
                            and int(reloading["MONOTONIC_USEC"]) / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC))
            self.assertEqual(told.next(), {"READY": "1", "STATUS": "reloaded, and answering"})
            mist.configure("listen: [\n")
            mist.hup()
            self.assertIn("RELOADING", told.next())
            self.assertIn("not reloaded", told.next()["STATUS"])
            mist.stop()
            self.assertEqual(told.next()["STOPPING"], "1")

    def test_watchdog(self):
        with Supervisor() as told, Service(
                {"zones": ["a.test"]}, env={"NOTIFY_SOCKET": told.path},
                variables="WATCHDOG_PID=$$ WATCHDOG_USEC=200000") as mist:
            self.assertIn("READY", told.next())
            for _ in range(3):
                self.assertEqual(told.next(), {"WATCHDOG": "1"})
            questions = int(re.search(r"^udp_queries (\d+)$", mist.cli("stats").stdout, re.M).group(1))
            self.assertGreaterEqual(questions, 3)  # it asked its own socket each time

    def test_watchdog_after_a_reload(self):
        """Whoever reloads more often than the watchdog wants to hear of it must not silence it."""
        with Supervisor() as told, Service(
                {"zones": ["a.test"]}, env={"NOTIFY_SOCKET": told.path},
                variables="WATCHDOG_PID=$$ WATCHDOG_USEC=%d" % (3600 * 10**6)) as mist:
            self.assertIn("READY", told.next())
            for _ in range(2):
                mist.hup()
                self.assertIn("RELOADING", told.next())
                self.assertIn("READY", told.next())
                self.assertEqual(told.next(), {"WATCHDOG": "1"})  # half an hour early

    def test_watchdog_of_another(self):
        """A variable that was inherited, and is about the parent."""
        with Supervisor() as told, Service(
                {"zones": ["a.test"]}, env={"NOTIFY_SOCKET": told.path},
                variables="WATCHDOG_PID=1 WATCHDOG_USEC=1000") as mist:
            self.assertIn("READY", told.next())
            mist.stop()
            self.assertIn("STOPPING", told.next())


def listening(kind, endpoint):
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(endpoint)
    if kind == socket.SOCK_STREAM:
        sock.listen(16)
    return sock


class Passed(Server):
    def __init__(self, endpoint):
        self.address, self.port = endpoint


class Sockets(unittest.TestCase):
    def sockets(self, endpoint):
        return [self.enterContext(listening(kind, endpoint)) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]

    def test_activation(self):
        """Both are served, beside the server's own; a question that came before it started waits."""
        there = Passed(free_endpoint())
        fds = self.sockets((there.address, there.port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as early:
            early.settimeout(harness.DEADLINE)
            early.connect((there.address, there.port))
            early.send(make_query("early.a.test").to_wire())
            with Service({"zones": ["a.test"]}, fds=fds, variables="LISTEN_PID=$$ LISTEN_FDS=2") as mist:
                self.assertGreater(len(early.recv(512)), 12)
                self.assertEqual(mist.ready["inherited"], ["udp %s:%d" % (there.address, there.port),
                                                           "tcp %s:%d" % (there.address, there.port)])
                for server in (there, mist):
                    for tcp in (False, True):
                        self.assertEqual(texts(server.query("x.a.test", tcp=tcp).answer), ["127.0.0.1"])
                with open("/proc/%d/environ" % mist.process.pid) as file:
                    self.assertIn("LISTEN_FDS", file.read())  # as it was started ...
                mist.hup()
                until(lambda: "reloaded" in mist.stderr, "the reload")
                self.assertEqual(texts(there.query("x.a.test").answer), ["127.0.0.1"])

    def test_a_restart_loses_nothing(self):
        """The sockets stay with who passes them, and what comes meanwhile waits in them."""
        there = Passed(free_endpoint())
        fds = self.sockets((there.address, there.port))
        answered, asking = [], threading.Event()

        def ask():
            while asking.is_set():
                wire = make_query("x%d.a.test" % len(answered)).to_wire()
                answered.append(there.udp(wire))  # once: whoever asks again would not notice

        asking.set()
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            for _ in range(3):
                with Service({"zones": ["a.test"]}, fds=fds, variables="LISTEN_PID=$$ LISTEN_FDS=2"):
                    before = len(answered)
                    until(lambda: len(answered) > before + 20, "questions")
                waiting = len(answered)  # nobody answers now
            with Service({"zones": ["a.test"]}, fds=fds, variables="LISTEN_PID=$$ LISTEN_FDS=2"):
                asking.clear()
                thread.join()
        finally:
            asking.clear()
        self.assertGreater(len(answered), max(60, waiting))
        self.assertNotIn(None, answered)

    def test_sockets_of_another_are_not_ours(self):
        there = Passed(free_endpoint())
        fds = self.sockets((there.address, there.port))
        with Service({"zones": ["a.test"]}, fds=fds, variables="LISTEN_PID=1 LISTEN_FDS=2") as mist:
            self.assertNotIn("inherited", mist.ready)
            self.assertIsNone(there.udp(make_query("x.a.test").to_wire(), deadline=0.2))

    def test_what_is_no_socket_for_us(self):
        with open("/dev/null") as file, tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "c")
            with open(config, "w") as out:
                out.write("{zones: [a.test], listen: {port: 0}, state_directory: s}")
            done = subprocess.run(["bash", "-c", 'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"' % file.fileno(), "sh",
                                   program(), "serve", "-c", config], pass_fds=[file.fileno()], env=environment(directory),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=harness.DEADLINE)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn("descriptor 3 is no socket", done.stderr)

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd-socket-activate is not installed")
    def test_systemd_socket_activate(self):
        there = Passed(free_endpoint())
        with tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "c")
            with open(config, "w") as out:
                out.write("{zones: [a.test], listen: {port: 0}, state_directory: s}")
            process = subprocess.Popen(["systemd-socket-activate", "-l", "%s:%d" % (there.address, there.port), program(),
                                        "serve", "-c", config], env=environment(directory), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                until(lambda: self.connects(there), "systemd-socket-activate to listen")
                self.assertEqual(texts(there.query("x.a.test", tcp=True).answer), ["127.0.0.1"])
            finally:
                self.assertEqual(harness.end(process, signal.SIGTERM), 0)

    @staticmethod
    def connects(server):
        with contextlib.suppress(OSError):
            server.tcp_connect(1).close()
            return True
        return False


class Port(unittest.TestCase):
    def test_through_a_descriptor(self):
        read, write = os.pipe()

        class Told(Mist):
            def launch(self, command, **how):
                return super().launch([*command, "--port-fd", str(write)], pass_fds=[write], **how)

        with open(read) as pipe:
            with Told({"zones": ["a.test"]}) as mist:
                os.close(write)
                self.assertEqual(pipe.read(), "%d\n" % mist.port)  # and the end of the file
        for wrong in ("77", "x", "-1"):
            done = harness.mist_cli("serve", "--port-fd=" + wrong, config={"listen": {"port": 0}})
            self.assertEqual(done.returncode, 1)
            self.assertIn("is no open descriptor", done.stderr)

    def test_by_environment(self):
        address, port = free_endpoint()
        with Mist("zones: [a.test]\nstate_directory: state\n",
                  env={"MIST_LISTEN_PORT": str(port), "MIST_LISTEN_ADDRESS": address}) as mist:
            self.assertEqual((mist.address, mist.port), (address, port))


@unittest.skipUnless(os.geteuid() == 0, "only root has rights to give up")
class Privileges(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="mist-user-"))
        os.chmod(self.directory, 0o755)
        self.address = "127.%d.%d.%d" % tuple(RANDOM.randrange(1, 255) for _ in range(3))
        self.config = {"user": "%d:%d" % (USER, USER), "zones": ["a.test"], "workers": 3,
                       "listen": {"address": self.address, "port": RANDOM.randrange(300, 1000), "fallback": "fail"}}
        # Who has changed its user cannot be traced, so nobody can look for leaks in it.
        self.env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",
                    "MIST_CONTROL_SOCKET": os.path.join(self.directory, "run", "mist.sock")}

    def threads(self, process):
        for path in glob.glob("/proc/%d/task/*/status" % process.pid):
            with open(path) as file:
                yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def test_nothing_is_left(self):
        with Mist(self.config, keep=self.directory, env=self.env) as mist:
            self.assertLess(mist.port, 1024)
            self.assertEqual(texts(mist.query("x.a.test").answer), ["127.0.0.1"])
            threads = list(self.threads(mist.process))
            self.assertGreaterEqual(len(threads), 4)
            for thread in threads:
                self.assertEqual((thread["Uid"], thread["Gid"]), (("%d\t" % USER * 4)[:-1],) * 2)
                self.assertEqual(thread["Groups"].split(), [str(USER)])
                self.assertEqual({thread[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                                 {""})
                self.assertEqual(thread["NoNewPrivs"], "1")
            for path in ("state", "run", "run/mist.sock", *glob.glob(self.directory + "/state/*")):
                self.assertEqual(os.lstat(os.path.join(self.directory, path)).st_uid, USER, path)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.directory, "state")).st_mode), 0o700)
            mist.cli("zone", "edit", "a.test", "--add", "new 60 A 192.0.2.1")  # root may speak to it
            mist.cli("reload")
            self.assertEqual(texts(mist.query("new.a.test").answer), ["192.0.2.1"])
        with Mist(self.config, keep=self.directory, env=self.env) as mist:  # its own files are there again
            self.assertEqual(texts(mist.query("new.a.test").answer), ["192.0.2.1"])

    def test_defaults_of_root_stay(self):
        """State and control socket that nobody configured: a reload, as another user, takes the same."""
        class Alone(Mist):
            def launch(self, command, **how):
                empty = 'for d in /var/lib /run; do mount -t tmpfs none $d; done; exec "$@"'
                return super().launch(["unshare", "-m", "sh", "-ec", empty, "sh", *command], **how)

        text = "user: nobody\nzones: [a.test]\nworkers: 1\nlisten: {address: %s, port: 0}\n" % self.address
        with Alone(text, keep=self.directory, env={**self.env, "MIST_CONTROL_SOCKET": ""}) as mist:
            there = "/proc/%d/root" % mist.process.pid
            mist.hup()
            until(lambda: "reloaded" in mist.stderr, "the reload")
            self.assertNotIn("restart", mist.stderr)
            for path in ("/var/lib/mist", "/run/mist", "/run/mist/mist.sock"):
                self.assertEqual(os.stat(there + path).st_uid, USER)
            self.assertFalse(os.path.exists(self.directory + "/.local"))

    def fails(self, code, said, user, *before, path=None):
        self.config["user"] = user
        config = os.path.join(self.directory, "c")
        with open(config, "w") as file:
            file.write(repr({**self.config, "state_directory": path or self.directory + "/s"}))
        done = run(*before, program(), "serve", "-c", config, check=False,
                   env=environment(self.directory, self.env))
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertIn(said, done.stderr)

    def test_errors_teach(self):
        self.fails(1, "adduser --system", "nobody-of-that-name")
        self.fails(1, "there is no group", "nobody:nothing-of-that-name")
        self.fails(1, "is root, or has root's group", "root")
        self.fails(1, "is root, or has root's group", "nobody:0")
        self.fails(1, "there is no user 4294967295", "4294967295")
        os.mkdir(self.directory + "/roots", 0o700)
        self.fails(3, "chown -R nobody", "nobody", path=self.directory + "/roots")
        self.fails(3, "No such file", "nobody", path=self.directory + "/missing/too")
        copy = shutil.copy(program(), self.directory)
        with unittest.mock.patch.dict(os.environ, MIST_BIN=copy):
            self.fails(1, "only root can become another user", "daemon", "setpriv", "--reuid", str(USER), "--regid",
                       str(USER), "--clear-groups")


if __name__ == "__main__":
    unittest.main()
