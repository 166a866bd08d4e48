"""Times and ratios where some runs never got there: bounds, never left out."""

from collections.abc import Sequence
from statistics import median, median_high
from typing import NamedTuple


class Time(NamedTuple):
    """Robot time until a connector was solved, or until its run gave up."""

    seconds: float
    solved: bool


class Bound(NamedTuple):
    """A value, or the least that it can be."""

    value: float
    exact: bool

    def text(self, unit: str, scale: float = 1.0, digits: int = 1) -> str:
        """As in a table."""
        return f"{'' if self.exact else '≥ '}{self.value / scale:.{digits}f}{unit}"


class SpeedUp(NamedTuple):
    """Median ratio of times, over runs on the same connector and seed."""

    median: Bound | None  # None: no run needed finetuning
    pairs: int
    at_once: int  # pairs left to the side, because ours needed no finetuning at all


def median_time(times: Sequence[Time]) -> Bound:
    """Median of times; a run that gave up took longer than it ran.

    It is exact unless such a run could move it.
    """
    return _median([Bound(time.seconds, time.solved) for time in times])


def speed_up(ours: Sequence[Time], others: Sequence[Time]) -> SpeedUp:
    """How many times longer the others took.

    A run of theirs that gave up makes its ratio a lower bound; where ours gave up, the ratio can be
    anything from 0 on and counts as 0. Pairs in which ours needed no finetuning are counted apart,
    as in the paper, which calls that conservative.

    Args:
        ours: times, paired with others.
        others: times of the method compared with.
    """
    ratios = []
    for mine, theirs in zip(ours, others, strict=True):
        if mine.solved and mine.seconds == 0:
            continue
        exact = mine.solved and theirs.solved
        ratios.append(Bound(theirs.seconds / mine.seconds if mine.solved else 0.0, exact))
    at_once = len(ours) - len(ratios)
    if not ratios:
        return SpeedUp(None, 0, at_once)
    return SpeedUp(_median(ratios), len(ratios), at_once)


def _median(values: Sequence[Bound]) -> Bound:
    above = median_high(value.value for value in values)
    exact = all(value.exact or value.value > above for value in values)
    return Bound(float(median(value.value for value in values)), exact)
