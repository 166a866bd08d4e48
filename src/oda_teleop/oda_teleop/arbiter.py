"""Who moves the robot, and whether it may: the state machine behind /oda/cmd/twist.

IDLE    no command is expected (between episodes)
ACTIVE  commands pass through the limits
HOLD    commands are stale: ramped to zero, the set-point is held
RETRACT the wrench limit is exceeded: only unloading motion passes
ABORT   stopped, or stale for too long in an episode: only start() recovers

Two clocks: ROS time judges stamps; the watchdog runs on monotonic time of receipt or, in lock-step,
where the simulation stands still while it waits, on ROS time too.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from oda_core.settings import setting
from oda_core.types import TCP_FRAME, EpisodeEvent, Event, Source, TcpState
from oda_teleop.limits import Limits, Twist, accelerate, clamp, is_overloaded, keep_inside, unload
from oda_teleop.precedence import Precedence

NS = 1e9
OUTSIDE = "no episode is running"
CALM = 0.9  # part of the wrench limit below which RETRACT ends


class Safety(IntEnum):
    """State of the arbiter; values as in oda_msgs/SafetyState."""

    IDLE = 0
    ACTIVE = 1
    HOLD = 2
    RETRACT = 3
    ABORT = 4


@dataclass(frozen=True, kw_only=True)
class ArbiterConfig:
    """Times and rules of the arbiter."""

    lockstep: bool = setting(
        False, "The receiver stands still while it waits: the watchdog runs on ROS time"
    )
    stale_s: float = setting(
        0.25, "Age of stamps and of the newest command that is too old [s]", bounds=(0.02, 5.0)
    )
    abort_s: float = setting(
        1.0, "Time without a command that aborts an episode [s]", bounds=(0.05, 60.0)
    )
    require_episode: bool = setting(True, "Refuse policy commands outside of an episode")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A commanded twist."""

    stamp_ns: int  # of the state that it acts on
    frame: str
    twist: Twist
    source: Source


@dataclass(frozen=True, kw_only=True)
class Executed:
    """A twist that goes to the robot."""

    stamp_ns: int
    twist: Twist
    source: Source
    limited: bool


REST = Executed(stamp_ns=0, twist=np.zeros(6), source=Source.POLICY, limited=False)


