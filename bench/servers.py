"""Who takes part, each tuned for the pattern: as many workers as it is told, no limits, no logs, minimal
answers, answers not rotated where that can be said. Their configurations stand in the result.

Servers and their life cycle come from tests/system/harness.py; here are the configurations.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "system"))
import harness  # noqa: E402
import zones  # noqa: E402

# What a reader has to know beside a figure.
REMARKS = {
    "nsd": "Debian builds NSD without recvmmsg and with checks.",
    "bind": "Listens on one address with a socket per worker.",
    "unbound": "A resolver; here with local data, its answers carry the same records.",
    "dnsmasq": "One thread, no records in the authority section of negative answers; over TCP it closes after "
               "100 questions, so it is left out there.",
    "pdns": "Answers from its packet cache, which the warm-up fills.",
    "dnsdist": "Answers from its packet cache, which the warm-up fills.",
}


def shown(label):
    """A server's name with what has to be said beside every figure of it."""
    return label + " (no recvmmsg)" if label.split("+")[0] == "nsd" else label


class Tuned:
    """Mixed into harness.Peer."""
    judged = "strict"        # which query file: see zones.py

    def workers(self):
        return self.how.get("workers", 1)

    def values(self, **more):
        return {"dir": self.directory, "address": self.address, "port": self.port,
                "workers": self.workers(), "zone": zones.ZONE,
                "file": next(iter(self.zones.values()), None), **more}

    def configuration(self):
        with open(self.path("conf")) as file:
            return file.read()

    @property
    def pid(self):
        return self.process.pid


class Gdnsd(Tuned, harness.Peer):
    program = "gdnsd"

    def command(self):
        return ["gdnsd", "-c", self.path("etc"), "start"]

    def config(self):
        os.makedirs(self.path("etc", "zones"), exist_ok=True)
        shutil.copy(next(iter(self.zones.values())), self.path("etc", "zones", zones.ZONE))
        text = """options => {
  listen => %(address)s:%(port)d
  udp_threads => %(workers)d
  tcp_threads => %(workers)d
  tcp_pipelining => 16
  tcp_clients_per_thread => 1024
  run_dir => %(dir)s/run
  state_dir => %(dir)s/state
  zones_strict_data => false
}
""" % self.values()
        if not self.how.get("tcp"):
            text = text.replace("  tcp_pipelining => 16\n", "")
        with open(self.path("etc", "config"), "w") as file:
            file.write(text)
        return text


class Knot(Tuned, harness.Knot):
    def config(self):
        return """server:
    rundir: "%(dir)s"
    listen: %(address)s@%(port)d
    udp-workers: %(workers)d
    tcp-workers: %(workers)d
    background-workers: 1
    udp-max-payload: 1232
    answer-rotation: off
    tcp-max-clients: 4096
    tcp-reuseport: on
    socket-affinity: %(affinity)s
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
  - domain: "%(zone)s"
    file: "%(file)s"
""" % self.values(affinity="on" if self.how.get("affinity") else "off")


class Nsd(Tuned, harness.Nsd):
    def config(self):
        return """server:
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
  server-count: %(workers)d
  reuseport: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  ipv4-edns-size: 1232
  minimal-responses: yes
  refuse-any: no
  tcp-count: 1024
  round-robin: no
%(affinity)sremote-control:
  control-enable: no
zone:
  name: "%(zone)s"
  zonefile: "%(file)s"
""" % self.values(affinity=self.affinity())

    def affinity(self):
        """A CPU for each worker, which it then stays on."""
        if not self.how.get("affinity"):
            return ""
        cpus = sorted(os.sched_getaffinity(0))
        return "  cpu-affinity: %s\n" % " ".join(map(str, cpus)) + "".join(
            "  server-%d-cpu-affinity: %d\n" % (i + 1, cpus[i % len(cpus)]) for i in range(self.workers()))


class Bind(Tuned, harness.Bind):
    def command(self):
        return ["named", "-g", "-n", str(self.workers()), "-c", self.path("conf")]

    def config(self):
        head = self.head("reuseport yes", "tcp-clients 1024", "zone-statistics none", "rrset-order { order fixed; }")
        return head + """logging { category default { null; }; category queries { null; }; };
zone "%(zone)s" { type primary; file "%(file)s"; check-names ignore; };
""" % self.values()


