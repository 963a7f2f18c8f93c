"""Live edits, judged by others: after each, delv validates names that came, went and stayed, and ldns-verify-zone
the zone as a whole."""
import contextlib
import tempfile
import unittest

from harness import Mist, delv, run

ENGINE_FREE = True  # what is signed and published does not hang on how packets come

ZONE = """$TTL 300
@ IN SOA ns host 7 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 127.0.0.9
*.wild A 127.0.0.8
cut NS ns.cut
ns.cut A 127.0.0.7
"""
CONFIG = {"zones": [{"name": "a.test", "file": "a.zone"}, "editor.land", "inner.editor.land"],
          "forward": {"allow": ["up.editor.land"], "upstreams": ["127.0.0.1:9"]}}


class Edits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.mist = cls.stack.enter_context(Mist(CONFIG, files={"a.zone": ZONE}))
        cls.anchors = {zone: cls.mist.cli("trust-anchor", zone, "--format", "bind").stdout
                       for zone in ("a.test", "editor.land", "inner.editor.land")}

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def edit(self, zone, *lines):
        self.mist.cli("zone", "edit", zone, "-", input="".join(line + "\n" for line in lines))
        with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
            file.write(self.mist.cli("zone", "show", zone).stdout)
            file.flush()
            done = run("ldns-verify-zone", file.name, check=False)
        self.assertEqual(done.returncode, 0, "ldns-verify-zone after %s:\n%s%s"
                         % (lines, done.stdout, done.stderr))

    def judge(self, zone, *wanted):
        for name, rdtype, want in wanted:
            verdict, text = delv(self.mist, name, rdtype, self.anchors[zone], zone)
            self.assertEqual(verdict, want, "delv says of %s %s:\n%s" % (name, rdtype, text))

    def test_names(self):
        self.edit("a.test", "add new A 127.0.1.1", "add a.b.c TXT deep")
        self.judge("a.test", ("new.a.test", "A", "secure"), ("new.a.test", "AAAA", "negative secure"),
                   ("a.b.c.a.test", "TXT", "secure"), ("b.c.a.test", "TXT", "negative secure"),
                   ("none.a.test", "A", "negative secure"), ("www.a.test", "A", "secure"))
        self.edit("a.test", "remove new", "remove a.b.c", "add new2 CNAME www")
        self.judge("a.test", ("new.a.test", "A", "negative secure"), ("b.c.a.test", "TXT", "negative secure"),
                   ("new2.a.test", "A", "secure"), ("zzz.a.test", "A", "negative secure"))

    def test_wildcards(self):
        self.judge("a.test", ("x.wild.a.test", "A", "secure"))
        self.edit("a.test", "add x.wild TXT there", "add *.other A 127.0.0.6")
        self.judge("a.test", ("x.wild.a.test", "A", "negative secure"), ("y.wild.a.test", "A", "secure"),
                   ("q.other.a.test", "A", "secure"), ("other.a.test", "A", "negative secure"))
        self.edit("a.test", "remove x.wild", "remove *.other")
        self.judge("a.test", ("x.wild.a.test", "A", "secure"), ("q.other.a.test", "A", "negative secure"))

    def test_cuts(self):
        self.judge("a.test", ("cut.a.test", "DS", "negative secure"))
        self.edit("a.test", "add cut DS 12345 13 2 " + 32 * "0a")
        self.judge("a.test", ("cut.a.test", "DS", "secure"))
        self.edit("a.test", "remove cut", "add y.ns.cut A 127.0.0.5")
        self.judge("a.test", ("ns.cut.a.test", "A", "secure"), ("y.ns.cut.a.test", "A", "secure"),
                   ("cut.a.test", "A", "negative secure"))
        self.edit("a.test", "add cut NS ns.cut", "remove y.ns.cut")
        self.judge("a.test", ("cut.a.test", "DS", "negative secure"), ("www.a.test", "A", "secure"))

    def test_dname(self):
        self.edit("a.test", "add x.old A 127.0.0.4", "add x.moved A 127.0.0.3")
        self.edit("a.test", "add old DNAME moved")
        self.judge("a.test", ("x.old.a.test", "A", "secure"), ("old.a.test", "DNAME", "secure"))
        self.edit("a.test", "remove old DNAME")
        self.judge("a.test", ("x.old.a.test", "A", "secure"), ("q.old.a.test", "A", "negative secure"))

    def test_made(self):
        """The wildcard of a made zone survives around names that come and go."""
        self.edit("editor.land", "add web.proj A 127.0.1.2")
        self.judge("editor.land", *((name + "editor.land", rdtype, want) for name, rdtype, want in (
            ("web.proj.", "A", "secure"), ("web.proj.", "TXT", "negative secure"), ("proj.", "A", "secure"),
            ("api.proj.", "A", "secure"), ("x.web.proj.", "A", "secure"), ("any.", "A", "secure"),
            ("inner.", "DS", "secure"), ("up.", "DS", "negative secure"))))
        self.edit("editor.land", "remove web.proj", "add * AAAA ::1")
        self.judge("editor.land", ("web.proj.editor.land", "AAAA", "secure"),
                   ("x.ns.editor.land", "AAAA", "secure"), ("any.editor.land", "A", "secure"))
        self.edit("inner.editor.land", "add ns A 127.0.0.2", "remove ns A 127.0.0.1")
        self.edit("editor.land", "remove * AAAA")
        self.judge("editor.land", ("any.editor.land", "AAAA", "negative secure"),
                   ("inner.editor.land", "DS", "secure"))

    def test_times(self):
        """Another TTL of negative answers is that of every NSEC (RFC 9077)."""
        self.edit("inner.editor.land", "add t 77 A 127.0.0.2")
        self.judge("inner.editor.land", ("t.inner.editor.land", "A", "secure"))
        soa = self.mist.query("inner.editor.land", "SOA").answer[0][0].to_text().split()
        soa[6] = "50"
        self.edit("inner.editor.land", "add @ SOA " + " ".join(soa))
        shown = self.mist.cli("zone", "show", "inner.editor.land").stdout
        nsec = [line.split()[1] for line in shown.splitlines() if line.split()[3] == "NSEC"]
        self.assertEqual(set(nsec), {"50"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
