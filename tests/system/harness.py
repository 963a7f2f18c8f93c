"""What every system test stands on.

    Mist        runs the program under test and asks it
    Upstream    a name server of ours that answers as a script says, and counts every packet
    Knot, Nsd, Unbound, Bind
                other people's servers, in the foreground on a free loopback address
    delv(), dig(), kdig(), drill(), run()
                other people's tools
    UdpClient   asks thousands of questions, many in flight

Everything lives in temporary directories and on loopback, on ports that were free a moment ago, so
that many runs go side by side. Tests wait for events, with long deadlines; they never measure time.

Environment: MIST_BIN, the program (default: that of the newest build*/ of the tree); MIST_ENGINE,
uring, epoll or auto (default), so that a runner can do everything once per engine; MIST_LONG=1, the
full counts instead of a tenth.
"""
import contextlib
import glob
import itertools
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEADLINE = 60       # seconds for anything that should be over in one; a busy machine stays below
ENGINE = os.environ.get("MIST_ENGINE", "auto")
PAUSE = 0.01        # seconds between two looks at what is waited for
LONG = os.environ.get("MIST_LONG", "") not in ("", "0")
RANDOM = random.SystemRandom()


def scaled(count):
    """`count` in the long run, a tenth of it in the everyday run."""
    return count if LONG else max(1, count // 10)


def program():
    """The mist under test."""
    if "MIST_BIN" in os.environ:
        return os.environ["MIST_BIN"]
    found = glob.glob(os.path.join(ROOT, "build*", "mist"))
    if not found:
        raise FileNotFoundError("no build*/mist in %s; build first or set MIST_BIN" % ROOT)
    return max(found, key=os.path.getmtime)


def until(condition, what="it", deadline=None):
    """Waits for condition() to be true and returns its value, DEADLINE unless said; what it waited for is in the error."""
    deadline = DEADLINE if deadline is None else deadline
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("waited %d s for %s" % (deadline, what))
        time.sleep(PAUSE)


def free_endpoint(address=None):
    """A loopback address and a port that is free there for UDP and TCP.

    The address is a random one of 127.0.0.0/8 and the port lies below those the kernel hands out,
    so that nobody takes it between now and its use."""
    for _ in range(1000):
        host = address or "127.%d.%d.%d" % (RANDOM.randrange(1, 255), RANDOM.randrange(256),
                                            RANDOM.randrange(1, 255))
        port = RANDOM.randrange(10000, 32000)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family) as tcp:
            try:
                udp.bind((host, port))
                tcp.bind((host, port))
                return host, port
            except OSError:
                pass
    raise OSError("no free port on loopback")


# --------------------------------------------------------------------------------------------------
# Messages

def make_query(name, rdtype="A", dnssec=False, edns=None, rd=True, rdclass="IN", payload=1232,
               options=None, id=None):
    """A query. `edns` None means: when dnssec or options ask for it."""
    query = dns.message.make_query(name, rdtype, rdclass, id=id)
    query.flags = dns.flags.RD if rd else 0
    if edns is None:
        edns = 0 if dnssec or options else False
    if edns is not False:
        query.use_edns(edns, dns.flags.DO if dnssec else 0, payload, options=options)
    return query


def tcp_read(sock, count):
    """Exactly `count` octets, or fewer when the peer closes."""
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def tcp_read_message(sock):
    """One message as it stands behind its length, None at the end of the stream."""
    head = tcp_read(sock, 2)
    if len(head) < 2:
        return None
    (length,) = struct.unpack("!H", head)
    data = tcp_read(sock, length)
    return data if len(data) == length else None


def framed(message):
    return struct.pack("!H", len(message)) + message


def answer_for(query, *sections, rcode=dns.rcode.NOERROR, aa=False, ra=True):
    """A response to `query`; sections are lists of RRset texts ("name ttl IN TYPE rdata")."""
    response = dns.message.make_response(query, recursion_available=ra)
    if aa:
        response.flags |= dns.flags.AA
    response.set_rcode(rcode)
    for section, texts in zip((response.answer, response.authority, response.additional), sections):
        for text in texts:
            owner, ttl, rdclass, rdtype, *rdata = text.split(None, 4)
            rrset = dns.rrset.from_text(owner, int(ttl), rdclass, rdtype, *rdata)
            found = next((s for s in section if s.match(rrset.name, rrset.rdclass, rrset.rdtype,
                                                        rrset.covers)), None)
            if found is None:
                section.append(rrset)
            else:
                found.update(rrset)
    return response


