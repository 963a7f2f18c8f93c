"""A server that is asked while its zone changes a thousand times a second: what is lost, wrong, of two versions or
not validly signed, what the tail of the answers costs, and whether memory stays.

Two ways to change it, each with a server of its own: commits in the server's own process (bench_commits --serve), and
UPDATE messages, one after the other over one TCP connection, each on disk before it is acknowledged. Nothing is
pinned, there are a worker and a generator for each CPU, everything is signed and asked for with DO.
"""
import argparse
import functools
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import tempfile
import time

import dns.update

import changing
import figures
import patterns
import results
import rounds
import servers
import versions
import zones
from entry import CPUS, Entry
from servers import harness

RATE = 1000              # commits a second
SECONDS = 60             # of changes at half of what the machine answers
HALF, TAIL = 0.5, 0.3    # of what it answers
TICK = 500               # microseconds. Sent alone, each when it is due, questions at TAIL take the whole machine, and the
                         # tail is that of a full one; with this tick they take half of it
PAIRS = 15               # of quiet and changing, at TAIL: they lie far apart, and five leave much to luck
NAMES = 100000
LONGER = 1               # seconds that changes go on behind those who ask
MAXIMUM = 3              # runs that say what the machine answers
KEPT_UP = 0.99           # of a rate that was to be kept
BAR_TAIL = 1.5           # p99 changing / quiet
BAR_MEMORY = 1 << 20     # octets grown: 18 for each commit of the minute
PATTERN = patterns.Pattern("beside", "32 sockets of each generator, open loop, signed", (
    "--sockets", "32", "--window", "16", "--do", "--stamped", "--pauses"), (), "stamped", place="free", metric="p99")
CLOSED = ("--sockets", "32", "--do", "--stamped")
FIRST = 'stamp A 10.0.0.0\nstamp TXT "00000000"\nservice SRV 0 0 0 stamp\n'
MARK = 0x00deadbe        # a version whose octets stand nowhere else in a message


