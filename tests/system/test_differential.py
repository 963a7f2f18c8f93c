"""The same questions to mist, Knot DNS and NSD, over generated zones: the same rcode, flags and
record sets.

Zones are unsigned, or signed by dnssec-signzone or ldns-signzone with NSEC, NSEC3 or NSEC3 with
opt-out, so that DNSSEC answers can be compared octet by octet too. Where a server differs, the
difference must be one of DIFFERENCES, each with the text that allows it. MIST_LONG=1 asks more than
20,000 questions; a tenth otherwise.
"""
import collections
import contextlib
import os
import tempfile
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

import harness
import zonegen

# The zones: (denial, signer). Seeds are their positions.
ZONES = ([(None, None)] * 8 + [("nsec", "bind")] * 4 + [("nsec", "ldns")] * 4
         + [("nsec3", "bind")] * 2 + [("nsec3", "ldns")] * 2
         + [("nsec3-optout", "bind")] * 2 + [("nsec3-optout", "ldns")] * 2)
QUESTIONS = 900  # per zone, 21,600 in all

PROOFS = {"NSEC", "NSEC3"}


class Difference:
    """How a peer's answer differs from ours: `only_ours` and `only_theirs` are sets of
    (section, owner, type, type covered), `changed` those that both have with other contents."""

    def __init__(self, question, ours, theirs, peer, agrees_elsewhere, exact=True):
        self.name, self.rdtype, self.dnssec = question
        self.ours, self.theirs, self.peer = ours, theirs, peer
        self.agrees_elsewhere = agrees_elsewhere  # the other peer answers as we do
        self.rcode = ours.rcode() != theirs.rcode()
        self.flags = flag_bits(ours) != flag_bits(theirs)
        mine, other = contents(ours, exact), contents(theirs, exact)
        self.only_ours = set(mine) - set(other)
        self.only_theirs = set(other) - set(mine)
        self.changed = {key for key in set(mine) & set(other) if mine[key] != other[key]}

    def __bool__(self):
        return bool(self.rcode or self.flags or self.only_ours or self.only_theirs or self.changed)

    def is_sets_only(self):
        return not (self.rcode or self.flags or self.changed)

    def types(self, keys, section=None):
        """The types among keys; signatures count as what they sign."""
        return {covers if rdtype == "RRSIG" else rdtype for where, _, rdtype, covers in keys
                if section in (None, where)}


def nsd_adds_apex_ns(d):
    added = {key for key in d.only_theirs if key[0] == "authority"
             and (key[2] == "NS" or key[3] == "NS")}
    if d.peer != "NSD" or not added or not d.theirs.answer:
        return False
    d.only_theirs -= added
    return True


def nsd_lowers_service_targets(d):
    lower = {key for key in d.changed if d.types({key}) <= {"SVCB", "HTTPS"}}
    if d.peer != "NSD" or not lower:
        return False
    mine, other = contents(d.ours), contents(d.theirs)
    if any({str(r).lower() for r in mine[k][1]} != {str(r).lower() for r in other[k][1]}
           for k in lower):
        return False
    d.changed -= lower
    return True


def nsec_asked_at_cname(d):
    return (d.rdtype == "NSEC" and d.agrees_elsewhere
            and any("CNAME" in d.types(k, "answer") for k in (d.only_ours, d.only_theirs)))


def proves_otherwise(d):
    """Only proofs differ, and the other peer has ours."""
    keys = d.only_ours | d.only_theirs
    return (d.agrees_elsewhere and d.is_sets_only() and bool(keys)
            and d.types(keys) <= PROOFS and all(k[0] == "authority" for k in keys))


def nsd_proves_otherwise(d):
    return d.peer == "NSD" and proves_otherwise(d)


def knot_proves_less(d):
    return d.peer == "Knot" and not d.only_theirs and proves_otherwise(d)


# name -> (what decides; it may take what it explains out of the difference, why that is right)
DIFFERENCES = {
    "NSD adds the zone's NS set to positive answers": (
        nsd_adds_apex_ns,
        "RFC 1034 section 6.2.1 shows answers with an empty authority section; the set is optional"),
    "NSD changes the case of target names in SVCB and HTTPS": (
        nsd_lowers_service_targets,
        "RFC 4343 section 3: names are equal whatever their case"),
    "NSEC asked for at a CNAME of a zone without NSEC there": (
        nsec_asked_at_cname,
        "RFC 4035 section 2.5 lets NSEC stand beside CNAME, so a server may say NODATA; RFC 1034 "
        "section 4.3.2 step 3a follows the CNAME. Knot does the one, NSD the other"),
    "NSD's choice of NSEC and NSEC3 records": (
        nsd_proves_otherwise,
        "RFC 4035 section 3.1.3 and RFC 5155 section 7.2 say which are needed; NSD repeats the "
        "proof for a wildcard that one NSEC already covers, proves that a literal asterisk that "
        "exists is no other name, and leaves out the cover of the target of a DNAME. Knot agrees "
        "with us in each of these"),
    "Knot's proofs for wildcards": (
        knot_proves_less,
        "RFC 4035 section 3.1.3.3 and RFC 5155 section 7.2.5: an answer by wildcard needs the proof "
        "that the name is not there; Knot leaves it out when NSEC itself is asked for, and when "
        "the first label of the name is an asterisk. NSD agrees with us"),
}


