"""The oda command on live nodes: what it leaves behind when all goes well, and when it does not."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from worker import DOMAIN

from oda_bringup.bench.live import write_still_checkpoint
from oda_bringup.cli.exits import Exit
from oda_core import topics
from oda_core.bag import read_episodes, typestore
from oda_core.types import Source
from oda_core.wire import raw_stamp_ns
from oda_policy.config import AgentConfig
from oda_policy.ros.store import ARRAYS, EpisodeStore
from oda_teleop.commands import Safety

MARK = "ODA_TEST_MARK"
PERIOD_NS = 100_000_000
pytestmark = [pytest.mark.ros, pytest.mark.slow]


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose policy hardly moves, so that every episode ends at its time limit."""
    path = tmp_path_factory.mktemp("checkpoint") / "still.safetensors"
    write_still_checkpoint(path, AgentConfig(hidden=(16, 16), encoder_hidden=(16, 16)))
    return path


class Oda:
    """A running oda command, and every process that it started."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.folder = folder
        self.log = folder / f"oda-{time.monotonic_ns()}.log"
        environment = os.environ | {MARK: str(folder), "ROS_DOMAIN_ID": str(DOMAIN)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "oda_bringup.cli.main", *words],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float = 240.0) -> int:
        return self.process.wait(seconds)

    def pids(self) -> dict[int, str]:
        """Everything that inherited the mark, by process id."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                marked = f"{MARK}={self.folder}".encode() in (path / "environ").read_bytes()
                words = (path / "cmdline").read_bytes().decode().replace("\0", " ")
            except OSError:  # it ended, or is another user's
                continue
            if marked and words:
                found[int(path.name)] = words
        return found

    def kill(self, executable: str) -> None:
        (pid,) = (p for p, words in self.pids().items() if f"/{executable} " in words)
        os.kill(pid, signal.SIGKILL)

    @property
    def text(self) -> str:
        return self.log.read_text()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Oda]]:
    """Starts oda commands; whatever they leave running fails the test and is ended."""
    started: list[Oda] = []

    def start(*words: object) -> Oda:
        started.append(Oda([str(word) for word in words], tmp_path))
        return started[-1]

    yield start
    left = {pid: words for oda in started for pid, words in oda.pids().items()}
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def wait_for(condition: Callable[[], Any], oda: Oda, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, oda.text
        assert oda.process.poll() is None, oda.text
        time.sleep(0.02)


def episodes_done(session: Path) -> int:
    path = session / "progress.json"
    return len(json.loads(path.read_text())["outcomes"]) if path.exists() else 0


def figures(session: Path) -> dict[str, Any]:
    """Everything in a report that does not depend on the machine or the session's name."""
    report = json.loads((session / "report.json").read_text())
    return {k: v for k, v in report.items() if k not in ("machine", "session")}


def without_robot_time(report: dict[str, Any]) -> dict[str, Any]:
    """A restarted simulation stands elsewhere, so that the next reset takes another time."""
    outcomes = [{**o, "robot_time_s": 0.0} for o in report["outcomes"]]
    return {**report, "outcomes": outcomes, "robot_time_s": {}}


def assert_same_episodes(first: Path, second: Path) -> None:
    a, b = (EpisodeStore(s / "trainer" / "episodes").episodes() for s in (first, second))
    assert len(a) == len(b) > 0
    for one, other in zip(a, b, strict=True):
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def command_stamps(bag: Path) -> tuple[list[int], list[tuple[int, int]]]:
    """Stamps of /oda/cmd/twist [ns]; stamps of each episode's START and end."""
    stamps, events = [], []
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            if connection.topic == topics.COMMAND:
                stamps.append(raw_stamp_ns(data))
            elif connection.topic == topics.EPISODE:
                events.append(raw_stamp_ns(data))
    return stamps, list(zip(events[::2], events[1::2], strict=True))


def adapt_words(still: Path, demos: Path, output: Path) -> list[object]:
    return [
        "adapt", "--checkpoint", still, "--demos", demos, "--output", output,
        "--trials", 2, "--max-training-episodes", 3, "--preset", "paper",
    ]  # fmt: skip


def test_live_demonstrations_equal_those_in_process(
    run: Callable[..., Oda], tmp_path: Path
) -> None:
    for name, extra in (("live", []), ("inside", ["--in-process"])):
        oda = run("demo", "--episodes", 2, "--seed", 4, "--output", tmp_path / name, *extra)
        assert oda.wait() == Exit.OK, oda.text
    live, inside = (
        [e for e in read_episodes(tmp_path / name / "bag") if e.success]
        for name in ("live", "inside")
    )
    assert len(live) == len(inside) == 2
    for a, b in zip(live, inside, strict=True):
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)


