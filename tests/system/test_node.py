"""Node.js with sidecar/node loaded: whatever a program does to come to a name, our server is asked and nobody else.

The reference is Node itself: every cell of the matrix (function x program, module, worker, child x kind of name) must
have the outcome that it has without the package where mist is the machine's name server, on port 53: the same results,
the same errors in every property. Then /etc/resolv.conf names a socket that counts and says nothing, and the package is
told of a mist on another port. 0 packets may reach that socket.

Versions: the node of PATH, and one that the npm registry has (MIST_NODE_VERSIONS, "22"; in the long run more).
"""
import contextlib
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import harness
import namespace

ENGINE_FREE = True
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
PACKAGE = os.path.join(harness.ROOT, "sidecar", "node")
REQUIRE = "--require %s/index.js" % PACKAGE
IMPORT = "--import file://%s/index.mjs" % PACKAGE
VERSIONS = os.environ.get("MIST_NODE_VERSIONS", "22 24" if harness.LONG else "22").split()
DEADLINE = 240

SILENT = "127.9.9.9"           # what resolv.conf names while the package is tested
NOBODY = "127.0.0.5"           # where no server is
ZONE = """
$TTL 300
@        SOA   ns host 1 3600 600 86400 60
@        NS    ns
@        MX    10 mail
@        CAA   0 issue "ca.invalid"
ns       A     127.0.0.1
mail     A     127.0.0.5
         AAAA  ::5
six      AAAA  ::6
alias    CNAME mail
txt      TXT   "one" "two"
srv      SRV   1 2 5380 mail
naptr    NAPTR 1 2 "s" "SIP+D2U" "" srv
many     A     127.0.0.8
         A     127.0.0.2
         A     127.128.0.3
mixed    A     192.0.2.1
         A     127.0.0.2
         AAAA  2001:db8::1
         AAAA  ::1
         AAAA  fd00::1
bare.search A  127.0.0.9
xn--bcher-kva A 127.0.0.10
"""
CONFIG = {
    "zones": [{"name": "editor.land", "address": ["127.0.0.1"]},
              {"name": "dual.test", "address": ["127.0.0.1", "::1"]},
              {"name": "reg.test", "registry": True},
              {"name": "zone.test", "file": "zone"}],
}
# Kinds of names; "gone" is a name whose server is not there
CASES = {"local": "app.editor.land", "registered": "web.reg.test", "allowed": "allowed.example.org",
         "denied": "denied.example.com", "nxdomain": "none.zone.test", "dual": "app.dual.test", "localhost": "localhost"}
if harness.LONG:
    CASES.update({"bare": "web", "nodata": "txt.zone.test", "hosts": "in-hosts.example", "address": "127.0.0.1"})
GONE = {"gone": "app.editor.land"}
CONTEXTS = ("program", "module", "worker", "worker, own environment", "child", "child, own environment")
# What the reference must have said, so that it is one: cell and case, result or error code
SPECIFIED = {
    ("dns.lookup ", "local"): ["127.0.0.1", 4],
    ("dns.promises.lookup ", "registered"): {"address": "127.0.0.2", "family": 4},
    ("dns.lookup ", "bare"): ["127.0.0.2", 4],
    ("dns.lookup all", "dual"): [[{"address": "::1", "family": 6}, {"address": "127.0.0.1", "family": 4}]],
    ("dns.lookup not verbatim", "dual"): [[{"address": "127.0.0.1", "family": 4}, {"address": "::1", "family": 6}]],
    ("dns.lookup ", "hosts"): ["127.0.0.7", 4],
    ("dns.resolve4", "allowed"): [["127.0.0.3"]],
    ("dns.resolveTxt", "nodata"): [[["one", "two"]]],
    ("http.get", "allowed"): "127.0.0.3", ("https.get", "registered"): "127.0.0.2", ("http2", "local"): "127.0.0.1",
    ("fetch", "registered"): "127.0.0.2", ("WebSocket", "registered"): "127.0.0.2",
    ("tls.connect", "allowed"): "127.0.0.3", ("dgram.connect", "registered"): "127.0.0.2",
    ("net.connect", "localhost"): "::1", ("http2 over TLS", "registered"): "127.0.0.2",
    ("dns.lookup ", "nxdomain"): "ENOTFOUND", ("dns.resolve4", "nxdomain"): "ENOTFOUND",
    ("dns.lookup ", "nodata"): "ENOTFOUND", ("dns.resolve4", "nodata"): "ENODATA",
    ("dns.lookup ", "denied"): "EAI_AGAIN", ("dns.resolve4", "denied"): "EREFUSED",
    ("dns.promises.Resolver resolveMx", "denied"): "EREFUSED", ("net.connect", "denied"): "EAI_AGAIN",
    ("dns.lookup ", "gone"): "EAI_AGAIN", ("dns.resolve4", "gone"): "ECONNREFUSED", ("http.get", "gone"): "EAI_AGAIN",
}


