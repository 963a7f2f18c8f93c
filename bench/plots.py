"""Plots as SVG, made to be grasped at a glance: ours in colour, floors in grey, the ratio to ours in figures.

Nothing but rectangles, lines and text; no style sheets, so that every viewer shows the same.
"""
import html
import math

import figures
from figures import number
from servers import shown

OURS, ALSO, FLOOR, PEER = "#0b6e4f", "#7fb8a4", "#c4c4c4", "#8aa2ba"
INK, FAINT, LINE = "#222222", "#6b6b6b", "#dddddd"
GOOD, BETTER, BAD, PLAIN = "#5aa469", "#0b6e4f", "#c0392b", "#8aa2ba"
WIDTH, ROW = 860, 26


def text(x, y, content, fill=INK, anchor="start", weight="normal", size=13):
    return '<text x="%.1f" y="%.1f" fill="%s" text-anchor="%s" font-weight="%s" font-size="%d">%s</text>' % (
        x, y, fill, anchor, weight, size, html.escape(content))


def line(x1, y1, x2, y2, colour=INK, width=1.0, dash=""):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"%s/>' % (
        x1, y1, x2, y2, colour, width, ' stroke-dasharray="%s"' % dash if dash else "")


def box(x, y, width, height, colour):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, y, max(0, width), height, colour)


def drawing(height, parts):
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
                      'font-family="DejaVu Sans, Verdana, sans-serif" font-size="13">' % (WIDTH, height, WIDTH, height),
                      '<rect width="100%" height="100%" fill="#ffffff"/>'] + parts + ["</svg>"]) + "\n"


def whisker(x1, x2, y):
    return [line(x1, y, x2, y, INK, 1.5), line(x1, y - 4, x1, y + 4, INK, 1.5), line(x2, y - 4, x2, y + 4, INK, 1.5)]


# --------------------------------------------------------------------------------------------------
# Servers side by side

LEFT, RIGHT, TOP = 250, 190, 74


def colour(label, ours):
    return (OURS if label == ours else ALSO if label.startswith("mist") else FLOOR if label.startswith(("echo", "ldns",
            "openssl")) else PEER)


def reference(labels):
    """Which row the others are compared with: mist as it comes."""
    own = [label for label in labels if label.startswith("mist")] or list(labels)
    return "mist" if "mist" in labels else own[0]


def servers(title, what, higher, rows, note=""):
    """`rows` of (label, one value a round), best first. Bars are medians; whiskers hold the middle half of the
    rounds; beside each its value and how many times ours that is."""
    ours = reference([label for label, _ in rows])
    mine = dict(rows)[ours]
    known = [(label, figures.median([v for v in values if v is not None]), values) for label, values in rows]
    known.sort(key=lambda row: row[1], reverse=higher)
    ends = {label: figures.middle_half([v for v in values if v is not None]) for label, _, values in known}
    top = max(high for _, high in ends.values()) or 1
    scale = (WIDTH - LEFT - RIGHT) / top
    height = TOP + ROW * len(known) + 34
    parts = [text(16, 26, title, size=17, weight="bold"),
             text(16, 48, "%s%s: %s is better" % (what[0], " in " + what[1].replace("us", "µs") if what[1] else "",
                                                  "more" if higher else "less"), FAINT),
             text(WIDTH - 16, 48, "to mist" if ours == "mist" else "to " + ours, FAINT, "end")]
    for index, (label, middle, values) in enumerate(known):
        y = TOP + index * ROW
        strong = "bold" if label == ours else "normal"
        low, high = (end * scale + LEFT for end in ends[label])
        parts += [text(LEFT - 8, y + 14, shown(label), INK, "end", strong),
                  box(LEFT, y + 1, middle * scale, 18, colour(label, ours))]
        if high - low > 1:
            parts += whisker(low, high, y + 10)
        parts.append(text(max(high, LEFT + middle * scale) + 8, y + 14, number(middle), INK, weight=strong))
        paired = figures.paired(values, mine)
        ratio = "1" if label == ours else "%.2f x" % paired["ratio"] if paired else ""
        parts.append(text(WIDTH - 16, y + 14, ratio, INK, "end", strong))
    parts.append(line(LEFT, TOP - 4, LEFT, TOP + ROW * len(known), LINE))
    rounds = max(len(values) for _, _, values in known)
    parts.append(text(16, height - 12, "Medians of %d rounds in turns; whiskers hold the middle half; ratios are medians "
                      "of the paired ones. %s" % (rounds, note), FAINT, size=11))
    return drawing(height, parts)


