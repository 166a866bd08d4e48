"""What stands in for spacenavd: a socket that speaks its protocol, and Debian's client library."""

import ctypes.util
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

ASK = 0x7FAA5500
PACKET = struct.Struct("=8i")
LIBRARY = ctypes.util.find_library("spnav") or "libspnav.so.0"
CLIENT = """
import ctypes, json, sys, time
library = ctypes.CDLL(sys.argv[1])
fields = ctypes.c_int * 16
assert library.spnav_open() == 0
print(json.dumps({"protocol": library.spnav_protocol()}), flush=True)
event = fields()
found = []
deadline = time.monotonic() + 10
while len(found) < int(sys.argv[2]) and time.monotonic() < deadline:
    kind = library.spnav_poll_event(ctypes.byref(event))
    if kind == 1:
        found.append(["motion", list(event[1:7]), event[7]])
    elif kind == 2:
        found.append(["button", event[2], bool(event[1])])
    elif kind == 3:
        found.append(["plugged", event[1] == 0])
    else:
        time.sleep(0.001)
print(json.dumps(found))
"""


class SpnavServer:
    """A daemon of one protocol version; a context manager."""

    def __init__(self, path: Path, version: int = 1) -> None:
        self.path, self.version = path, version
        self.asked: list[bytes] = []
        self._clients: list[socket.socket] = []
        self._changed = threading.Condition()

    def __enter__(self) -> "SpnavServer":
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path.unlink(missing_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            client.close()
        self.path.unlink(missing_ok=True)

    def send(self, packets: bytes) -> None:
        """To every client; waits for the first."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._clients, 15)
            for client in self._clients:
                client.sendall(packets)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.asked.append(client.recv(4))
            if self.version:
                client.sendall(struct.pack("=i", ASK + self.version))
            with self._changed:
                self._clients.append(client)
                self._changed.notify_all()


def library_missing() -> str:
    """Why Debian's client library cannot be used; empty if it can."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return "Debian's libspnav0 is not installed (apt install libspnav0)"
    return ""


def heard_by_library(server: SpnavServer, packets: bytes) -> tuple[int, list]:
    """Protocol version and events as libspnav reports them."""
    count = len(packets) // PACKET.size
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, LIBRARY, str(count)],
        env={**os.environ, "SPNAV_SOCKET": str(server.path)}, stdout=subprocess.PIPE, text=True,
    ) as client:  # fmt: skip
        version = json.loads(client.stdout.readline())["protocol"]
        server.send(packets)
        events = json.loads(client.communicate(timeout=20)[0])
    assert client.returncode == 0
    return version, events


def motion(*counts: int, period: int = 8) -> bytes:
    return PACKET.pack(0, *counts, period)


def button(number: int, down: bool) -> bytes:
    return PACKET.pack(1 if down else 2, number, 0, 0, 0, 0, 0, 0)


def plugged(present: bool) -> bytes:
    return PACKET.pack(3, 0 if present else 1, 0, 0x206, 0x46D, 0xC626, 0, 0)
