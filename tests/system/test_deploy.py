"""What docs/deploy ships: the units under systemd's own eyes, the root of the image as its user sees it, the
manifests against what the Kubernetes API says of them."""
import glob
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
import unittest

import yaml

from harness import ROOT, Mist, Server, environment, mist_cli, program, run, texts
from test_install import sanitized

ENGINE_FREE = True
DEPLOY = os.path.join(ROOT, "docs", "deploy")
EXPOSURE_MAX = 2.0  # of 10, as `systemd-analyze security` counts


def read(*path):
    with open(os.path.join(DEPLOY, *path)) as file:
        return file.read()


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Units(unittest.TestCase):
    def setUp(self):
        """As installed, but for where the program is."""
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="mist-units-"))
        for name in ("mist.service", "mist.socket"):
            with open(os.path.join(self.directory, name), "w") as file:
                file.write(read("systemd", name).replace("/usr/local/bin/mist", program()))

    def analyze(self, *args):
        return subprocess.run(["systemd-analyze", "--no-pager", *args], cwd=self.directory, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "SYSTEMD_UNIT_PATH": self.directory + ":", "TERM": "dumb"})

    def test_exposure(self):
        done = self.analyze("security", "--offline=yes", os.path.join(self.directory, "mist.service"))
        found = re.search(r"Overall exposure level for mist\.service: ([\d.]+)", done.stdout)
        self.assertTrue(found, done.stdout)
        self.assertLessEqual(float(found.group(1)), EXPOSURE_MAX, done.stdout)

    def test_verify(self):
        """Nothing in them that systemd does not know or want."""
        done = self.analyze("verify", "--man=no", "--recursive-errors=no", "mist.service", "mist.socket")
        said = [line for line in done.stdout.splitlines() if "mist." in line]
        self.assertEqual(said, [], done.stdout)
        broken = os.path.join(self.directory, "mist.service")
        with open(broken, "a") as file:
            file.write("[Service]\nProtectEverything=yes\n")
        self.assertIn("ProtectEverything", self.analyze("verify", "--man=no", broken).stdout)

    def test_commands_are_of_this_program(self):
        commands = re.findall(r"^Exec\w+=/usr/local/bin/mist (.*)$", read("systemd", "mist.service"), re.M)
        self.assertEqual(commands, ["serve", "reload"])
        for command in commands:
            run(program(), *command.split(), "--help")

    def test_types_that_this_systemd_has(self):
        self.assertIn("\nType=notify\n", read("systemd", "mist.service"))  # notify-reload wants 253, Debian 12 has 252


