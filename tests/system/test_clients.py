"""Whether an answer is right, its clients decide: the resolvers that programs really use, in a
network where mist is the machine's name server, on 127.0.0.1 port 53.

    libc    getaddrinfo() of glibc and of musl, from one C source
    cares   c-ares
    node    Node's dns module (its lookup() is glibc's, the rest c-ares's), if it is installed
    go      a stub of ours with the rules of Go's own resolver (clients/go.py has them)
    and getent, host, curl, perl, python; java in the long run, if it is installed

They differ in what they do with search lists, REFUSED, empty answers and truncated ones. The
upstream counts packets.
"""
import concurrent.futures
import http.server
import ipaddress
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import unittest

import dns.message
import dns.rcode

import harness
import namespace

HERE = os.path.dirname(os.path.abspath(__file__))
SUFFIXES = "search ns.svc.cluster.internal svc.cluster.internal cluster.internal\n"
# What each calls a name that is not there, or has no address of that kind
NO_NAME = {"glibc": {"EAI_NONAME"}, "musl": {"EAI_NONAME"}, "cares": {"Domain name not found"}}
NO_DATA = {"glibc": {"EAI_NODATA"}, "musl": {"EAI_NONAME", "EAI_NODATA"},
           "cares": {"DNS server returned answer with no data", "Domain name not found"}}
# musl takes REFUSED for no answer at all and waits for a better one
REFUSED = {"glibc": {"EAI_AGAIN", "EAI_NONAME"}, "musl": {"EAI_AGAIN", "EAI_FAIL"},
           "cares": {"DNS server refused query", "Could not contact DNS servers"}}
CLIENTS = tuple(NO_NAME)

ZONE = """
$TTL 300
@          SOA   ns host 1 3600 600 86400 60
@          NS    ns
@          MX    10 mail
@          CAA   0 issue "ca.invalid"
ns         A     127.0.0.1
mail       A     127.0.0.5
           AAAA  ::5
web        A     127.0.0.6
alias      CNAME mail
out        CNAME www.example.com.
shut       CNAME www.denied.example.
_x._tcp    SRV   1 2 5380 mail
txt        TXT   "one" "two"
naptr      NAPTR 1 2 "s" "SIP+D2U" "" _x._tcp
ptr        PTR   mail
svc        HTTPS 1 . alpn=h2
*.wild     A     127.0.0.7
many       A     127.1.0.1
""" + "".join("           A     127.1.0.%d\n" % i for i in range(2, 101)) + "".join(
    "long       TXT   \"%03d%s\"\n" % (i, "x" * 200) for i in range(100))

TABLE = {
    ("update.editor.land", "A"): ["update.editor.land. 60 IN A 203.0.113.1"],
    ("www.example.com", "A"): ["www.example.com. 60 IN CNAME web.cdn.example.",
                               "web.cdn.example. 60 IN A 203.0.113.2"],
    ("www.example.com", "AAAA"): ["www.example.com. 60 IN CNAME web.cdn.example.",
                                  "web.cdn.example. 60 IN AAAA 2001:db8::2"],
    ("txt.example.com", "TXT"): ['txt.example.com. 60 IN TXT "%d%s"' % (i, "y" * 200)
                                 for i in range(30)],
}
BOTH = ["2001:db8::2", "203.0.113.2"]
CONFIG = {
    "listen": {"port": 53, "fallback": "fail"},
    "zones": [{"name": "editor.land", "address": ["127.0.0.1"], "dnssec": True},
              {"name": "dual.test", "address": ["127.0.0.1", "::1"]},
              {"name": "zone.test", "file": "zone", "dnssec": True}],
}
ALLOW = ["update.editor.land", "*.example.com"]


def setUpModule():
    global etc, programs
    directory = tempfile.mkdtemp(prefix="mist-clients-")
    unittest.addModuleCleanup(shutil.rmtree, directory, True)
    programs = {}
    for client, compiler, source, *libraries in (("glibc", "cc", "libc.c"),
                                                 ("musl", "musl-gcc", "libc.c"),
                                                 ("cares", "cc", "cares.c", "-lcares")):
        programs[client] = os.path.join(directory, client)
        harness.run(compiler, "-Wall", "-Werror", "-o", programs[client],
                    os.path.join(HERE, "clients", source), *libraries)
    etc = namespace.enter()
    unittest.addModuleCleanup(shutil.rmtree, etc.directory, True)


