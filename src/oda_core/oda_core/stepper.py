"""Transitions of a running episode, made from measured states and executed commands.

Ticks: the first is the state that the episode's first command acted on; the next is the first state
at least one period later. The action of a tick is the executed twist: a policy commands once per
tick, with the stamp of the state that it acted on, and that very twist is recorded; of several
commands, as from a hand-held device, their mean is; without one, the last command, which is still
executed. The two topics may run ahead of each other; the transitions are the same. Where a policy
acts, a human who commands before it does not move its ticks: open() says where they begin.

An operator's mark makes the next step the last and overrules the insertion detector there.
"""

import dataclasses
from collections import deque

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import ContractError
from oda_core.spec import TaskSpec, observe, to_action
from oda_core.types import EpisodeEvent, Event, Source, StepData, TcpState

MEMORY = 300  # states, 3 s at 100 Hz
SET_BACK_NS = 1_000_000_000
GRACE_NS = 50_000_000  # that a late command is waited for


@dataclasses.dataclass(frozen=True)
class Command:
    """One executed twist."""

    stamp_ns: int
    twist: NDArray[np.float64]  # (6,) TCP frame [m/s, rad/s]
    source: Source


class Stepper:
    """Turn states and executed commands of one episode after another into steps.

    Attributes:
        start: START event of the episode; None before the first.
        outcome: SUCCESS, FAILURE or TIMEOUT once the episode's last step was made, else None.
        steps: steps made in the episode.
        peak_force_n: largest |force| measured at a tick of the episode.
        missed: ticks whose state never arrived; the one before it stands in.
    """

    def __init__(self, spec: TaskSpec | None = None) -> None:
        """Wait for an episode."""
        self.spec = spec or TaskSpec()
        self.start: EpisodeEvent | None = None
        self.outcome: Event | None = None
        self.steps = 0
        self.peak_force_n = 0.0
        self.missed = 0
        self._states: deque[TcpState] = deque(maxlen=MEMORY)
        self._commands: list[Command] = []  # that belong to the present tick or later
        self._held: Command | None = None  # the last one executed in the episode
        self._verdict: Event | None = None  # an operator's mark
        self._tick: TcpState | None = None
        self._next: TcpState | None = None  # closes the present tick

    @property
    def done(self) -> bool:
        """No step can follow: the episode has ended, or none has begun."""
        return self.start is None or self.outcome is not None

    def needs(self, stamp_ns: int) -> bool:
        """Whether a state of this stamp matters; the others need not be decoded."""
        if self.done:
            return False
        return self._tick is None or stamp_ns >= self._tick.stamp_ns + self.spec.period_ns

    def begin(self, start: EpisodeEvent) -> None:
        """Start an episode; whatever was unfinished is forgotten.

        Raises:
            ContractError: the event is not a START.
        """
        if start.event is not Event.START:
            raise ContractError(f"stepper: found event {start.event.name}, expected START")
        self.start = start
        self.outcome = None
        self.steps = 0
        self.peak_force_n = 0.0
        self.missed = 0
        self._commands.clear()
        self._held = self._tick = self._next = self._verdict = None

    def open(self, first: TcpState) -> None:
        """Make this state the first tick, if none is known yet, whoever commands first."""
        if self._tick is None and not self.done:
            self._tick = first
            self._note_force(first)

    def mark(self, verdict: Event) -> None:
        """Make the next step the last one, with an operator's verdict: SUCCESS or FAILURE.

        Raises:
            ContractError: it is another event.
        """
        if verdict not in (Event.SUCCESS, Event.FAILURE):
            raise ContractError(f"mark: found {verdict.name}, expected SUCCESS or FAILURE")
        self._verdict = verdict

    def forget(self) -> None:
        """Be idle until the next begin()."""
        self.start = self.outcome = None

    def on_command(
        self, stamp_ns: int, twist: NDArray[np.float64], source: Source
    ) -> StepData | None:
        """Take an executed twist (6,) [m/s, rad/s]; the step that it completes, if any.

        A command with a known stamp is a repetition and changes nothing.
        """
        if self.done or self.start is None or stamp_ns < self.start.stamp_ns:
            return None
        if any(c.stamp_ns == stamp_ns for c in (*self._commands, self._held) if c is not None):
            return None
        self._commands.append(Command(stamp_ns, np.array(twist, np.float64), source))
        return self._advance()

    def on_state(self, state: TcpState) -> StepData | None:
        """Take a measured state; the step that it completes, if any. Repetitions change nothing."""
        newest = self._states[-1].stamp_ns if self._states else state.stamp_ns - 1
        if state.stamp_ns < newest - SET_BACK_NS:
            self._states.clear()  # the clock was set back: another simulation
            newest = state.stamp_ns - 1
        if state.stamp_ns > newest:
            self._states.append(state)
        return None if self.done else self._advance()

    def end(self, event: Event | None = None, reason: str = "") -> EpisodeEvent:
        """End event of the episode: its outcome, or another event such as ABORT.

        Raises:
            ContractError: there is no episode, or it has no outcome and no event is given.
        """
        event = event or self.outcome
        if self.start is None or event is None:
            raise ContractError("stepper: the episode has no outcome yet; give an event")
        return dataclasses.replace(
            self.start,
            stamp_ns=self._states[-1].stamp_ns if self._states else self.start.stamp_ns,
            event=event,
            reason=reason,
            steps=self.steps,
            peak_force_n=self.peak_force_n,
        )

    def _advance(self) -> StepData | None:
        """Open the first tick, find the state that closes the present one, make its step."""
        if self._tick is None:
            self._open()
        if self._tick is not None and self._next is None:
            due_ns = self._tick.stamp_ns + self.spec.period_ns
            if self._states[-1].stamp_ns >= due_ns:
                self._next = next(s for s in self._states if s.stamp_ns >= due_ns)
        return self._close()

    def _open(self) -> None:
        """Find the state that the first command acted on."""
        if not self._commands or not self._states:
            return
        stamp = self._commands[0].stamp_ns
        if self._states[-1].stamp_ns < stamp:
            return  # it is still on its way
        known = [state for state in self._states if state.stamp_ns <= stamp]
        self._tick = known[-1] if known else self._states[0]
        self.missed += self._tick.stamp_ns != stamp
        self._note_force(self._tick)

    def _close(self) -> StepData | None:
        """Make the step of the present tick if its next state and its command are there."""
        if self._tick is None or self._next is None or self.start is None:
            return None
        newest_ns = max(
            [self._states[-1].stamp_ns - GRACE_NS, *(c.stamp_ns for c in self._commands)]
        )
        waited_long = newest_ns >= self._next.stamp_ns
        mine = [c for c in self._commands if c.stamp_ns < self._next.stamp_ns]
        if not mine and not waited_long:
            return None
        self._commands = [c for c in self._commands if c not in mine]
        step = self._step(self.start, self._tick, mine or [self._last()], self._next)
        self._held = mine[-1] if mine else self._held
        self._note_force(self._next)
        self._tick, self._next = self._next, None
        self.steps += 1
        if step.terminated or step.truncated:
            self.outcome = Event.SUCCESS if step.terminated else self._verdict or Event.TIMEOUT
        return step

    def _last(self) -> Command:
        return self._held or Command(0, np.zeros(6), Source.POLICY)

    def _note_force(self, state: TcpState) -> None:
        self.peak_force_n = max(self.peak_force_n, float(np.linalg.norm(state.wrench[:3])))

    def _step(
        self, start: EpisodeEvent, tick: TcpState, commands: list[Command], following: TcpState
    ) -> StepData:
        twist = commands[0].twist
        if len(commands) > 1:
            twist = np.mean([command.twist for command in commands], axis=0)
        success = following.inserted
        if self._verdict is not None:
            success = self._verdict is Event.SUCCESS
        last = self._verdict is not None or self.steps + 1 >= start.max_steps
        return StepData(
            stamp_ns=tick.stamp_ns,
            session=start.session,
            episode_id=start.episode_id,
            index=self.steps,
            observation=observe(tick, start.start_pose, self.spec),
            action=to_action(twist, self.spec),
            source=max(command.source for command in commands),
            reward=float(success),
            terminated=success,
            truncated=last and not success,
            next_observation=observe(following, start.start_pose, self.spec),
            policy_version=start.policy_version,
        )
