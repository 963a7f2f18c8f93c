"""A stub resolver that behaves as the one in pure Go (package net without cgo), whose rules these are:

    candidates  a name with a final dot is taken as it stands. Others are tried with each suffix of the search list,
                and as they stand: first if they have `ndots` dots or more, else last. One over 254 octets is left out,
                and so is one in .onion.
    questions   A and AAAA of a candidate at once, each by itself from a port of its own, with an OPT record that says
                1232; by TCP what comes truncated (or everything, with `use-vc`).
    a reply     counts if id and question are right. NXDOMAIN, or no record of the type asked for, ends the question:
                no such host. Every other rcode, REFUSED too, and an empty reply that is neither authoritative nor from
                a server that recurses, is the server's misbehaviour: the next server is asked, and then all of
                them again, `attempts` times in all.
    the answer  the addresses of both replies, whatever their owner, of the first candidate that has any. What fails
                with a candidate does not keep the next one from being tried.

From /etc/resolv.conf, read anew each time: nameserver (three), search, options ndots, timeout, attempts, use-vc.
"""
import concurrent.futures
import socket
import sys

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

NO_HOST, MISBEHAVING = "no such host", "server misbehaving"
PAYLOAD = 1232


class Failed(Exception):
    pass


class Config:
    def __init__(self, path="/etc/resolv.conf"):
        self.servers, self.search = [], []
        self.ndots, self.timeout, self.attempts, self.tcp = 1, 5, 2, False
        with open(path) as file:
            for words in map(str.split, file):
                self.take(words)

    def take(self, words):
        kind, *rest = words or [""]
        if kind == "nameserver" and len(self.servers) < 3:
            self.servers.append(rest[0])
        elif kind == "search":
            self.search = [suffix.rstrip(".") + "." for suffix in rest if suffix.rstrip(".")]
        elif kind == "options":
            for option, _, value in (word.partition(":") for word in rest):
                if option == "ndots":
                    self.ndots = min(max(int(value), 0), 15)
                elif option in ("timeout", "attempts"):
                    setattr(self, option, max(int(value), 1))
                elif option in ("use-vc", "usevc", "tcp"):
                    self.tcp = True

    def candidates(self, name):
        if name.endswith("."):
            return [name] if len(name) <= 254 else []
        if len(name) >= 254:
            return []
        alone, enough = [name + "."], name.count(".") >= self.ndots
        longer = [name + "." + suffix for suffix in self.search]
        longer = [one for one in longer if len(one) <= 254 and not one.endswith(".onion.")]
        return alone + longer if enough else longer + alone


def exchange(config, server, question):
    def over(transport):
        return transport(question, server, timeout=config.timeout)
    reply = over(dns.query.tcp if config.tcp else dns.query.udp)
    return over(dns.query.tcp) if reply.flags & dns.flags.TC else reply


def judge(reply, rdtype):
    """The addresses of a reply, or the error it means."""
    lame = not reply.answer and not reply.flags & (dns.flags.AA | dns.flags.RA) and reply.edns < 0
    if reply.rcode() == dns.rcode.NXDOMAIN:
        raise Failed(NO_HOST)
    if reply.rcode() != dns.rcode.NOERROR or lame:
        raise ValueError(MISBEHAVING)
    found = [rdata.address for rrset in reply.answer if rrset.rdtype == rdtype for rdata in rrset]
    if not found:
        raise Failed(NO_HOST)
    return found


def ask(config, name, rdtype):
    last = Failed(NO_HOST)
    for _ in range(config.attempts):
        for server in config.servers:
            question = dns.message.make_query(name, rdtype, use_edns=0, payload=PAYLOAD)
            try:
                return judge(exchange(config, server, question), rdtype)
            except (OSError, dns.exception.DNSException, ValueError) as error:
                last = Failed(MISBEHAVING if isinstance(error, ValueError) else "i/o: %s" % error)
    raise last


def lookup(name, family=0):
    """Sorted addresses; raises Failed."""
    config = Config()
    rdtypes = [rdtype for kind, rdtype in ((socket.AF_INET, dns.rdatatype.A), (socket.AF_INET6, dns.rdatatype.AAAA))
               if family in (0, kind)]
    error = Failed(NO_HOST)
    with concurrent.futures.ThreadPoolExecutor(len(rdtypes)) as pool:
        for candidate in config.candidates(name):
            addresses = []
            for one in [pool.submit(ask, config, candidate, rdtype) for rdtype in rdtypes]:
                try:
                    addresses += one.result()
                except Failed as failed:
                    error = failed
            if addresses:
                return sorted(set(addresses))
    raise error


def main(names):
    """A line of addresses for each name, empty for one that is not found."""
    for name in names:
        try:
            print(*lookup(name))
        except Failed:
            print()


if __name__ == "__main__":
    main(sys.argv[1:])
