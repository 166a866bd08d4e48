"""A bag played into the graph with /clock, where `ros2 bag play` does not exist."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from rclpy.clock import Clock as RclpyClock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosbags.rosbag2 import Reader, ReaderError
from rosgraph_msgs.msg import Clock

from oda_core import topics
from oda_core.errors import BagError
from oda_core.messages import SECOND_NS
from oda_core.ros import qos
from oda_core.ros.types import rclpy_class
from oda_teleop.ros.recorder_node import TOPICS

TURN_S = 0.002
CLOCK_NS = SECOND_NS // 100
LISTEN_S = 30.0
SETTLE_S = 0.3
OFFERED = {
    topics.STATE: qos.STATE,
    topics.COMMAND: qos.COMMAND,
    topics.POLICY_TWIST: qos.COMMAND,
    topics.TELEOP_TWIST: qos.COMMAND,
    topics.EPISODE: qos.EVENTS,
    topics.SAFETY: qos.EVENTS,
    topics.STEP: qos.STEP,
}


@dataclass(frozen=True, kw_only=True)
class Playing:
    """How to play a bag."""

    bag: Path
    rate: float = 1.0
    start_s: float = 0.0  # from the bag's first message
    loop: bool = False
    topics: tuple[str, ...] = ()  # empty: all of them
    wait: bool = False  # begin when every topic has a subscriber


class Row(NamedTuple):
    """A message and when it is due."""

    due_ns: int  # since the beginning of the bag
    topic: str
    cdr: bytes


class Player(Node):
    """Publishes the messages of a bag as they were recorded; ends the process at the last."""

    def __init__(self, playing: Playing) -> None:
        """Read the bag's topics and offer them."""
        super().__init__("replay")
        self._playing = playing
        self.sent = 0
        kinds, self._first_ns = contents(playing)
        self._clock = self.create_publisher(Clock, topics.CLOCK, qos.profile(10))
        self._outputs = {
            topic: self.create_publisher(rclpy_class(kind), topic, _offered(topic))
            for topic, kind in kinds.items()
        }
        self._rows = rows(playing)
        self._next: Row | None = next(self._rows, None)
        self._begun_ns, self._ticked_ns = -1, -CLOCK_NS
        self._since = self._deaf_s = time.monotonic()
        self.create_timer(TURN_S, self._turn, clock=RclpyClock(clock_type=ClockType.STEADY_TIME))

    def _turn(self) -> None:
        if self._begun_ns < 0 and not self._ready():
            return
        now_ns = round((time.monotonic_ns() - self._begun_ns) * self._playing.rate)
        now_ns += round(self._playing.start_s * SECOND_NS)
        self._tick(now_ns)
        while self._next is not None and self._next.due_ns <= now_ns:
            self._outputs[self._next.topic].publish(self._next.cdr)
            self.sent += 1
            self._next = next(self._rows, None)
        if self._next is None:
            raise SystemExit(0)

    def _ready(self) -> bool:
        """Subscribers had time to be found and to find this; begin."""
        now_s = time.monotonic()
        deaf = [t for t, out in self._outputs.items() if not out.get_subscription_count()]
        if self._playing.wait and deaf:
            if now_s - self._since < LISTEN_S:
                self._deaf_s = now_s
                return False
            self.get_logger().warning(f"nobody listens to {', '.join(deaf)}")
        elif now_s - self._deaf_s < SETTLE_S:
            return False
        self._begun_ns = time.monotonic_ns()
        return True

    def _tick(self, now_ns: int) -> None:
        """Publish the bag's time a hundred times a second of it, at most once a turn."""
        if now_ns >= self._ticked_ns + CLOCK_NS:
            self._ticked_ns = now_ns
            message = Clock()
            seconds, rest = divmod(self._first_ns + now_ns, SECOND_NS)
            message.clock.sec, message.clock.nanosec = int(seconds), int(rest)
            self._clock.publish(message)

    def close(self) -> None:
        """Let those who acknowledge have the last messages."""
        for topic, output in self._outputs.items():
            if topic not in (topics.STATE,):
                output.wait_for_all_acked()
        self.get_logger().info(f"{self.sent} messages played")


def contents(playing: Playing) -> tuple[dict[str, str], int]:
    """Types of the topics to play, and the time of the bag's first message [ns].

    Raises:
        BagError: the bag cannot be read or has none of the topics.
    """
    try:
        with Reader(playing.bag) as reader:
            kinds = {c.topic: c.msgtype for c in reader.connections if c.topic != topics.CLOCK}
            first_ns = reader.start_time
    except (ReaderError, OSError, ValueError) as error:
        raise BagError(f"{playing.bag}: cannot be read ({error}); try oda repair") from error
    wanted = playing.topics or tuple(kinds)
    if missing := sorted(set(wanted) - set(kinds)):
        raise BagError(
            f"{playing.bag}: has no topic {', '.join(missing)}; it has {', '.join(sorted(kinds))}"
        )
    return {topic: kind for topic, kind in kinds.items() if topic in wanted}, first_ns


def rows(playing: Playing) -> Iterator[Row]:
    """The messages in order, again and again in a loop."""
    kinds, first_ns = contents(playing)
    skip_ns = round(playing.start_s * SECOND_NS)
    offset_ns = 0
    for _ in count() if playing.loop else range(1):
        played_ns = -1
        with Reader(playing.bag) as reader:
            wanted = [c for c in reader.connections if c.topic in kinds]
            for connection, at_ns, data in reader.messages(connections=wanted):
                if at_ns - first_ns < skip_ns:
                    continue
                played_ns = at_ns - first_ns - skip_ns
                due_ns = skip_ns + offset_ns + played_ns
                yield Row(due_ns, connection.topic, bytes(data))
        if played_ns < 0:
            raise BagError(
                f"{playing.bag}: has no message after {playing.start_s:g} s; start earlier"
            )
        offset_ns += played_ns + CLOCK_NS


def _offered(topic: str) -> QoSProfile:
    known = {row.topic: row.qos for row in TOPICS}
    return OFFERED.get(topic, known.get(topic, qos.profile(100)))
