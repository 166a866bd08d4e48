"""The recorder under load, and killed at random moments."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import Reader

from oda_bringup.bench import Measured
from oda_bringup.bench.load_source import FAST_HZ, STREAMS
from oda_core.errors import SessionError
from oda_core.repair import repair
from oda_core.ros.testing import Nodes, own_domain
from oda_core.wire import raw_stamp_ns

Stamps = dict[str, NDArray[np.int64]]  # of each topic [ns]
_NONE: NDArray[np.int64] = np.zeros(0, np.int64)

SENT = "sent.npz"
RATE_GOAL = 990.0
CORE_GOAL = 0.30  # of one core
LOSS_GOAL_S = 0.5
RECORDER = "oda_teleop.ros.recorder_node"
WARM_UP_S = 2.0
START_S = 60.0
FIRST_BYTES = 20_000


class Killed(NamedTuple):
    """What a kill -9 left after repair."""

    recorded_s: float  # from the first message to the kill
    lost_s: float  # at the end, the worst of the fast topics
    missing: int  # messages between the first and the last that are in the bag


def measure_load(duration_s: float) -> list[Measured]:
    """Messages lost and the recorder's share of a core at four topics of 1 kHz and the rest."""
    with TemporaryDirectory(prefix="oda-bench-") as folder, own_domain() as domain:
        bag = Path(folder, "bag")
        with Nodes(Path(folder), domain) as nodes:
            recorder = _start(nodes, bag)
            with _source(domain, Path(folder)) as source:
                time.sleep(WARM_UP_S)
                busy_s, since = _cpu_s(recorder.pid), time.monotonic()
                time.sleep(duration_s)
                share = (_cpu_s(recorder.pid) - busy_s) / (time.monotonic() - since)
                sent = _end(source, Path(folder))
            nodes.stop()
        found = _stamps(bag)
    lost = sum(_missing(sent[topic], found.get(topic, _NONE)) for topic in sent)
    total, fast = sum(map(len, sent.values())), len(sent[STREAMS[0].topic])
    rate = fast / (1e-9 * np.ptp(sent[STREAMS[0].topic]))
    what = f"recorder, {total} messages in {duration_s:.0f} s"
    return [
        Measured("rate of the fast topics", rate, "1/s", f">= {RATE_GOAL}", rate >= RATE_GOAL),
        Measured(f"{what}, lost", lost, "", "0", lost == 0),
        Measured("its share of a core", 100 * share, "%", "<= 30", share <= CORE_GOAL),
    ]


def measure_kills(count: int, seed: int = 0) -> list[Measured]:
    """What oda repair recovers after kill -9 at random moments of a recording under load."""
    found = list(kills(count, seed))
    worst = max(kill.lost_s for kill in found)
    missing = sum(kill.missing for kill in found)
    what = f"kill -9 of the recorder, {count} times"
    return [
        Measured(f"{what}, lost at most", worst, "s", f"<= {LOSS_GOAL_S}", worst <= LOSS_GOAL_S),
        Measured("messages missing before that", missing, "", "0", missing == 0),
    ]


def kills(count: int, seed: int) -> Iterator[Killed]:
    """Record, kill, repair and look, again and again."""
    moments = random.Random(seed)
    with TemporaryDirectory(prefix="oda-bench-") as folder, own_domain() as domain:
        for number in range(count):
            place = Path(folder, str(number))
            place.mkdir()
            with Nodes(place, domain) as nodes:
                recorder = _start(nodes, place / "bag")
                with _source(domain, place) as source:
                    _wait_for_data(place / "bag")
                    time.sleep(moments.uniform(0.0, 3.0))
                    recorder.send_signal(signal.SIGKILL)
                    killed_ns = time.time_ns()
                    recorder.wait()
                    sent = _end(source, place)
            repair(place / "bag")
            yield _judge(_stamps(place / "bag"), sent, killed_ns)


def _missing(sent: NDArray[np.int64], there: NDArray[np.int64]) -> int:
    """Messages that were sent since the first that is there, and are not there."""
    heard = sent[sent >= there.min()] if len(there) else sent
    return len(np.setdiff1d(heard, there))


def _wait_for_data(bag: Path) -> None:
    """Wait until the recorder has written something besides the head of the file."""
    deadline = time.monotonic() + START_S
    while (bag / "bag.mcap").stat().st_size < FIRST_BYTES:
        if time.monotonic() > deadline:
            raise SessionError(f"bench: the recorder wrote nothing within {START_S:.0f} s")
        time.sleep(0.005)


def _judge(found: Stamps, sent: Stamps, killed_ns: int) -> Killed:
    """Compare the fast topics with what was sent before the kill."""
    lost_s, missing = 0.0, 0
    for topic in (stream.topic for stream in STREAMS if stream.rate_hz >= FAST_HZ):
        there = found.get(topic, _NONE)
        last_ns = int(there.max()) if len(there) else 0
        before = sent[topic][sent[topic] <= killed_ns]
        missing += _missing(before[before <= last_ns], there)
        late = before[before > last_ns]
        lost_s = max(lost_s, 1e-9 * (killed_ns - int(late[0])) if len(late) else 0.0)
    first_ns = min(int(stamps[0]) for stamps in sent.values())
    return Killed(1e-9 * (killed_ns - first_ns), lost_s, missing)


def _start(nodes: Nodes, bag: Path) -> subprocess.Popen[bytes]:
    names = ", ".join(stream.topic for stream in STREAMS)
    return nodes.processes[nodes.start(RECORDER, output=str(bag), topics=f"[{names}]")]


@contextmanager
def _source(domain: int, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The source of the load, once it sends."""
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain)}
    argv = [sys.executable, "-m", "oda_bringup.bench.load_source", str(folder / SENT)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            if not process.stdout or not process.stdout.readline():
                raise SessionError("bench: the source of the load ended; is ROS 2 sourced?")
            yield process
        finally:
            process.kill()


def _end(source: subprocess.Popen[str], folder: Path) -> Stamps:
    """Stop the source; the stamps that it sent."""
    source.communicate()
    with np.load(folder / SENT) as content:
        return {name.replace("-", "/"): content[name] for name in content.files}


def _stamps(bag: Path) -> Stamps:
    found: dict[str, list[int]] = {}
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            found.setdefault(connection.topic, []).append(raw_stamp_ns(data))
    return {topic: np.array(stamps, np.int64) for topic, stamps in found.items()}


def _cpu_s(pid: int) -> float:
    """Time that all threads of a process have computed [s]."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
