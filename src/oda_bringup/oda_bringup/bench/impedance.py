"""The robot's control law on joint torques against the simulation's own actuators.

The shipped policy with the same demonstrations, seeds and start noise acts on both: whether it
inserts must not depend on which of them moves the arm. And the very actions of each episode on the
native actuators are replayed on the law: what differs then is the law's work alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_bringup.assets import shipped_checkpoint
from oda_bringup.bench import Measured
from oda_bringup.collect import demonstrations
from oda_core.seeds import episode_seed
from oda_core.spec import TaskSpec
from oda_core.types import Episode, Purpose
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig
from oda_policy.evaluate import EpisodeRequest, run_episode, success_rate
from oda_policy.finetune import Finetuner
from oda_policy.policy import PolicySnapshot
from oda_sim.drive import DriveName
from oda_sim.env import InsertionEnv

EPISODES = {"metal-peg-sq": 34, "uk-ac-plug": 34, "car-plug-3p": 34}
DEMONSTRATIONS = 20
SEED = 5
TOUCH_N = 3.0
FREE_GOAL_MM = 0.6  # before contact, 95 % of the states
PATH_GOAL_MM = 0.5  # over a whole episode, half of the states
Observations = NDArray[np.float32]


class Trio(NamedTuple):
    """The same episode thrice."""

    native: Episode
    torque: Episode  # the policy acts on the law
    replayed: Observations  # the native episode's actions on the law, (T + 1, 18) or fewer


class Gap(NamedTuple):
    """Distance between the native and the replayed TCP at equal times [mm]."""

    free: NDArray[np.float64]  # until either of them touches
    all: NDArray[np.float64]


def measure() -> list[Measured]:
    """Successes of both, and how far the replayed paths are apart."""
    trios = [trio for name, count in EPISODES.items() for trio in run_trios(name, count)]
    return [*_outcomes(trios), *_paths([gap_of(trio) for trio in trios])]


def _outcomes(trios: list[Trio]) -> list[Measured]:
    native = success_rate([trio.native.success for trio in trios])
    torque = success_rate([trio.torque.success for trio in trios])
    goal = f"either rate within the other's interval ({100 * torque.low:.1f} % and more)"
    inside = native.low <= torque.value <= native.high or torque.low <= native.value <= torque.high
    what = f"of {len(trios)} on {len(EPISODES)} connectors"
    rows = [
        Measured(f"inserted {what}, native actuators", native.successes, "", "", True),
        Measured(f"inserted {what}, the robot's law", torque.successes, "", goal, inside),
    ]
    for who, episodes in (
        ("native actuators", [trio.native for trio in trios]),
        ("the robot's law", [trio.torque for trio in trios]),
    ):
        steps = float(np.median([len(episode) for episode in episodes]))
        force = max(episode.end.peak_force_n for episode in episodes)
        rows.append(Measured(f"steps, {who}, median", steps, "", "", True))
        rows.append(Measured(f"peak force, {who}", force, "N", "", True))
    return rows


def _paths(gaps: list[Gap]) -> list[Measured]:
    free = float(np.percentile(np.concatenate([gap.free for gap in gaps]), 95))
    states = np.concatenate([gap.all for gap in gaps])
    middle, most = np.percentile(states, [50, 95]).tolist()
    rows = [
        Measured(f"path difference before {TOUCH_N:g} N, p95", free, "mm",
                 f"< {FREE_GOAL_MM:g}", free < FREE_GOAL_MM),
        Measured("path difference, median state", middle, "mm",
                 f"< {PATH_GOAL_MM:g}", middle < PATH_GOAL_MM),
        Measured("path difference, p95", most, "mm", "", True),
    ]  # fmt: skip
    return rows


def run_trios(connector: str, count: int) -> Iterator[Trio]:
    """Episodes of the shipped policy with demonstrations of the scripted operator."""
    policy = shown_policy(connector)
    native, torque = _env(connector, "native"), _env(connector, "torque")
    for number in range(count):
        request = EpisodeRequest(
            session="bench-impedance",
            connector=connector,
            episode_id=number,
            purpose=Purpose.EVALUATION,
            seed=episode_seed(SEED, number),
            policy_version=0,
        )
        episode = run_episode(native, policy, request).episode
        yield Trio(
            episode,
            run_episode(torque, policy, request).episode,
            replay(torque, episode.actions, request.seed),
        )


def replay(env: InsertionEnv, actions: NDArray[np.float32], seed: int) -> Observations:
    """Observations (T + 1, 18) of given actions (T, 6), or fewer where they insert earlier."""
    observations = [env.reset(seed=seed)[0]]
    for action in actions:
        observation, _, terminated, *_ = env.step(action)
        observations.append(observation)
        if terminated:
            break
    return np.stack(observations)


def shown_policy(connector: str) -> PolicySnapshot:
    """The shipped policy after demonstrations, made on the native actuators."""
    env = _env(connector, "native")
    shown = demonstrations(env, DEMONSTRATIONS, SEED, "bench-impedance-demos")
    episodes = [recording.episode for recording in shown]
    settings = FinetuneConfig(sample_z=False, device="cpu")
    return Finetuner(Checkpoint.load(shipped_checkpoint()), episodes, settings, SEED).snapshot(0)


def gap_of(trio: Trio) -> Gap:
    """Compare the paths that the observations tell, both in the frame of the same start."""
    scale = TaskSpec().observation_scale
    count = min(len(trio.native.observations), len(trio.replayed))
    one, other = (states[:count] * scale for states in (trio.native.observations, trio.replayed))
    distance = 1e3 * np.linalg.norm(one[:, :3] - other[:, :3], axis=1)
    force = np.maximum(*(np.linalg.norm(states[:, 12:15], axis=1) for states in (one, other)))
    touched = np.flatnonzero(force > TOUCH_N)
    return Gap(distance[: int(touched[0])] if touched.size else distance, distance)


def _env(connector: str, drive: DriveName) -> InsertionEnv:
    return InsertionEnv(connector, simulate_reset=False, drive=drive)
