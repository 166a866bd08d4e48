"""Two hosts on one machine: network namespaces joined by a virtual cable that can be cut."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oda_core.errors import SessionError

CLONE_NEWNET = 0x40000000  # linux/sched.h
HERE, THERE = "oda-robot", "oda-policy"
ADDRESSES = {HERE: "10.97.0.1/24", THERE: "10.97.0.2/24"}


class Cable:
    """Between the namespace of this process and the other one."""

    other = ("ip", "netns", "exec", THERE)
    """What a command begins with to run on the other host."""

    def cut(self) -> None:
        """Nothing passes any more."""
        _ip("link", "set", HERE, "down")

    def mend(self) -> None:
        """Everything passes again."""
        _ip("link", "set", HERE, "up")
        _ip("route", "replace", "224.0.0.0/4", "dev", HERE)


@contextmanager
def two_hosts() -> Iterator[Cable]:
    """Put this process on one of two hosts while the context lasts.

    Threads that were started before stay where they were.

    Raises:
        SessionError: not permitted, or the tools are missing.
    """
    if os.geteuid() != 0:
        raise SessionError("network namespaces: found another user than root; run it as root")
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    _remove()
    try:
        for name in (HERE, THERE):
            _ip("netns", "add", name)
        _ip("link", "add", HERE, "netns", HERE, "type", "veth", "peer", THERE, "netns", THERE)
        for name, address in ADDRESSES.items():
            inside = ("netns", "exec", name, "ip")
            _ip(*inside, "address", "add", address, "dev", name)
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "link", "set", name, "up")
            _ip(*inside, "route", "replace", "224.0.0.0/4", "dev", name)
        with Path("/run/netns", HERE).open() as there:
            _enter(there.fileno())
        yield Cable()
    finally:
        _enter(home)
        os.close(home)
        _remove()


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        raise SessionError(f"network namespace: {os.strerror(ctypes.get_errno())}")


def _remove() -> None:
    for name in (HERE, THERE):
        if Path("/run/netns", name).exists():
            _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    try:
        subprocess.run(("ip", *words), check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise SessionError("ip: not found; install iproute2") from error
    except subprocess.CalledProcessError as error:
        raise SessionError(f"ip {' '.join(words)}: {error.stderr.strip()}") from error
