"""Jobs that train, try and adapt policies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from oda_bringup.buffers import load_task
from oda_bringup.study.data import EPISODE_S
from oda_bringup.study.methods import Method, Start
from oda_bringup.study.pretraining import NAME, Pretraining
from oda_bringup.study.unit import Desk
from oda_core.spec import TaskSpec
from oda_core.types import Episode
from oda_policy.adapt import AdaptMachine, Phase, run_in_process
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import AdaptConfig
from oda_policy.evaluate import evaluate
from oda_policy.learner import Learner
from oda_policy.oracle import conditioned
from oda_policy.policy import PolicySnapshot
from oda_policy.snapshot import snapshot
from oda_sim.connector import Connector
from oda_sim.env import InsertionEnv

TRAINING = ("training", "scaling-training", "ablation-training")
ONLINE_S = 1.5  # of one training episode with its updates, on one core
PERSON_S = 60.0  # that a person takes to free a jammed plug


@dataclass(frozen=True, kw_only=True)
class Train:
    """Pretraining of one method on the converted connectors among its inputs."""

    pretraining: Pretraining
    codes: tuple[tuple[str, tuple[float, ...]], ...]  # connector to its true code
    seed: int

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return self.pretraining.cost_s

    def run(self, desk: Desk) -> dict[str, Any]:
        """Write the checkpoint; a killed run goes on."""
        tasks = [load_task(done.directory / done.name) for done in desk.all("convert")]
        codes = {name: code for name, code in self.codes}
        metrics = self.pretraining.train(tasks, codes, self.seed, desk.directory / NAME)
        return {"tasks": [task.name for task in tasks], "metrics": metrics}


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Success of a method on one connector with its demonstrations only."""

    method: Method
    connector: Connector
    trials: int
    seed: int

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return 5.0 + 2 * self.trials * EPISODE_S

    def run(self, desk: Desk) -> dict[str, Any]:
        """Try sampled and mean actions on the same start noise."""
        learner = learner_of(self.method, self.connector, self.seed, desk)
        learner.warm_up()
        return tried(learner.snapshot(0), self.connector, self.trials, self.seed)


@dataclass(frozen=True, kw_only=True)
class OracleTrials:
    """Success of a policy that is told the true task."""

    connector: Connector
    code: tuple[float, ...]
    trials: int
    seed: int

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return 2.0 + 2 * self.trials * EPISODE_S

    def run(self, desk: Desk) -> dict[str, Any]:
        """Try sampled and mean actions on the same start noise."""
        told = Checkpoint.load(desk.one(*TRAINING).directory / NAME)
        agent = conditioned(told, len(self.code))
        policy = snapshot(agent, torch.tensor(self.code), 0, TaskSpec())
        return tried(policy, self.connector, self.trials, self.seed)


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """Algorithm 2 of a method on one connector, with the resets' robot time."""

    method: Method
    connector: Connector
    config: AdaptConfig

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core, if a third of the budget is needed."""
        c = self.config
        return ONLINE_S * c.max_training_episodes / 3 + EPISODE_S * 4 * c.final_trials

    def run(self, desk: Desk) -> dict[str, Any]:
        """Evaluate, finetune, evaluate until solved or out of budget."""
        name = self.connector.name
        machine = AdaptMachine.begin(f"study-{self.config.seed}", name, self.config)
        learner = learner_of(self.method, self.connector, self.config.seed, desk)
        env = InsertionEnv(self.connector, person_s=PERSON_S)
        run_in_process(env, learner, machine)
        outcomes = machine.progress.outcomes
        training = [o for o in outcomes if o.phase is Phase.FINETUNE]
        return {
            "initial": machine.rate(Phase.EVALUATE_INITIAL)._asdict(),
            "solved": machine.phase is Phase.DONE,
            "reason": machine.progress.reason,
            "finetune_s": round(sum(o.robot_time_s for o in training), 2),
            "episodes": len(training),
            "freed": env.freed,  # jammed plugs, by a person
            "damage_n": self.connector.limits.damage_n,
            "training": {
                "success": [int(o.success) for o in training],
                "robot_time_s": [round(o.robot_time_s, 2) for o in training],
                "peak_force_n": [round(o.peak_force_n, 2) for o in training],
            },
            "finals": [
                machine.rate(Phase.EVALUATE_FINAL, i + 1)._asdict()
                for i in range(machine.progress.round)
                if machine.outcomes(Phase.EVALUATE_FINAL, i + 1)
            ],
        }


def learner_of(method: Method, connector: Connector, seed: int, desk: Desk) -> Learner:
    """The method's learner of a connector, from the checkpoint and demonstrations at the desk."""
    checkpoint = desk.one(*TRAINING).directory / NAME if method.pretraining else None
    demos = desk.demonstrations(connector.name)
    return method.learning.learner(Start(checkpoint=checkpoint, demos=demos, seed=seed))


def tried(policy: PolicySnapshot, connector: Connector, trials: int, seed: int) -> dict[str, Any]:
    """Trials with sampled and with mean actions, one digit per outcome."""
    env = InsertionEnv(connector, simulate_reset=False)
    modes = {"sampled": False, "deterministic": True}
    return {
        mode: _summary(evaluate(env, policy, trials, seed, deterministic=deterministic))
        for mode, deterministic in modes.items()
    }


def _summary(episodes: list[Episode]) -> dict[str, Any]:
    steps = [len(episode) for episode in episodes if episode.success]
    return {
        "successes": len(steps),
        "trials": len(episodes),
        "outcomes": "".join(str(int(episode.success)) for episode in episodes),
        "median_steps": float(np.median(steps)) if steps else None,  # of successes
        "peak_force_n": round(max(episode.end.peak_force_n for episode in episodes), 2),
    }
