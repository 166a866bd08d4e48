"""Episodes are stored once, joined whole and counted once. No ROS here."""

import dataclasses

import numpy as np
import pytest
from harness import CONNECTOR
from hypothesis import given
from hypothesis import strategies as st
from parts import START, episode

from oda_core.errors import ContractError, SessionError
from oda_core.spec import TaskSpec
from oda_core.types import Event, steps_of
from oda_policy.adapt import Outcome
from oda_policy.config import AdaptConfig
from oda_policy.ros.collector import Collector
from oda_policy.ros.session import Session
from oda_policy.ros.store import EpisodeStore


def test_an_episode_survives_the_disk_and_is_stored_once(tmp_path):
    store = EpisodeStore(tmp_path)
    assert store.put(episode(3))
    assert not store.put(episode(3, seed=1))
    assert store.put(episode(1))
    again = EpisodeStore(tmp_path)
    assert again.ids == {1, 3}
    for read, written in zip(again.episodes(), (episode(1), episode(3)), strict=True):
        np.testing.assert_array_equal(read.observations, written.observations)
        np.testing.assert_array_equal(read.terminations, written.terminations)
        assert read.end.purpose is written.end.purpose
        assert read.end.event is written.end.event
        np.testing.assert_array_equal(read.end.start_pose.position, [0, 0, 0])


def test_a_damaged_episode_is_named(tmp_path):
    EpisodeStore(tmp_path).put(episode(3))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SessionError, match="000003"):
        EpisodeStore(tmp_path).episodes()


@given(st.permutations(range(6)))
def test_steps_and_end_join_in_any_order(order):
    whole = episode(4, steps=5)
    pieces = [*steps_of(whole, START.stamp_ns, TaskSpec().period_ns), whole.end]
    collector = Collector("s")
    collector.start(START)
    joined = [
        collector.add_end(pieces[i]) if i == 5 else collector.add_step(pieces[i]) for i in order
    ]
    assert [j is None for j in joined] == [True] * 5 + [False]
    np.testing.assert_array_equal(joined[-1].observations, whole.observations)


def test_a_restarted_episode_forgets_the_steps_of_its_first_attempt():
    first, second = episode(4, steps=5), episode(4, steps=5, seed=1)
    collector = Collector("s")
    collector.start(START)
    for step in steps_of(first, START.stamp_ns, TaskSpec().period_ns)[:3]:
        collector.add_step(step)
    later = START.stamp_ns + 10**10
    collector.start(dataclasses.replace(START, stamp_ns=later))
    for step in steps_of(first, START.stamp_ns, TaskSpec().period_ns):
        assert collector.add_step(step) is None  # sent again to a node discovered late
    for step in steps_of(second, later, TaskSpec().period_ns):
        assert collector.add_step(step) is None
    joined = collector.add_end(second.end)
    np.testing.assert_array_equal(joined.observations, second.observations)


def test_missing_and_foreign_steps_never_make_an_episode():
    whole = episode(4, steps=5)
    steps = steps_of(whole, START.stamp_ns, TaskSpec().period_ns)
    collector = Collector("s")
    for step in steps[:-1]:
        collector.add_step(step)
    collector.add_step(dataclasses.replace(steps[-1], session="other"))
    assert collector.add_end(whole.end) is None
    assert collector.missing() == "found 4 of 5 steps"
    with pytest.raises(ContractError, match="does not lead"):
        collector.add_step(dataclasses.replace(steps[-1], observation=steps[0].observation))


# learning


CONFIG = AdaptConfig(initial_trials=2, final_trials=2, max_training_episodes=3)


def outcome(episode_id, event=Event.TIMEOUT):
    return Outcome(episode_id=episode_id, event=event, steps=8, robot_time_s=5.5, peak_force_n=3.0)


def begun(directory, config=CONFIG):
    session = Session(directory, CONNECTOR, config)
    session.machine.encoded()
    return session


def test_a_stored_episode_that_was_not_counted_counts_once(tmp_path):
    session = begun(tmp_path)
    session.announce(outcome(0))
    session.commit(outcome(0))
    session.announce(outcome(1))  # killed here, after the trainer stored it
    session = begun(tmp_path)
    session.reconcile(stored=2, newest_id=1)
    assert [o.episode_id for o in session.machine.progress.outcomes] == [0, 1]
    again = begun(tmp_path)
    again.reconcile(stored=2, newest_id=1)
    assert again.machine.to_json() == session.machine.to_json()


def test_an_episode_that_was_not_stored_is_run_again(tmp_path):
    session = begun(tmp_path)
    session.announce(outcome(0))  # killed before the end event, or the trainer before storing
    session = begun(tmp_path)
    session.reconcile(stored=0, newest_id=-1)
    assert session.machine.next_request().episode_id == 0


@pytest.mark.parametrize(("stored", "newest"), [(1, 0), (3, 2)])
def test_episodes_lost_or_unknown_stop_the_session(tmp_path, stored, newest):
    session = begun(tmp_path)
    for i in range(2):
        session.commit(outcome(i))
    with pytest.raises(SessionError, match="counted 2"):
        session.reconcile(stored, newest)


def test_a_session_continues_with_other_budgets_but_not_with_another_seed(tmp_path):
    begun(tmp_path).commit(outcome(0))
    more = dataclasses.replace(CONFIG, max_training_episodes=50)
    assert begun(tmp_path, more).machine.progress.config.max_training_episodes == 50
    with pytest.raises(SessionError, match="seed 0, found 1"):
        begun(tmp_path, dataclasses.replace(CONFIG, seed=1))
    with pytest.raises(SessionError, match="connector point, found other"):
        Session(tmp_path, "other", CONFIG)
    (tmp_path / "pending.json").write_text("{")
    with pytest.raises(SessionError, match=r"pending\.json"):
        begun(tmp_path, more).reconcile(1, 0)