def parsed(wire):
    """The message, or None when it is broken, as Knot's are now and then: after leaving out
    additional records that did not fit, a name points at where one of them was."""
    try:
        return dns.message.from_wire(wire, raise_on_truncation=False)
    except dns.exception.DNSException:
        return None


def flag_bits(message):
    return message.flags & ~dns.flags.TC  # asked again over TCP


def contents(message, exact=True):
    """{(section, owner, type, type covered): (ttl, rdata)} of answer and authority section."""
    return {(section, s.name, dns.rdatatype.to_text(s.rdtype), dns.rdatatype.to_text(s.covers)):
            (s.ttl, frozenset(s if exact else map(without_time, s)))
            for section in ("answer", "authority") for s in getattr(message, section)}


def without_time(rdata):
    """A record without what two signings of one zone do not share: signatures, times, serial."""
    if rdata.rdtype == dns.rdatatype.RRSIG:
        return (rdata.type_covered, rdata.algorithm, rdata.labels, rdata.original_ttl, rdata.key_tag,
                rdata.signer)
    return rdata.replace(serial=0) if rdata.rdtype == dns.rdatatype.SOA else rdata


def unexplained(difference, used):
    """What is left of a difference after DIFFERENCES, as text; "" if nothing."""
    for name, (decides, _) in DIFFERENCES.items():
        if difference and decides(difference):
            used[name] += 1
            if decides not in (nsd_adds_apex_ns, nsd_lowers_service_targets):
                return ""
    if not difference:
        return ""
    return "%s: %s" % (difference.peer, ", ".join(
        ["rcode"] * difference.rcode + ["flags"] * difference.flags
        + ["only ours %s" % (k,) for k in sorted(map(str, difference.only_ours))]
        + ["only theirs %s" % (k,) for k in sorted(map(str, difference.only_theirs))]
        + ["other contents %s" % (k,) for k in sorted(map(str, difference.changed))]))


class Differential(unittest.TestCase):
    """Three servers with the same zones: cls.mist, cls.knot, cls.nsd."""
    exact = True

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.directory = cls.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="differential-"))
        cls.zones, cls.used = [], collections.Counter()

    @classmethod
    def start(cls, config, files):
        cls.mist = cls.stack.enter_context(harness.Mist(config))
        if "error" in cls.mist.stderr:
            raise AssertionError(cls.mist.stderr)
        files = files(cls.mist) if callable(files) else files
        cls.knot = cls.stack.enter_context(harness.Knot(files))
        cls.nsd = cls.stack.enter_context(harness.Nsd(files))

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    @classmethod
    def tearDownClass(cls):
        for name, count in cls.used.most_common():
            print("%6d  %s" % (count, name))

    def compare(self, kind):
        zones = [zone for denial, zone in self.zones if denial == kind]
        questions, queries = [], []
        for zone in zones:
            dice = zonegen.random.Random("flags %s" % zone.apex)
            for name, rdtype in zone.questions(harness.scaled(QUESTIONS)):
                dnssec = dice.random() < 0.6
                questions.append((name, rdtype, dnssec))
                queries.append(harness.make_query(
                    name, rdtype, dnssec=dnssec, rd=dice.random() < 0.5,
                    edns=0 if dnssec or dice.random() < 0.5 else False))
        wires = [query.to_wire() for query in queries]
        answers = [harness.ask_all(server, wires) for server in (self.mist, self.knot, self.nsd)]
        problems = []
        for question, query, *three in zip(questions, queries, *answers):
            problem = self.judge(question, query, three)
            if problem:
                problems.append("%s %s%s\n    %s" % (question[0], question[1],
                                                     " +dnssec" * question[2], problem))
        if problems:
            self.fail("%d of %d questions answered differently, the first:\n%s" % (
                len(problems), len(questions), "\n".join(problems[:8])))

    def judge(self, question, query, wires):
        """What is wrong about the answer to one question, as text."""
        mist, knot, nsd = map(parsed, wires)
        limit = 1232 if query.edns >= 0 else 512
        if len(wires[0]) > limit:
            return "longer than %d octets" % limit
        if mist is None:
            return "cannot be read: %s" % wires[0].hex()
        if any(m is None or m.flags & dns.flags.TC for m in (mist, knot, nsd)):
            mist, knot, nsd = [s.ask(query, tcp=True) for s in (self.mist, self.knot, self.nsd)]
            if mist.flags & dns.flags.TC:
                return "truncated over TCP"
        if (mist.edns, mist.ednsflags & dns.flags.DO) != (query.edns, query.ednsflags):
            return "OPT record: %d, flags %x" % (mist.edns, mist.ednsflags)
        if mist.question != query.question or str(mist.question[0].name) != str(question[0]):
            return "question changed: %s" % mist.question
        from_knot = Difference(question, mist, knot, "Knot", False, self.exact)
        from_nsd = Difference(question, mist, nsd, "NSD", not from_knot, self.exact)
        nsd_text = unexplained(from_nsd, self.used)
        from_knot.agrees_elsewhere = not from_nsd
        problem = "; ".join(filter(None, (unexplained(from_knot, self.used), nsd_text)))
        return problem or self.judge_additional(mist, knot, nsd)

    def judge_additional(self, mist, knot, nsd):
        """Additional records are optional (RFC 1034 section 4.3.2 step 6) but must be true, and glue
        of a referral must be there (RFC 9471 section 2.1)."""
        def sets(message):
            return {(s.name, s.rdtype, s.covers): s for s in message.additional}
        ours, known = sets(mist), {**sets(nsd), **sets(knot)}
        for key, rrset in ours.items():
            if key in known and known[key] != rrset and (self.exact or not key[2]):
                return "additional %s %s is wrong" % (key[0], dns.rdatatype.to_text(key[1]))
        if mist.answer or mist.flags & dns.flags.AA or mist.rcode() != dns.rcode.NOERROR:
            return ""
        for cut in (s for s in mist.authority if s.rdtype == dns.rdatatype.NS):
            for key in sets(knot):
                if key[0].is_subdomain(cut.name) and key not in ours:
                    return "glue %s is missing" % key[0]
        return ""


