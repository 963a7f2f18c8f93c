"""A zone each of whose versions is stamped, so that a client sees which version an answer is of, and the client that
looks: whether an answer is of one version, not older than what was committed when it was asked for, not newer than
what was begun when it came, never of an older version than the answer before, and validly signed.

Version n is 10.x.x.x at the name STAMP, a text there, and priority and weight of the SRV record at SERVICE, whose
answer brings that address along (bench/commits.c makes the same).
"""
import mmap
import socket
import struct
import threading
import time

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

import changing
import measure
import zones
from servers import harness

PERIOD = 0.01            # seconds between two questions
SOCKETS = 8              # that ask in turn, so that every worker is asked
LOST = 2.0               # seconds without an answer
MISSING = "svc-0000000"  # between names that are there
QUESTIONS = ((zones.STAMP, "A"), (zones.STAMP, "TXT"), (zones.SERVICE, "SRV"), (MISSING, "A"), ("", "SOA"))
TOLD = {"A": 1, "TXT": 1, "SRV": 2}      # records of an answer that tell the version


def stamps(version):
    """Of a version: the octets of the address, of the text, and of priority and weight."""
    return bytes([10]) + struct.pack("!I", version)[1:], b"%08d" % version, struct.pack("!I", version)


class Progress:
    """How far the one who changes the zone is, between processes: version begun last, version committed last."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 8)
        self.both = memoryview(self.memory).cast("I")

    begun = property(lambda self: self.both[0], lambda self, version: self.both.__setitem__(0, version))
    committed = property(lambda self: self.both[1], lambda self, version: self.both.__setitem__(1, version))


class Sampler(threading.Thread):
    """Asks while it is open, one question after the other, and keeps every answer; looks at the memory of the server
    every second."""

    def __init__(self, server, progress):
        super().__init__(daemon=True)
        self.server = server
        self.progress = progress
        self.over = threading.Event()
        self.lost = 0
        self.kept = []           # (which question, committed before, message, begun behind)
        self.memory = []         # octets

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        sockets = [changing.asking(self.server, LOST) for _ in range(SOCKETS)]
        queries = [harness.make_query(absolute(owner), kind, dnssec=True, rd=False).to_wire() for owner, kind in QUESTIONS]
        looked = 0.0
        while not self.over.wait(PERIOD):
            if time.monotonic() - looked >= 1:
                looked = time.monotonic()
                self.memory.append(measure.resident(self.server.pid))
            turn = len(self.kept) + self.lost
            self.ask(sockets[turn // len(queries) % SOCKETS], turn % len(queries), queries[turn % len(queries)])
        for sock in sockets:
            sock.close()

    def ask(self, sock, which, query):
        query = struct.pack("!H", (len(self.kept) + self.lost) & 0xffff) + query[2:]
        committed = self.progress.committed
        try:
            sock.send(query)
            message = sock.recv(4096)
            while message[:2] != query[:2]:      # to one that was given up
                message = sock.recv(4096)
            self.kept.append((which, committed, message, self.progress.begun))
        except OSError:                          # after LOST, or nobody is there
            self.lost += 1

    def judge(self):
        """({what: how many}, the first problems); of the server while it still runs."""
        keys = changing.keys_of(self.server)
        judge = Judge(keys)
        for each in self.kept:
            judge.look(*each)
        return {"samples": len(self.kept) + self.lost, "samples_lost": self.lost, "signatures": judge.signatures,
                "versions": len(judge.versions), "bad": len(judge.problems)}, judge.problems[:5]


def absolute(owner):
    return "%s.%s." % (owner, zones.ZONE) if owner else zones.ZONE + "."


def told(message):
    """The versions that the records of a message tell, one each."""
    for section in (message.answer, message.additional):
        for records in section:
            for record in records:
                if records.rdtype == dns.rdatatype.A:
                    yield int.from_bytes(b"\0" + socket.inet_aton(record.address)[1:], "big")
                elif records.rdtype == dns.rdatatype.TXT:
                    yield int(record.strings[0])
                elif records.rdtype == dns.rdatatype.SRV:
                    yield record.priority << 16 | record.weight


def wrong_question(owner, kind, message):
    asked = [(each.name.to_text(), dns.rdatatype.to_text(each.rdtype)) for each in message.question]
    if asked != [(absolute(owner), kind)]:
        yield "another question: %s" % asked


def serials(message):
    return [record.serial for section in (message.answer, message.authority) for records in section
            if records.rdtype == dns.rdatatype.SOA for record in records]


def covered(name, authority):
    """Whether an NSEC record says that there is no such name (RFC 4034 section 4)."""
    return any(records.name < name and (name < record.next or record.next <= records.name)
               for records in authority if records.rdtype == dns.rdatatype.NSEC for record in records)


class Judge:
    """Of answers in the order in which they came."""

    def __init__(self, keys):
        self.keys = keys
        self.zone = dns.name.from_text(zones.ZONE)
        self.version = 0
        self.serial = None
        self.versions = set()
        self.signatures = 0
        self.problems = []

    def look(self, which, committed, wire, begun):
        owner, kind = QUESTIONS[which]
        try:
            message = dns.message.from_wire(wire)
            wrong = [*wrong_question(owner, kind, message), *self.wrong_version(owner, kind, message, committed, begun),
                     *self.wrong_serial(owner, kind, message), *self.wrong_signatures(message)]
        except Exception as error:  # whatever a broken message makes the parser say
            wrong = [str(error) or type(error).__name__]
        self.problems += ["%s %s: %s" % (absolute(owner), kind, each) for each in wrong]

    def wrong_version(self, owner, kind, message, committed, begun):
        if owner not in (zones.STAMP, zones.SERVICE):
            return
        versions = list(told(message))
        if len(versions) != TOLD[kind]:
            yield "%d records tell the version" % len(versions)
        elif len(set(versions)) > 1:
            yield "versions %s in one answer" % versions
        elif not committed <= versions[0] <= begun:
            yield "version %d, when %d was committed before and %d begun behind" % (versions[0], committed, begun)
        elif versions[0] < self.version:
            yield "version %d after %d" % (versions[0], self.version)
        else:
            self.version = versions[0]
            self.versions.add(versions[0])

    def wrong_serial(self, owner, kind, message):
        missing = owner == MISSING
        if message.rcode() != (dns.rcode.NXDOMAIN if missing else dns.rcode.NOERROR):
            yield dns.rcode.to_text(message.rcode())
        if missing and not covered(dns.name.from_text(absolute(owner)), message.authority):
            yield "no NSEC covers it"
        found = serials(message)
        if (missing or kind == "SOA") and len(found) != 1:
            yield "%d SOA records" % len(found)
        for serial in found:
            if self.serial is not None and (serial - self.serial) & 0xffffffff >= 1 << 31:    # RFC 1982
                yield "serial %d after %d" % (serial, self.serial)
            self.serial = serial

    def wrong_signatures(self, message):
        for section in (message.answer, message.authority, message.additional):
            yield from changing.unsigned(section, self.keys, self.zone)
            self.signatures += sum(len(records) for records in section if records.rdtype == dns.rdatatype.RRSIG)
