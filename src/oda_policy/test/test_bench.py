"""The learning benchmark runs and says what is missing."""

import importlib.util

import pytest

from oda_core.errors import ConfigError
from oda_policy.bench import LearningBench, bench_policy, bench_updates, make_data, our_update

SMALL = LearningBench(batch=16, hidden=(16,), episodes=2, steps=5, repeats=2, updates=2)


def test_our_side_updates_networks_of_the_asked_size() -> None:
    update = our_update(SMALL, make_data(SMALL))
    first, second = update(), update()
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["critic_loss"] != second["critic_loss"]


def test_policy_time_is_measured() -> None:
    times = bench_policy(calls=20)
    assert 0 < times["median_ms"] <= times["p99_ms"]


@pytest.mark.skipif(importlib.util.find_spec("d3rlpy") is None, reason="d3rlpy is not installed")
def test_both_sides_are_compared() -> None:
    result = bench_updates(SMALL)
    expected = result["oda_updates_per_s"] / result["d3rlpy_updates_per_s"]
    assert result["ratio"] == pytest.approx(expected)


@pytest.mark.skipif(importlib.util.find_spec("d3rlpy") is not None, reason="d3rlpy is installed")
def test_a_missing_d3rlpy_is_named() -> None:
    with pytest.raises(ConfigError, match=r"pip install d3rlpy==2\.8\.1"):
        bench_updates(SMALL)
