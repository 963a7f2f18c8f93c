"""`mist run`: exit codes, signals and terminals as if the command ran alone; names by the server in each mode; what a
hostile command reaches; and nothing left behind, however it ends.

The module moves into a network of its own, which plays the host: 198.51.100.53 is there, with a name server and a web
server that count, and resolv.conf names it. What the command reaches of them is what it reaches of the outside.
"""
import contextlib
import errno
import fcntl
import glob
import json
import os
import platform
import pty
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest
import uuid

import harness
import namespace

ENGINE_FREE = True  # which engine answers is for test_server and tests/net/test_listen.c
TIMEOUT = 900
HERE = os.path.dirname(os.path.abspath(__file__))
OUTSIDE = "198.51.100.53"
EVERYTHING = "libc node sockets port53 outside privileges processes".split()
PYTHON = "/usr/bin/python3"
NODE_PRELOAD = os.path.join(harness.ROOT, "sidecar", "node", "index.js")
HAS_PASTA = shutil.which("pasta") is not None and os.access("/dev/net/tun", os.R_OK | os.W_OK)
MODES = ["host", "loopback"] + ["egress"] * HAS_PASTA


def setUpModule():
    global directory, etc, hostile, outside
    directory = tempfile.mkdtemp(prefix="mist-run-")
    os.chmod(directory, 0o755)
    unittest.addModuleCleanup(shutil.rmtree, directory, True)
    etc = namespace.enter()
    etc.write("resolv_conf", "nameserver %s\nsearch corp.invalid\n" % OUTSIDE)
    etc.write("nsswitch_conf", "passwd: files\nhosts: files resolve dns\n")
    address_up("lo:1", OUTSIDE)
    if HAS_PASTA:
        unittest.addModuleCleanup(os.close, interface_up())
    hostile = os.path.join(directory, "hostile")
    harness.run("musl-gcc", "-static", "-O1", "-o", hostile, os.path.join(HERE, "clients", "hostile.c"))
    outside = Outside()
    unittest.addModuleCleanup(outside.close)


def address_up(name, address):
    """Gives the loopback interface another address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8916, struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0,
                                              socket.inet_aton(address)))  # SIOCSIFADDR


def interface_up():
    """An interface with a default route, which is what pasta looks for; nobody is behind it. It lives as long as the
    descriptor that is returned."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"out0", 0x1002))       # TUNSETIFF: IFF_TAP | IFF_NO_PI
    address_up("out0", "192.0.2.2")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"out0", 1))           # SIOCSIFFLAGS: IFF_UP
        route = struct.pack("Q", 0)
        for address in ("0.0.0.0", "192.0.2.1", "0.0.0.0"):                     # destination, gateway, mask
            route += struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(sock, 0x890B, route + struct.pack("H62x", 3))               # SIOCADDRT: RTF_UP | RTF_GATEWAY
    return tap


class Outside:
    """What stands outside, and counts who comes: DNS and HTTP at an address, and two Unix sockets."""

    def __init__(self):
        self.packets = 0
        self.abstract = "mist-outside-" + uuid.uuid4().hex
        self.path = os.path.join(directory, "outside.sock")
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((OUTSIDE, 53))
        self.streams = []
        for family, name in ((socket.AF_INET, (OUTSIDE, 53)), (socket.AF_INET, (OUTSIDE, 80)),
                             (socket.AF_UNIX, "\0" + self.abstract), (socket.AF_UNIX, self.path)):
            sock = socket.socket(family)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(name)
            sock.listen(64)
            self.streams.append(sock)
        os.chmod(self.path, 0o777)
        self.wake = os.pipe()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while True:
            ready, _, _ = select.select([self.udp, self.wake[0], *self.streams], [], [])
            if self.wake[0] in ready:
                return
            for sock in ready:
                self.packets += 1
                if sock is self.udp:
                    data, peer = sock.recvfrom(4096)
                    sock.sendto(data[:2] + b"\x81\x83" + data[4:], peer)  # NXDOMAIN
                else:
                    client, _ = sock.accept()
                    with client, contextlib.suppress(OSError):
                        if sock is self.streams[1]:
                            client.sendall(b"HTTP/1.0 200 OK\r\n\r\noutside\n")

    def close(self):
        os.write(self.wake[1], b"x")
        self.thread.join()
        for sock in (self.udp, *self.streams):
            sock.close()


def read(path):
    with open(path) as file:
        return file.read()


def environment(**more):
    return harness.environment(directory, {"MIST_STATE_DIRECTORY": os.path.join(directory, "state"), **more})


