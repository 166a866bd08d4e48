"""The supervisor with real processes: whatever happens, nothing it started is left running."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oda_bringup.supervisor import Command, supervise
from oda_core.errors import SessionError

MARK = "ODA_TEST_MARK"
STUBBORN = """
import pathlib, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
SUPERVISED = """
import pathlib, sys
from oda_bringup.supervisor import Command, supervise
folder = pathlib.Path(sys.argv[1])
commands = [
    Command(name=f"n{i}", argv=(sys.executable, "-c", code), log=folder / f"n{i}.log")
    for i, code in enumerate(sys.argv[2:])
]
outcome = supervise(commands, lambda name, line: None)
print(outcome.kind, outcome.name, outcome.code)
"""


def python(name: str, code: str, folder: Path, client: bool = False, once: bool = False) -> Command:
    argv = (sys.executable, "-c", code)
    return Command(name=name, argv=argv, log=folder / f"{name}.log", client=client, once=once)


def silent(name: str, line: str) -> None:
    """Take a notice."""


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def start_supervised(folder: Path, *codes: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", SUPERVISED, str(folder), *codes]
    marked = {**os.environ, MARK: str(folder)}
    return subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=marked
    )


def descendants(folder: Path) -> list[str]:
    """Every process that inherited the mark of a supervised run, whoever its parent is now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # the process ended, or is another user's
            if f"{MARK}={folder}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found


def test_client_ends_the_graph_with_its_code(tmp_path: Path) -> None:
    client = python("client", "raise SystemExit(7)", tmp_path, client=True)
    outcome = supervise([python("server", FAMILY, tmp_path), client], silent)
    assert outcome[:3] == ("finished", "client", 7)


def test_death_names_the_process_and_its_last_words(tmp_path: Path) -> None:
    code = "print('[ERROR] socket wall', flush=True); raise SystemExit(3)"
    dying = python("dying", code, tmp_path)
    notices: list[tuple[str, str]] = []
    server = python("server", FAMILY, tmp_path)
    outcome = supervise([server, dying], lambda name, line: notices.append((name, line)))
    assert outcome[:4] == ("died", "dying", 3, ("[ERROR] socket wall",))
    assert notices == [("dying", "[ERROR] socket wall")]
    words = server.log.read_text().split()
    assert not any(alive(int(word)) for word in words if word.isdigit())


def test_a_node_that_ends_without_an_error_is_a_death_too(tmp_path: Path) -> None:
    outcome = supervise([python("quiet", "pass", tmp_path)], silent)
    assert outcome[:3] == ("died", "quiet", 0)


@pytest.mark.parametrize(
    ("code", "expected"), [(0, ("finished", "client", 7)), (1, ("died", "once", 1))]
)
def test_one_that_does_one_thing_may_end_but_not_fail(
    code: int, expected: tuple[str, str, int], tmp_path: Path
) -> None:
    once = python("once", f"raise SystemExit({code})", tmp_path, once=True)
    waiting = f"import pathlib, time\nwhile not pathlib.Path({str(once.log)!r}).exists(): pass\n"
    client = python(
        "client", waiting + "time.sleep(1.0); raise SystemExit(7)", tmp_path, client=True
    )
    assert supervise([once, client], silent)[:3] == expected


def test_client_killed_by_a_signal_died(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    outcome = supervise([python("client", code, tmp_path, client=True)], silent)
    assert outcome[:3] == ("died", "client", -9)


def test_missing_executable_stops_what_was_started(tmp_path: Path) -> None:
    server = python("server", FAMILY, tmp_path)
    before = children(os.getpid())  # other tests may have left helpers of multiprocessing
    with pytest.raises(SessionError, match=r"ghost: /no/such cannot be started"):
        supervise([server, Command(name="ghost", argv=("/no/such",))], silent)
    assert children(os.getpid()) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_stubborn_processes_and_their_children_in_time(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = start_supervised(tmp_path, STUBBORN, FAMILY)
    logs = [tmp_path / "n0.log", tmp_path / "n1.log"]
    wait_for(lambda: all(log.exists() and log.stat().st_size for log in logs))
    started = [*children(process.pid), int(logs[1].read_text())]
    begin = time.monotonic()
    process.send_signal(number)
    assert process.communicate(timeout=10)[0].split() == ["interrupted", str(int(number))]
    assert time.monotonic() - begin < 5.0
    assert not any(alive(pid) for pid in started)


def test_second_signal_does_not_wait(tmp_path: Path) -> None:
    process = start_supervised(tmp_path, STUBBORN)
    wait_for(lambda: (tmp_path / "n0.log").exists() and bool((tmp_path / "n0.log").read_text()))
    begin = time.monotonic()
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)  # equal pending signals are one
    assert time.monotonic() - begin < 2.0


@pytest.mark.parametrize("delay_ms", [0, 5, 20, 50, 100, 200])
def test_interrupt_at_any_moment_leaves_nothing(tmp_path: Path, delay_ms: int) -> None:
    process = start_supervised(tmp_path, FAMILY, FAMILY, FAMILY)
    wait_for((tmp_path / "n0.log").exists)
    time.sleep(delay_ms / 1000)  # the moment under test
    assert descendants(tmp_path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert not descendants(tmp_path)


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    process = start_supervised(tmp_path, STUBBORN, STUBBORN)
    wait_for(lambda: all((tmp_path / f"n{i}.log").exists() for i in range(2)))
    wait_for(lambda: len(children(process.pid)) == 2)
    started = children(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not any(alive(pid) for pid in started), 2.0)


def test_refuses_a_worker_thread(tmp_path: Path) -> None:
    found: list[str] = []

    def work() -> None:
        with pytest.raises(SessionError) as error:
            supervise([], silent)
        found.append(str(error.value))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "main thread" in found[0]


def test_ignored_hangup_stays_ignored(tmp_path: Path) -> None:
    client = "import time; time.sleep(1)"
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{SUPERVISED}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), client], stdout=subprocess.PIPE, text=True
    )
    wait_for((tmp_path / "n0.log").exists)
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=10)[0].split() == ["died", "n0", "0"]
