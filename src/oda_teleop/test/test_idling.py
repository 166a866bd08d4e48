"""What nobody commands: rest, once a period, and never for the state that time waits at."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from oda_teleop.idling import Idling

TICK, PERIOD = 10, 100


def said(idling: Idling, newest: Sequence[int]) -> list[int]:
    return [due for due in map(idling.due, newest) if due is not None]


def test_rest_follows_the_last_command_once_a_period_while_time_passes() -> None:
    idling = Idling(PERIOD)
    idling.commanded(1000)
    waiting = [1100] * 5  # time stands still: the policy's command is due, not ours
    assert said(idling, waiting) == []
    assert said(idling, range(1100, 1411, TICK)) == [1100, 1200, 1300, 1400]
    assert said(idling, [1410] * 5) == []


def test_states_that_were_lost_are_made_up_for_one_by_one() -> None:
    idling = Idling(PERIOD)
    idling.commanded(1000)
    assert said(idling, [1350, 1360, 1370]) == [1100, 1200, 1300]


def test_time_before_the_first_state_and_before_a_jump_back_is_not_made_up_for() -> None:
    idling = Idling(PERIOD)
    assert said(idling, range(5000, 5201, TICK)) == [5100]
    assert said(idling, range(0, 201, TICK)) == [100]


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(0, 2000))
def test_a_stamp_is_always_older_than_the_newest_state_and_newer_than_the_last(
    steps: list[int], commanded: int
) -> None:
    idling, newest = Idling(PERIOD), 2000
    idling.commanded(commanded)
    last = commanded
    for step in steps:
        newest += step
        due = idling.due(newest)
        if due is not None:
            assert last < due < newest and due - last == PERIOD
            last = due