class Image(unittest.TestCase):
    """The Dockerfile's own commands without Docker: what it copies is laid out here, and run as its user."""

    INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}

    def instructions(self):
        text = re.sub(r"\\\n", " ", read("docker", "Dockerfile"))
        return [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]

    def test_dockerfile(self):
        parsed = self.instructions()
        self.assertEqual({name for name, _ in parsed} - self.INSTRUCTIONS, set())
        self.assertEqual([rest for name, rest in parsed if name == "FROM"], ["debian:bookworm-slim AS build", "scratch"])
        for name, rest in parsed:
            if name in ("ENTRYPOINT", "CMD", "VOLUME"):
                self.assertIsInstance(yaml.safe_load(rest), list)  # the exec form: there is no shell
        built, = [rest for name, rest in parsed if name == "RUN"]
        for command in built.split("&&"):
            self.assertTrue(os.access(os.path.join(ROOT, shlex.split(command)[0]), os.X_OK), command)
        self.assertEqual([rest for name, rest in parsed if name == "USER"], ["65532:65532"])

    @unittest.skipIf(sanitized(), "a sanitizer wants /proc")
    @unittest.skipUnless(os.geteuid() == 0, "only root can change its root and its user")
    def test_the_root_of_the_image(self):
        root = self.enterContext(tempfile.TemporaryDirectory(prefix="mist-image-"))
        run(os.path.join(DEPLOY, "docker", "rootfs"), program(), root)
        os.chmod(root, 0o755)
        os.mkdir(os.path.join(root, "dev"))  # which Docker makes
        os.mknod(os.path.join(root, "dev", "null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.chmod(os.path.join(root, "dev", "null"), 0o666)
        size = sum(os.lstat(os.path.join(path, name)).st_size for path, _, names in os.walk(root) for name in names)
        self.assertLess(size, 64 << 20)
        self.assertEqual(os.listdir(os.path.join(root, "usr", "bin")), ["mist"])
        variables = dict(pair.split("=") for name, rest in self.instructions() if name == "ENV" for pair in rest.split())
        variables.update({"MIST_LISTEN_PORT": "0", "MIST_LISTEN_FALLBACK": "any"})  # this is not a network of its own

        class Contained(Mist):
            def launch(self, command, **how):
                inside = ["chroot", "--userspec=65532:65532", root, "/usr/bin/mist", "serve"]
                return super().launch(inside, **{**how, "env": {**environment("/"), "MIST_CONTROL_SOCKET": "",
                                                                **variables}})

        with Contained() as mist:
            there = Server()
            there.address, there.port = "127.0.0.1", mist.port
            self.assertEqual(mist.ready["address"], "0.0.0.0")
            self.assertEqual(texts(there.query("any.editor.land").answer), ["127.0.0.1"])
            health, = [rest for name, rest in self.instructions() if name == "HEALTHCHECK"]
            check = yaml.safe_load(health[health.index("CMD") + 3:])
            check[check.index("127.0.0.1:53")] = "127.0.0.1:%d" % mist.port
            self.assertEqual(run("chroot", "--userspec=65532:65532", root, *check).stdout, "127.0.0.1\n")
            self.assertTrue(glob.glob(os.path.join(root, "var/lib/mist/Keditor.land.*.private")))
            self.assertTrue(os.path.exists(os.path.join(root, "run/mist/mist.sock")))


# What is used of the Kubernetes API (1.29, apps/v1 and core/v1), with the types that its OpenAPI document gives:
# a type, a list of one, a mapping of names to types, or {str: T} for names that are free. "!" marks what is required.
STRINGS = {str: str}
META = {"name!": str, "namespace": str, "labels": STRINGS, "annotations": STRINGS}
CAPABILITIES = {"drop": [str], "add": [str]}
SECCOMP = {"type!": str, "localhostProfile": str}
SECURITY = {"runAsUser": int, "runAsGroup": int, "runAsNonRoot": bool, "allowPrivilegeEscalation": bool,
            "readOnlyRootFilesystem": bool, "privileged": bool, "capabilities": CAPABILITIES, "seccompProfile": SECCOMP}
PROBE = {"exec": {"command": [str]}, "tcpSocket": {"port!": int, "host": str}, "periodSeconds": int,
         "timeoutSeconds": int, "failureThreshold": int, "initialDelaySeconds": int}
CONTAINER = {"name!": str, "image": str, "command": [str], "args": [str], "env": [{"name!": str, "value": str}],
             "restartPolicy": str, "startupProbe": PROBE, "livenessProbe": PROBE, "readinessProbe": PROBE,
             "resources": {"requests": STRINGS, "limits": STRINGS}, "securityContext": SECURITY,
             "volumeMounts": [{"name!": str, "mountPath!": str, "readOnly": bool, "subPath": str}]}
VOLUME = {"name!": str, "configMap": {"name": str}, "secret": {"secretName": str, "defaultMode": int},
          "emptyDir": {"medium": str, "sizeLimit": str}}
POD = {"metadata": {"labels": STRINGS, "annotations": STRINGS},
       "spec": {"containers!": [CONTAINER], "initContainers": [CONTAINER], "volumes": [VOLUME], "hostNetwork": bool,
                "dnsPolicy": str, "dnsConfig": {"nameservers": [str], "searches": [str],
                                                "options": [{"name": str, "value": str}]},
                "automountServiceAccountToken": bool, "priorityClassName": str,
                "tolerations": [{"operator": str, "key": str, "effect": str}],
                "securityContext": {"runAsNonRoot": bool, "runAsUser": int, "fsGroup": int, "seccompProfile": SECCOMP,
                                    "sysctls": [{"name!": str, "value!": str}]}}}
SELECTOR = {"matchLabels": STRINGS}
KINDS = {
    ("v1", "ConfigMap"): {"metadata!": META, "data": STRINGS},
    ("v1", "Namespace"): {"metadata!": META},
    ("apps/v1", "Deployment"): {"metadata!": META, "spec!": {"replicas": int, "selector!": SELECTOR, "template!": POD}},
    ("apps/v1", "DaemonSet"): {"metadata!": META, "spec!": {
        "selector!": SELECTOR, "template!": POD, "updateStrategy": {"type": str, "rollingUpdate": {"maxUnavailable": int}}}},
}
SAFE_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start"}  # https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster


def problems(value, schema, where):
    """What an API server would refuse or drop, as sentences."""
    if isinstance(schema, type):
        good = isinstance(value, schema) and (schema is not int or not isinstance(value, bool))
        return [] if good else ["%s: %r is no %s" % (where, value, schema.__name__)]
    if isinstance(schema, list):
        if not isinstance(value, list):
            return ["%s is no list" % where]
        return [p for i, item in enumerate(value) for p in problems(item, schema[0], "%s[%d]" % (where, i))]
    if not isinstance(value, dict):
        return ["%s is no mapping" % where]
    if str in schema:
        return [p for key, item in value.items()
                for p in problems(key, str, where) + problems(item, schema[str], "%s.%s" % (where, key))]
    known = {name.rstrip("!"): inner for name, inner in schema.items()}
    missing = {name[:-1] for name in schema if name.endswith("!")} - set(value)
    return (["%s.%s is missing" % (where, name) for name in sorted(missing)] +
            [p for key, item in value.items()
             for p in (problems(item, known[key], "%s.%s" % (where, key)) if key in known
                       else ["%s.%s is unknown" % (where, key)])])


def check_object(thing):
    kind = (thing.get("apiVersion"), thing.get("kind"))
    if kind not in KINDS:
        return ["%s is unknown" % (kind,)]
    return problems({key: value for key, value in thing.items() if key not in ("apiVersion", "kind")}, KINDS[kind],
                    "%s %s" % (kind[1], thing["metadata"].get("name")))


class Manifests(unittest.TestCase):
    def objects(self, name):
        return list(yaml.safe_load_all(read("kubernetes", name)))

    def pod(self, name):
        return next(thing["spec"]["template"]["spec"] for thing in self.objects(name) if "template" in thing.get("spec", {}))

    def test_schema(self):
        for name in ("sidecar.yaml", "daemonset.yaml"):
            for thing in self.objects(name):
                self.assertEqual(check_object(thing), [])

    def test_the_schema_finds_mistakes(self):
        for old, new, said in (("dnsPolicy", "dnspolicy", "dnspolicy is unknown"), ("value: \"5\"", "value: 5", "5 is no str"),
                               ("replicas: 1", "replicas: one", "'one' is no int"), ("  selector:", "  select:", "selector is missing"),
                               ("kind: Deployment", "kind: Deploy", "is unknown")):
            found = [p for thing in yaml.safe_load_all(read("kubernetes", "sidecar.yaml").replace(old, new, 1))
                     for p in check_object(thing)]
            self.assertTrue(any(said in p for p in found), (said, found))

    def test_what_belongs_together(self):
        for name in ("sidecar.yaml", "daemonset.yaml"):
            pod = self.pod(name)
            volumes = {volume["name"] for volume in pod["volumes"]}
            for container in pod["containers"] + pod["initContainers"]:
                self.assertLessEqual({mount["name"] for mount in container.get("volumeMounts", ())}, volumes)
                security = container["securityContext"]
                self.assertEqual((security["capabilities"]["drop"], security["allowPrivilegeEscalation"]), (["ALL"], False))
                for probe in (container.get("startupProbe"), container.get("livenessProbe")):
                    if probe and "exec" in probe:
                        self.assertEqual(probe["exec"]["command"][0], "/usr/bin/mist")
                        run(program(), probe["exec"]["command"][1], "--help")
            for workload in self.objects(name):
                if "selector" in workload.get("spec", {}):
                    labels = workload["spec"]["template"]["metadata"]["labels"].items()
                    self.assertLessEqual(workload["spec"]["selector"]["matchLabels"].items(), labels)

    def test_sidecar(self):
        pod = self.pod("sidecar.yaml")
        self.assertEqual((pod["dnsPolicy"], pod["dnsConfig"]["nameservers"]), ("None", ["127.0.0.1"]))
        self.assertEqual([c.get("restartPolicy") for c in pod["initContainers"]], ["Always"])
        self.assertLessEqual({s["name"] for s in pod["securityContext"]["sysctls"]}, SAFE_SYSCTLS)
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])

    def test_configurations_are_good(self):
        for name in ("sidecar.yaml", "daemonset.yaml"):
            text, = [thing["data"]["mist.yaml"] for thing in self.objects(name) if thing["kind"] == "ConfigMap"]
            mist, = [c for c in self.pod(name)["containers"] + self.pod(name)["initContainers"] if c["name"] == "mist"]
            image = dict(pair.split("=") for i, rest in Image().instructions() if i == "ENV" for pair in rest.split())
            variables = {**image, **{v["name"]: v["value"] for v in mist["env"]}}
            done = mist_cli("check", config=text, env={**variables, "STATE_DIRECTORY": "/nonexistent/state"})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("warning", done.stderr)
            done = mist_cli("why", "kubernetes.default.svc.cluster.local", config=text, env=variables)
            self.assertIn("forwarded", done.stdout)


if __name__ == "__main__":
    unittest.main()