class Pdns(Tuned, harness.Peer):
    program = "pdns_server"

    def command(self):
        return ["pdns_server", "--config-dir=" + self.directory]

    def config(self):
        with open(self.path("zones.conf"), "w") as file:
            file.write('zone "%(zone)s" { type master; file "%(dir)s/zone"; };\n' % self.values())
        # it knows HTTPS, and then does not find what was written as TYPE65
        with open(next(iter(self.zones.values()))) as source, open(self.path("zone"), "w") as file:
            unknown = "TYPE65 " + zones.text_of("TYPE65", zones.https_rdata())
            file.write(source.read().replace(unknown, 'HTTPS 1 . alpn="h2"'))
        text = """launch=bind
bind-config=%(dir)s/zones.conf
local-address=%(address)s
local-port=%(port)d
socket-dir=%(dir)s
receiver-threads=%(workers)d
distributor-threads=1
reuseport=yes
cache-ttl=3600
query-cache-ttl=3600
negquery-cache-ttl=3600
max-packet-cache-entries=1000000
max-cache-entries=1000000
max-tcp-connections=1024
max-tcp-transactions-per-conn=0
daemon=no
guardian=no
disable-syslog=yes
loglevel=0
log-dns-queries=no
version-string=anonymous
webserver=no
security-poll-suffix=
""" % self.values()
        with open(self.path("pdns.conf"), "w") as file:
            file.write(text)
        return text


class UnboundLocal(Tuned, harness.Unbound):
    """The zone as local data."""

    def config(self):
        lines = ["  local-data: '%s. SOA %s'" % (zones.ZONE, zones.SOA)]
        lines += ["  local-data: '%s.%s. 300 %s %s'" % (owner, zones.ZONE, kind, zones.text_of(kind, data))
                  for owner, kind, data in zones.records(self.how["size"])]
        with open(self.path("zone.conf"), "w") as file:
            file.write("server:\n" + "\n".join(lines) + "\n")
        return unbound_text(self.values(), '  local-zone: "%s." static\n'
                            'include: "%s/zone.conf"\n' % (zones.ZONE, self.directory))


class UnboundForward(Tuned, harness.Unbound):
    """Everything from the upstream, then from the cache."""

    def config(self):
        upstream = self.how["upstream"]
        return unbound_text(self.values(), 'forward-zone:\n  name: "."\n  forward-addr: %s@%d\n'
                            % (upstream.address, upstream.port))


def unbound_text(values, rest):
    return """server:
  interface: %(address)s@%(port)d
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "%(dir)s"
  pidfile: "%(dir)s/pid"
  use-syslog: no
  logfile: ""
  verbosity: 0
  num-threads: %(workers)d
  so-reuseport: yes
  msg-cache-slabs: 2
  rrset-cache-slabs: 2
  infra-cache-slabs: 2
  key-cache-slabs: 2
  msg-cache-size: 64m
  rrset-cache-size: 128m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  incoming-num-tcp: 1024
  edns-buffer-size: 1232
  minimal-responses: yes
  rrset-roundrobin: no
  do-not-query-localhost: no
  module-config: "iterator"
  trust-anchor-signaling: no
  root-key-sentinel: no
  local-zone: "invalid." nodefault
""" % values + rest + """remote-control:
  control-enable: no
"""


class Dnsdist(Tuned, harness.Peer):
    """A packet cache before the upstream."""
    program = "dnsdist"

    def command(self):
        return ["dnsdist", "--supervised", "--disable-syslog", "-C", self.path("conf")]

    def config(self):
        upstream = self.how["upstream"]
        listen = 'addLocal("%s:%d", {reusePort=true})\n' % (self.address, self.port)
        # messages a call, and small rings of recent questions: together an eighth of its time
        return """setUDPMultipleMessagesVectorSize(256)
setRingBuffersSize(100, 1)
setSecurityPollSuffix("")
setACL({"127.0.0.0/8"})
%snewServer({address="%s:%d", healthCheckMode="up"})
cache = newPacketCache(1000000, {maxTTL=3600, numberOfShards=%d, deferrableInsertLock=false})
getPool(""):setCache(cache)
""" % (listen * self.workers(), upstream.address, upstream.port, 4 * self.workers())


class Dnsmasq(Tuned, harness.Peer):
    program = "dnsmasq"
    judged = "loose"

    def command(self):
        return ["dnsmasq", "-k", "-C", self.path("conf"), "--log-facility=-"]

    def config(self):
        text = """port=%(port)d
listen-address=%(address)s
bind-interfaces
no-resolv
no-hosts
no-poll
user=
group=
pid-file=
cache-size=10000
dns-forward-max=1000
local-ttl=300
local=/%(zone)s/
conf-file=%(dir)s/zone.conf
""" % self.values()
        write = {"A": "host-record=%s,%s", "AAAA": "host-record=%s,%s", "TXT": "txt-record=%s,\"%s\"",
                 "TYPE65": "dns-rr=%s,65,%s"}
        with open(self.path("zone.conf"), "w") as file:
            for owner, kind, data in zones.records(self.how["size"]):
                file.write(write[kind] % ("%s.%s" % (owner, zones.ZONE),
                                          data.hex() if kind == "TYPE65" else data) + "\n")
        return text


class Mist(harness.Mist):
    judged = "strict"

    def configuration(self):
        with open(self.config_file) as file:
            return file.read()

    @property
    def pid(self):
        return self.process.pid


