"""The installed library, seen by a program outside the tree: found by pkg-config and by CMake, linked
both ways, from C and from C++; nothing but mist_* to be seen in it."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ENGINE_FREE = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MIST_BUILD", os.path.join(ROOT, "build"))
EXAMPLE = os.path.join(ROOT, "docs", "examples", "embed.c")
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]

CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(guest C)
find_package(mistcore 0.1 REQUIRED)
add_executable(shared "%(source)s")
target_link_libraries(shared PRIVATE mistcore::mistcore)
add_executable(static "%(source)s")
target_link_libraries(static PRIVATE mistcore::static)
"""


def sanitized():
    with open(os.path.join(BUILD, "CMakeCache.txt")) as file:
        return re.search(r"^SANITIZER:\w+=(.*)$", file.read(), re.M).group(1)


@unittest.skipIf(sanitized(), "a sanitized library needs a sanitized program")
class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="mist-install-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.prefix = os.path.join(cls.directory, "prefix")
        cls.run_ok("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.libdir = os.path.dirname(cls.find("libmistcore.a"))
        cls.archive = os.path.join(cls.libdir, "libmistcore.a")
        cls.shared = os.path.join(cls.libdir, "libmistcore.so")
        cls.env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(cls.libdir, "pkgconfig")}

    @classmethod
    def find(cls, name):
        for path, _, files in os.walk(cls.prefix):
            if name in files:
                return os.path.join(path, name)
        raise FileNotFoundError("%s was not installed" % name)

    @classmethod
    def run_ok(cls, *command, **how):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **how)
        if done.returncode != 0:
            raise AssertionError("%s\n%s" % (" ".join(command), done.stdout))
        return done.stdout

    def pkg_config(self, *args):
        return self.run_ok("pkg-config", *args, env=self.env).split()

    def path(self, name):
        return os.path.join(self.directory, name)

    def works(self, program, **env):
        """The example starts a server and says where it answers."""
        said = self.run_ok(program, env={**os.environ, **env})
        self.assertRegex(said, r"^dig @127\.0\.0\.1 -p [1-9]\d* anything\.editor\.land\n$")

    def test_what_is_there(self):
        for name in ("mist", "libmistcore.so", "libmistcore.a", "mistcore.h", "mistcore.pc",
                     "mistcoreConfig.cmake", "mistcoreConfigVersion.cmake"):
            self.find(name)
        if shutil.which("scdoc"):
            for name in ("mist.1", "mist.conf.5"):
                self.find(name)

    def test_the_readme_shows_the_example(self):
        with open(os.path.join(ROOT, "README.md")) as file:
            shown = re.findall(r"```c\n(.*?)```", file.read(), re.S)
        with open(EXAMPLE) as file:
            self.assertIn(file.read(), shown)

    def test_pkg_config_shared(self):
        program = self.path("pc-shared")
        self.run_ok("cc", *STRICT, "-o", program, EXAMPLE,
                    *self.pkg_config("--cflags", "--libs", "mistcore"))
        self.works(program, LD_LIBRARY_PATH=self.libdir)

    def test_pkg_config_archive(self):
        """Only our library from its archive, the others as the system has them."""
        program = self.path("pc-archive")
        libs = ["-l:libmistcore.a" if lib == "-lmistcore" else lib
                for lib in self.pkg_config("--static", "--cflags", "--libs", "mistcore")]
        self.run_ok("cc", *STRICT, "-o", program, EXAMPLE, *libs)
        self.works(program)

    def test_pkg_config_static(self):
        """Nothing dynamic at all. The linker warns that libc may want its shared parts at run time."""
        program = self.path("pc-static")
        self.run_ok("cc", "-static", "-o", program, EXAMPLE,
                    *self.pkg_config("--static", "--cflags", "--libs", "mistcore"))
        self.works(program)

    def test_cmake_both(self):
        source = self.path("guest")
        os.mkdir(source)
        with open(os.path.join(source, "CMakeLists.txt"), "w") as file:
            file.write(CMAKE_PROJECT % {"source": EXAMPLE})
        build = os.path.join(source, "build")
        self.run_ok("cmake", "-S", source, "-B", build, "-DCMAKE_PREFIX_PATH=" + self.prefix)
        self.run_ok("cmake", "--build", build)
        self.works(os.path.join(build, "shared"), LD_LIBRARY_PATH=self.libdir)
        self.works(os.path.join(build, "static"))

    def test_moved_prefix(self):
        moved = self.path("moved")
        shutil.copytree(self.prefix, moved, symlinks=True)
        libdir = os.path.join(moved, os.path.relpath(self.libdir, self.prefix))
        flags = self.run_ok("pkg-config", "--cflags", "--libs", "mistcore",
                            env={**os.environ, "PKG_CONFIG_PATH": os.path.join(libdir, "pkgconfig")})
        self.assertNotIn(self.prefix + "/", flags)
        self.assertIn("moved", flags)

    def test_cplusplus(self):
        """The header alone, and a call through it."""
        source = self.path("guest.cc")
        with open(source, "w") as file:
            file.write('#include <mistcore.h>\n#include <cstdio>\n'
                       'int main() { return std::puts(mist_version()) < 0; }\n')
        program = self.path("guest-cc")
        for standard in ("-std=c++11", "-std=c++20"):
            self.run_ok("c++", standard, *STRICT, "-o", program, source,
                        *self.pkg_config("--cflags", "--libs", "mistcore"))
        said = self.run_ok(program, env={**os.environ, "LD_LIBRARY_PATH": self.libdir})
        self.assertRegex(said, r"^\d+\.\d+\.\d+\n$")

    def test_the_header_stands_alone(self):
        for standard in ("-std=c99", "-std=c11", "-std=c17"):
            self.run_ok("cc", standard, *STRICT, "-fsyntax-only", "-x", "c",
                        os.path.join(self.prefix, "include", "mistcore.h"))

    def test_the_archive_goes_into_a_shared_object(self):
        source = self.path("plugin.c")
        with open(source, "w") as file:
            file.write("#include <mistcore.h>\n"
                       "int plugin(struct mist_server **server);\n"
                       "int plugin(struct mist_server **server)\n"
                       "{ return mist_start(server, NULL, NULL); }\n")
        libs = ["-l:libmistcore.a" if lib == "-lmistcore" else lib
                for lib in self.pkg_config("--static", "--cflags", "--libs", "mistcore")]
        self.run_ok("cc", *STRICT, "-shared", "-fPIC", "-Wl,--no-undefined", "-o",
                    self.path("plugin.so"), source, *libs)

    def symbols(self, *args):
        """(kind, name) of nm."""
        return [tuple(line.split()[-2:]) for line in self.run_ok("nm", *args).splitlines()
                if len(line.split()) >= 2]

    def declared(self):
        with open(os.path.join(ROOT, "include", "mistcore.h")) as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        return set(re.findall(r"MIST_API[^;]*?\b(mist_\w+)\s*\(", text))

    def test_only_the_interface_is_visible(self):
        for what in (("-D", "--defined-only", self.shared), ("-g", "--defined-only", self.archive)):
            names = {name for _, name in self.symbols(*what)}
            self.assertEqual({name for name in names if not name.startswith("mist_")}, set())
            self.assertEqual(names, self.declared())

    def test_the_library_is_a_good_guest(self):
        """It neither prints nor ends the program nor touches its signal handlers."""
        wanted = {name.split("@")[0] for _, name in self.symbols("-u", self.archive)}
        self.assertEqual(wanted & {"exit", "_exit", "_Exit", "abort", "printf", "__printf_chk", "puts",
                                   "putchar", "perror", "stdout", "stderr", "signal", "sigaction",
                                   "fork", "system", "popen", "getenv"}, set())

    def test_the_shared_library_needs_no_other(self):
        text = self.run_ok("readelf", "-d", self.shared)
        needed = {name.split(".so")[0] for name in re.findall(r"NEEDED.*\[(.*)\]", text)}
        self.assertLessEqual(needed, {"liburing", "libcrypto", "libcares", "libc", "libpthread",
                                      "ld-linux-x86-64", "ld-linux-aarch64"})
        self.assertIn("SONAME", text)


if __name__ == "__main__":
    unittest.main()
