"""The examples of docs/examples, built and run by the commands of their README, which also says what is to be
seen."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from test_install import BUILD, ROOT, sanitized

ENGINE_FREE = True
EXAMPLES = os.path.join(ROOT, "docs", "examples")
SECTION = re.compile(r"^## (?P<title>.*?)\n.*?```sh\n(?P<commands>.*?)```\n```text\n(?P<seen>.*?)```", re.S | re.M)
# What a section stands on besides a compiler, and the sections that it uses
NEEDS = {"The same in Rust": ["rustc"], "libcurl with our resolver": ["curl"]}


def sections():
    with open(os.path.join(EXAMPLES, "README.md")) as file:
        text = file.read()
    return {found["title"]: found for part in re.split(r"(?=^## )", text, flags=re.M)
            for found in [SECTION.match(part)] if found}


@unittest.skipIf(sanitized(), "a sanitized library needs a sanitized program")
class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="mist-examples-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        prefix = os.path.join(cls.directory, "prefix")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
        archive, = [path for path, _, names in os.walk(prefix) if "libmistcore.a" in names]
        cls.work = os.path.join(cls.directory, "examples")
        shutil.copytree(EXAMPLES, cls.work)
        cls.env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(archive, "pkgconfig"), "LD_LIBRARY_PATH": archive}
        cls.sections = sections()

    def run_section(self, title, stdout=subprocess.PIPE):
        return subprocess.run(["sh", "-e", "-c", self.sections[title]["commands"]], cwd=self.work, env=self.env,
                              stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=300)

    def check(self, title):
        for program in NEEDS.get(title, ()):
            if shutil.which(program) is None or (program == "rustc" and not self.rust_runs()):
                self.skipTest("%s is not installed" % program)
        done = self.run_section(title)
        self.assertEqual((done.returncode, done.stdout), (0, self.sections[title]["seen"]), done.stderr)
        self.assertNotIn("warning", done.stderr)

    def rust_runs(self):
        """rustup leaves programs that only say that there is no toolchain."""
        return subprocess.run(["rustc", "--version"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def test_launcher_c(self):
        self.check("A launcher in C")
        with open(os.path.join(EXAMPLES, "launcher.c")) as file:
            self.assertLessEqual(len(file.readlines()), 60)

    def test_launcher_cplusplus(self):
        self.check("The same in C++")

    def test_launcher_rust(self):
        self.check("The same in Rust")

    def test_plugin(self):
        self.check("A plugin with a server inside")

    def test_libcurl(self):
        if subprocess.run(["pkg-config", "--exists", "libcurl"]).returncode:
            self.skipTest("libcurl's headers are not installed")
        self.check("A launcher in C")
        self.check("libcurl with our resolver")

    def test_every_section_is_run(self):
        with open(__file__) as file:
            text = file.read()
        self.assertEqual(len(self.sections), 5)
        for title in self.sections:
            self.assertIn('self.check("%s")' % title, text)

    def test_a_launcher_that_fails_says_so(self):
        self.check("A launcher in C")
        launcher = os.path.join(self.work, "launcher")
        self.assertEqual(subprocess.run([launcher, "sh", "-c", "exit 3"], env=self.env).returncode, 3)
        done = subprocess.run([launcher, "/nonexistent"], env=self.env)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()
