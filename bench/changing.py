"""Servers whose zone changes while they serve, and the one who changes it: one record at a time, over one TCP
connection, asking meanwhile for the zone's serial until it is a new one.

Everybody serves the same zone, signed here with one P-256 key (CSK), NSEC; updates are let through by address, so
that nobody's MACs are measured; and everybody has a change on disk before it is acknowledged, as is their default.
"""
import os
import socket
import statistics
import struct
import time

import dns.dnssec
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update

import servers
import zones
from servers import harness

NAMES = "svc-%07d.namespace"
SIGNING = 900            # seconds until a server answers that signs a million names first
SOCKETS = 3              # of each CPU: a kernel that spreads by hash misses one of two workers once in 2^5 times
LOST = 1.0               # seconds until a question is asked again
PATIENCE = 60            # seconds until a change has to be there
KINDS = 3                # of changes: see Changer
ENOUGH = 5               # seconds of changes in a run, whatever their number: some servers take one for each
CLIENTS = "127.0.0.0/8"


def write_zone(path, size, names=NAMES, more=""):
    with open(path, "w") as file:
        file.write("$ORIGIN %s.\n$TTL 300\n@ SOA %s\n@ NS ns\nns A 127.0.0.1\n%s" % (zones.ZONE, zones.SOA, more))
        file.writelines((names + " A 127.0.0.1\n") % i for i in range(size))
    return path


class Knot(servers.Tuned, harness.Knot):
    """With room in its journal: else it takes no zone whose signatures are more than 100 MiB (a million names), and
    puts 20 changes and those signatures together to one."""
    patience = SIGNING

    def config(self):
        return """server:
    rundir: "%(dir)s"
    listen: %(address)s@%(port)d
    udp-workers: %(workers)d
    tcp-workers: %(workers)d
    background-workers: %(workers)d
    tcp-reuseport: on
log:
  - target: stderr
    any: warning
database:
    storage: "%(dir)s"
    journal-db-max-size: 8G
acl:
  - id: local
    address: %(clients)s
    action: [update, transfer]
policy:
  - id: csk
    algorithm: ecdsap256sha256
    single-type-signing: on
    signing-threads: %(workers)d
template:
  - id: default
    storage: "%(dir)s"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
    journal-max-usage: 4G
    journal-max-depth: 1000000
zone:
  - domain: "%(zone)s"
    file: "%(file)s"
    dnssec-signing: on
    dnssec-policy: csk
    acl: local
""" % self.values(clients=CLIENTS)


class Bind(servers.Tuned, harness.Bind):
    """Signed beforehand with its own tools and its own key: it signs a zone it loads a hundred names at a time."""
    patience = SIGNING

    def command(self):
        if not os.path.exists(self.path("signed")):
            self.sign()
        return ["named", "-g", "-n", str(self.workers()), "-c", self.path("conf")]

    def sign(self):
        harness.run("dnssec-keygen", "-q", "-K", self.directory, "-l", self.path("conf"), "-k", "csk", zones.ZONE)
        harness.run("dnssec-signzone", "-q", "-S", "-z", "-P", "-K", self.directory, "-o", zones.ZONE, "-N", "keep", "-f",
                    self.path("signed"), next(iter(self.zones.values())), cwd=self.directory)

    def config(self):
        return self.head("reuseport yes") + """logging { category default { null; }; };
dnssec-policy csk { keys { csk lifetime unlimited algorithm ecdsap256sha256; }; };
zone "%(zone)s" {
    type primary;
    file "%(dir)s/signed";
    key-directory "%(dir)s";
    dnssec-policy csk;
    allow-update { %(clients)s; };
    allow-transfer { %(clients)s; };
    check-names ignore;
};
""" % self.values(clients=CLIENTS)


def make(name, path, workers):
    """The server of that name, not yet started; None where it is not installed."""
    if name == "mist":
        return servers.Mist({"workers": workers, "zones": [
            {"name": zones.ZONE, "file": path, "update": [CLIENTS], "transfer": [CLIENTS]}]}, engine="auto")
    kind = {"knot": Knot, "bind": Bind}[name]
    return kind({zones.ZONE: path}, workers=workers, probe=zones.ZONE) if servers.installed(kind) else None


