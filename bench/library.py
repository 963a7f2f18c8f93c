"""What changes cost the library alone, nobody asking: commits of one record at every size of zone (bench/commits.c),
and names that are registered, each by an edit of its own, until all their owners go (bench/registrations.c)."""
import json

import results
import servers
from entry import Watch
from servers import harness

COMMITS = 3000
QUIET = 0.05             # of the machine in other hands; more, and a run was disturbed
BAR_COMMIT = 100         # microseconds, without signing, at HUGE names
HUGE = 1000000
BAR_LEFT = 1 / 3         # of the memory of registered names, when they are gone: slabs of 2 MiB with a piece or two


def run(program, *args):
    """The objects it prints, one a line."""
    watch = Watch()
    lines = harness.run(servers.tool(program), *args).stdout.splitlines()
    others = watch.end()[1]
    return [{**json.loads(line), "others": others} for line in lines]


def take(sizes):
    made = [each for size in sizes for signs in ((), ("--sign",))
            for each in run("bench_commits", "--names", size, "--commits", COMMITS, *signs)]
    return {"date": results.now(), "commit": results.commit(), "commits": made,
            "registrations": run("bench_registrations")}


# --------------------------------------------------------------------------------------------------
# What a reader sees

def bars(part):
    lines = []
    for each in part["commits"]:
        if each["names"] == HUGE and not each["signed"]:
            lines.append("- library alone, %s names, a commit without signing: **%.1f us**, must be <= %d: %s." % (
                format(HUGE, ","), each["p50"], BAR_COMMIT, "met" if each["p50"] <= BAR_COMMIT else "missed"))
    last = part["registrations"][-1]
    taken = last["names"] * last["octets_a_name"] / (1 << 20)
    lines.append("- library alone, %s registered names took %.0f MiB; when they are gone, resident of that: **%.0f %%**, must be "
                 "<= %d %%: %s." % (format(last["names"], ","), taken, 100 * last["resident_mib"] / taken, 100 * BAR_LEFT,
                                    "met" if last["resident_mib"] <= BAR_LEFT * taken else "missed"))
    return lines


def commit_line(each):
    return "| %s%s | %.0f | %.1f | %.1f | %.1f | %.0f | %.2f | %+d of %d |" % (
        format(each["names"], ","), ", signed" if each["signed"] else "", each["rate"], each["p50"], each["p90"], each["p99"],
        each["max"], each["signatures"], each["grown_kib"], each["resident_kib"])


def registration_line(each):
    return "| %s of %s owners%s | %d | %.2f | %.0f | %.0f | %.2f | %+.2f | %+.1f |" % (
        format(each["names"], ","), format(each["owners"], ","), ", signed" if each["signed"] else "", each["threads"],
        each["came_s"], each["names"] / each["came_s"], each["octets_a_name"], each["left_s"], each["heap_mib"],
        each["resident_mib"])


def text(part):
    runs = part["commits"] + part["registrations"]
    disturbed = sum(each["others"] > QUIET for each in runs)
    return "\n".join([
        "### Library alone", "",
        "From `mist_edit_begin()` to the return of `mist_edit_commit()`, two workers, %s commits, one after the other%s; %s%s." % (
            format(COMMITS, ","), ", %d of %d runs disturbed by others" % (disturbed, len(runs)) if disturbed else "",
            part["date"], ", commit " + part["commit"] if part["commit"] else ""), "",
        "| names | commits/s | p50 us | p90 us | p99 us | max us | signatures | memory, KiB |", "|---|" + "---:|" * 7,
        *map(commit_line, part["commits"]), "",
        "Names that are registered, each by an edit of its own, and all owners gone; twice in one process.", "",
        "| names | threads | registered in, s | names/s | octets a name, resident | gone in, s | then heap, MiB | resident, MiB |",
        "|---|" + "---:|" * 7, *map(registration_line, part["registrations"])])