def command(*args, net="loopback", options=()):
    return [harness.program(), "run", "--net", net, *options, "--", *map(str, args)]


def run(*args, net="loopback", options=("-q",), env=None, **how):
    return subprocess.run(command(*args, net=net, options=options), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=120, env=environment(**(env or {})),
                          **{"stdin": subprocess.DEVNULL, **({} if "input" not in how else {"stdin": None}), **how})


def python(text, *args, **how):
    done = run(PYTHON, "-c", text, *args, **how)
    if done.returncode:
        raise RuntimeError("exit code %d: %s%s" % (done.returncode, done.stdout, done.stderr))
    return done.stdout


class TheCommand(unittest.TestCase):
    """It is run as if there were no `mist run` in front of it."""

    def test_exit_codes(self):
        for net in MODES:
            for code in (0, 77):
                self.assertEqual(run("sh", "-c", "exit %d" % code, net=net).returncode, code, net)
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            self.assertEqual(run("sh", "-c", "kill -%d $$" % number).returncode, 128 + number)

    def test_what_cannot_be_executed(self):
        plain = os.path.join(directory, "plain")
        with open(plain, "w") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(plain, 0o644)
        for args, code, says in ((["no-such-command"], 127, "no-such-command: no such command in $PATH"),
                                 (["/no/such"], 127, "/no/such: no such command"),
                                 ([plain], 126, "cannot be executed: Permission denied"),
                                 (["/etc"], 126, "cannot be executed")):
            done = run(*args)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(says, done.stderr)
        os.chmod(plain, 0o755)
        self.assertEqual(run(plain).returncode, 127)

    def test_our_own_failures(self):
        broken = os.path.join(directory, "broken.yaml")
        with open(broken, "w") as file:
            file.write("listn: {}\n")
        for options, says in ((["--net", "moon"], "host, egress and loopback"),
                              (["--require", "libc,sky"], "\"sky\" is no guarantee; these are: libc node"),
                              (["--no-such"], "no option --no-such"), (["-c", broken], "listn"),
                              (["--node-preload", "/no/such"], "--node-preload /no/such: No such file"),
                              (["-s", "/proc/nowhere"], "state_directory")):
            done = run("true", options=["-q", *options])
            self.assertEqual(done.returncode, 125, options)
            self.assertIn(says, done.stderr)
        done = run("/bin/true", net="egress", env={"PATH": directory})
        self.assertEqual(done.returncode, 125)
        self.assertIn("it comes with Debian's package passt", done.stderr)
        done = subprocess.run([harness.program(), "run", "-q"], stderr=subprocess.PIPE, universal_newlines=True,
                              env=environment())
        self.assertEqual((done.returncode, "needs a command" in done.stderr), (125, True), done.stderr)

    def test_arguments_and_standard_files(self):
        arguments = ["--help", "-x", "--", "", "a b"] + ["n%d" % i for i in range(500)]
        done = run("sh", "-c", 'cat; printf "%s|" "$@"; echo error >&2', "sh", *arguments, input="to stdin\n")
        self.assertEqual(done.stdout, "to stdin\n" + "".join(a + "|" for a in arguments))
        self.assertEqual(done.stderr, "error\n")

    def test_end_of_output_is_seen_before_the_end(self):
        process = subprocess.Popen(command("sh", "-c", "echo out; exec >&-; exec sleep 1000", options=["-q"]),
                                   stdout=subprocess.PIPE, env=environment())
        self.assertEqual(process.stdout.readline(), b"out\n")
        process.terminate()
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)
        process.stdout.close()

    def test_what_it_is_given(self):
        read, write = os.pipe()
        os.set_inheritable(write, True)
        looks = """
import json, os, signal
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid(), "dns": os.environ["MIST_DNS"],
                  "fds": [f for f in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + f)],
                  "blocked": int(status["SigBlk"], 16), "ignored": int(status["SigIgn"], 16),
                  "pids": [p for p in os.listdir("/proc") if p.isdigit()],
                  **{c: int(status[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                  "new": int(status["NoNewPrivs"]), "home": os.environ["HOME"]}))
"""
        try:
            seen = json.loads(python("import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n" + looks,
                                     close_fds=False))
        finally:
            os.close(read)
            os.close(write)
        self.assertEqual((seen["uid"], seen["gid"]), (os.getuid(), os.getgid()))
        self.assertEqual(seen["pids"], ["1", str(seen["pid"])])
        self.assertEqual(sorted(seen["fds"]), ["0", "1", "2"])
        self.assertEqual([seen[c] for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")], [0] * 5)
        self.assertEqual((seen["new"], seen["dns"], seen["home"]), (1, "127.0.0.1:53", directory))
        self.assertEqual(seen["blocked"], 0)

    def test_signals(self):
        traps = 'trap "echo %s; exit 9" %s; echo ready; while :; do sleep 0.05; done'
        for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2"):
            # A shell traps nothing that was ignored when it started, as SIGHUP is below nohup(1).
            process = subprocess.Popen(["/usr/bin/env", "--default-signal", *command("sh", "-c", traps % (name, name), options=["-q"])],
                                       stdout=subprocess.PIPE, env=environment(), start_new_session=True)
            self.assertEqual(process.stdout.readline(), b"ready\n")
            process.send_signal(getattr(signal, "SIG" + name))
            self.assertEqual(process.communicate(timeout=60)[0], name.encode() + b"\n")
            self.assertEqual(process.returncode, 9)

    def test_what_it_leaves_running_ends_with_it(self):
        word = uuid.uuid4().hex
        done = run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & sleep 1000 & exit 5", env={"MIST_TEST_MARK": word})
        self.assertEqual(done.returncode, 5)
        for path in glob.glob("/proc/[0-9]*/environ"):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                self.assertNotIn(word.encode(), file.read())

    def test_as_somebody_else(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody")
        home = os.path.join(directory, "nobody")
        os.makedirs(home, exist_ok=True)
        try:
            os.chown(home, 65534, 65534)
        except OSError:
            self.skipTest("there is nobody in this user namespace")
        mist = os.path.join(home, "program")  # where anybody may read it
        shutil.copy(harness.program(), mist)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", mist, "run", "--net",
                               "loopback", "--require", "all", "--", "sh", "-c", "id -u; getent hosts x.editor.land"],
                              env={**environment(), "HOME": home, "MIST_STATE_DIRECTORY": home, "PATH": "/usr/bin:/bin"},
                              cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        if "user namespaces are forbidden" in done.stderr:
            self.skipTest("ordinary users get no namespaces here")
        self.assertEqual((done.returncode, done.stdout.split()), (0, ["65534", "127.0.0.1", "x.editor.land"]), done.stderr)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", mist, "run", "--",
                               "sh", "-c", "echo $MIST_DNS"],
                              env={**environment(), "HOME": home, "MIST_STATE_DIRECTORY": home, "PATH": "/usr/bin:/bin"},
                              cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        self.assertRegex(done.stdout, r"^127\.0\.0\.1:[1-9]\d+\n$")
        self.assertIn("warning: port 53 needs the right CAP_NET_BIND_SERVICE", done.stderr)
        self.assertIn("does not hold: libc", done.stderr)

    def test_without_namespaces(self):
        refuse = ("echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "
                  "--no-new-privs \"$@\"")
        done = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", refuse, "sh", *command("true")],
                              env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True)
        if "unshare" in done.stderr or "max_user_namespaces:" in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertRegex(done.stderr, r"error: no namespaces for the command .*raise sysctl user.max_user_namespaces")


