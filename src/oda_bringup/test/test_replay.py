"""A bag that is played into the graph is recorded again as it was; a policy acts in its shadow."""

import itertools
import os
import pty
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.cli.replay import ReplayOptions, rosbag2_words
from oda_bringup.replaying import Playing, rows
from oda_bringup.shadow import shadow
from oda_core import topics
from oda_core.bag import read_episodes
from oda_core.errors import BagError
from oda_core.messages import SECOND_NS, stamp_ns
from oda_core.ros import qos
from oda_core.ros.testing import Client, own_domain
from oda_core.spec import TaskSpec
from oda_policy.checkpoint import Checkpoint
from oda_policy.snapshot import snapshot

RATE = 4.0
COMMAND = "from oda_bringup.cli.main import main; import sys; sys.exit(main())"


def contents(bag: Path) -> dict[str, list[bytes]]:
    """Messages of each topic, in order."""
    found: dict[str, list[bytes]] = {}
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            found.setdefault(connection.topic, []).append(bytes(data))
    return found


def start(
    words: list[str], folder: Path, domain: int, keyboard: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words], cwd=folder, text=True,
        env=os.environ | {"ROS_DOMAIN_ID": str(domain)}, stdin=keyboard,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.ros
@pytest.mark.slow
def test_what_is_played_is_recorded_as_it_was(demos: Path, tmp_path: Path) -> None:
    with own_domain() as domain, Client(domain) as client:
        clocks = client.collect(Clock, topics.CLOCK, qos.profile(1000))
        replay = start(["replay", str(demos), "--rate", str(RATE), "--wait", "--player", "oda"],
                       tmp_path, domain)  # fmt: skip
        client.until(lambda: client.node.count_publishers(topics.CLOCK), "the player", 60)
        record = start(["record", "--demonstrations", "3", "--output", "session"], tmp_path, domain)
        try:
            client.until(lambda: record.poll() is not None, "the end of the session", 120)
            said = record.communicate()[0]
            assert record.returncode == Exit.OK, said
            assert replay.wait(60) == Exit.OK
        finally:
            record.kill()
            replay.kill()
    assert "3 demonstrations are recorded" in said and "demonstration 3 of 3" in said
    times = np.array([stamp_ns(message.clock) for message in clocks])
    with Reader(demos) as reader:
        assert reader.start_time <= times[0] and times[-1] >= reader.end_time - SECOND_NS
    assert len(times) > 10 and np.all(np.diff(times) > 0)
    before, after = contents(demos), contents(tmp_path / "session" / "bag")
    assert {topic: len(rows) for topic, rows in after.items()} == {
        topic: len(rows) for topic, rows in before.items()
    }
    for topic, sent in before.items():  # the middleware pads messages at their end
        assert all(b.startswith(a) for a, b in zip(sent, after[topic], strict=True)), topic
    one, other = (list(read_episodes(b)) for b in (demos, tmp_path / "session" / "bag"))
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a.actions, b.actions)
        assert np.array_equal(a.observations, b.observations)
    assert '"kept": 3' in (tmp_path / "session" / "episodes.json").read_text()


@pytest.mark.ros
def test_keys_pause_resume_and_end_a_session(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    before = termios.tcgetattr(terminal)
    with own_domain() as domain:
        record = start(["record", "--output", "session"], tmp_path, domain, terminal)
        lines: list[str] = []
        assert record.stdout is not None
        for key, said in (("p", "waiting for /oda/state: nobody publishes it"),
                          ("d", "paused; r resumes"), ("r", "no episode to discard"),
                          ("q", "recording")):  # fmt: skip
            while not any(said in line for line in lines):
                lines.append(record.stdout.readline())
                assert lines[-1], "".join(lines)
            lines.clear()
            os.write(keyboard, key.encode())
        assert record.wait(60) == Exit.OK
    assert termios.tcgetattr(terminal)[3] == before[3]
    assert (tmp_path / "session" / "bag" / "metadata.yaml").exists()


def test_messages_are_due_as_they_were_recorded(demos: Path) -> None:
    with Reader(demos) as reader:
        times = [at_ns - reader.start_time for _, at_ns, _ in reader.messages()]
        length_ns = reader.duration
    played = list(rows(Playing(bag=demos)))
    assert [row.due_ns for row in played] == times
    later = list(rows(Playing(bag=demos, start_s=1.0)))
    assert [row.due_ns for row in later] == [t for t in times if t >= SECOND_NS]
    looped = list(itertools.islice(rows(Playing(bag=demos, loop=True)), 2 * len(times)))
    again = [row.due_ns - looped[len(times)].due_ns for row in looped[len(times) :]]
    assert again == times and looped[len(times)].due_ns >= length_ns
    only = rows(Playing(bag=demos, topics=("/oda/step",)))
    assert {row.topic for row in only} == {"/oda/step"}
    with pytest.raises(BagError, match="start earlier"):
        list(rows(Playing(bag=demos, start_s=1e6)))
    with pytest.raises(BagError, match="has no topic /ghost"):
        list(rows(Playing(bag=demos, topics=("/ghost",))))


def test_the_shadow_of_the_policy_itself_is_no_other(demos: Path, checkpoint: Path) -> None:
    agent = Checkpoint.load(checkpoint).agent()
    policy = snapshot(agent, torch.zeros(agent.config.latent_size), 0, TaskSpec())
    shown = list(read_episodes(demos))
    own = [
        replace(e, actions=np.stack([policy.act(obs) for obs in e.observations[:-1]]))
        for e in shown
    ]
    for one, other in zip(shadow(policy, own), shadow(policy, shown), strict=True):
        assert one.rms.max() == 0 and one.likely == 1 and one.direction == pytest.approx(1)
        assert other.rms.max() > 0.1 and other.direction < 0.99


def test_a_shadow_is_shown_in_a_table_and_on_a_page(
    demos: Path, checkpoint: Path, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", str(demos), "--shadow", "--checkpoint", str(checkpoint)]
    assert main([*words, "--output", "shadow.html"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "direction" in shown and shown.count("success") == 3
    page = Path("shadow.html").read_text()
    assert page.count("<svg") == 6 + 3 * 3 and "http" not in page
    assert main(["replay", "nowhere", "--shadow"]) == Exit.BAD_INPUT


def test_rosbag2_gets_the_same_options() -> None:
    words = rosbag2_words(ReplayOptions(bag="b", rate=2.0, start=3.0, loop=True, topics=("/a",)))
    assert words[:4] == ["ros2", "bag", "play", "b"] and "--loop" in words
    assert words[words.index("--rate") + 1] == "2.0" and words[-2:] == ["--topics", "/a"]
    assert words[words.index("--start-offset") + 1] == "3.0"
