"""An operator whose habits vary from good to useless: one source of offline episodes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from oda_bringup.rollout import Act, Recording, record, start_event
from oda_core.seeds import operator_generator
from oda_core.types import Purpose, Source
from oda_policy.exploration import Drift
from oda_sim.connector import Connector
from oda_sim.env import InsertionEnv
from oda_sim.operator import Operator, Technique


@dataclass(frozen=True, kw_only=True)
class Habit:
    """How an operator does one offline episode."""

    technique: Technique
    drift: float  # standard deviation of slow unwanted motion, in parts of a full action
    error_m: float  # how far the operator misjudges where the socket is


def offline_episodes(env: InsertionEnv, count: int, seed: int, session: str) -> Iterator[Recording]:
    """Episodes of an operator whose habits vary from good to useless."""
    for i in range(count):
        start = start_event(env, session, i, Purpose.TRAINING, seed)
        rng = operator_generator(start.seed)
        habit = draw_habit(rng)
        believed = _misjudged(env.connector, habit.error_m, rng)
        operator = Operator(believed, rng, technique=habit.technique)
        act = drifting(operate(operator, env), habit.drift, rng)
        yield record(env, act, start, Source.HUMAN)


def draw_habit(rng: np.random.Generator) -> Habit:
    """A habit; half of them are close to a good operator's."""
    if rng.random() < 0.5:
        return Habit(technique=Technique(), drift=rng.uniform(0.0, 0.3), error_m=0.0)
    technique = Technique(
        push_n=rng.uniform(2.0, 14.0),
        turn_rad_s=rng.uniform(1.0, 8.0),
        pitch_m=rng.uniform(0.2e-3, 1.0e-3),
        torque_gain_1_s=rng.uniform(0.0, 2.0),
        noise=rng.uniform(0.02, 0.4),
        pause=rng.uniform(0.0, 0.1),
    )
    return Habit(
        technique=technique, drift=rng.uniform(0.0, 0.6), error_m=rng.choice([0.0, 1.5e-3, 4e-3])
    )


def operate(operator: Operator, env: InsertionEnv) -> Act:
    """What the operator does."""
    return lambda _, state: operator.act(state, env.start_pose)


def drifting(act: Act, size: float, rng: np.random.Generator) -> Act:
    """The same with a drift of this size added."""
    drift = Drift(size, rng)
    return lambda observation, state: np.clip(
        act(observation, state) + drift.step(), -1.0, 1.0
    ).astype(np.float32)


def _misjudged(connector: Connector, error_m: float, rng: np.random.Generator) -> Connector:
    """The connector as an operator sees it who is wrong about where the socket is."""
    aside = np.array(connector.start.lateral_mm) + rng.standard_normal(2) * error_m * 1e3
    start = replace(connector.start, lateral_mm=(float(aside[0]), float(aside[1])))
    return replace(connector, start=start)
