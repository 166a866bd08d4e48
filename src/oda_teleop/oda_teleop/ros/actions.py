"""What the buttons of a device do: calls of the services of the robot contract."""

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.ros import qos
from oda_msgs.action import Reset
from oda_msgs.msg import Episode, SafetyState

SERVICES = {
    "success": topics.MARK_SUCCESS,
    "failure": topics.MARK_FAILURE,
    "discard": topics.RECORD_DISCARD,
    "tare": topics.TARE,
}
BETWEEN = ("discard", "reset")  # actions between episodes


class Actions:
    """Perform an action by its name, and say on the log what came of it.

    Attributes:
        episode: newest event of an episode, None before the first.
    """

    def __init__(self, node: Node, shift: Callable[[], None]) -> None:
        """Create the clients.

        Args:
            node: of the device.
            shift: changes the gear.
        """
        self.episode: Episode | None = None
        self._node, self._safety = node, None
        self._log = node.get_logger()
        names = (*SERVICES.values(), topics.START, topics.BEGIN)
        self._clients = {name: node.create_client(Trigger, name) for name in names}
        self._reset = ActionClient(node, Reset, topics.RESET)
        self._known: dict[str, Callable[[], None]] = {
            action: partial(self._call, name) for action, name in SERVICES.items()
        } | {"start": self._start, "reset": self._move_to_start, "gear": shift}
        node.create_subscription(SafetyState, topics.SAFETY, self._on_safety, qos.LATCHED)

    def perform(self, action: str) -> None:
        """Do it, unless it belongs between episodes and one is running."""
        if self.running and action in BETWEEN:
            self._log.info(f"{action}: an episode is running; mark it first")
        else:
            self._known[action]()

    @property
    def running(self) -> bool:
        """An episode runs."""
        return self.episode is not None and self.episode.event == Episode.EVENT_START

    def _start(self) -> None:
        """Recover a stopped robot; else begin what waits for the operator."""
        stopped = self._safety is not None and self._safety.state == SafetyState.STATE_ABORT
        self._call(topics.START if stopped else topics.BEGIN)

    def _call(self, name: str) -> None:
        client = self._clients[name]
        if not client.service_is_ready():
            self._log.warning(f"{name}: nobody serves it in this session")
            return
        client.call_async(Trigger.Request()).add_done_callback(partial(self._answered, name))

    def _answered(self, name: str, future: Any) -> None:
        """Whoever serves it tells the person why it refuses: one gesture may mean two actions."""
        self._log.info(f"{name}: {future.result().message}")

    def _move_to_start(self) -> None:
        """Return to the start pose."""
        if not self._reset.server_is_ready():
            self._log.warning(f"{topics.RESET}: nobody serves it in this session")
        else:
            self._log.info(f"{topics.RESET}: returning to the start pose")
            self._reset.send_goal_async(Reset.Goal())

    def _on_safety(self, msg: SafetyState) -> None:
        self._safety = msg
