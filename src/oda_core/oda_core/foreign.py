"""Episodes of bags that other systems recorded, reconstructed at 10 Hz as a mapping describes.

Ticks are 100 ms apart from the begin of an episode. The observation of a tick is made of messages
with stamps up to the tick, never later ones; the action is the twist that was executed until the
next tick.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oda_core.assembly import BagReport
from oda_core.bagfile import REORDER_NS, Batch, read_batches
from oda_core.cutting import Cut, Cutter
from oda_core.errors import ContractError
from oda_core.mapping import Mapping
from oda_core.measured import Measured, Tick
from oda_core.messages import SECOND_NS
from oda_core.se3 import Pose, rotvec_from_quat
from oda_core.spec import TaskSpec, observe, to_action
from oda_core.types import Episode, EpisodeEvent, Event, finished_episode

STALL_NS = SECOND_NS  # that a silent topic holds up the others, besides the gaps allowed
LONGEST = 6000  # steps of one episode, 10 minutes
OVERSHOOT = 1.05  # of the limits that is clipped without a word


@dataclass
class _Running:
    """An episode that is being reconstructed."""

    number: int
    begin_ns: int
    tare: NDArray[np.float64]
    ticks: int = 0
    last: Tick | None = None
    origin: Pose | None = None
    held_ns: int | None = None  # since when the goal is held
    peak_force_n: float = 0.0
    observations: list[NDArray[np.float32]] = field(default_factory=list)
    actions: list[NDArray[np.float32]] = field(default_factory=list)


def read_foreign(
    path: str | Path, mapping: Mapping, report: BagReport, spec: TaskSpec | None = None
) -> Iterator[Episode]:
    """Episodes of a foreign bag, one at a time.

    Args:
        path: bag directory or file.
        mapping: what is in it.
        report: filled with what was kept and dropped.
        spec: scaling.

    Raises:
        BagError: the bag cannot be read, a message is damaged or in another frame, or a stamp
            jumps back.
    """
    reader = _Reader(Path(path), mapping, report, spec or TaskSpec())
    for batches in read_batches(path, reader.measured.types, reader.cutter.types):
        yield from reader.take(batches)
    yield from reader.close()


class _Reader:
    def __init__(self, path: Path, mapping: Mapping, report: BagReport, spec: TaskSpec) -> None:
        self.measured = Measured(mapping)
        self.cutter = Cutter(mapping, self.measured)
        self._path, self._mapping, self._report, self._spec = path, mapping, report, spec
        self._cuts: deque[Cut] = deque()
        self._running: _Running | None = None
        self._count = 0
        self._first_ns: int | None = None
        self._stall_ns = STALL_NS + round(max(mapping.max_gap_s, mapping.gap_s) * SECOND_NS)

    def take(self, batches: list[Batch]) -> Iterator[Episode]:
        """Take messages that were read together; the episodes that they complete."""
        for batch in batches:
            self.measured.push(batch)
            self.cutter.push(batch)
        newest = [signal.newest_ns for signal in self.measured.needed]
        known = [stamp for stamp in newest if stamp is not None]
        if not known:
            return
        self._first_ns = min(known) if self._first_ns is None else self._first_ns
        stalled_ns = max(known) - self._stall_ns
        if len(known) < len(newest):
            if stalled_ns > self._first_ns:
                yield from self._advance(stalled_ns)
            return
        yield from self._advance(max(min(known) - REORDER_NS, stalled_ns))

    def close(self) -> Iterator[Episode]:
        """The episodes that the end of the bag completes."""
        known = [s.newest_ns for s in self.measured.needed if s.newest_ns is not None]
        if known:
            self.cutter.close(min(known))
            yield from self._advance(max(known))
        if self._running is not None:
            self._drop(self._running, "the bag ends before the episode does")
        if not self._count:
            silent = [s.topic for s in self.measured.needed if s.newest_ns is None]
            why = f"{', '.join(silent)} has no message" if silent else "nothing marks a begin"
            self._report.fault(f"{self._path}: found no episode: {why}")

    def _advance(self, until_ns: int) -> Iterator[Episode]:
        """Go through ticks and cuts up to a time."""
        self._cuts.extend(self.cutter.take(until_ns))
        while True:
            running = self._running
            cut = self._cuts[0] if self._cuts else None
            if running is None:
                if cut is None:
                    break
                self._cuts.popleft()
                if cut.begins:
                    self._begin(cut)
                continue
            tick_ns = self._next_ns(running)
            if cut is not None and cut.stamp_ns < tick_ns:
                self._running = None
                if cut.begins:
                    self._drop(running, f"another one begins at {cut.place}")
                else:
                    self._cuts.popleft()
                    yield from self._finish(running, cut.verdict)
            elif tick_ns > until_ns:
                break
            else:
                yield from self._tick(running, tick_ns)
        oldest = until_ns if self._running is None else self._next_ns(self._running)
        self.measured.drop_before(min(oldest, until_ns) - self._spec.period_ns)

    def _next_ns(self, running: _Running) -> int:
        return running.begin_ns + running.ticks * self._spec.period_ns

    def _begin(self, cut: Cut) -> None:
        number, self._count = self._count, self._count + 1
        try:
            tare = self.measured.tare(cut.stamp_ns)
        except ContractError as error:
            self._report.fault(f"{self._path}: episode {number}: {error}; it is left out")
            return
        self._running = _Running(number=number, begin_ns=cut.stamp_ns, tare=tare)

    def _tick(self, running: _Running, tick_ns: int) -> Iterator[Episode]:
        """Sample one tick; the episode that it completes, if any."""
        try:
            tick = self.measured.at(tick_ns, running.tare)
            if running.last is not None:
                twist = self.measured.executed(running.last, tick)
                running.actions.append(to_action(twist, self._spec))
        except ContractError as error:
            self._running = None
            self._report.fault(f"{self._path}: episode {running.number}: {error}; it is left out")
            return
        state = tick.state
        running.last = tick
        running.ticks += 1
        running.origin = running.origin or state.pose
        running.observations.append(observe(state, running.origin, self._spec))
        force_n = float(np.linalg.norm(state.wrench[:3]))
        running.peak_force_n = max(running.peak_force_n, force_n)
        steps = len(running.actions)
        if steps and self._reached(running, tick):
            self._running = None
            yield from self._finish(running, Event.SUCCESS)
        elif steps and steps == self._mapping.max_steps:
            self._running = None
            yield from self._finish(running, Event.TIMEOUT)
        elif steps >= LONGEST:
            self._running = None
            self._drop(running, f"it has no end within {LONGEST} steps; tell where episodes end")

    def _reached(self, running: _Running, tick: Tick) -> bool:
        goal = self._mapping.goal
        if goal is None:
            return False
        off = tick.state.pose.relative_to(goal.pose)
        near = float(np.linalg.norm(off.position)) <= goal.tolerance_m
        angle = float(np.linalg.norm(rotvec_from_quat(off.quaternion)))
        if not near or angle > np.radians(goal.tolerance_deg):
            running.held_ns = None
            return False
        if running.held_ns is None:
            running.held_ns = tick.state.stamp_ns
        return tick.state.stamp_ns - running.held_ns >= round(goal.hold_s * SECOND_NS)

    def _finish(self, running: _Running, verdict: Event | None) -> Iterator[Episode]:
        """The episode, unless there is a reason against it; a goal overrules other verdicts."""
        unmet = self._mapping.goal is not None and running.held_ns is None
        success = verdict is Event.SUCCESS and not unmet
        if not running.actions or running.last is None or running.origin is None:
            self._drop(running, "it is shorter than a step")
            return
        actions = np.stack(running.actions)
        most = float(np.max(np.abs(actions)))
        if most > OVERSHOOT and self._mapping.beyond_limits == "drop":
            self._drop(
                running,
                f"its motion reaches {most:.2f} of the limits of the action "
                f"({self._spec.linear_limit_m_s} m/s, {self._spec.angular_limit_rad_s} rad/s); "
                "drive slower, or choose beyond_limits: clip",
            )
            return
        self._report.kept += 1
        yield finished_episode(
            self._end_event(running, _event(verdict, success)),
            running.observations,
            list(np.clip(actions, -1, 1)),
            [0.0] * (len(actions) - 1) + [float(success)],
            self._mapping.source_value,
        )

    def _end_event(self, running: _Running, event: Event) -> EpisodeEvent:
        mapping, last, origin = self._mapping, running.last, running.origin
        if last is None or origin is None:
            raise ContractError(f"{self._path}: episode {running.number} has no ticks")
        reasons = {Event.SUCCESS: "", Event.TIMEOUT: "time limit"}
        prefix = f"{mapping.session}-" if mapping.session else ""
        return EpisodeEvent(
            stamp_ns=last.state.stamp_ns,
            session=prefix + self._path.resolve().stem,
            episode_id=running.number,
            connector=mapping.connector,
            purpose=mapping.purpose_value,
            event=event,
            reason=reasons.get(event, "not inserted"),
            start_pose=origin,
            max_steps=mapping.max_steps or max(self._spec.max_steps, len(running.actions)),
            steps=len(running.actions),
            peak_force_n=running.peak_force_n,
        )

    def _drop(self, running: _Running, why: str) -> None:
        self._report.dropped.append(
            f"{self._path}: episode {running.number} (from stamp {running.begin_ns} ns): {why}; "
            "it is left out"
        )


def _event(verdict: Event | None, success: bool) -> Event:
    """End event of a verdict that a goal may have overruled."""
    if success:
        return Event.SUCCESS
    return Event.TIMEOUT if verdict is Event.TIMEOUT else Event.FAILURE
