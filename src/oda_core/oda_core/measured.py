"""Pose, twist and wrench of the TCP at one time, from a foreign bag's topics."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.bagfile import Batch
from oda_core.errors import ContractError
from oda_core.mapping import POSES, TWISTS, WRENCHES, Mapping, TwistTopic, Units
from oda_core.messages import SECOND_NS
from oda_core.se3 import Pose, log, move_twist, move_wrench, quat_conjugate, quat_rotate
from oda_core.signals import Fields, Signal
from oda_core.types import TcpState

Array = NDArray[np.float64]


class Tick(NamedTuple):
    """What was measured by a tick."""

    state: TcpState  # its stamp is that of the tick
    measured_ns: int  # of the pose


class Measured:
    """The signals that a mapping names.

    Attributes:
        needed: those without which there is no state.
        command: executed twists; None where they are derived.
    """

    def __init__(self, mapping: Mapping) -> None:
        """Begin with nothing."""
        self._mapping = mapping
        self._tool_tcp = mapping.pose.tcp.pose
        self._sensor_tcp = mapping.wrench.tcp.pose
        self._max_gap_ns = round(mapping.max_gap_s * SECOND_NS)
        self._pose = Signal(mapping.pose.topic, _pose_fields(mapping))
        self._wrench = Signal(mapping.wrench.topic, _wrench_fields(mapping))
        self._twist = _twist_signal(mapping.twist, mapping)
        self.command = _twist_signal(mapping.command, mapping)
        self.needed = [s for s in (self._pose, self._wrench, self._twist) if s is not None]
        self.all = self.needed + ([self.command] if self.command is not None else [])

    @property
    def types(self) -> dict[str, str]:
        """Topics and their types."""
        m = self._mapping
        named = [m.pose, m.wrench, *(t for t in (m.twist, m.command) if t is not None)]
        return {topic.topic: topic.type for topic in named}

    @property
    def pose_signal(self) -> Signal:
        """The pose of the tool."""
        return self._pose

    def push(self, batch: Batch) -> None:
        """Take messages; one topic may serve several signals."""
        for signal in self.all:
            if signal.topic == batch.topic:
                signal.push(batch)

    def drop_before(self, stamp_ns: int) -> None:
        """Forget what is older than any tick from a stamp on looks at."""
        m = self._mapping
        memory_s = m.max_gap_s + m.wrench.mean_s + m.wrench.tare_s + m.derive_s
        for signal in self.all:
            signal.drop_before(stamp_ns - round(memory_s * SECOND_NS))

    def tare(self, begin_ns: int) -> Array:
        """(6,) what the sensor reads without contact, just before an episode.

        Raises:
            ContractError: nothing was measured there.
        """
        length_ns = round(self._mapping.wrench.tare_s * SECOND_NS)
        if not length_ns:
            return np.zeros(6)
        mean = self._wrench.mean(begin_ns - length_ns, begin_ns)
        if mean is None:
            raise ContractError(
                f"{self._wrench.topic} has no message before the start to tare with"
            )
        return mean

    def at(self, tick_ns: int, tare: Array) -> Tick:
        """State by a tick, from messages with stamps up to it.

        Raises:
            ContractError: a topic is silent, or a value cannot be used.
        """
        newest = [signal.stamp_at(tick_ns, self._max_gap_ns) for signal in self.needed]
        common = min(newest) if self._mapping.sampling == "interpolate" else None
        pose_ns = newest[0] if common is None else common
        tool = self._pose.pose(pose_ns)
        state = TcpState(
            stamp_ns=tick_ns,
            pose=tool.compose(self._tool_tcp),
            twist=self._measured_twist(tool, newest[-1] if common is None else common, pose_ns),
            wrench=self._measured_wrench(tool, newest[1] if common is None else common, tare),
            inserted=False,
        )
        return Tick(state, pose_ns)

    def executed(self, before: Tick, after: Tick) -> Array:
        """(6,) twist of the TCP that was executed between two ticks [m/s, rad/s].

        Raises:
            ContractError: the commands are silent.
        """
        begin_ns, end_ns = before.state.stamp_ns, after.state.stamp_ns
        if self.command is None or self._mapping.command is None:
            duration_s = (after.measured_ns - before.measured_ns) / SECOND_NS
            if duration_s <= 0:
                raise ContractError(f"{self._pose.topic} does not advance at stamp {end_ns} ns")
            return log(after.state.pose.relative_to(before.state.pose)) / duration_s
        twist = self.command.mean_from(begin_ns, end_ns)
        if twist is None:
            self.command.stamp_at(begin_ns, self._max_gap_ns)
            twist = self.command.latest(begin_ns)
        tool = before.state.pose.compose(self._tool_tcp.inverse())
        return self._to_tcp(twist, self._mapping.command, tool)

    def _measured_twist(self, tool: Pose, at_ns: int, pose_ns: int) -> Array:
        if self._twist is not None and self._mapping.twist is not None:
            return self._to_tcp(self._twist.linear(at_ns), self._mapping.twist, tool)
        begin_ns = self._pose.earlier(pose_ns, round(self._mapping.derive_s * SECOND_NS))
        if begin_ns is None:
            return np.zeros(6)
        before = self._pose.pose(begin_ns).compose(self._tool_tcp)
        change = tool.compose(self._tool_tcp).relative_to(before)
        return log(change) / ((pose_ns - begin_ns) / SECOND_NS)

    def _measured_wrench(self, tool: Pose, at_ns: int, tare: Array) -> Array:
        topic = self._mapping.wrench
        window_ns = round(topic.mean_s * SECOND_NS)
        mean = self._wrench.mean(at_ns - window_ns, at_ns) if window_ns else None
        value = (self._wrench.linear(at_ns) if mean is None else mean) - tare
        if topic.sign == "by_tool":
            value = -value
        if topic.axes == "sensor":
            return move_wrench(value, self._sensor_tcp)
        return _rotate(quat_conjugate(tool.compose(self._tool_tcp).quaternion), value)

    def _to_tcp(self, twist: Array, topic: TwistTopic, tool: Pose) -> Array:
        if topic.axes == "tcp":
            return twist
        if topic.axes == "base":
            twist = _rotate(quat_conjugate(tool.quaternion), twist)
        return move_twist(twist, self._tool_tcp)


def _rotate(quaternion: Array, pair: Array) -> Array:
    return np.concatenate([quat_rotate(quaternion, pair[:3]), quat_rotate(quaternion, pair[3:])])


def _scales(units: Units) -> tuple[float, float, float]:
    """Length [m], angle [rad] and torque [Nm] of one unit."""
    return (
        1e-3 if units.length == "mm" else 1.0,
        float(np.pi / 180) if units.angle == "deg" else 1.0,
        1e-3 if units.torque == "Nmm" else 1.0,
    )


def _names(value: str, parts: dict[str, str]) -> tuple[str, ...]:
    prefix = f"{value}." if value else ""
    return tuple(f"{prefix}{part}.{axis}" for part, axes in parts.items() for axis in axes)


def _fields(mapping: Mapping, names: tuple[str, ...], header: str, frame: str) -> Fields:
    used = header if mapping.stamp == "header" else ""
    return Fields(names, used, frame, np.ones(len(names)))


def _pose_fields(mapping: Mapping) -> Fields:
    topic = mapping.pose
    header, value = POSES[topic.type]
    first, second = "position", "orientation"
    if topic.type.endswith("TransformStamped"):
        first, second = "translation", "rotation"
    names = _names(value, {first: "xyz", second: "xyzw"})
    fields = _fields(mapping, names, header, topic.frame_id)
    length, _, _ = _scales(mapping.units)
    return fields._replace(scale=np.repeat([length, 1.0], [3, 4]))


def _twist_signal(topic: TwistTopic | None, mapping: Mapping) -> Signal | None:
    if topic is None:
        return None
    header, value = TWISTS[topic.type]
    names = _names(value, {"linear": "xyz", "angular": "xyz"})
    length, angle, _ = _scales(mapping.units)
    fields = _fields(mapping, names, header, topic.frame_id)
    return Signal(topic.topic, fields._replace(scale=np.repeat([length, angle], 3)))


def _wrench_fields(mapping: Mapping) -> Fields:
    topic = mapping.wrench
    header, value = WRENCHES[topic.type]
    names = _names(value, {"force": "xyz", "torque": "xyz"})
    _, _, torque = _scales(mapping.units)
    fields = _fields(mapping, names, header, topic.frame_id)
    return fields._replace(scale=np.repeat([1.0, torque], 3))
