"""Valid zones, and questions about them, by seed.

    zone = Zone(seed)          the same seed always gives the same zone
    zone.text                  its master file
    zone.questions(n, seed)    n questions: (name, type), of every kind of name it has and has not
    sign(path, ...)            signs a master file with other people's tools

A zone holds what real zones hold and what breaks servers: every common type and unknown ones,
wildcards at several depths, empty non-terminals, CNAME chains (in the zone, out of it, dangling,
through wildcards, in a circle), DNAMEs, delegations signed and not, with glue and without, data
occluded by them, mixed case, escaped and long labels.
"""
import base64
import os
import random

import dns.name
import dns.rdatatype

import harness

PLAIN = ["a", "b", "c", "d", "www", "mail", "ftp", "x1", "_tcp", "_443", "_sip", "Mixed", "CASE",
         "host-7", "0", "xn--bcher-kva"]
ODD = ["with\\.dot", "\\000", "sp\\032ace", "\\255\\200", "semi\\;colon", "at\\@sign", "quote\\\"",
       "L" * 63, "back\\\\slash", "-"]
UNESCAPED = ["at\\@sign", "quote\\\""]
OUTSIDE = ["ns.example.net.", "target.Example.com.", "a.b.c.d.example.org.", "."]
TYPES = ["A", "AAAA", "MX", "TXT", "SRV", "PTR", "CAA", "TLSA", "SSHFP", "NAPTR", "HINFO", "RP",
         "AFSDB", "LOC", "SVCB", "HTTPS", "URI", "OPENPGPKEY", "EUI48", "EUI64", "KX", "SPF",
         "TYPE65400", "TYPE1234", "CERT", "DHCID", "NID", "L64"]
ASKED = TYPES + ["SOA", "NS", "CNAME", "DNAME", "DS", "DNSKEY", "NSEC", "A", "A", "A", "AAAA", "TXT",
                 "MX", "TYPE65280", "CDS", "NSEC3PARAM"]