class Terminal(unittest.TestCase):
    def open(self, *args):
        """Runs a program as the only one of a new terminal: (its process id, the other end)."""
        pid, end = pty.fork()
        if pid == 0:
            try:
                os.execvpe(args[0], args, environment(PS1="$ ", ENV="", HISTFILE="/dev/null"))
            finally:
                os._exit(99)
        self.addCleanup(os.close, end)
        return pid, end

    def see(self, end, pattern):
        """What comes from the terminal until it matches."""
        text = ""

        def look():
            nonlocal text
            ready, _, _ = select.select([end], [], [], 0.05)
            if ready:
                with contextlib.suppress(OSError):
                    text += os.read(end, 4096).decode(errors="replace")
            return re.search(pattern, text)
        try:
            return harness.until(look, pattern)
        except TimeoutError as error:
            raise AssertionError("%s in %r" % (error, text)) from None

    def code(self, pid):
        _, status = harness.until(lambda: (lambda r: r[0] and r)(os.waitpid(pid, os.WNOHANG)), "its end")
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def test_input_and_interrupt(self):
        pid, end = self.open(*command("sh", "-c", "test -t 0 && test -t 1 && read x && echo got-$x; exec sleep 1000",
                                      options=["-q"]))
        os.write(end, b"word\n")
        self.see(end, "got-word")
        os.write(end, b"\x03")
        self.assertEqual(self.code(pid), 128 + signal.SIGINT)

    def test_a_command_that_outlives_the_interrupt(self):
        pid, end = self.open(*command("sh", "-c", "trap 'echo caught-$n; n=1$n' INT; echo ready; "
                                      "while [ \"$n\" != 11 ]; do sleep 0.1; done; exit 4", options=["-q"]))
        self.see(end, "ready")
        os.write(end, b"\x03")
        self.see(end, "caught-")
        time.sleep(0.3)  # a second one that was forwarded would be here by now
        os.write(end, b"\x03")
        self.see(end, "caught-1")
        self.assertEqual(self.code(pid), 4)

    def test_stop_and_continue(self):
        pid, end = self.open("bash", "--norc", "-i")
        os.write(end, " ".join(command("sh", "-c", "'echo be''gun; sleep 0.2; read x; echo g''ot-$x'", options=["-q"])).encode() + b"\n")
        self.see(end, "begun")
        os.write(end, b"\x1a")
        self.see(end, "Stopped")
        os.write(end, b"fg\n")
        os.write(end, b"after\n")
        self.see(end, "got-after")
        os.write(end, b"exit 3\n")
        self.assertEqual(self.code(pid), 3)

    def test_a_shell_inside_gives_the_terminal_back(self):
        inside = " ".join(command("bash", "--norc", "-i", options=["-q"]))
        pid, end = self.open("sh", "-c", inside + "; read x; echo then-$x")
        os.write(end, b"sleep 0.1; echo in''side\n")
        self.see(end, "inside")
        os.write(end, b"exit\n")
        self.see(end, "exit")
        os.write(end, b"word\n")
        self.see(end, "then-word")
        self.assertEqual(self.code(pid), 0)

    def test_the_end_in_the_background_leaves_the_terminal_alone(self):
        go = os.path.join(directory, "go")
        pid, end = self.open("bash", "--norc", "-i")
        waits = "'echo be''gun; while [ ! -e %s ]; do sleep 0.05; done'" % go
        os.write(end, " ".join(command("sh", "-c", waits, options=["-q"])).encode() + b"\n")
        self.see(end, "begun")
        job = os.tcgetpgrp(end)
        self.assertNotEqual(job, pid)
        os.write(end, b"\x1a")
        self.see(end, "Stopped")
        os.write(end, b"bg; echo go''ing\n")
        self.see(end, "going")
        with open(go, "w"):
            pass
        harness.until(lambda: not os.path.exists("/proc/%d" % job), "its end, while the shell waits for a line")
        self.assertEqual(os.tcgetpgrp(end), pid)
        os.write(end, b"exit 3\n")
        self.assertEqual(self.code(pid), 3)

    def test_nothing_is_typed_for_the_caller(self):
        types = """
import ctypes, fcntl, platform, termios
said = []
for request in (termios.TIOCSTI, termios.TIOCLINUX):
    try:
        fcntl.ioctl(0, request, b'x')
        said.append("typed")
    except OSError as error:
        said.append(error.errno)
if platform.machine() == "x86_64":  # the ioctl of x32
    libc = ctypes.CDLL(None, use_errno=True)
    said.append(libc.syscall(ctypes.c_long(0x40000000 + 514), 0, termios.TIOCSTI, b"x") and ctypes.get_errno())
print("said", set(said))
"""
        pid, end = self.open(*command(PYTHON, "-c", types, options=["-q"]))
        self.see(end, r"said \{1\}")
        self.assertEqual(self.code(pid), 0)


