"""Start, watch and stop the processes of a graph. No ROS here.

One process ends the graph by its own end (the client); the end of any other is a failure, unless it
was there to do one thing and did it. Signals are blocked and read synchronously while processes
run, so that Ctrl-C is handled at any moment and never twice.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple

from oda_bringup.lifeline import end_with_parent
from oda_bringup.logs import Follower, last_lines
from oda_core.errors import SessionError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ESCALATION = ((signal.SIGINT, 2.5), (signal.SIGTERM, 1.0), (signal.SIGKILL, 1.0))
POLL_S = 0.1
TAIL_LINES = 12

Notice = Callable[[str, str], None]
"""Receives the name of a process and one line of its log that a person should see."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One process of a graph."""

    name: str
    argv: tuple[str, ...]
    log: Path | None = None  # None: the process writes to the terminal
    client: bool = False  # its end ends the graph
    once: bool = False  # it does one thing; its end without an error is none of the graph's
    environment: Mapping[str, str] = field(default_factory=dict)


class Outcome(NamedTuple):
    """How a graph ended."""

    kind: Literal["finished", "died", "interrupted"]
    name: str = ""  # process that ended it
    code: int = 0  # exit code of that process, negative for a signal
    tail: tuple[str, ...] = ()  # last lines of its log
    log: Path | None = None


def supervise(commands: Sequence[Command], notice: Notice) -> Outcome:
    """Run every command in its own process group until the client ends, one dies or a signal comes.

    Nothing that was started is left running when this returns or raises, and nothing outlives this
    process, even after kill -9.

    Raises:
        SessionError: a command cannot be started, or this is not the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        # The kernel sends PDEATHSIG when the thread that forked ends, not the process.
        raise SessionError("supervise: found a worker thread, expected the main thread")
    running: list[_Process] = []
    followers = [Follower(c.name, c.log) for c in commands if c.log is not None]
    with _Signals() as signals:
        try:
            for command in commands:
                running.append(_start(command))
            return _watch(running, followers, notice, signals)
        finally:
            _stop(running, signals)
            for follower in followers:
                follower.report(notice)


class _Process:
    """A started command and its process group."""

    def __init__(self, command: Command, popen: subprocess.Popen[bytes]) -> None:
        self.command, self._popen = command, popen

    @property
    def ended(self) -> bool:
        """The process has ended; its group is cleared before its id can be used again."""
        if self._popen.returncode is None and self._is_zombie():
            self.send(signal.SIGKILL)
            self._popen.wait()
        return self._popen.returncode is not None

    @property
    def code(self) -> int:
        """Exit code of an ended process, negative for a signal."""
        return self._popen.returncode

    @property
    def finished(self) -> bool:
        """A client that ended by itself."""
        return self.ended and self.command.client and self.code >= 0

    @property
    def done(self) -> bool:
        """One that does one thing, and did it."""
        return self.ended and self.command.once and self.code == 0

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        if self._popen.returncode is None:
            os.killpg(self._popen.pid, number)

    def _is_zombie(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._popen.pid, flags) is not None


class _Signals:
    """Signals as values: blocked while the context lasts, and read one at a time.

    A library's thread may still take one; its handler then only notes it. Signals that were
    ignored, as nohup and background jobs do, stay ignored.
    """

    def __init__(self) -> None:
        self._stops = [s for s in STOP_SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]
        self._noted: list[int] = []

    def __enter__(self) -> "_Signals":
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [*self._stops, signal.SIGCHLD])
        self._handlers = {s: signal.signal(s, self._note) for s in self._stops}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def wait(self, seconds: float) -> int:
        """Wait for a signal or the end of a child; the number of a stop signal, else 0."""
        received = signal.sigtimedwait([*self._stops, signal.SIGCHLD], seconds)
        if received is not None and received.si_signo in self._stops:
            return received.si_signo
        return self._noted.pop(0) if self._noted else 0

    def _note(self, number: int, _: FrameType | None) -> None:
        self._noted.append(number)


def _start(command: Command) -> _Process:
    output = None
    try:
        if command.log is not None:
            command.log.parent.mkdir(parents=True, exist_ok=True)
            output = command.log.open("ab")
        popen = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env={**os.environ, **command.environment},
            start_new_session=True,
            preexec_fn=_bind_to_parent(os.getpid()),  # noqa: PLW1509 - two system calls, no locks
        )
    except OSError as error:
        raise SessionError(
            f"{command.name}: {command.argv[0]} cannot be started ({error.strerror}); "
            "build the workspace again (make setup)"
        ) from error
    finally:
        if output is not None:
            output.close()
    return _Process(command, popen)


def _bind_to_parent(parent: int) -> Callable[[], None]:
    """What the child does before it becomes the node."""

    def prepare() -> None:
        end_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [*STOP_SIGNALS, signal.SIGCHLD])

    return prepare


def _watch(
    running: list[_Process], followers: list[Follower], notice: Notice, signals: _Signals
) -> Outcome:
    while True:
        stop = signals.wait(POLL_S)
        for follower in followers:
            follower.report(notice)
        if stop:
            return Outcome("interrupted", code=stop)
        ended = [process for process in running if process.ended and not process.done]
        if ended:
            # A client that ends has its result: what others do afterwards does not change it.
            return _outcome(min(ended, key=lambda process: not process.finished))


def _outcome(process: _Process) -> Outcome:
    command = process.command
    tail = last_lines(command.log, TAIL_LINES) if command.log else ()
    kind = "finished" if process.finished else "died"
    return Outcome(kind, command.name, process.code, tail, command.log)


def _stop(running: list[_Process], signals: _Signals) -> None:
    """End every group: politely, then firmly; a further signal from the user skips a step."""
    for number, patience_s in ESCALATION:
        for process in running:
            if not process.ended:
                process.send(number)
        deadline = time.monotonic() + patience_s
        while any(not process.ended for process in running):
            if signals.wait(POLL_S) or time.monotonic() > deadline:
                break
