#!/usr/bin/python3
"""Runs the tests and counts them: the unit tests of a build (what its ctest knows) and the system
tests (tests/system/test_*.py), some at a time, each with a time limit. Prints a line for each
program, what a failing one said, and at the end `N passed, N failed`; where nothing ends for a minute, what
runs and what it said last. One or two programs that failed
run once more, alone; those that pass then are counted so, and named, because they want mending.

    tests/run.py BUILD [--unit] [--system] [--engine uring --engine epoll] [--only REGEX]
                 [--jobs 2] [--timeout 300] [--tally FILE]

Without --unit and --system: both. System tests run once for each engine, those with a line
`ENGINE_FREE = True` once. Modules with a line `LONG_ONLY = True` run under MIST_LONG=1 alone.
--tally adds the counts to a file, so that several runs can be summed.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"  # Debian's: python3-dnspython belongs to it
SAYS_MAX = 30000             # octets shown of a program that failed
PROGRESS_S = 60              # without an end, until it is said what runs
AGAIN_MAX = 2                # programs that may have failed by accident; more have a reason
FINDING = re.compile(r"Sanitizer|runtime error:")  # no accident, however rarely it happens

Result = collections.namedtuple("Result", "passed failed skipped seconds output")


class Program:
    """One process with tests in it: how to start it, and how to read its counts."""

    def __init__(self, name, command, directory, env, timeout, counts):
        self.name, self.command, self.directory = name, command, directory
        self.env, self.timeout, self.counts = env, timeout, counts
        self.process = None

    def run(self):
        with tempfile.TemporaryFile() as self.output:
            return self.run_into(self.output)

    def run_into(self, file):
        start = self.start = time.monotonic()
        process = self.process = subprocess.Popen(self.command, cwd=self.directory, env=self.env,
                                                  stdin=subprocess.DEVNULL, stdout=file,
                                                  stderr=subprocess.STDOUT, start_new_session=True)
        late = threading.Event()

        def stop():
            late.set()
            end_group(process)

        timer = threading.Timer(self.timeout, stop)
        timer.start()
        try:
            process.wait()
        finally:
            timer.cancel()
            end_group(process)  # whatever it left behind
        file.seek(0)
        output = file.read().decode(errors="replace")
        passed, failed, skipped = self.counts(output)
        if late.is_set():
            output += "\n(stopped after %d s)\n" % self.timeout
            failed += 1
        elif process.returncode != 0 and failed == 0:
            output += "\n(ended with %d)\n" % process.returncode
            failed = 1
        elif passed + failed + skipped == 0:
            output += "\n(no test in it)\n"
            failed = 1
        return Result(passed, failed, skipped, time.monotonic() - start, output)

    def progress(self):
        """What it said last, and for how long it runs; None: it does not."""
        if self.process is None or self.process.returncode is not None:
            return None
        size = os.fstat(self.output.fileno()).st_size
        said = os.pread(self.output.fileno(), 500, max(0, size - 500)).decode(errors="replace").split("\n")
        return "runs   %6.0f s  %s: %s" % (time.monotonic() - self.start, self.name,
                                          next((line for line in reversed(said) if line.strip()), ""))


def end_group(process):
    """Ends a program of ours and what it started (its session)."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def cmocka_counts(output):
    """cmocka prints a line for each test; a test that crashes has begun and not ended."""
    ran = set(re.findall(r"^\[ RUN      \] (\S+)", output, re.M))
    passed = set(re.findall(r"^\[       OK \] (\S+)", output, re.M))
    skipped = set(re.findall(r"^\[  SKIPPED \] (\S+)", output, re.M))
    return len(passed), len(ran - passed - skipped), len(skipped)


def unittest_counts(output):
    total = re.findall(r"^Ran (\d+) tests? in", output, re.M)
    if not total:
        return 0, 1, 0
    last = output[output.rindex("Ran %s test" % total[-1]):]

    def number(what):
        found = re.search(r"\b%s=(\d+)" % what, last)
        return int(found.group(1)) if found else 0

    failed = number("failures") + number("errors") + number("unexpected successes")
    skipped = number("skipped")
    return max(0, int(total[-1]) - failed - skipped), failed, skipped


