"""A recorder survives kills and full disks; the disk's refusals here are the kernel's."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from oda_core.errors import BagError
from oda_core.interfaces import typestore
from oda_core.repair import repair
from oda_teleop.recorder import Recorder

WRENCH = "geometry_msgs/msg/WrenchStamped"


def wrench(number: int) -> bytes:
    """A serialized WrenchStamped whose force.x is the number."""
    types = typestore().types
    vector = types["geometry_msgs/msg/Vector3"]
    message = types[WRENCH](
        header=types["std_msgs/msg/Header"](
            stamp=types["builtin_interfaces/msg/Time"](sec=number, nanosec=0), frame_id="oda_tcp"
        ),
        wrench=types["geometry_msgs/msg/Wrench"](
            force=vector(x=float(number), y=0.0, z=0.0), torque=vector(x=0.0, y=0.0, z=0.0)
        ),
    )
    return bytes(typestore().serialize_cdr(message, WRENCH))


def numbers(path: Path) -> list[int]:
    """The numbers in a bag."""
    with Reader(path) as reader:
        return [
            int(typestore().deserialize_cdr(data, WRENCH).wrench.force.x)
            for _, _, data in reader.messages()
        ]


def test_what_is_recorded_is_read_back_in_order(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "bag")
    for i in range(5000):
        recorder.write("/oda/wrench", WRENCH, wrench(i), i * 1_000_000)
    recorder.close()
    recorder.close()
    assert numbers(tmp_path / "bag") == list(range(5000)) and recorder.messages == 5000
    assert sorted(f.name for f in (tmp_path / "bag").iterdir()) == ["bag.mcap", "metadata.yaml"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    paths = []
    for _ in range(3):
        recorder = Recorder(tmp_path / "bag")
        recorder.write("/oda/wrench", WRENCH, wrench(1), 1)
        recorder.close()
        paths.append(recorder.path.name)
    assert paths == ["bag", "bag-2", "bag-3"]


def test_times_never_decrease_even_if_the_clock_is_set_back(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "bag")
    second = 10**9
    stamps = [10.0, 9.9, 11.0, 1.0, 1.1, 0.95, 2.0]
    for number, stamp in enumerate(stamps):
        recorder.write("/oda/wrench", WRENCH, wrench(number), round(stamp * second))
    recorder.close()
    with Reader(tmp_path / "bag") as reader:
        times = [t / second for _, t, _ in reader.messages()]
    assert times == [10, 10, 11, 11, 11.1, 11.1, 12]
    assert numbers(tmp_path / "bag") == list(range(len(stamps)))


KILLED = """
import os, signal, sys
sys.path.insert(0, {test!r})
from test_recorder import WRENCH, wrench
from oda_teleop.recorder import Recorder
recorder = Recorder({bag!r})
for i in range(3000):
    recorder.write("/oda/wrench", WRENCH, wrench(i), i)
    if i == 2499:
        recorder.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_recorder_leaves_everything_up_to_the_last_flush(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    code = KILLED.format(test=str(Path(__file__).parent), bag=str(bag))
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    report = repair(bag)
    assert numbers(bag) == list(range(report.messages)) and report.messages >= 2500


def record_until_refused(recorder: Recorder) -> int:
    """Write until the disk refuses; how many were accepted."""
    for i in range(200_000):
        try:
            recorder.write("/oda/wrench", WRENCH, wrench(i % 1000), i)
            if i % 500 == 0:
                recorder.sync()
        except BagError as error:
            assert "cannot write" in str(error) and str(recorder.path) in str(error)
            return i
    raise AssertionError("the disk never refused")


def test_a_file_size_limit_leaves_a_mendable_bag(tmp_path: Path) -> None:
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # write then fails with EFBIG
    try:
        recorder = Recorder(tmp_path / "bag", reserve_bytes=4096)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, old[1]))
        accepted = record_until_refused(recorder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    report = repair(tmp_path / "bag")
    found = numbers(tmp_path / "bag")
    assert report.messages == len(found) and len(found) > 0.9 * accepted - 500
    assert found == [i % 1000 for i in range(len(found))]


def test_a_full_disk_closes_the_bag_with_everything_accepted(small_disk: Path) -> None:
    recorder = Recorder(small_disk / "bag")
    accepted = record_until_refused(recorder)
    found = numbers(small_disk / "bag")
    assert len(found) >= accepted > 5000
    assert np.array_equal(found, np.arange(len(found)) % 1000)
    recorder.close()
    assert repair(small_disk / "bag").original is None


def test_no_room_from_the_start_is_named(small_disk: Path) -> None:
    with pytest.raises(BagError, match="choose another place"):
        Recorder(small_disk / "bag", reserve_bytes=4 << 20)
    with pytest.raises(BagError, match="cannot be created"):
        Recorder("/proc/nowhere/bag")
