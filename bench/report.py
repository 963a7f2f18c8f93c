"""What a reader sees: tables, and the bars judged."""
import glob
import os

import figures
import plots
import results
from figures import number
from patterns import BARS, GROUPS, ROWS
from servers import shown

METRICS = {"cpu_us": ("server CPU per answer", "us"), "rate": ("answers per second", ""),
           "p50": ("median round trip", "us"), "p99": ("99th percentile", "us"),
           "busy_us": ("CPU of the whole machine per answer", "us"), "calls": ("system calls per answer", ""),
           "cpu_ns": ("CPU per answer", "ns"), "ms": ("time", "ms"), "cpu_ms": ("CPU", "ms"),
           "instructions": ("instructions per answer", ""), "octets_a_name": ("octets per name", ""), "signatures": ("signatures per second", "")}
HIGHER = ("rate", "signatures")
COLUMNS = (("answers/s", "rate"), ("CPU us", "cpu_us"), ("calls", "calls"), ("machine us", "busy_us"),
           ("sleeps", "sleeps"), ("p50 us", "p50"), ("p90 us", "p90"), ("p99 us", "p99"), ("p99.9 us", "p99.9"),
           ("max us", "max"), ("octets", "octets"))
SPREAD = ("rate", "cpu_us", "p50")       # columns that say how far the rounds lie apart


def series(entry, metric):
    """One value a round, None for a round without; system calls have rounds of their own."""
    return entry.get("calls") or [] if metric == "calls" else [run.get(metric) for run in entry["runs"]]


def values(entry, metric):
    return [value for value in series(entry, metric) if value is not None]


def centre(entry, metric):
    known = values(entry, metric)
    return figures.median(known) if known else None


def spread(known):
    """The median, and how far from it half of the rounds are, in per cent."""
    middle = figures.median(known)
    if len(known) < 2 or not middle:
        return number(middle)
    return "%s ±%.1f %%" % (number(middle), 100 * figures.spread(known) / middle)


def cell(entry, metric):
    known = values(entry, metric)
    if not known:
        return "-"
    if metric == "calls":
        return "%.3f" % figures.median(known)
    return spread(known) if metric in SPREAD else number(figures.median(known))


# --------------------------------------------------------------------------------------------------
# Tables

def table(pattern):
    """A pattern as a Markdown table."""
    heads = [head for head, _ in COLUMNS]
    lines = ["| server | %s | lost | wrong |" % " | ".join(heads), "|---" + "|---:" * (len(heads) + 2) + "|"]
    for name, entry in pattern["entries"].items():
        cells = [cell(entry, metric) for _, metric in COLUMNS]
        cells += [number(sum(run[m] for run in entry["runs"])) if any(run[m] for run in entry["runs"]) else "0"
                  for m in ("lost", "wrong")]
        lines.append("| %s | %s |" % (shown(name), " | ".join(cells)))
    others = ["%s %s (%.2f us)" % (name, number(entry["dnsperf"]["rate"]), entry["dnsperf"]["cpu_us"])
              for name, entry in pattern["entries"].items() if entry.get("dnsperf")]
    return "\n".join(lines + (["", "dnsperf finds, in answers/s (server CPU per answer): %s." % ", ".join(others)]
                              if others else []))


def cost_table(cost):
    """A cost as a Markdown table: its own figures, medians with their spread."""
    entries = cost["entries"].items()
    metrics = [key for key in dict.fromkeys(key for _, entry in entries for run in entry["runs"] for key in run)
               if key != "others"]
    lines = ["| who | " + " | ".join(metrics) + " |", "|---" + "|---:" * len(metrics) + "|"]
    for name, entry in entries:
        known = [values(entry, metric) for metric in metrics]
        lines.append("| %s | %s |" % (shown(name), " | ".join(
            spread(each) if each else "-" for each in known)))
    return "\n".join(lines)