def resolve(client, name, family=""):
    """What a client prints, sorted and each line once (glibc may add addresses twice)."""
    args = [str(family)] if family else []
    return sorted(set(harness.run(programs[client], name, *args).stdout.splitlines()))


def needs(program):
    return unittest.skipUnless(shutil.which(program), "%s is not installed" % program)


class ClientsTest(unittest.TestCase):
    """One upstream and one mist, `forward` being what a subclass changes."""
    forward = {}
    zones = []

    @classmethod
    def setUpClass(cls):
        cls.upstream = cls.enterClassContext(harness.Upstream(table=TABLE))
        cls.mist = cls.enterClassContext(harness.Mist(
            {**CONFIG, "zones": CONFIG["zones"] + cls.zones, "forward": {"upstreams": [cls.upstream.spec], "allow": ALLOW, **cls.forward}},
            files={"zone": ZONE}))

    def setUp(self):
        self.resolv("")
        self.before = self.upstream.packets
        self.seen = len(self.upstream.queries)

    def resolv(self, text):
        etc.write("resolv_conf", "nameserver 127.0.0.1\n" + text)

    def left(self):
        """The names that left the machine during this test."""
        with self.upstream.lock:
            return {str(query.question[0].name) for query, _ in self.upstream.queries[self.seen:]}

    def assert_nothing_left(self):
        self.assertEqual(self.upstream.packets, self.before)

    def assert_resolves(self, name, addresses, family="", clients=CLIENTS):
        for client in clients:
            with self.subTest(client=client, name=name):
                self.assertEqual(resolve(client, name, family), sorted(addresses))

    def assert_fails(self, name, errors, family="", clients=CLIENTS):
        for client in clients:
            with self.subTest(client=client, name=name):
                (line,) = resolve(client, name, family)
                self.assertIn(line, errors[client])

    def assert_left(self, *names):
        """These names and no others left, now or, being cached, before."""
        self.assertLessEqual(self.left(), set(names))


class AddressTest(ClientsTest):

    def test_local(self):
        for name in ("editor.land", "any.editor.land", "any.editor.land.", "AnY.editor.LAND",
                     "a.deep.wildcard.name.editor.land", "under_score.editor.land"):
            self.assert_resolves(name, ["127.0.0.1"])
            self.assert_resolves(name, ["127.0.0.1"], family=4)
        self.assert_resolves("x.dual.test", ["127.0.0.1", "::1"])
        self.assert_resolves("x.dual.test", ["127.0.0.1"], family=4)
        self.assert_resolves("x.dual.test", ["::1"], family=6)
        self.assert_nothing_left()

    def test_zone_file(self):
        for name in ("mail.zone.test", "alias.zone.test"):
            self.assert_resolves(name, ["127.0.0.5", "::5"])
        self.assert_resolves("a.b.wild.zone.test", ["127.0.0.7"])
        self.assert_nothing_left()

    def test_no_data(self):
        self.assert_fails("any.editor.land", NO_DATA, family=6)
        self.assert_fails("txt.zone.test", NO_DATA)
        self.assert_fails("wild.zone.test", NO_DATA)  # an empty non-terminal
        self.assert_nothing_left()

    def test_no_name(self):
        self.assert_fails("missing.zone.test", NO_NAME)
        self.assert_fails("x.mail.zone.test", NO_NAME)
        self.assert_fails("x.invalid", NO_NAME)
        self.assert_nothing_left()

    def test_forwarded(self):
        self.assert_resolves("update.editor.land", ["203.0.113.1"])
        self.assert_fails("update.editor.land", NO_DATA, family=6)
        self.assert_resolves("www.example.com", BOTH)
        self.assert_fails("missing.example.com", NO_NAME)
        self.assert_left("update.editor.land.", "www.example.com.", "missing.example.com.")

    def test_alias_that_leads_out(self):
        self.assert_resolves("out.zone.test", BOTH)
        self.assert_left("www.example.com.")
        # the target of this one is denied: NOERROR and the alias alone
        self.assert_fails("shut.zone.test", {c: NO_NAME[c] | NO_DATA[c] for c in CLIENTS})
        self.assert_left("www.example.com.")

    def test_denied(self):
        self.resolv("options timeout:1 attempts:1\n")
        self.assert_fails("example.org", REFUSED)
        self.assert_fails("deep.name.example.org", REFUSED, family=6)
        self.assert_fails("example.com", REFUSED)  # *.example.com is only what is below
        self.assert_nothing_left()

    def test_localhost(self):
        for client in CLIENTS:
            for name in ("localhost", "x.localhost"):
                with self.subTest(client=client, name=name):
                    self.assertIn("127.0.0.1", resolve(client, name))
        self.assert_nothing_left()

    def test_truncated(self):
        addresses = ["127.1.0.%d" % i for i in range(1, 101)]
        # musl asks by TCP from 1.2.4 on
        self.assert_resolves("many.zone.test", addresses, clients=("glibc", "cares"))
        for name, octets in (("long.zone.test", 20000), ("txt.example.com", 6000)):
            (size,) = resolve("cares", name, 16)
            self.assertGreater(int(size), octets)

    def test_many_at_once(self):
        names = ["n%d.dual.test" % i for i in range(100)] + ["www.example.com"] * 20
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for client in CLIENTS:
                found = list(pool.map(lambda name, c=client: resolve(c, name), names))
                self.assertEqual(found[:100], [["127.0.0.1", "::1"]] * 100)
                self.assertEqual(found[100:], [BOTH] * 20)


