"""A taught goal ends episodes as an operator does."""

from pathlib import Path

import numpy as np
import pytest
from std_srvs.srv import Trigger

from oda_core.homing import START
from oda_core.messages import event_to_msg, state_to_msg
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.ros.types import rclpy_class
from oda_core.se3 import Pose
from oda_core.types import EpisodeEvent, Event, Purpose, TcpState
from oda_msgs.msg import Episode
from oda_msgs.msg import TcpState as TcpStateMsg

pytestmark = pytest.mark.ros
MS = 1_000_000
ABOVE_M, DEEP_M = 0.02, 0.0


class Robot(Client):
    """Publishes states at a depth, and owns the episodes."""

    def __init__(self, domain: int) -> None:
        super().__init__(domain)
        self.now_ns, self.marks, self.accepts = 0, 0, False
        self.states = self.node.create_publisher(TcpStateMsg, "/oda/state", qos.STATE)
        self.episodes = self.node.create_publisher(Episode, "/oda/episode", qos.EVENTS)
        self.node.create_service(Trigger, "/oda/mark_success", self._on_mark)

    def _on_mark(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.marks += 1
        response.success = self.accepts
        return response

    def stay(self, height_m: float, periods: int = 40) -> None:
        for _ in range(periods):
            self.now_ns += 10 * MS
            pose = START.compose(Pose(np.array([0.0, 0.0, -height_m]), Pose.identity().quaternion))
            state = TcpState(
                stamp_ns=self.now_ns, pose=pose, twist=np.zeros(6), wrench=np.zeros(6),
                inserted=False,
            )  # fmt: skip
            self.states.publish(state_to_msg(state, rclpy_class))
            self.turn_for(0.01)

    def tell(self, event: Event) -> None:
        episode = EpisodeEvent(
            stamp_ns=self.now_ns, session="s", episode_id=1, connector="peg",
            purpose=Purpose.TRAINING, event=event,
        )  # fmt: skip
        self.episodes.publish(event_to_msg(episode, rclpy_class))


def test_an_inserted_plug_is_marked_once_and_only_in_an_episode(tmp_path: Path) -> None:
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Robot(domain) as robot:
        place = f"[{', '.join(map(str, START.position.tolist()))}]"
        nodes.start("oda_teleop.ros.detector_node", **{"goal.position_m": place})
        robot.until(robot.states.get_subscription_count, "the detector")
        robot.until(robot.episodes.get_subscription_count, "the detector")
        robot.stay(DEEP_M)
        assert robot.marks == 0  # no episode runs
        robot.tell(Event.START)
        robot.stay(ABOVE_M)
        assert robot.marks == 0  # not inserted
        robot.until(lambda: robot.stay(DEEP_M, 1) or robot.marks >= 2, "a second try")
        robot.accepts = True
        robot.until(lambda: robot.stay(DEEP_M, 1) or robot.marks >= 3, "the mark")
        robot.turn_for(0.2)  # the answer
        marks = robot.marks
        robot.stay(DEEP_M)
        assert robot.marks == marks
        assert nodes.stop() == {"detector_node": 0}


def test_without_a_goal_a_person_judges(tmp_path: Path) -> None:
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Robot(domain) as robot:
        nodes.start("oda_teleop.ros.detector_node")
        robot.until(lambda: "a person judges" in nodes.log("detector_node"), "the word on it")
        assert nodes.stop() == {"detector_node": 0}
