"""What is measured, and the bars.

A pattern is one way of asking; every server that can takes part in turns. `place` says where: "pinned",
the server on one CPU and the generator on the other; "free", both wherever the scheduler puts them, one
worker per CPU and as many generators.

A server may carry settings, "mist+engine=epoll+pin=true" or "knot+workers=1": of mist any key of its
configuration, of others the number of workers.
"""
from dataclasses import dataclass

from rounds import CLOSE, USUAL, Care

AUTHORITATIVE = ("mist", "gdnsd", "knot", "nsd", "bind", "pdns", "unbound", "dnsmasq")
# Which of the two the default is stands in the ready line; it measured twice shows how good the figures are.
ENGINES = ("mist+engine=uring", "mist+engine=epoll")
FLOORS = ("echo-mmsg", "echo-uring")
GROUPED = ("echo-mmsg-grouped", "echo-uring-grouped")
# Each in its best setting, which for some is a single worker, or workers that stay on their CPUs.
SINGLE = tuple(name + workers for name in ("gdnsd", "knot", "nsd", "unbound") for workers in ("", "+workers=1")
               ) + ("knot+affinity=true", "nsd+affinity=true")
STEERED = ("mist",) + tuple("mist+steer=%s+pin=%s" % (steer, pin) for pin in ("false", "true")
                for steer in ("hash", "cpu", "random"))
FREE_ROUNDS = 7      # of a pattern without a bar; six are the least that have an interval


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
    group: str = ""              # patterns that are one table together
    times: float = 1             # how much longer than others a run takes, where one alone says little
    many: int = 1                # how many more rounds there are, where single runs lie far apart
    care: Care = USUAL           # about what disturbs


PIPELINED = ("--sockets", "8", "--window", "16")

PATTERNS = (
    Pattern("stubs", "64 stubs, one question each", ("--sockets", "64"),
            AUTHORITATIVE + ENGINES + FLOORS, "equal"),
    Pattern("pipelined", "8 sockets with 16 in flight, many answer lengths", PIPELINED,
            AUTHORITATIVE + ENGINES + GROUPED),
    Pattern("equal", "8 sockets with 16 in flight, answers of 67 octets", PIPELINED,
            AUTHORITATIVE + ENGINES + FLOORS + GROUPED, "equal"),
    Pattern("signed", "8 x 16 with DO: signed answers, 100,000 names", PIPELINED + ("--do",),
            ("mist", "knot", "nsd", "bind"), "signed", "signed"),
    Pattern("signed-missing", "8 x 16 with DO: NXDOMAIN with NSEC proofs, 100,000 names", PIPELINED + ("--do",),
            ("mist", "knot", "nsd", "bind"), "signed-missing", "signed"),
    Pattern("single", "one question at a time, nothing pinned", (),
            ("mist",) + ENGINES + SINGLE + FLOORS, "equal", place="free", metric="p50", times=3),
    Pattern("single-busy", "one question at a time, both CPUs busy with something else", (),
            ("mist",) + ENGINES + SINGLE, "equal", place="free", metric="p50", burners=True, times=3),
    # A percentile of one in a hundred: what others take has to be far below that.
    Pattern("tail", "64 sockets, open loop at 30 % of the slowest peer's rate",
            ("--sockets", "64", "--window", "16", "--spin", "--pauses"),
            ("mist", "mist+engine=uring", "gdnsd", "knot", "nsd", "unbound"), metric="p99", share=0.3,
            share_of="pipelined", times=0.5, many=4, care=CLOSE),
    Pattern("forward", "8 x 16 on cached answers of an upstream", PIPELINED, ("mist", "unbound", "dnsdist") + GROUPED,
            setup="forward", beside=("pipelined",)),
    Pattern("refused", "8 x 16 on names nobody may ask here", PIPELINED, ("mist", "gdnsd", "knot", "nsd", "bind"),
            "refused", beside=("pipelined",)),
    Pattern("tcp", "TCP: 32 connections with 16 in flight", ("--tcp", "--sockets", "32", "--window", "16"),
            ("mist", "mist+engine=uring", "gdnsd", "knot", "nsd", "bind", "pdns", "unbound"), "equal", metric="rate"),
    Pattern("tcp-once", "TCP: one question per connection",
            ("--tcp", "--sockets", "32", "--per-connection", "1", "--sources", "200"),
            ("mist", "mist+engine=uring", "gdnsd", "knot", "nsd", "bind", "pdns", "unbound"), "equal", metric="rate"),
    Pattern("segments", "8 x 16, clients that use UDP_SEGMENT and UDP_GRO", PIPELINED + ("--segment", "--gro"),
            ("mist+gro=true", "mist+engine=uring+gro=true"), "equal", beside=("pipelined", "equal")),
    Pattern("cookies", "8 x 16 with DNS cookies", PIPELINED + ("--cookies",),
            ("mist", "mist+engine=uring", "knot", "nsd", "bind")),
    Pattern("large", "8 x 16 on a zone of 200,000 names", PIPELINED, ("mist", "knot", "nsd"), "equal-large", "large",
            beside=("small",)),
    Pattern("small", "8 x 16 on a zone of 10 names", PIPELINED, ("mist", "knot", "nsd"), "equal-small", "small",
            quick=False),
    Pattern("stubs-free", "64 stubs, nothing pinned, a worker per CPU", ("--sockets", "32"),
            AUTHORITATIVE + ("mist+engine=uring",), "equal", place="free", quick=False),
    Pattern("pipelined-free", "16 sockets with 16 in flight, nothing pinned, a worker per CPU", PIPELINED,
            AUTHORITATIVE + ("mist+engine=uring",), place="free"),
    Pattern("signed-free", "signed answers, 16 sockets with 16 in flight, nothing pinned, a worker per CPU",
            PIPELINED + ("--do",), ("mist", "knot", "nsd", "bind"), "signed", "signed", place="free", quick=False),
    Pattern("steer-single", "one question at a time", (), STEERED, "equal", place="free", metric="p50", quick=False,
            group="steering"),
    Pattern("steer-think", "one question at a time, 300 us of computing after each answer", ("--think", "300"), STEERED,
            "equal", place="free", clients=1, metric="p50", quick=False, group="steering"),
    Pattern("steer-stubs", "64 stubs", ("--sockets", "64"), STEERED, "equal", place="free", clients=1, quick=False,
            group="steering"),
    Pattern("steer-one", "one busy client", PIPELINED, STEERED, "equal", place="free", clients=1, metric="rate",
            quick=False, group="steering"),
    Pattern("steer-many", "four busy clients", PIPELINED, STEERED, "equal", place="free", clients=4, metric="rate",
            quick=False, group="steering"),
)


