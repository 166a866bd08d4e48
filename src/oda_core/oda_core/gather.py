"""Serialized messages of the robot contract, sorted into episodes: live or from a bag."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import Reader

from oda_core import topics
from oda_core.errors import BagError, ContractError
from oda_core.interfaces import typestore
from oda_core.messages import EPISODE_TYPE, STEP_TYPE, event_from_msg, step_from_msg
from oda_core.repair import BROKEN
from oda_core.trace import Commands, States, Trace, stack_states, stack_twists
from oda_core.types import EpisodeEvent, Event, StepData
from oda_core.wire import raw_stamp_ns

TOPICS = (topics.EPISODE, topics.STEP, topics.STATE, topics.COMMAND, topics.DISCARD)
BEFORE = 2000  # messages kept that may precede their START
SLACK_NS = 1_000_000_000  # by which stamps go back without the clock having been set back
MOST = 200_000  # of one topic in one episode: three minutes at 1 kHz


class Gatherer:
    """Takes messages as they come, of every topic in the order of that topic; gives traces.

    Messages of an episode's last moment may come after its end event: a trace is finished by
    settle(), or by the START of the next.

    Attributes:
        discards: reason for each episode that a person took back.
        damaged: messages that could not be read, one sentence each.
    """

    def __init__(self) -> None:
        """Begin between episodes."""
        self.discards: dict[tuple[str, int], str] = {}
        self.damaged: list[str] = []
        self._start: EpisodeEvent | None = None
        self._end: EpisodeEvent | None = None
        self._clear()

    @property
    def running(self) -> EpisodeEvent | None:
        """START event of the episode that runs; None between episodes."""
        return self._start if self._end is None else None

    @property
    def pending(self) -> bool:
        """An episode has ended and is not settled."""
        return self._end is not None

    def add(self, topic: str, cdr: bytes) -> Trace | None:
        """Take one message; the trace of the episode that it finishes, if any."""
        if topic == topics.STATE:
            self._states.append(cdr)
        elif topic == topics.COMMAND:
            self._commands.append(cdr)
        elif topic == topics.STEP:
            self._steps.append(cdr)
        elif topic in (topics.EPISODE, topics.DISCARD):
            return self._take_event(topic, cdr)
        return None

    def settle(self) -> Trace | None:
        """Finish the episode that has ended, or give up one that runs; None if there is none."""
        start, end = self._start or self._end, self._end or self._start
        self._start = self._end = None
        if start is None or end is None:
            return None
        trace = self._trace(start, end)
        late = [*self._states][-BEFORE:]
        self._clear()
        self._states.extend(late)
        return trace

    def _take_event(self, topic: str, cdr: bytes) -> Trace | None:
        try:
            event = event_from_msg(typestore().deserialize_cdr(cdr, EPISODE_TYPE))
        except (ContractError, *BROKEN) as error:
            self.damaged.append(f"{topic}: {error}")
            return None
        if topic == topics.DISCARD:
            self.discards[event.session, event.episode_id] = event.reason
            return None
        if event.event is not Event.START:
            self._end = event
            return None
        finished = self.settle()
        self._start = event
        kept, commands = (_since(event.stamp_ns, x) for x in (self._states, self._commands))
        self._clear(MOST)
        self._states.extend(kept)
        self._commands.extend(commands)
        return finished

    def _clear(self, most: int = BEFORE) -> None:
        self._states: deque[bytes] = deque(maxlen=most)
        self._commands: deque[bytes] = deque(maxlen=most)
        self._steps: deque[bytes] = deque(maxlen=most)

    def _trace(self, start: EpisodeEvent, end: EpisodeEvent) -> Trace:
        damaged: list[str] = []
        steps = [s for s in self._decoded_steps(damaged) if s.episode_id == end.episode_id]
        steps = [s for s in steps if s.session == end.session]
        first_ns = start.stamp_ns
        if start is end and steps:  # its START was not heard
            first_ns = min(step.stamp_ns for step in steps)
        finished = end.event is not Event.START
        last_ns = end.stamp_ns if finished else np.iinfo(np.int64).max
        return Trace(
            end=end,
            start_ns=first_ns,
            states=_within(_states(self._states, damaged), first_ns, last_ns),
            commands=_commands_within(_commands(self._commands, damaged), first_ns, last_ns),
            actions=np.array([s.action for s in steps], np.float32).reshape(-1, 6),
            sources=np.array([s.source for s in steps], np.uint8),
            damaged=tuple(damaged),
        )

    def _decoded_steps(self, damaged: list[str]) -> list[StepData]:
        found: dict[int, StepData] = {}
        for cdr in self._steps:
            try:
                step = step_from_msg(typestore().deserialize_cdr(cdr, STEP_TYPE))
            except (ContractError, *BROKEN) as error:
                damaged.append(f"{topics.STEP}: {error}")
                continue
            found[step.index] = step
        return [found[index] for index in sorted(found)]


def read_traces(path: str | Path) -> Iterator[Trace]:
    """Every episode of a bag, with those that were cut off or taken back.

    Raises:
        BagError: the bag cannot be read or holds no episodes.
    """
    gatherer = Gatherer()
    traces: list[Trace] = []
    for topic, cdr in _messages(Path(path)):
        if (trace := gatherer.add(topic, cdr)) is not None:
            traces.append(trace)
    if (trace := gatherer.settle()) is not None:
        traces.append(trace)
    for trace in traces:
        yield replace(trace, discarded=gatherer.discards.get(trace.key, ""))


def _messages(path: Path) -> Iterator[tuple[str, bytes]]:
    if not (path / "metadata.yaml").exists():
        raise BagError(f"{path}: has no metadata.yaml; mend it with oda repair")
    try:
        with Reader(path) as reader:
            wanted = [c for c in reader.connections if c.topic in TOPICS]
            if not any(c.topic == topics.EPISODE for c in wanted):
                found = sorted({c.topic for c in reader.connections})
                raise BagError(
                    f"{path}: has no {topics.EPISODE} (found {', '.join(found)}); convert it with "
                    "a mapping (oda convert), then inspect the buffer"
                )
            for connection, _, data in reader.messages(connections=wanted):
                yield connection.topic, bytes(data)
    except (*BROKEN, OSError) as error:
        raise BagError(f"{path}: cannot be read to its end ({error}); try oda repair") from error


def _since(first_ns: int, cdrs: "deque[bytes]") -> list[bytes]:
    """The last messages from a stamp on; none from before the clock was set back."""
    kept: list[bytes] = []
    newest_ns = np.iinfo(np.int64).max
    for cdr in reversed(cdrs):
        if not first_ns <= raw_stamp_ns(cdr) <= newest_ns:
            break
        newest_ns = raw_stamp_ns(cdr) + SLACK_NS
        kept.append(cdr)
    return kept[::-1]


def _states(cdrs: "deque[bytes]", damaged: list[str]) -> States:
    try:
        states = stack_states(cdrs)
    except ContractError as error:
        damaged.append(f"{topics.STATE}: {error}")
        return stack_states([])
    bad = np.count_nonzero(~np.isfinite(np.concatenate(states[1:], axis=1)), axis=1)
    good = np.equal(bad, 0)
    if not good.all():
        damaged.append(f"{topics.STATE}: {(~good).sum()} states hold values that are not finite")
    return states.part(good)


def _commands(cdrs: "deque[bytes]", damaged: list[str]) -> Commands:
    try:
        return stack_twists(cdrs)
    except ContractError as error:
        damaged.append(f"{topics.COMMAND}: {error}")
        return stack_twists([])


def _within(states: States, first_ns: int, last_ns: int) -> States:
    stamps = states.stamp_ns
    return states.part((stamps >= first_ns) & (stamps <= last_ns))


def _commands_within(commands: Commands, first_ns: int, last_ns: int) -> Commands:
    inside = (commands.stamp_ns >= first_ns) & (commands.stamp_ns <= last_ns)
    return Commands(commands.stamp_ns[inside], commands.twist[inside])
