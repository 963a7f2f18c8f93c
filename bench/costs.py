"""What is not a matter of load: answers in process, and their instructions, from exec to the first answer, loading, signing, memory.

A cost is like a pattern: entries that take turns, each run a dict of figures. Every function here yields
(label, function that does one run); the function returns the figures.
"""
import functools
import json
import os
import re
import shutil
import time

import measure
import servers
import zones
from servers import harness

ANSWERS = 2000000        # of each thread that looks up: half a second
THREADS = len(os.sched_getaffinity(0))

TITLES = {
    "lookup": ("mist_lookup in process: 67 octets from a made zone", "cpu_ns"),
    "instructions": ("instructions of a question in query_process(), which is the DNS server, in user space", "instructions"),
    "start": ("from exec to the first answer, ten names", "ms"),
    "load": ("200,000 names from a master file, unsigned", "cpu_ms"),
    "sign": ("signing 200,000 names", "signatures"),
    "memory": ("memory of the signed zone of 100,000 names", "octets_a_name"),
}

# A round of all that take part, roughly: how long it will take is said beforehand.
SECONDS = {"lookup": 2, "instructions": 2, "start": 1.5, "load": 5, "sign": 9, "memory": 8}


def lookup(site):
    """Processor time of an answer of each thread, and answers a second of all."""
    questions = os.path.join(site.directory, "lookup")
    zones.write_questions(questions, zones.equal(site.SMALL))

    def run(threads):
        done = harness.run(servers.tool("bench_lookup"), questions, threads, ANSWERS)
        result = json.loads(done.stdout)
        return {"cpu_ns": result["cpu_ns"], "rate": result["rate"]}
    yield "1 thread", lambda: run(1)
    if THREADS > 1:
        yield "2 threads", lambda: run(2)


def instructions(site):
    """What callgrind counts below query_process(), and once with mist_lookup_message() around it (view, clock, copy): what
    a run with twice the questions has more. It counts the same every time, and so once. Without valgrind nobody takes
    part."""
    asked = 1000
    questions = {"wildcard": (zones.equal(site.SMALL), ()), "exact": ([("ns", "A", 0, 1, 0)], ()),
                 "no data": ([("ns", "TXT", 0, 0, 1)], ()), "refused": (zones.refused(site.SMALL), ()),
                 "signed": (zones.signed(site.SMALL), (site.SIGNED_SAMPLE,)),
                 "signed NXDOMAIN": (zones.signed_missing(site.SMALL), (site.SIGNED_SAMPLE,))}

    def count(path, times, names, below):
        out = path + ".callgrind"
        harness.run("valgrind", "--tool=callgrind", "--toggle-collect=" + below,
                    "--callgrind-out-file=" + out, servers.tool("bench_lookup"), path, 1, times, *names)
        with open(out) as file:
            return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.MULTILINE).group(1))

    @functools.cache
    def run(label, below):
        lines, names = questions[label]
        path = os.path.join(site.directory, "instructions." + label.replace(" ", "-"))
        zones.write_questions(path, lines)
        return {"instructions": (count(path, 2 * asked, names, below) - count(path, asked, names, below)) / asked}
    if shutil.which("valgrind"):
        for label in questions:
            yield label, lambda label=label: run(label, "query_process")
        yield "wildcard, by mist_lookup", lambda: run("wildcard", "mist_lookup_message")


def ready(name, setup, site):
    """One start and stop: milliseconds from exec to the first answer, CPU time until then, memory in RAM."""
    pause, harness.PAUSE = harness.PAUSE, 0.0005
    try:
        with servers.make(name, setup, site, THREADS) as server:
            server.udp(harness.make_query(servers.PROBE).to_wire())
            span = (time.monotonic() - server.started) * 1000
            pids = measure.tree(server.pid)
            return {"ms": span, "cpu_ms": measure.cpu_us(pids) / 1000,
                    "mib": sum(map(measure.resident, pids)) / 2 ** 20}
    finally:
        harness.PAUSE = pause


def present(name, setup, site):
    return servers.make(name, setup, site, THREADS) is not None


def start(site):
    for label, name, setup in (("mist", "mist", "made"), ("mist+engine=uring", "mist+engine=uring", "made"),
                               ("gdnsd", "gdnsd", "small"), ("knot", "knot", "small"), ("nsd", "nsd", "small"),
                               ("bind", "bind", "small")):
        if present(name, setup, site):
            yield label, lambda n=name, s=setup: ready(n, s, site)


def load(site):
    """CPU time until the first answer, beside what ldns alone needs to parse the file. "mist records": the same zone as
    records in wire form through the library, from the first one to the first answer. Its other side is what the
    zone adds to a start of Knot."""
    for name in ("mist", "knot", "nsd"):
        if present(name, "large", site):
            yield name, lambda n=name: ready(n, "large", site)

    def added(name):
        small, large = ready(name, "small", site), ready(name, "large", site)
        return {key: large[key] - small[key] for key in large}
    if present("knot", "large", site):
        yield "knot, zone alone", lambda: added("knot")

    def records():
        result = json.loads(harness.run(servers.tool("bench_records"), servers.zone_file("large", site)).stdout)
        return {"ms": 1000 * result["s"], "cpu_ms": 1000 * result["cpu_s"], "mib": None}
    yield "mist records", records

    def parse():
        result = json.loads(harness.run(servers.tool("bench_parse"), servers.zone_file("large", site)).stdout)
        return {"ms": 1000 * result["cpu_s"], "cpu_ms": 1000 * result["cpu_s"], "mib": None}
    yield "ldns", parse


def sign(site):
    """Signing adds what a signed start takes longer than an unsigned one. The other side is what libcrypto reaches on
    as many CPUs."""
    signatures = zones.signatures(site.large_size)

    def ours():
        unsigned, signed = ready("mist", "large", site), ready("mist", "sign", site)
        return {"signatures": signatures / (signed["ms"] - unsigned["ms"]) * 1000, "ms": signed["ms"]}

    def theirs():
        done = harness.run("openssl", "speed", "-seconds", "1", "-multi", THREADS, "ecdsap256")
        found = re.search(r"ecdsa \(nistp256\)\s+\S+\s+\S+\s+([\d.]+)", done.stdout)
        return {"signatures": float(found.group(1)), "ms": None}
    yield "mist", ours
    yield "openssl speed", theirs


def memory(site):
    """Resident memory with the zone, less that with ten names, per name; signatures and all, the same file."""
    def run(name):
        small, large = ready(name, "small", site), ready(name, "signed", site)
        return {"octets_a_name": (large["mib"] - small["mib"]) * 2 ** 20 / site.signed_size, "mib": large["mib"]}
    for name in ("mist", "knot", "nsd"):
        if present(name, "signed", site):
            yield name, lambda n=name: run(n)


COSTS = {"lookup": lookup, "instructions": instructions, "start": start, "load": load, "sign": sign, "memory": memory}