def group_table(found):
    """Patterns with the same servers as one table: of each answers/s, CPU and round trip."""
    found = list(found.values())
    names = list(dict.fromkeys(name for part in found for name in part["entries"]))
    heads = ["%s: answers/s | CPU us | p50 us" % part["title"] for part in found]
    lines = ["| setting | %s |" % " | ".join(heads), "|---" + "|---:" * 3 * len(found) + "|"]
    for name in names:
        cells = [cell(part["entries"][name], metric) if name in part["entries"] else "-"
                 for part in found for metric in ("rate", "cpu_us", "p50")]
        lines.append("| %s | %s |" % ("default" if name == "mist" else name.replace("mist+", "").replace("+", ", ")
                                      .replace("=", ": "), " | ".join(cells)))
    return "\n".join(lines)


def how(part):
    """How it was taken, in a line."""
    taken = part["taken"]
    words = ["%d rounds" % taken["rounds"]]
    if "load" in part:
        words += ["%g s each" % taken["seconds"], "pinned, one worker" if part["place"] == "pinned" else
                  "nothing pinned, a worker per CPU"]
        if "--rate" in part["load"]:
            words.append("%s questions/s" % number(float(part["load"][part["load"].index("--rate") + 1])))
    if taken["again"]:
        words.append("%d disturbed runs taken again" % taken["again"])
    if taken["disturbed"]:
        words.append("**%d rounds stayed disturbed**" % taken["disturbed"])
    return "%s; %s%s" % (", ".join(words), taken["date"], ", commit " + taken["commit"] if taken["commit"] else "")


def section(name, part):
    """A pattern or a cost with its heading."""
    return "### %s: %s\n\n%s.\n\n%s" % (name, part["title"], how(part),
                                        (table if "load" in part else cost_table)(part))


def groups(result):
    """{group: {name: part}}"""
    found = {}
    for name, part in results.parts(result).items():
        if part["group"]:
            found.setdefault(part["group"], {})[name] = part
    return found


# --------------------------------------------------------------------------------------------------
# Bars

def bars(parts):
    """[{bar, what, ratio, interval, verdict}] of the bars whose pattern was run."""
    found = []
    for bar in BARS:
        entries = parts.get(bar.pattern, {}).get("entries", {})
        if bar.ours not in entries:
            continue
        ours = series(entries[bar.ours], bar.metric)
        theirs = [name for name in bar.theirs if name in entries and values(entries[name], bar.metric)]
        if bar.best and theirs:
            pick = max if bar.higher else min
            theirs = [pick(theirs, key=lambda name: centre(entries[name], bar.metric))]
        if not bar.theirs:
            found.append(judge(bar, "", figures.summary(ours)))
        for name in theirs:
            found.append(judge(bar, name, figures.paired(ours, series(entries[name], bar.metric))))
    return found


def verdict(bar, paired):
    """reached (the reach), met (the must) or missed; reported where there is neither."""
    if not paired:
        return "not measured"

    def meets(limit):
        return limit is not None and (paired["ratio"] >= limit if bar.higher else paired["ratio"] <= limit)
    if meets(bar.reach):
        return "reached"
    if bar.must is None:
        return "reported" if bar.reach is None else "not reached"
    return "met" if meets(bar.must) else "missed"


def judge(bar, against, paired):
    return {"bar": bar.number, "pattern": bar.pattern, "metric": bar.metric, "ours": bar.ours,
            "against": against, "must": bar.must, "reach": bar.reach, "higher": bar.higher,
            "verdict": verdict(bar, paired), **(paired or {"ratio": None, "interval": None, "rounds": 0})}


def limit(each, key):
    """A limit with its direction."""
    if each[key] is None:
        return ""
    return "%s %.3g" % (">=" if each["higher"] else "<=", each[key])


def measured(each):
    """(the ratio, or the value with its unit; its interval)"""
    if each["ratio"] is None:
        return "-", ""
    form, unit = "%.2f", ""
    if not each["against"]:
        form, unit = "%.3f" if each["ratio"] < 1.5 else "%.0f", " " + METRICS[each["metric"]][1]
    return ((form % each["ratio"]) + unit.rstrip(),
            " (%s to %s)" % (form, form) % tuple(each["interval"]) if each["interval"] else "")


