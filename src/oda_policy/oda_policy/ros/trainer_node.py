"""The learner as a node: stores every episode before it is acknowledged, publishes versions."""

import array
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from oda_core import topics
from oda_core.errors import ContractError, OdaError
from oda_core.files import sha256_file
from oda_core.messages import event_from_msg, header, stamp_ns, step_from_msg
from oda_core.ros import qos
from oda_core.ros.main import main as run_main
from oda_core.ros.parameters import declare
from oda_core.ros.types import rclpy_class
from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.types import Episode, EpisodeEvent, Event, Purpose
from oda_msgs.msg import Episode as EpisodeMsg
from oda_msgs.msg import Step, TrainerStatus, Weights
from oda_msgs.srv import BeginSession
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig
from oda_policy.finetune import Finetuner
from oda_policy.ros.collector import LATE, Collector
from oda_policy.ros.demonstrations import content_sha256, load_demonstrations
from oda_policy.ros.description import describe_trainer
from oda_policy.ros.learner import Identity, Learner, Version
from oda_policy.ros.settings import part, with_defaults
from oda_policy.ros.weights import KEPT


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """Own parameters of the trainer node; those of finetuning stand beside them."""

    checkpoint: str = setting("", "meta-trained checkpoint file")
    preset: Literal["paper", "best"] = setting("best", "where the finetuning settings start from")
    save_every: int = setting(
        5, "training episodes between saved training states", bounds=(1, 1000)
    )
    missing_steps_s: float = setting(
        5.0, "wall time that steps may come after their end event [s]", bounds=(0.1, 60.0)
    )


