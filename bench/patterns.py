"""What is measured, and the bars.

A pattern is one way of asking; every server that can takes part in turns. `place` says where: "pinned",
the server on one CPU and the generator on the other; "free", both wherever the scheduler puts them, one
worker per CPU and as many generators.

A server may carry settings, "mist+engine=epoll+pin=true" or "knot+workers=1": of mist any key of its
configuration, of others the number of workers.
"""
from dataclasses import dataclass

AUTHORITATIVE = ("mist", "gdnsd", "knot", "nsd", "bind", "pdns", "unbound", "dnsmasq")
FLOORS = ("echo-mmsg", "echo-uring")
# Each in its best setting, which for some is a single worker.
SINGLE = tuple(name + workers for name in ("gdnsd", "knot", "nsd", "unbound") for workers in ("", "+workers=1"))
STEERED = tuple("mist+steer=%s+pin=%s" % (steer, pin) for pin in ("false", "true")
                for steer in ("auto", "cpu", "hash", "random"))
GROUPED = ("echo-mmsg-grouped", "echo-uring-grouped")


@dataclass
class Pattern:
    name: str
    title: str
    load: tuple
    servers: tuple
    questions: str = "mixed"
    setup: str = "zone"          # zone, signed, forward
    place: str = "pinned"
    metric: str = "cpu_us"       # what the chart shows: cpu_us, rate, p50, p99
    share: float = 0             # open loop, at this share of the slowest peer's rate in `share_of`
    share_of: str = ""
    burners: bool = False        # something else wants both CPUs
    clients: int = 0             # generators side by side; 0: one, or one per CPU in a free place
    quick: bool = True           # part of the quick form
    beside: tuple = ()           # other patterns whose mist takes its turn here, as "mist:pattern"


PIPELINED = ("--sockets", "8", "--window", "16")

PATTERNS = (
    Pattern("stubs", "64 stubs, one question each", ("--sockets", "64"),
            AUTHORITATIVE + ("mist+engine=epoll",) + FLOORS, "equal"),
    Pattern("pipelined", "8 sockets with 16 in flight, many answer lengths", PIPELINED,
            AUTHORITATIVE + ("mist+engine=epoll",)),
    Pattern("equal", "8 sockets with 16 in flight, answers of 67 octets", PIPELINED,
            AUTHORITATIVE + ("mist+engine=uring", "mist+engine=epoll") + FLOORS + GROUPED, "equal"),
    Pattern("signed", "8 x 16 with DO: signed answers, 100,000 names", PIPELINED + ("--do",),
            ("mist", "knot", "nsd", "bind"), "signed", "signed"),
    Pattern("signed-missing", "8 x 16 with DO: NXDOMAIN with NSEC proofs, 100,000 names", PIPELINED + ("--do",),
            ("mist", "knot", "nsd", "bind"), "signed-missing", "signed"),
    Pattern("single", "one question at a time, nothing pinned", (),
            ("mist", "mist+engine=epoll") + SINGLE + FLOORS, "equal", place="free",
            metric="p50"),
    Pattern("single-busy", "one question at a time, both CPUs busy with something else", (),
            ("mist", "mist+engine=epoll") + SINGLE, "equal", place="free", metric="p50", burners=True),
    Pattern("tail", "64 sockets, open loop at 30 % of the slowest peer's rate", ("--sockets", "64", "--window", "16"),
            ("mist", "mist+engine=epoll", "gdnsd", "knot", "nsd", "unbound"), metric="p99", share=0.3,
            share_of="pipelined"),
    Pattern("forward", "8 x 16 on cached answers of an upstream", PIPELINED, ("mist", "unbound", "dnsdist"),
            setup="forward", beside=("pipelined",)),
    Pattern("refused", "8 x 16 on names nobody may ask here", PIPELINED, ("mist", "gdnsd", "knot", "nsd", "bind"),
            "refused", beside=("pipelined",)),
    Pattern("tcp", "TCP: 32 connections with 16 in flight", ("--tcp", "--sockets", "32", "--window", "16"),
            ("mist", "mist+engine=epoll", "gdnsd", "knot", "nsd", "bind", "pdns", "unbound"), "equal", metric="rate"),
    Pattern("tcp-once", "TCP: one question per connection",
            ("--tcp", "--sockets", "32", "--per-connection", "1", "--sources", "200"),
            ("mist", "mist+engine=epoll", "gdnsd", "knot", "nsd", "bind", "pdns", "unbound"), "equal", metric="rate"),
    Pattern("segments", "8 x 16, clients that use UDP_SEGMENT and UDP_GRO", PIPELINED + ("--segment", "--gro"),
            ("mist+gro=true", "mist+engine=epoll+gro=true"), "equal", beside=("pipelined",)),
    Pattern("cookies", "8 x 16 with DNS cookies", PIPELINED + ("--cookies",),
            ("mist", "mist+engine=epoll", "knot", "nsd", "bind")),
    Pattern("large", "8 x 16 on a zone of 200,000 names", PIPELINED, ("mist", "knot", "nsd"), "equal-large", "large",
            beside=("small",)),
    Pattern("small", "8 x 16 on a zone of 10 names", PIPELINED, ("mist", "knot", "nsd"), "equal-small", "small",
            quick=False),
    Pattern("stubs-free", "64 stubs, nothing pinned, a worker per CPU", ("--sockets", "32"),
            AUTHORITATIVE + ("mist+engine=epoll",), "equal", place="free", quick=False),
    Pattern("pipelined-free", "16 sockets with 16 in flight, nothing pinned, a worker per CPU", PIPELINED,
            AUTHORITATIVE + ("mist+engine=epoll",), place="free"),
    Pattern("steer-single", "steering and pinning: one question at a time", (), STEERED, "equal", place="free",
            metric="p50", quick=False),
    Pattern("steer-one", "steering and pinning: one busy client of 64 sockets", ("--sockets", "64"), STEERED, "equal",
            place="free", clients=1, metric="rate", quick=False),
    Pattern("steer-many", "steering and pinning: four busy clients of 16 sockets", ("--sockets", "16"), STEERED,
            "equal", place="free", clients=4, metric="rate", quick=False),
)