def test_the_same_seed_gives_the_same_session_to_the_last_bit(
    run: Callable[..., Oda], still: Path, demos: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for session, extra in ((first, ["--record"]), (second, [])):
        oda = run(*adapt_words(still, demos, session), *extra)
        assert oda.wait() == Exit.NOT_ACCEPTED, oda.text
    stamps, episodes = command_stamps(first / "bag")
    assert len(episodes) == episodes_done(first)
    for begin, end in episodes:
        assert [s for s in stamps if begin <= s < end] == list(range(begin, end, PERIOD_NS))
    assert np.diff(stamps).min() > 0 and len(stamps) > 80 * len(episodes)  # resets speak too
    assert 1e9 / np.diff(stamps).mean() == pytest.approx(10.0, rel=0.05)
    assert figures(first) == figures(second)
    assert_same_episodes(first, second)
    (first / "report.html").unlink()
    oda = run("report", tmp_path)
    assert oda.wait() == Exit.OK, oda.text
    assert oda.text.count("metal-peg-sq") == 2
    assert "<html" in (first / "report.html").read_text()


def test_killed_at_any_place_a_session_goes_on_to_the_same_end(
    run: Callable[..., Oda], still: Path, demos: Path, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    oda = run(*adapt_words(still, demos, whole))
    assert oda.wait() == Exit.NOT_ACCEPTED, oda.text
    assert "Failure: metal-peg-sq was inserted in only 0 of 2 trials" in oda.text

    oda = run(*adapt_words(still, demos, broken))
    for count, executable in ((1, "trainer_node"), (3, "policy_node"), (4, "sim_node")):
        wait_for(lambda n=count: episodes_done(broken) >= n, oda)
        oda.kill(executable)
        assert oda.wait(5.0) == Exit.NODE_DIED, oda.text
        assert f"node {executable.removesuffix('_node')} ended with signal 9" in oda.text
        assert not oda.pids()
        oda = run("adapt", "--resume", "--output", broken)
    wait_for(lambda: episodes_done(broken) >= 5, oda)
    os.killpg(oda.process.pid, signal.SIGKILL)  # all that a terminal would kill
    oda.wait()
    deadline = time.monotonic() + 2.0
    while oda.pids():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    oda = run("adapt", "--resume", "--output", broken)
    assert oda.wait() == Exit.NOT_ACCEPTED, oda.text
    assert without_robot_time(figures(broken)) == without_robot_time(figures(whole))
    assert_same_episodes(broken, whole)


def test_a_rehearsal_inserts_by_the_robots_law_and_returns_by_twists(
    run: Callable[..., Oda], tmp_path: Path
) -> None:
    """What the robot needs, in real time, with what is shipped and no robot."""
    session = tmp_path / "session"
    words = ("--trials", 1, "--max-training-episodes", 1, "--record", "--output", session)
    oda = run("adapt", "--robot", "rehearsal", *words)
    assert oda.wait() == Exit.OK, oda.text
    assert figures(session)["outcomes"], oda.text
    sources = set()
    with Reader(session / "bag") as reader:
        for connection, _, data in reader.messages():
            if connection.topic == topics.SAFETY:
                message = typestore().deserialize_cdr(data, connection.msgtype)
                sources |= {Source(message.source)} if message.state == Safety.ACTIVE else set()
    assert sources == {Source.POLICY, Source.RESET}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_ends_every_node_within_five_seconds(
    run: Callable[..., Oda], still: Path, demos: Path, tmp_path: Path, number: signal.Signals
) -> None:
    oda = run(*adapt_words(still, demos, tmp_path / "session"))
    wait_for(lambda: episodes_done(tmp_path / "session") >= 1, oda)
    oda.process.send_signal(number)
    assert oda.wait(5.0) == Exit.INTERRUPTED, oda.text
    assert not oda.pids()


def test_a_stop_signal_while_nodes_start_ends_them_too(
    run: Callable[..., Oda], still: Path, demos: Path, tmp_path: Path
) -> None:
    oda = run(*adapt_words(still, demos, tmp_path / "session"))
    wait_for(lambda: len(oda.pids()) >= 4, oda)
    oda.process.send_signal(signal.SIGINT)
    assert oda.wait(5.0) == Exit.INTERRUPTED, oda.text
    assert not oda.pids()