GROUPS = {"steering": "steering and pinning: two workers, clients that nothing pins"}


@dataclass
class Bar:
    """`ours` in `pattern` against each of `theirs`, round by round; the value itself where there are none."""
    number: int
    pattern: str
    metric: str
    theirs: tuple
    must: float                  # None: reported
    reach: float                 # None: nothing beyond what it must
    ours: str = "mist"
    higher: bool = False         # ratio has to be at least, not at most
    best: bool = False           # only against the best of them


BARS = (
    Bar(1, "stubs", "cpu_us", ("gdnsd",), 1.05, 1.00),
    Bar(1, "stubs", "cpu_us", ("knot",), 0.90, None),
    Bar(1, "stubs", "busy_us", ("gdnsd",), 1.00, None),
    Bar(1, "stubs-free", "cpu_us", ("gdnsd", "knot"), None, None),
    Bar(1, "stubs-free", "busy_us", ("gdnsd",), None, None),
    Bar(2, "pipelined", "cpu_us", ("gdnsd",), 0.82, 0.76),
    Bar(2, "pipelined", "cpu_us", ("knot",), 0.66, None),
    Bar(2, "pipelined", "busy_us", ("gdnsd",), 1.00, None),
    Bar(2, "pipelined-free", "cpu_us", ("gdnsd", "knot"), None, None),
    Bar(2, "pipelined-free", "busy_us", ("gdnsd",), None, None),
    Bar(3, "pipelined", "rate", ("gdnsd",), 1.07, None, higher=True),
    Bar(3, "pipelined", "rate", ("knot", "nsd"), 1.28, None, higher=True),
    Bar(3, "pipelined", "rate", GROUPED, None, 0.97, higher=True, best=True),
    Bar(4, "equal", "rate", ("echo-uring-grouped",), 0.92, 0.97, ours="mist+engine=uring", higher=True),
    Bar(4, "equal", "rate", ("echo-mmsg-grouped",), 0.92, 0.97, ours="mist+engine=epoll", higher=True),
    Bar(5, "signed", "cpu_us", ("knot",), 0.75, 0.65),
    Bar(5, "signed-missing", "cpu_us", ("knot",), 0.75, 0.65),
    Bar(6, "single", "p50", SINGLE, 1.05, 0.90, best=True),
    Bar(6, "single-busy", "p50", SINGLE, 1.05, 0.90, best=True),
    Bar(6, "single", "rate", SINGLE, None, None, higher=True, best=True),
    Bar(6, "single-busy", "rate", SINGLE, None, None, higher=True, best=True),
    Bar(7, "tail", "p99", ("gdnsd", "knot", "nsd", "unbound"), 1.15, 0.90, best=True),
    Bar(8, "forward", "cpu_us", ("mist:pipelined",), 1.10, 1.05),
    Bar(8, "forward", "cpu_us", ("unbound",), 0.65, None),
    Bar(8, "forward", "cpu_us", ("dnsdist",), 0.50, None),
    Bar(8, "forward", "cpu_us", ("dnsdist",), None, None, ours="echo-mmsg-grouped"),
    Bar(9, "refused", "cpu_us", ("mist:pipelined",), 1.05, None),
    Bar(10, "tcp", "rate", ("knot", "nsd", "unbound"), 1.4, 2.0, higher=True, best=True),
    Bar(10, "tcp-once", "rate", ("knot", "nsd", "unbound"), 1.0, 1.2, higher=True, best=True),
    Bar(11, "segments", "cpu_us", ("mist:pipelined",), 0.40, 0.33, ours="mist+gro=true"),
    Bar(11, "segments", "cpu_us", ("mist:equal",), None, None, ours="mist+gro=true"),
    Bar(12, "lookup", "cpu_ns", (), 300, 150, ours="1 thread"),
    Bar(12, "lookup", "rate", ("1 thread",), 1.7, None, ours="2 threads", higher=True),
    Bar(12, "instructions", "instructions", (), 700, None, ours="wildcard"),
    Bar(13, "pipelined", "calls", (), 1 / 16, None, ours="mist+engine=uring"),
    Bar(13, "single", "calls", (), 1.05, None, ours="mist+engine=uring"),
    Bar(14, "stubs", "cpu_us", ("mist+engine=uring",), None, None, ours="mist+engine=epoll"),
    Bar(14, "pipelined", "cpu_us", ("mist+engine=uring",), None, None, ours="mist+engine=epoll"),
    Bar(14, "single", "p50", ("mist+engine=uring",), None, None, ours="mist+engine=epoll"),
    Bar(14, "single-busy", "p50", ("mist+engine=uring",), None, None, ours="mist+engine=epoll"),
    Bar(15, "load", "cpu_ms", ("ldns",), 1.5, None),
    Bar(15, "load", "ms", ("ldns",), 1.5, 1.0),
    Bar(15, "load", "cpu_ms", ("knot, zone alone",), 1.0, None, ours="mist records"),
    Bar(15, "load", "ms", ("knot, zone alone",), 1.0, None, ours="mist records"),
    Bar(15, "load", "cpu_ms", ("knot",), None, None),
    Bar(15, "sign", "signatures", ("openssl speed",), 0.85, None, higher=True),
    Bar(15, "memory", "octets_a_name", ("knot",), 1.0, None),
    Bar(15, "large", "rate", ("mist:small",), 0.95, None, higher=True),
    Bar(16, "start", "ms", (), 50, 20),
)


