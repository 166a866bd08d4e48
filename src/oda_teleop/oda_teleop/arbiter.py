"""Who moves the robot, and whether it may: the state machine behind /oda/cmd/twist.

IDLE    no command is expected (between episodes)
ACTIVE  commands pass through the limits
HOLD    commands or states are stale: at rest, the set-point is held
RETRACT the wrench limit is exceeded: only unloading motion passes
ABORT   stopped: only start() recovers

What stopped the policy or a reset is over only when a person says so: they do not leave HOLD, which
ends in ABORT or, between episodes, in IDLE. A human leaves HOLD by commanding. docs/safety.md draws
the machine.

Two clocks: ROS time judges stamps; the watchdog runs on monotonic time of receipt or, in lock-step,
where the simulation stands still while it waits, on ROS time too.
"""

from dataclasses import replace

import numpy as np

from oda_core.types import TCP_FRAME, EpisodeEvent, Event, Source, TcpState
from oda_teleop.commands import REST, ArbiterConfig, Executed, Request, Safety
from oda_teleop.limits import Limits, Twist, is_overloaded, limited, load, unload
from oda_teleop.precedence import Precedence
from oda_teleop.senses import Senses

NS = 1e9
OUTSIDE = "no episode is running"
CALM = 0.9  # part of the wrench limit below which RETRACT ends
OVERSHOOT = 1.15  # part of the wrench limit above which the robot is stopped
MOVING = (Safety.ACTIVE, Safety.RETRACT)


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
        self._senses = Senses(config.stale_s, config.stuck_s)
        self._episode: EpisodeEvent | None = None
        self._ended_ns: int | None = None  # stamp of the newest episode's end
        self._accepted: dict[Source, int] = {}  # newest accepted stamp of each source
        self._seen_ns: int | None = None  # watchdog clock of the newest accepted command
        self._precedence = Precedence(lockstep=config.lockstep, stale_ns=self.stale_ns)
        self._loaded_ns = 0  # watchdog clock when RETRACT began
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
        self._look(self._age_ns(clock_ns), clock_ns)  # watch() may have slept
        fault = self._fault(request, now_ns, state)
        if fault == OUTSIDE and self._is_late(request):
            self.late += 1
            return None
        if not fault and state is not None and is_overloaded(state, self.limits, OVERSHOOT):
            self.stop(f"wrench far above its limit: {load(state, self.limits)}")
            fault = f"stopped ({self._cause}); call /oda/start"
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

    def measure(self, state: TcpState, clock_ns: int) -> Executed | None:
        """Judge every measured state at once, in real time: the next command may come too late.

        Returns:
            The last command without what pushes on, if the wrench limit is exceeded from now on.
        """
        fault = self._senses.feel(state, clock_ns)
        if self.state not in (*MOVING, Safety.HOLD):
            return None
        if not fault and is_overloaded(state, self.limits, OVERSHOOT):
            fault = f"wrench far above its limit: {load(state, self.limits)}"
        if fault:
            self.stop(fault)
        elif self.state is Safety.ACTIVE and is_overloaded(state, self.limits):
            self._judge_load(state, clock_ns)
            return self._send(state.stamp_ns, self.executed.twist, 0.0, state)
        return None

    def watch(self, now_ns: int, clock_ns: int) -> Executed | None:
        """Run the watchdog, at least every stale_s / 2; what to send to the robot, if anything."""
        jump = self._senses.jumped(now_ns, clock_ns)
        if jump and (self._episode is not None or self.state in MOVING):
            self.stop(jump)
        age_ns = self._age_ns(clock_ns)
        self._look(age_ns, clock_ns)
        ramping_s = (clock_ns - self._ramp_ns) / NS
        self._ramp_ns = clock_ns
        if self.state in MOVING or not self.executed.twist.any():
            return None
        if self.config.lockstep:  # the receiver stands still by itself
            self.executed = replace(REST, source=self.executed.source)
            return None
        if age_ns > self.stale_ns:  # by now the receiver has come to rest by itself
            self.executed = replace(self.executed, stamp_ns=now_ns, twist=np.zeros(6), limited=True)
            return self.executed
        return self._send(now_ns, np.zeros(6), min(ramping_s, self.config.stale_s))

    def episode(self, event: EpisodeEvent) -> None:
        """Follow the start and the end of episodes. The watchdog waits for the first command."""
        if event.event is not Event.START:
            self._episode, self._ended_ns = None, event.stamp_ns
            if event.event is Event.ABORT and self._is_held(Source.POLICY):
                self.stop(self._cause)
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

    def _age_ns(self, clock_ns: int) -> int:
        """Time since the newest accepted command, while one is expected to follow."""
        return 0 if self._seen_ns is None else max(0, clock_ns - self._seen_ns)

    def _is_held(self, source: Source) -> bool:
        """No hand was stopped, and what was may not go on by itself."""
        by_hand = Source.HUMAN in (source, self.executed.source)
        return self.state is Safety.HOLD and not by_hand

    def _fault(self, request: Request, now_ns: int, state: TcpState | None) -> str:
        """What is wrong with a command and what to do about it; empty if nothing."""
        if request.frame != TCP_FRAME:
            return f"found frame {request.frame!r}, expected {TCP_FRAME!r}; set header.frame_id"
        if not np.all(np.isfinite(request.twist)):
            return f"found {request.twist.tolist()}, expected finite numbers"
        if self.state is Safety.ABORT:
            return f"stopped ({self._cause}); call /oda/start"
        if self._is_held(request.source):
            return f"held ({self._cause}); only a person may go on"
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
        if request.source is Source.RESET and self._episode is not None:
            return "an episode is running; the arm returns to its start between episodes"
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
        self._judge_load(state, clock_ns, f"{request.source.name.lower()} commands")
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
        twist, names = limited(wanted, self.executed.twist, duration_s, self.limits, state)
        if state is not None and self.state is Safety.RETRACT:
            twist = unload(twist, state)
        elif names and self.state is Safety.ACTIVE:
            self.reason = f"{self._cause}; limited by {', '.join(names)}"
        self.executed = Executed(
            stamp_ns=stamp_ns,
            twist=twist,
            source=self.executed.source if source is None else source,
            limited=not np.array_equal(twist, wanted),
        )
        return self.executed

    def _judge_load(self, state: TcpState, clock_ns: int, calm: str = "") -> None:
        """RETRACT above the wrench limit, ACTIVE below."""
        margin = CALM if self.state is Safety.RETRACT else 1.0
        if not is_overloaded(state, self.limits, margin):
            self._enter(Safety.ACTIVE, calm)
            return
        if self.state is not Safety.RETRACT:
            self._loaded_ns = clock_ns
        self._enter(Safety.RETRACT, f"only unloading motion passes: {load(state, self.limits)}")

    def _look(self, age_ns: int, clock_ns: int) -> None:
        """Enter HOLD and ABORT for what is stale or overloaded for too long."""
        lost = "" if self.config.lockstep else self._senses.lost(clock_ns)
        at_rest = self.state is Safety.ACTIVE and not self.executed.twist.any()
        if self._episode is None and at_rest and age_ns > self.stale_ns:
            self._rest(f"{self.executed.source.name.lower()} commands ended at rest")
        elif self.state in MOVING and age_ns > self.stale_ns:
            self._enter(Safety.HOLD, f"no command for {age_ns / NS:.2f} s{self._refusal()}")
        elif self.state in MOVING and lost:
            self._enter(Safety.HOLD, lost)
        abort_ns = self.config.abort_s * NS
        by_hand = self.executed.source is Source.HUMAN
        if self.state is Safety.HOLD and age_ns > abort_ns:
            self._give_up()
        elif self.state is Safety.RETRACT and not by_hand and clock_ns - self._loaded_ns > abort_ns:
            self.stop(f"wrench limit exceeded for {self.config.abort_s:.2f} s: {self._cause}")

    def _give_up(self) -> None:
        self._seen_ns = None
        if self._episode is None:
            self._enter(Safety.IDLE, self._cause)
        else:
            self.stop(f"held for too long: {self._cause}")

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