def setUpModule():
    global etc, more, directory, upstream, reference, mist, peer, certificate, silent
    if shutil.which("node") is None:
        raise unittest.SkipTest("no node here")
    directory = tempfile.mkdtemp(prefix="mist-node-")
    unittest.addModuleCleanup(shutil.rmtree, directory, True)
    for version in VERSIONS:
        install(version)  # while there is a network
    etc = namespace.enter()
    unittest.addModuleCleanup(shutil.rmtree, etc.directory, True)
    more = namespace.Files(**{name.replace(".", "_"): "" for name in ("gai.conf", "host.conf", "services")
                              if os.path.exists("/etc/" + name)})
    unittest.addModuleCleanup(shutil.rmtree, more.directory, True)
    defaults()

    table = {("allowed.example.org", "A"): ["allowed.example.org. 300 IN A 127.0.0.3"],
             ("allowed.example.org", "AAAA"): []}
    upstream = unittest.enterModuleContext(harness.Upstream(table=table))
    rule = {"name": "allowed.example.org", "upstreams": [upstream.spec], "private": True}
    config = {**CONFIG, "forward": {"upstreams": [upstream.spec], "allow": [rule]}}

    def server(port):
        listen = {"port": port, "fallback": "fail"} if port else {"port": 0}
        served = unittest.enterModuleContext(harness.Mist({**config, "listen": listen}, files={"zone": ZONE}))
        served.cli("register", "web.reg.test", "--owner", "test", "127.0.0.2")
        return served

    reference, mist = server(53), server(0)
    certificate = os.path.join(directory, "certificate")
    names = ",".join("DNS:" + name for name in CASES.values())
    harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-keyout", certificate + ".key", "-out", certificate, "-subj", "/CN=test", "-addext",
                "subjectAltName=%s,IP:127.0.0.1" % names)
    process = subprocess.Popen(["node", os.path.join(HERE, "peer.cjs"), certificate + ".key", certificate],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    unittest.addModuleCleanup(harness.end, process, 15)
    peer = json.loads(harness.read_line(process.stdout, process))
    silent = Silent()
    unittest.addModuleCleanup(silent.close)


class Silent:
    """Sockets where resolv.conf points to, which count what comes and say nothing."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.tcp = socket.socket()
        for sock in (self.udp, self.tcp):
            sock.bind((SILENT, 53))
            sock.setblocking(False)
        self.tcp.listen(64)

    def packets(self):
        """How many came since the last time."""
        count = 0
        for take in (lambda: self.udp.recv(65535), lambda: self.tcp.accept()[0].close()):
            with contextlib.suppress(BlockingIOError):
                while True:
                    take()
                    count += 1
        return count

    def close(self):
        self.udp.close()
        self.tcp.close()


def defaults(nameserver=SILENT):
    etc.write("resolv_conf", "nameserver %s\n" % nameserver)
    etc.write("hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.0.7 in-hosts.example other\n")
    for name, text in (("gai_conf", ""), ("host_conf", "multi on\n"), ("services", "http 80/tcp www\ndomain 53/udp\n")):
        if os.path.exists(more.path(name)):
            more.write(name, text)


# --------------------------------------------------------------------------------------------------
# Versions of Node

def install(version):
    """Another version, from the registry, beside the build that is tested: it stays there."""
    if node_of(version) or shutil.which("npm") is None:
        return
    place = cache(version)
    os.makedirs(place, exist_ok=True)
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--prefix",
                           place, "node-linux-%s@%s" % (machine, version)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE, cwd=place)
    if done.returncode:
        sys.stderr.write("npm: %s\n" % done.stdout.decode(errors="replace")[-2000:])


def cache(version):
    return os.path.join(os.environ.get("MIST_BUILD") or os.path.dirname(harness.program()), "node-" + version)


def node_of(version):
    """Its program, None if it could not be had. "" is the one of PATH."""
    if not version:
        return shutil.which("node")
    found = glob.glob(os.path.join(cache(version), "node_modules", "node-linux-*", "bin", "node"))
    return found[0] if found else None


class NodeTest(unittest.TestCase):
    """With a version of Node; resolv.conf names the silent sockets, which must not have been asked."""
    version = ""

    def setUp(self):
        self.node = node_of(self.version)
        if self.node is None:
            self.skipTest("the npm registry did not give node %s" % self.version)
        defaults()
        silent.packets()

    def tearDown(self):
        self.assertEqual(silent.packets(), 0, "packets to the server of resolv.conf")

    def run_node(self, *args, options="", server=None, env=None, input="", check=True, flags=()):
        """Node's output; with a server with the package, unless the options say otherwise."""
        variables = {"PATH": os.environ["PATH"], "HOME": directory, "NODE_NO_WARNINGS": "1",
                     "NODE_OPTIONS": options, **(env or {})}
        if server is not None:
            variables["MIST_DNS"] = server
        done = subprocess.run([self.node, *flags, *map(str, args)], input=input, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, env=variables, timeout=DEADLINE)
        if check:
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout[-1000:])
        return done

    def eval(self, code, *args, options=REQUIRE, server=None, **how):
        """What a piece of a program prints, as JSON."""
        return json.loads(self.run_node("-e", code, *args, options=options, server=server or spec(mist), **how).stdout)

    @contextlib.contextmanager
    def stock(self):
        """resolv.conf names the reference instead."""
        with open(etc.path("resolv_conf")) as file:
            text = file.read()
        etc.write("resolv_conf", text.replace(SILENT, "127.0.0.1"))
        try:
            yield
        finally:
            etc.write("resolv_conf", text)


