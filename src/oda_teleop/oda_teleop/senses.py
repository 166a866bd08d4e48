"""What measured states and clocks tell about their own soundness, apart from any command."""

import numpy as np
from numpy.typing import NDArray

from oda_core.types import TcpState

NS = 1e9
FASTEST = 50.0  # simulated seconds per second


class Senses:
    """Looks at every state and at the clocks; each fault is a text that says what was found.

    Args:
        stale_s: silence of the states, and a step back of ROS time, that are too long [s].
        stuck_s: time without any change of the wrench that is too long [s]; 0: any is accepted.
    """

    def __init__(self, stale_s: float, stuck_s: float) -> None:
        """Nothing was seen yet."""
        self._stale_s, self._stuck_s = stale_s, stuck_s
        self._heard_ns: int | None = None  # watchdog clock of the newest state
        self._wrench: NDArray[np.float64] | None = None
        self._changed_ns = 0  # stamp at which the wrench changed last
        self._looked: tuple[int, int] | None = None  # both clocks at the last look

    def feel(self, state: TcpState, clock_ns: int) -> str:
        """Take a measured state; what is wrong with its wrench, empty if nothing."""
        self._heard_ns = clock_ns
        changed = self._wrench is None or not np.array_equal(state.wrench, self._wrench)
        if changed or state.stamp_ns < self._changed_ns:
            self._wrench, self._changed_ns = state.wrench, state.stamp_ns
        still_s = (state.stamp_ns - self._changed_ns) / NS
        if not 0 < self._stuck_s < still_s:
            return ""
        return (
            f"wrench sensor: not a digit has changed for {still_s:.2f} s, expected noise; look at "
            "the sensor, or set stuck_s to 0 if this robot has none"
        )

    def lost(self, clock_ns: int) -> str:
        """Whether states that had come stay away; for how long."""
        silent_s = 0.0 if self._heard_ns is None else (clock_ns - self._heard_ns) / NS
        return f"no /oda/state for {silent_s:.2f} s" if silent_s > self._stale_s else ""

    def jumped(self, now_ns: int, clock_ns: int) -> str:
        """Whether ROS time has jumped against the watchdog clock since the last look; how far.

        Until the first /clock comes, ROS time is 0: that it begins is no jump.
        """
        before, self._looked = self._looked, (now_ns, clock_ns)
        if before is None or before[0] == 0:
            return ""
        passed_s, real_s = (now_ns - before[0]) / NS, (clock_ns - before[1]) / NS
        if -self._stale_s <= passed_s <= 1.0 + FASTEST * real_s:
            return ""
        return f"ROS time jumped by {passed_s - real_s:+.2f} s; look at the clocks (NTP, /clock)"
