"""The environment and the operator."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from oda_core.homing import START, draw_start_noise
from oda_core.spec import observe
from oda_sim import bench
from oda_sim.connector import list_connectors, load_connector
from oda_sim.env import InsertionEnv
from oda_sim.operator import STRAIGHT, Operator
from oda_sim.variations import vary


def _episode(env, seed, technique=None, options=None):
    operator = Operator(env.connector, np.random.default_rng(seed), technique=technique)
    env.reset(seed=seed, options=options)
    total, steps = 0.0, 0
    while True:
        action = operator.act(env.last_state, env.start_pose)
        assert env.action_space.contains(action)
        _, reward, terminated, truncated, info = env.step(action)
        total, steps = total + reward, steps + 1
        if terminated or truncated:
            return info["success"], total, steps


@pytest.mark.filterwarnings("error::UserWarning")
def test_gymnasium_accepts_the_environment():
    check_env(InsertionEnv("metal-peg-sq"), skip_render_check=True)


@pytest.mark.parametrize("name", list_connectors())
def test_operator_inserts_under_noise(name):
    env = InsertionEnv(name, simulate_reset=False)
    results = [_episode(env, seed) for seed in range(6)]
    assert sum(success for success, _, _ in results) >= 5
    assert all(total == float(success) for success, total, _ in results)


@pytest.mark.parametrize("name", ["metal-peg-sq", "round-peg-10"])
def test_straight_push_needs_luck(name):
    env = InsertionEnv(name, simulate_reset=False)
    aligned = {"start_noise_m": np.zeros(3)}
    assert _episode(env, 0, STRAIGHT, aligned)[0]
    assert sum(_episode(env, seed, STRAIGHT)[0] for seed in range(10)) <= 5


def test_operator_is_blind_to_the_start_noise():
    """The same measured episode gives the same actions whatever the noise was."""
    connector = load_connector("metal-peg-sq")
    env = InsertionEnv(connector, simulate_reset=False)
    actions = []
    for noise in (np.zeros(3), np.array([1e-3, -1e-3, 1e-3])):
        operator = Operator(connector, np.random.default_rng(0))
        env.reset(seed=0, options={"start_noise_m": noise})
        actions.append(operator.act(env.last_state, env.start_pose))
    assert np.allclose(actions[0], actions[1], atol=1e-3)


def test_start_noise_belongs_to_the_connector():
    """A challenge starts where the drawing says; elsewhere ±1 mm is as it always was."""
    assert np.array_equal(draw_start_noise(4, 0.0), np.zeros(3))
    assert np.array_equal(draw_start_noise(4), draw_start_noise(4, 1e-3))
    starts = []
    for name in ("network-card-18", "uk-ac-plug"):
        env = InsertionEnv(name, simulate_reset=False)
        for seed in (1, 2):
            env.reset(seed=seed)
            starts.append(env.start_pose.relative_to(START).position)
    assert np.abs(starts[1] - starts[0]).max() < 1e-6
    noise = draw_start_noise(2) - draw_start_noise(1)
    np.testing.assert_allclose(starts[3] - starts[2], noise, atol=2e-5)


def test_operator_inserts_a_variation():
    connector = vary(load_connector("jp-ac-plug"), np.random.default_rng(5))
    env = InsertionEnv(connector, simulate_reset=False)
    assert sum(_episode(env, seed)[0] for seed in range(3)) >= 2


def test_time_limit_truncates():
    env = InsertionEnv("metal-peg-sq", simulate_reset=False)
    env.reset(seed=0)
    flags = [env.step(np.zeros(6, np.float32))[2:4] for _ in range(env.task.max_steps)]
    assert flags[-1] == (False, True) and not any(t or u for t, u in flags[:-1])


def test_observation_hides_the_noise():
    env = InsertionEnv("uk-ac-plug", simulate_reset=False)
    first, _ = env.reset(seed=1)
    second, _ = env.reset(seed=1, options={"start_noise_m": np.array([1e-3, 1e-3, -1e-3])})
    assert np.allclose(first, second, atol=1e-3)
    assert np.array_equal(second, observe(env.last_state, env.start_pose, env.task))


def test_robot_time_is_counted():
    env = InsertionEnv("metal-peg-sq")
    env.reset(seed=0)
    env.step(np.zeros(6, np.float32))
    before = env.sim.time_ns
    _, info = env.reset(seed=1)
    assert info["robot_time_s"] == pytest.approx((env.sim.time_ns - before) * 1e-9)
    assert env.step(np.zeros(6, np.float32))[4]["robot_time_s"] == pytest.approx(0.1)


def test_a_person_frees_a_jammed_plug():
    """The same episode begins as without a jam."""
    env = InsertionEnv("metal-peg-sq", person_s=60.0)
    env.reset(seed=1)
    env.sim.jump(np.array([*env.connector.start.lateral_mm, 0.0]) * 1e-3, 0)
    env.sim.apply(np.array([0, 0, 0.02, 0, 0, 0]))
    env.sim.step(800_000_000)
    env.sim.data.xfrc_applied[env.sim.model.body("tool").id, 2] = -150.0
    freed, info = env.reset(seed=2)
    begun, _ = InsertionEnv("metal-peg-sq", simulate_reset=False).reset(seed=2)
    assert env.freed == 1 and info["robot_time_s"] > 60.0
    np.testing.assert_array_equal(freed, begun)


def test_contact_runs_faster_than_real_time():
    """A floor that any machine holds; the promised figure is measured by `oda bench`."""
    assert bench.contact_realtime_factor(periods=10, repeats=3) > 5.0