def spec(server):
    return "%s:%d" % (server.address, server.port)


# --------------------------------------------------------------------------------------------------
# The matrix

class MatrixTest(NodeTest):

    def flags(self):
        """What this version needs for what later ones have."""
        if not hasattr(type(self), "own_flags"):
            done = self.run_node("-p", "!globalThis.WebSocket && process.allowedNodeEnvironmentFlags.has"
                                 "('--experimental-websocket') ? '--experimental-websocket' : ''")
            type(self).own_flags = done.stdout.split()
        return self.own_flags

    def run_matrix(self, context, cases, server):
        config = json.dumps({"cases": cases, "peer": peer, "ca": certificate, "override": server is not None})
        options = "" if server is None else IMPORT if context == "module" else REQUIRE
        if context in ("program", "module"):
            command = ["runner.mjs" if context == "module" else "runner.cjs", config]
            flags = self.flags()
        else:
            command = ["start.cjs", context, config, *self.flags()]
            flags = self.flags() if context == "worker" else []
        done = self.run_node(os.path.join(HERE, command[0]), *command[1:], options=options, server=server, flags=flags,
                             check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])
        return json.loads(done.stdout)

    def specified(self):
        """What Node itself says: {case: {cell: outcome}}."""
        if "outcomes" not in type(self).__dict__:
            defaults("127.0.0.1")
            outcomes = self.run_matrix("program", CASES, None)
            defaults(NOBODY)
            outcomes.update(self.run_matrix("program", GONE, None))
            defaults()
            type(self).outcomes = outcomes
        return self.outcomes

    def test_the_reference_says_what_it_should(self):
        for (cell, case), wanted in SPECIFIED.items():
            with self.subTest(cell=cell, case=case):
                outcome = self.specified().get(case, {}).get(cell)
                if outcome is None and (case not in CASES or cell == "WebSocket"):
                    continue  # the short form, an old version
                if isinstance(wanted, str) and re.fullmatch("E[A-Z_]+", wanted):
                    self.assertEqual(outcome.get("error", outcome).get("code"), wanted, outcome)
                else:
                    self.assertEqual(outcome, {"result": wanted})

    def assert_context(self, context):
        wanted = self.specified()
        seen = self.run_matrix(context, CASES, spec(mist))
        seen.update(self.run_matrix(context, GONE, NOBODY + ":5399"))
        differences = ["%s, %s: %s instead of %s" % (case, cell, seen[case].get(cell), outcome)
                       for case, cells in wanted.items() for cell, outcome in cells.items()
                       if seen[case].get(cell) != outcome]
        unknown = {(case, cell) for case in seen for cell in seen[case]} - {(c, cell) for c in wanted for cell in wanted[c]}
        count = sum(map(len, wanted.values()))
        sys.stderr.write("node %s, %s: %d of %d cells as specified\n" % (
            self.version or "of PATH", context, count - len(differences), count))
        self.assertEqual(differences, [], "\n".join(differences[:20]))
        self.assertEqual(unknown, set())

    def test_program(self):
        self.assert_context("program")

    def test_module(self):
        self.assert_context("module")

    def test_worker(self):
        self.assert_context("worker")

    def test_worker_with_an_environment_of_its_own(self):
        self.assert_context("worker, own environment")

    def test_child(self):
        self.assert_context("child")

    def test_child_with_an_environment_of_its_own(self):
        self.assert_context("child, own environment")


