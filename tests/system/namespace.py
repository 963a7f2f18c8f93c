"""A network of this process's own: port 53 is free there, nothing but loopback can be reached, and
the resolver's files in /etc are ours.

enter() moves the calling process, and all it starts from then on, into new network and mount
namespaces, made by root or, where the kernel lets ordinary users, in a user namespace. It must
still have one thread only. There is no way back: the runner gives each module a process.
"""
import ctypes
import fcntl
import os
import socket
import struct
import tempfile
import unittest

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    if getattr(libc, name)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "%s: %s" % (name, os.strerror(error)))


def mount(source, target, kind, flags):
    call("mount", source and source.encode(), target.encode(), kind and kind.encode(),
         ctypes.c_ulong(flags), None)


def unshare():
    """As root without a user namespace; else with one in which we are root."""
    try:
        return call("unshare", CLONE_NEWNET | CLONE_NEWNS)
    except OSError:
        uid, gid = os.geteuid(), os.getegid()
        call("unshare", CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1] | IFF_UP
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))


class Files:
    """Files of /etc, replaced by ours in this mount namespace."""

    def __init__(self, **texts):
        self.directory = tempfile.mkdtemp(prefix="mist-etc-")
        for name, text in texts.items():
            self.write(name, text)
            mount(self.path(name), os.path.realpath("/etc/" + name.replace("_", ".")), None, MS_BIND)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        """In place, since the mount is of the file, not of its name."""
        with open(self.path(name), "w") as file:
            file.write(text)


def enter():
    """Moves there, or skips, saying why; the Files, whose resolv_conf is for the tests to write."""
    try:
        unshare()
        mount(None, "/", None, MS_REC | MS_PRIVATE)
        loopback_up()
        for directory in ("/run/nscd", "/run/systemd/resolve"):  # daemons that would answer instead
            if os.path.isdir(directory):
                mount("none", directory, "tmpfs", 0)
        return Files(resolv_conf="nameserver 127.0.0.1\n", nsswitch_conf="hosts: files dns\n",
                     hosts="127.0.0.1 localhost\n")
    except OSError as error:
        raise unittest.SkipTest("no namespaces for us here: %s" % error)


def counters():
    """The kernel's counters of this network: {"Udp": {"OutDatagrams": ...}, "Tcp": ...}."""
    result = {}
    with open("/proc/self/net/snmp") as file:
        for names in file:
            kind, *names = names.split()
            result[kind.rstrip(":")] = dict(zip(names, map(int, next(file).split()[1:])))
    return result
