"""Is everything as it must be? Facts are gathered first; each check is a pure function of them."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from oda_bringup.doctor.facts import Facts

Verdict = Literal["ok", "warn", "fail", "skipped"]


class Finding(NamedTuple):
    """What a check says."""

    verdict: Verdict
    found: str
    remedy: str = ""  # what to do, unless all is well


class Check(NamedTuple):
    """One question, and why it is asked."""

    name: str
    why: str
    ask: Callable[[Facts], Finding]


def ok(found: str) -> Finding:
    """All is well."""
    return Finding("ok", found)


def warn(found: str, remedy: str) -> Finding:
    """It may do harm."""
    return Finding("warn", found, remedy)


def fail(found: str, remedy: str) -> Finding:
    """It will not work, or is not safe."""
    return Finding("fail", found, remedy)


def skipped(why: str) -> Finding:
    """It was not asked, or does not matter here."""
    return Finding("skipped", why)
