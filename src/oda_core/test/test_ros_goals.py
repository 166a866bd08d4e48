"""A goal whose answer is lost is sent again, and runs once."""

from types import SimpleNamespace
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from rclpy.task import Future

from oda_core.ros import goals
from oda_core.ros.goals import SentGoal


class Server:
    """An action server at the other end of a client that loses the first answers."""

    def __init__(self, lost: int, *, takes: bool = True) -> None:
        self.lost, self.takes = lost, takes
        self.ids: list[bytes] = []
        self.cancelled = False
        self.result = Future()

    def send_goal_async(self, goal: Any, on_feedback: Any, goal_id: Any) -> Future:
        known = bytes(goal_id.uuid) in self.ids
        self.ids.append(bytes(goal_id.uuid))
        answer = Future()
        if len(self.ids) > self.lost:
            accepted = self.takes and not known
            answer.set_result(
                SimpleNamespace(
                    accepted=accepted,
                    get_result_async=lambda: self.result,
                    cancel_goal_async=self.cancel,
                )
            )
        return answer

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "AGAIN_S", 0.0)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_goal_runs_once_however_many_answers_are_lost(lost: int) -> None:
    server = Server(lost)
    sent = SentGoal(server, "goal")  # type: ignore[arg-type]
    for _ in range(lost):
        sent.answered()
    assert sent.answered() and not sent.refused and not sent.ended()
    assert len(set(server.ids)) == 1 and len(server.ids) == lost + 1
    server.result.set_result(SimpleNamespace(status=GoalStatus.STATUS_SUCCEEDED, result="done"))
    assert sent.ended() and not sent.refused
    assert sent.result is not None and sent.result.result().result == "done"


def test_a_goal_cancelled_before_its_answer_is_cancelled_after_it() -> None:
    server = Server(1)
    sent = SentGoal(server, "goal")  # type: ignore[arg-type]
    sent.cancel()
    assert not server.cancelled
    assert sent.answered() and server.cancelled


@pytest.mark.parametrize("lost", [0, 1])
def test_a_refusal_is_known_though_its_answer_was_lost(lost: int) -> None:
    server = Server(lost, takes=False)
    sent = SentGoal(server, "goal")  # type: ignore[arg-type]
    server.result.set_result(SimpleNamespace(status=GoalStatus.STATUS_UNKNOWN, result=None))
    assert [sent.answered() for _ in range(lost + 1)][-1]
    assert sent.refused
