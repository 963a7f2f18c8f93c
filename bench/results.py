"""A result: a directory with result.json, which several invocations of the bench fill and correct.

    {machine, versions, remarks, patterns: {name: part}, costs: {name: part}, problems: [text]}

A part is a pattern or a cost as it was last taken: its entries with every run, and how it was taken (date,
commit, rounds, seconds, runs taken again). Taken again, a part replaces the one before.
"""
import datetime
import json
import os

import costs
import measure
import patterns
import servers
from rounds import USUAL
from servers import harness

ROUNDS = 15          # what the bars ask for
BEARABLE = 0.25      # of the rounds may have been disturbed: medians and their intervals do not mind


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def commit():
    """Of the tree the bench stands in; None outside of one."""
    def git(*args):
        done = harness.run("git", "-C", harness.ROOT, *args, check=False)
        return done.stdout.strip() if done.returncode == 0 else None
    try:
        name = git("rev-parse", "--short=10", "HEAD")
        return name and name + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except OSError:
        return None


def empty():
    return {"machine": measure.machine(), "versions": {}, "remarks": {}, "patterns": {}, "costs": {}}


def load(directory):
    """What the directory has, or an empty result."""
    path = os.path.join(directory, "result.json")
    if not os.path.exists(path):
        return empty()
    with open(path) as file:
        return json.load(file)


def parts(result):
    """All of them, in the order of the tables, whenever they were taken."""
    order = [pattern.name for pattern in patterns.PATTERNS] + list(costs.TITLES)
    known = {**result["patterns"], **result["costs"]}
    return {name: known[name] for name in sorted(known, key=lambda name: order.index(name) if name in order else len(order))}


def add(result, kind, name, part):
    """Puts a pattern or a cost into the result; the machine has to be the same, as ratios of two are none."""
    if result["machine"] != measure.machine():
        raise ValueError("that result is of another machine")
    result[kind][name] = part
    names = {label.split("+")[0] for entries in parts(result).values() for label in entries["entries"]}
    result["versions"] = {name: version for name, version in servers.versions(names).items() if version}
    result["remarks"] = {name: text for name, text in servers.REMARKS.items() if name in names}


def done(result, name, rounds):
    """Whether there is a part of that name with as many rounds."""
    part = parts(result).get(name)
    return part is not None and part["taken"]["rounds"] >= rounds


def problems(result):
    return [text for part in parts(result).values() for text in part["problems"]]


def preliminary(result):
    """What keeps it from being final, or nothing."""
    few = [name for name, part in parts(result).items()
           if patterns.barred(name) and part["taken"]["rounds"] < ROUNDS]
    disturbed = ["%s (%g %%)" % (name, 100 * part["taken"].get("quiet", USUAL.quiet))
                 for name, part in parts(result).items()
                 if part["taken"]["disturbed"] > BEARABLE * part["taken"]["rounds"]]
    return (["fewer than %d rounds of %s" % (ROUNDS, ", ".join(few))] if few else []) + (
        ["others took more of the machine than they may in many rounds of " + ", ".join(disturbed)]
        if disturbed else [])


def save(result, directory):
    """First beside it, then in its place: an interrupted run leaves what was."""
    path = os.path.join(directory, "result.json")
    with open(path + ".new", "w") as file:
        json.dump(result, file, indent=1)
    os.replace(path + ".new", path)
