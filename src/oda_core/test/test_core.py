"""Truths of the contracts: group axioms, scaling, schemas, episodes and bags."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oda_core.bag import BagReport, BagWriter, read_episodes
from oda_core.config import from_mapping, load_yaml, to_mapping
from oda_core.errors import BagError, ConfigError, ContractError
from oda_core.files import write_atomic
from oda_core.interfaces import rosbags_class
from oda_core.messages import state_from_msg, state_to_msg
from oda_core.se3 import Pose, quat_from_rotvec, quat_multiply, quat_rotate, rotvec_from_quat
from oda_core.spec import TaskSpec, observe, to_action, to_twist
from oda_core.types import (
    Episode,
    EpisodeEvent,
    Event,
    Purpose,
    TcpState,
    episode_from_steps,
    steps_of,
)

seeds = st.integers(0, 2**32 - 1)


def random_pose(rng: np.random.Generator) -> Pose:
    return Pose(rng.normal(size=3), quat_from_rotvec(rng.uniform(-1.7, 1.7, 3)))


@given(seed=seeds)
def test_poses_form_a_group(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = (random_pose(rng) for _ in range(3))
    left, right = a.compose(b).compose(c), a.compose(b.compose(c))
    np.testing.assert_allclose(left.position, right.position, atol=1e-12)
    np.testing.assert_allclose(left.quaternion, right.quaternion, atol=1e-12)
    np.testing.assert_allclose(a.compose(a.inverse()).position, 0, atol=1e-12)
    point = rng.normal(size=3)
    moved = quat_rotate(quat_multiply(a.quaternion, b.quaternion), point)
    np.testing.assert_allclose(moved, quat_rotate(a.quaternion, quat_rotate(b.quaternion, point)))


@given(seed=seeds)
def test_logarithm_inverts_exponential(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    rotvec = axis / np.linalg.norm(axis) * rng.uniform(0, np.pi - 1e-6)
    np.testing.assert_allclose(rotvec_from_quat(quat_from_rotvec(rotvec)), rotvec, atol=1e-9)


def test_small_rotations_keep_their_size() -> None:
    for angle in (0.0, 1e-15, 1e-9, 1e-4):
        rotvec = np.array([0.0, angle, 0.0])
        np.testing.assert_allclose(rotvec_from_quat(quat_from_rotvec(rotvec)), rotvec, rtol=1e-6)


@given(seed=seeds)
def test_actions_survive_the_twist_bit_by_bit(seed: int) -> None:
    action = np.random.default_rng(seed).uniform(-1, 1, 6).astype(np.float32)
    assert np.array_equal(to_action(to_twist(action, TaskSpec()), TaskSpec()), action)


def state(stamp_ns: int = 0, **changes: object) -> TcpState:
    values = {
        "stamp_ns": stamp_ns,
        "pose": Pose.identity(),
        "twist": np.zeros(6),
        "wrench": np.arange(6.0),
        "inserted": False,
    }
    return TcpState(**(values | changes))


@given(seed=seeds)
def test_observation_does_not_depend_on_the_base_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, pose, moved = (random_pose(rng) for _ in range(3))
    here = observe(state(pose=pose), start, TaskSpec())
    there = observe(state(pose=moved.compose(pose)), moved.compose(start), TaskSpec())
    np.testing.assert_allclose(here, there, atol=1e-3)


def test_observation_is_zero_at_the_start_and_scaled_away_from_it() -> None:
    start = Pose(np.array([0.5, 0.0, 0.1]), quat_from_rotvec([np.pi, 0, 0]))
    still = observe(state(pose=start, wrench=np.zeros(6)), start, TaskSpec())
    np.testing.assert_allclose(still, 0, atol=1e-6)
    lower = Pose(start.position - [0, 0, 0.01], start.quaternion)
    np.testing.assert_allclose(
        observe(state(pose=lower), start, TaskSpec())[:3], [0, 0, 1], atol=1e-6
    )


@pytest.mark.parametrize("field", ["twist", "wrench"])
def test_state_refuses_nan(field: str) -> None:
    with pytest.raises(ContractError, match=field):
        state(**{field: np.array([0, 0, np.nan, 0, 0, 0])})


def test_action_refuses_nan() -> None:
    with pytest.raises(ContractError, match="finite"):
        to_twist(np.full(6, np.nan), TaskSpec())


def test_schema_round_trip_and_unknown_key() -> None:
    spec = dataclasses.replace(TaskSpec(), max_steps=7)
    assert from_mapping(TaskSpec, to_mapping(spec), "here") == spec
    with pytest.raises(ConfigError, match=r"here: unknown key max_step; known keys are robot"):
        from_mapping(TaskSpec, {"max_step": 3}, "here")
    with pytest.raises(ConfigError, match="positive"):
        from_mapping(TaskSpec, {"max_steps": 0}, "here")
    with pytest.raises(ConfigError, match="expected int"):
        from_mapping(TaskSpec, {"max_steps": "many"}, "here")


def test_yaml_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("period_s: [")
    with pytest.raises(ConfigError, match=r"spec\.yaml"):
        load_yaml(TaskSpec, path)


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    with pytest.raises(TypeError):
        write_atomic(path, 3)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def make_episode(seed: int, steps: int = 5, episode_id: int = 0) -> tuple[Episode, EpisodeEvent]:
    rng = np.random.default_rng(seed)
    start = EpisodeEvent(
        stamp_ns=1_000_000_000 * (episode_id + 1),
        session="test",
        episode_id=episode_id,
        connector="peg",
        purpose=Purpose.DEMONSTRATION,
        event=Event.START,
        seed=seed,
        start_pose=random_pose(rng),
    )
    end = dataclasses.replace(
        start, event=Event.SUCCESS, steps=steps, stamp_ns=start.stamp_ns + steps * 100_000_000
    )
    last = np.arange(steps) == steps - 1
    episode = Episode(
        end=end,
        observations=rng.normal(size=(steps + 1, 18)).astype(np.float32),
        actions=rng.uniform(-1, 1, (steps, 6)).astype(np.float32),
        rewards=last.astype(np.float32),
        terminations=last,
        truncations=np.zeros(steps, bool),
        sources=rng.integers(0, 2, steps).astype(np.uint8),
    )
    return episode, start


def assert_same(a: Episode, b: Episode) -> None:
    for item in dataclasses.fields(Episode):
        if item.name != "end":
            assert np.array_equal(getattr(a, item.name), getattr(b, item.name)), item.name
    assert a.end.event is b.end.event
    assert a.end.seed == b.end.seed


@given(seed=seeds)
def test_steps_join_in_any_order(seed: int) -> None:
    episode, start = make_episode(seed)
    steps = steps_of(episode, start.stamp_ns, 100_000_000)
    np.random.default_rng(seed).shuffle(steps)
    assert_same(episode_from_steps(steps, episode.end), episode)


def test_a_missing_or_foreign_step_is_refused() -> None:
    episode, start = make_episode(1)
    steps = steps_of(episode, start.stamp_ns, 100_000_000)
    with pytest.raises(ContractError, match=r"found steps \[0, 1, 3, 4\]"):
        episode_from_steps(steps[:2] + steps[3:], episode.end)
    steps[2] = dataclasses.replace(steps[2], next_observation=np.ones(18, np.float32))
    with pytest.raises(ContractError, match="step 2 does not lead"):
        episode_from_steps(steps, episode.end)


def test_bag_round_trip_is_bit_exact(tmp_path: Path) -> None:
    written = [make_episode(i, episode_id=i) for i in range(3)]
    with BagWriter(tmp_path / "bag") as bag:
        for episode, start in written:
            bag.write_episode(episode, start, [state(start.stamp_ns)], TaskSpec())
    report = BagReport()
    read = list(read_episodes(tmp_path / "bag", report))
    assert report.kept == 3
    assert report.dropped == []
    for (episode, _), found in zip(written, read, strict=True):
        assert_same(episode, found)
        np.testing.assert_array_equal(
            episode.end.start_pose.position, found.end.start_pose.position
        )


def test_truncated_bag_is_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        for i in range(20):
            episode, start = make_episode(i, episode_id=i, steps=30)
            bag.write_episode(episode, start, [], TaskSpec())
    (mcap,) = (tmp_path / "bag").glob("*.mcap")
    mcap.write_bytes(mcap.read_bytes()[: mcap.stat().st_size // 2])
    with pytest.raises(BagError, match=r"truncated"):
        list(read_episodes(tmp_path / "bag"))
    (tmp_path / "bag" / "metadata.yaml").unlink()
    with pytest.raises(BagError, match=r"metadata\.yaml"):
        list(read_episodes(tmp_path / "bag"))


def test_unfinished_episode_is_dropped_with_its_reason(tmp_path: Path) -> None:
    episode, start = make_episode(1)
    end = dataclasses.replace(episode.end, steps=9)
    with BagWriter(tmp_path / "bag") as bag:
        bag.write_episode(dataclasses.replace(episode, end=end), start, [], TaskSpec())
    report = BagReport()
    assert list(read_episodes(tmp_path / "bag", report)) == []
    (dropped,) = report.dropped
    assert dropped.startswith(
        "episode 0 of test: found 5 steps, expected 9 steps; its last message"
    )
    assert "/oda/episode message 1" in dropped


def test_state_message_keeps_its_frame() -> None:
    message = state_to_msg(state(7), rosbags_class)
    assert state_from_msg(message).stamp_ns == 7
    message.header.frame_id = ""
    with pytest.raises(ContractError, match="found frame '', expected 'oda_base'"):
        state_from_msg(message)
