"""What other systems recorded becomes the episodes that happened; what is wrong is named."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bags import FOREIGN, SPEC, TICK_NS, ForeignWriter, Shown, show
from rosbags.rosbag2 import StoragePlugin

from oda_core.assembly import BagReport
from oda_core.bag import BagWriter
from oda_core.errors import BagError
from oda_core.foreign import read_foreign
from oda_core.interfaces import rosbags_class
from oda_core.mapping import Goal, Mapping, Marks, PoseTopic, Span, TwistTopic, WrenchTopic
from oda_core.messages import header, pose_to_msg
from oda_core.se3 import Pose, rotvec_from_quat
from oda_core.types import Episode, Event, TcpState

LIMITS = np.repeat([1e-4, np.radians(0.1), np.inf, np.inf, 0.2, 0.01], 3)  # 0.1 mm, 0.1 deg, 0.2 N


def record(path: Path, shown: list[Shown], storage: StoragePlugin = StoragePlugin.MCAP) -> Path:
    with ForeignWriter(path, storage) as bag:
        for item in shown:
            bag.show(item)
    return path


def read(path: Path, mapping: Mapping = FOREIGN) -> tuple[list[Episode], BagReport]:
    report = BagReport()
    return list(read_foreign(path, mapping, report)), report


def off(a: Episode, b: Episode) -> np.ndarray:
    """(18,) largest difference of the observations, SI."""
    return np.abs(a.observations - b.observations).max(axis=0) * SPEC.observation_scale


@pytest.mark.parametrize("storage", list(StoragePlugin))
@pytest.mark.parametrize("sampling", ["latest", "interpolate"])
def test_other_frames_units_signs_and_storages_give_the_same_episodes(
    tmp_path: Path, storage: StoragePlugin, sampling: str
) -> None:
    shown = [show(0), show(1, steps=7, success=False), show(2)]
    bag = record(tmp_path / "bag", shown, storage)
    found, report = read(bag, replace(FOREIGN, sampling=sampling))
    assert report.dropped == [] and report.kept == 3
    for item, episode in zip(shown, found, strict=True):
        assert np.all(off(item.episode, episode) < LIMITS)
        np.testing.assert_allclose(episode.actions, item.episode.actions, atol=1e-5)
        assert np.array_equal(episode.rewards, item.episode.rewards)
        assert np.array_equal(episode.terminations, item.episode.terminations)
        assert np.array_equal(episode.truncations, item.episode.truncations)
        assert episode.end.event is item.episode.end.event
        assert episode.end.peak_force_n == pytest.approx(item.episode.end.peak_force_n)
    assert [e.end.episode_id for e in found] == [0, 1, 2] and found[0].end.session == "bag"


def test_without_commands_the_executed_twist_is_derived(tmp_path: Path) -> None:
    shown = show(3)
    (episode,), _ = read(record(tmp_path / "bag", [shown]), replace(FOREIGN, command=None))
    np.testing.assert_allclose(episode.actions, shown.episode.actions, atol=1e-4)


def test_without_measured_twists_the_pose_gives_them_from_the_past_alone(tmp_path: Path) -> None:
    shown = show(4)
    (episode,), _ = read(record(tmp_path / "bag", [shown]), replace(FOREIGN, twist=None))
    twist = episode.observations[1:, 6:12] * SPEC.observation_scale[6:12]
    commanded = shown.episode.actions * SPEC.action_scale  # of the step that ends at the tick
    relative = [state.pose.relative_to(shown.states[0].pose) for state in shown.states[10::10]]
    for found, action, pose in zip(twist, commanded, relative, strict=True):
        turned = np.concatenate(
            [Pose(np.zeros(3), pose.quaternion).compose(Pose(part, pose.quaternion)).position
             for part in (action[:3], action[3:])]
        )  # fmt: skip
        np.testing.assert_allclose(found, turned, atol=2e-4)


def test_nothing_of_the_future_is_used(tmp_path: Path) -> None:
    """Whatever comes after a tick, the observation of that tick is the same."""
    shown = show(5)
    (whole,), _ = read(record(tmp_path / "whole", [shown]))
    for steps in (1, 4, 9):
        cut = replace(shown, states=shown.states[: 10 * steps + 1])
        cut = replace(cut, episode=show(5, steps).episode)
        (part,), _ = read(record(tmp_path / f"cut{steps}", [cut]))
        assert np.array_equal(part.observations, whole.observations[: steps + 1])


def test_goal_list_and_silence_find_the_same_episodes(tmp_path: Path) -> None:
    shown = [show(0), show(1)]
    bag = record(tmp_path / "bag", shown)
    first = shown[0].start.stamp_ns
    spans = tuple(
        Span(begin_s=(s.start.stamp_ns - first) / 1e9,
             end_s=(s.states[-1].stamp_ns - first) / 1e9) for s in shown
    )  # fmt: skip
    by_list, _ = read(bag, replace(FOREIGN, marks=None, episodes=spans))
    final = shown[0].states[-1].pose
    goal = Goal(
        position_m=tuple(final.position), tolerance_m=2e-4, tolerance_deg=0.2,
        rotvec_deg=tuple(np.degrees(rotvec_from_quat(final.quaternion))),
    )  # fmt: skip
    by_goal, _ = read(bag, replace(FOREIGN, marks=None, gap_s=5.0, goal=goal))
    assert [e.success for e in by_list] == [True, True]
    assert [e.success for e in by_goal] == [True, False]
    for found in (by_list, by_goal):
        for item, episode in zip(shown, found, strict=True):
            assert len(episode) == len(item.episode)
            assert np.all(off(item.episode, episode) < LIMITS)


def test_time_limit_truncates_and_success_terminates(tmp_path: Path) -> None:
    bag = record(tmp_path / "bag", [show(0, steps=9)])
    for limit in (3, 9, 30):
        (episode,), _ = read(bag, replace(FOREIGN, max_steps=limit))
        done = limit > 9
        assert len(episode) == min(limit, 9)
        assert episode.terminations.tolist() == [False] * (len(episode) - 1) + [done]
        assert episode.truncations.tolist() == [False] * (len(episode) - 1) + [not done]
        assert episode.end.event is (Event.SUCCESS if done else Event.TIMEOUT)


def test_a_mean_and_a_tare_take_what_is_before(tmp_path: Path) -> None:
    shown = show(6)
    held = replace(FOREIGN.wrench, mean_s=0.1, tare_s=0.3)
    before = [
        replace(shown.states[0], stamp_ns=shown.start.stamp_ns - i * 10_000_000,
                wrench=np.full(6, 0.5)) for i in range(31, 0, -1)
    ]  # fmt: skip
    with ForeignWriter(tmp_path / "bag") as bag:
        for state in before:
            bag.state(state)
        bag.show(shown)
    (episode,), report = read(tmp_path / "bag", replace(FOREIGN, wrench=held))
    assert not report.dropped
    wrenches = np.array([s.wrench for s in (*before, *shown.states)])
    tare = wrenches[2:32].mean(axis=0)  # the 0.3 s up to the begin
    expected = wrenches[31 + 20 - 9 : 31 + 20 + 1].mean(axis=0) - tare
    size = np.linalg.norm(episode.observations[2, 12:15] * SPEC.force_scale_n)
    assert size == pytest.approx(np.linalg.norm(expected[:3]), abs=1e-4)


def test_own_bags_from_raw_topics_alone_are_exact(tmp_path: Path) -> None:
    shown = [show(0), show(1, success=False)]
    with BagWriter(tmp_path / "bag") as bag:
        for item in shown:
            bag.write_episode(item.episode, item.start, item.states, SPEC)
    kind, frame = "oda_msgs/msg/TcpState", "oda_base"
    mapping = Mapping(
        connector="peg",
        pose=PoseTopic(topic="/oda/state", type=kind, frame_id=frame),
        twist=TwistTopic(topic="/oda/state", type=kind, frame_id=frame, axes="tcp"),
        wrench=WrenchTopic(
            topic="/oda/state", type=kind, frame_id=frame, sign="on_tool", mean_s=0.0
        ),
        command=TwistTopic(topic="/oda/cmd/twist", frame_id="oda_tcp", axes="tcp"),
        marks=Marks(
            topic="/oda/episode", type="oda_msgs/msg/Episode",
            begin=("0",), success=("1",), failure=("2", "3", "4"),
        ),
    )  # fmt: skip
    found, _ = read(tmp_path / "bag", mapping)
    for item, episode in zip(shown, found, strict=True):
        np.testing.assert_allclose(episode.observations, item.episode.observations, atol=1e-6)
        assert np.array_equal(episode.actions, item.episode.actions)
        assert np.array_equal(episode.terminations, item.episode.terminations)


Change = Callable[[ForeignWriter, int, TcpState], bool]
"""Writes something in place of a state (its index is given); False: write the state as well."""


def nan(bag: ForeignWriter, i: int, state: TcpState) -> bool:
    if i == 40:
        lost = pose_to_msg(Pose(np.full(3, np.nan), state.pose.quaternion), rosbags_class)
        head = header(state.stamp_ns, "world", rosbags_class)
        kind = rosbags_class("geometry_msgs/msg/PoseStamped")
        bag.write("/tool/pose", kind(header=head, pose=lost), state.stamp_ns)
    return False


def stops(bag: ForeignWriter, i: int, state: TcpState) -> bool:
    return 40 <= i < 90


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (nan, r"/tool/pose message 161 \(stamp \d+ ns\): found \[nan"),
        (stops, r"/tool/pose is silent after message 160 \(stamp \d+ ns\)"),
    ],
)
def test_what_spoils_one_episode_leaves_it_out_and_is_named(
    tmp_path: Path, change: Change, words: str
) -> None:
    bag = tmp_path / "bag"
    with ForeignWriter(bag) as writer:
        first, second, third = show(0), show(1), show(2)
        writer.show(first)
        writer.mark("begin", second.start.stamp_ns)
        for i, state in enumerate(second.states):
            if i % 10 == 0:
                writer.command(state, second.episode.actions[min(i // 10, 11)])
            if not change(writer, i, state):
                writer.state(state)
        writer.mark("success", second.states[-1].stamp_ns)
        writer.show(third)
    found, report = read(bag)
    assert [e.end.episode_id for e in found] == [0, 2]
    (fault,) = report.faults
    assert fault.startswith(f"{bag}: episode 1: ") and re.search(words, fault), fault


def jump(state: TcpState) -> TcpState:
    return replace(state, stamp_ns=state.stamp_ns - 60 * TICK_NS)


@pytest.mark.parametrize(
    ("topic", "frame", "words"),
    [
        (
            "pose",
            "map",
            r"/tool/pose message 121 \(received at .* s\): found frame_id 'map'",
        ),
        ("pose", "", r"/tool/pose message 121 .* found frame_id ''"),
        ("jump", "world", r"/tool/pose message 121 .* the stamp jumps back from \d+ to \d+ ns"),
    ],
)
def test_what_spoils_the_bag_is_an_error_with_its_place(
    tmp_path: Path, topic: str, frame: str, words: str
) -> None:
    bag = tmp_path / "bag"
    shown, make = show(0), rosbags_class
    with ForeignWriter(bag) as writer:
        writer.show(shown)
        last = shown.states[-1]
        state = jump(last) if topic == "jump" else last
        writer.write("/tool/pose", make("geometry_msgs/msg/PoseStamped")(
            header=header(state.stamp_ns, frame, make), pose=pose_to_msg(state.pose, make)),
            last.stamp_ns + 1)  # fmt: skip
    with pytest.raises(BagError, match=words) as error:
        read(bag)
    assert str(bag) in str(error.value)


def test_motion_beyond_the_limits_is_left_out_or_clipped(tmp_path: Path) -> None:
    shown = show(0)
    fast = replace(shown.episode, actions=shown.episode.actions * 3)
    states = tuple(replace(s, twist=s.twist * 3) for s in shown.states)
    with ForeignWriter(tmp_path / "bag") as bag:
        bag.mark("begin", shown.start.stamp_ns)
        for i, state in enumerate(states):
            if i % 10 == 0:
                at, make = state.stamp_ns, rosbags_class
                bag.write("/servo/twist", make("geometry_msgs/msg/TwistStamped")(
                    header=header(at, "world", make),
                    twist=make("geometry_msgs/msg/Twist")(
                        linear=make("geometry_msgs/msg/Vector3")(x=60.0, y=0.0, z=0.0),
                        angular=make("geometry_msgs/msg/Vector3")(x=0.0, y=0.0, z=0.0))),
                    at)  # fmt: skip
            bag.state(state)
        bag.mark("success", states[-1].stamp_ns)
    assert len(fast) == len(shown.episode)
    found, report = read(tmp_path / "bag")
    assert not found and "of the limits" in report.dropped[0] and not report.faults
    (clipped,), _ = read(tmp_path / "bag", replace(FOREIGN, beyond_limits="clip"))
    assert np.max(np.abs(clipped.actions)) == 1.0


def test_a_bag_without_what_is_needed_says_so(tmp_path: Path) -> None:
    with ForeignWriter(tmp_path / "unmarked") as bag:
        for state in show(0).states:
            bag.state(state)
            bag.command(state, np.zeros(6))
    found, report = read(tmp_path / "unmarked")
    assert not found and "nothing marks a begin" in report.faults[0]
    other = replace(FOREIGN, pose=replace(FOREIGN.pose, topic="/nowhere"))
    with pytest.raises(BagError, match="has no topic /nowhere"):
        read(tmp_path / "unmarked", other)
    other = replace(FOREIGN, pose=replace(FOREIGN.pose, type="nav_msgs/msg/Odometry"))
    with pytest.raises(BagError, match="has type geometry_msgs/msg/PoseStamped"):
        read(tmp_path / "unmarked", other)
