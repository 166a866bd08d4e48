"""What is commanded where time waits for commands and nobody commands: rest, every period."""


class Idling:
    """Finds the stamps of the commands that nobody gives while a reset motion moves time on.

    In lock-step a command for the newest state would move time itself. So a stamp is due only when
    a newer state has come: time has passed it already.

    Args:
        period_ns: of the commands.
    """

    def __init__(self, period_ns: int) -> None:
        """No time has passed."""
        self._period_ns = period_ns
        self._last_ns: int | None = None  # stamp of the newest command

    def commanded(self, stamp_ns: int) -> None:
        """A command of this stamp is out."""
        self._last_ns = stamp_ns

    def due(self, newest_ns: int) -> int | None:
        """Stamp of the command that is due; None if none is.

        Args:
            newest_ns: stamp of the newest state; before that of the newest command when time was
                set back.
        """
        last_ns = newest_ns if self._last_ns is None else min(self._last_ns, newest_ns)
        due_ns = last_ns + self._period_ns
        self.commanded(due_ns if due_ns < newest_ns else last_ns)
        return due_ns if due_ns < newest_ns else None