def rrsets(section):
    """A section as {(name, type): (ttl, set of rdata texts)}, for comparing by assertEqual."""
    return {(s.name.to_text().lower(), dns.rdatatype.to_text(s.rdtype)):
            (s.ttl, frozenset(r.to_text() for r in s)) for s in section}


def texts(section, rdtype=None):
    """The rdata of a section as a sorted list of texts, all types or one."""
    return sorted(r.to_text() for s in section for r in s
                  if rdtype is None or s.rdtype == dns.rdatatype.from_text(rdtype))


def flags(message):
    """The flags that are set, as a set of their names."""
    return set(dns.flags.to_text(message.flags).split())


def ede(message):
    """The Extended DNS Error codes of a message (RFC 8914)."""
    return [option.code for option in message.options if option.otype == 15]


class Server:
    """What can be asked: `address` and `port`."""
    address = None
    port = None

    def udp(self, data, deadline=DEADLINE, source=None):
        """Sends octets and returns the first datagram that comes back, None after the deadline."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            if source:
                sock.bind((source, 0))
            sock.settimeout(deadline)
            sock.connect((self.address, self.port))
            sock.send(data)
            try:
                return sock.recv(65535)
            except socket.timeout:
                return None

    def tcp_connect(self, deadline=DEADLINE, source=None):
        """A connected TCP socket."""
        return socket.create_connection((self.address, self.port), deadline,
                                        (source, 0) if source else None)

    def tcp(self, *messages, deadline=DEADLINE):
        """Sends messages over one connection at once; returns as many responses, in arrival order."""
        with self.tcp_connect(deadline) as sock:
            sock.sendall(b"".join(framed(m) for m in messages))
            return [tcp_read_message(sock) for _ in messages]

    def ask(self, query, tcp=False, deadline=DEADLINE, tries=5):
        """Sends a dns.message and returns the response as one. UDP may lose, so it asks again."""
        wire = query.to_wire()
        if tcp:
            (data,) = self.tcp(wire, deadline=deadline)
        else:
            data = next(filter(None, (self.udp(wire, deadline / tries) for _ in range(tries))), None)
        if data is None:
            raise TimeoutError("no answer to %s from %s:%d" % (
                query.question[0] if query.question else query, self.address, self.port))
        response = dns.message.from_wire(data, raise_on_truncation=False)
        if response.id != query.id:
            raise ValueError("the answer has another id")
        return response

    def query(self, name, rdtype="A", tcp=False, deadline=DEADLINE, **how):
        """Asks by make_query(); a truncated answer over UDP is returned as it is."""
        return self.ask(make_query(name, rdtype, **how), tcp, deadline)


# --------------------------------------------------------------------------------------------------
# The program under test

class Mist(Server):
    """`mist serve`, as a context manager.

    config  a dict, or the text of the file; in a dict, what it leaves out of port (0), state
            directory and engine is filled in. None: no file at all, all by flags
    files   {name: text} written beside the configuration
    args    more arguments of `serve`
    env     its environment beyond PATH and HOME
    """

    def __init__(self, config=None, engine=None, args=(), env=None, files=None, keep=None):
        self.directory = keep or tempfile.mkdtemp(prefix="mist-test-")
        self.remove = keep is None
        self.state_dir = os.path.join(self.directory, "state")
        self.engine = engine or ENGINE
        self.args = list(args)
        self.env = environment(self.directory, env)
        self.process = None
        self.ready = None
        self.config_file = None
        for name, text in (files or {}).items():
            self.write(name, text)
        self.configure({} if config is None else config)

    def write(self, name, text):
        """Writes a file into the directory of the configuration, returns its path."""
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def configure(self, config):
        """Writes the configuration (anew; hup() makes the server read it)."""
        if isinstance(config, dict):
            config = {**config}
            config.setdefault("listen", {})
            config["listen"] = {"port": 0, **config["listen"]}
            config.setdefault("state_directory", self.state_dir)
            config.setdefault("engine", self.engine)
            config.setdefault("workers", 2)
            config = json.dumps(config, indent=1) + "\n"  # JSON is YAML
        self.config_file = self.write("mist.conf", config)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.explain()
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None and self.process is not None:
                self.stop()
        except BaseException:
            kind = True
            raise
        finally:
            if kind is not None:
                self.explain()
            self.close()

    def start(self):
        self.stderr_path = os.path.join(self.directory, "stderr")
        self.started = time.monotonic()
        with open(self.stderr_path, "ab") as stderr:
            self.process = self.launch(
                [program(), "serve", "-c", self.config_file, *self.args], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, env=self.env)
        line = read_line(self.process.stdout, self.process)
        self.ready = json.loads(line)
        if self.ready.get("event") != "ready":
            raise RuntimeError("instead of being ready: %s" % line)
        self.address = self.ready["address"]
        self.port = self.ready["port"]

    def launch(self, command, **how):
        """The process; for tests that start it in another way."""
        return subprocess.Popen(command, **how)

    def hup(self):
        """SIGHUP: read the configuration again. What shows that it did is for the test to wait for."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        """SIGTERM; the program must end by itself with exit code 0."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        code = end(process)
        if code != 0:
            raise RuntimeError("mist ended with %s after SIGTERM" % code)

    def cli(self, *args, check=True, **how):
        """Another verb of the program with the same configuration: its CompletedProcess."""
        verb, *rest = args
        return run(program(), verb, "-c", self.config_file, *rest, check=check, env=self.env,
                   cwd=self.directory, **how)

    @property
    def stderr(self):
        with open(self.stderr_path, errors="replace") as file:
            return file.read()

    def explain(self):
        """Shows what the program said; called when a test fails."""
        with contextlib.suppress(OSError):
            sys.stderr.write("--- stderr of mist (%s):\n%s---\n" % (self.engine, self.stderr[-8000:]))

    def close(self):
        if self.process is not None:
            process, self.process = self.process, None
            end(process, signal.SIGKILL)
        if self.remove:
            shutil.rmtree(self.directory, ignore_errors=True)