class Zone:
    """`plain` leaves out the two characters that ldns-signzone writes without their backslash."""

    def __init__(self, seed, apex=None, size=60, plain=False):
        self.random = random.Random("zone %s" % seed)
        r = self.random
        self.apex = dns.name.from_text(apex or r.choice(
            ["z%d.example.", "Z%d.Example.", "deep.er.z%d.example.", "_under.z%d.example."]) % seed)
        self.odd = [label for label in ODD if not plain or label not in UNESCAPED]
        self.nodes = {}        # name -> {type: (ttl, [rdata text])}
        self.closed = set()    # names below which nothing more may be put: cuts, DNAMEs
        self.taken = set()     # names with a CNAME: nothing may stand beside it
        self.cuts, self.dnames, self.wildcards, self.hosts = [], [], [], []
        self.make(size)
        self.text = self.to_text()

    # ---- building

    def child(self, parent, label):
        """parent with a label in front; None when that is too long."""
        try:
            return dns.name.from_text(label, parent)
        except dns.name.NameTooLong:
            return None

    def free(self, name):
        """Whether data may be put at `name`: inside, not below a cut or DNAME, no CNAME there."""
        if name is None or name in self.taken or name in self.closed:
            return False
        up = name
        while up != self.apex:
            up = up.parent()
            if up in self.closed:
                return False
        return True

    def has_below(self, name):
        return any(other != name and other.is_subdomain(name) for other in self.nodes)

    def label(self):
        r = self.random
        return r.choice(self.odd) if r.random() < 0.08 else r.choice(PLAIN)

    def place(self):
        """A random free name, at times with empty non-terminals above it."""
        r = self.random
        while True:
            name = r.choice(sorted(self.nodes)) if r.random() < 0.7 else self.apex
            for _ in range(r.choice([1, 1, 1, 2, 3])):
                name = name and self.child(name, self.label())
            if self.free(name) and name != self.apex:
                return name

    def new_place(self):
        """A free name with no data there or below."""
        while True:
            name = self.place()
            if name not in self.nodes and not self.has_below(name):
                return name

    def put(self, name, rdtype, *rdatas, ttl=None):
        ttl = self.random.choice([0, 60, 300, 3600, 86400]) if ttl is None else ttl
        _, known = self.nodes.setdefault(name, {}).setdefault(rdtype, (ttl, []))
        known.extend(d for d in rdatas if d not in known)

    def address(self):
        return "192.0.2.%d" % self.random.randrange(1, 255)

    def somewhere(self):
        """The text of a host in the zone, or of one outside."""
        r = self.random
        return r.choice(OUTSIDE[:3]) if r.random() < 0.3 else r.choice(self.hosts).to_text()

    def data(self, name, rdtype):
        r = self.random
        blob = bytes(r.randrange(256) for _ in range(r.choice([1, 4, 20, 33])))
        some = {
            "A": self.address,
            "AAAA": lambda: "2001:db8::%x" % r.randrange(1, 65536),
            "MX": lambda: "%d %s" % (r.randrange(100), self.somewhere()),
            "TXT": lambda: " ".join('"%s"' % ("t%d" % r.randrange(100) * r.choice([1, 9, 80]))[:255]
                                    for _ in range(r.choice([1, 1, 2, 5]))),
            "SPF": lambda: '"v=spf1 -all"',
            "SRV": lambda: "%d %d %d %s" % (r.randrange(9), r.randrange(9), r.randrange(65536),
                                           self.somewhere()),
            "PTR": self.somewhere,
            "CAA": lambda: '%d issue "ca%d.invalid"' % (r.choice([0, 128]), r.randrange(9)),
            "TLSA": lambda: "3 1 1 " + blob.ljust(32, b"x")[:32].hex(),
            "SSHFP": lambda: "4 2 " + blob.ljust(32, b"y")[:32].hex(),
            "NAPTR": lambda: '%d 10 "u" "E2U+sip" "!^.*$!sip:x@invalid!" .' % r.randrange(99),
            "HINFO": lambda: '"cpu %d" "os"' % r.randrange(9),
            "RP": lambda: "%s %s" % (self.somewhere(), self.somewhere()),
            "AFSDB": lambda: "%d %s" % (r.randrange(1, 3), self.somewhere()),
            "LOC": lambda: "52 %d 18.000 N 4 53 55.000 E 2.00m 1m 10000m 10m" % r.randrange(60),
            "SVCB": lambda: "%d %s %s" % (r.randrange(1, 9), self.somewhere(),
                                         r.choice(["", "alpn=h2,h3", "port=%d" % r.randrange(9999),
                                                   "ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"])),
            "HTTPS": lambda: r.choice(["0 " + self.somewhere(), "1 . alpn=h2 port=%d"
                                       % r.randrange(9999)]),
            "URI": lambda: '%d 1 "https://invalid/%d"' % (r.randrange(9), r.randrange(99)),
            "OPENPGPKEY": lambda: base64.b64encode(blob).decode(),
            "EUI48": lambda: "00-00-5e-00-53-%02x" % r.randrange(256),
            "EUI64": lambda: "00-00-5e-ef-10-00-00-%02x" % r.randrange(256),
            "KX": lambda: "%d %s" % (r.randrange(9), self.somewhere()),
            "CERT": lambda: "1 %d 8 %s" % (r.randrange(65536), base64.b64encode(blob).decode()),
            "DHCID": lambda: base64.b64encode(b"\0\1\1" + blob.ljust(32)[:32]).decode(),
            "NID": lambda: "%d 1014:4fff:ff20:ee%02x" % (r.randrange(99), r.randrange(256)),
            "L64": lambda: "%d 2001:1db8:1140:1%03x" % (r.randrange(99), r.randrange(4096)),
        }.get(rdtype)
        if some is None:  # RFC 3597
            return "\\# %d %s" % (len(blob), blob.hex())
        return some()

    def fill(self, name, count):
        """Some types at a name."""
        r = self.random
        for rdtype in r.sample(TYPES, count) + (["A"] if r.random() < 0.5 else []):
            self.put(name, rdtype, *{self.data(name, rdtype) for _ in range(r.choice([1, 1, 2, 4]))})
            if rdtype in ("A", "AAAA") and not name.is_wild():
                self.hosts.append(name)

    def make(self, size):
        r = self.random
        apex = self.apex
        minimum = r.choice([0, 30, 300, 7200])
        self.put(apex, "SOA", "ns1.%s Host\\.Master.%s 1 7200 3600 1209600 %d" % (apex, apex, minimum),
                 ttl=r.choice([60, 600, 3600]))
        ns = self.child(apex, "ns1")
        self.hosts.append(ns)
        self.put(ns, "A", self.address())
        self.put(ns, "AAAA", "2001:db8::53")
        self.put(apex, "NS", ns.to_text(), "ns.example.net.", ttl=3600)
        self.fill(apex, r.randrange(4))
        for _ in range(size):
            self.fill(self.place(), r.choice([1, 1, 2, 3]))
        for _ in range(size // 10):
            self.make_wildcard()
        for _ in range(size // 10):
            self.make_cut()
        for _ in range(size // 20):
            self.make_dname()
        for _ in range(size // 6):
            self.make_cname()
        self.make_circle()

    def make_wildcard(self):
        r = self.random
        parent = r.choice([self.apex, self.place(), self.place()])
        name = self.child(parent, "*")
        if not self.free(name):
            return
        self.wildcards.append(name)
        if r.random() < 0.25 and name not in self.nodes:
            self.put(name, "CNAME", self.somewhere())
            self.taken.add(name)
        else:
            self.fill(name, r.choice([1, 2]))
        if r.random() < 0.4:  # names inside the wildcard's reach that switch it off (RFC 4592)
            inside = self.child(parent, self.label())
            if self.free(inside):
                self.fill(inside, 1)
        if r.random() < 0.2:  # a name below the asterisk itself
            below = self.child(name, self.label())
            if self.free(below):
                self.fill(below, 1)

    def make_cut(self):
        r = self.random
        cut = self.new_place()
        self.closed.add(cut)
        self.cuts.append(cut)
        below = self.child(cut, "ns")
        servers = r.sample([below, r.choice(self.hosts), dns.name.from_text(OUTSIDE[0])],
                           r.choice([1, 2, 3]))
        self.put(cut, "NS", *[s.to_text() for s in servers])
        if below is not None and (below in servers or r.random() < 0.3):
            self.put(below, "A", self.address())
            if r.random() < 0.5:
                self.put(below, "AAAA", "2001:db8::%x" % r.randrange(1, 9999))
        if r.random() < 0.5:
            self.put(cut, "DS", "%d 13 2 %s" % (r.randrange(65536), "%064x" % r.getrandbits(256)))
        if r.random() < 0.3:  # occluded
            hidden = self.child(cut, self.label())
            if hidden is not None and hidden not in servers:
                self.put(hidden, "TXT", '"occluded"')
            self.put(cut, "TXT", '"occluded too"')

    def make_dname(self):
        r = self.random
        name = self.new_place()
        self.closed.add(name)
        self.dnames.append(name)
        self.put(name, "DNAME", r.choice([r.choice(self.hosts).parent(), r.choice(self.hosts),
                                          dns.name.from_text(OUTSIDE[1])]).to_text())
        if r.random() < 0.3:
            self.put(name, "TXT", '"beside a DNAME"')

    def make_cname(self):
        r = self.random
        name = self.new_place()
        below = lambda up: self.child(up, self.label())  # noqa: E731
        targets = [r.choice(self.hosts), r.choice(sorted(self.nodes)), self.apex,
                   dns.name.from_text(r.choice(OUTSIDE[:3])), below(self.apex),
                   below(r.choice(self.hosts))]
        if self.wildcards:
            targets.append(below(r.choice(self.wildcards).parent()))
        targets += [below(x) for x in (self.dnames + self.cuts)[-3:]]
        target = r.choice(targets) or self.apex
        if target != name:
            self.put(name, "CNAME", target.to_text())
            self.taken.add(name)

    def make_circle(self):
        circle = [self.child(self.apex, "circle%d" % i) for i in range(self.random.choice([1, 2, 3]))]
        for i, name in enumerate(circle):
            self.put(name, "CNAME", circle[(i + 1) % len(circle)].to_text(), ttl=60)
            self.taken.add(name)

    def to_text(self):
        lines = []
        for name in sorted(self.nodes, key=lambda n: (n != self.apex, n)):
            for rdtype, (ttl, rdatas) in sorted(self.nodes[name].items(),
                                                key=lambda item: (item[0] != "SOA", item[0])):
                lines += ["%s %d IN %s %s" % (name.to_text(), ttl, rdtype, d) for d in rdatas]
        return "\n".join(lines) + "\n"

    # ---- asking

    def questions(self, count, seed=0):
        """count questions as (dns.name.Name with some case, type as text)."""
        r = random.Random("questions %s %s" % (self.apex, seed))
        names = sorted(self.nodes)
        inner = sorted({up for n in names for up in ancestors(n, self.apex)} - set(names))
        for _ in range(count):
            kind = r.random()
            if kind < 0.35:
                name = r.choice(names)
            elif kind < 0.45 and inner:
                name = r.choice(inner)
            elif kind < 0.6 and self.wildcards:
                name = r.choice(self.wildcards).parent()
                for _ in range(r.choice([1, 1, 2, 3])):
                    name = self.below(name, r)
            elif kind < 0.7 and self.cuts + self.dnames:
                name = r.choice(self.cuts + self.dnames)
                for _ in range(r.choice([0, 0, 1, 2])):
                    name = self.below(name, r)
            elif kind < 0.75 and self.taken:
                name = r.choice(sorted(self.taken))
            else:
                name = r.choice(names + inner + [self.apex])
                for _ in range(r.choice([1, 1, 2])):
                    name = self.below(name, r)
            if name in self.nodes and r.random() < 0.5:
                rdtype = r.choice(sorted(self.nodes[name]))
            else:
                rdtype = r.choice(ASKED)
            yield random_case(name, r) if r.random() < 0.3 else name, rdtype

    def below(self, name, r):
        label = r.choice(PLAIN + ODD + ["*", "*", "nope", "zzz", "\\001", "~"])
        return self.child(name, label) or name


def ancestors(name, apex):
    """The names between `name` and `apex`, both left out."""
    while name != apex and name.parent() != apex:
        name = name.parent()
        yield name


def random_case(name, r):
    return dns.name.Name([bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 and r.random() < 0.5 else c
                                for c in label) for label in name.labels])


def make_key(directory, apex, algorithm="ECDSAP256SHA256"):
    """A combined signing key in `directory`; the path of its files without suffix."""
    base = harness.run("dnssec-keygen", "-q", "-K", directory, "-a", algorithm, "-f", "KSK",
                       apex).stdout.strip()
    return os.path.join(directory, base)


def sign(path, apex, denial="nsec", tool="bind", key=None, salt="abcd", iterations=0):
    """Signs the master file with one key: the path of the signed file.

    denial: nsec, nsec3, or nsec3-optout; tool: bind (dnssec-signzone) or ldns (ldns-signzone)."""
    directory = os.path.dirname(path)
    key = key or make_key(directory, apex)
    signed = "%s.%s" % (path, denial)
    if tool == "bind":
        how = {"nsec": [], "nsec3": ["-3", salt or "-", "-H", iterations],
               "nsec3-optout": ["-3", salt or "-", "-H", iterations, "-A"]}[denial]
        with open(path) as plain, open(path + ".keyed", "w") as keyed, open(key + ".key") as public:
            keyed.write(plain.read() + public.read())
        harness.run("dnssec-signzone", "-q", "-z", "-P", "-K", directory, "-o", apex, "-f", signed,
                    *how, path + ".keyed", key, cwd=directory)
    else:
        how = {"nsec": [], "nsec3": ["-n", "-s", salt, "-t", iterations],
               "nsec3-optout": ["-n", "-p", "-s", salt, "-t", iterations]}[denial]
        harness.run("ldns-signzone", *how, "-o", apex, "-f", signed, path, key, cwd=directory)
    return signed


if __name__ == "__main__":
    import sys
    print(Zone(int(sys.argv[1])).text, end="")
