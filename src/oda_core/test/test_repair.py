"""Cut-off bags are mended: every message that reached the disk is kept, nothing is overwritten."""

import functools
import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from oda_core.bag import BagWriter, read_episodes
from oda_core.errors import BagError
from oda_core.gather import read_traces
from oda_core.interfaces import rosbags_class
from oda_core.messages import event_to_msg, step_to_msg
from oda_core.repair import RepairReport, repair
from oda_core.types import EpisodeEvent, Event, Purpose, Source, StepData

EPISODES, STEPS = 6, 8


def write_bag(path: Path) -> list[int]:
    """Episodes in chunks of their own, as the recorder makes them; where each ends in the file."""
    ends = []
    with BagWriter(path) as bag:
        for number in range(EPISODES):
            rng = np.random.default_rng(number)
            seen = rng.normal(size=(STEPS + 1, 18)).astype(np.float32)
            start = EpisodeEvent(stamp_ns=number * 10**9, session="s", episode_id=number,
                                 connector="peg", purpose=Purpose.DEMONSTRATION,
                                 event=Event.START)  # fmt: skip
            bag.write("/oda/episode", event_to_msg(start, rosbags_class), start.stamp_ns)
            for i in range(STEPS):
                step = StepData(stamp_ns=start.stamp_ns + i, session="s", episode_id=number,
                                index=i, observation=seen[i], next_observation=seen[i + 1],
                                action=np.zeros(6, np.float32), source=Source.HUMAN,
                                reward=0.0, terminated=i == STEPS - 1, truncated=False,
                                policy_version=0)  # fmt: skip
                bag.write("/oda/step", step_to_msg(step, rosbags_class), step.stamp_ns)
            end = EpisodeEvent(**{**vars(start), "event": Event.SUCCESS, "steps": STEPS})
            bag.write("/oda/episode", event_to_msg(end, rosbags_class), start.stamp_ns + STEPS)
            bag.storage.close_chunk()
            ends.append(bag.storage.bio.tell())
    return ends


@functools.cache
def whole_bag() -> tuple[bytes, bytes]:
    """Data and metadata of a bag."""
    with TemporaryDirectory() as folder:
        bag = Path(folder, "bag")
        write_bag(bag)
        return (bag / "bag.mcap").read_bytes(), (bag / "metadata.yaml").read_bytes()


def cut(path: Path, size: int) -> bytes:
    """Leave what a killed process leaves; the bytes that are left."""
    file = next(path.glob("*.mcap"))
    (path / "metadata.yaml").unlink()
    os.truncate(file, size)
    return file.read_bytes()


@pytest.mark.parametrize("kept", [1, 3, 6])
@pytest.mark.parametrize("more", [0, 7, 100, 1000])
def test_whole_episodes_before_the_cut_are_kept(tmp_path: Path, kept: int, more: int) -> None:
    bag = tmp_path / "bag"
    ends = write_bag(bag)
    whole = list(read_episodes(bag))
    left = cut(bag, ends[kept - 1] + more)
    with pytest.raises(BagError, match="oda repair"):
        list(read_episodes(bag))
    report = repair(bag)
    mended = list(read_episodes(bag))
    assert len(mended) == kept and report.messages == kept * (STEPS + 2)
    for before, after in zip(whole[:kept], mended, strict=True):
        assert np.array_equal(before.observations, after.observations)
        assert before.end.episode_id == after.end.episode_id and len(before) == len(after)
    assert report.original is not None and report.original.read_bytes() == left
    assert "nothing to mend" in str(repair(bag))


def test_a_whole_bag_is_left_alone(tmp_path: Path) -> None:
    write_bag(tmp_path / "bag")
    before = {file.name: file.read_bytes() for file in (tmp_path / "bag").iterdir()}
    assert repair(tmp_path / "bag").original is None
    assert {file.name: file.read_bytes() for file in (tmp_path / "bag").iterdir()} == before


def test_a_truncated_file_is_mended_although_there_is_metadata(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    ends = write_bag(bag)
    metadata = (bag / "metadata.yaml").read_bytes()
    cut(bag, ends[2] + 5)
    (bag / "metadata.yaml").write_bytes(metadata)
    assert repair(bag).tail_bytes > 0
    assert len(list(read_episodes(bag))) == 3


@pytest.mark.parametrize("leftover", ["before", "after"])
def test_an_interrupted_repair_is_repeated(tmp_path: Path, leftover: str) -> None:
    bag = tmp_path / "bag"
    cut(bag, write_bag(bag)[3])
    file = bag / "bag.mcap"
    (bag / ".repair").mkdir()
    (bag / ".repair" / "rest").write_bytes(b"rest")
    if leftover == "after":
        file.rename(bag / "bag.mcap.orig")
    assert repair(bag).messages > 0
    assert sorted(f.name for f in bag.iterdir()) == ["bag.mcap", "bag.mcap.orig", "metadata.yaml"]


def test_types_of_another_version_keep_their_definition(tmp_path: Path) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg("string old_field\nfloat64 x\n", "oda_msgs/msg/Step"))
    writer = Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP)
    writer.open()
    connection = writer.add_connection("/oda/step", "oda_msgs/msg/Step", typestore=store)
    old = store.types["oda_msgs/msg/Step"]
    for i in range(10):
        message = old(old_field="a", x=float(i))
        writer.write(connection, i, store.serialize_cdr(message, "oda_msgs/msg/Step"))
    writer.close()
    file = tmp_path / "bag" / "bag.mcap"
    cut(tmp_path / "bag", file.stat().st_size - 20)
    repair(tmp_path / "bag")
    with Reader(tmp_path / "bag") as reader:
        (found,) = reader.connections
        assert "old_field" in found.msgdef.data
        assert found.digest == store.hash_rihs01("oda_msgs/msg/Step")
        read = [store.deserialize_cdr(data, found.msgtype).x for _, _, data in reader.messages()]
    assert read == [float(i) for i in range(10)]


def test_hopeless_cases_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BagError, match="expected exactly one"):
        repair(tmp_path / "empty")
    bag = tmp_path / "bag"
    cut(bag, write_bag(bag)[0] // 2)
    with pytest.raises(BagError, match="no message"):
        repair(bag)
    assert (bag / "bag.mcap").exists()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_bytes_are_mended_or_named(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(whole_bag()[0])
    for _ in range(rng.choice([1, 3, 20])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    with TemporaryDirectory() as folder:
        bag = Path(folder, "bag")
        bag.mkdir()
        (bag / "bag.mcap").write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        if rng.random() < 0.5:
            (bag / "metadata.yaml").write_bytes(whole_bag()[1])
        for read in (read_traces, repair, read_traces):
            try:
                found = read(bag)
                assert isinstance(found, RepairReport) or len(list(found)) <= 2 * EPISODES
            except BagError as error:
                assert folder in str(error)
