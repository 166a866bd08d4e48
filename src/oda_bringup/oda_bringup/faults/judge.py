"""Whether the robot answered a fault as it must: from recorded topics, no ROS here.

The arbiter is not asked whether it is safe: rest, force and place are those of /oda/state.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_bringup.faults.catalogue import Fault
from oda_core.types import EpisodeEvent, Event, Source, StepData, TcpState
from oda_policy.ros.store import EpisodeStore

REST_M_S = 0.002  # slower is rest
STILL_M = 0.0005  # that the arm may move while it rests
RISE_N = 5.0  # that the force may rise while it rests
SPEED_M_S = 0.02  # largest commanded speed per axis
EXTRA_M_S = 0.01  # that the arm may be faster
FREE_N, PRESSED_STATES = 5.0, 30  # less force for so many states is free motion
BOX_M = 0.004  # beyond the workspace box until the arm stands
NS = 1e9


class Shown(NamedTuple):
    """One message of /oda/safety or /oda/cmd/twist."""

    at_ns: int  # stamp of the newest state when it was heard
    state: int  # of the arbiter; -1 on /oda/cmd/twist
    reason: str
    speed: float  # largest component of the executed twist


@dataclass
class Seen:
    """What one trial showed, in the order of hearing; times are stamps of /oda/state [ns]."""

    states: list[TcpState] = field(default_factory=list)
    safety: list[Shown] = field(default_factory=list)
    commands: list[Shown] = field(default_factory=list)
    steps: list[StepData] = field(default_factory=list)
    episodes: list[EpisodeEvent] = field(default_factory=list)
    fault_ns: int = 0  # when the fault began
    cleared_ns: int = 0  # when its cause was gone
    ended_ns: int = 0  # when the trial was over; no person had acted before
    force_limit_n: float = float("inf")
    longest_gap_s: float = 0.0  # of wall time between states that were heard
    top_m: float = float("inf")  # of the workspace box


class Verdict(NamedTuple):
    """One trial, judged."""

    fault: str
    rest_s: float  # from the fault to rest; nan if the arm goes on, as it may
    peak_force_n: float
    moved_mm: float  # while the arm had to rest
    reason: str  # that /oda/safety gave
    problems: tuple[str, ...]
    repeated: int = 0  # runs before that the machine spoiled

    @property
    def passed(self) -> bool:
        """Nothing was wrong."""
        return not self.problems


def judge(fault: Fault, seen: Seen, session: Path) -> Verdict:
    """Hold a trial against what its fault must be answered with.

    Args:
        fault: that was injected.
        seen: what the topics showed.
        session: directory with what the trainer stored.
    """
    problems = list(_common(seen))
    rest_s = moved_mm = float("nan")
    if fault.reaction == "stops":
        rest_s, moved_mm, found = _rest(fault, seen)
        problems += [*found, *_begun(seen)]
    elif fault.reaction == "never begins":
        moved_mm = 1e3 * _moved(_after(seen, seen.fault_ns))
        if moved_mm > 1e3 * STILL_M or seen.steps:
            problems.append(f"moved by {moved_mm:.2f} mm in {len(seen.steps)} steps, expected none")
    else:
        problems += _goes_on(fault, seen)
    reasons = [s.reason for s in seen.safety if s.at_ns >= seen.fault_ns]
    named = [reason for reason in reasons if fault.reason in reason]
    if fault.reason and not named:
        problems.append(f"no reason with {fault.reason!r} among {sorted(set(reasons))}")
    problems += _stored(fault, seen, session)
    peak = _peak(_after(seen, seen.fault_ns))
    return Verdict(fault.name, rest_s, peak, moved_mm, _shown(fault, named), tuple(problems))


def _common(seen: Seen) -> list[str]:
    """What holds whatever happens."""
    states = _after(seen, min((e.stamp_ns for e in seen.episodes), default=0))  # not the reset's
    peak, problems = _peak(states), list[str]()
    if peak > seen.force_limit_n:
        problems.append(f"peak force {peak:.1f} N, limit {seen.force_limit_n:.1f} N")
    fastest = _fastest_in_air(states)
    if fastest > SPEED_M_S + EXTRA_M_S:
        problems.append(f"speed {1e3 * fastest:.1f} mm/s, limit {1e3 * SPEED_M_S:.0f} mm/s")
    top = max((float(s.pose.position[2]) for s in states), default=0.0)
    if top > seen.top_m + BOX_M:
        problems.append(f"{1e3 * (top - seen.top_m):.1f} mm above the workspace box")
    return problems


def _fastest_in_air(states: list[TcpState]) -> float:
    """Largest speed of the arm per axis [m/s] where nothing had pressed on it just before.

    A plug that slips off an edge springs forward; that is no speed that anyone commanded.
    """
    forces, fastest = _forces(states), 0.0
    for i, state in enumerate(states):
        if forces[max(0, i - PRESSED_STATES) : i + 1].max() < FREE_N:
            fastest = max(fastest, float(np.abs(state.twist[:3]).max()))
    return fastest


def _rest(fault: Fault, seen: Seen) -> tuple[float, float, list[str]]:
    """Time to rest [s], way while resting [mm], and what is wrong with them."""
    after = _after(seen, seen.fault_ns)
    if len(after) < 2:
        return float("nan"), float("nan"), ["no states after the fault"]
    speeds = np.array([np.linalg.norm(s.twist[:3]) for s in after])
    moving = np.flatnonzero(speeds > REST_M_S)
    last = int(moving[-1]) + 1 if len(moving) else 0
    rest_s = (after[min(last, len(after) - 1)].stamp_ns - seen.fault_ns) / NS
    problems = []
    if rest_s > fault.rest_s:
        problems.append(f"at rest after {rest_s:.2f} s, expected {fault.rest_s:.2f} s")
    due = _after(seen, seen.fault_ns + round(fault.rest_s * NS))
    moved, forces = _moved(due), _forces(due)
    if moved > STILL_M:
        problems.append(f"moved by {1e3 * moved:.2f} mm while at rest")
    if len(forces) > 1 and forces.max() - forces[:5].mean() > RISE_N:
        problems.append(f"force rose from {forces[:5].mean():.1f} to {forces.max():.1f} N at rest")
    resumed = [c for c in seen.commands if c.at_ns > due[0].stamp_ns and c.speed > 0] if due else []
    if resumed:
        problems.append(f"{len(resumed)} commands of motion after rest: it resumed by itself")
    return rest_s, 1e3 * moved, problems


def _begun(seen: Seen) -> list[str]:
    """No new episode may begin without a person."""
    starts = [e for e in seen.episodes if e.event is Event.START and e.stamp_ns > seen.fault_ns]
    return [f"{len(starts)} episodes began after the fault without a person"] if starts else []


def _goes_on(fault: Fault, seen: Seen) -> list[str]:
    """The executed actions are within the limits, theirs who acted, and the arm rests at last."""
    problems = []
    by_human = sum(step.source is Source.HUMAN for step in seen.steps)
    if (fault.special == "human") != (by_human > 0):
        problems.append(f"{by_human} steps are recorded as a human's")
    if any(np.abs(step.action).max() > 1.0 for step in seen.steps):
        problems.append("an action beyond the limits was recorded")
    after = _after(seen, seen.ended_ns - round(0.2 * NS))
    if after and max(np.linalg.norm(s.twist[:3]) for s in after) > REST_M_S:
        problems.append("not at rest at the end")
    return problems


def _stored(fault: Fault, seen: Seen, session: Path) -> list[str]:
    """What the trainer has on disk is sound, and nothing of a faulty episode is there."""
    stored = EpisodeStore(session / "trainer" / "episodes").episodes()
    if not fault.stored:
        return [f"{len(stored)} episodes stored, expected none"] if stored else []
    if len(stored) != 1:
        return [f"{len(stored)} episodes stored, expected 1"]
    steps = sorted(seen.steps, key=lambda step: step.index)
    actions = np.array([step.action for step in steps], np.float32)
    same = np.array_equal(stored[0].actions, actions)
    return [] if same else ["the stored actions are not those of /oda/step"]


def _after(seen: Seen, at_ns: int) -> list[TcpState]:
    return [s for s in seen.states if s.stamp_ns >= at_ns]


def _moved(states: list[TcpState]) -> float:
    if not states:
        return 0.0
    places: NDArray[np.float64] = np.array([s.pose.position for s in states])
    return float(np.linalg.norm(places - places[0], axis=1).max())


def _forces(states: list[TcpState]) -> NDArray[np.float64]:
    return np.array([np.linalg.norm(s.wrench[:3]) for s in states])


def _peak(states: list[TcpState]) -> float:
    return float(_forces(states).max(initial=0.0))


def _shown(fault: Fault, named: list[str]) -> str:
    return named[0] if fault.reason and named else ""
