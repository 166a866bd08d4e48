"""What a recording session is about: which episodes belong in it, how good they are, how many."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from oda_core import topics
from oda_core.config import to_mapping
from oda_core.errors import ContractError
from oda_core.gather import Gatherer
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import EPISODE_TYPE, event_from_msg, event_to_msg
from oda_core.repair import BROKEN
from oda_core.trace import Trace
from oda_core.types import BASE_FRAME, TCP_FRAME, EpisodeEvent, Event, Purpose
from oda_teleop.quality import Level, QualityLimits, Verdict, judge

BY_OPERATOR = "by the operator"
FRAMES: Mapping[str, tuple[tuple[int, str], ...]] = {  # where in a message which frame stands
    topics.EPISODE: ((12, BASE_FRAME),),
    topics.STEP: ((12, TCP_FRAME),),
    topics.STATE: ((12, BASE_FRAME), (28, TCP_FRAME)),
    topics.COMMAND: ((12, TCP_FRAME),),
    topics.TCP_POSE: ((12, BASE_FRAME),),
    topics.WRENCH: ((12, TCP_FRAME),),
}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One episode in the bag."""

    session: str
    episode_id: int
    connector: str
    purpose: str  # why it was run
    event: str  # of its end
    steps: int
    duration_s: float
    peak_force_n: float
    level: str  # of the verdict
    verdict: str

    @property
    def success(self) -> bool:
        """The connector was inserted."""
        return self.event == Event.SUCCESS.name

    @property
    def counts(self) -> bool:
        """It is a demonstration to learn from."""
        return self.shown and self.success and self.level != Level.BAD.name.lower()

    @property
    def shown(self) -> bool:
        """It is a demonstration."""
        return self.purpose == Purpose.DEMONSTRATION.name.lower()


class Guide:
    """Follows the serialized messages of a session and says what a person should know.

    Attributes:
        connector: the only one that is recorded; empty until the first episode tells.
        goal: demonstrations wanted; 0: any number.
        episodes: finished ones, in order.
        paused: nothing is recorded.
        refused: messages that were not recorded, by reason.
    """

    def __init__(
        self, connector: str = "", goal: int = 0, limits: QualityLimits | None = None
    ) -> None:
        """Begin a session."""
        self.connector, self.goal = connector, goal
        self.episodes: list[Recorded] = []
        self.paused = False
        self.refused: dict[str, int] = {}
        self._limits = limits or QualityLimits()
        self._gatherer = Gatherer()
        self._ends: list[EpisodeEvent] = []  # of the episodes
        self._fresh: list[int] = []  # not given out by settle()
        self._foreign = ""  # why the episode that runs does not belong here
        self._heads = {t: [(i, _head(f)) for i, f in rows] for t, rows in FRAMES.items()}

    @property
    def kept(self) -> int:
        """Demonstrations to learn from, so far."""
        return sum(episode.counts for episode in self.episodes)

    @property
    def complete(self) -> bool:
        """As many as wanted."""
        return 0 < self.goal <= self.kept

    @property
    def running(self) -> EpisodeEvent | None:
        """START event of the episode that runs."""
        return self._gatherer.running

    @property
    def pending(self) -> bool:
        """An episode has ended and is to be settled."""
        return self._gatherer.pending

    @property
    def title(self) -> str:
        """Such as "demonstration 7 of 20, connector usb-c"."""
        of = f" of {self.goal}" if self.goal else ""
        return f"demonstration {self.kept + 1}{of}, connector {self.connector or 'not known yet'}"

    def admit(self, topic: str, cdr: bytes) -> str:
        """Take a message; why it must not be recorded, empty if it belongs into the bag."""
        why = self._refusal(topic, cdr)
        if why:
            self.refused[why] = self.refused.get(why, 0) + 1
        else:
            self._judge(self._gatherer.add(topic, cdr))
        return why

    def settle(self) -> list[int]:
        """Judge what has ended; call it a moment after, for what comes late.

        Returns:
            Places in episodes of those judged since the last call.
        """
        if self._gatherer.pending:
            self._judge(self._gatherer.settle())
        fresh, self._fresh = self._fresh, []
        return fresh

    def last(self) -> int:
        """Place of the last episode that was not discarded.

        Raises:
            ContractError: one runs, or there is none.
        """
        if self.running is not None:
            raise ContractError("an episode runs: end it first, then discard it")
        for number in reversed(range(len(self.episodes))):
            if not self.episodes[number].verdict.startswith("discarded"):
                return number
        raise ContractError("there is no episode to discard")

    def discard(self, number: int, reason: str = BY_OPERATOR) -> bytes:
        """Take an episode back; the mark for the bag, of topic topics.DISCARD."""
        last = self.episodes[number]
        self.episodes[number] = replace(
            last, level=Level.BAD.name.lower(), verdict=f"discarded {reason}; it was {last.verdict}"
        )
        mark = replace(self._ends[number], event=Event.ABORT, reason=reason)
        cdr = typestore().serialize_cdr(event_to_msg(mark, rosbags_class), EPISODE_TYPE)
        return bytes(cdr)

    def pause(self) -> str:
        """Stop recording; why not, empty if done."""
        if self.running is not None:
            return "an episode runs: end it first"
        self.paused = True
        return ""

    def resume(self) -> None:
        """Go on recording."""
        self.paused = False

    def ledger(self) -> str:
        """The session as JSON."""
        content: dict[str, Any] = {
            "connector": self.connector,
            "goal": self.goal,
            "kept": self.kept,
            "refused": self.refused,
            "episodes": [to_mapping(episode) for episode in self.episodes],
        }
        return json.dumps(content, indent=1) + "\n"

    def _judge(self, trace: Trace | None) -> None:
        if trace is not None:
            self._fresh.append(len(self.episodes))
            self._ends.append(trace.end)
            self.episodes.append(_recorded(trace, judge(trace, self._limits)))

    def _refusal(self, topic: str, cdr: bytes) -> str:
        if self.paused:
            return "paused"
        for offset, head in self._heads.get(topic, ()):
            if not cdr.startswith(head, offset):
                return f"{topic} is not in the frame {head[4:-1].decode()}"
        if topic == topics.EPISODE:
            return self._follow(cdr)
        return self._foreign

    def _follow(self, cdr: bytes) -> str:
        """Take an event; why its episode does not belong here."""
        try:
            event = event_from_msg(typestore().deserialize_cdr(cdr, EPISODE_TYPE))
        except (ContractError, *BROKEN) as error:
            return f"{topics.EPISODE}: {error}"
        foreign = self._foreign
        if event.event is Event.START:
            self.connector = self.connector or event.connector
            foreign = ""
            if event.connector != self.connector:
                foreign = (
                    f"an episode of {event.connector} in a session of {self.connector}: record it "
                    "in one of its own"
                )
        self._foreign = foreign if event.event is Event.START else ""
        return foreign


def _recorded(trace: Trace, verdict: Verdict) -> Recorded:
    end = trace.end
    peak = float(trace.force_n.max()) if trace.states.size else end.peak_force_n
    return Recorded(
        session=end.session,
        episode_id=end.episode_id,
        connector=end.connector,
        purpose=end.purpose.name.lower(),
        event=end.event.name,
        steps=end.steps,
        duration_s=round(trace.duration_s, 3),
        peak_force_n=round(peak, 2),
        level=verdict.level.name.lower(),
        verdict=str(verdict),
    )


def _head(frame: str) -> bytes:
    """A frame in a serialized message: its length, its characters and a zero."""
    return (len(frame) + 1).to_bytes(4, "little") + frame.encode() + b"\0"
