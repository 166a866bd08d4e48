"""Measurements of speed, each against the value that it must reach."""

from typing import NamedTuple


class Measured(NamedTuple):
    """One measurement."""

    what: str
    value: float
    unit: str
    goal: str  # what it is held against
    reached: bool
