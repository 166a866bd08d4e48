"""Steps held against the raw topics of the same bag: what was recorded is what was acted on.

The observation of a step must be that of the state with its stamp, its action the mean of the
commands of its tick. A late command counts for the tick after its own, so that any run of
consecutive commands around the tick may be the one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oda_core.bagfile import Batch
from oda_core.errors import ContractError
from oda_core.messages import SECOND_NS
from oda_core.spec import TaskSpec, observe, to_action
from oda_core.stepper import SET_BACK_NS
from oda_core.topics import COMMAND, STATE
from oda_core.types import TCP_FRAME, Episode, StepData
from oda_core.wire import decode_state

TOLERANCE = 2e-6  # of a scaled value, relative above 1: a few roundings of float32
SILENCE_NS = SECOND_NS // 2
MEMORY = 100_000  # messages per topic
TWIST = [f"twist.{part}.{axis}" for part in ("linear", "angular") for axis in "xyz"]


@dataclass(frozen=True)
class _Jump:
    """A stamp that is before the one that it follows."""

    place: str
    from_ns: int
    to_ns: int


class RawTopics:
    """The newest states and commands of a bag, by stamp."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._states: dict[int, tuple[int, bytes]] = {}  # number within the topic, message
        self._commands: dict[int, NDArray[np.float64]] = {}  # (6,)
        self._jumps: list[_Jump] = []
        self._newest: dict[str, int] = {}
        self._first_ns = np.iinfo(np.int64).max  # stamp of the first state in the bag

    def push(self, batch: Batch) -> None:
        """Take messages of /oda/state or of /oda/cmd/twist.

        Raises:
            BagError: a message cannot be decoded or is in another frame.
        """
        found = batch.columns([] if batch.topic == STATE else TWIST)
        stamps = found.stamps_ns.tolist()
        self._note_jumps(batch, found.stamps_ns)
        if batch.topic == STATE:
            self._first_ns = min(self._first_ns, stamps[0])
            for i, stamp in enumerate(stamps):
                self._states[stamp] = (batch.first + i, batch.cdrs[i])
        else:
            for i in np.flatnonzero(found.frames != TCP_FRAME.encode())[:1]:
                raise batch.error(
                    int(i), f"found frame {found.frames[i]!r}, expected {TCP_FRAME!r}"
                )
            for stamp, value in zip(stamps, found.values, strict=True):
                self._commands.setdefault(stamp, value)
        for kept in (self._states, self._commands):
            for stamp in list(kept)[: max(0, len(kept) - MEMORY)]:
                del kept[stamp]

    def forget_before(self, stamp_ns: int) -> None:
        """Drop what no later episode needs."""
        self._states = {k: v for k, v in self._states.items() if k >= stamp_ns}
        self._commands = {k: v for k, v in self._commands.items() if k >= stamp_ns}
        self._jumps = [jump for jump in self._jumps if jump.from_ns >= stamp_ns]

    def check(self, episode: Episode, steps: Sequence[StepData], spec: TaskSpec) -> int:
        """Number of steps that were compared.

        Raises:
            ContractError: a step and the raw topics disagree, or a topic is silent or jumps back.
        """
        where = f"episode {episode.end.episode_id} of {episode.end.session}"
        begin, end = steps[0].stamp_ns, episode.end.stamp_ns
        for jump in self._jumps:
            if jump.to_ns < end and jump.from_ns > begin:
                raise ContractError(
                    f"{where}: {jump.place}: the stamp jumps back from {jump.from_ns} to "
                    f"{jump.to_ns} ns"
                )
        self._check_silence(where, [step.stamp_ns for step in steps])
        compared = sum(
            self._check_observation(where, step.stamp_ns, step.observation, episode, spec)
            for step in steps
        )
        last = steps[-1]
        final_ns = last.stamp_ns + spec.period_ns
        self._check_observation(where, final_ns, last.next_observation, episode, spec)
        self._check_actions(where, steps, end, spec)
        if not np.array_equal(episode.rewards, episode.terminations.astype(np.float32)):
            raise ContractError(
                f"{where}: found rewards {episode.rewards.tolist()}, expected 1 at success, else 0"
            )
        return compared

    def _note_jumps(self, batch: Batch, stamps: NDArray[np.int64]) -> None:
        before = self._newest.get(batch.topic, int(stamps[0]))
        newest = np.maximum.accumulate(np.append(before, stamps))
        for i in np.flatnonzero(newest[:-1] - stamps > SET_BACK_NS)[:1]:
            place = f"{batch.topic} message {batch.first + int(i)}"
            self._jumps.append(_Jump(place, int(newest[i]), int(stamps[i])))
        self._newest[batch.topic] = int(stamps[-1])
        del self._jumps[:-1000]

    def _check_silence(self, where: str, stamps: list[int]) -> None:
        """Refuse an episode in which the states stop; a recorder may have heard the first late."""
        stamps = [stamp for stamp in stamps if stamp >= self._first_ns]
        lost_from: int | None = None
        for stamp in stamps:
            if stamp in self._states:
                lost_from = None
            else:
                lost_from = stamp if lost_from is None else lost_from
                if stamp - lost_from >= SILENCE_NS:
                    raise ContractError(f"{where}: {STATE} is silent from stamp {lost_from} ns on")

    def _check_observation(
        self,
        where: str,
        stamp_ns: int,
        seen: NDArray[np.float32],
        episode: Episode,
        spec: TaskSpec,
    ) -> bool:
        if stamp_ns not in self._states:
            return False
        number, cdr = self._states[stamp_ns]
        try:
            state = decode_state(cdr)
        except ContractError as error:
            raise ContractError(f"{where}: {STATE} message {number}: {error}") from error
        with np.errstate(over="ignore"):  # what is damaged may be huge
            off = np.abs(observe(state, episode.end.start_pose, spec) - seen)
        if np.any(off > TOLERANCE * np.maximum(1.0, np.abs(seen))):
            name = ("position", "rotation", "linear", "angular", "force", "torque")
            worst = int(np.argmax(off))
            unit = off[worst] * spec.observation_scale[worst]
            raise ContractError(
                f"{where}: the {name[worst // 3]} that was acted on at stamp {stamp_ns} ns is "
                f"{unit:.3g} (SI) off {STATE} message {number}, which has that stamp"
            )
        return True

    def _check_actions(
        self, where: str, steps: Sequence[StepData], end_ns: int, spec: TaskSpec
    ) -> None:
        stamps = np.array(sorted(self._commands), np.int64)
        if not len(stamps):
            return
        ticks = [step.stamp_ns for step in steps] + [end_ns]
        for i, step in enumerate(steps):
            before, after = ticks[max(i - 1, 0)], ticks[i + 1]
            near = stamps[(stamps >= before) & (stamps < max(after, ticks[i] + 1))]
            if not len(near):
                continue  # lost, or held from long before
            twists = np.stack([self._commands[int(s)] for s in near])
            mine = twists[near >= ticks[i]]
            if not (_is_one(mine, step, spec) or _is_one(_runs(twists), step, spec)):
                raise ContractError(
                    f"{where}: the action of step {step.index} is {step.action.tolist()}, but "
                    f"{COMMAND} has {to_action(twists[-1], spec).tolist()} around stamp "
                    f"{step.stamp_ns} ns"
                )


def _is_one(twists: NDArray[np.float64], step: StepData, spec: TaskSpec) -> bool:
    """One of the twists (n, 6) is the action of a step."""
    off = np.abs(twists / spec.action_scale - step.action)
    return bool(np.any(np.all(off <= TOLERANCE, axis=1)))


def _runs(twists: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, 6) mean of every run of consecutive twists (n, 6)."""
    sums = np.concatenate([np.zeros((1, 6)), np.cumsum(twists, axis=0)])
    begin, end = np.triu_indices(len(twists) + 1, k=1)
    return (sums[end] - sums[begin]) / (end - begin)[:, None]
