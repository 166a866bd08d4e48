"""The core under DDPGfD against a published figure: Pendulum-v1 after 20,000 steps.

Source of the figure: rl-baselines3-zoo's benchmark, DDPG -152 ± 94 over 150 episodes.
"""

import math
import statistics

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from oda_bringup.bench import Measured
from oda_policy.baselines.ddpg import DdpgAgent, DdpgConfig
from oda_policy.transitions import Arrays, Layout, TransitionTable

PUBLISHED, PUBLISHED_STD, PUBLISHED_TRIALS = -152.0, 94.0, 150
LIMIT = 2.0  # torque of a full action [Nm]
HORIZON = 200
EPISODES = 100  # 20,000 steps
RANDOM_EPISODES = 10  # the first ones
NOISE = 0.1  # standard deviation of exploration, in parts of a full action
TRIALS = 100
CONFIG = DdpgConfig(
    n_step=1,
    unit_returns=False,
    layer_norm=False,
    target_rate=0.005,
    actor_rate=1e-3,
    critic_rate=1e-3,
)


def measure() -> list[Measured]:
    """Mean return after training; it must lie within two standard errors of what is published."""
    returns = train(seed=0)
    mean, std = statistics.mean(returns), statistics.stdev(returns)
    error = math.hypot(std / math.sqrt(TRIALS), PUBLISHED_STD / math.sqrt(PUBLISHED_TRIALS))
    goal = PUBLISHED - 2 * error
    return [
        Measured("DDPG on Pendulum-v1, mean return", mean, "", f">= {goal:.0f}", mean >= goal),
        Measured("its standard deviation", std, "", "", True),
    ]


def train(seed: int) -> list[float]:
    """Returns of TRIALS greedy episodes after 20,000 steps of learning."""
    torch.set_num_threads(1)
    env, rng = gymnasium.make("Pendulum-v1"), np.random.default_rng(seed)
    layout = Layout(3, 1)
    agent = DdpgAgent((layout.obs, layout.action), CONFIG, seed)
    table = TransitionTable(layout, n_step=CONFIG.n_step, discount=CONFIG.discount)
    generator = torch.Generator().manual_seed(seed)
    for number in range(EPISODES):
        noise = None if number < RANDOM_EPISODES else NOISE
        table.append(swing(env, agent, seed * 1000 + number, rng, noise))
        for _ in range(HORIZON if number + 1 >= RANDOM_EPISODES else 0):
            agent.update(layout.split(table.sample(CONFIG.batch, generator)))
    trials = (swing(env, agent, 10**6 + i, rng, 0.0) for i in range(TRIALS))
    return [float(trial.rewards.sum()) for trial in trials]


def swing(
    env: gymnasium.Env[NDArray[np.float32], NDArray[np.float32]],
    agent: DdpgAgent,
    seed: int,
    rng: np.random.Generator,
    noise: float | None,
) -> Arrays:
    """One episode with normal exploration noise; random actions if noise is None.

    The time limit is no end of the task.
    """
    observation, _ = env.reset(seed=seed)
    observations, actions, rewards = [observation], list[NDArray[np.float32]](), list[float]()
    for _ in range(HORIZON):
        if noise is None:
            action = rng.uniform(-1, 1, 1)
        else:
            with torch.no_grad():
                action = agent.act(torch.from_numpy(observation)).numpy()
            action = np.clip(action + noise * rng.standard_normal(1), -1, 1)
        observation, reward, *_ = env.step((LIMIT * action).astype(np.float32))
        observations.append(observation)
        actions.append(action.astype(np.float32))
        rewards.append(float(reward))
    return Arrays(
        observations=np.stack(observations),
        actions=np.stack(actions),
        rewards=np.array(rewards, np.float32),
        terminations=np.zeros(HORIZON, bool),
    )
