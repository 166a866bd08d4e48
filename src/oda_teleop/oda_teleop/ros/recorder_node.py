"""Records the topics of the robot contract into a bag (MCAP) and judges every episode."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.errors import ContractError
from oda_core.files import write_atomic
from oda_core.messages import EPISODE_TYPE
from oda_core.ros import qos
from oda_core.ros.diagnostics import ERROR, OK, WARN, Diagnostics
from oda_core.ros.inputs import NOBODY, Input
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_core.wire import raw_stamp_ns
from oda_msgs.msg import Episode
from oda_teleop.guide import Guide, Recorded
from oda_teleop.quality import Level, QualityLimits
from oda_teleop.recorder import Recorder

DRAIN_S = 0.01
FLUSH_S = 0.1
LOOK_S = 1.0
SILENT_S = 2.0


class Source(NamedTuple):
    """One topic; every type begins with a header."""

    topic: str
    typename: str
    qos: QoSProfile


STREAM = qos.profile(5000, reliability=qos.ReliabilityPolicy.BEST_EFFORT)  # 5 s at 1 kHz
TOPICS = (
    Source(topics.EPISODE, EPISODE_TYPE, qos.EVENTS),
    Source(topics.SAFETY, "oda_msgs/msg/SafetyState", qos.EVENTS),
    Source(topics.STEP, "oda_msgs/msg/Step", qos.STEP),
    Source(topics.COMMAND, "geometry_msgs/msg/TwistStamped", qos.COMMAND_LOG),
    Source(topics.POLICY_TWIST, "geometry_msgs/msg/TwistStamped", qos.COMMAND_LOG),
    Source(topics.TELEOP_TWIST, "geometry_msgs/msg/TwistStamped", qos.COMMAND_LOG),
    Source(topics.STATE, "oda_msgs/msg/TcpState", STREAM),
    Source(topics.JOINT_STATES, "sensor_msgs/msg/JointState", STREAM),
    Source(topics.TCP_POSE, "geometry_msgs/msg/PoseStamped", STREAM),
    Source(topics.WRENCH, "geometry_msgs/msg/WrenchStamped", STREAM),
)
REQUIRED = (topics.STATE,)


@dataclass(frozen=True, kw_only=True)
class RecorderParameters:
    """Parameters of the node."""

    output: str = setting("bag", "Bag directory; if it exists, a number is appended")
    topics: tuple[str, ...] = setting(
        tuple(row.topic for row in TOPICS if row.topic != topics.TCP_POSE),
        "Topics to record, of those of the robot contract; the TCP pose is in the state already",
    )
    required: tuple[str, ...] = setting(
        REQUIRED, "Topics of these that must speak all the time; a silent one is named"
    )
    connector: str = setting("", "The only connector to record; empty: that of the first episode")
    demonstrations: int = setting(0, "Demonstrations wanted; 0: any number", bounds=(0, 100_000))
    discard_bad: bool = setting(False, "Take a demonstration back that is not fit to learn from")
    ledger: str = setting("", "JSON file that lists the episodes; empty: none")
    quality: QualityLimits = field(default_factory=QualityLimits)

    def __post_init__(self) -> None:
        known = [row.topic for row in TOPICS]
        if unknown := sorted(set(self.topics) - set(known)):
            raise ValueError(f"topics: found {', '.join(unknown)}, expected some of {known}")
        if unknown := sorted(set(self.required) - set(self.topics)):
            raise ValueError(f"required: found {', '.join(unknown)}, expected some of topics")


class RecorderNode(Node):
    """Writes what it hears, serialized as it came, and says what a person should know."""

    def __init__(self, overrides: Sequence[Parameter] = ()) -> None:
        """Create the bag, then subscribe; overrides are parameters given in the program."""
        super().__init__("recorder", parameter_overrides=[*overrides])
        self.settings = declare(self, RecorderParameters)
        self.guide = Guide(
            self.settings.connector, self.settings.demonstrations, self.settings.quality
        )
        self._recorder = Recorder(self.settings.output)
        self.get_logger().info(f"recording into {self._recorder.path}")
        self._diagnostics = Diagnostics(self)
        self._discards = self.create_publisher(Episode, topics.DISCARD, qos.MARK)
        rows = [row for row in TOPICS if row.topic in self.settings.topics]
        self._inputs = [Input(self, *row) for row in rows]
        self._heard = dict.fromkeys(self.settings.topics, -SILENT_S)  # when, on the steady clock
        self._told: set[str] = set()  # refusals
        self.silent: dict[str, str] = {}  # topics that cannot be heard, and why
        self._serve()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DRAIN_S, self._drain, clock=steady)
        self.create_timer(FLUSH_S, self._flush, clock=steady)
        self.create_timer(LOOK_S, self._look, clock=steady)

    def tell(self, level: Level, text: str) -> None:
        """Tell the person something."""
        log = self.get_logger()
        if level is Level.GOOD:
            log.info(text)
        else:
            log.warning(text)

    def discard(self) -> tuple[bool, str]:
        """Take the last episode back; whether it is, and a sentence."""
        self._drain()
        self._settle()
        try:
            number = self.guide.last()
        except ContractError as error:
            return False, str(error)
        self._mark(self.guide.discard(number))
        return True, f"episode {self.guide.episodes[number].episode_id} is discarded"

    def pause(self) -> tuple[bool, str]:
        """Stop recording between episodes; whether it is, and a sentence."""
        self._drain()
        refusal = self.guide.pause()
        return not refusal, refusal or "paused; nothing is recorded"

    def resume(self) -> tuple[bool, str]:
        """Go on."""
        for source in self._inputs:
            for _ in source.take():  # what came meanwhile
                pass
        self.guide.resume()
        return True, "recording"

    def _serve(self) -> None:
        for name, act in (
            (topics.RECORD_DISCARD, self.discard),
            (topics.RECORD_PAUSE, self.pause),
            (topics.RECORD_RESUME, self.resume),
        ):

            def answer(_: Trigger.Request, response: Trigger.Response, act=act):  # noqa: ANN001, ANN202
                response.success, response.message = act()
                self.tell(Level.GOOD, response.message)
                return response

            self.create_service(Trigger, name, answer)

    def _drain(self) -> None:
        """Write all that has come since the last time, in the order of its stamps."""
        now, batch = time.monotonic(), []
        for source in self._inputs:
            count = len(batch)
            batch += [(raw_stamp_ns(cdr), source, cdr) for cdr in source.take()]
            if len(batch) > count:
                self._heard[source.topic] = now
        batch.sort(key=lambda row: row[0])
        admit, write = self.guide.admit, self._recorder.write
        for stamp_ns, source, cdr in batch:
            if not (refusal := admit(source.topic, cdr)):
                write(source.topic, source.typename, cdr, stamp_ns)
            elif refusal not in self._told:
                self._told.add(refusal)
                self.tell(Level.DOUBTFUL, f"not recorded: {refusal}")

    def _flush(self) -> None:
        ended = self.guide.pending
        self._drain()
        if ended:
            self._settle()
        self._recorder.flush()

    def _settle(self) -> None:
        """Judge the episodes that have ended, and make sure that they are on the disk."""
        for number in self.guide.settle():
            self._recorder.sync()
            self._told.clear()
            episode = self.guide.episodes[number]
            of = f" of {self.guide.goal}" if self.guide.goal else ""
            kept = f" ({self.guide.kept}{of} kept)" if episode.shown else f", {episode.purpose}"
            self.tell(
                Level[episode.level.upper()],
                f"episode {episode.episode_id}: {episode.event}, {episode.duration_s:.1f} s, peak "
                f"{episode.peak_force_n:.0f} N; {episode.verdict}{kept}",
            )
            unfit = episode.shown and episode.success and not episode.counts
            if self.settings.discard_bad and unfit:
                self._mark(self.guide.discard(number, "as not fit to learn from"))
            self._write_ledger()
            self.judged(episode)

    def judged(self, episode: Recorded) -> None:
        """An episode was judged; for those who build upon this node."""

    def _mark(self, cdr: bytes) -> None:
        """Mark an episode that was taken back: in the bag, and for the episode's owner."""
        self._recorder.write(topics.DISCARD, EPISODE_TYPE, cdr, self._recorder.at_ns)
        self._recorder.sync()
        self._discards.publish(cdr)
        self._write_ledger()

    def _write_ledger(self) -> None:
        if self.settings.ledger:
            write_atomic(Path(self.settings.ledger), self.guide.ledger())

    def _look(self) -> None:
        """Say how it goes, and name what is silent."""
        now = time.monotonic()
        self.silent = {}
        for source in self._inputs:
            if now - self._heard[source.topic] > SILENT_S:
                why = source.silence()
                if source.topic in self.settings.required:
                    self.silent[source.topic] = why or "its publisher says nothing"
                elif why not in ("", NOBODY):
                    self.silent[source.topic] = why
        level, text = OK, "paused" if self.guide.paused else "recording"
        if self.silent:
            level = ERROR if self.guide.running else WARN
            text = "; ".join(f"{topic}: {why}" for topic, why in self.silent.items())
        last = self.guide.episodes[-1].verdict if self.guide.episodes else ""
        self._diagnostics.publish(
            level, text, bag=self._recorder.path, messages=self._recorder.messages,
            connector=self.guide.connector, episodes=len(self.guide.episodes),
            kept=self.guide.kept, last=last, refused=sum(self.guide.refused.values()),
        )  # fmt: skip

    def close(self) -> None:
        """Take what is still queued, then close the bag."""
        if self._recorder.closed:  # the disk refused
            return
        self._drain()
        self._settle()
        for source in self._inputs:
            source.close()
        self._recorder.close()
        self.get_logger().info(f"{self._recorder.messages} messages in {self._recorder.path}")


def main() -> None:
    """Entry point."""
    run_node(RecorderNode)
