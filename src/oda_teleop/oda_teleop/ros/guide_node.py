"""Owner of demonstrations that a person gives: waits for the person, says what came of each."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rclpy.node import Node
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.ros.main import main as run_node
from oda_core.se3 import Pose, rotvec_from_quat
from oda_core.settings import setting
from oda_core.types import EpisodeEvent, Event, TcpState
from oda_teleop.ros.demo_node import DemoNode, DemoParameters, Turning

MOVED_M, MOVED_RAD = 5e-4, 5e-3  # since the reset: the start pose is another one


@dataclass(frozen=True, kw_only=True)
class GuideParameters(DemoParameters):
    """Parameters of the node."""

    max_steps: int = setting(200, "Time limit of an episode [steps of 0.1 s]", bounds=(1, 10_000))
    silence_s: float = setting(
        120.0, "Wall time without progress that is an error [s]", bounds=(1.0, 3600.0)
    )
    review_s: float = setting(
        3.0, "Time for a look at an episode after its end [s]", bounds=(0.0, 600.0)
    )


class GuideNode(DemoNode):
    """A demonstration node that leaves the pace to a person.

    The person begins each episode, may mark it, and may take back what has ended. The session waits
    a moment after each for that, so that the last one can be taken back too.
    """

    def __init__(self) -> None:
        """Serve the person besides."""
        super().__init__("guide", GuideParameters)
        self._begin = Begin(self)

    async def _ready(self, number: int) -> EpisodeEvent:
        start = await self._reset_when_able(number)
        settings = self._settings
        self.get_logger().info(
            f"demonstration {self._successes + 1} of {settings.episodes}, connector "
            f"{settings.connector or 'as mounted'}: press start when ready"
        )
        await self._person(lambda: self._begin.asked(self._stopped()), may_begin=True)
        if self._is_off(start.start_pose):
            self.get_logger().info("the robot has moved since: returning to the start pose")
            start = await self._reset_when_able(number)
        self.get_logger().info("go")
        return self._from_here(start)

    async def _review(self, end: EpisodeEvent) -> None:
        """Say what came of it; the person may take it back or go on at once."""
        if end.event is Event.ABORT:
            return
        seconds = end.steps * self._stepper.spec.period_s
        self.get_logger().info(
            f"{end.event.name} after {seconds:.1f} s, peak {end.peak_force_n:.0f} N"
            f"{'; ' + end.reason if end.reason else ''}; discard takes it back"
        )
        until_s = time.monotonic() + self._settings.review_s
        await self._person(
            lambda: (
                end.episode_id not in self._ends
                or self._begin.asked("")
                or time.monotonic() > until_s
            ),
            may_begin=True,
        )

    async def _reset_when_able(self, number: int) -> EpisodeEvent:
        """Reset; a robot that was stopped waits for the person first."""
        if self._stopped():
            self.get_logger().warning(f"stopped: {self._stopped()}; press start to recover")
        await self._person(lambda: not self._stopped(), may_begin=False)
        return await self._start(number)

    async def _person(self, ready: Callable[[], object], *, may_begin: bool) -> None:
        """Wait for a person, however long it takes."""
        self._begin.expect(may_begin)
        while not ready():
            await Turning()
        self._begin.expect(False)

    def _is_off(self, start: Pose) -> bool:
        state = self._states.newest()
        return state is not None and _is_elsewhere(state, start)

    def _from_here(self, start: EpisodeEvent) -> EpisodeEvent:
        """The same START, now."""
        state = self._states.newest()
        if state is None or state.stamp_ns < start.stamp_ns:
            return start
        return dataclasses.replace(start, stamp_ns=state.stamp_ns, start_pose=state.pose)


class Begin:
    """Whether the person is ready, by /oda/begin."""

    def __init__(self, node: Node) -> None:
        """Serve it."""
        self._expected = self._asked = False
        node.create_service(Trigger, topics.BEGIN, self._ask)

    def expect(self, expected: bool) -> None:
        """The session waits for the person, or no more; what was asked for before is forgotten."""
        self._expected, self._asked = expected, False

    def asked(self, stopped: str) -> bool:
        """The person is ready, and so is the robot."""
        self._asked = self._asked and not stopped
        return self._asked

    def _ask(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._asked = self._expected
        response.message = (
            "the next episode begins"
            if self._expected
            else "the session does not wait for a start now"
        )
        return response


def _is_elsewhere(state: TcpState, start: Pose) -> bool:
    off = state.pose.relative_to(start)
    turn = rotvec_from_quat(off.quaternion)
    return bool(np.linalg.norm(off.position) > MOVED_M or np.linalg.norm(turn) > MOVED_RAD)


def main() -> None:
    """Entry point."""
    run_node(GuideNode)