class Names(unittest.TestCase):
    def test_every_resolver_asks_us(self):
        asks = """
set -e
getent ahostsv4 one.editor.land | head -1
%s -c 'import socket; print(socket.gethostbyname("two.editor.land"))'
%s -m http.server -b 127.0.0.1 8053 >/dev/null 2>&1 & curl -sf --retry 100 --retry-connrefused --retry-delay 0 \
 --retry-max-time 60 -o /dev/null -w '%%{remote_ip}\\n' http://three.editor.land:8053/proc/version
getent hosts www.example.com || echo denied
getent hosts four.editor.land.corp.invalid || echo none
""" % (PYTHON, PYTHON)
        for net in MODES:
            for engine in ("epoll", "uring") if net == "loopback" else ("auto",):
                before = outside.packets
                done = run("sh", "-c", asks, net=net, options=["-q", "--engine", engine, "--require", "libc,sockets"],
                           cwd="/")
                if engine == "uring" and "uring was asked for" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout.split("\n")[0].split()[0], "127.0.0.1")
                self.assertEqual(done.stdout.split("\n")[1:], ["127.0.0.1", "127.0.0.1", "denied", "none", ""], net)
                self.assertEqual(outside.packets, before, net)

    def test_the_files_it_reads(self):
        for net in MODES:
            text = python("print(open('/etc/resolv.conf').read() + open('/etc/nsswitch.conf').read())", net=net)
            self.assertRegex(text, r"(?m)^nameserver 127\.\d+\.\d+\.\d+\nsearch corp.invalid$")
            self.assertRegex(text, r"(?m)^hosts: files dns\npasswd: files$")
            self.assertEqual(text.count("nameserver"), 1)
            for path in ("/etc/resolv.conf", "/etc/nsswitch.conf"):
                self.assertNotEqual(run("sh", "-c", "echo x >>%s" % path, net=net).returncode, 0)
        self.assertIn(OUTSIDE, read("/etc/resolv.conf"))

    def test_forwarding_goes_by_the_server(self):
        with harness.Upstream(table={("www.example.com", "A"): ["www.example.com. 60 IN A 203.0.113.9"]}) as upstream:
            for net in MODES:
                done = run("getent", "ahostsv4", "www.example.com", net=net,
                           options=["-q", "-a", "*.example.com", "-u", "%s:%d" % (upstream.address, upstream.port)])
                self.assertTrue(done.stdout.startswith("203.0.113.9 "), (net, done.stdout, done.stderr))

    def test_port_53_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            outside.udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("0.0.0.0", 53))
            done = run("sh", "-c", "echo $MIST_DNS", net="host", options=[])
            self.assertRegex(done.stdout, r"^127\.0\.0\.1:\d+\n$")
            self.assertIn("warning: port 53 is taken on all of 127.0.0.0/8; `ss -ulpn sport = :53`", done.stderr)
            done = run("echo", "ran", net="host", options=["--require", "libc"])
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertIn("--require libc: with --net host it does not hold here that getaddrinfo()", done.stderr)
            # a network of its own is not the host's business
            self.assertEqual(run("getent", "hosts", "x.editor.land").returncode, 0)


