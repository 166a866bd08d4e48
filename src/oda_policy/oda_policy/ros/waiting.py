"""Waiting in a coroutine of the lean executor: for a condition, with a limit."""

import time
from collections.abc import Callable, Generator

from oda_core.errors import SessionError


class Turn:
    """Awaited: go on after the executor's next turn."""

    def __await__(self) -> Generator[None, None, None]:
        """Yield once."""
        yield


class Waiter:
    """Waits until conditions hold; interrupted by what a check raises.

    The executor must turn now and then, as by a timer, for limits to be seen.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        """Remember what is checked at every turn, such as a cancelled goal."""
        self._check = check

    async def until(
        self,
        ready: Callable[[], bool],
        limit_s: float,
        explain: Callable[[], str],
        alive: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Wait until ready() holds.

        Args:
            ready: cheap condition, evaluated after each message.
            limit_s: wall time without a sign of life [s].
            explain: says what did not come.
            alive: monotonic time of the last sign of life [s].

        Raises:
            SessionError: the limit has passed.
        """
        began = time.monotonic()
        while not ready():
            self._check()
            if time.monotonic() > max(began, alive()) + limit_s:
                raise SessionError(explain())
            await Turn()
