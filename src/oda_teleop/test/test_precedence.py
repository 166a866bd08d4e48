"""Who wins when human and policy both command, and how the robot is given back."""

from hypothesis import given
from hypothesis import strategies as st

from oda_core.types import Source
from oda_teleop.precedence import Precedence

MS = 1_000_000
STALE = 250 * MS
NOBODY = (Source.POLICY, 0)


def live() -> Precedence:
    return Precedence(lockstep=False, stale_ns=STALE)


def stepped() -> Precedence:
    return Precedence(lockstep=True, stale_ns=STALE)


@given(gap=st.integers(0, 1000))
def test_the_human_wins_until_it_has_been_silent_for_long_enough(gap: int) -> None:
    who = live()
    assert who.admits(Source.HUMAN, 0, 0, NOBODY)
    assert who.admits(Source.POLICY, gap, gap * MS, NOBODY) == (gap > 250)


def test_a_policy_alone_is_never_overruled() -> None:
    for who in (live(), stepped()):
        assert all(who.admits(Source.POLICY, t, t * MS, NOBODY) for t in range(0, 900, 100))


def test_recovery_forgets_the_human() -> None:
    who = live()
    who.admits(Source.HUMAN, 0, 0, NOBODY)
    who.forget()
    assert who.admits(Source.POLICY, 1, 1, NOBODY)


def test_in_lockstep_the_human_has_the_next_boundary_not_the_one_that_is_decided() -> None:
    who = stepped()
    assert who.admits(Source.POLICY, 100, 100 * MS, NOBODY)
    assert not who.admits(Source.HUMAN, 100, 100 * MS, (Source.POLICY, 100))
    assert not who.admits(Source.POLICY, 200, 200 * MS, (Source.POLICY, 100))
    assert who.admits(Source.HUMAN, 200, 200 * MS, (Source.POLICY, 100))


def test_in_lockstep_a_policy_that_repeats_itself_has_the_robot_back() -> None:
    """Time waits for a command: the human's silence shows in nothing else."""
    who = stepped()
    who.admits(Source.HUMAN, 100, 100 * MS, NOBODY)
    assert not who.admits(Source.POLICY, 200, 200 * MS, (Source.HUMAN, 100))
    assert who.admits(Source.POLICY, 200, 200 * MS, (Source.HUMAN, 100))
