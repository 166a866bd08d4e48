"""Gamepad and keyboard: what the kernel and a terminal say, as a device's axes and buttons."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oda_core.errors import DeviceError
from oda_teleop.gamepad import Gamepad
from oda_teleop.keys import AXES, HOLD_S, Keys
from oda_teleop.shaping import FULL_DEFLECTION, Shaping, deflect

BUTTON, AXIS, INITIAL = 1, 2, 0x80


def event(kind: int, number: int, value: int) -> bytes:
    return struct.pack("=IhBB", 1234, value, kind, number)


@pytest.fixture
def pipe(tmp_path: Path):
    """A gamepad whose events the test writes: reading is alike for a pipe and for the device."""
    path = tmp_path / "js0"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer can open
    writer = os.open(path, os.O_WRONLY)
    gamepad = Gamepad(str(path))
    os.close(reader)
    yield gamepad, writer
    gamepad.close()


def test_the_state_at_the_beginning_and_its_changes(pipe) -> None:
    gamepad, writer = pipe
    assert not gamepad.read()
    os.write(writer, event(BUTTON | INITIAL, 1, 0) + event(AXIS | INITIAL, 2, 0))
    assert gamepad.read()
    assert (gamepad.axes, gamepad.buttons) == ([0, 0, 0], [0, 0])
    os.write(writer, event(BUTTON, 0, 1) + event(AXIS, 1, -32767) + event(AXIS, 0, 32767))
    gamepad.read()
    assert (gamepad.axes, gamepad.buttons) == ([-1, 1, 0], [1, 0])  # left and up are positive
    os.close(writer)
    with pytest.raises(DeviceError, match="plugged out"):
        gamepad.read()


@given(cut=st.integers(1, 23))
def test_events_may_come_in_any_pieces(cut: int, tmp_path_factory) -> None:
    path = tmp_path_factory.mktemp("pad") / "js0"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    gamepad = Gamepad(str(path))
    stream = event(BUTTON, 0, 1) + event(AXIS, 0, 16384) + event(BUTTON, 0, 0)
    for piece in (stream[:cut], stream[cut:]):
        os.write(writer, piece)
        gamepad.read()
    assert gamepad.buttons == [0]
    assert gamepad.axes == [pytest.approx(-0.5, abs=1e-4)]
    for file in (reader, writer):
        os.close(file)
    gamepad.close()


def test_an_absent_gamepad_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="plug the gamepad in"):
        Gamepad(str(tmp_path / "js0"))


def test_every_axis_has_two_keys_that_deflect_it_fully_and_cancel() -> None:
    assert sorted(AXES.values()) == [(axis, sign) for axis in range(6) for sign in (-1, 1)]
    for key, (axis, sign) in AXES.items():
        keys = Keys()
        keys.press(key.upper(), 1.0)
        shaped = deflect(keys.deflection(1.0), Shaping())
        assert shaped[axis] == sign and np.count_nonzero(shaped) == 1
    keys = Keys()
    keys.press("ws", 1.0)
    assert not keys.deflection(1.0).any()


def test_a_tap_moves_for_a_moment_and_a_held_key_while_it_repeats() -> None:
    keys = Keys()
    keys.press("w", 0.0)
    assert keys.deflection(HOLD_S)[0] == FULL_DEFLECTION
    assert not keys.deflection(HOLD_S + 0.01).any()
    for repeat_s in np.arange(0.5, 1.0, 0.033):
        keys.press("w", repeat_s)
        assert keys.deflection(repeat_s + 0.032).any()


def test_digits_are_buttons_and_other_keys_nothing() -> None:
    keys = Keys()
    keys.press("3\x1b[Aq", 0.0)
    assert keys.buttons(0.1) == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert not any(keys.buttons(0.3)) and not keys.deflection(0.0).any()
