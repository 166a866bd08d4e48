"""The simulated cell as a robot controller: when commands count, and how time passes.

In lock-step, time stands still until the command for the newest state comes, which then acts for
one period. In real time, the caller paces the ticks; a command that is not followed by another is
ramped to zero, so that the arm is at rest STALE_NS after it, whatever has happened to the arbiter.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import SimulationError
from oda_core.homing import draw_start_noise
from oda_core.spec import TaskSpec
from oda_core.types import TCP_FRAME
from oda_sim.insertion import TICK_NS, InsertionSim
from oda_sim.outline import MM

STALE_NS = 250_000_000
RAMP_NS = 50_000_000  # the last part of STALE_NS: slower than the arbiter's acceleration limits
MOVING_M_S = 1e-3
PHASES = ("retract", "return", "settle", "tare")


class ResetEnd(NamedTuple):
    """How a reset motion ended."""

    success: bool
    message: str  # why not
    robot_time_s: float


class Cell:
    """Commands in, ticks out.

    Attributes:
        sim: the physics.
        lockstep: time waits for commands.
        refused: commands refused so far.
        reset_end: how the last reset motion ended; None while one runs and before the first.
    """

    def __init__(self, sim: InsertionSim, *, lockstep: bool, on_tick: Callable[[], None]) -> None:
        """Stand still.

        Args:
            sim: at rest.
            lockstep: wait for commands.
            on_tick: called after each tick of 10 ms.
        """
        self.sim = sim
        self.lockstep = lockstep
        self.refused = 0
        self.reset_end: ResetEnd | None = None
        self._on_tick = on_tick
        self._period = round(TaskSpec().period_ns / TICK_NS)
        self._twist = np.zeros(6)
        self._command_ns = -STALE_NS  # stamp of the newest command
        self._received_ns = -STALE_NS  # simulated time of its receipt
        self._paused = False  # no command came in time, and no motion since
        self._motion: Iterator[None] | None = None
        self._motion_ns = self._ended_ns = 0  # when the last reset motion began and ended
        self._phase = 0

    @property
    def resetting(self) -> bool:
        """A reset motion runs."""
        return self._motion is not None

    @property
    def reset_time_s(self) -> float:
        """Robot time since the reset motion began [s]."""
        return (self.sim.time_ns - self._motion_ns) * 1e-9

    def command(self, stamp_ns: int, frame: str, twist: NDArray[np.float64]) -> str:
        """Take a TCP twist (6,) [m/s, rad/s]; in lock-step it acts for one period at once.

        Returns:
            Why it is refused; empty if it counts, if it repeats the last one, or if it comes from
            a reset motion, which has the arm.
        """
        if stamp_ns == self._command_ns or self._is_of_reset(stamp_ns):
            return ""
        fault = self._fault(stamp_ns, frame, twist)
        if fault:
            self.refused += 1
            return fault
        if self.resetting:
            return ""  # the reset motion has the arm
        self._paused |= not self._fade()
        if self._paused and twist.any() and not self.lockstep:
            self._paused = False
            self.recover()  # the first motion after a pause, as the robot's law does
        self._command_ns, self._received_ns = stamp_ns, self.sim.time_ns
        self._twist = twist
        self.sim.apply(twist)
        if self.lockstep:
            for _ in range(self._period):
                self.sim.step()
                self._on_tick()
        return ""

    def tick(self) -> None:
        """Advance by 10 ms: the reset motion if one runs, else the last command."""
        if self._motion is None:
            self.sim.apply(self._twist * self._fade())
            self.sim.step()
            self._on_tick()
        else:
            self._advance(self._motion)

    def begin_reset(self, half_width_m: float, seed: int) -> None:
        """Begin the reset motion; tick() runs it.

        Args:
            half_width_m: of the uniform hidden start noise, per axis.
            seed: of start noise and sensor noise.
        """
        noise = draw_start_noise(seed, half_width_m)
        self._motion = self.sim.reset_motion(noise, seed)
        self._motion_ns, self._phase, self.reset_end = self.sim.time_ns, 0, None

    def stop(self, reason: str) -> None:
        """Hold the set-point; a reset motion ends without success."""
        self._rest()
        if self._motion is not None:
            self._end(success=False, message=reason)

    def recover(self) -> None:
        """Put the set-point on the measured pose, so that nothing pulls."""
        if self._motion is None:
            self.sim.hold()

    def reset_phase(self) -> str:
        """Phase of the reset motion, one of PHASES."""
        depth, _ = self.sim.depth_and_offset()
        moving = bool(np.linalg.norm(self.sim.state().twist[:3]) > MOVING_M_S)
        near = depth > -0.75 * self.sim.connector.start.height_mm * MM
        self._phase = max(self._phase, 0 if near else 1 if moving else 2)
        return PHASES[self._phase]

    def _is_of_reset(self, stamp_ns: int) -> bool:
        """It answers a state of the last reset motion, which time has passed."""
        passed_ns = self.sim.time_ns if self.resetting else self._ended_ns
        return self._motion_ns <= stamp_ns < passed_ns

    def _fault(self, stamp_ns: int, frame: str, twist: NDArray[np.float64]) -> str:
        if frame != TCP_FRAME:
            return f"found frame {frame!r}, expected {TCP_FRAME!r}"
        if not np.all(np.isfinite(twist)):
            return f"found {twist.tolist()}, expected finite numbers"
        age_ns = self.sim.time_ns - stamp_ns
        if self.lockstep and age_ns and not self.resetting:
            return (
                f"stamp is {age_ns * 1e-9:.3f} s before the newest state; in lock-step a command "
                "carries the stamp of the newest state"
            )
        if not -STALE_NS <= age_ns <= STALE_NS:
            return f"stamp is {age_ns * 1e-9:.3f} s old, expected at most {STALE_NS * 1e-9} s"
        return ""

    def _fade(self) -> float:
        """1 while the command is fresh, ramped to 0 by the time it is stale."""
        left_ns = self._received_ns + STALE_NS - self.sim.time_ns
        return float(np.clip(left_ns / RAMP_NS, 0.0, 1.0))

    def _advance(self, motion: Iterator[None]) -> None:
        try:
            next(motion)
            self._on_tick()
        except StopIteration:
            self._end(success=True, message="")
        except SimulationError as error:
            self._end(success=False, message=str(error))

    def _end(self, *, success: bool, message: str) -> None:
        self.reset_end = ResetEnd(success, message, self.reset_time_s)
        self._motion, self._ended_ns = None, self.sim.time_ns
        self._rest()

    def _rest(self) -> None:
        self._twist = np.zeros(6)
        self._received_ns = -STALE_NS
        self.sim.apply(self._twist)
