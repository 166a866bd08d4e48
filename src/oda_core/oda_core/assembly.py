"""Episodes put together from the steps and events of a bag, each checked against the other.

Whatever is wrong with one episode leaves that episode out, and the report names the message; the
others are kept.
"""

from dataclasses import dataclass, field, fields

import numpy as np

from oda_core.errors import ContractError
from oda_core.se3 import Pose
from oda_core.types import Episode, EpisodeEvent, Event, StepData, episode_from_steps

Key = tuple[str, int]  # session, episode
PENDING = 64  # unfinished episodes that are remembered
ENDS_ONLY = {"stamp_ns", "event", "reason", "steps", "peak_force_n"}  # what START does not say


@dataclass
class BagReport:
    """What a reader kept and left out, filled while it reads.

    Attributes:
        kept: episodes.
        dropped: one sentence per episode that was left out.
        faults: those of the sentences that tell of damaged or contradictory data.
        checked: steps that agree with the raw topics.
        unchecked: steps for which the raw topics hold nothing.
    """

    kept: int = 0
    dropped: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    checked: int = 0
    unchecked: int = 0

    def fault(self, sentence: str) -> None:
        """Leave an episode out because its data is wrong."""
        self.dropped.append(sentence)
        self.faults.append(sentence)


@dataclass
class _Parts:
    """What is known of an episode."""

    start: EpisodeEvent | None = None
    end: EpisodeEvent | None = None
    steps: dict[int, StepData] = field(default_factory=dict)
    place: str = ""  # of its newest message

    @property
    def complete(self) -> bool:
        return self.end is not None and len(self.steps) == self.end.steps


class Assembly:
    """Joins steps and events; what is complete is taken out with finished()."""

    def __init__(self, report: BagReport) -> None:
        """Begin with nothing."""
        self._report = report
        self._parts: dict[Key, _Parts] = {}
        self._closed: dict[Key, str] = {}  # finished or spoilt, and where that was
        self._ready: list[tuple[Episode, list[StepData], str]] = []

    def step(self, step: StepData, place: str) -> None:
        """Take a step; place says where it stands."""
        parts = self._open((step.session, step.episode_id), place)
        if parts is None:
            return
        known = parts.steps.get(step.index)
        numbers = (step.observation, step.action, step.next_observation, step.reward)
        if not all(np.all(np.isfinite(value)) for value in numbers):
            self._spoil(step, place, f"step {step.index} holds a value that is not finite")
        elif known is not None and not _same_step(known, step):
            self._spoil(step, place, f"step {step.index} is there already, with other content")
        else:
            parts.steps[step.index] = step
            self._note(step)

    def event(self, event: EpisodeEvent, place: str) -> None:
        """Take a START or an end event; place says where it stands."""
        key = (event.session, event.episode_id)
        starts = event.event is Event.START
        if key in self._closed and starts:
            self._report.fault(
                f"{place}: episode {key[1]} of {key[0]} begins a second time (first: "
                f"{self._closed[key]}); an id must be unique within its session"
            )
            return
        parts = self._open(key, place)
        if parts is None:
            return
        known = parts.start if starts else parts.end
        if known is not None and not _same_event(known, event):
            self._spoil(event, place, f"{event.event.name} contradicts an earlier event of this id")
        elif not _agree(parts.start or event, parts.end or event, event):
            self._spoil(event, place, "START and end event tell of different episodes")
        elif starts:
            parts.start = event
        else:
            parts.end = event
            self._note(event)

    def finished(self) -> list[tuple[Episode, list[StepData], str]]:
        """Episodes that are complete, with their steps and the place of their last message."""
        found, self._ready = self._ready, []
        return found

    def close(self) -> None:
        """Report what stayed incomplete."""
        for key in sorted(self._parts):
            self._give_up(key)

    def _open(self, key: Key, place: str) -> _Parts | None:
        """The parts of an episode; None if it is closed."""
        if key in self._closed:
            return None
        if key not in self._parts and len(self._parts) >= PENDING:
            self._give_up(next(iter(self._parts)))
        parts = self._parts.setdefault(key, _Parts())
        parts.place = place
        return parts

    def _note(self, part: StepData | EpisodeEvent) -> None:
        key = (part.session, part.episode_id)
        joined = self._join(key) if self._parts[key].complete else None
        if joined is not None:
            self._ready.append(joined)

    def _spoil(self, part: StepData | EpisodeEvent, place: str, why: str) -> None:
        key = (part.session, part.episode_id)
        self._parts.pop(key, None)
        self._closed[key] = place
        self._report.fault(f"{place}: episode {key[1]} of {key[0]}: {why}; it is left out")

    def _give_up(self, key: Key) -> None:
        parts = self._parts.pop(key)
        self._closed[key] = parts.place
        if parts.end is not None and parts.end.event is Event.ABORT:
            self._drop_aborted(parts.end)
            return
        expected = f"{parts.end.steps} steps" if parts.end is not None else "an end event"
        self._report.dropped.append(
            f"episode {key[1]} of {key[0]}: found {len(parts.steps)} steps, expected {expected}; "
            f"its last message is {parts.place}"
        )

    def _drop_aborted(self, end: EpisodeEvent) -> None:
        self._report.dropped.append(
            f"episode {end.episode_id} of {end.session}: aborted, {end.reason}"
        )

    def _join(self, key: Key) -> tuple[Episode, list[StepData], str] | None:
        parts = self._parts.pop(key)
        self._closed[key] = parts.place
        end, steps = parts.end, [parts.steps[i] for i in sorted(parts.steps)]
        if end is None:
            return None
        if end.event is Event.ABORT:
            self._drop_aborted(end)
            return None
        try:
            episode = episode_from_steps(steps, end)
            _check_order(episode, steps)
        except ContractError as error:
            self._report.fault(f"{parts.place}: {error}; it is left out")
            return None
        return episode, steps, parts.place


