"""Buttons, deadman and handover, with everything that devices do to them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oda_teleop.buttons import Gesture, Gestures, Levels, parse_gestures
from oda_teleop.hand import MOTION, DeadmanSettings, Hand
from oda_teleop.handover import Handover, Turn
from oda_teleop.shaping import Shaping

PUSH = (0.0, 0.0, -0.4, 0.0, 0.0, 0.0)
REST = (0.0,) * 6


def gestures(**actions: str) -> Gestures:
    return Gestures({name: parse_gestures(text) for name, text in actions.items()})


def hand(**settings: object) -> Hand:
    return Hand(DeadmanSettings(**settings), Shaping())


def ticks(mine: Hand, from_s: float, to_s: float) -> bool:
    """Let time pass as a node does; whether the hand holds the robot then."""
    for now_s in np.arange(from_s, to_s, 0.03):
        mine.holds(now_s)
    return mine.holds(to_s)


def test_gestures_are_read_and_nonsense_is_refused() -> None:
    expected = (Gesture(1, "long"), Gesture(3, "press"))
    assert parse_gestures(" 1 long, 3 ") == expected
    assert parse_gestures("") == ()
    for text in ("one", "1 thrice", "-1", "1 long long"):
        with pytest.raises(ValueError, match="expected the number of a button"):
            parse_gestures(text)


def test_a_press_alone_acts_at_once() -> None:
    found = gestures(start="1", tare="2")
    assert found.press(1, 0.0) == ["start"]
    assert found.release(1, 0.1) == found.poll(5.0) == []


def test_press_double_and_long_exclude_each_other() -> None:
    found = gestures(start="1", gear="1 double", failure="1 long", discard="1 long")
    assert found.press(1, 0.0) == found.release(1, 0.1) == found.poll(0.3) == []
    assert found.poll(0.4) == ["start"]
    assert found.poll(9.0) == []
    assert found.press(1, 10.0) == found.release(1, 10.1) == []
    assert found.press(1, 10.3) == ["gear"]
    assert found.release(1, 12.0) == found.poll(20.0) == []
    assert found.press(1, 30.0) == found.poll(30.7) == []
    assert found.poll(30.8) == ["failure", "discard"]
    assert found.release(1, 31.0) == found.poll(40.0) == []


def test_a_device_that_goes_in_the_middle_of_a_press_does_nothing_later() -> None:
    found = gestures(failure="1 long")
    found.press(1, 0.0)
    found.forget()
    assert found.poll(2.0) == found.release(1, 3.0) == []


def test_an_empty_list_is_no_news_and_a_short_one_is_up() -> None:
    levels = Levels()
    assert levels.update([]) == (frozenset(), frozenset())
    assert levels.update([0, 1]) == ({1}, frozenset())
    assert levels.update([]) == (frozenset(), frozenset())
    assert levels.is_down(1) and not levels.is_down(7)
    assert levels.update([0]) == (frozenset(), {1})


def test_only_a_press_of_the_deadman_while_the_device_speaks_holds_the_robot() -> None:
    mine = hand()
    mine.buttons([1], 0.0)  # before any motion message
    mine.motion(REST, 0.01)
    assert not mine.holds(0.02)
    mine.buttons([0], 0.03)
    mine.buttons([1], 0.04)
    mine.motion(PUSH, 0.05)
    assert mine.holds(0.06)
    assert np.array_equal(mine.raw, PUSH)
    mine.buttons([0], 0.07)
    assert not mine.holds(0.08)


def test_a_silent_device_lets_go_and_must_come_to_rest_before_it_holds_again() -> None:
    mine = hand()
    mine.motion(REST, 0.0)
    mine.buttons([1], 0.01)
    mine.motion(PUSH, 0.02)
    assert ticks(mine, 0.03, 0.2) and not ticks(mine, 0.2, 0.3)
    assert not mine.raw.any()
    assert not ticks(mine, 0.3, 0.99)
    mine.motion(PUSH, 1.0)  # plugged in again, its button still reported as down
    assert not mine.holds(1.01) and mine.lapsed
    mine.buttons([0], 1.02)
    mine.buttons([1], 1.03)
    assert not mine.holds(1.04)  # deflected since it came back
    mine.motion(REST, 1.05)
    assert mine.holds(1.06)


def test_a_process_that_sleeps_does_not_take_the_robot_from_the_hand() -> None:
    mine = hand()
    mine.motion(REST, 0.0)
    mine.buttons([1], 0.01)
    assert ticks(mine, 0.02, 0.1)
    assert mine.holds(2.0)  # the device's messages wait in a queue
    mine.motion(PUSH, 2.01)
    assert mine.holds(2.02) and not ticks(mine, 2.03, 2.5)


def test_a_button_that_stays_down_on_an_unplugged_mouse_lapses() -> None:
    mine = hand(lapse_s=1.0)
    mine.motion(REST, 0.0)
    mine.buttons([1], 0.0)
    mine.motion(PUSH, 0.01)
    times = np.arange(0.04, 3.0, 0.031)
    held = []
    for now_s in times:  # the driver streams zeros from here on
        mine.motion(REST, now_s)
        held.append(mine.holds(now_s))
    assert held[0] and not held[-1] and mine.lapsed
    assert times[held.index(False)] == pytest.approx(1.0, abs=0.1)
    mine.motion(PUSH, 3.1)  # plugged in again
    assert not mine.holds(3.1)


def test_a_deflection_that_never_changes_is_held_by_nobody() -> None:
    """As of a mouse unplugged while deflected, whose driver repeats the last motion for ever."""
    mine = hand(frozen_s=1.0)
    mine.motion(REST, 0.0)
    mine.buttons([1], 0.0)
    held = {}
    for step in range(300):
        now_s = 0.01 + 0.008 * step
        jitter = 0.004 if step < 100 and step % 20 == 0 else 0.0  # a count or two, now and then
        mine.motion((*PUSH[:5], jitter), now_s)
        held[now_s] = mine.holds(now_s)
    assert all(hold for now_s, hold in held.items() if now_s < 1.6)
    assert not any(hold for now_s, hold in held.items() if now_s > 1.9)
    assert not mine.raw.any() or not mine.holds(2.42)
    mine.motion((*PUSH[:5], 0.01), 2.43)  # it moves again, and so may whoever holds it
    assert not mine.holds(2.44)
    mine.motion(REST, 2.45)
    mine.buttons([0], 2.46)
    mine.buttons([1], 2.47)
    assert mine.holds(2.48)


def test_a_deflection_may_be_the_deadman() -> None:
    mine = hand(deadman_button=MOTION, linger_s=0.1)
    mine.motion(REST, 0.0)
    assert not mine.holds(0.01)
    mine.motion(PUSH, 0.02)
    assert mine.holds(0.03)
    mine.motion(REST, 0.05)
    assert mine.holds(0.11) and not mine.holds(0.2)


@given(bad=st.sampled_from([math.nan, math.inf, -math.inf]), axis=st.integers(0, 5))
def test_a_number_that_is_not_finite_never_reaches_the_robot(bad, axis) -> None:
    mine = hand()
    mine.motion(REST, 0.0)
    mine.buttons([1], 0.0)
    raw = list(PUSH)
    raw[axis] = bad
    mine.motion(raw, 0.05)
    assert mine.refused == 1 and not mine.raw.any()
    assert not ticks(mine, 0.06, 0.3)  # it does not count as a sign of life either


def test_a_driver_that_zeroes_a_still_puck_is_noticed_and_a_hand_that_lets_go_is_not() -> None:
    mine = hand()
    for start_s in (0.0, 1.0, 2.0):
        mine.motion(PUSH, start_s)
        mine.motion(REST, start_s + 0.03)
    assert mine.zeroed == 3
    for step, part in enumerate((1.0, 0.6, 0.3, 0.1, 0.0)):
        mine.motion(np.array(PUSH) * part, 3.0 + 0.008 * step)
    assert mine.zeroed == 3


def test_outside_a_demonstration_letting_go_rests_briefly_and_gives_the_robot_back() -> None:
    mine = Handover()
    mine.episode(demonstration=False)
    assert mine.turn(present=True, holds=False, now_s=0.0) is Turn.SILENT
    assert mine.turn(present=True, holds=True, now_s=1.0) is Turn.MOVE
    assert mine.turn(present=True, holds=False, now_s=1.1) is Turn.REST
    assert mine.turn(present=True, holds=False, now_s=1.2) is Turn.SILENT


def test_in_a_demonstration_letting_go_rests_from_the_first_motion_to_the_end() -> None:
    mine = Handover()
    mine.episode(demonstration=True)
    assert mine.turn(present=True, holds=False, now_s=0.0) is Turn.SILENT
    assert mine.turn(present=True, holds=True, now_s=1.0) is Turn.MOVE
    assert mine.turn(present=True, holds=False, now_s=9.0) is Turn.REST
    assert mine.turn(present=False, holds=False, now_s=9.1) is Turn.SILENT  # the watchdog's turn
    mine.episode(demonstration=False)
    assert mine.turn(present=True, holds=False, now_s=9.2) is Turn.SILENT
