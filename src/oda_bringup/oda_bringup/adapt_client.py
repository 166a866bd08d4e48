"""Node that asks for an adaptation, shows how it goes and ends with its result."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from oda_bringup.cli.console import complain, say
from oda_bringup.cli.exits import Exit
from oda_bringup.progress import Phases
from oda_bringup.summary import show_summary
from oda_core.config import to_mapping
from oda_core.errors import SessionError
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_msgs.action import Adapt

CHECK_S = 0.1
ANSWER_S = 10.0  # an answer that is sent before the client is discovered is lost: ask again


@dataclass(frozen=True, kw_only=True)
class GoalSettings:
    """The goal of /oda/adapt; fields and units as in oda_msgs/action/Adapt."""

    connector: str = setting("", "name of the mounted connector")
    demonstrations: str = setting("", "bag directory or buffer file")
    output: str = setting("", "session directory")
    seed: int = setting(0, "of every random choice in the session")
    trials: int = setting(100, "episodes of each evaluation")
    max_training_episodes: int = setting(300, "budget of training episodes")
    max_robot_minutes: float = setting(30.0, "budget of robot time for finetuning [min]")
    patience_s: float = setting(60.0, "how long to wait for the adapt node [s]")


class AdaptClient(Node):
    """Sends one goal and ends the process with an exit code of oda_bringup.cli.exits."""

    def __init__(self) -> None:
        super().__init__("adapt_client")
        self._settings = declare(self, GoalSettings)
        self._client = ActionClient(self, Adapt, "/oda/adapt")
        self._phases = Phases(self._settings.trials, self._settings.max_training_episodes)
        self._id = UUID(uuid=list(uuid4().bytes))
        self._waited_s, self._sent = 0.0, 0
        self._timer = self.create_timer(CHECK_S, self._send_when_ready)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._phases.close()

    def _send_when_ready(self) -> None:
        if not self._client.server_is_ready():
            self._waited_s += CHECK_S
            if self._waited_s > self._settings.patience_s:
                raise SessionError(
                    f"/oda/adapt: no adapt node after {self._settings.patience_s:g} s; see its log"
                )
            return
        self._timer.cancel()
        self._timer = self.create_timer(ANSWER_S, self._send)
        self._send()

    def _send(self) -> None:
        """Send the goal, or the same once more: the server knows it by its id."""
        values = to_mapping(self._settings)
        del values["patience_s"]
        sent = self._client.send_goal_async(Adapt.Goal(**values), self._on_feedback, self._id)
        sent.add_done_callback(self._on_answer)
        self._sent += 1

    def _on_answer(self, answer: Future) -> None:
        if self._timer.is_canceled():
            return  # answered before
        self._timer.cancel()
        handle = answer.result()
        if not handle.accepted and self._sent == 1:
            self._refused()
        handle.get_result_async().add_done_callback(self._on_result)

    def _refused(self) -> NoReturn:
        complain("the adapt node refused the goal; see its log for the reason")
        raise SystemExit(Exit.BAD_INPUT)

    def _on_feedback(self, message: Any) -> None:
        self._phases.show(message.feedback)

    def _on_result(self, answer: Future) -> None:
        self._phases.close()
        if answer.result().status == GoalStatus.STATUS_UNKNOWN:
            self._refused()
        result = answer.result().result
        if not result.report_json:
            raise SystemExit(self._stopped(result.message))
        show_summary(Path(result.report_json))
        raise SystemExit(Exit.OK if result.success else Exit.NOT_ACCEPTED)

    def _stopped(self, reason: str) -> int:
        """Say why there is no report; wrong input shows before the first episode."""
        complain(reason)
        if not self._phases.episodes:
            return Exit.BAD_INPUT
        if (report := Path(self._settings.output, "report.json")).exists():
            show_summary(report)
        say(f"continue with: oda adapt --resume --output {self._settings.output}")
        return Exit.NOT_ACCEPTED


def main() -> None:
    """Entry of the executable."""
    run_node(AdaptClient)
