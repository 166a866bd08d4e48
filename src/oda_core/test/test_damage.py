"""Damaged and contradictory bags of our own: an error with its place, never a wrong episode."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bags import SPEC, TICK_NS, Shown, show
from rosbags.rosbag2 import StoragePlugin, Writer

from oda_core.bag import BagReport, BagWriter, read_episodes
from oda_core.errors import BagError
from oda_core.interfaces import rosbags_class, typestore
from oda_core.messages import event_to_msg, state_to_msg, step_to_msg, twist_stamped
from oda_core.spec import to_twist
from oda_core.types import Episode, steps_of

FUZZED = int(os.environ.get("ODA_FUZZ", "120"))  # damaged bags per storage
Row = tuple[int, str, object]  # received [ns], topic, message


def rows_of(shown: Shown) -> list[Row]:
    """The messages of an episode, states at 10 Hz, in the order of their receipt."""
    episode, start = shown.episode, shown.start
    rows: list[Row] = [(start.stamp_ns, "/oda/episode", event_to_msg(start, rosbags_class))]
    for state in shown.states[::10]:
        rows.append((state.stamp_ns + 1, "/oda/state", state_to_msg(state, rosbags_class)))
    for step in steps_of(episode, start.stamp_ns, TICK_NS):
        twist = twist_stamped(step.stamp_ns, to_twist(step.action, SPEC), rosbags_class)
        rows.append((step.stamp_ns + 2, "/oda/cmd/twist", twist))
        rows.append((step.stamp_ns + TICK_NS + 3, "/oda/step", step_to_msg(step, rosbags_class)))
    rows.append(
        (episode.end.stamp_ns + 4, "/oda/episode", event_to_msg(episode.end, rosbags_class))
    )
    return sorted(rows, key=lambda row: row[0])


def write(path: Path, rows: list[Row], storage: StoragePlugin = StoragePlugin.MCAP) -> Path:
    writer = Writer(path, version=9, storage_plugin=storage)
    writer.open()
    connections = {}
    for at_ns, topic, message in rows:
        name = message.__msgtype__
        if topic not in connections:
            connections[topic] = writer.add_connection(topic, name, typestore=typestore())
        writer.write(connections[topic], at_ns, typestore().serialize_cdr(message, name))
    writer.close()
    return path


def read(path: Path) -> tuple[list[Episode], BagReport]:
    report = BagReport()
    return list(read_episodes(path, report, checked=True)), report


def same(a: Episode, b: Episode) -> bool:
    names = ("actions", "observations", "rewards", "terminations", "truncations")
    return all(np.allclose(getattr(a, n), getattr(b, n), rtol=4e-6, atol=4e-6) for n in names) and (
        a.end.event,
        a.end.connector,
        a.end.seed,
    ) == (b.end.event, b.end.connector, b.end.seed)


def mutants(data: bytes, count: int) -> Iterator[bytes]:
    """Cut off, with flipped bits, with other bytes, with a part lost, doubled or zeroed."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        at, size = int(rng.integers(len(data))), int(rng.integers(1, 64))
        kind = seed % 6
        noise = rng.integers(0, 256, size, np.uint8).tobytes()
        flipped = bytes([data[at] ^ (1 << int(rng.integers(8)))])
        yield (
            data[:at],
            data[:at] + flipped + data[at + 1 :],
            data[:at] + noise + data[at + size :],
            data[:at] + data[at + size :],
            data[:at] + data[at : at + size] + data[at:],
            data[:at] + bytes(size) + data[at + size :],
        )[kind]


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_no_damage_gives_a_traceback_or_a_wrong_episode(
    tmp_path: Path, storage: StoragePlugin
) -> None:
    """ODA_FUZZ=1000 tries more bags."""
    shown = [show(0, 5), show(1, 4, success=False), show(2, 3)]
    bag = write(tmp_path / "bag", [row for item in shown for row in rows_of(item)], storage)
    (file,) = (p for p in bag.iterdir() if p.suffix in (".mcap", ".db3"))
    whole, report = read(file)
    assert len(whole) == 3 and report.checked == 12 and not report.dropped
    refused = kept = 0
    for mutant in mutants(file.read_bytes(), FUZZED):
        damaged = tmp_path / f"damaged{file.suffix}"
        damaged.write_bytes(mutant)
        try:
            found, report = read(damaged)
        except BagError as error:
            assert str(damaged) in str(error)
            refused += 1
            continue
        for episode in found:
            assert same(episode, whole[episode.end.episode_id])
        assert len(found) + len(report.dropped) >= 3 or mutant != file.read_bytes()
        kept += len(found)
    assert refused > FUZZED // 10 and kept > 0


Change = Callable[[list[Row]], list[Row]]


def on(topic: str, number: int, change: Callable[[object], None]) -> Change:
    """Change one message of a topic in place."""

    def apply(rows: list[Row]) -> list[Row]:
        change([message for _, name, message in rows if name == topic][number])
        return rows

    return apply