class DeniedAsMissingTest(ClientsTest):
    """deny_rcode: nxdomain, for clients to whom REFUSED is a broken server."""
    forward = {"deny_rcode": "nxdomain"}

    def test_denied(self):
        self.assert_fails("example.org", NO_NAME)
        self.assert_fails("deep.name.example.org", NO_NAME)
        self.assert_nothing_left()
        self.assert_resolves("www.example.com", BOTH)


class DeniedAsEmptyTest(ClientsTest):
    forward = {"deny_rcode": "nodata"}

    def test_denied(self):
        self.assert_fails("example.org", NO_DATA)
        self.assert_nothing_left()


class SearchTest(ClientsTest):
    """Search lists make names of a name; those that do not exist must let the client go on."""

    def assert_all_found(self):
        self.assert_resolves("update.editor.land", ["203.0.113.1"])
        self.assert_resolves("www.example.com", BOTH)
        self.assert_resolves("any.editor.land", ["127.0.0.1"])
        self.assert_resolves("x.dual.test", ["127.0.0.1", "::1"])
        self.assert_resolves("web.zone.test", ["127.0.0.6"])
        self.assert_left("update.editor.land.", "www.example.com.")

    def test_kubernetes(self):
        # five dots: each of these names is tried below all three suffixes first
        self.resolv(SUFFIXES + "options ndots:5\n")
        self.assert_all_found()
        self.assert_fails("any.editor.land", NO_DATA, family=6)
        self.assert_fails("missing.zone.test", NO_NAME)
        self.assert_fails("missing.example.com", NO_NAME)
        self.assert_left("update.editor.land.", "www.example.com.", "missing.example.com.")

    def test_few_dots(self):
        self.resolv(SUFFIXES)
        self.assert_all_found()

    def test_denied_with_search_list(self):
        self.resolv(SUFFIXES + "options ndots:5 timeout:1 attempts:1\n")
        either = {client: NO_NAME[client] | REFUSED[client] for client in CLIENTS}
        self.assert_fails("www.denied.example", either)
        self.assert_nothing_left()

    def test_short_name(self):
        self.resolv("search zone.test\noptions timeout:1 attempts:1\n")
        self.assert_resolves("web", ["127.0.0.6"])
        self.assert_resolves("mail", ["127.0.0.5", "::5"])
        # the suffix says NXDOMAIN, then the name by itself is denied
        self.assert_fails("missing", {c: NO_NAME[c] | REFUSED[c] for c in CLIENTS})
        self.assert_nothing_left()

    def test_wildcard_suffix(self):
        self.resolv("search editor.land\n")
        self.assert_resolves("anything", ["127.0.0.1"])
        self.assert_resolves("www.example.com", BOTH)
        self.assert_resolves("update.editor.land", ["203.0.113.1"])
        self.assert_resolves("update", ["203.0.113.1"])
        self.assert_resolves("web.zone.test", ["127.0.0.6"])
        self.assert_left("www.example.com.", "update.editor.land.")

    def test_wildcard_suffix_first(self):
        # with many dots the suffixes are tried first, and a wildcard would answer everything
        self.resolv("search editor.land dual.test zone.test\noptions ndots:5\n")
        self.assert_all_found()
        self.assert_resolves("www.example.com.", BOTH)
        # what nobody speaks of, and may be meant, is the wildcard's as ever
        self.assert_resolves("www.example.org", ["127.0.0.1"])


