"""Who may command while a human and a policy both do: the human, as long as it commands."""

from oda_core.types import Source


class Precedence:
    """Let commands through, or overrule them; clocks are those of the arbiter [ns]."""

    def __init__(self, *, lockstep: bool, stale_ns: int) -> None:
        """Nobody has commanded.

        Args:
            lockstep: time waits for one command per stamp.
            stale_ns: silence after which a human has given the robot back.
        """
        self._lockstep, self._stale_ns = lockstep, stale_ns
        self.forget()

    def forget(self) -> None:
        """The human has given the robot back."""
        self._human_ns: int | None = None
        self._overruled_ns: int | None = None  # stamp of the newest overruled command

    def admits(
        self, source: Source, stamp_ns: int, clock_ns: int, executed: tuple[Source, int]
    ) -> bool:
        """A command of this source for the state at a stamp may go to the robot.

        Args:
            source: who commands.
            stamp_ns: of the state acted on.
            clock_ns: now.
            executed: source and stamp of the last executed command.
        """
        if source is Source.HUMAN:
            self._human_ns = clock_ns
            taken = executed == (Source.POLICY, stamp_ns)  # the human's turn is the next one
            return not (self._lockstep and taken)
        if self._human_ns is None or clock_ns - self._human_ns > self._stale_ns:
            return True
        # Where time waits, a policy that must repeat itself shows that the human has let go.
        repeats = self._lockstep and stamp_ns == self._overruled_ns
        self._overruled_ns = stamp_ns
        return repeats
