"""What is served and what is asked: one zone for everybody, and query files with what must come back.

The zone, editor.land, has `size` names of each kind:

    svc-0000001.namespace   A, the stubs' name: 51 octets asked, 67 answered
    a1 s1 t1 h1 x1          A, AAAA, two A, HTTPS, TXT at short names
    long-...1               A and AAAA at a name of 79 octets
    no1, not-there-...1     not there

It has no wildcard. HTTPS is written as RFC 3597 has it, which every server here reads.
"""
import os
import random

ZONE = "editor.land"
SOA = "ns.%s. hostmaster.%s. 1 7200 900 1209600 300" % (ZONE, ZONE)
LONG = "long-name-of-a-service-that-somebody-generated-%07d.in-a-namespace"
TXT = "v=1; this text is as long as many a policy record; it makes the answer a long one; id=%07d"


def https_rdata():
    """1 . alpn=h2: priority, root, then key 1 with a list of one name of two octets."""
    return bytes.fromhex("0001" "00" "0001" "0003" "026832")


def records(size):
    """(owner below the zone, type, data) of everything but SOA and NS."""
    yield "ns", "A", "127.0.0.1"
    for i in range(size):
        yield "svc-%07d.namespace" % i, "A", "127.0.0.1"
    for i in range(min(size, 1000)):
        yield "a%d" % i, "A", "127.0.0.2"
        yield "s%d" % i, "AAAA", "::1"
        yield "t%d" % i, "A", "127.0.0.3"
        yield "t%d" % i, "A", "127.0.0.4"
        yield "h%d" % i, "TYPE65", https_rdata()
        yield "x%d" % i, "TXT", TXT % i
        yield LONG % i, "A", "127.0.0.5"
        yield LONG % i, "AAAA", "::1"


def signatures(size):
    """How many a signed zone has: one a set, and one for the NSEC of each name; SOA, NS and DNSKEY at the top."""
    sets = {(owner, kind) for owner, kind, _ in records(size)}
    return len(sets) + 3 + len({owner for owner, _ in sets}) + 1


def text_of(kind, data):
    if kind == "TYPE65":
        return "\\# %d %s" % (len(data), data.hex())
    return '"%s"' % data if kind == "TXT" else data


def write_zone(path, size):
    with open(path, "w") as file:
        file.write("$ORIGIN %s.\n$TTL 300\n@ SOA %s\n@ NS ns\n" % (ZONE, SOA))
        for owner, kind, data in records(size):
            file.write("%s %s %s\n" % (owner, kind, text_of(kind, data)))
    return path


def equal(size):
    """Answers of one length."""
    return [("svc-%07d.namespace" % i, "A", 0, 1, 0) for i in range(size)]


def mixed(size):
    """Answers of more than eight lengths, a tenth of them negative."""
    return [line for i in range(min(size, 1000)) for line in (
        ("svc-%07d.namespace" % i, "A", 0, 1, 0),
        ("a%d" % i, "A", 0, 1, 0),
        ("s%d" % i, "AAAA", 0, 1, 0),
        ("t%d" % i, "A", 0, 2, 0),
        ("h%d" % i, "HTTPS", 0, 1, 0),
        ("x%d" % i, "TXT", 0, 1, 0),
        (LONG % i, "A", 0, 1, 0),
        (LONG % i, "AAAA", 0, 1, 0),
        ("no%d" % i, "A", 3, 0, 1),
        ("not-there-and-never-was-%d.namespace" % i, "AAAA", 3, 0, 1))]


def signed(size):
    """Record and signature."""
    return [("svc-%07d.namespace" % i, "A", 0, 2, 0) for i in range(size)]


def signed_missing(size):
    """SOA, the NSEC before the name, the NSEC before the wildcard, and their signatures."""
    return [("svc-%07dx.namespace" % i, "A", 3, 0, 6) for i in range(size)]


STAMP, SERVICE = "stamp", "service"      # the names that tell the version: see versions.py


def stamped(size):
    """Record and signature; three questions of eleven are for the version."""
    return [("n%07d" % i, "A", 0, 2, 0) for i in range(size)] + [
        (STAMP, "A", 0, 2, 0), (STAMP, "TXT", 0, 2, 0), (SERVICE, "SRV", 0, 2, 0)] * (size // 8)


def refused(size):
    return [("www.name%d.invalid-zone.example" % i, "A", 5, 0, 0) for i in range(size)]


def write_questions(path, lines, judged="strict"):
    """Shuffled, the same way every time. What is judged: "strict", rcode and the numbers of records; "loose",
    not the authority section; "form", none of them."""
    lines = list(lines)
    random.Random(1).shuffle(lines)
    with open(path, "w") as file:
        for name, kind, *numbers in lines:
            name = name if name.endswith(".example") else "%s.%s" % (name, ZONE)
            known = {"strict": 3, "loose": 2, "form": 0}[judged]
            file.write("%s %s %s\n" % (name, kind, " ".join(map(str, numbers[:known] + ["-"] * (3 - known)))))
    return path


def sign(run, path, directory):
    """Signs the zone with BIND's tools, P-256, NSEC: everybody serves the same octets."""
    run("dnssec-keygen", "-q", "-K", directory, "-a", "ECDSAP256SHA256", "-f", "KSK", ZONE)
    out = path + ".signed"
    run("dnssec-signzone", "-q", "-z", "-S", "-K", directory, "-o", ZONE, "-N", "keep", "-f", out, path,
        cwd=directory)
    return out


class Site:
    """The files of a run in one directory, made when first asked for."""
    QUESTIONS = {"equal": equal, "equal-large": equal, "equal-small": equal, "mixed": mixed, "signed": signed,
                 "signed-missing": signed_missing, "refused": refused, "stamped": stamped}
    SMALL = 10
    SIGNED_SAMPLE = 1000     # names, where signing them must not take long

    def __init__(self, directory, run, size=1000, signed_size=100000, large_size=200000):
        self.directory = directory
        self.run = run
        self.size = size
        self.signed_size = signed_size
        self.large_size = large_size

    def path(self, name):
        return os.path.join(self.directory, name)

    def zone(self, size=None):
        """The unsigned zone, of the usual size or another."""
        path = self.path("editor.land.zone.%d" % (size or self.size))
        return path if os.path.exists(path) else write_zone(path, size or self.size)

    def signed_zone(self):
        path = self.path("editor.land.large")
        if not os.path.exists(path + ".signed"):
            sign(self.run, write_zone(path, self.signed_size), self.directory)
        return path + ".signed"

    def count(self, name):
        """How many questions there are of a kind."""
        with open(self.questions(name)) as file:
            return sum(1 for _ in file)

    def questions(self, name, judged="strict"):
        path = self.path("%s.%s" % (name, judged))
        size = (self.signed_size if name.startswith("signed") else self.large_size if name.endswith("-large")
                else self.SMALL if name.endswith("-small") else self.size)
        return path if os.path.exists(path) else write_questions(path, self.QUESTIONS[name](size), judged)
