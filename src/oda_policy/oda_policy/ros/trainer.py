"""The episode owner's view of the trainer: sessions, acknowledgements, versions."""

import time
from collections.abc import Callable

from rclpy.node import Node

from oda_core import topics
from oda_core.errors import SessionError
from oda_core.messages import stamp_ns
from oda_core.ros import qos
from oda_core.types import EpisodeEvent
from oda_msgs.msg import TrainerStatus
from oda_msgs.srv import BeginSession
from oda_policy.ros.waiting import Waiter

BEGIN_LIMIT_S = 120.0  # reading demonstrations and episodes, on a slow disk too
AGAIN_S = 3.0  # until the request is sent again; the trainer takes the same one any number of times


class Trainer:
    """Client of the trainer node."""

    def __init__(self, node: Node, silence_s: float) -> None:
        """Create the topics.

        Args:
            node: that owns the episodes.
            silence_s: wall time without a status after which the trainer counts as gone [s].
        """
        self._silence_s, self._heard = silence_s, 0.0
        self._status = TrainerStatus()
        self._client = node.create_client(BeginSession, "/oda/trainer/begin")
        node.create_subscription(TrainerStatus, topics.TRAINER, self._on_status, qos.LATCHED)

    @property
    def metrics(self) -> dict[str, float]:
        """Scalars of the newest update."""
        return dict(zip(self._status.metric_names, self._status.metric_values, strict=True))

    @property
    def updates(self) -> int:
        """Gradient updates since the session began."""
        return int(self._status.updates)

    def missing(self) -> list[str]:
        """What of the trainer is not there yet."""
        return [] if self._client.service_is_ready() else ["/oda/trainer/begin (trainer node)"]

    async def begin(self, request: BeginSession.Request, waiter: Waiter) -> BeginSession.Response:
        """Open a session; its first weights are out when this returns.

        Raises:
            SessionError: refused, with the trainer's reason, or no answer.
        """
        response = await self._call(request, waiter)
        if not response.success:
            raise SessionError(response.message)
        self._status = TrainerStatus()  # what was heard before was of an older opening
        await self._wait(waiter, lambda: self._status.session == request.session, "first weights")
        return response

    async def _call(self, request: BeginSession.Request, waiter: Waiter) -> BeginSession.Response:
        """Call, and call again: a request is lost where its server was not discovered yet."""
        answers = [self._client.call_async(request)]
        again_s = time.monotonic() + AGAIN_S

        def answered() -> bool:
            nonlocal again_s
            if time.monotonic() > again_s:
                answers.append(self._client.call_async(request))
                again_s = time.monotonic() + AGAIN_S
            return any(answer.done() for answer in answers)

        await waiter.until(
            answered,
            BEGIN_LIMIT_S,
            lambda: f"/oda/trainer/begin: no answer within {BEGIN_LIMIT_S:g} s; see its log",
        )
        return next(answer.result() for answer in answers if answer.done())

    async def version(self, number: int, waiter: Waiter) -> None:
        """Wait until a version of the weights is published."""
        await self._wait(
            waiter, lambda: self._status.version >= number, f"weights version {number}"
        )

    async def stored(self, start: EpisodeEvent, waiter: Waiter) -> str:
        """Wait for the answer to a finished episode: empty when stored, else why it was refused."""
        prefix = f"episode {start.episode_id}:"

        def refused() -> bool:
            newer = stamp_ns(self._status.header.stamp) >= start.stamp_ns
            return newer and self._status.refused.startswith(prefix)

        def stored() -> bool:
            return self._status.last_episode_id >= start.episode_id

        await self._wait(waiter, lambda: stored() or refused(), f"answer to {prefix[:-1]}")
        return "" if stored() else self._status.refused

    async def _wait(self, waiter: Waiter, ready: Callable[[], bool], what: str) -> None:
        def explain() -> str:
            return (
                f"/oda/trainer/status: silent for {self._silence_s:g} s while waiting for the "
                f"{what}; is the trainer node running?"
            )

        await waiter.until(ready, self._silence_s, explain, lambda: self._heard)

    def _on_status(self, msg: TrainerStatus) -> None:
        self._status, self._heard = msg, time.monotonic()
