"""The documentation's figures: written by the bench, never by hand.

In PERFORMANCE.md, and in a README.md above it, everything between `<!-- bench: NAME -->` and `<!-- bench: end -->`
is replaced; plots, the configurations and a summary in JSON go to bench/ beside it.
"""
import json
import os
import re

import figures
import report
import results
from patterns import GROUPS

MARK = re.compile(r"(<!-- bench: ([a-z]+) -->\n).*?(<!-- bench: end -->)", re.S)


def embed(name, what):
    return "![%s](bench/%s.svg)" % (what, name)


def picture(name, part):
    return embed("%s-%s" % (name, part["metric"].replace("_", "-")), part["title"])


def pattern_text(name, part):
    return "%s\n\n%s" % (report.section(name, part), picture(name, part))


def group_text(members):
    pictures = "\n\n".join(picture(name, part) for name, part in members.items())
    return "%s.\n\n%s\n\n%s" % (report.how(next(iter(members.values()))), report.group_table(members), pictures)


def texts(result):
    """{name: text} of what is between markers."""
    parts = results.parts(result)
    found = report.bars(parts)
    grouped = report.groups(result)
    alone = {name: part for name, part in parts.items() if not part["group"]}
    return {"machine": report.head(result), "glance": "![all bars at a glance](docs/bench/bars.svg)",
            "bars": "%s\n\n%s" % (embed("bars", "all bars at a glance"), report.row_table(found)),
            "comparisons": report.bar_table(found),
            "patterns": "\n\n".join(pattern_text(name, part) for name, part in alone.items()),
            "remarks": report.remarks(result),
            **{group: group_text(members) for group, members in grouped.items() if group in GROUPS}}


def fill(page, known):
    """The page with what is known between its markers."""
    def put(match):
        return match.group(1) + known[match.group(2)] + "\n" + match.group(3) if match.group(2) in known else match.group(0)
    return MARK.sub(put, page)


def summary(result):
    """[median, spread] instead of every run, a line for each server."""
    def brief(entry):
        keys = [key for key in dict.fromkeys([*entry["runs"][0], "calls"])
                if key not in ("reasons", "others", "sent", "late")]
        known = {key: report.values(entry, key) for key in keys}
        return {key: [float("%.5g" % f(v)) for f in (figures.median, figures.spread)] for key, v in known.items() if v}

    def lines(known):
        return "{\n" + ",\n".join("%s: %s" % (json.dumps(key), json.dumps(value)) for key, value in known.items()) + "\n}"
    found = {}
    for name, part in results.parts(result).items():
        found[name] = {key: value for key, value in part.items() if key != "entries"}
        found.update({"%s / %s" % (name, label): brief(entry) for label, entry in part["entries"].items() if entry["runs"]})
    head = {key: result[key] for key in ("machine", "versions", "remarks")}
    return lines({**head, **found, "bars": report.bars(results.parts(result))}) + "\n"


def configurations(directory):
    """Every configuration that took part, once."""
    seen = {}
    folder = os.path.join(directory, "configurations")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            seen.setdefault(file.read(), []).append(name)
    parts = ["# The configurations\n\nOf every server and pattern of the last published result. Words in capitals "
             "(`DIR`, `ZONES`, `ADDRESS`, `PORT`) stand for what differs from run to run."]
    parts += ["## %s\n\n```\n%s\n```" % (", ".join(names), text.strip()) for text, names in seen.items()]
    return "\n\n".join(parts) + "\n"


def publish(result, directory, docs):
    known, text = texts(result), ""
    for page in (os.path.join(docs, "PERFORMANCE.md"), os.path.join(docs, os.pardir, "README.md")):
        if os.path.exists(page):
            with open(page) as file:
                page_text = fill(file.read(), known)
            with open(page, "w") as file:
                file.write(page_text)
            text += page_text
    folder = os.path.join(docs, "bench")
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        if old.endswith(".svg"):
            os.unlink(os.path.join(folder, old))
    files = {name + ".svg": drawing for name, drawing in report.drawings(result).items() if "/%s.svg" % name in text}
    files.update({"result.json": summary(result), "configurations.md": configurations(directory)})
    for name, content in files.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(content)
