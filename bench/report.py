"""What a reader sees: tables, the bars, and plots."""
import html
import os

import figures
from patterns import BARS

METRICS = {"cpu_us": "server CPU, microseconds per answer", "rate": "answers per second",
           "p50": "median round trip, microseconds", "p99": "99th percentile, microseconds",
           "busy_us": "CPU of the whole machine, microseconds per answer",
           "calls": "system calls per answer", "cpu_ns": "CPU, nanoseconds per answer", "ms": "milliseconds",
           "cpu_ms": "CPU, milliseconds", "octets_a_name": "octets per name"}
HIGHER = ("rate",)


def values(entry, metric):
    """One value a round; the count of system calls has one in all."""
    if metric == "calls":
        return [entry["calls"]] if entry.get("calls") is not None else []
    return [run[metric] for run in entry["runs"] if run.get(metric) is not None]


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 10000:
        return "%.0fk" % (value / 1000)
    return "%.0f" % value if abs(value) >= 100 else "%.1f" % value if abs(value) >= 10 else "%.2f" % value


def centre(entry, metric):
    known = values(entry, metric)
    return figures.median(known) if known else None


def table(pattern):
    """A pattern as a Markdown table."""
    lines = ["| server | answers/s | CPU us | +- | calls | machine us | sleeps | p50 us | p99 us | p99.9 us "
             "| octets | lost | wrong |", "|---" + "|---:" * 12 + "|"]
    for name, entry in pattern["entries"].items():
        cpu = values(entry, "cpu_us")
        cells = [number(centre(entry, "rate")), number(centre(entry, "cpu_us")),
                 number(figures.spread(cpu) if cpu else None),
                 "%.3f" % entry["calls"] if entry.get("calls") is not None else "-"]
        cells += [number(centre(entry, m)) for m in ("busy_us", "sleeps", "p50", "p99", "p99.9", "octets")]
        cells += [str(sum(run[m] for run in entry["runs"])) for m in ("lost", "wrong")]
        lines.append("| %s | %s |" % (name, " | ".join(cells)))
    others = ["%s %s" % (name, number(entry["dnsperf"]["rate"])) for name, entry in pattern["entries"].items()
              if entry.get("dnsperf")]
    return "\n".join(lines + (["", "dnsperf finds, in answers/s: %s." % ", ".join(others)] if others else []))


def cost_table(cost):
    """A cost as a Markdown table: its own figures, medians with their spread."""
    entries = cost["entries"].items()
    metrics = list(dict.fromkeys(key for _, entry in entries for run in entry["runs"] for key in run))
    lines = ["| who | " + " | ".join(metrics) + " |", "|---" + "|---:" * len(metrics) + "|"]
    for name, entry in entries:
        known = [values(entry, metric) for metric in metrics]
        lines.append("| %s | %s |" % (name, " | ".join(
            "%s +- %s" % (number(figures.median(each)), number(figures.spread(each))) if each else "-"
            for each in known)))
    return "\n".join(lines)


def bars(patterns):
    """[{bar, what, ratio, interval, verdict}] of the bars whose pattern was run."""
    found = []
    for bar in BARS:
        entries = patterns.get(bar.pattern, {}).get("entries", {})
        if bar.ours not in entries:
            continue
        theirs = [name for name in bar.theirs if name in entries]
        if bar.best and theirs:
            pick = max if bar.higher else min
            theirs = [pick(theirs, key=lambda name: centre(entries[name], bar.metric) or 0)]
        if not bar.theirs:
            value = centre(entries[bar.ours], bar.metric)
            found.append(judge(bar, "alone", {"ratio": value, "interval": None, "rounds": 1}
                               if value is not None else None))
        for name in theirs:
            found.append(judge(bar, name, figures.paired(values(entries[bar.ours], bar.metric),
                                                         values(entries[name], bar.metric))))
    return found


def judge(bar, against, paired):
    meets = {True: lambda limit: paired["ratio"] >= limit, False: lambda limit: paired["ratio"] <= limit}[bar.higher]
    verdict = "not measured"
    if paired:
        verdict = "reached" if meets(bar.reach) else "met" if meets(bar.must) else "missed"
    return {"bar": bar.number, "pattern": bar.pattern, "metric": bar.metric, "ours": bar.ours,
            "against": against, "must": bar.must, "reach": bar.reach, "higher": bar.higher,
            "verdict": verdict, **(paired or {"ratio": None, "interval": None, "rounds": 0})}


