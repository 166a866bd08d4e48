"""Messages per second of one core from bag to episodes, and memory that does not grow with the bag.

The bag is of another system: pose, twist, wrench and commands at 1 kHz, in episodes of 8 seconds.
Process time counts, so that other programs on the machine do not.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from oda_bringup.bench import Measured
from oda_bringup.convert import convert, read_mapped
from oda_core.bagfile import read_batches
from oda_core.errors import ContractError
from oda_core.interfaces import rosbags_class, typestore
from oda_core.mapping import Mapping, Marks, PoseTopic, TwistTopic, WrenchTopic
from oda_core.messages import header, pose_to_msg, twist_to_msg, wrench_to_msg
from oda_core.se3 import Pose

RATE_GOAL = 250_000.0  # messages/s
RATIO_GOAL = 2.0  # against rosbags' own deserialization
GROWTH_GOAL_MB = 60.0  # resident memory from a quarter of the bag to its end
PERIOD_NS = 1_000_000
EPISODE_S = 8
PAUSE_S = 2
TOPICS = 4  # at 1 kHz
MAPPING = Mapping(
    connector="bench",
    pose=PoseTopic(topic="/tool/pose", frame_id="base"),
    twist=TwistTopic(topic="/tool/twist", frame_id="tool", axes="tool"),
    wrench=WrenchTopic(topic="/ft/wrench", frame_id="tool", sign="on_tool"),
    command=TwistTopic(topic="/servo/twist", frame_id="tool", axes="tool"),
    marks=Marks(topic="/operator/mark"),
)


@dataclass(frozen=True)
class _Template:
    """A serialized message whose stamp is at bytes 4 to 12."""

    topic: str
    typename: str
    cdr: bytes

    def at(self, ns: int) -> bytes:
        sec, nanosec = divmod(ns, 1_000_000_000)
        stamp = sec.to_bytes(4, "little") + nanosec.to_bytes(4, "little")
        return self.cdr[:4] + stamp + self.cdr[12:]


def measure(messages: int) -> list[Measured]:
    """Rates and growth for a bag of about so many messages."""
    with tempfile.TemporaryDirectory(prefix="oda-bench-") as folder:
        bag = Path(folder, "bag")
        count, episodes = write_bag(bag, messages)
        per_s = count / _cpu_s(lambda: _read_columns(bag))
        generic = count / _cpu_s(lambda: _deserialize(bag))
        growth = _Growth()
        whole = count / _cpu_s(lambda: _convert(bag, Path(folder, "buffers"), episodes, growth))
    name = f"{count} messages"
    return [
        Measured("rosbags deserializes", generic, "1/s", "", True),
        Measured(
            f"bag to columns, {name}", per_s, "1/s", f">= {RATE_GOAL:g}", per_s >= RATE_GOAL
        ),
        Measured(f"bag to buffer, {name}", whole, "1/s", f">= {RATE_GOAL:g}", whole >= RATE_GOAL),
        Measured(
            "bag to buffer against rosbags", whole / generic, "x", f">= {RATIO_GOAL:g}",
            whole / generic >= RATIO_GOAL,
        ),
        Measured(
            "growth of memory, last three quarters", growth.megabytes, "MB",
            f"<= {GROWTH_GOAL_MB:g}", growth.megabytes <= GROWTH_GOAL_MB,
        ),
    ]  # fmt: skip


def write_bag(path: Path, messages: int) -> tuple[int, int]:
    """A bag of about so many messages; how many they are, and how many episodes."""
    rows = _templates()
    episodes = max(1, messages // (TOPICS * (EPISODE_S + PAUSE_S) * 1000))
    mark = rosbags_class("std_msgs/msg/String")
    words = {w: typestore().serialize_cdr(mark(data=w), mark.__msgtype__)
             for w in ("begin", "success")}  # fmt: skip
    writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
    writer.open()
    connect = {
        t.topic: writer.add_connection(t.topic, t.typename, typestore=typestore()) for t in rows
    }
    marks = writer.add_connection("/operator/mark", mark.__msgtype__, typestore=typestore())
    count = 0
    for tick in range(episodes * (EPISODE_S + PAUSE_S) * 1000):
        at_ns = 1_000_000_000 + tick * PERIOD_NS
        inside = tick % ((EPISODE_S + PAUSE_S) * 1000)
        if inside in (1000, (EPISODE_S + 1) * 1000):
            writer.write(marks, at_ns, words["begin" if inside == 1000 else "success"])
            count += 1
        for template in rows:
            writer.write(connect[template.topic], at_ns, template.at(at_ns))
        count += len(rows)
    writer.close()
    return count, episodes


class _Growth:
    """Resident memory at the first quarter of the episodes and its largest value after it."""

    def __init__(self) -> None:
        self._first = self._last = 0.0

    def note(self, done: int, of: int) -> None:
        now = resident_mb()
        if 4 * done <= of or not self._first:
            self._first = now
        self._last = max(self._first, now)

    @property
    def megabytes(self) -> float:
        return self._last - self._first


def resident_mb() -> float:
    """Resident memory of this process [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _convert(bag: Path, output: Path, episodes: int, growth: _Growth) -> None:
    read = read_mapped(replace(MAPPING))

    def noted(path: Path, report: object) -> object:
        for i, episode in enumerate(read(path, report)):
            growth.note(i + 1, episodes)
            yield episode

    (result,) = convert([bag], output, noted)
    if sum(result.kept.values()) != episodes:
        raise ContractError(f"bench: kept {result.kept}, expected {episodes}: {result.dropped[:3]}")


def _read_columns(bag: Path) -> None:
    types = {t.topic: t.typename for t in _templates()}
    for batches in read_batches(bag, types):
        for batch in batches:
            batch.groups()


def _deserialize(bag: Path) -> None:
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            typestore().deserialize_cdr(data, connection.msgtype)


def _cpu_s(work: Callable[[], None]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _templates() -> list[_Template]:
    make = rosbags_class
    pose = make("geometry_msgs/msg/PoseStamped")(
        header=header(0, "base", make), pose=pose_to_msg(Pose.identity(), make)
    )
    twist = make("geometry_msgs/msg/TwistStamped")(
        header=header(0, "tool", make), twist=twist_to_msg(np.full(6, 1e-3), make)
    )
    wrench = make("geometry_msgs/msg/WrenchStamped")(
        header=header(0, "tool", make), wrench=wrench_to_msg(np.ones(6), make)
    )
    named = (
        ("/tool/pose", pose), ("/tool/twist", twist), ("/ft/wrench", wrench),
        ("/servo/twist", twist),
    )  # fmt: skip
    return [
        _Template(topic, m.__msgtype__, bytes(typestore().serialize_cdr(m, m.__msgtype__)))
        for topic, m in named
    ]