class Arbiter:
    """Decide on every command; all times are passed in [ns].

    Attributes:
        state: present state.
        reason: why; names the last refusal.
        refused: commands refused so far.
        late: policy commands of an episode that had just ended, dropped without fault.
        executed: the last twist that went to the robot.
    """

    def __init__(self, config: ArbiterConfig, limits: Limits) -> None:
        """Begin idle."""
        self.config = config
        self.limits = limits
        self.state = Safety.IDLE
        self.reason = OUTSIDE
        self.refused = 0
        self.late = 0
        self.executed = REST
        self._episode: EpisodeEvent | None = None
        self._ended_ns: int | None = None  # stamp of the newest episode's end
        self._accepted: dict[Source, int] = {}  # newest accepted stamp of each source
        self._seen_ns: int | None = None  # watchdog clock of the newest accepted command
        self._precedence = Precedence(lockstep=config.lockstep, stale_ns=self.stale_ns)
        self._ramp_ns = 0
        self._cause = self.reason  # of the state, without refusals

    @property
    def stale_ns(self) -> int:
        """Age that is too old [ns]."""
        return round(self.config.stale_s * NS)

    def is_early(self, request: Request, now_ns: int) -> bool:
        """Nothing but an episode is missing, and its START may still be on its way."""
        if self._episode is not None or now_ns - request.stamp_ns > self.stale_ns // 2:
            return False
        return self._fault(request, now_ns, None) == OUTSIDE and not self._is_late(request)

    def command(
        self, request: Request, now_ns: int, clock_ns: int, state: TcpState | None
    ) -> Executed | None:
        """Take a commanded twist.

        Args:
            request: the command.
            now_ns: ROS time.
            clock_ns: watchdog clock.
            state: measured state that the limits judge, None if there is none.

        Returns:
            What to send to the robot; None if the command is refused or overruled.
        """
        if now_ns + self.stale_ns < self._accepted.get(request.source, 0):
            self._accepted.clear()  # the clock was set back: another simulation
        fault = self._fault(request, now_ns, state)
        if fault == OUTSIDE and self._is_late(request):
            self.late += 1
            return None
        if fault or state is None:
            self.refused += 1
            self.reason = f"refused {request.source.name.lower()} twist: {fault}"
            return None
        last = (self.executed.source, self.executed.stamp_ns)
        if not self._precedence.admits(request.source, request.stamp_ns, clock_ns, last):
            return None
        if request.stamp_ns == self._accepted.get(request.source):
            repeated = self.executed.stamp_ns == request.stamp_ns
            return self.executed if repeated and self.executed.source is request.source else None
        return self._execute(request, clock_ns, state)

    def watch(self, now_ns: int, clock_ns: int) -> Executed | None:
        """Run the watchdog, at least every stale_s / 2; what to send to the robot, if anything."""
        if self._seen_ns is not None:
            age_ns = max(0, clock_ns - self._seen_ns)
            if self.state in (Safety.ACTIVE, Safety.RETRACT) and age_ns > self.stale_ns:
                self._enter(Safety.HOLD, f"no command for {age_ns / NS:.2f} s{self._refusal()}")
            if self.state is Safety.HOLD and age_ns > self.config.abort_s * NS:
                self._give_up(age_ns)
        ramping_s = (clock_ns - self._ramp_ns) / NS
        self._ramp_ns = clock_ns
        if self.state in (Safety.ACTIVE, Safety.RETRACT) or not self.executed.twist.any():
            return None
        if self.config.lockstep:  # the receiver stands still by itself
            self.executed = REST
            return None
        return self._send(now_ns, np.zeros(6), min(ramping_s, self.config.stale_s))

    def episode(self, event: EpisodeEvent) -> None:
        """Follow the start and the end of episodes. The watchdog waits for the first command."""
        if event.event is not Event.START:
            self._episode, self._ended_ns = None, event.stamp_ns
            self._rest(f"episode {event.episode_id} ended: {event.event.name}")
        elif self.state is not Safety.ABORT:
            self._episode = event
            self._rest(f"episode {event.episode_id} waits for its first command")

    def stop(self, reason: str) -> None:
        """Stop and refuse every command until start()."""
        self._episode = None
        self._enter(Safety.ABORT, reason)

    def start(self) -> None:
        """Recover from ABORT; a new episode must begin."""
        if self.state is Safety.ABORT:
            self._accepted.clear()
            self._precedence.forget()
            self._seen_ns = None
            self._enter(Safety.IDLE, "recovered; no episode is running")

    def _fault(self, request: Request, now_ns: int, state: TcpState | None) -> str:
        """What is wrong with a command and what to do about it; empty if nothing."""
        if request.frame != TCP_FRAME:
            return f"found frame {request.frame!r}, expected {TCP_FRAME!r}; set header.frame_id"
        if not np.all(np.isfinite(request.twist)):
            return f"found {request.twist.tolist()}, expected finite numbers"
        if self.state is Safety.ABORT:
            return f"stopped ({self._cause}); call /oda/start"
        age_ns = now_ns - request.stamp_ns
        if abs(age_ns) > self.stale_ns:
            return (
                f"stamp is {age_ns / NS:.3f} s old, expected at most {self.config.stale_s} s; "
                "stamp with the state acted on, and use one clock (use_sim_time)"
            )
        newest = self._accepted.get(request.source, 0)
        if request.stamp_ns < newest:
            return f"stamp is {(newest - request.stamp_ns) / NS:.3f} s before the last accepted one"
        if request.source is Source.POLICY and self.config.require_episode:
            if self._episode is None:
                return OUTSIDE
            if request.stamp_ns < self._episode.stamp_ns:
                return "stamp is before the start of the episode"
        if state is None or abs(now_ns - state.stamp_ns) > self.stale_ns:
            return "no fresh /oda/state; is the robot or the simulation running?"
        return ""

    def _is_late(self, request: Request) -> bool:
        """It acts on a state of the episode that has just ended, not on a later one."""
        return self._ended_ns is not None and (
            0 <= self._ended_ns - request.stamp_ns <= self.stale_ns
        )

    def _execute(self, request: Request, clock_ns: int, state: TcpState) -> Executed:
        self._accepted[request.source] = request.stamp_ns
        self._seen_ns = clock_ns
        margin = CALM if self.state is Safety.RETRACT else 1.0
        if is_overloaded(state, self.limits, margin):
            self._enter(Safety.RETRACT, "wrench limit: only unloading motion passes")
        else:
            self._enter(Safety.ACTIVE, "")
        since_s = (request.stamp_ns - self.executed.stamp_ns) / NS
        return self._send(
            request.stamp_ns,
            request.twist,
            min(max(since_s, 0.0), self.config.stale_s),
            state,
            request.source,
        )

    def _send(
        self,
        stamp_ns: int,
        wanted: Twist,
        duration_s: float,
        state: TcpState | None = None,
        source: Source | None = None,
    ) -> Executed:
        twist = clamp(wanted, self.limits)
        twist = accelerate(twist, self.executed.twist, duration_s, self.limits)
        if state is not None:
            twist = keep_inside(twist, state, self.limits)
            if self.state is Safety.RETRACT:
                twist = unload(twist, state)
        self.executed = Executed(
            stamp_ns=stamp_ns,
            twist=twist,
            source=self.executed.source if source is None else source,
            limited=not np.array_equal(twist, wanted),
        )
        return self.executed

    def _give_up(self, age_ns: int) -> None:
        reason = f"no command for {age_ns / NS:.2f} s{self._refusal()}"
        self._seen_ns = None
        if self._episode is None:
            self._enter(Safety.IDLE, reason)
        else:
            self.stop(reason)

    def _rest(self, reason: str) -> None:
        """Go idle, unless stopped; the watchdog sleeps until the next command."""
        if self.state is not Safety.ABORT:
            self._seen_ns = None
            self._enter(Safety.IDLE, reason)

    def _enter(self, state: Safety, reason: str) -> None:
        self.state = state
        self.reason = self._cause = reason

    def _refusal(self) -> str:
        return f"; {self.reason}" if self.reason.startswith("refused") else ""