def unit_tests(build, timeout):
    listed = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                            stdout=subprocess.PIPE).stdout
    for test in json.loads(listed)["tests"]:
        if "command" in test:
            yield Program(test["name"], test["command"], build, os.environ, timeout, cmocka_counts)


def system_tests(build, engines, timeout):
    directory = os.path.join(ROOT, "tests", "system")
    for path in sorted(glob.glob(os.path.join(directory, "test_*.py"))):
        with open(path) as file:
            source = file.read()
        if re.search(r"^LONG_ONLY = True", source, re.M) and not os.environ.get("MIST_LONG"):
            continue
        limit = re.search(r"^TIMEOUT = (\d+)", source, re.M)
        module = os.path.basename(path)[:-3]
        free = re.search(r"^ENGINE_FREE = True", source, re.M)
        for engine in engines[:1] if free else engines:
            env = {**os.environ, "MIST_BIN": os.path.join(build, "mist"), "MIST_BUILD": build,
                   "MIST_ENGINE": engine, "PYTHONDONTWRITEBYTECODE": "1"}
            yield Program("system/%s%s" % (module, "" if free else " (%s)" % engine),
                          [PYTHON, "-m", "unittest", "-v", module], directory, env,
                          max(timeout, int(limit.group(1)) if limit else 0), unittest_counts)


def run_all(programs, jobs):
    """(program, its Result) as they come. Ctrl-C ends what runs: it is in sessions of its own."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(p.run): p for p in programs}
        try:
            while running:
                done, _ = concurrent.futures.wait(running, PROGRESS_S, concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
                for program in programs if not done else []:
                    if program.progress():
                        print(program.progress(), flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for program in programs:
                if program.process is not None and program.process.returncode is None:
                    end_group(program.process)
            raise


def show(program, result):
    print("%-6s %4d passed %3d failed %3d skipped %6.1f s  %s" % (
        "ok" if not result.failed else "FAILED", result.passed, result.failed, result.skipped,
        result.seconds, program.name), flush=True)
    if result.failed:
        print("---- %s\n%s\n----" % (program.name, result.output[-SAYS_MAX:]), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Runs the tests and counts them.")
    parser.add_argument("build")
    parser.add_argument("--unit", action="store_true")
    parser.add_argument("--system", action="store_true")
    parser.add_argument("--engine", action="append")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=int, default=300)
    parser.add_argument("--tally")
    options = parser.parse_args()

    build = os.path.abspath(options.build)
    both = not options.unit and not options.system
    programs = []
    if options.system or both:
        programs += system_tests(build, options.engine or ["uring", "epoll"], options.timeout)
    if options.unit or both:
        programs += unit_tests(build, options.timeout)
    programs = [p for p in programs if re.search(options.only, p.name)]

    results = {program: None for program in programs}
    for program, result in run_all(programs, options.jobs):
        results[program] = result
        show(program, result)
    again = [p for p in programs if results[p].failed and not FINDING.search(results[p].output)]
    for program in again if len(again) <= AGAIN_MAX else []:
        print("once more, alone: %s" % program.name, flush=True)
        result = program.run()
        show(program, result)
        if not result.failed:
            print("UNSTEADY, it passed the second time: %s" % program.name)
            results[program] = result
    passed, failed, skipped = (sum(getattr(r, what) for r in results.values())
                               for what in ("passed", "failed", "skipped"))
    broken = [p.name for p in programs if results[p].failed]
    reasons = collections.Counter(reason for r in results.values() for reason in
                                  re.findall(r"\.\.\. skipped ['\"](.*)['\"]$", r.output, re.M))
    if not programs:
        print("no test matches")
        failed = 1
    for name in broken:
        print("failed: %s" % name)
    for reason, count in reasons.items():
        print("skipped %d times: %s" % (count, reason))
    if options.tally:
        with open(options.tally, "a") as file:
            file.write("%d %d\n" % (passed, failed))
    print("%d passed, %d failed" % (passed, failed), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
