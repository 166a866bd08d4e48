"""The daemon's protocol: Debian's client library and ours hear the same; the driver's rules."""

import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from spnav_server import (
    SpnavServer,
    button,
    heard_by_library,
    library_missing,
    motion,
    plugged,
)

from oda_core.errors import DeviceError
from oda_teleop.puck import Driver, DriverSettings
from oda_teleop.spnav import Button, Connection, Event, Motion, Plugged, decode

COUNT = st.integers(-(2**31), 2**31 - 1)
REAL = DriverSettings()  # of the spacenav node
SCRIPT = b"".join(
    [
        *(motion(i, -2 * i, 3 * i, -i, i, 350 - i, period=8 + i) for i in range(200)),
        button(0, True), motion(-350, 350, -1, 0, 7, 0), plugged(False), plugged(True),
        button(0, False), button(14, True), motion(0, 0, 0, 0, 0, 0),
    ]
)  # fmt: skip


def plain(event: Event) -> list:
    if isinstance(event, Motion):
        return ["motion", list(event.counts), event.period_ms]
    if isinstance(event, Button):
        return ["button", event.number, event.down]
    return ["plugged", event.present]


def heard_by_us(server: SpnavServer, packets: bytes) -> tuple[int, list[Event]]:
    connection = Connection(server.path)
    server.send(packets)
    events: list[Event] = []
    deadline = time.monotonic() + 10
    while len(events) < len(packets) // 32 and time.monotonic() < deadline:
        events += connection.read()
    connection.close()
    return connection.version, events


@pytest.mark.skipif(bool(library_missing()), reason=library_missing())
@pytest.mark.parametrize("version", [0, 1])
def test_debians_client_library_and_ours_hear_the_same(version: int, tmp_path: Path) -> None:
    with SpnavServer(tmp_path / "a", version) as server:
        theirs = heard_by_library(server, SCRIPT)
    with SpnavServer(tmp_path / "b", version) as mine:
        found, events = heard_by_us(mine, SCRIPT)
    assert (found, [plain(e) for e in events]) == theirs
    assert theirs[0] == version and len(theirs[1]) == 207
    assert server.asked == mine.asked


@given(counts=st.lists(COUNT, min_size=6, max_size=6), period=COUNT)
def test_every_count_survives_the_packet(counts, period) -> None:
    assert decode(motion(*counts, period=period)) == Motion(tuple(counts), period)


@given(cut=st.integers(1, 95))
def test_packets_may_come_in_any_pieces_and_before_the_version(cut: int, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("spnav") / "socket"
    answer = (0x7FAA5501).to_bytes(4, sys.byteorder)
    stream = motion(1, 2, 3, 4, 5, 6) + answer + button(3, True) + motion(0, 0, 0, 0, 0, 0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        connection = _connected(listener, path, stream[:40])
        daemon = connection[1]
        rest = stream[40:]
        events = connection[0].read()
        for piece in (rest[: cut % len(rest)], rest[cut % len(rest) :]):
            daemon.sendall(piece)
            events += connection[0].read()
        daemon.close()
        with pytest.raises(DeviceError, match="closed the connection"):
            connection[0].read()
        connection[0].close()
    assert events == [
        Motion((1, 2, 3, 4, 5, 6), 8), Button(3, True), Motion((0,) * 6, 8),
    ]  # fmt: skip
    assert connection[0].version == 1


def _connected(listener: socket.socket, path: Path, first: bytes):
    """A connection to a daemon that sends before it answers, and the daemon's end."""
    accepted: list[socket.socket] = []

    def serve() -> None:
        daemon, _ = listener.accept()
        daemon.recv(4)
        accepted.append(daemon)
        daemon.sendall(first)

    thread = threading.Thread(target=serve)
    thread.start()
    connection = Connection(path)
    thread.join()
    return connection, accepted[0]


def test_what_is_no_packet_is_refused_and_an_absent_daemon_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="found event 77, expected 0 to 15"):
        decode((77).to_bytes(4, sys.byteorder) + bytes(28))
    with pytest.raises(DeviceError, match="start spacenavd"):
        Connection(tmp_path / "nobody")


def test_an_event_that_no_hand_makes_is_passed_over() -> None:
    assert decode((4).to_bytes(4, sys.byteorder) + bytes(28)) is None
    assert decode(plugged(False)) == Plugged(False)


def test_the_driver_is_silent_then_streams_zeros_with_an_empty_list_of_buttons() -> None:
    driver = Driver(REAL, every_look=True)
    looks = [driver.look([]) for _ in range(100)]
    assert not any(looks[:30])
    (first,) = looks[30]
    assert not first.twist.any() and first.buttons == ()
    assert all(len(reports) == 1 for reports in looks[30:])  # joy at every look from then on
    assert [i for i, reports in enumerate(looks) for r in reports if r.twist is not None] == [
        30, 61, 92,
    ]  # fmt: skip


def test_the_driver_maps_axes_and_scales_as_the_spacenav_node() -> None:
    driver = Driver(REAL, every_look=True)
    (report,) = driver.look([Motion((1, 2, 3, 4, 5, 6), 8)])
    np.testing.assert_array_equal(report.twist, np.array([3, -1, 2, 6, -4, 5]) / 512)
    assert np.array_equal(report.axes, report.twist)


def test_the_list_of_buttons_grows_and_keeps_what_is_down() -> None:
    driver = Driver(REAL, every_look=True)
    driver.look([Motion((9,) * 6, 8)])
    script = ((1, True), (0, True), (1, False))
    lists = [report.buttons for event in script for report in driver.look([Button(*event)])]
    assert lists[::2] == [(0, 1), (1, 1), (1, 0)]
    assert driver.look([])[0].buttons == (1, 0)


@pytest.mark.parametrize(("zero", "expected"), [(True, 0.0), (False, 300 / 512)])
def test_a_puck_held_still_is_let_go_or_kept(zero: bool, expected: float) -> None:
    driver = Driver(DriverSettings(zero_when_static=zero), every_look=True)
    driver.look([Motion((0, 300, 0, 0, 20, 0), 8)])
    twists = [r.twist for _ in range(40) for r in driver.look([]) if r.twist is not None]
    assert twists[0][2] == expected
    assert twists[0][5] == 0.0  # below the dead band of a still puck


def test_a_mouse_that_goes_leaves_rest_and_no_button_down() -> None:
    driver = Driver(REAL, every_look=False)
    driver.look([Button(1, True), Motion((0, 300, 0, 0, 0, 0), 8)])
    (last,) = driver.forget()
    assert not last.twist.any() and last.buttons == (0, 0)
