"""When and how the policy acts: the policy node without ROS."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.spec import TaskSpec, observe, to_twist
from oda_core.types import EpisodeEvent, TcpState
from oda_policy.policy import PolicySnapshot, episode_generator

NEVER_NS = 2**63


class Command(NamedTuple):
    """What to command for the state at a stamp."""

    stamp_ns: int
    twist: NDArray[np.float64]  # (6,) TCP frame [m/s, rad/s]


class Acting:
    """One episode of acting at the ticks of the robot contract.

    The first tick is the first state stamped at or after START, each later one the first state
    stamped a period or more after the last. A repeated stamp repeats the command. The last tick,
    inserted or at the time limit, gets no command.
    """

    def __init__(self, start: EpisodeEvent, snapshot: PolicySnapshot, spec: TaskSpec) -> None:
        """Begin an episode.

        Args:
            start: its START event.
            snapshot: the version that it demands.
            spec: scaling and period.
        """
        self.start, self.snapshot, self._spec = start, snapshot, spec
        generator = episode_generator(start.seed, start.episode_id)
        self._choose = snapshot.chooser(generator, start.purpose, start.deterministic)
        self._next_ns = start.stamp_ns
        self._ticks, self._most = 0, start.max_steps
        self._last: Command | None = None
        self.first: TcpState | None = None  # state of the first tick

    def finish(self) -> None:
        """Command no further tick: the step that the last one began is the last."""
        self._most = self._ticks

    def repeats(self, stamp_ns: int) -> Command | None:
        """The command of the last tick, if its state was sent again: the robot waits for it."""
        return self._last if self._last is not None and self._last.stamp_ns == stamp_ns else None

    def is_tick(self, stamp_ns: int) -> bool:
        """A state of this stamp is the next tick."""
        return stamp_ns >= self._next_ns

    def command(self, state: TcpState) -> Command | None:
        """The command for the next tick; None at the episode's last."""
        self._next_ns = state.stamp_ns + self._spec.period_ns
        self._last = None
        self._ticks += 1
        self.first = self.first or state
        if self._ticks > self._most or (self._ticks > 1 and state.inserted):
            self._next_ns = NEVER_NS
        else:
            action = self._choose(observe(state, self.start.start_pose, self._spec))
            self._last = Command(state.stamp_ns, to_twist(action, self._spec))
        return self._last
