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
DISCARDED = "discarded by the operator"


@dataclass(frozen=True, kw_only=True)
class GuideParameters(DemoParameters):
    """Parameters of the node."""

    max_steps: int = setting(200, "Time limit of an episode [steps of 0.1 s]", bounds=(1, 10_000))
    silence_s: float = setting(
        120.0, "Wall time without progress that is an error [s]", bounds=(1.0, 3600.0)
    )
    review_s: float = setting(
        3.0, "Time to take back an episode after its end [s]", bounds=(0.0, 600.0)
    )


class GuideNode(DemoNode):
    """A demonstration node that leaves the pace to a person.

    The person begins each episode, may mark it, and may take it back within a moment after its end:
    its end event waits that long, and is ABORT then, which no reader keeps.
    """

    def __init__(self) -> None:
        """Serve the person besides."""
        super().__init__("guide", GuideParameters)
        self._wish = Wish(self)

    async def _ready(self, number: int) -> EpisodeEvent:
        start = await self._reset_when_able(number)
        settings = self._settings
        self.get_logger().info(
            f"demonstration {self._successes + 1} of {settings.episodes}, connector "
            f"{settings.connector or 'as mounted'}: press start when ready"
        )
        await self._person(lambda: self._wish.begins(self._stopped()), topics.BEGIN)
        if self._is_off(start.start_pose):
            self.get_logger().info("the robot has moved since: returning to the start pose")
            start = await self._reset_when_able(number)
        self.get_logger().info("go")
        return self._from_here(start)

    async def _judged(self, end: EpisodeEvent) -> EpisodeEvent:
        """Say what came of it; the person may take it back or begin the next at once."""
        if end.event is Event.ABORT:
            return end
        seconds = end.steps * self._stepper.spec.period_s
        self.get_logger().info(
            f"{end.event.name} after {seconds:.1f} s, peak {end.peak_force_n:.0f} N"
            f"{'; ' + end.reason if end.reason else ''}; discard takes it back"
        )
        until_s = time.monotonic() + self._settings.review_s
        await self._person(
            lambda: self._wish.takes_back() or self._wish.begins("") or time.monotonic() > until_s,
            topics.TAKE_BACK,
        )
        if not self._wish.discarded:
            return end
        return dataclasses.replace(end, event=Event.ABORT, reason=DISCARDED)

    async def _reset_when_able(self, number: int) -> EpisodeEvent:
        """Reset; a robot that was stopped waits for the person first."""
        if self._stopped():
            self.get_logger().warning(f"stopped: {self._stopped()}; press start to recover")
        await self._person(lambda: not self._stopped(), topics.START)
        return await self._start(number)

    async def _person(self, ready: Callable[[], object], awaited: str) -> None:
        """Wait for a person, however long it takes."""
        self._wish.expect(awaited)
        while not ready():
            await Turning()
        self._wish.expect("")

    def _is_off(self, start: Pose) -> bool:
        state = self._states.newest()
        return state is not None and _is_elsewhere(state, start)

    def _from_here(self, start: EpisodeEvent) -> EpisodeEvent:
        """The same START, now."""
        state = self._states.newest()
        if state is None or state.stamp_ns < start.stamp_ns:
            return start
        return dataclasses.replace(start, stamp_ns=state.stamp_ns, start_pose=state.pose)


class Wish:
    """What the person asked for with /oda/begin and /oda/take_back.

    Attributes:
        discarded: the episode under review was taken back.
    """

    def __init__(self, node: Node) -> None:
        """Serve both."""
        self.discarded = False
        self._awaited, self._begin = "", False
        for name in (topics.BEGIN, topics.TAKE_BACK):
            node.create_service(Trigger, name, lambda _, response, n=name: self._ask(n, response))

    def expect(self, awaited: str) -> None:
        """The session waits for this; what was asked for before counts no more."""
        if awaited:
            self.discarded = self._begin = False
        self._awaited = awaited

    def begins(self, stopped: str) -> bool:
        """The person is ready, and so is the robot."""
        self._begin = self._begin and not stopped
        return self._begin

    def takes_back(self) -> bool:
        """The person takes the episode back."""
        return self.discarded

    def _ask(self, name: str, response: Trigger.Response) -> Trigger.Response:
        fits = {
            topics.BEGIN: (topics.BEGIN, topics.TAKE_BACK),
            topics.TAKE_BACK: (topics.TAKE_BACK,),
        }
        response.success = self._awaited in fits[name]
        if not response.success:
            response.message = (
                "nothing to take back: that is possible for a moment after an episode's end"
                if name == topics.TAKE_BACK
                else "the session does not wait for a start now"
            )
        elif name == topics.BEGIN:
            self._begin, response.message = True, "the next episode begins"
        else:
            self.discarded, response.message = True, "taken back"
        return response


def _is_elsewhere(state: TcpState, start: Pose) -> bool:
    off = state.pose.relative_to(start)
    turn = rotvec_from_quat(off.quaternion)
    return bool(np.linalg.norm(off.position) > MOVED_M or np.linalg.norm(turn) > MOVED_RAD)


def main() -> None:
    """Entry point."""
    run_node(GuideNode)