class SameZonesTest(Differential):
    """Zones that all three read from the same files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        files, entries = {}, []
        for seed, (denial, signer) in enumerate(ZONES):
            zone = zonegen.Zone(seed, plain=signer == "ldns")
            apex = zone.apex.to_text()
            path = cls.write("zone%d" % seed, zone.text)
            if denial:
                path = zonegen.sign(path, apex, denial, signer)
            files[apex] = path
            entries.append({"name": apex, "file": path, "dnssec": "presigned" if denial else False})
            cls.zones.append((denial, zone))
        cls.start({"zones": entries, "forward": {"upstreams": ["127.0.0.1:1"]}}, files)

    def test_unsigned_zones(self):
        """Plain zones, DO set or not."""
        self.compare(None)

    def test_nsec_zones(self):
        """Presigned zones with NSEC, by both signers."""
        self.compare("nsec")

    def test_nsec3_zones(self):
        """Presigned zones with NSEC3."""
        self.compare("nsec3")

    def test_nsec3_optout_zones(self):
        """Presigned zones with NSEC3 and opt-out (RFC 5155 section 6)."""
        self.compare("nsec3-optout")


class DumpedZonesTest(Differential):
    """Zones that mist signs, and completes by delegations to zones inside them; the others serve what
    `mist dump` printed of them. Signatures are made anew for a dump, so their times may differ."""
    exact = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        entries = []
        for seed in range(100, 108):
            zone = zonegen.Zone(seed, apex="z%d.example." % seed)
            entries.append({"name": zone.apex.to_text(), "file": cls.write("z%d" % seed, zone.text)})
            cls.zones.append(("file", zone))
        for name in ("inner.z100.example.", "Very.Deep.Inner.z100.example.", "editor.land"):
            entries.append({"name": name, "address": ["127.0.0.1", "::1"]})
            cls.zones.append(("made", MadeZone(name)))
        cls.start({"zones": entries, "forward": {"upstreams": ["127.0.0.1:1"]}}, lambda mist: {
            e["name"]: cls.write("dump" + e["name"], mist.cli("dump", e["name"]).stdout)
            for e in entries})

    def test_files(self):
        """Zones from files."""
        self.compare("file")

    def test_made(self):
        """Zones made from addresses."""
        self.compare("made")


class MadeZone:
    """Asks about a made zone."""

    def __init__(self, name):
        self.apex = dns.name.from_text(name)

    def questions(self, count):
        dice = zonegen.random.Random("made %s" % self.apex)
        for _ in range(count):
            name = self.apex
            for _ in range(dice.choice([0, 1, 1, 2, 5])):
                name = dns.name.from_text(dice.choice(["ns", "*", "www", "A.b", "\\000", "x"]), name)
            yield zonegen.random_case(name, dice), dice.choice(zonegen.ASKED)


if __name__ == "__main__":
    unittest.main()