class WithoutPort53(unittest.TestCase):
    """On the host's network, where somebody else has port 53: what looks at MIST_DNS."""

    def setUp(self):
        self.taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.taken.close)
        for sock in (outside.udp, self.taken):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.taken.bind(("0.0.0.0", 53))

    def test_nss_module(self):
        build = os.environ.get("MIST_BUILD", os.path.dirname(harness.program()))
        if not os.path.exists(os.path.join(build, "libnss_mist.so.2")):
            self.skipTest("no libnss_mist.so.2 is built")
        if any(key.endswith("SAN_OPTIONS") for key in os.environ):
            self.skipTest("a sanitized module does not load into getent")
        env = {"LD_LIBRARY_PATH": build}
        before = outside.packets
        done = run("sh", "-c", "grep ^hosts: /etc/nsswitch.conf; getent hosts x.editor.land; getent hosts example.com; "
                   "getent ahostsv4 localhost | head -1", net="host", options=[], env=env)
        self.assertEqual(done.stdout.split("\n")[0], "hosts: files mist [!SUCCESS=return]", done.stderr)
        self.assertEqual([line.split() for line in done.stdout.split("\n")[1:-1]],
                         [["127.0.0.1", "x.editor.land"], ["127.0.0.1", "STREAM", "localhost"]])
        self.assertEqual(outside.packets, before)
        self.assertIn("(libnss_mist.so.2 is installed)", done.stderr)
        self.assertRegex(done.stderr, "does not hold:.* libc")  # musl, Go and others read resolv.conf

    @unittest.skipUnless(shutil.which("node"), "no node here")
    def test_node(self):
        preload = os.path.join(directory, 'pre"load it.js')
        with open(preload, "w") as file:
            file.write("process.stdout.write('loaded ' + process.env.MIST_DNS + '\\n')")
        done = run("node", "-e", "console.log(process.execArgv.length, process.noDeprecation)", net="host",
                   options=["-q", "--node-preload", preload], env={"NODE_OPTIONS": "--no-deprecation"})
        self.assertRegex(done.stdout, r"^loaded 127\.0\.0\.1:\d+\n2 true\n$", done.stderr)

    @unittest.skipUnless(shutil.which("node") and os.path.exists(NODE_PRELOAD), "no node, or no preload for it")
    def test_node_with_our_preload(self):
        asks = """const dns = require('dns');
dns.setServers(['%s']);
dns.lookup('one.editor.land', (e, a) => dns.resolve4('two.editor.land', (e2, b) => dns.resolve4('www.example.com', (e3) =>
  console.log(a, b && b[0], e3 && e3.code))));""" % OUTSIDE
        before = outside.packets
        for net in MODES:
            done = run("node", "-e", asks, net=net, options=["-q", "--require", "node", "--node-preload", NODE_PRELOAD])
            self.assertEqual(done.stdout, "127.0.0.1 127.0.0.1 EREFUSED\n", done.stderr)
        self.assertEqual(outside.packets, before)


