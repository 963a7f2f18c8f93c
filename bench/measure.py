"""What a run costs, from /proc: CPU time of every thread of the server, of the generator and of the
machine; and system calls, which are counted in runs of their own because counting slows."""
import glob
import os
import shutil
import subprocess
import time

TICK = 1e6 / os.sysconf("SC_CLK_TCK")  # microseconds


def processes():
    """{pid: the words of its stat behind the name}"""
    found = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                text = file.read()
        except OSError:
            continue
        found[int(text.split(None, 1)[0])] = text[text.rindex(")") + 2:].split()
    return found


def tree(pid, known=None):
    """A process and all its descendants."""
    children = {}
    for child, words in (processes() if known is None else known).items():
        children.setdefault(int(words[1]), []).append(child)
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found


def others_us():
    """CPU time so far of every process that this one did not start, and of those they have waited for (in ticks)."""
    known = processes()
    others = set(known) - set(tree(os.getpid(), known))
    return cpu_us(others) + TICK * sum(sum(map(int, known[pid][13:15])) for pid in others)


def cpu_us(pids):
    """CPU time of processes so far, user and kernel, by the scheduler's own nanoseconds: what the schedstat files
    of their threads add up to, and threads that have ended as well (some servers make one per connection)."""
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime_ns(~pid << 3 | 2)    # as clock_getcpuclockid(3) makes it
        except OSError:
            pass
    return total / 1000


def sleeps(pids):
    """How often threads went to sleep so far: voluntary context switches."""
    total = 0
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/status" % pid):
            try:
                with open(path) as file:
                    total += next(int(line.split()[1]) for line in file
                                  if line.startswith("voluntary_ctxt_switches"))
            except OSError:
                pass
    return total


def counters():
    """Of all CPUs so far, in microseconds: (idle, busy). Idle is counted exactly, in ticks of 10 ms; what is busy is
    sampled by a timer, which misses much of what sleeps between questions. Waiting for io_uring counts as idle."""
    with open("/proc/stat") as file:
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (idle + iowait) * TICK, (user + nice + system + irq + softirq + steal) * TICK


class Counter:
    """Counts the system calls of processes while it is open: `calls` afterwards, None when nothing here can
    count them. perf if it may (a tracepoint), else strace."""

    def __init__(self, pids, directory):
        self.out = os.path.join(directory, "calls")
        pids = [str(pid) for pid in pids]
        self.perf = [["perf", "stat", "-x", ";", "-o", self.out, "-e", "raw_syscalls:sys_enter",
                      "-p", ",".join(pids)],
                     ["strace", "-c", "-f", "-o", self.out] + [a for p in pids for a in ("-p", p)]]
        self.calls = None
        self.process = None

    def __enter__(self):
        for command in self.perf:
            if shutil.which(command[0]) is None:
                continue
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            try:
                self.process.wait(0.3)  # it ends at once when it may not
                self.process = None
            except subprocess.TimeoutExpired:
                return self
        return self

    def __exit__(self, *_):
        if self.process is None:
            return
        self.process.send_signal(2)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            with open(self.out) as file:
                self.calls = read_calls(file.read())
        except OSError:
            pass


def polling(pids):
    """Whether the kernel runs a thread for them that never sleeps (SQPOLL): its time would be nobody's."""
    for pid in pids:
        for path in glob.glob("/proc/%d/task/*/comm" % pid):
            try:
                with open(path) as file:
                    if file.read().startswith("iou-sqp"):
                        return True
            except OSError:
                pass
    return False


def read_calls(text):
    """From perf stat -x ';', or the total of strace -c."""
    for line in text.splitlines():
        if "sys_enter" in line and line.split(";")[0].isdigit():
            return int(line.split(";")[0])
        words = line.split()
        if words and words[-1] == "total":
            return int(words[3])
    return None


def machine():
    """What the figures were taken on."""
    model = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // 1024
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)), "memory_mib": memory,
            "kernel": os.uname().release, "virtual": is_virtual()}


def is_virtual():
    with open("/proc/cpuinfo") as file:
        return " hypervisor" in file.read()


def resident(pid):
    """Memory a process has in RAM, in octets; what processes share is divided among them."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0
