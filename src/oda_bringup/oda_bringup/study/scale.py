"""How large the study is: every size in one place, as two values."""

from dataclasses import dataclass, field, replace

from oda_bringup.gates import Goals
from oda_policy.config import AdaptConfig


@dataclass(frozen=True, kw_only=True)
class Effort:
    """At most so many updates of a learner: what makes a small study quick."""

    first: int  # on the demonstrations
    per_step: float  # of the environment


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Sizes of the study; None takes every connector of a split."""

    name: str
    train: tuple[str, ...] | None = None  # names of connectors
    test: tuple[str, ...] | None = None
    challenge: tuple[str, ...] | None = None
    gate_trials: int = 100
    goals: Goals = field(default_factory=Goals)  # of the gates
    demos: int = 20  # per connector
    episodes: int = 500  # of DDPGfD, per training connector
    reruns: int = 100  # of its final policy with added noise
    seeds: int = 3  # of meta-training, and of all that follows
    updates: int = 30_000  # of meta-training
    trials: int = 100  # per connector, policy and kind of action
    training_episodes: int = 600  # budget of one finetuning
    robot_minutes: float = 60.0  # budget of one finetuning
    window: int = 20  # training successes in a row that call for an evaluation
    rounds: int = 8  # evaluations at most
    finetune_seeds: int = 3
    sizes: tuple[int, ...] = (1, 3, 5, 7, 9, 11)  # numbers of training connectors
    size_connectors: int = 3  # test connectors of that comparison
    size_updates: int = 10_000
    size_seeds: int = 3
    ablation_updates: int = 10_000
    ablation_seeds: int = 1
    effort: Effort | None = None  # None: the methods' own numbers of updates
    stress_seeds: int = 1  # redrawn start transforms of each test connector

    def with_seeds(self, count: int | None) -> "Scale":
        """The same with another number of seeds; results of fewer are among those of more."""
        if count is None:
            return self
        return replace(self, seeds=count, finetune_seeds=count, size_seeds=count)

    def adaptation(self, seed: int, initial_trials: int | None = None) -> AdaptConfig:
        """Algorithm 2 as the study runs it: only 100 of 100 ends it, and budgets do."""
        return AdaptConfig(
            initial_trials=self.trials if initial_trials is None else initial_trials,
            final_trials=self.trials,
            accept_rate=1.0,
            window=self.window,
            max_training_episodes=self.training_episodes,
            max_robot_minutes=self.robot_minutes,
            max_rounds=self.rounds,
            hopeless_episodes=0,
            seed=seed,
        )


FULL = Scale(name="full")
SMOKE = Scale(
    name="smoke",
    train=("e-model-10p", "round-peg-10"),
    test=("metal-peg-sq",),
    challenge=("network-card-18",),
    gate_trials=2,
    goals=Goals(rate=0.0, kl_nats=0.0, r2=-100.0),  # nothing so small can be any good
    demos=3,
    episodes=3,
    reruns=1,
    seeds=2,
    updates=10,
    trials=2,
    training_episodes=3,
    robot_minutes=2.0,
    window=2,
    rounds=1,
    finetune_seeds=1,
    sizes=(1, 2),
    size_connectors=1,
    size_updates=5,
    size_seeds=2,
    ablation_updates=5,
    effort=Effort(first=5, per_step=0.05),
)
SCALES = {scale.name: scale for scale in (FULL, SMOKE)}