def _check_order(episode: Episode, steps: list[StepData]) -> None:
    """Refuse stamps that jump back, and flags or versions that contradict the end event.

    Raises:
        ContractError: what contradicts what.
    """
    end = episode.end
    where = f"episode {end.episode_id} of {end.session}"
    stamps = np.array([step.stamp_ns for step in steps] + [end.stamp_ns])
    back = np.flatnonzero(np.diff(stamps[:-1]) <= 0)
    if len(back):
        i = int(back[0])
        raise ContractError(
            f"{where}: the stamp jumps back from {stamps[i]} to {stamps[i + 1]} ns at step {i + 1}"
        )
    if stamps[-1] < stamps[0]:
        raise ContractError(f"{where}: ends at {stamps[-1]} ns, before its first step")
    if bool(episode.terminations[-1]) != episode.success or (
        episode.terminations[-1] and episode.truncations[-1]
    ):
        raise ContractError(f"{where}: ends with {end.event.name}, its last step says otherwise")
    if {step.policy_version for step in steps} != {end.policy_version}:
        raise ContractError(f"{where}: holds steps of another policy version")


def _agree(start: EpisodeEvent, end: EpisodeEvent, event: EpisodeEvent) -> bool:
    """The START and the end event tell of the same episode; event is one of them."""
    first, last = (event, end) if event.event is Event.START else (start, event)
    return all(
        _same(getattr(first, item.name), getattr(last, item.name))
        for item in fields(EpisodeEvent)
        if item.name not in ENDS_ONLY
    )


def _same_event(a: EpisodeEvent, b: EpisodeEvent) -> bool:
    return all(_same(getattr(a, f.name), getattr(b, f.name)) for f in fields(EpisodeEvent))


def _same_step(a: StepData, b: StepData) -> bool:
    return all(_same(getattr(a, f.name), getattr(b, f.name)) for f in fields(StepData))


def _same(a: object, b: object) -> bool:
    if isinstance(a, Pose) and isinstance(b, Pose):
        return all(map(np.array_equal, a, b))
    return bool(np.all(a == b))
