"""What a foreign bag holds: the schema of the YAML file that oda convert --mapping reads.

docs/howto/convert_bags.md explains it by example.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from oda_core.se3 import Pose, quat_from_rotvec
from oda_core.types import Purpose, Source

Triple = tuple[float, float, float]

# Type name to the field of the header ("" without one) and the field of the value.
POSES = {
    "geometry_msgs/msg/PoseStamped": ("header", "pose"),
    "geometry_msgs/msg/PoseWithCovarianceStamped": ("header", "pose.pose"),
    "geometry_msgs/msg/TransformStamped": ("header", "transform"),
    "geometry_msgs/msg/Pose": ("", ""),
    "nav_msgs/msg/Odometry": ("header", "pose.pose"),
    "oda_msgs/msg/TcpState": ("header", "pose"),
}
TWISTS = {
    "geometry_msgs/msg/TwistStamped": ("header", "twist"),
    "geometry_msgs/msg/TwistWithCovarianceStamped": ("header", "twist.twist"),
    "geometry_msgs/msg/Twist": ("", ""),
    "nav_msgs/msg/Odometry": ("header", "twist.twist"),
    "oda_msgs/msg/TcpState": ("header", "twist"),
}
WRENCHES = {
    "geometry_msgs/msg/WrenchStamped": ("header", "wrench"),
    "geometry_msgs/msg/Wrench": ("", ""),
    "oda_msgs/msg/TcpState": ("header", "wrench"),
}
MARKS = {
    "std_msgs/msg/String": ("", "data"),
    "std_msgs/msg/Bool": ("", "data"),
    "std_msgs/msg/Int32": ("", "data"),
    "std_msgs/msg/UInt8": ("", "data"),
    "oda_msgs/msg/Episode": ("header", "event"),
}


@dataclass(frozen=True, kw_only=True)
class Offset:
    """A frame in another one."""

    position_m: Triple = (0.0, 0.0, 0.0)
    rotvec_deg: Triple = (0.0, 0.0, 0.0)

    @property
    def pose(self) -> Pose:
        """The same as a pose."""
        return Pose(np.array(self.position_m), quat_from_rotvec(np.radians(self.rotvec_deg)))


@dataclass(frozen=True, kw_only=True)
class PoseTopic:
    """Where a tool frame is, measured."""

    topic: str
    type: str = "geometry_msgs/msg/PoseStamped"
    frame_id: str
    tcp: Offset = field(default_factory=Offset)  # the TCP in the tool frame, z along the insertion

    def __post_init__(self) -> None:
        _known("pose", self.type, POSES)


@dataclass(frozen=True, kw_only=True)
class TwistTopic:
    """A twist, measured or commanded.

    axes: "tcp" is that of the TCP, in its axes; "tool" that of the tool frame in its own axes;
    "base" that of the tool frame's origin in the axes of the base.
    """

    topic: str
    type: str = "geometry_msgs/msg/TwistStamped"
    frame_id: str
    axes: Literal["tcp", "tool", "base"]

    def __post_init__(self) -> None:
        _known("twist", self.type, TWISTS)


@dataclass(frozen=True, kw_only=True)
class WrenchTopic:
    """A wrench, measured.

    axes: "sensor" is that about the origin of a sensor fixed to the tool, in its axes; "base" that
    about the TCP in the axes of the base.
    """

    topic: str
    type: str = "geometry_msgs/msg/WrenchStamped"
    frame_id: str
    axes: Literal["sensor", "base"] = "sensor"
    sign: Literal["on_tool", "by_tool"]  # what acts on the tool, or what the tool acts with
    tcp: Offset = field(default_factory=Offset)  # the TCP in the sensor's frame
    mean_s: float = 0.1  # averaged over that time; 0: the newest value, of a sensor that averages
    tare_s: float = 0.0  # time before an episode whose mean is taken for zero; 0: it is tared

    def __post_init__(self) -> None:
        _known("wrench", self.type, WRENCHES)
        if self.mean_s < 0 or self.tare_s < 0:
            raise ValueError("mean_s and tare_s: expected 0 or more")


@dataclass(frozen=True, kw_only=True)
class Units:
    """What the numbers of the bag are in."""

    length: Literal["m", "mm"] = "m"  # of positions, linear velocities
    angle: Literal["rad", "deg"] = "rad"  # of angular velocities
    torque: Literal["Nm", "Nmm"] = "Nm"


@dataclass(frozen=True, kw_only=True)
class Marks:
    """A topic on which an operator or a program tells where episodes begin and end."""

    topic: str
    type: str = "std_msgs/msg/String"
    begin: tuple[str, ...] = ("begin",)
    success: tuple[str, ...] = ("success",)
    failure: tuple[str, ...] = ("failure",)

    def __post_init__(self) -> None:
        _known("marks", self.type, MARKS)


@dataclass(frozen=True, kw_only=True)
class Span:
    """One episode of a list; seconds from the first message of the pose."""

    begin_s: float
    end_s: float
    success: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.begin_s < self.end_s:
            raise ValueError(f"found {self.begin_s} to {self.end_s} s, expected 0 <= begin < end")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """The TCP where the connector is inserted, in the base frame of the pose topic."""

    position_m: Triple
    rotvec_deg: Triple
    tolerance_m: float = 1e-3
    tolerance_deg: float = 3.0
    hold_s: float = 0.0  # that it must be held

    @property
    def pose(self) -> Pose:
        """The same as a pose."""
        return Pose(np.array(self.position_m), quat_from_rotvec(np.radians(self.rotvec_deg)))


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What a bag holds and how its episodes are found.

    Episodes lie between marks, or are listed, or are what gap_s of silence on the pose topic
    separates; without any of these a bag is one episode. The goal decides about success where it is
    given, then the marks, then the list.

    sampling: "latest" takes the newest message of each topic up to the tick; "interpolate" takes
    all topics at one instant, the newest that each of them has reached by the tick.
    """

    connector: str = ""  # empty: the one that oda convert --connector names
    session: str = ""  # empty: the name of the bag
    purpose: Literal["demonstration", "evaluation", "training"] = "demonstration"
    source: Literal["human", "policy"] = "human"
    pose: PoseTopic
    wrench: WrenchTopic
    twist: TwistTopic | None = None  # measured; without it, the pose's change over derive_s
    command: TwistTopic | None = None  # without it, the motion from tick to tick
    units: Units = field(default_factory=Units)
    stamp: Literal["header", "received"] = "header"
    sampling: Literal["latest", "interpolate"] = "latest"
    max_gap_s: float = 0.25
    derive_s: float = 0.05
    marks: Marks | None = None
    episodes: tuple[Span, ...] = ()
    gap_s: float = 0.0
    goal: Goal | None = None
    max_steps: int = 0  # time limit [steps of 0.1 s]; 0: none
    beyond_limits: Literal["drop", "clip"] = "drop"

    def __post_init__(self) -> None:
        ways = [self.marks is not None, bool(self.episodes), self.gap_s > 0]
        if sum(ways) > 1:
            raise ValueError("found several of marks, episodes and gap_s, expected one at most")
        if not any(ways[:2]) and self.goal is None:
            raise ValueError("found neither goal, marks nor episodes: nothing tells of success")
        if self.max_gap_s <= 0 or self.derive_s <= 0 or self.gap_s < 0 or self.max_steps < 0:
            raise ValueError(
                "max_gap_s and derive_s must be positive, gap_s and max_steps 0 or more"
            )
        if 0 < self.gap_s <= self.max_gap_s:
            raise ValueError(f"gap_s {self.gap_s}: expected more than max_gap_s {self.max_gap_s}")

    @property
    def purpose_value(self) -> Purpose:
        """Purpose of every episode."""
        return Purpose[self.purpose.upper()]

    @property
    def source_value(self) -> Source:
        """Who acted in every episode."""
        return Source[self.source.upper()]


def _known(what: str, found: str, known: dict[str, tuple[str, str]]) -> None:
    if found not in known:
        raise ValueError(f"type of {what}: found {found}, expected one of {', '.join(known)}")