# Each is given names, and what stands in front of its command line; and returns the addresses of each name.

def by_program(client):
    def ask(names, *front):
        script = 'for name; do "$0" "$name" | tr "\\n" " "; echo; done'
        return lines_of(names, *front, "sh", "-c", script, programs[client], *names)
    return ask


def by_command(*command):
    return lambda names, *front: lines_of(names, *front, *command, *names)


def by_node(names, *front):
    calls = [("lookup", name, {"all": True}) for name in names]
    done = harness.run(*front, "node", os.path.join(HERE, "clients", "node.js"), input=json.dumps(calls))
    return [sorted(one["address"] for one in value or []) for value, _ in json.loads(done.stdout)]


def lines_of(names, *command):
    """Of a program that prints a line for each name."""
    lines = harness.run(*command).stdout.split("\n")
    return [addresses_in(line.split()) for line in lines[:len(names)]]


def addresses_in(words):
    """Those that are addresses, in their shortest form: the others are errors."""
    found = set()
    for word in words:
        try:
            found.add(str(ipaddress.ip_address(word)))
        except ValueError:
            pass
    return sorted(found)


PYTHON_CODE = """
import socket, sys
for name in sys.argv[1:]:
    try:
        print(*{info[4][0] for info in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        print()
"""
PERL_CODE = """
use Socket qw(:all);
for (@ARGV) {
    my ($error, @found) = getaddrinfo $_, "", {socktype => SOCK_STREAM};
    print join(" ", map { (getnameinfo $_->{addr}, NI_NUMERICHOST, NIx_NOSERV)[1] } @found), "\\n";
}
"""
RESOLVERS = {
    "glibc": by_program("glibc"),
    "musl": by_program("musl"),
    "c-ares": by_program("cares"),
    "Go": by_command(sys.executable, os.path.join(HERE, "clients", "go.py")),
    "Python": by_command(sys.executable, "-c", PYTHON_CODE),
}
if shutil.which("perl"):
    RESOLVERS["Perl"] = by_command("perl", "-e", PERL_CODE)
if shutil.which("node"):
    RESOLVERS["Node"] = by_node
if shutil.which("java") and harness.LONG:  # it compiles for seconds each time
    RESOLVERS["Java"] = by_command("java", os.path.join(HERE, "clients", "Lookup.java"))