class Library(harness.Server):
    """bench_commits, which serves and changes in one process."""
    judged = "strict"
    care = rounds.Care(0.01, 3, 1)

    def __init__(self, size):
        self.size = size
        self.directory = tempfile.mkdtemp(prefix="beside-")
        self.progress = versions.Progress(os.path.join(self.directory, "progress"))
        self.beside = []
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen([servers.tool("bench_commits"), "--sign", "--names", str(self.size), "--serve",
                                         self.progress.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ready = json.loads(harness.read_line(self.process.stdout, self.process))
        self.address, self.port = ready["address"], ready["port"]
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        harness.end(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid

    def begin(self, seconds):
        self.process.stdin.write(b"%d %d\n" % (seconds * RATE, RATE))
        self.process.stdin.flush()

    def end(self):
        return json.loads(harness.read_line(self.process.stdout, self.process))


class Program(servers.Mist):
    """mist, and a process that sends it updates."""
    care = rounds.ONCE       # what writes to the disk for it are threads of the kernel: others

    def __init__(self, size):
        super().__init__(engine="auto")
        path = changing.write_zone(os.path.join(self.directory, "zone"), size, "n%07d", FIRST)
        self.configure({"workers": len(CPUS), "zones": [
            {"name": zones.ZONE, "file": path, "update": [changing.CLIENTS]}]})
        self.progress = versions.Progress(os.path.join(self.directory, "progress"))
        self.beside = []
        self.sender = self.results = None

    def begin(self, seconds):
        self.results, theirs = multiprocessing.Pipe(False)
        self.sender = multiprocessing.Process(target=send_updates, args=(self, seconds, theirs))
        self.sender.start()
        self.beside[:] = [self.sender.pid]

    def end(self):
        found = self.results.recv()
        self.sender.join()
        self.beside.clear()
        if isinstance(found, str):
            raise RuntimeError(found)
        return found


@functools.lru_cache(None)
def marked_update():
    """A message that makes the zone tell version MARK."""
    message = dns.update.UpdateMessage(zones.ZONE, id=1)
    message.replace(zones.STAMP, 300, "A", "10.%d.%d.%d" % (MARK >> 16, MARK >> 8 & 255, MARK & 255))
    message.replace(zones.STAMP, 300, "TXT", '"%08d"' % MARK)
    message.replace(zones.SERVICE, 300, "SRV", "%d %d 0 %s.%s." % (MARK >> 16, MARK & 65535, zones.STAMP, zones.ZONE))
    return message.to_wire()


def update_of(version):
    """The same of another version; dnspython would take longer than the server."""
    wire = marked_update()
    for mark, octets in zip(versions.stamps(MARK), versions.stamps(version)):
        wire = wire.replace(mark, octets)
    return wire


def send_updates(server, seconds, pipe):
    """In a process of its own, until the time is over; sends what it found, or what went wrong."""
    try:
        pipe.send(updates(server, seconds))
    except Exception as error:  # of the server, or of ours: whoever waits at the other end must hear of it
        pipe.send("updates: %r" % error)


def updates(server, seconds):
    took = []
    progress, first = server.progress, server.progress.committed + 1
    with server.tcp_connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = now = time.perf_counter()
        while now < start + seconds:
            version = first + len(took)
            message = harness.framed(update_of(version))
            time.sleep(max(0.0, start + len(took) / RATE - now))
            progress.begun = version
            sent = time.perf_counter()
            sock.sendall(message)
            reply = harness.tcp_read_message(sock)
            now = time.perf_counter()
            if not reply or reply[3] & 15:
                raise RuntimeError("version %d was not taken: %r" % (version, reply))
            progress.committed = version
            took.append((now - sent) * 1e6)
    rate = len(took) / (now - start)
    took.sort()
    return {"commits": len(took), "rate": rate, "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100],
            "max": took[-1]}


WAYS = {"in the process": Library, "UPDATE": Program}


# --------------------------------------------------------------------------------------------------
# What is measured

class Row:
    """One way to change a server, from its start to its end."""

    def __init__(self, server, site, options):
        self.server = server
        self.options = options
        self.entry = Entry("mist", PATTERN, argparse.Namespace(timeout=2), site)
        self.entry.server, self.entry.beside = server, server.beside
        self.total = dict.fromkeys(("sent", "answered", "lost", "wrong"), 0)     # of runs that were taken again as well

    def at(self, share, maximum):
        self.entry.extra = ("--rate", str(int(maximum * share / self.entry.generators())), "--tick", str(TICK))

    def ask(self, seconds):
        run = self.entry.measure_once(seconds)
        for key in self.total:
            self.total[key] += run[key]
        return run

    def pair(self, how):
        """One half of it."""
        if how == "quiet":
            return self.ask(self.options.pair_seconds)
        self.server.begin(self.options.pair_seconds + LONGER)
        run = self.ask(self.options.pair_seconds)
        return {**run, "commits": self.server.end()}

    def long(self):
        """The minute, with somebody who looks closer at some answers."""
        self.server.begin(self.options.seconds + LONGER)
        with versions.Sampler(self.server, self.server.progress) as sampler:
            run = self.ask(self.options.seconds)
            commits = self.server.end()
        seen, problems = sampler.judge()
        third = max(1, len(sampler.memory) // 3)
        return {"run": run, "commits": commits, "seen": seen, "problems": problems,
                "memory": [max(sampler.memory[:third]), max(sampler.memory[-third:])]}

    def measure(self):
        self.entry.load(1)       # warm-up
        maximum = figures.median([self.entry.load(1, load=CLOSED)["rate"] for _ in range(MAXIMUM)])
        self.at(TAIL, maximum)
        kept, again, disturbed = rounds.take(("quiet", "changing"), self.pair, self.options.pairs, self.server.care)
        self.at(HALF, maximum)
        return {"maximum": maximum, "pairs": kept, "again": again, "disturbed": disturbed, "total": self.total,
                "pair_seconds": self.options.pair_seconds, "seconds": self.options.seconds, **self.long()}


def take(options, scratch):
    """{rows: {way: figures}} and how they were taken."""
    site = zones.Site(scratch, harness.run, options.names)
    rows = {}
    for way, kind in WAYS.items():
        with kind(options.names) as server:
            rows[way] = Row(server, site, options).measure()
    return {"names": options.names, "date": results.now(), "commit": results.commit(), "rows": rows}


# --------------------------------------------------------------------------------------------------
# What a reader sees

def tails(row):
    """p99 changing / quiet, of each pair."""
    return [pair["changing"]["p99"] / pair["quiet"]["p99"] for pair in row["pairs"]]


def tail(row):
    return figures.median(tails(row))


def tail_text(row):
    """The least and the most say how far they lie apart."""
    return "%.2f (%.2f to %.2f)" % (tail(row), min(tails(row)), max(tails(row)))


def lost(row):
    return row["total"]["lost"] + row["seen"]["samples_lost"]


def bars(part):
    """Of commits in the process, a line each."""
    row = part["rows"]["in the process"]
    few = [] if row["seconds"] >= SECONDS and len(row["pairs"]) >= PAIRS else [
        "so far, in %g s of %d and %d pairs of %d" % (row["seconds"], SECONDS, len(row["pairs"]), PAIRS)]
    asked, made = row["run"]["rate"] / (row["maximum"] * HALF), row["commits"]["rate"] / RATE
    grown = row["memory"][1] - row["memory"][0]
    found = [
        ("the rates that were to be kept, of questions and of commits", "%.3f and %.3f" % (asked, made),
         ">= %.2f" % KEPT_UP, min(asked, made) >= KEPT_UP),
        ("lost, of %s questions" % figures.number(row["total"]["sent"]), lost(row), "0", lost(row) == 0),
        ("wrong or of two versions, of %s answers" % figures.number(row["total"]["answered"]), row["total"]["wrong"], "0",
         row["total"]["wrong"] == 0),
        ("not validly signed, older than what was committed, or going back, of %d answers of %d versions with %d signatures" % (
            row["seen"]["samples"], row["seen"]["versions"], row["seen"]["signatures"]), row["seen"]["bad"], "0",
         row["seen"]["bad"] == 0 and row["seen"]["signatures"] > 0),
        ("p99 at %.0f %% load, changing / quiet, median of %d pairs" % (100 * TAIL, len(row["pairs"])),
         tail_text(row), "<= %.1f" % BAR_TAIL, tail(row) <= BAR_TAIL),
        ("memory, most of the last third of the time less most of the first", "%+.2f MiB" % (grown / (1 << 20)),
         "<= %d MiB" % (BAR_MEMORY >> 20), grown <= BAR_MEMORY)]
    return ["- beside questions, %s: **%s**, must be %s: %s." % (
        what, value, must, " ".join(["met" if holds else "missed"] + few)) for what, value, must, holds in found]


COLUMNS = (
    ("commits/s", lambda row: figures.number(row["commits"]["rate"])),
    ("commit, p50 us", lambda row: figures.number(row["commits"]["p50"])),
    ("p99 us", lambda row: figures.number(row["commits"]["p99"])),
    ("max us", lambda row: figures.number(row["commits"]["max"])),
    ("maximum, answers/s", lambda row: figures.number(row["maximum"])),
    ("at half, answers/s", lambda row: figures.number(row["run"]["rate"])),
    ("p50 us", lambda row: figures.number(row["run"]["p50"])),
    ("p99 us", lambda row: figures.number(row["run"]["p99"])),
    ("lost", lambda row: str(lost(row))),
    ("wrong", lambda row: str(row["total"]["wrong"])),
    ("looked at, bad", lambda row: "%d, %d" % (row["seen"]["samples"], row["seen"]["bad"])),
    ("machine busy at 30 %, quiet", lambda row: "%.0f %%" % (100 * busy(row))),
    ("p99 us at 30 %, quiet", lambda row: centre(row, "quiet")),
    ("changing", lambda row: centre(row, "changing")),
    ("changing / quiet", lambda row: "**%s**" % tail_text(row)),
    ("MiB, first and last third", lambda row: "%.1f, %.1f" % tuple(each / (1 << 20) for each in row["memory"])))


def busy(row):
    """Share of the machine that questions at TAIL take with all that belongs to them, generators included."""
    return figures.median([pair["quiet"]["rate"] * pair["quiet"]["busy_us"] for pair in row["pairs"]]) / 1e6 / len(CPUS)


def centre(row, how):
    return figures.number(figures.median([pair[how]["p99"] for pair in row["pairs"]]))


def text(part):
    row = part["rows"]["in the process"]
    disturbed = sum(each["disturbed"] for each in part["rows"].values())
    lines = ["### Beside questions", "",
             "%s names, signed; %g s at half load, %d pairs of %g s at %.0f %%%s; %s%s." % (
                 format(part["names"], ","), row["seconds"], len(row["pairs"]), row["pair_seconds"], 100 * TAIL,
                 ", %d pairs stayed disturbed by others" % disturbed if disturbed else "", part["date"],
                 ", commit " + part["commit"] if part["commit"] else ""), "",
             "| changes | %s |" % " | ".join(head for head, _ in COLUMNS), "|---|" + "---:|" * len(COLUMNS)]
    lines += ["| %s | %s |" % (way, " | ".join(cell(row) for _, cell in COLUMNS)) for way, row in part["rows"].items()]
    return "\n".join(lines)


def problems(part):
    """What may not be, whatever the machine does."""
    return ["beside questions, %s: %s" % (way, each) for way, row in part["rows"].items()
            for each in row["problems"] + ["%d lost" % lost(row)] * bool(lost(row)) +
            ["%d wrong" % row["total"]["wrong"]] * bool(row["total"]["wrong"])]