def barred(name):
    """Whether a pattern or cost has a bar, and so needs all its rounds."""
    return any(bar.pattern == name and (bar.must or bar.reach) for bar in BARS)


# The bars as a reader knows them: number, what, must, reach for.
ROWS = (
    (1, "CPU per answer, 64 stubs with one question each, one worker", "<= 1.05 x gdnsd, <= 0.90 x Knot; "
        "whole machine <= gdnsd", "<= 1.00 x gdnsd"),
    (2, "CPU per answer, 8 sockets with 16 in flight, many answer lengths", "<= 0.82 x gdnsd, <= 0.66 x Knot; "
        "whole machine <= gdnsd", "<= 0.76 x gdnsd"),
    (3, "answers/s in 2", ">= 1.07 x gdnsd, >= 1.28 x Knot and NSD", ">= 0.97 of the best floor"),
    (4, "answers/s over the floor of the same engine and grouping", ">= 0.92", ">= 0.97"),
    (5, "signed answers; signed NXDOMAIN, 100,000 names: CPU per answer", "<= 0.75 x Knot each", "<= 0.65"),
    (6, "one question at a time, defaults, nothing pinned; CPUs idle, CPUs busy: median round trip",
        "<= 1.05 x the best of gdnsd, Knot, NSD, unbound", "<= 0.9"),
    (7, "p99 at 30 % of the slowest peer's maximum", "<= 1.15 x the best", "<= 0.9"),
    (8, "cached answers of an upstream: CPU per answer", "<= 1.10 x own zone, <= 0.65 x unbound, <= 0.5 x dnsdist",
        "<= 1.05 x own zone"),
    (9, "refused names: CPU per answer", "<= 1.05 x own zone", ""),
    (10, "TCP: pipelined on 32 connections; one question per connection: answers/s",
         ">= 1.4 x, >= 1.0 x the best of Knot, NSD, unbound", ">= 2 x, >= 1.2 x"),
    (11, "clients with UDP_SEGMENT and UDP_GRO, `gro: true`: CPU per answer", "<= 0.40 x pattern 2", "<= 0.33"),
    (12, "`mist_lookup` in process: one thread; two threads; instructions of an unsigned wildcard answer",
         "<= 300 ns; >= 1.7 x; <= 700", "<= 150 ns"),
    (13, "system calls per answer with io_uring: saturated; one at a time", "<= 1/16; <= 1.05", ""),
    (14, "`epoll` against `uring` in 1, 2 and 6", "reported", ""),
    (15, "200,000 names: text load; load from wire records; signing; memory of 100,000 signed names; answers/s against "
         "10 names", "<= 1.5 x ldns alone; <= Knot; >= 0.85 x `openssl speed`; <= Knot; >= 0.95", "text load <= 1.0 x ldns"),
    (16, "from `exec` to the first answer, made zone", "<= 50 ms", "<= 20 ms"),
)