def put(name: str, value: object) -> Callable[[object], None]:
    """Set a field, such as "header.frame_id"."""

    def apply(message: object) -> None:
        *path, last = name.split(".")
        for part in path:
            message = getattr(message, part)
        setattr(message, last, value)

    return apply


def poison(name: str, index: int, value: float) -> Callable[[object], None]:
    def apply(message: object) -> None:
        array = getattr(message, name)
        array[index] = value

    return apply


def without(topic: str, numbers: range) -> Change:
    def apply(rows: list[Row]) -> list[Row]:
        of = [row for row in rows if row[1] == topic]
        lost = [of[i] for i in numbers]
        return [row for row in rows if not any(row is item for item in lost)]

    return apply


FAULTS = {
    "nan": (on("/oda/step", 2, poison("observation", 4, np.nan)),
            r"/oda/step message 13 \(received at .*\): episode 1 of s: step 1 holds"),
    "nan in the state": (on("/oda/state", 3, put("wrench.force.x", np.inf)),
                         r"/oda/state message 16: state wrench: found \[inf"),
    "wrong action": (on("/oda/step", 2, poison("action", 0, 0.25)), r"action of step 2 is \[0\.25"),
    "wrong observation": (on("/oda/step", 0, poison("observation", 0, 0.5)),
                          r"the position that was acted on at stamp \d+ ns is 0\.005 \(SI\) off"),
    "wrong reward": (on("/oda/step", 2, put("reward", 1.0)), r"found rewards"),
    "stamp jumps back": (on("/oda/step", 3, put("header.stamp.sec", 7)), r"the stamp jumps back"),
    "states stop": (without("/oda/state", range(2, 13)), r"/oda/state is silent from stamp \d+"),
    "other start": (on("/oda/episode", 0, put("seed", 99)), r"tell of different episodes"),
    "other verdict": (on("/oda/episode", 1, put("event", 3)), r"ends with TIMEOUT, its last step"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_out_its_episode_and_names_the_place(tmp_path: Path, name: str) -> None:
    change, words = FAULTS[name]
    rows = [*rows_of(show(0)), *change(rows_of(show(1))), *rows_of(show(2))]
    bag = write(tmp_path / "bag", rows)
    found, report = read(bag)
    assert [e.end.episode_id for e in found] == [0, 2]
    (fault,) = report.faults
    assert fault.startswith(str(bag)) and "episode 1" in fault
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(fault)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (on("/oda/step", 1, put("header.frame_id", "base")), r"/oda/step message 1 .*'base'"),
        (on("/oda/episode", 0, put("header.frame_id", "")), r"/oda/episode message 0 .*frame ''"),
        (
            on("/oda/cmd/twist", 4, put("header.frame_id", "map")),
            r"/oda/cmd/twist message 4 .*map",
        ),
        (on("/oda/episode", 1, put("event", 77)), r"/oda/episode message 1 .*77 is not a valid"),
    ],
)
def test_a_message_that_breaks_the_contract_refuses_the_bag(
    tmp_path: Path, change: Change, words: str
) -> None:
    bag = write(tmp_path / "bag", change(rows_of(show(0))))
    with pytest.raises(BagError, match=words) as error:
        read(bag)
    assert str(bag) in str(error.value)


def test_an_id_that_comes_twice_is_named_and_the_first_is_kept(tmp_path: Path) -> None:
    again = replace(show(3), start=replace(show(3).start, episode_id=0))
    again = replace(again, episode=replace(
        again.episode, end=replace(again.episode.end, episode_id=0)))  # fmt: skip
    bag = write(tmp_path / "bag", [*rows_of(show(0)), *rows_of(again)])
    found, report = read(bag)
    assert len(found) == 1 and same(found[0], show(0).episode)
    (fault,) = report.faults
    assert "/oda/episode message 2" in fault and "episode 0 of s begins a second time" in fault


def test_late_raw_topics_and_repetitions_are_no_fault(tmp_path: Path) -> None:
    rows = rows_of(show(0))
    late = [(at + (150_000_000 if topic != "/oda/step" else 0), topic, m) for at, topic, m in rows]
    bag = write(tmp_path / "bag", sorted([*late, *rows[:5]], key=lambda row: row[0]))
    found, report = read(bag)
    assert len(found) == 1 and report.checked == 12 and not report.dropped


def test_without_raw_topics_the_steps_are_taken_as_they_are(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_episode(show(0).episode, show(0).start, [], SPEC)
    found, report = read(tmp_path / "bag")
    assert len(found) == 1 and (report.checked, report.unchecked) == (0, 12)


def test_metadata_that_lies_is_an_error(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", rows_of(show(0, 3)))
    text = (bag / "metadata.yaml").read_text()
    for number, other in enumerate(("", "a: [", "rosbag2_bagfile_information: 3", text[:300],
                                    text.replace("mcap", "paper"))):  # fmt: skip
        copy = tmp_path / f"copy{number}"
        shutil.copytree(bag, copy)
        (copy / "metadata.yaml").write_text(other)
        with pytest.raises(BagError, match=str(copy)):
            read(copy)