class TableTest(ClientsTest):
    """Every resolver finds the same, whatever stands in front in its search list."""
    zones = [{"name": "arcbox.local", "registry": True}]
    names = {
        "any.editor.land": ["127.0.0.1"],
        "a.b.c.d.e.f.editor.land": ["127.0.0.1"],
        "x.dual.test": ["127.0.0.1", "::1"],
        "web.zone.test": ["127.0.0.6"],
        "alias.zone.test": ["127.0.0.5", "::5"],
        "www.example.com": sorted(BOTH),
        "update.editor.land": ["203.0.113.1"],
        "box.arcbox.local": ["127.0.0.8"],
        "missing.zone.test": [],
        "missing.example.com": [],
    }
    bare = {"box": ["127.0.0.8"]}  # registered
    lists = {
        "no search list": "",
        "denied suffixes": "search a.b.corp.lan b.corp.lan corp.lan\noptions ndots:5\n",
        "special-use suffixes": SUFFIXES + "options ndots:5\n",
        "wildcard and file": "search editor.land dual.test zone.test\noptions ndots:5\n",
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mist.cli("register", "box", "--owner", "test", "127.0.0.8")

    def assert_table(self, lists, *front):
        for what in lists:
            # of a single label, a zone in the search list may be meant: that is what the list is for
            names = self.names if "wildcard" in what else {**self.names, **self.bare}
            self.resolv(self.lists[what])
            for client, ask in RESOLVERS.items():
                found = ask(list(names), *front)
                self.assertEqual(len(found), len(names))
                for name, got in zip(names, found):
                    with self.subTest(client=client, search=what, name=name):
                        self.assertEqual(got, sorted(names[name]))
        self.assert_left("www.example.com.", "update.editor.land.", "missing.example.com.")

    def test_table(self):
        self.assert_table(self.lists)

    def test_table_under_mist_run(self):
        """In a network with nothing but loopback, and in the one around it; the search list is the caller's."""
        nets = ("loopback", "host") if harness.LONG else ("loopback",)
        lists = self.lists if harness.LONG else ("wildcard and file",)
        for net in nets:
            self.assert_table(lists, harness.program(), "run", "-q", "--net", net, "--require", "libc", "--socket",
                              self.mist.env["MIST_CONTROL_SOCKET"], "--")

    def test_types_together(self):
        """A, AAAA and HTTPS at once over one socket, as browsers ask: no suffix ends the search for one of them."""
        def rcodes(name):
            types = ("A", "AAAA", "HTTPS")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(harness.DEADLINE)
                sock.connect(("127.0.0.1", 53))
                questions = {q.id: q for q in (harness.make_query(name, one) for one in types)}
                for question in questions.values():
                    sock.send(question.to_wire())
                found = {}
                while len(found) < len(questions):
                    reply = dns.message.from_wire(sock.recv(4096))
                    if reply.id in questions and reply.question == questions[reply.id].question:
                        found[reply.id] = dns.rcode.to_text(reply.rcode())
            return set(found.values())

        suffixes = ("corp.lan", "svc.cluster.internal", "editor.land", "dual.test", "zone.test", "arcbox.local")
        for name in ("any.editor.land", "x.dual.test", "web.zone.test", "www.example.com", "update.editor.land",
                     "box.arcbox.local"):
            for suffix in suffixes:
                with self.subTest(name=name, suffix=suffix):
                    self.assertEqual(rcodes(name + "." + suffix), {"NXDOMAIN"})
            with self.subTest(name=name):
                self.assertEqual(rcodes(name), {"NOERROR"})
        self.assert_left("www.example.com.", "update.editor.land.")


class OptionsTest(ClientsTest):
    """The options of resolv.conf that change how glibc asks (the others know some of them)."""

    def assert_works(self, clients=CLIENTS):
        self.assert_resolves("x.dual.test", ["127.0.0.1", "::1"], clients=clients)
        self.assert_resolves("any.editor.land", ["127.0.0.1"], clients=clients)
        self.assert_resolves("www.example.com", BOTH, clients=clients)
        self.assert_fails("missing.zone.test", NO_NAME, clients=clients)
        self.assert_fails("txt.zone.test", NO_DATA, clients=clients)

    def test_options(self):
        for options in ("", "single-request", "single-request-reopen", "edns0", "edns0 trust-ad",
                        "trust-ad", "rotate", "no-aaaa", "use-vc", "use-vc edns0", "inet6",
                        "edns0 single-request-reopen timeout:1 attempts:5"):
            with self.subTest(options=options):
                self.resolv("options %s\n" % options)
                if options == "no-aaaa":
                    self.assert_resolves("mail.zone.test", ["127.0.0.5"], 4, ("glibc",))
                else:
                    self.assert_works()

    def test_tcp_only(self):
        self.resolv("options use-vc\n")
        before = namespace.counters()
        self.assert_resolves("x.dual.test", ["127.0.0.1", "::1"], clients=("glibc",))
        after = namespace.counters()
        self.assertEqual(after["Udp"]["OutDatagrams"], before["Udp"]["OutDatagrams"])
        self.assertGreater(after["Tcp"]["ActiveOpens"], before["Tcp"]["ActiveOpens"])

    def test_dead_server_first(self):
        etc.write("resolv_conf", "nameserver 127.9.9.9\nnameserver 127.0.0.1\noptions timeout:1\n")
        self.assert_resolves("x.dual.test", ["127.0.0.1", "::1"])


@needs("node")
class NodeTest(ClientsTest):

    def node(self, *calls, server=None):
        done = harness.run("node", os.path.join(HERE, "clients", "node.js"),
                           *([server] if server else []), input=json.dumps(calls))
        return json.loads(done.stdout)

    def assert_calls(self, *expected, server=None):
        """(call, result or error code)"""
        results = self.node(*[call for call, _ in expected], server=server)
        for (call, wanted), (value, error) in zip(expected, results):
            with self.subTest(call=call, server=server):
                if isinstance(wanted, str):
                    self.assertEqual(error, wanted)
                else:
                    self.assertIsNone(error)
                    self.assertEqual(sorted(value, key=str) if isinstance(value, list) else value,
                                     wanted)

    def test_lookup(self):
        def both(*addresses):
            return [{"address": a, "family": 6 if ":" in a else 4} for a in addresses]
        everything = {"all": True, "verbatim": False}
        self.assert_calls(
            (("lookup", "any.editor.land", everything), both("127.0.0.1")),
            (("lookup", "a.b.c.editor.land"), {"address": "127.0.0.1", "family": 4}),
            (("lookup", "any.editor.land", 6), "ENOTFOUND"),
            (("lookup", "x.dual.test", everything), both("127.0.0.1", "::1")),
            (("lookup", "update.editor.land"), {"address": "203.0.113.1", "family": 4}),
            (("lookup", "missing.zone.test"), "ENOTFOUND"),
            (("lookup", "example.org"), "EAI_AGAIN"))

    def test_resolve(self):
        for server in (None, "127.0.0.1:53"):
            self.assert_calls(
                (("resolve4", "any.editor.land"), ["127.0.0.1"]),
                (("resolve4", "any.editor.land", {"ttl": True}), [{"address": "127.0.0.1", "ttl": 300}]),
                (("resolve6", "any.editor.land"), "ENODATA"),
                (("resolve6", "x.dual.test"), ["::1"]),
                (("resolve4", "www.example.com"), ["203.0.113.2"]),
                (("resolve6", "www.example.com"), ["2001:db8::2"]),
                (("resolve6", "update.editor.land"), "ENODATA"),
                (("resolve4", "missing.example.com"), "ENOTFOUND"),
                (("resolve4", "missing.zone.test"), "ENOTFOUND"),
                (("resolve4", "example.org"), "EREFUSED"),
                (("resolve4", "update.editor.land.x.example.org"), "ENOTFOUND"),
                (("resolveSrv", "_x._tcp.zone.test"),
                 [{"name": "mail.zone.test", "port": 5380, "priority": 1, "weight": 2}]),
                (("resolveTxt", "txt.zone.test"), [["one", "two"]]),
                (("resolveMx", "zone.test"), [{"exchange": "mail.zone.test", "priority": 10}]),
                (("resolveNs", "zone.test"), ["ns.zone.test"]),
                (("resolveCname", "alias.zone.test"), ["mail.zone.test"]),
                (("resolvePtr", "ptr.zone.test"), ["mail.zone.test"]),
                (("resolveCaa", "zone.test"), [{"critical": 0, "issue": "ca.invalid"}]),
                (("resolveNaptr", "naptr.zone.test"),
                 [{"flags": "s", "service": "SIP+D2U", "regexp": "", "order": 1, "preference": 2,
                   "replacement": "_x._tcp.zone.test"}]),
                (("resolveSoa", "zone.test"), {**self.node(("resolveSoa", "zone.test"))[0][0],
                                               "nsname": "ns.zone.test", "hostmaster": "host.zone.test",
                                               "refresh": 3600, "retry": 600, "expire": 86400,
                                               "minttl": 60}),
                (("reverse", "127.0.0.99"), "ENOTFOUND"),
                (("reverse", "192.0.2.1"), "ENOTFOUND"),
                server=server)
        self.assert_left("www.example.com.", "update.editor.land.", "missing.example.com.")

    def test_any(self):
        """One RRset instead of all (RFC 8482); whichever it is, Node has to make sense of it."""
        ((apex, apex_error), (local, local_error)) = self.node(
            ("resolveAny", "zone.test"), ("resolveAny", "any.editor.land"))
        self.assertIsNone(apex_error)
        self.assertIsNone(local_error)
        self.assertIn({"address": "127.0.0.1", "ttl": 300, "type": "A"}, local)
        self.assertTrue(apex)

    def test_long(self):
        ((records, error), (addresses, _)) = self.node(
            ("resolveTxt", "long.zone.test"), ("resolve4", "many.zone.test"))
        self.assertIsNone(error)
        self.assertEqual(len(records), 100)
        self.assertEqual(len(addresses), 100)

    def test_search(self):
        self.resolv(SUFFIXES + "options ndots:5\n")
        self.assert_calls(
            (("lookup", "update.editor.land"), {"address": "203.0.113.1", "family": 4}),
            (("resolve4", "update.editor.land"), ["203.0.113.1"]),
            (("resolve4", "any.editor.land"), ["127.0.0.1"]))


class ToolsTest(ClientsTest):

    def test_getent(self):
        done = harness.run("getent", "ahosts", "x.dual.test")
        self.assertEqual({line.split()[0] for line in done.stdout.splitlines()}, {"127.0.0.1", "::1"})
        self.assertEqual(harness.run("getent", "hosts", "missing.zone.test", check=False).returncode, 2)

    @needs("host")
    def test_host(self):
        """It asks for A, AAAA and MX."""
        done = harness.run("host", "any.editor.land")
        self.assertEqual(done.stdout.splitlines(), ["any.editor.land has address 127.0.0.1"])
        self.assertIn("mail is handled by 10 mail.zone.test.",
                      harness.run("host", "zone.test").stdout)
        done = harness.run("host", "example.org", check=False)
        self.assertIn("REFUSED", done.stdout)
        self.assert_nothing_left()

    @needs("curl")
    def test_curl(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.headers["Host"].encode())

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
            threading.Thread(target=web.serve_forever, daemon=True).start()
            port = web.server_address[1]
            for name in ("my.project.editor.land", "x.dual.test"):
                done = harness.run("curl", "-sS", "--noproxy", "*", "http://%s:%d/" % (name, port))
                self.assertEqual(done.stdout, "%s:%d" % (name, port))
            done = harness.run("curl", "-sS", "--noproxy", "*", "http://example.org/", check=False)
            web.shutdown()
        self.assertEqual(done.returncode, 6)  # could not resolve host
        self.assert_nothing_left()

    @needs("perl")
    def test_perl(self):
        """gethostbyname(), the older interface."""
        code = 'use Socket; for (@ARGV) { my $a = gethostbyname $_; print $a ? inet_ntoa($a) : "-", "\\n" }'
        done = harness.run("perl", "-e", code, "any.editor.land", "update.editor.land",
                           "missing.zone.test", "alias.zone.test")
        self.assertEqual(done.stdout.split(), ["127.0.0.1", "203.0.113.1", "-", "127.0.0.5"])


class OwnUpstreamTest(unittest.TestCase):
    """resolv.conf names mist, and mist takes its upstreams from there: it must not ask itself."""

    def test_only_ourselves(self):
        etc.write("resolv_conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:1\n")
        with harness.Mist({**CONFIG, "forward": {"allow": ALLOW}}, files={"zone": ZONE}) as mist:
            before = namespace.counters()["Udp"]["OutDatagrams"]
            response = mist.query("www.example.com", dnssec=True)
            self.assertEqual(namespace.counters()["Udp"]["OutDatagrams"] - before, 2)
            self.assertEqual(response.rcode(), 2)
            self.assertTrue(harness.ede(response))
            self.assertEqual(resolve("glibc", "any.editor.land"), ["127.0.0.1"])

    def test_ourselves_and_another(self):
        # resolv.conf cannot name a port, so the other server stands on 53 of another address
        with harness.Upstream(table=TABLE) as upstream:
            upstream_free = harness.Mist({
                "listen": {"address": ["127.0.0.2"], "port": 53, "fallback": "fail"},
                "zones": [], "forward": {"upstreams": [upstream.spec], "default": "forward"}})
            etc.write("resolv_conf", "nameserver 127.0.0.1\nnameserver 127.0.0.2\n")
            with upstream_free, harness.Mist({**CONFIG, "forward": {"allow": ALLOW}},
                                             files={"zone": ZONE}):
                for client in CLIENTS:
                    with self.subTest(client=client):
                        self.assertEqual(resolve(client, "www.example.com"), BOTH)
                        self.assertEqual(resolve(client, "update.editor.land"), ["203.0.113.1"])


if __name__ == "__main__":
    unittest.main()