def bar_table(found):
    lines = ["| bar | pattern | what | ours | against | ratio | 95 % interval | must | verdict |",
             "|---:|---|---|---|---|---:|---|---|---|"]
    for each in found:
        interval = "%.3f to %.3f" % each["interval"] if each["interval"] else "-"
        ratio = "%.3f" % each["ratio"] if each["ratio"] is not None else "-"
        lines.append("| %d | %s | %s | %s | %s | %s | %s | %s %.3g | %s |" % (
            each["bar"], each["pattern"], each["metric"], each["ours"], each["against"], ratio, interval,
            ">=" if each["higher"] else "<=", each["must"], each["verdict"]))
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------------
# Plots

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 190, 90, 26, 64
OURS, FLOOR, PEER, INK, FAINT = "#0b6e4f", "#b8b8b8", "#7a93ac", "#222222", "#777777"


def colour(name):
    return OURS if name.startswith("mist") else FLOOR if name.startswith("echo") else PEER


def plot(pattern, metric, note=""):
    """A bar per server, best first, the runs as dots on it."""
    rows = [(name, centre(entry, metric), values(entry, metric)) for name, entry in pattern["entries"].items()]
    rows = sorted((row for row in rows if row[1] is not None), key=lambda row: row[1], reverse=metric in HIGHER)
    if not rows:
        return None
    scale = (WIDTH - LEFT - RIGHT) / (max(max(known) for _, _, known in rows) or 1)
    height = TOP + ROW * len(rows) + 30
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">'
           % (WIDTH, height), '<rect width="100%" height="100%" fill="#ffffff"/>',
           text(16, 24, pattern["title"], size=16, weight="bold"),
           text(16, 44, "%s: %s is better" % (METRICS[metric], "more" if metric in HIGHER else "less"), FAINT)]
    for index, (name, middle, known) in enumerate(rows):
        y = TOP + index * ROW
        out.append(text(LEFT - 8, y + 14, name, INK, "end", "bold" if name.startswith("mist") else "normal"))
        out.append('<rect x="%d" y="%d" width="%.1f" height="18" fill="%s"/>' % (LEFT, y, middle * scale, colour(name)))
        out += ['<circle cx="%.1f" cy="%d" r="2" fill="%s" fill-opacity="0.6"/>' % (LEFT + value * scale, y + 9, INK)
                for value in known]
        out.append(text(LEFT + max(known) * scale + 8, y + 14, number(middle)))
    out.append(text(16, height - 12, "Bars are medians, dots single runs. " + note, FAINT, size=11))
    return "\n".join(out + ["</svg>"]) + "\n"


def text(x, y, content, fill=INK, anchor="start", weight="normal", size=13):
    return '<text x="%.1f" y="%.1f" fill="%s" text-anchor="%s" font-weight="%s" font-size="%d">%s</text>' % (
        x, y, fill, anchor, weight, size, html.escape(content))


def write_plots(result, directory):
    for name, pattern in {**result["patterns"], **result["costs"]}.items():
        for metric in dict.fromkeys((pattern["metric"], "cpu_us", "rate")):
            if metric == "rate" and pattern["metric"] in ("p50", "p99"):
                continue
            drawing = plot(pattern, metric, "Preliminary: the machine was not quiet." if result["preliminary"] else "")
            if drawing:
                with open(os.path.join(directory, "%s-%s.svg" % (name, metric.replace("_", "-"))), "w") as file:
                    file.write(drawing)


def markdown(result):
    """The whole result as text."""
    settings = result["settings"]
    head = ["Machine: %(cpu)s, %(cpus)d CPUs, %(memory_mib)d MiB, Linux %(kernel)s%(where)s." % {
        **result["machine"], "where": ", virtual" if result["machine"]["virtual"] else ""},
        "%(date)s, %(rounds)d rounds of %(seconds)g s each." % settings,
        "Versions: %s." % ", ".join("%s %s" % each for each in sorted(result["versions"].items()))]
    if result["preliminary"]:
        head.append("**Preliminary**: others used up to %.0f %% of the machine meanwhile, or there were few rounds."
                    % (100 * result["others"]))
    parts = ["\n".join(head)]
    for name, pattern in result["patterns"].items():
        parts.append("### %s: %s\n\n%s" % (name, pattern["title"], table(pattern)))
    for name, cost in result["costs"].items():
        parts.append("### %s: %s\n\n%s" % (name, cost["title"], cost_table(cost)))
    if result["bars"]:
        parts.append("### Bars\n\n" + bar_table(result["bars"]))
    remarks = ["- %s: %s" % each for each in sorted(result["remarks"].items())]
    return "\n\n".join(parts + (["\n".join(remarks)] if remarks else [])) + "\n"