def environment(directory, more=None):
    """The environment of a program under test: nothing of ours but what it needs. Variables of the
    sanitizers are kept."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": directory,
           "XDG_STATE_HOME": os.path.join(directory, "xdg"),
           "MIST_CONTROL_SOCKET": os.path.join(directory, "mist.sock")}
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    env.update(more or {})
    return env


def mist_cli(*args, config=None, files=None, env=None, check=False):
    """Runs a verb of the program on its own, with a configuration if one is given."""
    with tempfile.TemporaryDirectory(prefix="mist-test-") as directory:
        for name, text in (files or {}).items():
            path = os.path.join(directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        args = list(args)
        if config is not None:
            path = os.path.join(directory, "mist.conf")
            with open(path, "w") as file:
                file.write(config if isinstance(config, str) else json.dumps(config))
            args[1:1] = ["-c", path]
        return run(program(), *args, check=check, cwd=directory, env=environment(directory, env))


def read_line(stream, process, deadline=None):
    """The first line a process prints, as text; an error when it ends or keeps silent instead, DEADLINE unless said."""
    deadline = DEADLINE if deadline is None else deadline
    finish = time.monotonic() + deadline
    data = b""
    while not data.endswith(b"\n"):
        ready, _, _ = select.select([stream], [], [], max(0, finish - time.monotonic()))
        if not ready:
            raise TimeoutError("no ready line in %d s" % deadline)
        octet = os.read(stream.fileno(), 1)
        if not octet:
            raise RuntimeError("it ended with %s before it was ready" % process.wait())
        data += octet
    return data.decode()


def end(process, how=None):
    """Waits for a process of ours to end, after the signal `how`; killed if it does not."""
    if how is not None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
    try:
        return process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "SIGKILL (it did not end by itself)"
    finally:
        if process.stdout:
            process.stdout.close()


def run(*args, check=True, input=None, cwd=None, env=None):
    """Runs a tool to its end; its output is in the error when it fails."""
    done = subprocess.run([str(a) for a in args], input=input, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=600, cwd=cwd,
                          env=env)
    if check and done.returncode != 0:
        raise RuntimeError("%s: exit code %d\n%s%s" % (" ".join(map(str, args)), done.returncode,
                                                       done.stdout[-4000:], done.stderr[-4000:]))
    return done


class Clock:
    """A wall clock that can be moved, as a context manager: `env` for the programs that shall see
    it, set(seconds) to move it. The monotonic clock stays."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="clock-")
        library, path = (os.path.join(self.directory, name) for name in ("clock.so", "offset"))
        run("cc", "-shared", "-fPIC", "-O1", "-o", library,
            os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock.c"))
        self.path = path
        self.set(0)
        self.env = {"LD_PRELOAD": library, "TEST_CLOCK_FILE": path, "ASAN_OPTIONS":
                    os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        return self

    def set(self, seconds):
        with open(self.path + ".new", "w") as file:
            file.write("%d\n" % seconds)
        os.rename(self.path + ".new", self.path)

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)


# --------------------------------------------------------------------------------------------------
# A name server that does as a script says

class Upstream(Server):
    """A scripted name server on UDP and TCP, as a context manager.

    handler(query, tcp) returns what to send: None (silence), a dns.message or octets, or a list of
    such and of pauses (see after()). Without a handler, `table` answers: {(name, type): [RRset
    texts] | rcode}, NXDOMAIN for what is not there.

    `packets` counts every datagram and every TCP connection, understood or not; `queries` are those
    understood, as (dns.message, "udp" | "tcp").
    """

    def __init__(self, handler=None, table=None, address=None):
        self.handler = handler or table_handler(table or {})
        self.packets = 0
        self.queries = []
        self.lock = threading.Lock()
        self.address, self.port = free_endpoint(address)
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self.udp_socket = socket.socket(family, socket.SOCK_DGRAM)
        self.udp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.udp_socket.bind((self.address, self.port))
        self.tcp_socket = socket.socket(family)
        self.tcp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp_socket.bind((self.address, self.port))
        self.tcp_socket.listen(64)
        self.ended = False

    @property
    def spec(self):
        """As an upstream is written in the configuration."""
        return ("[%s]:%d" if ":" in self.address else "%s:%d") % (self.address, self.port)

    def __enter__(self):
        for work in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended = True
        for sock in (self.udp_socket, self.tcp_socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def asked(self, name=None, rdtype=None, transport=None):
        """The queries seen for a name, a type, over a transport."""
        with self.lock:
            return [q for q, how in self.queries
                    if (name is None or q.question[0].name == dns.name.from_text(name))
                    and (rdtype is None or q.question[0].rdtype == dns.rdatatype.from_text(rdtype))
                    and transport in (None, how)]

    def count(self):
        with self.lock:
            self.packets += 1

    def replies(self, data, transport):
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return []
        with self.lock:
            self.queries.append((query, transport))
        result = self.handler(query, transport == "tcp")
        return [] if result is None else result if isinstance(result, list) else [result]

    def send(self, replies, one):
        """Sends replies by one(octets); pauses and what comes after them on a thread of their own."""
        for i, reply in enumerate(replies):
            if isinstance(reply, Pause):
                def later(rest=replies[i + 1:], pause=reply):
                    time.sleep(pause.seconds)
                    self.send(rest, one)
                threading.Thread(target=later, daemon=True).start()
                return
            with contextlib.suppress(OSError):
                one(reply if isinstance(reply, bytes) else reply.to_wire(max_size=65535))

    def serve_udp(self):
        while not self.ended:
            try:
                data, peer = self.udp_socket.recvfrom(65535)
            except OSError:
                continue
            if self.ended:
                return
            self.count()
            self.send(self.replies(data, "udp"), lambda d, p=peer: self.udp_socket.sendto(d, p))

    def serve_tcp(self):
        while not self.ended:
            try:
                connection, _ = self.tcp_socket.accept()
            except OSError:
                continue
            self.count()
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(DEADLINE)
            while True:
                data = tcp_read_message(connection)
                if data is None:
                    return
                self.send(self.replies(data, "tcp"), lambda d: connection.sendall(framed(d)))


class Pause:
    def __init__(self, seconds):
        self.seconds = seconds


def table_handler(table):
    """A handler that answers from {(name, type): [RRset texts] | rcode}; "*" stands for any type."""
    known = {(dns.name.from_text(n), t): v for (n, t), v in table.items()}

    def handler(query, _tcp):
        question = query.question[0]
        rdtype = dns.rdatatype.to_text(question.rdtype)
        value = known.get((question.name, rdtype), known.get((question.name, "*")))
        if value is None:
            exists = any(name == question.name for name, _ in known)
            value = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
        if isinstance(value, list):
            return answer_for(query, value)
        return answer_for(query, [], ["%s 60 IN SOA ns.invalid. host.invalid. 1 2 3 4 60"
                                      % question.name.parent()], rcode=value)
    return handler


def after(seconds, *replies):
    """The replies, that much later. (For upstreams that are slow; nothing asserts the time.)"""
    return [Pause(seconds), *replies]


def wrong_id(response):
    data = bytearray(response.to_wire(max_size=65535))
    data[0] ^= 0x55
    return bytes(data)


def wrong_question(response, name="other.invalid."):
    data = response.to_wire(max_size=65535)
    copy = dns.message.from_wire(data)
    copy.question = [dns.rrset.RRset(dns.name.from_text(name), dns.rdataclass.IN,
                                     response.question[0].rdtype)]
    return copy.to_wire(max_size=65535)


def truncated(query):
    """An empty answer with TC."""
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.TC
    return response


def large_answer(query, octets=65000, ttl=60):
    """TXT records until the message has about that many octets."""
    count = octets // 268
    return answer_for(query, ["%s %d IN TXT %s" % (query.question[0].name, ttl,
                                                  '"%05d%s"' % (i, "x" * 250))
                              for i in range(count)])


# --------------------------------------------------------------------------------------------------
# Other people's servers

class Peer(Server):
    """A daemon in the foreground, its files in a temporary directory, as a context manager.

    zones: {name: path of a master file}; endpoint: (address, port), when others have to know it before.
    Waits until the first zone, or `probe`, is answered."""
    program = None
    patience = DEADLINE     # seconds until it does

    def __init__(self, zones=None, address=None, **how):
        self.zones = zones or {}
        self.how = how
        self.directory = tempfile.mkdtemp(prefix="peer-")
        self.wanted = address
        self.process = None

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def __enter__(self):
        if shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise FileNotFoundError("%s is not installed" % self.program)
        try:
            for attempt in range(5):
                self.address, self.port = self.how.get("endpoint") or free_endpoint(self.wanted)
                with open(self.path("conf"), "w") as file:
                    file.write(self.config())
                self.started = time.monotonic()
                with open(self.path("log"), "wb") as log:
                    self.process = subprocess.Popen(
                        self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                        stderr=log, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                         **self.how.get("env", {})})
                if until(self.answers, "%s to answer" % self.program, self.patience) == "yes":
                    return self
            raise RuntimeError("%s ended at once" % self.program)
        except BaseException:
            sys.stderr.write("--- %s:\n%s---\n" % (self.program, self.log()[-4000:]))
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            end(self.process, signal.SIGTERM)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        try:
            with open(self.path("log"), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def answers(self):
        """"yes", "dead", or None: not yet."""
        if self.process.poll() is not None:
            return "dead"
        probe = self.how.get("probe") or next(iter(self.zones), ".")
        try:
            response = dns.message.from_wire(self.udp(make_query(probe, "SOA").to_wire(), 0.2) or b"")
        except (OSError, dns.exception.DNSException):
            return None
        return "yes" if response.rcode() == dns.rcode.NOERROR or not self.zones else None


class Knot(Peer):
    program = "knotd"

    def command(self):
        return ["knotd", "-c", self.path("conf")]

    def config(self):
        zones = "".join('  - domain: "%s"\n    file: "%s"\n' % (name, path)
                        for name, path in self.zones.items())
        return """
server:
    rundir: "%(dir)s"
    listen: %(address)s@%(port)d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
log:
  - target: stderr
    any: warning
database:
    storage: "%(dir)s"
template:
  - id: default
    storage: "%(dir)s"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
%(zones)s""" % {"dir": self.directory, "address": self.address, "port": self.port, "zones": zones}


class Nsd(Peer):
    program = "nsd"

    def command(self):
        return ["nsd", "-d", "-c", self.path("conf")]

    def config(self):
        # rrl-ratelimit: Debian builds it with a limit of 200 answers a second
        zones = "".join('zone:\n  name: "%s"\n  zonefile: "%s"\n' % (name, path)
                        for name, path in self.zones.items())
        return """
server:
  ip-address: %(address)s@%(port)d
  username: ""
  chroot: ""
  zonesdir: "%(dir)s"
  database: ""
  logfile: "%(dir)s/nsd.log"
  pidfile: "%(dir)s/nsd.pid"
  xfrdfile: "%(dir)s/xfrd.state"
  zonelistfile: "%(dir)s/zone.list"
  xfrdir: "%(dir)s"
  cookie-secret-file: ""
  server-count: 1
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  ipv4-edns-size: 1232
remote-control:
  control-enable: no
%(zones)s""" % {"dir": self.directory, "address": self.address, "port": self.port, "zones": zones}

    def log(self):
        try:
            with open(self.path("nsd.log"), errors="replace") as file:
                return super().log() + file.read()
        except OSError:
            return super().log()


class Bind(Peer):
    program = "named"

    def __init__(self, zones=None, address="127.0.0.1", **how):
        # it listens only on addresses that stand at an interface
        super().__init__(zones, address, **how)

    def command(self):
        return ["named", "-g", "-n", "1", "-c", self.path("conf")]

    def head(self, *options, notify="no"):
        """What its configurations begin with, and more options."""
        return """options {
    directory "%(dir)s";
    pid-file "%(dir)s/pid";
    session-keyfile "%(dir)s/session.key";
    listen-on port %(port)d { %(address)s; };
    listen-on-v6 { none; };
    recursion no;
    empty-zones-enable no;
    minimal-responses yes;
    notify %(notify)s;
    dnssec-validation no;
%(more)s};
controls { };
""" % {"dir": self.directory, "address": self.address, "port": self.port, "notify": notify,
       "more": "".join("    %s;\n" % option for option in options)}

    def config(self):
        return self.head() + "".join('zone "%s" { type primary; file "%s"; check-names ignore; };\n' % (name, path)
                                     for name, path in self.zones.items())


class Unbound(Peer):
    """A validating resolver. `stub`: {zone: server to ask}; `anchors`: lines of a trust-anchor file;
    `forward`: {zone: server}. It never leaves loopback: what no stub covers goes to `default`, the
    first server."""
    program = "unbound"

    def command(self):
        return ["unbound", "-d", "-c", self.path("conf")]

    def config(self):
        stubs = dict(self.how.get("stub") or {})
        forwards = dict(self.how.get("forward") or {})
        first = next(itertools.chain(stubs.values(), forwards.values()))
        if "." not in stubs and "." not in forwards:
            stubs["."] = self.how.get("default", first)
        with open(self.path("anchors"), "w") as file:
            file.write("".join(line.rstrip("\n") + "\n" for line in self.how.get("anchors", ())))
        zones = "".join(
            '%s-zone:\n  name: "%s"\n  %s-addr: %s@%d\n%s' % (
                kind, zone, kind, s.address, s.port, "  stub-prime: no\n" if kind == "stub" else "")
            for kind, table in (("stub", stubs), ("forward", forwards)) for zone, s in table.items())
        return """
server:
  interface: %(address)s@%(port)d
  access-control: 127.0.0.0/8 allow
  access-control: ::1 allow
  username: ""
  chroot: ""
  directory: "%(dir)s"
  pidfile: "%(dir)s/pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  num-threads: 1
  do-not-query-localhost: no
  root-hints: ""
  trust-anchor-file: "%(dir)s/anchors"
  module-config: "validator iterator"
  local-zone: "test." nodefault
  local-zone: "home.arpa." nodefault
  local-zone: "invalid." nodefault
  ede: yes
  infra-host-ttl: 1
  infra-keep-probing: yes
%(more)s
remote-control:
  control-enable: no
%(zones)s""" % {"dir": self.directory, "address": self.address, "port": self.port, "zones": zones,
                "more": self.how.get("more", "")}

    def judge(self, name, rdtype="A"):
        """("secure" | "insecure" | "bogus", response): AD says secure; SERVFAIL that goes away
        with CD says bogus."""
        query = make_query(name, rdtype, dnssec=True)
        query.flags |= dns.flags.AD
        response = self.ask(query)
        if response.rcode() == dns.rcode.SERVFAIL:
            query.flags |= dns.flags.CD
            unchecked = self.ask(query)
            return ("bogus" if unchecked.rcode() != dns.rcode.SERVFAIL else "failed"), response
        return ("secure" if response.flags & dns.flags.AD else "insecure"), response


@contextlib.contextmanager
def unbound_validate(server, zone, anchors, **how):
    """Unbound with `zone` as a stub zone at `server` and trust anchors for it: the Unbound, to be
    asked by judge()."""
    with Unbound(stub={zone: server}, anchors=anchors, **how) as peer:
        yield peer


# --------------------------------------------------------------------------------------------------
# Other people's tools

def delv(server, name, rdtype="A", anchor=None, zone=None, env=None):
    """What delv says of an answer: ("secure" | "insecure" | "negative secure" |
    "negative insecure" | the reason of its failure, all it printed). `anchor`: text for its
    trust-anchors file, `zone`: where the anchor is."""
    with tempfile.NamedTemporaryFile("w", suffix=".anchor") as file:
        file.write(anchor)
        file.flush()
        done = run("delv", "@" + server.address, "-p", server.port, "-a", file.name,
                   "+root=" + zone, "+multiline", name, rdtype, check=False,
                   env={**os.environ, **(env or {})})
    text = done.stdout + done.stderr
    for line in text.splitlines():
        verdict = {"; fully validated": "secure", "; unsigned answer": "insecure",
                   "; negative response, fully validated": "negative secure",
                   "; negative response, unsigned answer": "negative insecure"}.get(line.strip())
        if verdict:
            return verdict, text
    return text.strip().splitlines()[0] if text.strip() else "nothing", text


def dig(server, *args, check=True):
    return run("dig", "@" + server.address, "-p", server.port, "+time=20", *args, check=check).stdout


def kdig(server, *args, check=True):
    return run("kdig", "@" + server.address, "-p", server.port, "+timeout=20", *args,
               check=check).stdout


def drill(server, *args, check=True):
    return run("drill", "-p", server.port, *args, "@" + server.address, check=check).stdout


# --------------------------------------------------------------------------------------------------
# Many questions at once

class UdpClient:
    """Asks many questions over a few sockets with many in flight; loses none.

    ask(wires) yields (index, response octets) as they come. The first two octets of each wire are
    replaced by an id of ours and put back in the response."""

    def __init__(self, server, window=64, patience=2.0, tries=10):
        self.server = server
        self.window = window
        self.patience = patience   # seconds until a question is asked again
        self.tries = tries

    def ask(self, wires):
        family = socket.AF_INET6 if ":" in self.server.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.connect((self.server.address, self.server.port))
            sock.setblocking(False)
            todo = iter(enumerate(wires))
            flying = {}            # id -> [index, wire, when asked, times asked]
            next_id = RANDOM.randrange(65536)
            exhausted = False
            while flying or not exhausted:
                while not exhausted and len(flying) < self.window:
                    try:
                        index, wire = next(todo)
                    except StopIteration:
                        exhausted = True
                        break
                    while next_id in flying:
                        next_id = (next_id + 1) & 0xffff
                    flying[next_id] = [index, struct.pack("!H", next_id) + wire[2:],
                                       time.monotonic(), 1]
                    self.send(sock, flying[next_id][1])
                    next_id = (next_id + 1) & 0xffff
                select.select([sock], [], [], self.patience)
                yield from self.receive(sock, flying, wires)
                self.again(sock, flying)

    def receive(self, sock, flying, wires):
        while True:
            try:
                data = sock.recv(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if len(data) < 2:
                continue
            entry = flying.pop(struct.unpack("!H", data[:2])[0], None)
            if entry is not None:
                yield entry[0], wires[entry[0]][:2] + data[2:]

    def again(self, sock, flying):
        now = time.monotonic()
        for entry in flying.values():
            if now - entry[2] > self.patience:
                if entry[3] >= self.tries:
                    raise TimeoutError("no answer to %s" % entry[1].hex())
                entry[2], entry[3] = now, entry[3] + 1
                self.send(sock, entry[1])

    @staticmethod
    def send(sock, wire):
        try:
            sock.send(wire)
        except BlockingIOError:
            select.select([], [sock], [], 1)
            sock.send(wire)


def ask_all(server, wires, window=64):
    """The responses to all wires over UDP, in their order; truncated ones as they are."""
    responses = [None] * len(wires)
    for index, data in UdpClient(server, window).ask(wires):
        responses[index] = data
    return responses
