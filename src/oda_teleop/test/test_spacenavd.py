"""The real daemon, with a serial mouse that the test plays: what it sends is what we read."""

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from oda_teleop.spnav import Button, Connection, Event, Motion

DIGITS = "0AB3D56GH9:K<MN?"  # of a Magellan mouse: 0 to 15, with parity
NAME = b"vMAGELLAN  Version 6.60  3D_Controller\r"

pytestmark = pytest.mark.skipif(
    shutil.which("spacenavd") is None, reason="spacenavd is not installed (apt install spacenavd)"
)


def motion(*axes: int) -> bytes:
    words = (value + 0x8000 for value in axes)
    return b"d%s\r" % "".join(DIGITS[w >> s & 15] for w in words for s in (12, 8, 4, 0)).encode()


def buttons(bits: int) -> bytes:
    return b"k%s\r" % "".join(DIGITS[bits >> s & 15] for s in (0, 4, 8)).encode()


class Mouse:
    """The other end of a serial line: says who it is, and acknowledges its mode."""

    def __init__(self) -> None:
        self._mine, its = pty.openpty()
        tty.setraw(its)
        self.path = os.ttyname(its)
        self._its = its
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def say(self, packet: bytes) -> None:
        os.write(self._mine, packet)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        os.close(self._mine)
        os.close(self._its)

    def _answer(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._mine], [], [], 0.05)[0]:
                continue
            for word in os.read(self._mine, 256).split(b"\r"):
                if word == b"vQ":
                    self.say(NAME)
                elif word[:1] in (b"m", b"n", b"q", b"c"):
                    self.say(word + b"\r")


@pytest.fixture
def mouse(tmp_path: Path) -> Iterator[Mouse]:
    """A mouse at a daemon whose socket is run/spnav.sock below tmp_path."""
    (tmp_path / "run").mkdir()
    mouse = Mouse()
    (tmp_path / "spnavrc").write_text(f"serial = {mouse.path}\n")
    with subprocess.Popen(
        ["spacenavd", "-d", "-c", "spnavrc", "-l", "log"], cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as daemon:  # fmt: skip
        try:
            try:
                wait((tmp_path / "run/spnav.sock").exists, "the daemon's socket")
            except AssertionError:
                pytest.skip("this build of spacenavd has its socket elsewhere")
            wait(lambda: "using device" in (tmp_path / "log").read_text(), "the mouse", 20)
            yield mouse
        finally:
            daemon.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
            daemon.kill()
            mouse.close()


def wait(ready, what: str, limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not ready():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)


def test_the_real_daemon_is_understood(mouse: Mouse, tmp_path: Path) -> None:
    connection = Connection(tmp_path / "run/spnav.sock")
    assert connection.version == 1
    events: list[Event] = []

    def heard(kind: type) -> Event:
        events.clear()
        wait(lambda: events.extend(connection.read()) or any(type(e) is kind for e in events), "it")
        return next(e for e in events if type(e) is kind)

    mouse.say(motion(100, -200, 300, -10, 20, -30))
    moved = heard(Motion)
    assert tuple(map(abs, moved.counts)) == (100, 200, 300, 10, 20, 30)
    assert moved.counts[:2] == (100, -200)
    mouse.say(buttons(1))
    assert heard(Button) == Button(0, True)
    mouse.say(buttons(0))
    assert heard(Button) == Button(0, False)
    mouse.say(motion(0, 0, 0, 0, 0, 0))
    assert heard(Motion).counts == (0,) * 6
    connection.close()
