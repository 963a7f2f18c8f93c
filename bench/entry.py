"""A server in a pattern: the generators that ask it, and what that costs."""
import contextlib
import json
import os
import re
import resource
import subprocess
import time

import figures
import measure
import servers
from servers import harness

CPUS = sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def affinity(cpus):
    """Processes started inside stay on these CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def burners(count):
    """Something that never sleeps on every CPU, as a busy machine has it; their ids."""
    running = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) for _ in range(count)]
    try:
        yield [each.pid for each in running]
    finally:
        for each in running:
            each.kill()
            each.wait()


def own_us():
    """CPU time of this program and of everything it has waited for."""
    return 1e6 * sum(usage.ru_utime + usage.ru_stime for usage in
                     map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Watch:
    """What a time cost the whole machine, and what of that others took; `pids` are not others."""

    def __init__(self, pids=()):
        self.pids = pids
        self.begin = self.now()

    def now(self):
        ours = own_us() + measure.cpu_us(self.pids)
        return (time.monotonic() * 1e6, *measure.counters(), ours, measure.others_us())

    def end(self):
        """(busy time of all CPUs in microseconds, share of the machine that others took, share of it that processes
        we did not start took). Others are those processes, or, where they cannot be seen, what is busy and not ours; a
        tick of each CPU may be of before."""
        span, idle, ticks, ours, others = (after - before for after, before in zip(self.now(), self.begin))
        whole = span * len(CPUS) or 1
        taken = max(others, ticks - ours) - measure.TICK * len(CPUS)
        return max(0.0, whole - idle), max(0.0, taken / whole), max(0.0, others / whole)


class Entry:
    """A server that runs, in a pattern."""

    def __init__(self, label, pattern, options, site):
        self.label = label
        self.pattern = pattern
        self.options = options
        self.site = site
        self.server = None
        self.extra = ()          # more arguments of the generator
        self.beside = []         # processes that are neither the server nor others
        self.calls = []
        self.dnsperf = None

    @property
    def ours(self):
        return self.label.startswith("mist")

    def cpus(self):
        """(of the server, of the generator)"""
        return ({CPUS[0]}, {CPUS[-1]}) if self.pattern.place == "pinned" else (set(CPUS), set(CPUS))

    def workers(self):
        return 1 if self.pattern.place == "pinned" else len(CPUS)

    def generators(self):
        single = self.pattern.place == "pinned" or not self.pattern.load
        return self.pattern.clients or (1 if single else len(CPUS))

    def load(self, seconds, extra=(), load=None):
        """Runs the generators, returns their merged result."""
        apart = self.cpus()[0] != self.cpus()[1]
        command = [servers.tool("bench_load"), "--server", self.server.address, "--port", str(self.server.port),
                   "--queries", self.site.questions(self.pattern.questions, self.server.judged), "--buckets",
                   "--seconds", str(seconds), "--timeout", str(self.options.timeout),
                   *(each for each in (self.pattern.load if load is None else load) if apart or each != "--spin"),
                   *extra]
        with affinity(self.cpus()[1]):
            running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(self.generators())]
        results = [process.communicate()[0] for process in running]
        if any(process.returncode for process in running):
            raise RuntimeError("the generator failed: " + " ".join(command))
        return figures.merge([json.loads(result) for result in results])

    def warm(self):
        """Fills caches: every question twice where answers have to be fetched first, else for a moment."""
        if self.pattern.setup == "forward":
            self.load(20, ("--count", str(2 * self.site.count(self.pattern.questions))))
        self.load(self.options.warm)

    def measured(self):
        """One run, with what it cost. In the quick form a run that lost something is taken once more: a machine
        that has no time for the server fills its receive buffer, and that is no fault of the server."""
        run = self.measure_once()
        if self.options.quick and not run["wrong"] and (run["lost"] or run["broken"]):
            run = self.measure_once()
        return run

    def measure_once(self, seconds=None):
        pids = measure.tree(self.server.pid)
        cpu, sleeps, beside = measure.cpu_us(pids), measure.sleeps(pids), measure.cpu_us(self.beside)
        watch = Watch([*pids, *self.beside])
        result = self.load(seconds or self.options.seconds * self.pattern.times, self.extra)
        busy, others, seen = watch.end()
        cpu, sleeps = measure.cpu_us(pids) - cpu, measure.sleeps(pids) - sleeps
        busy -= measure.cpu_us(self.beside) - beside
        if "paused" in result:
            others = seen + result["paused"]     # finer than ticks
        answered = result["answered"] or None
        run = {"rate": result["rate"], "cpu_us": answered and cpu / answered, "busy_us": answered and busy / answered,
               "sleeps": answered and sleeps / answered, "octets": result["answer_octets"],
               "others": others, **result["latency_us"]}
        run.update({key: result[key] for key in ("sent", "answered", "lost", "late", "wrong", "broken", "reasons")})
        return run

    def second_opinion(self):
        """What dnsperf finds, with as many questions in flight over as many sockets."""
        known = self.site.questions(self.pattern.questions, self.server.judged)
        with open(known) as source, open(known + ".dnsperf", "w") as file:
            file.writelines(" ".join(line.split()[:2]) + "\n" for line in source)
        how = dict(zip(self.pattern.load[::2], self.pattern.load[1::2]))
        sockets, window = int(how.get("--sockets", 1)), int(how.get("--window", 1))
        pids = measure.tree(self.server.pid)
        cpu = measure.cpu_us(pids)
        with affinity(self.cpus()[1]):
            text = harness.run("dnsperf", "-s", self.server.address, "-p", self.server.port, "-d", known + ".dnsperf",
                               "-c", sockets, "-q", sockets * window, "-T", 1, "-l", 2).stdout
        cpu = measure.cpu_us(pids) - cpu
        self.dnsperf = {key: float(re.search(name + r":\s+([\d.]+)", text).group(1))
                        for key, name in (("rate", "Queries per second"), ("lost", "Queries lost"),
                                          ("answered", "Queries completed"))}
        self.dnsperf["cpu_us"] = cpu / (self.dnsperf["answered"] or 1)

    def count_calls(self, times):
        """System calls per answer, in runs of their own because counting slows."""
        for _ in range(times):
            with measure.Counter(measure.tree(self.server.pid), self.site.directory) as counter:
                result = self.load(min(self.options.seconds, 0.4), self.extra)
            if counter.calls is not None and result["answered"]:
                self.calls.append(counter.calls / result["answered"])