def bar_table(found):
    """A line for each comparison."""
    lines = ["| bar | pattern | what | ours | against | must | reach | measured (95 % interval) | rounds | verdict |",
             "|---:|---|---|---|---|---|---|---|---:|---|"]
    for each in found:
        lines.append("| %d | %s | %s | %s | %s | %s | %s | %s | %d | %s |" % (
            each["bar"], each["pattern"], METRICS[each["metric"]][0], each["ours"], shown(each["against"]),
            limit(each, "must"), limit(each, "reach"), "".join(measured(each)), each["rounds"], each["verdict"]))
    return "\n".join(lines)


def row_table(found):
    """The bars by number, each with all its comparisons."""
    lines = ["| # | what | must | reach for | measured: median of the paired ratios (95 % interval) | |",
             "|---:|---|---|---|---|---|"]
    for row, what, must, reach in ROWS:
        mine = [each for each in found if each["bar"] == row]
        cells = ["%s, %s%s: **%s**%s" % (
            each["pattern"], plots.SHORT[each["metric"]], " / " + each["against"] if each["against"] else "",
            *measured(each)) for each in mine]
        lines.append("| %d | %s | %s | %s | %s | %s |" % (row, what, must, reach, "<br>".join(cells) or "-",
                                                         "<br>".join(each["verdict"] for each in mine)))
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------------
# The whole

def head(result):
    """Where and when."""
    machine = result["machine"]
    commits = sorted({part["taken"]["commit"] for part in results.parts(result).values() if part["taken"]["commit"]})
    dates = sorted(part["taken"]["date"] for part in results.parts(result).values())
    lines = ["Machine: %s, %d CPUs, %d MiB, Linux %s%s." % (
        machine["cpu"], machine["cpus"], machine["memory_mib"], machine["kernel"],
        ", virtual" if machine["virtual"] else "")]
    if dates:
        lines.append("Taken %s%s%s." % (dates[0], " to " + dates[-1] if dates[-1] != dates[0] else "",
                                        ", commit " + " and ".join(commits) if commits else ""))
    if result["versions"]:
        lines.append("Packages: %s." % ", ".join("%s %s" % each for each in sorted(result["versions"].items())))
    again = sum(part["taken"]["again"] for part in results.parts(result).values())
    if again:
        lines.append("%d runs were disturbed and taken again." % again)
    for reason in results.preliminary(result):
        lines.append("**Preliminary**: %s." % reason)
    return "  \n".join(lines)


def remarks(result):
    return "\n".join("- %s: %s" % each for each in sorted(result["remarks"].items()))


def markdown(result):
    """The whole result as text."""
    parts = results.parts(result)
    found = bars(parts)
    text = [head(result)]
    if found:
        text.append("### Bars\n\n%s\n\n%s" % (row_table(found), bar_table(found)))
    text += ["### %s\n\n%s" % (GROUPS[group], group_table(members)) for group, members in groups(result).items()]
    text += [section(name, part) for name, part in parts.items()]
    return "\n\n".join(text + ([remarks(result)] if result["remarks"] else [])) + "\n"


def drawings(result):
    """{name: svg}: the bars, and each pattern by what it is about."""
    parts, note = results.parts(result), "Preliminary." if results.preliminary(result) else ""
    found = [each for each in bars(parts) if each["ratio"] is not None]
    drawn = {"bars": plots.overview(found, parts, note)} if found else {}
    for name, part in parts.items():
        for metric in dict.fromkeys((part["metric"], "cpu_us", "rate") if not part["group"] else (part["metric"],)):
            if metric == "rate" and part["metric"] in ("p50", "p99"):
                continue
            rows = [(label, series(entry, metric)) for label, entry in part["entries"].items() if values(entry, metric)]
            if rows:
                drawn["%s-%s" % (name, metric.replace("_", "-"))] = plots.servers(
                    part["title"], METRICS[metric], metric in HIGHER, rows, note)
    return drawn


def write(result, directory):
    for old in glob.glob(os.path.join(directory, "*.svg")):
        os.unlink(old)
    for name, drawing in drawings(result).items():
        with open(os.path.join(directory, name + ".svg"), "w") as file:
            file.write(drawing)
    with open(os.path.join(directory, "result.md"), "w") as file:
        file.write(markdown(result))
