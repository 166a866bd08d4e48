"""Bags: rosbag2 directories in MCAP, written and read without ROS.

A session's bag holds /oda/episode and /oda/step beside the raw topics; every episode lies between
its START and its end event.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError

from oda_core.assembly import Assembly, BagReport
from oda_core.bagfile import Batch, in_order, read_batches
from oda_core.crosscheck import RawTopics
from oda_core.discards import read_discards
from oda_core.errors import BagError, ContractError
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import (
    EPISODE_TYPE,
    SECOND_NS,
    STATE_TYPE,
    STEP_TYPE,
    TWIST_TYPE,
    event_from_msg,
    event_to_msg,
    state_to_msg,
    step_from_msg,
    step_to_msg,
    twist_stamped,
)
from oda_core.spec import TaskSpec, to_twist
from oda_core.types import (
    Episode,
    EpisodeEvent,
    StepData,
    TcpState,
    steps_of,
)

EPISODE_TOPIC = "/oda/episode"
STEP_TOPIC = "/oda/step"
STATE_TOPIC = "/oda/state"
COMMAND_TOPIC = "/oda/cmd/twist"

SAFETY_TOPIC = "/oda/safety"

_LATCHED = frozenset({EPISODE_TOPIC, SAFETY_TOPIC})
_FOREVER = QosTime(0x7FFFFFFF, 0xFFFFFFFF)
MADE = {EPISODE_TOPIC: EPISODE_TYPE, STEP_TOPIC: STEP_TYPE}
RAW = {STATE_TOPIC: STATE_TYPE, COMMAND_TOPIC: TWIST_TYPE}


class BagWriter:
    """Write one session's bag; a context manager.

    Args:
        path: directory to create.

    Raises:
        BagError: the directory exists, or a message cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._writer = Writer(self.path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> "BagWriter":
        self._writer.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    @property
    def storage(self) -> Any:
        """The MCAP writer of rosbags, for a recorder that decides when chunks end."""
        return self._writer.storage

    def write(self, topic: str, message: Any, at_ns: int) -> None:
        """Serialize a rosbags message and write it, received at at_ns."""
        typename = message.__msgtype__
        self.write_raw(topic, typename, typestore().serialize_cdr(message, typename), at_ns)

    def write_raw(self, topic: str, typename: str, cdr: bytes | memoryview, at_ns: int) -> None:
        """Write a message that is already serialized.

        Raises:
            BagError: the type is unknown or the disk refuses the write.
        """
        if topic not in self._connections:
            self._connections[topic] = self._connect(topic, typename)
        try:
            self._writer.write(self._connections[topic], at_ns, cdr)
        except OSError as error:
            raise BagError(
                f"{self.path}: cannot write {topic} ({error.strerror}); what was written before "
                "is kept; free disk space and record again"
            ) from error

    def write_episode(
        self, episode: Episode, start: EpisodeEvent, states: Iterable[TcpState], spec: TaskSpec
    ) -> None:
        """Write a whole episode as the live graph would: START, states, commands, steps, end.

        Args:
            episode: finished episode; its end event carries the end stamp.
            start: its START event; its stamp is that of the first step.
            states: measured states of the episode in order of stamp.
            spec: scaling, for the commands.
        """
        steps = steps_of(episode, start.stamp_ns, spec.period_ns)
        rows: list[tuple[int, int, str, Any]] = [
            (start.stamp_ns, 0, EPISODE_TOPIC, event_to_msg(start, rosbags_class))
        ]
        for state in states:
            rows.append((state.stamp_ns, 1, STATE_TOPIC, state_to_msg(state, rosbags_class)))
        for step in steps:
            command = twist_stamped(step.stamp_ns, to_twist(step.action, spec), rosbags_class)
            rows.append((step.stamp_ns, 2, COMMAND_TOPIC, command))
            done = step.stamp_ns + spec.period_ns
            rows.append((done, 3, STEP_TOPIC, step_to_msg(step, rosbags_class)))
        end = event_to_msg(episode.end, rosbags_class)
        rows.append((episode.end.stamp_ns, 4, EPISODE_TOPIC, end))
        for at_ns, _, topic, message in sorted(rows, key=lambda row: row[:2]):
            self.write(topic, message, at_ns)

    def _connect(self, topic: str, typename: str) -> Connection:
        if typename not in typestore().types:
            raise BagError(
                f"{topic}: type {typename} is unknown; expected a Jazzy or oda_msgs type"
            )
        try:
            return self._writer.add_connection(
                topic,
                typename,
                typestore=typestore(),
                offered_qos_profiles=[offered_qos(topic)],
            )
        except WriterError as error:
            raise BagError(f"{self.path}: {error}") from error


def offered_qos(topic: str) -> Qos:
    """Quality of service with which a topic of the robot contract is played back."""
    best_effort = topic == STATE_TOPIC
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=10,
        reliability=QosReliability.BEST_EFFORT if best_effort else QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if topic in _LATCHED else QosDurability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )


def read_episodes(
    path: str | Path, report: BagReport | None = None, *, checked: bool = False
) -> Iterator[Episode]:
    """Read the finished episodes of a bag, one at a time, in the order of their ends.

    Args:
        path: bag directory.
        report: filled with what was kept and dropped.
        checked: hold each step against the raw topics too, where the bag has them.

    Raises:
        BagError: the bag is missing, cut off, of other message types, or holds no episode topics.
    """
    report = report if report is not None else BagReport()
    assembly, raw = Assembly(report), RawTopics() if checked else None
    discarded: dict[tuple[str, int], str] | None = None
    waiting: list[Batch] = []
    for batches in chain(read_batches(path, MADE, RAW if checked else None), [[]]):
        for batch in batches:
            if raw is not None and batch.topic in RAW:
                raw.push(batch)
        for batch, i in in_order(waiting):  # raw topics may trail into the batches after these
            if batch.topic == STEP_TOPIC:
                assembly.step(batch.message(i, step_from_msg), batch.place(i))
            else:
                assembly.event(batch.message(i, event_from_msg), batch.place(i))
        discarded = read_discards(path) if discarded is None else discarded
        for episode, steps, place in assembly.finished():
            key = (episode.end.session, episode.end.episode_id)
            if key in discarded:
                report.dropped.append(f"episode {key[1]} of {key[0]}: discarded {discarded[key]}")
            elif raw is None or _agrees(raw, episode, steps, place, report):
                report.kept += 1
                yield episode
            if raw is not None:
                raw.forget_before(episode.end.stamp_ns - SECOND_NS)
        waiting = [batch for batch in batches if batch.topic in MADE]
    assembly.close()


def _agrees(
    raw: RawTopics, episode: Episode, steps: list[StepData], place: str, report: BagReport
) -> bool:
    try:
        compared = raw.check(episode, steps, TaskSpec())
    except ContractError as error:
        report.fault(f"{place}: {error}; it is left out")
        return False
    report.checked += compared
    report.unchecked += len(steps) - compared
    return True