class Echo(harness.Server):
    """A floor: bench_echo with its arguments."""
    judged = "form"          # it answers everything with one record

    def __init__(self, *args):
        self.args = args
        self.directory = tempfile.mkdtemp(prefix="echo-")

    def __enter__(self):
        self.process = subprocess.Popen([tool("bench_echo"), *self.args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        ready = json.loads(harness.read_line(self.process.stdout, self.process))
        self.address, self.port = ready["address"], ready["port"]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def configuration(self):
        return "bench_echo %s\n" % " ".join(self.args)

    @property
    def pid(self):
        return self.process.pid


def tool(name):
    """A program of ours beside the mist under test."""
    path = os.path.join(os.path.dirname(harness.program()), name)
    if not os.path.exists(path):
        raise FileNotFoundError("%s is not built (cmake -DBENCH=ON)" % path)
    return path


PEERS = {"gdnsd": Gdnsd, "knot": Knot, "nsd": Nsd, "bind": Bind, "pdns": Pdns, "unbound": UnboundLocal,
         "dnsmasq": Dnsmasq}
FORWARDERS = {"unbound": UnboundForward, "dnsdist": Dnsdist}
ECHOES = {"echo-mmsg": ("mmsg",), "echo-mmsg-grouped": ("mmsg", "grouped"), "echo-uring": ("uring",),
          "echo-uring-grouped": ("uring", "grouped")}
PROBE = "svc-0000000.namespace." + zones.ZONE


def installed(kind):
    return shutil.which(kind.program, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None


def zone_file(setup, site):
    if setup == "signed":
        return site.signed_zone()
    return site.zone({"large": site.large_size, "small": site.SMALL}.get(setup))


def mist(setup, site, workers, upstream, settings):
    config = {"workers": workers}
    if setup in ("zone", "large", "small"):
        config["zones"] = [{"name": zones.ZONE, "file": zone_file(setup, site), "dnssec": False}]
    elif setup == "made":
        config["zones"] = [{"name": zones.ZONE, "ephemeral_key": True}]
    elif setup == "sign":
        config["zones"] = [{"name": zones.ZONE, "file": zone_file("large", site), "ephemeral_key": True}]
    elif setup == "signed":
        config["zones"] = [{"name": zones.ZONE, "file": site.signed_zone(), "dnssec": "presigned"}]
    else:
        # the addresses asked for are loopback ones, which only a private rule lets through
        config["forward"] = {"allow": [{"name": "." + zones.ZONE, "private": True,
                                        "upstreams": ["%s:%d" % (upstream.address, upstream.port)]}]}
    return Mist({**config, **settings}, engine="auto")


def make(name, setup, site, workers, upstream=None):
    """The server of that name, not yet started; None where it is not installed or cannot take part. Setups: the
    unsigned zone in three sizes (zone, large, small), the signed one, forward; of mist also a made zone,
    and sign: the large zone, signed when it starts."""
    name, *settings = name.split("+")
    settings = {key: json.loads(value) if value in ("true", "false") or value.isdigit() else value
                for key, value in (each.split("=") for each in settings)}
    if name == "mist":
        return mist(setup, site, workers, upstream, settings)
    if name in ECHOES:
        return Echo(*ECHOES[name]) if setup in ("zone", "forward") else None
    how = {"workers": settings.get("workers", workers), "affinity": settings.get("affinity", False)}
    kind = (FORWARDERS if setup == "forward" else PEERS).get(name)
    if kind is None or not installed(kind) or (setup == "signed" and name not in ("knot", "nsd", "bind")):
        return None
    if setup == "forward":
        return kind(upstream=upstream, probe=PROBE, **how)
    return kind({zones.ZONE: zone_file(setup, site)}, size=site.size, probe=PROBE, **how)


def shown_configuration(server, site, upstream=None):
    """The configuration, with words for what differs from run to run."""
    text = server.configuration().replace(server.directory, "DIR").replace(site.directory, "ZONES")
    for each, word in ((server, ""), (upstream, "UPSTREAM_")):
        if each is not None:
            text = text.replace(each.address, word + "ADDRESS")
            text = re.sub(r"\b%d\b" % each.port, word + "PORT", text)
    return text


PACKAGES = {"gdnsd": "gdnsd", "knot": "knot", "nsd": "nsd", "bind": "bind9", "pdns": "pdns-server",
            "unbound": "unbound", "dnsdist": "dnsdist", "dnsmasq": "dnsmasq-base", "ldns": "libldns3",
            "openssl speed": "openssl", "mist": "liburing2"}


def versions(names):
    """{package: what the package manager says its version is}"""
    if shutil.which("dpkg-query") is None:
        return {}
    packages = {PACKAGES[name] for name in names if name in PACKAGES}
    return {package: harness.run("dpkg-query", "-W", "-f=${Version}", package, check=False).stdout
            for package in sorted(packages)}
