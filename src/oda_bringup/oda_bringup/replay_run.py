"""One DDPGfD run on a simulated connector; its whole replay is offline data (paper, section 5)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_bringup.rollout import Act, Recording, record, start_event
from oda_core.config import to_mapping
from oda_core.types import Episode, Purpose, Source
from oda_policy.baselines.ddpgfd import DdpgfdConfig, DdpgLearner
from oda_policy.baselines.files import load_ddpg, save_ddpg
from oda_policy.learner import Learner
from oda_policy.policy import PolicySnapshot, episode_generator
from oda_sim.env import InsertionEnv

Choose = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Run(NamedTuple):
    """How long a run is and where its randomness comes from."""

    episodes: int
    seed: int  # of learning, start noise and exploration
    session: str


def run_ddpgfd(
    env: InsertionEnv,
    demos: Sequence[Episode],
    run: Run,
    agent_file: Path,
    config: DdpgfdConfig,
) -> Iterator[Recording]:
    """Every episode of a run; after the last one its agent is left in a file."""
    learner = DdpgLearner(demos, config, run.seed)
    yield from replay(env, learner, run)
    metadata = {
        "settings": to_mapping(config),
        "seed": run.seed,
        "demonstrations": len(demos),
    }
    save_ddpg(agent_file, learner.agent, metadata)


def replay(env: InsertionEnv, learner: Learner, run: Run) -> Iterator[Recording]:
    """Training episodes, each followed by the updates that it calls for.

    Args:
        env: where the learner acts.
        learner: holds the demonstrations; it is trained as the episodes are drawn.
        run: episodes, seed and name.
    """
    learner.warm_up()
    for number in range(run.episodes):
        start = start_event(env, run.session, number, Purpose.TRAINING, run.seed)
        generator = episode_generator(start.seed, number)
        choose = learner.snapshot(number).chooser(generator, start.purpose, start.deterministic)
        recording = record(env, _act(choose), replace(start, policy_version=number), Source.POLICY)
        learner.add_episode(recording.episode)
        learner.train()
        yield recording


def final_policy(agent_file: Path) -> PolicySnapshot:
    """The policy that a run ended with.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    agent, _ = load_ddpg(agent_file)
    return DdpgLearner([], DdpgfdConfig(ddpg=agent.config), 0, start=agent).snapshot(0)


def _act(choose: Choose) -> Act:
    return lambda observation, _: choose(observation)
