"""Marks an episode as a success when the plug is where it was taught that it is inserted.

It does what an operator does, with the operator's service: the owner of the episode decides.
"""

from dataclasses import dataclass, field

from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.errors import ContractError
from oda_core.ros import qos
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.ros.states import StateBuffer
from oda_core.settings import setting
from oda_msgs.msg import Episode, TcpState
from oda_teleop.detector import Detector, Goal


@dataclass(frozen=True, kw_only=True)
class DetectorParameters:
    """Parameters of the node."""

    goal: Goal = field(default_factory=Goal)
    again_s: float = setting(
        0.1, "Time until a refused mark is tried again [s]", bounds=(0.01, 5.0)
    )


class DetectorNode(Node):
    """States and episodes in, marks out."""

    def __init__(self) -> None:
        """Declare parameters and topics."""
        super().__init__("detector")
        settings = declare(self, DetectorParameters)
        if not settings.goal.is_taught:
            self.get_logger().warning(
                "no goal was taught (oda teach goal): a person judges the episodes, with "
                f"{topics.MARK_SUCCESS} and {topics.MARK_FAILURE}"
            )
            return
        self._detector = Detector(settings.goal)
        self._states = StateBuffer()
        self._running, self._marked = False, False
        self._again_ns, self._next_ns = round(settings.again_s * 1e9), 0
        self._mark = self.create_client(Trigger, topics.MARK_SUCCESS)
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED)
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE, raw=True)

    def _on_episode(self, msg: Episode) -> None:
        self._running, self._marked, self._next_ns = msg.event == Episode.EVENT_START, False, 0

    def _on_state(self, cdr: bytes) -> None:
        stamp_ns = self._states.add(cdr)
        try:
            state = self._states.newest()
        except ContractError as error:
            self.get_logger().error(str(error), throttle_duration_sec=1.0)
            return
        inserted = state is not None and self._detector.feel(state)
        if not (inserted and self._running) or self._marked or stamp_ns < self._next_ns:
            return
        self._next_ns = stamp_ns + self._again_ns
        if self._mark.service_is_ready():
            self._mark.call_async(Trigger.Request()).add_done_callback(self._on_answer)

    def _on_answer(self, answer: Future) -> None:
        self._marked |= answer.result().success


def main() -> None:
    """Entry point."""
    run_node(DetectorNode)
