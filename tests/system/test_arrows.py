"""Who may include whom: the arrows of docs/ARCHITECTURE.md, and which third-party library belongs to
which folder. The build shows each folder only what it may see; this says it by name."""
import glob
import os
import re
import unittest

ENGINE_FREE = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# folder: (folders it may include, third-party headers it may include)
ARROWS = {
    "include": ((), ()),
    "core": (("core", "include"), ()),
    "dnssec": (("dnssec", "core", "include"), ("openssl/",)),
    "forward": (("forward", "core", "include"), ("ares",)),
    "content": (("content", "forward", "dnssec", "core", "include"), ()),
    "transfer": (("transfer", "content", "dnssec", "core", "include"), ()),
    "net": (("net", "transfer", "content", "forward", "core", "include"), ("liburing",)),
    "control": (("control", "include"), ("ldns/", "yaml.h", "jansson.h")),
    "launch": (("launch",), ()),
    "cli": (("cli", "control", "launch", "include"), ("jansson.h",)),
    "sidecar": (("sidecar", "core"), ()),
    "bench": (("bench", "include"), ("liburing", "ldns/")),
    "fuzz": (("core", "dnssec", "forward", "content", "transfer", "net", "control", "include"), ()),
}

# It says which versions of the libraries we stand on.
NAMES_VERSIONS = "net/version.c"

THIRD_PARTY = re.compile(r"openssl/|ares|liburing|ldns/|cyaml/|yaml\.h|jansson|cmocka|event|uv\.h|urcu")

# What a library in somebody else's program leaves alone.
NOT_IN_A_LIBRARY = re.compile(
    r"\b(exit|_exit|abort|printf|puts|putchar|perror|signal|sigaction|fork|system|popen)\s*\(|"
    r"\b(stdout|stderr)\b")


def sources(folder):
    return sorted(path for end in ("c", "h")
                  for path in glob.glob(os.path.join(ROOT, folder, "**", "*." + end), recursive=True))


def includes(path):
    with open(path) as file:
        for number, line in enumerate(file, 1):
            found = re.match(r"\s*#\s*include\s*([<\"])([^>\"]+)", line)
            if found:
                yield number, found.group(1), found.group(2)


def without_comments(text):
    """C without comments and string contents, line numbers kept."""
    def blank(found):
        kept = "\n" * found.group().count("\n")
        return kept if found.group().startswith("/") else '""' + kept
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", blank, text, flags=re.S)


class Arrows(unittest.TestCase):
    def wrong(self, path, kind, name):
        """Why an include is not allowed, or None."""
        relative = os.path.relpath(path, ROOT)
        folder = relative.split(os.sep)[0]
        may, third_party = ARROWS[folder]
        if kind == "<":
            if (THIRD_PARTY.match(name) and not name.startswith(third_party)
                    and relative != NAMES_VERSIONS):
                return "<%s> belongs to another folder" % name
            return None
        target = "include" if name == "mistcore.h" else name.split("/")[0]
        if "/" not in name and name != "mistcore.h":
            return "\"%s\" does not say its folder" % name
        if target not in may:
            return "%s may not use %s" % (folder, target)
        return None

    def test_includes(self):
        problems, seen = [], 0
        for folder in ARROWS:
            for path in sources(folder):
                for number, kind, name in includes(path):
                    seen += 1
                    why = self.wrong(path, kind, name)
                    if why:
                        problems.append("%s:%d: %s" % (os.path.relpath(path, ROOT), number, why))
        self.assertGreater(seen, 100)
        self.assertEqual(problems, [])

    def test_the_library_is_a_good_guest(self):
        problems = []
        for folder in ("core", "dnssec", "forward", "content", "transfer", "net", "sidecar"):
            for path in sources(folder):
                with open(path) as file:
                    text = without_comments(file.read())
                for number, line in enumerate(text.split("\n"), 1):
                    found = NOT_IN_A_LIBRARY.search(line)
                    if found:
                        problems.append("%s:%d: %s" % (os.path.relpath(path, ROOT), number,
                                                       found.group()))
        self.assertEqual(problems, [])

    def test_wrong_arrows_are_found(self):
        for path, kind, name in (("core/a.c", "\"", "net/worker.h"), ("core/a.c", "<", "ares.h"),
                                 ("net/server.c", "\"", "dnssec/sign.h"),
                                 ("control/a.c", "\"", "core/name.h"),
                                 ("cli/a.c", "<", "ldns/ldns.h"), ("launch/a.c", "\"", "mistcore.h"), ("core/a.c", "\"", "name.h")):
            self.assertIsNotNone(self.wrong(os.path.join(ROOT, path), kind, name))
        for path, kind, name in (("content/seal.c", "\"", "dnssec/sign.h"), ("core/a.c", "<", "time.h"),
                                 ("forward/a.c", "<", "ares.h"), ("cli/a.c", "\"", "mistcore.h")):
            self.assertIsNone(self.wrong(os.path.join(ROOT, path), kind, name))


if __name__ == "__main__":
    unittest.main()
