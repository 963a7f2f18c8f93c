"""A primary that does what it is told to, and zones of which every record says of which version it is."""
import contextlib
import itertools
import struct

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

import harness
from moved import KEYRING, KEYS, transferred


def soa(zone, serial, refresh=3600, retry=1, expire=86400):
    return dns.rrset.from_text(zone, 300, "IN", "SOA", "ns.%s h.%s %d %d %d %d 60" % (
        zone, zone, serial, refresh, retry, expire))


def version(zone, serial, names=40, **timers):
    """A version of a zone, with its SOA at both ends: each record says which version it is of."""
    sets = [dns.rrset.from_text(zone, 300, "IN", "NS", "ns." + zone),
            dns.rrset.from_text("ns." + zone, 300, "IN", "A", "127.0.0.1"), *stamps(zone, serial, names)]
    return [soa(zone, serial, **timers), *sets, soa(zone, serial, **timers)]


def stamps(zone, serial, names):
    """The records of a version that are of no other."""
    return [dns.rrset.from_text("stamp." + zone, 300, "IN", "TXT", '"%d"' % serial)] + [
        dns.rrset.from_text("h%d.%s" % (i, zone), 300, "IN", "TXT", '"%d %s"' % (serial, "x" * 60))
        for i in range(names)]


def changes(zone, serial, names):
    """What leads to a version from the one before (RFC 1995 section 4)."""
    before, now = (soa(zone, number) for number in (serial - 1, serial))
    return [now, before, *stamps(zone, serial - 1, names), now, *stamps(zone, serial, names), now]


def message(query, sets, id=None, question=True):
    """An answer to a transfer, its records as they stand there, none twice or put together."""
    wire = struct.pack("!6H", query.id if id is None else id, 0x8400, int(question), sum(map(len, sets)), 0, 0)
    if question:
        wire += query.question[0].name.to_wire() + struct.pack("!2H", query.question[0].rdtype, 1)
    for rrset in sets:
        for rdata in rrset:
            octets = rdata.to_wire()
            wire += rrset.name.to_wire() + struct.pack("!2HIH", rrset.rdtype, 1, rrset.ttl, len(octets)) + octets
    return harness.framed(wire)


class Stream:
    """A transfer in many messages, of any version of any zone with a name of four characters under test.: the
    octets are worked out once, as that takes long, for version SERIAL of a zone; of() puts in others."""
    ZONE, SERIAL, EACH = "zzzz.test.", 1234567890, 12

    def __init__(self, rdtype, sets):
        query = dns.message.make_query(self.ZONE, rdtype, id=0)
        parts = [message(query, sets[i:i + self.EACH], question=i == 0) for i in range(0, len(sets), self.EACH)]
        self.octets = b"".join(parts)
        self.ids = list(itertools.accumulate(map(len, parts[:-1]), initial=2))  # where they stand

    def of(self, query, serial):
        octets = self.octets.replace(b"\4zzzz", query.question[0].name.to_wire()[:5])
        for old, new in ((self.SERIAL - 1, serial - 1), (self.SERIAL, serial)):
            octets = octets.replace(b"%d" % old, b"%010d" % new).replace(struct.pack("!I", old), struct.pack("!I", new))
        octets = bytearray(octets)
        for at in self.ids:
            struct.pack_into("!H", octets, at, query.id)
        return bytes(octets)


class Primary(harness.Upstream):
    """`serials` has the serial of each zone, `streams` what is sent for its transfers: a function of the query,
    which returns octets, or several of them, then the connection is closed."""

    def __init__(self, address=None):
        super().__init__(handler=self.answer, address=address)
        self.serials, self.streams, self.timers, self.transfers = {}, {}, {}, {}
        self.silent = self.refusing = False

    def answer(self, query, tcp):
        zone = query.question[0].name.to_text()
        if self.refusing:
            return harness.answer_for(query, rcode=dns.rcode.REFUSED, ra=False)
        if self.silent or zone not in self.serials:
            return None
        return harness.answer_for(query, [soa(zone, self.serials[zone], **self.timers.get(zone, {})).to_text()],
                                  aa=True, ra=False)

    def stream(self, query):
        zone = query.question[0].name.to_text()
        if zone in self.streams:
            return self.streams[zone](query)
        return message(query, version(zone, self.serials[zone], **self.timers.get(zone, {})))

    def serve_connection(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(harness.DEADLINE)
            data = harness.tcp_read_message(connection)
            if data is None or self.silent:
                return
            query = dns.message.from_wire(data, keyring=KEYRING)
            if query.question[0].rdtype == dns.rdatatype.SOA:
                connection.sendall(harness.framed(self.answer(query, True).to_wire()))
                return
            zone = query.question[0].name.to_text()
            with self.lock:
                self.transfers[zone] = self.transfers.get(zone, 0) + 1
            stream = self.stream(query)
            for part in [stream] if isinstance(stream, bytes) else stream:
                connection.sendall(part)

    def notify(self, server, zone, source=None):
        query = dns.message.make_query(zone, "SOA")
        query.set_opcode(dns.opcode.NOTIFY)
        query.flags |= dns.flags.AA
        data = server.udp(query.to_wire(), source=source or self.address)
        return dns.message.from_wire(data).rcode()


def stamp(server, zone):
    """The version that is served, or None."""
    response = server.query("stamp." + zone, "TXT", deadline=harness.DEADLINE)
    return int(response.answer[0][0].strings[0]) if response.answer else None


def served_version(server, zone, names=None):
    """The same of the whole zone: every record has to be of it, and there have to be so many names."""
    with contextlib.suppress(dns.exception.DNSException, EOFError, OSError):
        found = [rdata.strings[0].split()[0] for _, _, rdata in
                 transferred(server, zone).iterate_rdatas("TXT")]
        if len(set(found)) != 1:
            return "mixed"
        return int(found[0]) if names is None or len(found) == 1 + names else "half"
    return None


def zones_of(primary, names, **zone):
    return {"zones": [{"name": name, "primary": [primary.spec], "transfer": ["127.0.0.0/8"], **zone}
                      for name in names], "tsig": KEYS}
