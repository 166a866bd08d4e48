"""Services with which an operator judges the running episode and so ends it."""

from collections.abc import Callable
from functools import partial

from rclpy.node import Node
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.types import Event

MARKS = {topics.MARK_SUCCESS: Event.SUCCESS, topics.MARK_FAILURE: Event.FAILURE}
BY_OPERATOR = "marked by the operator"  # reason of a FAILURE
NO_EPISODE = "no episode is running"
NO_STEP = "the episode has not made a step yet; mark it after its first, or abort with /oda/stop"


def serve_marks(node: Node, mark: Callable[[Event], str]) -> None:
    """Serve /oda/mark_success and /oda/mark_failure.

    Args:
        node: owner of the episodes.
        mark: ends the running episode with SUCCESS or FAILURE at its next step; returns why it
            cannot, empty if it does.
    """

    def answer(verdict: Event, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        refusal = mark(verdict)
        response.success = not refusal
        response.message = refusal or f"the episode ends with {verdict.name} at its next step"
        node.get_logger().info(f"mark {verdict.name}: {response.message}")
        return response

    for name, verdict in MARKS.items():
        node.create_service(Trigger, name, partial(answer, verdict))