# --------------------------------------------------------------------------------------------------
# All the bars

WHAT, AXIS_LEFT, AXIS_RIGHT, SPAN = 56, 440, 690, 1.0
HEAD, LINE_HEIGHT = 92, 24
SHORT = {"cpu_us": "CPU", "rate": "answers/s", "p50": "round trip", "p99": "p99", "busy_us": "whole machine",
         "calls": "system calls", "cpu_ns": "CPU", "ms": "time", "cpu_ms": "CPU", "octets_a_name": "memory",
         "signatures": "signatures/s", "instructions": "instructions"}
COLOURS = {"reached": BETTER, "met": GOOD, "missed": BAD}


def place(ratio, must, higher):
    """How much better than what it must be, by powers of two; more to the right."""
    better = ratio / must if higher else must / ratio
    return max(-SPAN, min(SPAN, math.log2(better))) if better > 0 else -SPAN


def value(each):
    ratio = each["ratio"]
    if each["against"] or each["metric"] == "calls":
        return "%.2f" % ratio if ratio >= 0.1 else "%.3f" % ratio
    return "%s %s" % (number(ratio), {"cpu_ns": "ns", "ms": "ms"}.get(each["metric"], ""))


def overview(found, parts, note=""):
    """A line for each comparison that has a limit: where the measured ratio and its interval lie between
    worse and better than it must be, and where the mark to reach for is."""
    rows = [each for each in found if each["must"] is not None]
    middle, half = (AXIS_LEFT + AXIS_RIGHT) / 2, (AXIS_RIGHT - AXIS_LEFT) / 2
    height = HEAD + LINE_HEIGHT * len(rows) + 40
    bottom = HEAD + LINE_HEIGHT * len(rows)

    def at(ratio, each):
        return middle + half / SPAN * place(ratio, each["must"], each["higher"])
    good = sum(each["verdict"] != "missed" for each in rows)
    out = [text(16, 28, "The bars: %d of %d comparisons hold" % (good, len(rows)), size=17, weight="bold"),
           text(16, 50, "Dots are medians of paired ratios with their 95 % interval; right of the line is better than "
                "it must be, a hollow mark is what we reach for.", FAINT, size=12),
           text(middle, HEAD - 14, "must", INK, "middle", "bold", 12), text(AXIS_LEFT, HEAD - 14, "2 x worse", FAINT, size=11),
           text(AXIS_RIGHT, HEAD - 14, "2 x better", FAINT, "end", size=11),
           text(WIDTH - 90, HEAD - 14, "must", FAINT, "end", size=11), text(WIDTH - 16, HEAD - 14, "is", FAINT, "end", size=11)]
    before = None
    for index, each in enumerate(rows):
        y = HEAD + index * LINE_HEIGHT
        if each["bar"] != before:
            out += [line(16, y, WIDTH - 16, y, LINE), text(20, y + 16, str(each["bar"]), FAINT, weight="bold")]
            before = each["bar"]
        label = "%s: %s" % (each["pattern"], SHORT[each["metric"]]) + (
            " / " + shown(each["against"]) if each["against"] else "") + (
            " (%s)" % each["ours"].replace("mist+", "").replace("mist ", "")
            if each["ours"].startswith("mist") and each["ours"] != "mist" else "")
        tint = COLOURS[each["verdict"]]
        out.append(text(WHAT, y + 16, label, INK, size=12))
        if each["reach"] is not None:
            x = at(each["reach"], each)
            out.append('<rect x="%.1f" y="%.1f" width="7" height="7" fill="none" stroke="%s" transform="rotate(45 %.1f %.1f)"/>'
                       % (x - 3.5, y + 8.5, FAINT, x, y + 12))
        if each["interval"]:
            out.append(line(at(each["interval"][0], each), y + 12, at(each["interval"][1], each), y + 12, tint, 4))
        out.append('<circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>' % (at(each["ratio"], each), y + 12, tint))
        sign = "≥" if each["higher"] else "≤"
        out += [text(WIDTH - 90, y + 16, "%s %.3g" % (sign, each["must"]), FAINT, "end", size=12),
                text(WIDTH - 16, y + 16, value(each), tint, "end", "bold", 12)]
    out.insert(0, line(middle, HEAD, middle, bottom, INK, 1.5))
    out.append(text(16, height - 14, "A bar holds when the median meets it. Log scale; what lies beyond is drawn at the edge. "
                    + note, FAINT, size=11))
    return drawing(height, out)