class TrainerNode(Node):
    """Serves one session at a time."""

    def __init__(self) -> None:
        """Wait for a session; episodes are heard before their steps."""
        super().__init__("trainer")
        preset = self._parameter_overrides.get("preset")
        base = FinetuneConfig.preset("paper" if preset and preset.value == "paper" else "best")
        self.settings = declare(self, with_defaults(TrainerSettings, base))
        self.finetune = part(FinetuneConfig, self.settings, "parameters of trainer")
        self._learner: Learner | None = None
        self._directory = Path()
        self._collector = Collector("")
        self._refused, self._published = "", -1
        self._now_ns, self._ended = 0, 0.0  # ROS time of the newest data, wall time of the last end
        self._status = self.create_publisher(TrainerStatus, topics.TRAINER, qos.LATCHED)
        self._weights = self.create_publisher(Weights, topics.WEIGHTS, qos.latched(KEPT))
        self.create_subscription(EpisodeMsg, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(Step, topics.STEP, self._on_step, qos.latched(LATE))
        self.create_service(BeginSession, "/oda/trainer/begin", self._on_begin)
        self._learned = self.create_guard_condition(self._on_learned)
        self.create_timer(1.0, self._on_second, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info("ready; waits for a session on /oda/trainer/begin")

    def close(self) -> None:
        """Stop learning; the process ends without waiting for the update that is computed."""
        if self._learner is not None:
            self._learner.leave()

    def _on_begin(
        self, request: BeginSession.Request, response: BeginSession.Response
    ) -> BeginSession.Response:
        try:
            response.demonstrations = self._begin(request)
            response.success = True
        except OdaError as error:
            response.message = str(error)
            self.get_logger().error(response.message)
        self._describe(response)
        return response

    def _begin(self, request: BeginSession.Request) -> int:
        """Open the session; the number of its demonstrations."""
        demos = load_demonstrations(request.demonstrations, request.connector)
        identity = Identity(
            session=request.session,
            connector=request.connector,
            seed=request.seed,
            demonstrations_sha256=content_sha256(demos),
            checkpoint_sha256=sha256_file(self._checkpoint()),
        )
        directory = Path(request.session_dir)
        if self._learner and (self._learner.identity, self._directory) == (identity, directory):
            return len(demos)  # asked again, perhaps in the middle of an episode
        if self._learner is not None:
            self._learner.close()
        self._learner, self._directory = None, directory
        checkpoint = Checkpoint.load(self._checkpoint(), spec=TaskSpec())
        finetuner = Finetuner(checkpoint, demos, self.finetune, request.seed)
        inputs = {
            "checkpoint": self.settings.checkpoint,
            "demonstrations": request.demonstrations,
            "preset": self.settings.preset,
        }
        self._learner = Learner(
            directory,
            identity,
            finetuner,
            self.settings.save_every,
            self._learned.trigger,
        )
        describe_trainer(directory, identity, finetuner, inputs)
        self._collector = Collector(request.session)
        self._refused, self._published = "", -1
        return len(demos)

    def _checkpoint(self) -> Path:
        path = Path(self.settings.checkpoint)
        if not path.is_file():
            raise ContractError(
                f"checkpoint {self.settings.checkpoint!r}: is no file; set the trainer node's "
                "parameter checkpoint to one that oda meta-train wrote"
            )
        return path

    def _describe(self, response: BeginSession.Response) -> None:
        ids = self._learner.store.ids if self._learner else set()
        response.episodes_stored, response.last_episode_id = len(ids), max(ids, default=-1)
        response.version = max(0, self._learner.version) if self._learner else 0

    def _on_step(self, msg: Step) -> None:
        if self._learner is not None and msg.session == self._collector.session:
            self._now_ns = stamp_ns(msg.header.stamp)
            self._take(lambda: self._collector.add_step(step_from_msg(msg)), msg.episode_id)

    def _on_episode(self, msg: EpisodeMsg) -> None:
        if self._learner is not None and msg.session == self._collector.session:
            self._now_ns = stamp_ns(msg.header.stamp)
            self._take(lambda: self._event(event_from_msg(msg)), msg.episode_id)

    def _event(self, event: EpisodeEvent) -> Episode | None:
        """What an episode event completes."""
        if event.event is Event.START:
            self._collector.start(event)
            self._refused = ""
            return None
        if event.event is Event.ABORT:
            self._collector.drop()
            raise ContractError(f"aborted: {event.reason}")
        if self._learner and event.episode_id in self._learner.store.ids:
            self._publish_status()  # delivered again: acknowledged again, stored once
            return None
        self._ended = time.monotonic()
        return self._collector.add_end(event)

    def _take(self, gather: Callable[[], Episode | None], episode_id: int) -> None:
        """Store what gather completes, then acknowledge it, or say why not."""
        try:
            episode = gather()
            stored = episode is not None and self._store(episode)
        except (ContractError, ValueError, OSError) as error:
            self._refuse(episode_id, str(error))
            return
        if stored:
            self._refused = ""
            self._publish_status()

    def _store(self, episode: Episode) -> bool:
        """Put an episode of a policy on disk."""
        if episode.end.purpose is Purpose.DEMONSTRATION:
            return False
        self._learner.put(episode)
        return True

    def _refuse(self, episode_id: int, reason: str) -> None:
        self._refused = f"episode {episode_id}: {reason}; not stored"
        self.get_logger().error(self._refused)
        self._collector.drop()
        self._publish_status()

    def _on_second(self) -> None:
        """Look for steps that never came, and show that the trainer lives."""
        end = self._collector.end
        if end is not None and time.monotonic() - self._ended > self.settings.missing_steps_s:
            self._refuse(end.episode_id, self._collector.missing())
        if self._learner is not None:
            self._on_learned()

    def _on_learned(self) -> None:
        self._learner.check()
        while self._learner.made:
            self._publish_version(self._learner.made.popleft())
        self._publish_status()

    def _publish_version(self, version: Version) -> None:
        message = Weights(
            header=header(self._now_ns, "", rclpy_class),
            session=self._collector.session,
            version=version.number,
            sha256=version.sha256,
            data=array.array("B", version.data),
        )
        self._weights.publish(message)
        self._published = version.number

    def _publish_status(self) -> None:
        learner = self._learner
        message = TrainerStatus(
            header=header(self._now_ns, "", rclpy_class),
            session=self._collector.session if self._published >= 0 else "",  # ready from then on
            episodes_stored=len(learner.store.ids),
            last_episode_id=max(learner.store.ids, default=-1),
            refused=self._refused,
            version=max(0, self._published),
            transitions=len(learner.finetuner.online),
            updates=learner.finetuner.updates,
            metric_names=list(learner.metrics),
            metric_values=list(learner.metrics.values()),
        )
        self._status.publish(message)


def main() -> None:
    """Entry point of `ros2 run oda_policy trainer_node`."""
    run_main(TrainerNode)