class ARunningServer(unittest.TestCase):
    def files(self, mist):
        return len(os.listdir("/proc/%d/fd" % mist.process.pid))

    def test_it_answers_for_the_command(self):
        config = {"zones": [{"name": "corp.test", "address": ["127.0.0.9"]}]}
        with harness.Mist(config) as mist:
            before = self.files(mist)
            for net in MODES:
                options = ["-q", "--socket", mist.env["MIST_CONTROL_SOCKET"], "--require", "libc"]
                done = run("getent", "ahostsv4", "x.corp.test", net=net, options=options)
                self.assertEqual((done.returncode, done.stdout.split()[:1]), (0, ["127.0.0.9"]), done.stderr)
                process = subprocess.Popen(command("sh", "-c", "getent hosts y.corp.test; exec sleep 1000", net=net,
                                                   options=options), stdout=subprocess.PIPE, env=environment())
                self.assertIn(b"y.corp.test", process.stdout.readline())
                process.kill()
                process.communicate()
                # the end of the connection has given the sockets up
                harness.until(lambda: self.files(mist) == before, "the sockets to go")
                self.assertEqual(mist.query("z.corp.test").rcode(), 0)

    def test_none_there(self):
        done = run("true", options=["--socket", os.path.join(directory, "none.sock")])
        self.assertEqual(done.returncode, 125)
        self.assertIn("is `mist serve` running?", done.stderr)