def asking(server, seconds=LOST):
    """A socket of its own to ask with, which waits so long for an answer."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(seconds)
    sock.connect((server.address, server.port))
    return sock


def keys_of(server):
    return next(s for s in server.query(zones.ZONE, "DNSKEY", dnssec=True, tcp=True).answer
                if s.rdtype == dns.rdatatype.DNSKEY)


def serial_of(answer, question):
    """Of an answer to a question for the SOA whose first record is that; None for any other."""
    at = len(question)
    if len(answer) < at + 12 or answer[3] & 15 or answer[6:8] == b"\0\0" or answer[at:at + 4] != b"\xc0\x0c\0\x06":
        return None
    end = at + 12 + struct.unpack_from("!H", answer, at + 10)[0]
    return struct.unpack_from("!I", answer, end - 20)[0]


class Changer:
    """Of one server. A change is, in turns, another address for a name, a new name, and its removal."""

    def __init__(self, server, size):
        self.server = server
        self.size = size
        self.count = 0
        self.question = harness.make_query(zones.ZONE, "SOA", rd=False).to_wire()
        self.sockets = {cpu: [asking(server) for _ in range(SOCKETS)] for cpu in sorted(os.sched_getaffinity(0))}
        self.tcp = None
        self.serial = self.settled()
        self.changed = []        # (name, address, or None: not there)

    def ask(self, sock):
        while True:
            sock.send(self.question)
            try:
                return serial_of(sock.recv(4096), self.question)
            except socket.timeout:
                pass

    def settled(self):
        """The serial, once the zone is signed and has not changed for a second."""
        sock = next(iter(self.sockets.values()))[0]

        def look():
            signed = self.server.query(zones.ZONE, "NSEC", dnssec=True)
            serial = self.ask(sock)
            time.sleep(1)
            return serial == self.ask(sock) and len(signed.answer) == 2 and serial
        return harness.until(look, "the zone to be signed", 600)

    def update(self):
        """The next change as a message, and (name, address or None) of what is to be found then."""
        number, way = divmod(self.count, KINDS)
        address = "10.%d.%d.%d" % (self.count >> 16 & 255, self.count >> 8 & 255, self.count & 255)
        owner = NAMES % (number * 7919 % self.size) if way == 0 else "new-%07d.namespace" % number
        message = dns.update.UpdateMessage(zones.ZONE)
        if way == 0:
            message.replace(owner, 300, "A", address)
        elif way == 1:
            message.add(owner, 300, "A", address)
        else:
            message.delete(owner)
        self.count += 1
        return message.to_wire(), (owner, None if way == 2 else address)

    def change(self):
        """Microseconds from sending to the first new answer, to one on every socket, and to the acknowledgement."""
        message, wanted = self.update()
        cpus = list(self.sockets)
        try:
            first = self.sockets[cpus[0]][0]
            begin = time.perf_counter()
            self.tcp.sendall(harness.framed(message))
            while self.ask(first) == self.serial:
                if time.perf_counter() - begin > PATIENCE:
                    raise RuntimeError("an update has no answer yet: %s" % message.hex())
            seen = time.perf_counter()
            for cpu in cpus:         # a server may steer by the CPU that a question comes from
                os.sched_setaffinity(0, {cpu})
                for sock in self.sockets[cpu]:
                    while True:
                        serial = self.ask(sock)
                        if serial != self.serial:
                            break
            everywhere = time.perf_counter()
            reply = harness.tcp_read_message(self.tcp)
            end = time.perf_counter()
        finally:
            os.sched_setaffinity(0, cpus)
        if not reply or reply[3] & 15:
            raise RuntimeError("an update was not taken: %r" % (reply,))
        self.serial = serial
        self.changed.append(wanted)
        return [(each - begin) * 1e6 for each in (seen, everywhere, end)]

    def written(self):
        with open("/proc/%d/io" % self.server.pid) as file:
            return int(dict(line.split(": ") for line in file)["write_bytes"])

    def connect(self):
        """Anew for each turn: servers close connections that were idle for the turns of the others."""
        if self.tcp:
            self.tcp.close()
        self.tcp = self.server.tcp_connect()
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self, count):
        """Figures of so many changes, or of fewer when the time is over, but then as many of each kind."""
        self.connect()
        before, end, found = self.written(), time.monotonic() + ENOUGH, []
        while len(found) < count and (len(found) % KINDS or not found or time.monotonic() < end):
            found.append(self.change())
        first, everywhere, acknowledged = zip(*found)
        return {"first": first, "everywhere": everywhere, "p50": statistics.median(first),
                "everywhere_p50": statistics.median(everywhere), "acknowledged_p50": statistics.median(acknowledged),
                "written": (self.written() - before) / len(found)}

    def signatures(self):
        """Made for a change, on the average of three different ones: what IXFR says was added."""
        self.connect()
        made = 0
        for _ in range(KINDS):
            before = self.serial
            self.change()
            made += sum(record.rdtype == dns.rdatatype.RRSIG for record in self.added(before))
        return made / KINDS

    def added(self, serial):
        """Records that came after a serial. An IXFR has them behind every second SOA but the first (RFC 1995)."""
        starts = 0
        for message in dns.query.xfr(self.server.address, zones.ZONE, "IXFR", port=self.server.port, serial=serial,
                                     relativize=False, timeout=60):
            for record in message.answer:
                starts += record.rdtype == dns.rdatatype.SOA
                if starts > 1 and starts % 2 == 1:
                    yield record

    def invalid(self, sample=30):
        """What is wrong with the answers about the names that changed last."""
        zone = dns.name.from_text(zones.ZONE)
        keys = keys_of(self.server)
        wrong = []
        for owner, address in self.changed[-sample:]:
            if (owner, address) != next(each for each in reversed(self.changed) if each[0] == owner):
                continue             # there were changes to it later
            answer = self.server.query("%s.%s" % (owner, zones.ZONE), "A", dnssec=True, tcp=True)
            if harness.texts(answer.answer, "A") != ([address] if address else []):
                wrong.append("%s: %s" % (owner, answer.answer))
            if (answer.rcode() == dns.rcode.NXDOMAIN) != (address is None):
                wrong.append("%s: %s" % (owner, dns.rcode.to_text(answer.rcode())))
            wrong += [each for section in (answer.answer, answer.authority) for each in unsigned(section, keys, zone)]
        return wrong

    def close(self):
        for sock in sum(self.sockets.values(), [self.tcp] if self.tcp else []):
            sock.close()


def unsigned(section, keys, zone):
    """The sets of a section that no valid signature covers."""
    for records in section:
        if records.rdtype == dns.rdatatype.RRSIG:
            continue
        signatures = next((s for s in section if s.name == records.name and s.rdtype == dns.rdatatype.RRSIG and
                           s.covers == records.rdtype), None)
        try:
            dns.dnssec.validate(records, signatures, {zone: keys})
        except (dns.dnssec.ValidationFailure, AttributeError) as error:
            yield "%s %s: %s" % (records.name, dns.rdatatype.to_text(records.rdtype), error)
