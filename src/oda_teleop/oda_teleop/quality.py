"""Is a demonstration fit to learn from? Pure checks on a trace, with one plain verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.settings import setting
from oda_core.trace import Trace
from oda_core.types import Event, Purpose

FULL = 0.99  # of the limit: an action that is saturated


class Level(IntEnum):
    """How much a finding, or a whole demonstration, is to be trusted."""

    GOOD = 0
    DOUBTFUL = 1  # look at it
    BAD = 2  # do not learn from it


class Finding(NamedTuple):
    """One thing that is wrong."""

    level: Level
    name: str  # of the check
    text: str  # one sentence with what was found and what helps
    from_s: float = -1.0  # where in the episode [s]; -1: all of it
    to_s: float = -1.0


class Verdict(NamedTuple):
    """What the checks say together."""

    level: Level
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        if not self.findings:
            return "good"
        worst = sorted(self.findings, key=lambda finding: -finding.level)
        return f"{self.level.name.lower()}: {'; '.join(finding.text for finding in worst)}"


@dataclass(frozen=True, kw_only=True)
class QualityLimits:
    """Thresholds of the checks."""

    gap_s: float = setting(0.05, "time without a state that is doubtful [s]")
    bad_gap_s: float = setting(0.2, "time without a state that is bad [s]")
    gap_periods: float = setting(2.5, "usual intervals between states that make no gap yet")
    jitter: float = setting(0.5, "spread of the interval between states, in parts of it")
    clock_jump_s: float = setting(1.0, "step of the clock between two states that is bad [s]")
    saturated: float = setting(0.8, "share of steps at the speed limit that is doubtful")
    idle: float = setting(0.4, "share of steps without motion that is doubtful")
    idle_action: float = setting(0.02, "largest action of a step without motion")
    contact_n: float = setting(1.0, "least peak force of an insertion [N]")
    force_n: float = setting(60.0, "peak force that is doubtful [N]")
    flat_samples: int = setting(10, "equal extreme forces in a row of a sensor at its end")
    bias_s: float = setting(0.2, "time at the start in which nothing is touched [s]")
    bias_n: float = setting(2.0, "force there that is doubtful; twice of it is bad [N]")
    bias_nm: float = setting(0.15, "torque there that is doubtful; twice of it is bad [Nm]")
    shortest_s: float = setting(0.5, "duration below which it is doubtful [s]")
    longest: float = setting(0.9, "share of the time limit above which it is doubtful")


def judge(trace: Trace, limits: QualityLimits | None = None) -> Verdict:
    """Check one episode.

    A demonstration that was not inserted is bad whatever else holds; what is said of it may tell
    why. Of other episodes the outcome is no fault of the data.
    """
    limits = limits or QualityLimits()
    findings = [finding for check in CHECKS for finding in check(trace, limits)]
    worst = max((finding.level for finding in findings), default=Level.GOOD)
    return Verdict(worst, tuple(findings))


def _outcome(trace: Trace, _: QualityLimits) -> list[Finding]:
    end = trace.end
    if trace.discarded:
        return [Finding(Level.BAD, "discarded", f"discarded, {trace.discarded}")]
    if not trace.finished:
        return [Finding(Level.BAD, "cut off", "has no end: the recording stopped in it")]
    shown = end.purpose is Purpose.DEMONSTRATION
    if not trace.success and (shown or end.event is Event.ABORT):
        why = f" ({end.reason})" if end.reason else ""
        return [Finding(Level.BAD, "outcome", f"ended with {end.event.name}{why}")]
    return []


def _complete(trace: Trace, _: QualityLimits) -> list[Finding]:
    found = [Finding(Level.BAD, "damaged", text) for text in trace.damaged]
    if trace.finished and len(trace.actions) != trace.end.steps:
        text = f"{len(trace.actions)} of {trace.end.steps} steps were recorded"
        found.append(Finding(Level.BAD, "steps", text))
    if not trace.states.size:
        found.append(Finding(Level.BAD, "states", "no state was recorded: is the robot silent?"))
    return found


def _gaps(trace: Trace, limits: QualityLimits) -> list[Finding]:
    """Silence, jumps of the clock and unsteady intervals of the states."""
    if not trace.timed or trace.states.size < 3:
        return []
    times = trace.time_s
    steps = np.diff(times)
    jumps = (steps < 0) | (steps > limits.clock_jump_s)
    found = [
        Finding(Level.BAD, "clock", f"the clock jumped by {steps[i]:+.2f} s at {times[i]:.2f} s")
        for i in np.flatnonzero(jumps)[:1]
    ]
    moving = steps[(steps > 0) & ~jumps]  # a repeated state is no interval
    if not len(moving):
        return found
    usual = float(np.median(moving))
    gaps = (steps > max(limits.gap_s, limits.gap_periods * usual)) & ~jumps
    if gaps.any():
        i = int(np.argmax(np.where(gaps, steps, 0)))
        level = Level.BAD if steps[i] > limits.bad_gap_s else Level.DOUBTFUL
        more = f", and {gaps.sum() - 1} more gaps" if gaps.sum() > 1 else ""
        text = f"no state for {steps[i]:.2f} s at {times[i]:.2f} s{more}"
        found.append(Finding(level, "gap", text, times[i], times[i + 1]))
    spread = float(np.percentile(np.abs(moving - usual), 90)) / usual
    if spread > limits.jitter:
        text = f"the states are unsteady: {usual * 1e3:.0f} ms apart, give or take {spread:.0%}"
        found.append(Finding(Level.DOUBTFUL, "jitter", text))
    return found


def _actions(trace: Trace, limits: QualityLimits) -> list[Finding]:
    """Hands that push all the time, or rest."""
    if not len(trace.actions):
        return []
    largest = np.abs(trace.actions).max(axis=1)
    found: list[Finding] = []
    share = float((largest >= FULL).mean())
    if share > limits.saturated:
        text = f"{share:.0%} of the steps are at the speed limit: steer with less force"
        found.append(Finding(Level.DOUBTFUL, "saturation", text))
    share = float((largest <= limits.idle_action).mean())
    if share > limits.idle:
        text = f"nothing moved in {share:.0%} of the steps"
        found.append(Finding(Level.DOUBTFUL, "idle", text))
    return found


def _duration(trace: Trace, limits: QualityLimits) -> list[Finding]:
    steps, most = len(trace.actions), trace.end.max_steps
    if trace.success and trace.duration_s < limits.shortest_s:
        text = f"took only {trace.duration_s:.1f} s: was it inserted before it began?"
        return [Finding(Level.DOUBTFUL, "too short", text)]
    if steps > limits.longest * most and trace.end.purpose is Purpose.DEMONSTRATION:
        text = f"took {trace.duration_s:.1f} s, {steps} of at most {most} steps: too long"
        return [Finding(Level.DOUBTFUL, "too long", text)]
    return []


def _forces(trace: Trace, limits: QualityLimits) -> list[Finding]:
    """A wrench that is missing, too large or stuck at the end of its range."""
    if not trace.states.size:
        return []
    force = trace.force_n
    peak, at = float(force.max()), float(trace.time_s[force.argmax()])
    found: list[Finding] = []
    if peak < limits.contact_n and trace.success:
        text = f"no contact was felt, peak {peak:.1f} N: is the wrench sensor connected?"
        found.append(Finding(Level.BAD, "no contact", text))
    if peak > limits.force_n:
        text = f"peak force {peak:.0f} N at {at:.2f} s"
        found.append(Finding(Level.DOUBTFUL, "force", text, at, at))
    flat = _longest_run(force >= peak - 1e-9)
    if flat >= limits.flat_samples and trace.timed and peak >= limits.contact_n:
        text = (
            f"the force stays at exactly {peak:.1f} N for {flat} states: the sensor is at its end"
        )
        found.append(Finding(Level.BAD, "sensor", text))
    return found


def _bias(trace: Trace, limits: QualityLimits) -> list[Finding]:
    """What the sensor shows before anything is touched."""
    first = trace.time_s <= limits.bias_s
    if not first.any():
        return []
    mean = trace.states.wrench[first].mean(axis=0)
    found: list[Finding] = []
    for values, limit, unit in ((mean[:3], limits.bias_n, "N"), (mean[3:], limits.bias_nm, "Nm")):
        size = float(np.linalg.norm(values))
        if size > limit:
            level = Level.BAD if size > 2 * limit else Level.DOUBTFUL
            text = f"the wrench begins at {size:.2g} {unit}: tare it before the start"
            found.append(Finding(level, "bias", text, 0.0, limits.bias_s))
    return found


def _longest_run(flags: NDArray[np.bool_]) -> int:
    """Length of the longest stretch of true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


CHECKS: tuple[Callable[[Trace, QualityLimits], list[Finding]], ...] = (
    _outcome,
    _complete,
    _gaps,
    _actions,
    _duration,
    _forces,
    _bias,
)