class Guarantees(unittest.TestCase):
    def held(self, net):
        done = run("true", net=net, options=[])
        found = re.search(r"^info: --net %s: holds: (.*); does not hold: (.*)$" % net, done.stderr, re.M)
        self.assertTrue(found, done.stderr)
        return [set(words.replace("none", "").split()) for words in found.groups()]

    def test_they_are_told(self):
        holds, lacks = self.held("loopback")
        self.assertEqual((holds, lacks), (set(EVERYTHING), set()))
        holds, lacks = self.held("host")
        self.assertEqual(holds | lacks, set(EVERYTHING))
        self.assertEqual(holds & {"libc", "sockets", "privileges", "processes"}, {"libc", "sockets", "privileges", "processes"})
        self.assertEqual(lacks & {"port53", "outside"}, {"port53", "outside"})
        if HAS_PASTA:
            holds, lacks = self.held("egress")
            self.assertEqual(lacks, {"outside"})

    def test_required(self):
        self.assertEqual(run("true", options=["-q", "--require", "all"]).returncode, 0)
        for words in ("port53", "libc,outside", "all"):
            done = run("echo", "ran", net="host", options=["-q", "--require", words])
            self.assertEqual((done.returncode, done.stdout), (125, ""), words)
            self.assertIn("it does not hold here that n", done.stderr)

    def reached(self, net):
        before = outside.packets
        done = run(hostile, OUTSIDE, outside.path, outside.abstract, net=net, env={"LD_PRELOAD": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        return set(done.stdout.split()), outside.packets - before

    def test_a_hostile_command(self):
        everything = {"udp53", "tcp53", "tcp80", "abstract", "path"}
        before = outside.packets
        plain = subprocess.run([hostile, OUTSIDE, outside.path, outside.abstract], stdout=subprocess.PIPE,
                               universal_newlines=True)
        self.assertEqual(set(plain.stdout.split()) & everything, everything)  # it can, where nothing stops it
        harness.until(lambda: outside.packets - before >= 2 * len(everything), "all of it to be counted")
        self.assertEqual(self.reached("loopback"), (set(), 0))
        reached, packets = self.reached("host")
        self.assertEqual(reached, everything)  # what README says is not stopped there
        self.assertGreater(packets, 0)

    @unittest.skipUnless(HAS_PASTA, "no pasta here")
    def test_a_hostile_command_with_a_way_out(self):
        reached, _ = self.reached("egress")
        self.assertEqual(reached & {"udp53", "tcp53", "resolv.conf", "capable", "abstract"}, set())
        self.assertIn("tcp80", reached)

    @unittest.skipUnless(HAS_PASTA, "no pasta here")
    def test_shut_ports(self):
        tries = """
import errno, socket
for family, address in ((socket.AF_INET, "198.51.100.53"), (socket.AF_INET, "203.0.113.1"), (socket.AF_INET6, "2001:db8::1")):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        for port in (53, 853):
            with socket.socket(family, kind) as sock:
                print(errno.errorcode[sock.connect_ex((address, port))])
    with socket.socket(family, socket.SOCK_DGRAM) as sock:   # not connected: each datagram is looked at
        try:
            sock.sendto(b"x", (address, 53))
            print("sent")
        except OSError as error:
            print(errno.errorcode[error.errno])
with socket.socket() as sock:
    print(sock.connect_ex(("127.0.0.1", 53)), sock.connect_ex(("198.51.100.53", 5353)) != errno.EACCES)
"""
        self.assertEqual(python(tries, net="egress").split(), ["EACCES"] * 15 + ["0", "True"])

    def test_no_way_below_the_masks(self):
        """By the working directory, or a standard file, that lies where something is mounted."""
        here = "/run/mist-" + uuid.uuid4().hex
        try:
            os.makedirs(here)
        except OSError:
            self.skipTest("nothing can be made in /run")
        self.addCleanup(shutil.rmtree, here)
        knocks = "import os, socket\nprint(os.getcwd(), socket.socket(socket.AF_UNIX).connect_ex('./bus'))"
        lists = "import os\nprint(*sorted(name for name in os.listdir('.') if name.isdigit()))"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(here + "/bus")
            sock.listen()
            self.assertEqual(python(knocks, net="loopback", cwd=here), "/ %d\n" % errno.ENOENT)
            self.assertEqual(python(knocks, net="host", cwd=here), here + " 0\n")  # where it is not masked
        for net in MODES:
            self.assertEqual(python(lists, net=net, cwd="/proc"), "1 2\n", net)
            self.assertEqual(python("import os; print(os.getcwd())", net=net, cwd=directory), directory + "\n")
        for flags in (os.O_RDONLY, os.O_PATH):
            below = os.open(here if flags == os.O_RDONLY else outside.path, flags)
            try:
                done = run("echo", "ran", stdin=below)
            finally:
                os.close(below)
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertIn("standard file 0 is a directory or a path", done.stderr)

    def test_kernel_settings(self):
        """That root writes without a capability."""
        opens = """
import os
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print(path, "opened")
    except OSError as error:
        pass
"""
        for net in MODES:
            self.assertEqual(python(opens, net=net, options=["-q", "--require", "privileges"]), "", net)

    def test_sockets_without_a_whole_path(self):
        with contextlib.ExitStack() as stack:
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            before = os.getcwd()
            os.chdir(directory)
            stack.callback(os.chdir, before)
            sock.bind("relative.sock")
            holds, lacks = self.held("loopback")
        self.assertEqual(lacks, {"sockets", "outside"})

    def test_families_without_a_network(self):
        makes = """
import ctypes, socket
try:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()
    print("vsock")
except OSError as error:
    print(error.errno)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(425, 1, None), ctypes.get_errno())  # io_uring_setup
"""
        self.assertEqual(python(makes).split(), [str(errno.EAFNOSUPPORT), "-1", str(errno.ENOSYS)])

    def test_calls_of_the_other_processor(self):
        """A program of 64 bits can make those of 32 bits, whose numbers are others."""
        calls = """
import ctypes, mmap, termios
# push rbx; eax, ebx, ecx, edx = edi, esi, edx, 0; int 0x80; cdqe; pop rbx; ret
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("5389f889f389d131d2cd8048985bc3"))
call = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_uint] * 3)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
assert call(20, 0, 0) > 0  # getpid
print(call(54, 0, termios.TIOCSTI), call(54, 0, termios.TIOCLINUX), call(359, 40, 1), call(425, 1, 0))  # 40: AF_VSOCK
assert call(359, 2, 1) > 0 and call(54, 99, termios.TIOCGWINSZ) == -%d
""" % errno.EBADF
        bare = subprocess.run([PYTHON, "-c", calls], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        if platform.machine() != "x86_64" or bare.returncode:
            self.skipTest("nobody makes such calls here, even without us")
        self.assertEqual(list(map(int, python(calls).split())),
                         [-errno.EPERM, -errno.EPERM, -errno.EAFNOSUPPORT, -errno.ENOSYS])

    def test_without_resolv_conf(self):
        """Then resolvers ask 127.0.0.1, and the server is at another address of the host's."""
        hides = 'mount -t tmpfs none /etc && echo "hosts: files dns" >/etc/nsswitch.conf && %s && exec "$@"'
        for link in ("true", "ln -s /nowhere/at/all /etc/resolv.conf"):
            for net, holds in (("host", False), ("loopback", True)):
                done = subprocess.run(["unshare", "-m", "sh", "-c", hides % link, "sh", *command("true", net=net, options=[])],
                                      env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stderr, ": holds: .*libc" if holds else "does not hold: .*libc")

    def test_sockets_of_services(self):
        """Whoever stands at a path that a resolver would ask."""
        with contextlib.ExitStack() as stack:
            paths = []
            for path in ("/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve", "/run/avahi-daemon/socket",
                         "/run/docker.sock", "/run/dbus/system_bus_socket",
                         "/run/user/%d/bus" % os.geteuid(), "/run/user/%d/podman/podman.sock" % os.geteuid()):
                try:
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                    sock.bind(path)
                except OSError:
                    continue
                sock.listen()
                stack.callback(os.unlink, path)
                paths.append(path)
            if not paths:
                self.skipTest("nothing can be made in /run")
            knocks = "import socket, sys\nfor path in sys.argv[1:]:\n try:\n  socket.socket(socket.AF_UNIX).connect(path)\n" \
                     "  print(path)\n except OSError: pass"
            plain = subprocess.run([PYTHON, "-c", knocks, *paths], stdout=subprocess.PIPE, universal_newlines=True)
            self.assertEqual(plain.stdout.split(), paths)
            for net in MODES:
                self.assertEqual(python(knocks, *paths, net=net), "", net)


class Launches:
    """Many launches that are killed at random moments, and what is left of them. It runs as PID 1 of a namespace of its own
    (see below): whatever /proc shows there has come from them, and who loses his parent becomes its child."""

    def __init__(self, where, modes):
        global directory
        directory = where
        self.modes, self.wrong = modes, []

    def launch(self, net):
        # some end by themselves, some are killed while they start, some while they run
        seconds = random.choice((0, 0.05, 1000))
        process = subprocess.Popen(command("sh", "-c", "(setsid sleep 1000 &) ; getent hosts x.editor.land >/dev/null; "
                                           "exec sleep %s" % seconds, net=net, options=["-q"]),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=environment())
        time.sleep(random.uniform(0, 0.4))
        process.send_signal(random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        said = process.stderr.read().decode()
        code = process.wait(120)
        process.stderr.close()
        if code not in (0, -signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM):
            self.wrong.append([code, said])

    def work(self, count):
        for _ in range(count):
            self.launch(random.choice(self.modes))

    def left(self):
        """Processes, namespaces that one is in or holds open, mounts, sockets: what is not as it was."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return sorted(self.seen() ^ self.before)

    @staticmethod
    def seen():
        found = {"process " + name for name in os.listdir("/proc") if name.isdigit()}
        for path in glob.glob("/proc/[0-9]*/ns/*") + glob.glob("/proc/[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                link = os.readlink(path)
                if re.match(r"\w+:\[\d+\]$", link) and not link.startswith(("pipe", "socket")):
                    found.add(link)
        found |= {"mount " + line for line in read("/proc/self/mountinfo").split("\n")}
        for kind in ("udp", "tcp"):  # bound addresses: UDP, listening TCP
            found |= {"%s %s" % (kind, line.split()[1]) for line in read("/proc/self/net/" + kind).split("\n")[1:-1]
                      if kind == "udp" or line.split()[3] == "0A"}
        return found

    def run(self, many, at_once):
        self.before = self.seen()
        run("true")  # the key of the zone is made
        threads = [threading.Thread(target=self.work, args=(many // at_once,)) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with contextlib.suppress(TimeoutError):
            harness.until(lambda: not self.left(), "everything to go")
        print(json.dumps({"wrong": self.wrong, "left": self.left()}))


class NothingIsLeft(unittest.TestCase):
    def test_killed_at_random_moments(self):
        many, at_once = (1000, 50) if harness.LONG else (50, 10)
        done = subprocess.run(["unshare", "--fork", "--pid", "--mount-proc", PYTHON, "-c", "import test_run\n"
                               "test_run.Launches(%r, %r).run(%d, %d)" % (directory, MODES, many, at_once)], cwd=HERE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"wrong": [], "left": []})


if __name__ == "__main__":
    unittest.main()