# --------------------------------------------------------------------------------------------------
# What the matrix does not vary

class SurfaceTest(NodeTest):

    def assert_as_stock(self, calls, **etc_files):
        """Calls have the outcomes they have without the package. Files of /etc: name=text."""
        for name, text in etc_files.items():
            (etc if name in ("resolv_conf", "hosts") else more).write(name, text)
        with self.stock():
            wanted = self.run_node(os.path.join(HERE, "calls.cjs"), input=json.dumps(calls)).stdout
        seen = self.run_node(os.path.join(HERE, "calls.cjs"), input=json.dumps(calls), options=REQUIRE, server=spec(mist)).stdout
        for call, one, other in zip(calls, json.loads(wanted), json.loads(seen)):
            with self.subTest(call=call, **etc_files):
                self.assertEqual(other, one)
        return json.loads(seen)

    def lookups(self, names, *options):
        return [["promises", "lookup", name, option] for name in names
                for option in options or ({"all": True}, {"all": True, "family": 4}, {"all": True, "family": 6})]

    def test_every_way_to_start_a_child(self):
        done = self.run_node(os.path.join(HERE, "ways.cjs"), "web.reg.test", options=REQUIRE, server=spec(mist))
        ways = json.loads(done.stdout)
        self.assertGreater(len(ways), 20)
        self.assertEqual(ways, {way: "127.0.0.2" for way in ways})

    def test_execve(self):
        code = """const args = [process.execPath, '-p', 'JSON.stringify(process.env.MIST_DNS)'];
            if (process.execve) process.execve(process.execPath, args, {}); else console.log(JSON.stringify(process.env.MIST_DNS))"""
        self.assertEqual(self.eval(code), spec(mist))

    def test_search_lists(self):
        names = ["bare", "bare.search", "web", "web.reg.test", "app.editor.land", "app.editor.land.", "none", "none.",
                 "denied.example.com", "mail", "txt", "web.reg", "a.b.c.d.e.f"]
        for text in ("search search.zone.test zone.test reg.test", "search zone.test search.zone.test\noptions ndots:5",
                     "domain search.zone.test", "search denied.example.com zone.test\noptions ndots:3",
                     "search reg.test .\n; comment", "options ndots:0\nsearch zone.test",
                     "search ns.svc.cluster.internal svc.cluster.internal cluster.internal\noptions ndots:5"):
            self.assert_as_stock(self.lookups(names), resolv_conf="nameserver %s\n%s\n" % (SILENT, text))

    def test_hosts_files(self):
        names = ["a.test", "A.Test", "b", "c", "six", "mapped", "app.editor.land", "localhost", "mail.zone.test"]
        hosts = """
127.0.0.1 localhost # a comment
::1       localhost six
127.0.0.21 a.test b
127.0.0.22 A.TEST
::22       a.test
127.0.0.23 app.editor.land
::ffff:127.0.0.24 mapped
nonsense   c
127.0.0.25
fe80::1%lo link
"""
        for multi in ("multi on\n", ""):
            self.assert_as_stock(self.lookups(names), hosts=hosts, host_conf=multi)
        self.assert_as_stock(self.lookups(["localhost", "a.test"]), hosts="")

    def test_order_of_addresses(self):
        names = ["many.zone.test", "mixed.zone.test", "mail.zone.test", "app.dual.test"]
        for policy in ("", "precedence ::ffff:0:0/96 100\n",
                       "label ::1/128 9\nprecedence ::1/128 30\nprecedence fc00::/7 70 # ours\nprecedence 2001:db8::/32 45\n"):
            self.assert_as_stock(self.lookups(names, {"all": True}, {"all": True, "family": 6}, {"all": True, "family": 4},
                                              {"all": True, "verbatim": False}), gai_conf=policy)

    def test_names_that_are_none(self):
        names = ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.256", "1.2.3.4.5", "08.1", "::1", "::ffff:1.2.3.4",
                 "a..zone.test", ".", "..", "x" * 64 + ".zone.test", "y." * 130 + "zone.test",
                 *("y." * 122 + "z" * n for n in (9, 10, 11, 12)), "a b.zone.test", "_x.zone.test",
                 "-a.zone.test", "*.zone.test", "b\u00fccher.zone.test", "MAIL.Zone.Test", "mail.zone.test.", "\u2603",
                 "mail\\.zone.test", "localhost.", "x.localhost", "x.onion", "x.invalid", "x.local", "%", "1", "1.zone.test"]
        self.assert_as_stock(self.lookups(names, {"all": True}, {"all": True, "family": 6},
                                          {"all": True, "family": 6, "hints": 2048}, {"family": 6, "hints": 8}))

    def test_wrong_arguments(self):
        calls = [["dns", "lookup", *args] for args in (
            [], ["x"], [1, "()"], [None, "()"], ["", "()"], ["x", "y", "()"], ["x", {"family": 5}, "()"], ["x", 7, "()"],
            ["x", {"hints": 1}, "()"], ["x", {"hints": "y"}, "()"], ["x", {"all": 1}, "()"], ["x", {"verbatim": 0}, "()"],
            ["x", {"order": "z"}, "()"], ["x", None, None], ["x", True, "()"], ["127.0.0.1", {"all": True}, "()"],
            ["app.editor.land", None, "()"], ["app.editor.land", {"family": "IPv4"}, "()"], ["x", {"family": "IPv5"}, "()"])]
        calls += [["promises"] + call[1:] for call in calls if "()" not in call or call[-1] == "()"]
        calls = [[form, *[a for a in rest if form == "dns" or a != "()"]] for form, *rest in calls]
        calls += [["dns", "setServers", servers] for servers in (1, ["x"], [1], ["127.0.0.1:x"], ["[::1]:1:"])]
        calls += [["dns", "lookupService", *args] for args in (
            [], ["x", 1, "()"], ["127.0.0.1", -1, "()"], ["127.0.0.1", "", "()"], ["127.0.0.1", 80], ["127.0.0.1", 1.5, "()"],
            ["127.0.0.1", 65536, "()"], ["127.0.0.1", "80", "()"])]
        calls += [["promises", "lookupService", *args] for args in (["127.0.0.1"], ["x", 1], ["127.0.0.1", 99999])]
        calls += [["dns", "resolve4", *args] for args in ([], [1, "()"], ["x"])]
        self.assert_as_stock(calls)

    def test_names_of_addresses(self):
        calls = [[form, "lookupService", address, port] + (["()"] if form == "dns" else []) for form in ("dns", "promises")
                 for address in ("127.0.0.1", "::1", "127.0.0.7", "127.0.0.2", "192.0.2.1", "2001:db8::1", "127.0.0.99")
                 for port in (80, "80", 53, 0, 12345)]
        calls += [["promises", "reverse", address] for address in ("127.0.0.7", "127.0.0.2", "192.0.2.1", "2001:db8::1")]
        self.assert_as_stock(calls)

    def test_changes_are_seen_at_once(self):
        """Nothing is kept in the process."""
        with harness.Mist({**CONFIG, "listen": {"port": 0}}, files={"zone": ZONE}) as server:
            code = """
                const dns = require('dns').promises;
                const { execFileSync } = require('child_process');
                const [mist, conf, ...env] = process.argv.slice(1);
                const register = (...args) => execFileSync(mist, [args[0], '-c', conf, ...args.slice(1)],
                    { env: { ...process.env, ...JSON.parse(env[0]) } });
                const look = () => Promise.all([dns.lookup('come.reg.test').then((a) => a.address, (e) => e.code),
                    dns.resolve4('come.reg.test').catch((e) => e.code)]);
                (async () => {
                    const seen = [await look()];
                    register('register', 'come.reg.test', '--owner', 'one', '127.0.0.31');
                    seen.push(await look());
                    register('deregister', 'come.reg.test', '--owner', 'one');
                    seen.push(await look());
                    console.log(JSON.stringify(seen));
                })();"""
            seen = self.eval(code, harness.program(), server.config_file, json.dumps(server.env), server=spec(server))
        self.assertEqual(seen, [["ENOTFOUND", "ENOTFOUND"], ["127.0.0.31", ["127.0.0.31"]], ["ENOTFOUND", "ENOTFOUND"]])

    def test_the_server_goes_while_the_program_runs(self):
        code = """
            const dns = require('dns');
            const look = () => Promise.all([dns.promises.lookup('app.editor.land').then((a) => a.address, (e) => e.code),
                dns.promises.resolve4('app.editor.land').catch((e) => e.code),
                fetch('http://app.editor.land:4999/').catch((e) => e.cause.code)]);
            (async () => {
                const seen = [await look()];
                process.kill(Number(process.argv[1]), 'SIGKILL');
                while ((await look())[1] !== 'ECONNREFUSED');
                seen.push(await look());
                console.log(JSON.stringify(seen));
            })();"""
        with harness.Mist({**CONFIG, "listen": {"port": 0}}, files={"zone": ZONE}) as server:
            seen = self.eval(code, server.process.pid, server=spec(server))
            server.process.wait()
            server.process.stdout.close()
            server.process = None
        self.assertEqual(seen, [["127.0.0.1", ["127.0.0.1"], "ECONNREFUSED"], ["EAI_AGAIN", "ECONNREFUSED", "EAI_AGAIN"]])

    def test_a_server_that_is_silent(self):
        """As patient as resolv.conf says, and then the error of a C library that got no answer."""
        code = """
            const { lookup } = require('dns').promises;
            Promise.all([lookup('app.editor.land'), lookup('app.editor.land', 6)].map((one) => one.catch((e) => e.code)))
                .then((seen) => console.log(JSON.stringify(seen)));"""
        etc.write("resolv_conf", "nameserver %s\noptions timeout:1 attempts:1\n" % SILENT)
        with harness.Upstream(handler=lambda query, tcp: None) as server:
            self.assertEqual(self.eval(code, server=server.spec), ["EAI_AGAIN", "EAI_AGAIN"])
            self.assertGreater(server.packets, 0)

    def test_cancelled(self):
        code = """
            const dns = require('dns');
            const http = require('http');
            const resolver = new dns.promises.Resolver();
            const asked = resolver.resolve4('app.editor.land').catch((e) => e.code);
            resolver.cancel();
            const abort = new AbortController();
            const got = new Promise((resolve) => http.get('http://app.editor.land/', { signal: abort.signal })
                .on('error', (e) => resolve(e.code)));
            const fetched = fetch('http://app.editor.land/', { signal: abort.signal }).catch((e) => e.name);
            abort.abort();
            Promise.all([asked, got, fetched]).then((seen) => console.log(JSON.stringify(seen)));"""
        etc.write("resolv_conf", "nameserver %s\noptions timeout:1 attempts:1\n" % SILENT)
        with harness.Upstream(handler=lambda query, tcp: None) as server:
            self.assertEqual(self.eval(code, server=server.spec), ["ECANCELLED", "ABORT_ERR", "AbortError"])

    def test_answers_that_need_tcp(self):
        wide = ["wide.test. 60 IN A 127.1.%d.%d" % (i // 200, i % 200) for i in range(600)]

        def handler(query, tcp):
            response = harness.answer_for(query, wide if query.question[0].rdtype == 1 and tcp else [])
            if not tcp:
                response.flags |= 0x0200
            return response

        code = "require('dns').lookup('wide.test', { all: true, family: 4 }, (e, all) => console.log(e ? `\"${e}\"` : all.length))"
        with harness.Upstream(handler=handler) as server:
            self.assertEqual(self.eval(code, server=server.spec), 600)

    def test_what_a_program_sees_of_it(self):
        """Functions and classes look as they do without it; servers are what they are."""
        looks = """
            const dns = require('dns');
            const { promisify, inspect } = require('util');
            const seen = (object) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, typeof value !== 'function'
                ? typeof value : [value.name, value.length, Object.getOwnPropertySymbols(value).map(String)]]));
            class Own extends dns.Resolver { own() { return 1; } }
            const resolver = new dns.promises.Resolver({ timeout: 10, tries: 1 });
            console.log(JSON.stringify([seen(dns), seen(dns.promises), seen(require('worker_threads')), seen(require('child_process')),
                new Own() instanceof dns.Resolver, new Own().own(), resolver.constructor === dns.promises.Resolver,
                resolver.constructor.name, dns.Resolver.name, Object.keys(dns.promises), inspect(dns.lookup)]));"""
        self.assertEqual(self.eval(looks), json.loads(self.run_node("-e", looks).stdout))
        code = """
            const dns = require('dns');
            for (const one of [dns, dns.promises, new dns.Resolver(), new dns.promises.Resolver()])
                one.setServers(['192.0.2.1']);
            const own = new dns.Resolver();
            Object.getPrototypeOf(dns.Resolver.prototype).setServers?.call(own, ['192.0.2.1']);
            console.log(JSON.stringify([dns, dns.promises, own, new dns.promises.Resolver()].map((one) => one.getServers())))"""
        self.assertEqual(self.eval(code), [[spec(mist)]] * 4)

    def test_contexts_are_kept(self):
        code = """
            const { AsyncLocalStorage } = require('async_hooks');
            const dns = require('dns');
            const store = new AsyncLocalStorage();
            const seen = [];
            const names = ['app.editor.land', 'app.dual.test', 'localhost', '127.1', 'denied.example.com'];
            names.forEach((name) => store.run(name, () => dns.lookup(name, () => {
                seen.push(store.getStore());
                if (seen.length === names.length) console.log(JSON.stringify(seen.sort()));
            })));"""
        self.assertEqual(self.eval(code), sorted(["app.editor.land", "app.dual.test", "localhost", "127.1", "denied.example.com"]))

    def test_reports_ask_nobody(self):
        code = """
            const server = require('net').createServer().listen(0, '127.0.0.1', () => {
                const client = require('net').connect(server.address().port, 'app.editor.land', () => {
                    if ('excludeNetwork' in process.report) process.report.getReport();
                    client.destroy(); server.close(); console.log('1');
                });
            });"""
        etc.write("hosts", "")
        self.assertEqual(self.eval(code), 1)

    def test_wrong_settings(self):
        for value in (None, "", "localhost:53", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:53", "[127.0.0.1]:53",
                      "127.0.0.1:53x", "[::1]", "256.0.0.1:53"):
            for options, program in ((REQUIRE, "-e"), (IMPORT, "--eval")):
                with self.subTest(value=value, options=options):
                    done = self.run_node(program, "console.log('it ran')", options=options, server=value, check=False)
                    self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                    self.assertRegex(done.stderr, r"^@mistcore/preload: MIST_DNS is .*MIST_DNS=127\.0\.0\.1:5380.*\n$")
                    if value:
                        self.assertIn('"%s"' % value, done.stderr)
                if not harness.LONG:
                    break

    def test_loaded_twice(self):
        """And from two places; with other preloads before it."""
        copy = os.path.join(directory, "a copy of it")
        shutil.copytree(PACKAGE, copy, dirs_exist_ok=True)
        options = '--require "%s/index.js" %s %s' % (copy, REQUIRE, IMPORT)
        code = """
            const { execFileSync } = require('child_process');
            require('dns').lookup('web.reg.test', (e, address) => console.log(JSON.stringify([address, process.argv[1] ?
                JSON.parse(execFileSync(process.execPath, ['-e', process.argv[1]], { env: {} })) : 0])));"""
        self.assertEqual(self.eval(code, code, options=options), ["127.0.0.2", ["127.0.0.2", 0]])

    def test_as_a_package(self):
        """By name, in the long run as npm packs it; and what launchers import."""
        home = tempfile.mkdtemp(dir=directory)
        modules = os.path.join(home, "node_modules", "@mistcore", "preload")
        if harness.LONG and shutil.which("npm"):
            self.pack(home, modules)
        else:
            shutil.copytree(PACKAGE, modules)
        self.use(home)

    def pack(self, home, modules):
        os.makedirs(modules)
        packed = harness.run("npm", "pack", "--silent", "--offline", "--no-update-notifier", PACKAGE, cwd=home,
                             env={**os.environ, "HOME": directory}).stdout.split()[-1]
        harness.run("tar", "xzf", os.path.join(home, packed), "-C", modules, "--strip-components=1")

    def use(self, home):
        code = """
            import { environment } from '@mistcore/preload/environment';
            import { execFileSync } from 'node:child_process';
            const env = environment('%s', { PATH: process.env.PATH });
            const code = "console.log(require('dns').getServers()[0])";
            console.log(execFileSync(process.execPath, ['-e', code], { env, cwd: '/' }).toString());
            try { environment('nonsense'); } catch ({ message }) { console.log(message); }""" % spec(mist)
        with open(os.path.join(home, "launcher.mjs"), "w") as file:
            file.write(code)
        done = subprocess.run([self.node, "launcher.mjs"], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, env={"PATH": os.environ["PATH"]})
        self.assertRegex(done.stdout, r"^%s\n\nMIST_DNS is \"nonsense\"" % re.escape(spec(mist)), done.stderr)
        for options in ("--require @mistcore/preload", "--import @mistcore/preload"):
            done = subprocess.run([self.node, "-e", "require('dns').lookup('web', (e, a) => console.log(a))"], cwd=home,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                                  env={"PATH": os.environ["PATH"], "NODE_OPTIONS": options, "MIST_DNS": spec(mist)})
            self.assertEqual((done.stdout, done.stderr), ("127.0.0.2\n", ""), options)

    @unittest.skipUnless(harness.LONG, "a measurement")
    def test_speed(self):
        """Says it; what it should be is written in docs/VERIFICATION.md."""
        count, turns = 2000, 9
        etc.write("resolv_conf", "nameserver 127.0.0.1\n")
        for name in ("app.editor.land", "web.reg.test", "app.dual.test"):
            done = self.run_node(os.path.join(HERE, "speed.cjs"), PACKAGE, name, count, turns, server=spec(mist))
            sys.stderr.write("node %s, %s: %s" % (self.version or "of PATH", name, done.stdout))
            self.assertEqual(set(json.loads(done.stdout)), {"one by one", "32 at once"})


class CountTest(NodeTest):

    def tearDown(self):
        pass

    def test_the_counter_counts(self):
        """Without the package it is the silent sockets that are asked."""
        code = """
            const resolver = new (require('dns').Resolver)({ timeout: 100, tries: 1 });
            resolver.resolve4('app.editor.land', (e) => console.log(JSON.stringify(e.code)));"""
        self.assertEqual(self.eval(code, options=""), "ETIMEOUT")
        self.assertGreater(silent.packets(), 0)


def load_tests(loader, standard, pattern):
    """Everything with the node of PATH; with each other version the matrix and, in the long run, everything too."""
    suite = unittest.TestSuite()
    for kind in (MatrixTest, SurfaceTest, CountTest):
        suite.addTests(loader.loadTestsFromTestCase(kind))
    for version in VERSIONS:
        for kind in (MatrixTest, SurfaceTest) if harness.LONG else (MatrixTest,):
            own = type("%sNode%s" % (kind.__name__, version), (kind,), {"version": version, "__module__": __name__})
            suite.addTests(loader.loadTestsFromTestCase(own))
    return suite


if __name__ == "__main__":
    unittest.main()
