"""The socket of spacenavd, the daemon of space mice: its packets and a connection to it.

A client connects to a stream socket and receives packets of eight native 32-bit integers. The first
names the event: 0 motion (x, y, z, turns about them, milliseconds since the last), 1 and 2 button
down and up (number), 3 device (0 added or 1 removed). Device events come to a client that asked for
version 1 with one integer, 0x7faa5500 + 1, which an older daemon takes as a sensitivity that is not
a number; a newer one sends it back. Other events are passed over.
"""

import os
import select
import socket
import struct
import time
from pathlib import Path
from typing import NamedTuple

from oda_core.errors import DeviceError

SOCKET = "/var/run/spnav.sock"
ENVIRONMENT = "SPNAV_SOCKET"
ASK_VERSION = 0x7FAA5500
VERSION = 1
ANSWER_S = 0.3  # that a daemon gets to say which version it speaks
PACKET = struct.Struct("=8i")
NUMBER = struct.Struct("=i")
SENSITIVITY = struct.Struct("=f")
MOTION, PRESS, RELEASE, DEVICE = range(4)
KINDS = 16  # more than there are; anything beyond is no packet


class Motion(NamedTuple):
    """The puck moved."""

    counts: tuple[int, ...]  # x right, y up, z away from the person; turns about them
    period_ms: int


class Button(NamedTuple):
    """A button went down or up."""

    number: int
    down: bool


class Plugged(NamedTuple):
    """A mouse was plugged in or out."""

    present: bool


Event = Motion | Button | Plugged


def decode(packet: bytes) -> Event | None:
    """The event of a packet of 32 bytes; None for one that a hand does not make.

    Raises:
        DeviceError: no packet begins so.
    """
    kind, *data = PACKET.unpack(packet)
    if not 0 <= kind < KINDS:
        raise DeviceError(f"spacenavd: found event {kind}, expected 0 to {KINDS - 1}; connect anew")
    if kind == MOTION:
        return Motion(tuple(data[:6]), data[6])
    if kind in (PRESS, RELEASE):
        return Button(data[0], kind == PRESS)
    return Plugged(data[0] == 0) if kind == DEVICE else None


def socket_path(configured: str = "") -> Path:
    """Where the daemon listens: as configured, as SPNAV_SOCKET says, or at its usual place."""
    return Path(configured or os.environ.get(ENVIRONMENT) or SOCKET)


class Connection:
    """A client of the daemon.

    Attributes:
        version: of the protocol, 0 for a daemon that knows no device events.
    """

    def __init__(self, path: Path) -> None:
        """Connect and ask for version 1; takes up to 0.3 s with an old daemon.

        Raises:
            DeviceError: nobody listens.
        """
        self.version = 0
        self._rest = b""
        self._events: list[Event] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
            self._socket.sendall(NUMBER.pack(ASK_VERSION + VERSION))
            self._socket.setblocking(False)
            self._await_version()
        except OSError as error:
            self._socket.close()
            raise DeviceError(
                f"{path}: cannot be reached ({error.strerror}); start spacenavd (apt install "
                f"spacenavd), or name its socket with {ENVIRONMENT}"
            ) from error

    def read(self) -> list[Event]:
        """The events that have come since, without waiting.

        Raises:
            DeviceError: the daemon has gone, or sends something else.
        """
        try:
            while chunk := self._socket.recv(4096):
                self._take(chunk)
        except BlockingIOError:
            events, self._events = self._events, []
            return events
        except OSError as error:
            raise DeviceError(f"spacenavd: lost ({error.strerror})") from error
        raise DeviceError("spacenavd: it has closed the connection; is it still running?")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _await_version(self) -> None:
        deadline = time.monotonic() + ANSWER_S
        while not self.version and (left_s := deadline - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left_s)[0]:
                self._events = self.read()
        if not self.version:  # what was asked is its sensitivity now
            self._socket.sendall(SENSITIVITY.pack(1.0))

    def _take(self, chunk: bytes) -> None:
        """Cut the stream into packets and the answer about the version, which may come between."""
        data = self._rest + chunk
        while len(data) >= NUMBER.size:
            (head,) = NUMBER.unpack_from(data)
            if head & ~0xFF == ASK_VERSION:
                self.version, data = head & 0xFF, data[NUMBER.size :]
                continue
            if len(data) < PACKET.size:
                break
            event = decode(data[: PACKET.size])
            data = data[PACKET.size :]
            if event is not None:
                self._events.append(event)
        self._rest = data
