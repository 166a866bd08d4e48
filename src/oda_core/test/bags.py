"""Bags with a known content, as this project and as another system would record them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from oda_core.interfaces import rosbags_class, typestore
from oda_core.mapping import (
    Mapping,
    Marks,
    Offset,
    PoseTopic,
    TwistTopic,
    Units,
    WrenchTopic,
)
from oda_core.messages import header, pose_to_msg, twist_to_msg, wrench_to_msg
from oda_core.se3 import (
    Array,
    Pose,
    exp,
    move_twist,
    move_wrench,
    quat_from_rotvec,
    quat_rotate,
)
from oda_core.spec import TaskSpec, observe, to_action, to_twist
from oda_core.types import (
    Episode,
    EpisodeEvent,
    Event,
    Purpose,
    Source,
    TcpState,
    finished_episode,
)

SPEC = TaskSpec()
TICK_NS = 100_000_000
STATE_NS = 10_000_000
TOOL_TCP = Offset(position_m=(0.01, -0.02, 0.15), rotvec_deg=(0.0, 10.0, 25.0))
SENSOR_TCP = Offset(position_m=(0.0, 0.03, 0.2), rotvec_deg=(0.0, 0.0, -40.0))
FOREIGN = Mapping(
    connector="peg",
    pose=PoseTopic(topic="/tool/pose", frame_id="world", tcp=TOOL_TCP),
    twist=TwistTopic(topic="/tool/twist", frame_id="tool", axes="tool"),
    wrench=WrenchTopic(
        topic="/ft/wrench", frame_id="ft", sign="by_tool", tcp=SENSOR_TCP, mean_s=0.0
    ),
    command=TwistTopic(topic="/servo/twist", frame_id="world", axes="base"),
    units=Units(length="mm", angle="deg", torque="Nmm"),
    marks=Marks(topic="/operator/mark"),
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One episode with everything that was measured in it."""

    start: EpisodeEvent
    episode: Episode
    states: tuple[TcpState, ...]  # 100 Hz


def show(number: int, steps: int = 12, *, success: bool = True) -> Shown:
    """An episode in which the TCP does exactly what is commanded, at 10 Hz."""
    rng = np.random.default_rng(number)
    begin_ns = (100 + 20 * number) * 1_000_000_000
    actions = rng.uniform(-1, 1, (steps, 6)).astype(np.float32)
    pose = Pose(np.array([0.5, 0.1, 0.3]), quat_from_rotvec(rng.normal(0, 1.0, 3)))
    states = []
    for i in range(steps * 10 + 1):
        twist = to_twist(actions[min(i // 10, steps - 1)], SPEC)
        wrench = np.array([3.0, -2, 5, 0.02, 0.01, -0.03]) * np.sin(0.3 * i + np.arange(6))
        states.append(
            TcpState(stamp_ns=begin_ns + i * STATE_NS, pose=pose, twist=twist, wrench=wrench,
                     inserted=success and i == steps * 10)
        )  # fmt: skip
        pose = pose.compose(exp(twist * STATE_NS / 1e9))
    start = EpisodeEvent(
        stamp_ns=begin_ns, session="s", episode_id=number, connector="peg",
        purpose=Purpose.DEMONSTRATION, event=Event.START, start_pose=states[0].pose,
    )  # fmt: skip
    ticks = states[::10]
    end = replace(
        start, stamp_ns=ticks[-1].stamp_ns, event=Event.SUCCESS if success else Event.FAILURE,
        steps=steps, peak_force_n=max(float(np.linalg.norm(s.wrench[:3])) for s in ticks),
    )  # fmt: skip
    seen = [observe(state, states[0].pose, SPEC) for state in ticks]
    done = [to_action(to_twist(action, SPEC), SPEC) for action in actions]
    rewards = [0.0] * (steps - 1) + [float(success)]
    episode = finished_episode(end, seen, done, rewards, Source.HUMAN)
    return Shown(start=start, episode=episode, states=tuple(states))


class ForeignWriter:
    """Writes what another system would: other frames, units and signs, standard types."""

    def __init__(self, path: Path, storage: StoragePlugin = StoragePlugin.MCAP) -> None:
        self._writer = Writer(path, version=9, storage_plugin=storage)
        self._connections = {}

    def __enter__(self) -> "ForeignWriter":
        self._writer.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, topic: str, message: object, at_ns: int) -> None:
        name = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, name, typestore=typestore()
            )
        data = typestore().serialize_cdr(message, name)
        self._writer.write(self._connections[topic], at_ns, data)

    def mark(self, word: str, at_ns: int) -> None:
        self.write("/operator/mark", rosbags_class("std_msgs/msg/String")(data=word), at_ns)

    def state(self, state: TcpState) -> None:
        at, make = state.stamp_ns, rosbags_class
        tool = state.pose.compose(TOOL_TCP.pose.inverse())
        self.write("/tool/pose", make("geometry_msgs/msg/PoseStamped")(
            header=header(at, "world", make),
            pose=pose_to_msg(Pose(tool.position * 1e3, tool.quaternion), make)), at)  # fmt: skip
        twist = foreign(move_twist(state.twist, TOOL_TCP.pose.inverse()))
        self.write("/tool/twist", make("geometry_msgs/msg/TwistStamped")(
            header=header(at, "tool", make), twist=twist_to_msg(twist, make)), at)  # fmt: skip
        wrench = -move_wrench(state.wrench, SENSOR_TCP.pose.inverse())
        wrench[3:] *= 1e3
        self.write("/ft/wrench", make("geometry_msgs/msg/WrenchStamped")(
            header=header(at, "ft", make), wrench=wrench_to_msg(wrench, make)), at)  # fmt: skip

    def command(self, state: TcpState, action: Array) -> None:
        at, make = state.stamp_ns, rosbags_class
        tool = state.pose.compose(TOOL_TCP.pose.inverse())
        twist = move_twist(to_twist(action, SPEC), TOOL_TCP.pose.inverse())
        turned = [quat_rotate(tool.quaternion, part) for part in (twist[:3], twist[3:])]
        self.write("/servo/twist", make("geometry_msgs/msg/TwistStamped")(
            header=header(at, "world", make),
            twist=twist_to_msg(foreign(np.concatenate(turned)), make)), at)  # fmt: skip

    def show(self, shown: Shown) -> None:
        """A whole episode with its marks."""
        self.mark("begin", shown.start.stamp_ns)
        for i, state in enumerate(shown.states):
            if i % 10 == 0 and i < 10 * len(shown.episode):
                self.command(state, shown.episode.actions[i // 10])
            self.state(state)
        word = "success" if shown.episode.success else "failure"
        self.mark(word, shown.states[-1].stamp_ns)


def foreign(twist: Array) -> Array:
    """A twist in mm/s and deg/s."""
    return np.concatenate([twist[:3] * 1e3, np.degrees(twist[3:])])
