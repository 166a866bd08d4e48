"""The recorder node in a session: verdicts, refusals, pauses, taking back, and a kill."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped
from rosbags.rosbag2 import Reader
from session_messages import messages
from std_srvs.srv import Trigger

from oda_core import topics
from oda_core.bag import read_episodes
from oda_core.gather import read_traces
from oda_core.repair import repair
from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.wire import raw_stamp_ns
from oda_msgs.msg import Episode, Step, TcpState

pytestmark = pytest.mark.ros
KINDS = {
    topics.EPISODE: (Episode, qos.EVENTS),
    topics.STEP: (Step, qos.STEP),
    topics.STATE: (TcpState, qos.profile(2000)),
}


class Session:
    """A recorder and someone who sends it episodes."""

    def __init__(self, nodes: Nodes, client: Client, bag: Path) -> None:
        self.nodes, self.client, self.bag = nodes, client, bag
        name = nodes.start("oda_teleop.ros.recorder_node", output=str(bag), connector="peg")
        self.process = nodes.processes[name]
        create = client.node.create_publisher
        self._outputs = {t: create(kind, t, quality) for t, (kind, quality) in KINDS.items()}
        self._told = client.collect(DiagnosticArray, topics.DIAGNOSTICS, qos.profile(10))
        for output in self._outputs.values():
            client.until(output.get_subscription_count, "the recorder")

    def send(self, number: int, *, last: int | None = None, **changes: Any) -> None:
        for topic, cdr in messages(number, **changes)[:last]:
            self._outputs[topic].publish(cdr)

    def hear(self, key: str, value: object) -> dict[str, str]:
        """Wait for a diagnosis with a value."""

        def newest() -> dict[str, str]:
            status = self._told[-1].status[0] if self._told else None
            found = {v.key: v.value for v in status.values} if status else {}
            return found | {"text": status.message} if found.get(key) == str(value) else {}

        return self.client.until(newest, f"{key} {value}")

    def ask(self, service: str) -> Trigger.Response:
        client = self.client.node.create_client(Trigger, service)
        self.client.until(client.service_is_ready, service)
        return self.client.done(client.call_async(Trigger.Request()), service)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with _session(tmp_path) as made:
        yield made


@contextmanager
def _session(folder: Path) -> Iterator[Session]:
    with own_domain() as domain, Nodes(folder, domain) as nodes, Client(domain) as client:
        yield Session(nodes, client, folder / "bag")


def queued_s(pid: int) -> float:
    """How long the threads of a process have waited for a core [s]."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return 1e-9 * sum(int(file.read_text().split()[1]) for file in files)


def test_a_session_is_judged_paused_and_corrected(session: Session) -> None:
    assert "nobody publishes" not in session.hear("episodes", 0)["text"]
    session.send(0)
    assert session.hear("episodes", 1)["last"] == "good"
    session.send(1, force_n=0.1)
    assert "no contact" in session.hear("episodes", 2)["last"]
    session.send(2, connector="usb")
    session.hear("connector", "peg")
    assert session.ask(topics.RECORD_PAUSE).success
    session.send(3)
    session.client.turn_for(0.3)
    assert session.ask(topics.RECORD_RESUME).success
    session.send(4)
    assert session.hear("episodes", 3)["kept"] == "2"
    told = session.client.collect(Episode, topics.DISCARD, qos.MARK)
    session.client.until(lambda: session.client.node.count_publishers(topics.DISCARD), "it")
    answer = session.ask(topics.RECORD_DISCARD)
    assert answer.success and answer.message == "episode 4 is discarded"
    session.hear("kept", 1)
    (mark,) = told
    assert (mark.session, mark.episode_id, mark.event) == ("s", 4, Episode.EVENT_ABORT)
    assert mark.reason == "by the operator"
    session.send(5, last=-1)
    session.client.turn_for(0.3)
    for service in (topics.RECORD_DISCARD, topics.RECORD_PAUSE):
        assert "end it first" in session.ask(service).message
    assert session.nodes.stop() == {"recorder_node": 0}
    assert "an episode of usb in a session of peg" in session.nodes.log("recorder_node")
    traces = {trace.end.episode_id: trace for trace in read_traces(session.bag)}
    assert sorted(traces) == [0, 1, 4, 5] and not traces[5].finished
    assert [traces[n].discarded for n in (0, 1, 4)] == ["", "", "by the operator"]
    assert {traces[n].states.size for n in (0, 1, 4)} == {201}


def test_a_kill_loses_less_than_half_a_second(session: Session) -> None:
    session.send(0)
    session.hear("episodes", 1)
    begin, delayed_s = time.monotonic(), queued_s(session.process.pid)
    output, sent = session._outputs[topics.STATE], []
    rows = [cdr for topic, cdr in messages(7) if topic == topics.STATE]
    while time.monotonic() < begin + 1.5:
        output.publish(rows[len(sent)])
        sent.append(time.monotonic())
        time.sleep(0.01)
    delayed_s = queued_s(session.process.pid) - delayed_s  # by other programs
    session.process.send_signal(signal.SIGKILL)
    killed = time.monotonic()
    session.process.wait()
    repair(session.bag)
    (episode,) = read_episodes(session.bag)
    assert episode.success
    with Reader(session.bag) as reader:
        recorded = {raw_stamp_ns(d) for c, _, d in reader.messages() if c.topic == topics.STATE}
    stamps = [raw_stamp_ns(cdr) for cdr in rows[: len(sent)]]
    kept = 1 + max(i for i, stamp_ns in enumerate(stamps) if stamp_ns in recorded)
    assert killed - np.array(sent)[kept:].min(initial=killed) <= 0.5 + delayed_s


def test_a_publisher_that_cannot_be_heard_is_named(session: Session) -> None:
    create = session.client.node.create_publisher
    create(TwistStamped, topics.COMMAND, qos.STATE)
    create(PoseStamped, topics.WRENCH, qos.STATE)

    def named() -> str:
        text = session._told[-1].status[0].message if session._told else ""
        return text if topics.COMMAND in text and topics.WRENCH in text else ""

    text = session.client.until(named, "the diagnosis")
    assert "another quality of service" in text
    assert "published as geometry_msgs/msg/PoseStamped, expected geometry_msgs/msg/Wrench" in text