@dataclass
class Bar:
    """`ours` in `pattern` against each of `theirs`, round by round; the value itself where there are none."""
    number: int
    pattern: str
    metric: str
    theirs: tuple
    must: float
    reach: float
    ours: str = "mist"
    higher: bool = False         # ratio has to be at least, not at most
    best: bool = False           # only against the best of them


BARS = (
    Bar(1, "stubs", "cpu_us", ("gdnsd",), 1.05, 1.00),
    Bar(1, "stubs", "cpu_us", ("knot",), 0.90, 0.90),
    Bar(2, "pipelined", "cpu_us", ("gdnsd",), 0.82, 0.76),
    Bar(2, "pipelined", "cpu_us", ("knot",), 0.66, 0.66),
    Bar(2, "pipelined", "busy_us", ("gdnsd",), 1.00, 1.00),
    Bar(3, "pipelined", "rate", ("gdnsd",), 1.07, 1.07, higher=True),
    Bar(3, "pipelined", "rate", ("knot", "nsd"), 1.28, 1.28, higher=True),
    Bar(4, "equal", "rate", ("echo-uring-grouped",), 0.92, 0.97, ours="mist+engine=uring", higher=True),
    Bar(4, "equal", "rate", ("echo-mmsg-grouped",), 0.92, 0.97, ours="mist+engine=epoll", higher=True),
    Bar(5, "signed", "cpu_us", ("knot",), 0.75, 0.65),
    Bar(5, "signed-missing", "cpu_us", ("knot",), 0.75, 0.65),
    Bar(6, "single", "p50", SINGLE, 1.05, 0.90, best=True),
    Bar(6, "single-busy", "p50", SINGLE, 1.05, 0.90, best=True),
    Bar(7, "tail", "p99", ("gdnsd", "knot", "nsd", "unbound"), 1.15, 0.90, best=True),
    Bar(8, "forward", "cpu_us", ("mist:pipelined",), 1.10, 1.05),
    Bar(8, "forward", "cpu_us", ("unbound",), 0.65, 0.65),
    Bar(8, "forward", "cpu_us", ("dnsdist",), 0.50, 0.50),
    Bar(9, "refused", "cpu_us", ("mist:pipelined",), 1.05, 1.05),
    Bar(10, "tcp", "rate", ("knot", "nsd", "unbound"), 1.4, 2.0, higher=True, best=True),
    Bar(10, "tcp-once", "rate", ("knot", "nsd", "unbound"), 1.0, 1.2, higher=True, best=True),
    Bar(11, "segments", "cpu_us", ("mist:pipelined",), 0.40, 0.33, ours="mist+gro=true"),
    Bar(13, "pipelined", "calls", (), 1 / 16, 1 / 16),
    Bar(13, "single", "calls", (), 1.05, 1.05),
    Bar(14, "stubs", "cpu_us", ("mist",), 1.00, 1.00, ours="mist+engine=epoll"),
    Bar(14, "pipelined", "cpu_us", ("mist",), 1.00, 1.00, ours="mist+engine=epoll"),
    Bar(14, "single", "p50", ("mist",), 1.00, 1.00, ours="mist+engine=epoll"),
    Bar(12, "lookup", "cpu_ns", (), 300, 150, ours="1 thread"),
    Bar(12, "lookup", "rate", ("1 thread",), 1.7, 1.7, ours="2 threads", higher=True),
    Bar(15, "sign", "rate", ("openssl speed",), 0.85, 0.85, higher=True),
    Bar(15, "load", "cpu_ms", ("ldns",), 1.5, 1.0),
    Bar(15, "memory", "octets_a_name", ("knot",), 1.0, 1.0),
    Bar(15, "large", "rate", ("mist:small",), 0.95, 0.95, higher=True),
    Bar(16, "start", "ms", (), 50, 20),
)
