"""Goals of actions that are not lost: sent again until the server answers."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

AGAIN_S = 3.0


class SentGoal:
    """One goal of an action, known to its server by its id.

    A server that has not discovered its client yet loses the answer (rmw_fastrtps, when nodes start
    or start again on a busy machine), and a client would wait for ever. The same goal is therefore
    sent again; a server runs a goal once, and refuses it when it comes a second time.

    Attributes:
        result: future of the result once the server has answered, None before, and for good if it
            refused at once.
    """

    def __init__(
        self, client: ActionClient, goal: Any, on_feedback: Callable[[Any], None] | None = None
    ) -> None:
        """Send it."""
        self.result: Future | None = None
        self._client, self._goal, self._on_feedback = client, goal, on_feedback
        self._id = UUID(uuid=list(uuid4().bytes))
        self._handle: ClientGoalHandle | None = None
        self._count, self._sent_s, self._cancelled = 0, 0.0, False
        self._send()

    def answered(self) -> bool:
        """The server has answered; call it now and then, for it sends the goal again."""
        if self._handle is None and time.monotonic() - self._sent_s > AGAIN_S:
            self._send()
        return self._handle is not None

    @property
    def refused(self) -> bool:
        """The server does not take the goal."""
        if self.result is None:
            return self._handle is not None
        return self.result.done() and self.result.result().status == GoalStatus.STATUS_UNKNOWN

    def ended(self) -> bool:
        """The result is there, or the server does not take the goal."""
        return self.refused or (self.result is not None and self.result.done())

    def cancel(self) -> None:
        """Ask the server to end it, now or as soon as it has answered."""
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel_goal_async()

    def _send(self) -> None:
        self._count, self._sent_s = self._count + 1, time.monotonic()
        sent = self._client.send_goal_async(self._goal, self._on_feedback, self._id)
        sent.add_done_callback(self._on_answer)

    def _on_answer(self, answer: Future) -> None:
        if self._handle is not None:
            return
        self._handle = answer.result()
        if self._count == 1 and not self._handle.accepted:
            return
        if self._cancelled:
            self._handle.cancel_goal_async()
        self.result = self._handle.get_result_async()
