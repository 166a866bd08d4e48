"""Intervals against published values; episodes repeat exactly."""

import numpy as np
import pytest
from episodes import ReachEnv
from hypothesis import given
from hypothesis import strategies as st

from oda_core.spec import TaskSpec
from oda_core.types import Event
from oda_policy.agent import Agent
from oda_policy.config import AgentConfig
from oda_policy.evaluate import clopper_pearson, episode_seed, evaluate, success_rate
from oda_policy.policy import PolicySnapshot
from oda_policy.snapshot import snapshot


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # exact values: 1 - (alpha / 2)^(1 / n) at the ends, tables in between
        (0, 10, 0.0, 0.30850),
        (10, 10, 0.69150, 1.0),
        (100, 100, 0.96378, 1.0),
        (97, 100, 0.91482, 0.99377),
        (5, 10, 0.18709, 0.81291),
        (0, 0, 0.0, 1.0),
    ],
)
def test_clopper_pearson_of_published_values(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert clopper_pearson(successes, trials) == pytest.approx((low, high), abs=2e-5)


@given(trials=st.integers(1, 150), data=st.data())
def test_interval_holds_the_rate_and_mirrors(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(successes, trials)
    assert low <= successes / trials <= high
    mirrored = clopper_pearson(trials - successes, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


def policy() -> PolicySnapshot:
    agent = Agent((18, 6), AgentConfig(hidden=(16, 16)), seed=0)
    return snapshot(agent, agent.encoder.prior(1).mean[0], 3, TaskSpec())


def test_the_same_seed_repeats_every_episode_and_another_does_not() -> None:
    env = ReachEnv((0.4, 0.0, 0.0))
    first, again, other = (evaluate(env, policy(), 3, seed) for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.actions, b.actions)
        np.testing.assert_array_equal(a.observations, b.observations)
    assert not np.array_equal(first[0].actions, other[0].actions)
    assert not np.array_equal(first[0].actions[:5], first[1].actions[:5])
    assert len({episode_seed(1, i) for i in range(1000)}) == 1000


def test_mean_actions_need_no_randomness() -> None:
    env = ReachEnv((0.4, 0.0, 0.0))
    episode = evaluate(env, policy(), 1, 0, deterministic=True)[0]
    expected = policy().act(episode.observations[0])
    np.testing.assert_array_equal(episode.actions[0], expected)


def test_a_time_limit_is_truncated_and_success_is_terminated() -> None:
    episodes = evaluate(ReachEnv((0.1, 0.0, 0.0)), policy(), 40, 0)
    rate = success_rate([e.success for e in episodes])
    assert 0 < rate.successes < rate.trials
    for episode in episodes:
        done = episode.success
        assert episode.end.event is (Event.SUCCESS if done else Event.TIMEOUT)
        assert (episode.terminations[-1], episode.truncations[-1]) == (done, not done)
        assert episode.rewards.sum() == done
        assert done or len(episode) == ReachEnv.limit
