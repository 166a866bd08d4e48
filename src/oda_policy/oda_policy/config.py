"""Settings of the learning: frozen dataclasses that are the schema of CLI, YAML and parameters.

Every field carries its description, both in ``metadata["description"]`` (ROS parameters) and in
the class docstring (command line help). Two presets: ``paper`` is Algorithms 1 and 2 as written,
with PEARL's and AWAC's published settings where the paper is silent; ``best`` is what measurably
improves on it.
"""

from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal, TypeVar, cast

T = TypeVar("T")
Preset = Literal["paper", "best"]
RAW_STD = 1.6  # starts the actor's spread near exp(-1) within the default bounds


def setting(default: T, description: str) -> T:
    """Dataclass field with a default and a description."""
    return field(default=default, metadata={"description": description})


def described(schema: type[T]) -> type[T]:
    """Append the fields' descriptions to the docstring, where command line tools look."""
    lines = [f"    {f.name}: {describe(f)}" for f in fields(cast(Any, schema))]
    schema.__doc__ = f"{schema.__doc__}\n\nAttributes:\n" + "\n".join(lines) + "\n"
    return schema


def describe(item: Field[Any]) -> str:
    """Description of one configuration field."""
    return str(item.metadata["description"])


def _require(value: bool, found: str, expected: str) -> None:
    if not value:
        raise ValueError(f"found {found}, expected {expected}")


def _positive(config: Any, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        _require(value > 0, f"{name} {value}", "a positive number")


def _fraction(config: Any, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        _require(0 <= value <= 1, f"{name} {value}", "a number from 0 to 1")


@described
@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """Networks and losses of Algorithm 1."""

    latent_size: int = setting(5, "size Z of the task code z; 0 trains AWAC without context")
    hidden: tuple[int, ...] = setting((256, 256), "hidden sizes of actor and critics")
    encoder_hidden: tuple[int, ...] = setting((200, 200, 200), "hidden sizes of the encoder")
    critics: int = setting(2, "number C of critics in the ensemble")
    target_critics: int = setting(2, "random critics whose minimum is the target; 0 takes the mean")
    layer_norm: bool = setting(False, "normalise the critics' hidden layers")
    state_dependent_std: bool = setting(False, "the actor's spread depends on the observation")
    log_std_min: float = setting(-6.0, "smallest log standard deviation of the actor")
    log_std_max: float = setting(0.0, "largest log standard deviation of the actor")
    discount: float = setting(0.99, "discount gamma per step")
    n_step: int = setting(1, "steps of reward before the critic bootstraps")
    reward_scale: float = setting(1.0, "factor on rewards, both in losses and in the context")
    unit_returns: bool = setting(False, "clip targets to [0, 1]: rewards end episodes and are 1")
    temperature: float = setting(0.5, "AWAC's lambda: advantages are divided by it")
    weighting: Literal["exp", "softmax"] = setting("exp", "how advantages become weights")
    max_weight: float = setting(100.0, "largest exponential advantage weight")
    kl_weight: float = setting(0.1, "beta: weight of the posterior's KL divergence [1 / nat]")
    actor_trains_encoder: bool = setting(False, "let the actor's gradient reach the encoder")
    candidates: int = setting(1, "sampled actions of which the critics choose one when acting")
    spread: float = setting(1.0, "factor on the actor's standard deviation when acting")
    target_rate: float = setting(0.005, "share of the critics that their targets take per update")
    actor_rate: float = setting(3e-4, "learning rate eta_2 of the actor")
    critic_rate: float = setting(3e-4, "learning rate eta_3 of the critics")
    encoder_rate: float = setting(3e-4, "learning rate eta_1 of the encoder")
    actor_weight_decay: float = setting(0.0, "L2 penalty of the actor")

    def __post_init__(self) -> None:
        _positive(self, "critics", "discount", "n_step", "temperature", "max_weight", "candidates")
        _positive(self, "spread", "reward_scale", "target_rate")
        _positive(self, "actor_rate", "critic_rate", "encoder_rate")
        _fraction(self, "discount", "target_rate")
        _require(self.latent_size >= 0, f"latent_size {self.latent_size}", "0 or more")
        _require(len(self.hidden) > 0, "hidden ()", "at least one hidden size")
        _require(self.kl_weight >= 0, f"kl_weight {self.kl_weight}", "0 or more")
        bounds = f"log_std {self.log_std_min} to {self.log_std_max}"
        _require(self.log_std_min < self.log_std_max, bounds, "a minimum below the maximum")
        subset = f"target_critics {self.target_critics} of {self.critics}"
        _require(0 <= self.target_critics <= self.critics, subset, "at most all critics")

    @classmethod
    def paper(cls) -> "AgentConfig":
        """Algorithm 1 as written: PEARL's encoder, reward scale and KL; rlkit's AWAC actor.

        PEARL multiplies rewards by 5; temperature 0.5 then equals 0.1 on the plain reward, which
        is the value published for AWAC on manipulation with sparse rewards. PEARL's KL weight of
        0.1 left 0.007 nats in the task code here, so that it told nothing; 0.001 does not.
        """
        return cls(reward_scale=5.0, temperature=0.5, kl_weight=1e-3, actor_weight_decay=1e-4)

    @classmethod
    def best(cls) -> "AgentConfig":
        """What measured better: sharp advantages, light KL, joint encoder, normalised critics.

        Acting, the critics choose among sampled actions, drawn wider than the actor would.
        """
        return cls(
            layer_norm=True,
            state_dependent_std=True,
            log_std_min=-3.0,
            discount=0.97,
            unit_returns=True,
            temperature=0.03,
            kl_weight=1e-5,
            actor_trains_encoder=True,
            candidates=16,
            spread=1.5,
            target_rate=0.01,
            actor_rate=5e-4,
            critic_rate=5e-4,
            encoder_rate=5e-4,
        )


@described
@dataclass(frozen=True, kw_only=True)
class MetaTrainConfig:
    """Algorithm 1: offline meta-training over many connectors."""

    agent: AgentConfig = field(
        default_factory=AgentConfig, metadata={"description": "networks and losses"}
    )
    updates: int = setting(30_000, "gradient updates")
    tasks: int = setting(0, "tasks T in one update; 0 takes every task in every update")
    batch: int = setting(256, "transitions B of each task in one update")
    context: int = setting(64, "demonstration transitions N that the encoder reads per task")
    demo_fraction: float = setting(0.0, "share of the batch from demonstrations")
    pool_demos: bool = setting(True, "add the demonstrations to the offline data")
    symmetric: bool = setting(False, "turn, mirror and shift the tasks of every update at random")
    shift_lateral_m: float = setting(1.5e-3, "largest shift of a task's start in x and in y [m]")
    shift_height_m: float = setting(2e-3, "largest shift of a task's start in z [m]")
    shift_yaw_rad: float = setting(0.05, "largest turn of a task's start about z [rad]")
    memory: int = setting(0, "offline transitions per task kept in the checkpoint for finetuning")
    seed: int = setting(0, "seed of initial weights, batches and noise")
    log_every: int = setting(200, "updates between log entries")
    save_every: int = setting(2000, "updates between saved training states")
    min_kl_nats: float = setting(0.05, "a final KL below this names the task code collapsed")
    device: Literal["auto", "cpu", "cuda"] = setting("auto", "auto takes cuda where it is present")
    threads: int = setting(1, "CPU threads of the learner; 0 leaves torch's choice")

    def __post_init__(self) -> None:
        _positive(self, "updates", "batch", "context", "log_every", "save_every")
        _fraction(self, "demo_fraction")
        _require(self.tasks >= 0, f"tasks {self.tasks}", "0 or more")
        _require(self.seed >= 0, f"seed {self.seed}", "0 or more")

    @classmethod
    def preset(cls, name: Preset) -> "MetaTrainConfig":
        """Settings named ``paper`` or ``best``."""
        if name == "paper":  # every task in every update; 128 transitions of each are SMAC's
            return cls(agent=AgentConfig.paper(), batch=128, pool_demos=False)
        return cls(
            agent=AgentConfig.best(),
            tasks=8,
            batch=64,
            demo_fraction=0.25,
            symmetric=True,
            memory=1000,
        )


@described
@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """Lines 5 to 15 of Algorithm 2: online AWAC on one connector."""

    updates_per_step: float = setting(1.0, "gradient updates per environment step")
    batch: int = setting(256, "transitions in one update")
    context: int = setting(64, "demonstration transitions that the encoder reads per update")
    demo_fraction: float = setting(0.0, "share of the batch from demonstrations")
    rehearsed: int = setting(0, "training tasks rehearsed in every update, from the memory")
    warmup_updates: int = setting(0, "updates on the demonstrations before the first episode")
    warmup_episodes: int = setting(1, "training episodes before the first online update")
    critic_updates: int = setting(0, "first online updates of the critics alone")
    train_encoder: bool = setting(True, "finetune the encoder too")
    sample_z: bool = setting(True, "act on a sampled z; false acts on the posterior mean")
    use_evaluations: bool = setting(False, "evaluation episodes enter the online buffer too")
    exploration_noise: float = setting(0.0, "standard deviation added to training actions")
    temperature: float = setting(0.0, "AWAC's lambda while finetuning; 0 keeps the checkpoint's")
    learning_rate: float = setting(0.0, "learning rate of all networks; 0 keeps the checkpoint's")
    threads: int = setting(1, "CPU threads of the learner; 0 leaves torch's choice")
    device: Literal["auto", "cpu", "cuda"] = setting("auto", "auto takes cuda where it is present")

    def __post_init__(self) -> None:
        _positive(self, "updates_per_step", "batch", "context", "warmup_episodes")
        _fraction(self, "demo_fraction")
        rest = ("rehearsed", "warmup_updates", "critic_updates", "exploration_noise", "temperature")
        for name in rest:
            _require(getattr(self, name) >= 0, f"{name} {getattr(self, name)}", "0 or more")

    @classmethod
    def preset(cls, name: Preset) -> "FinetuneConfig":
        """Settings named ``paper`` or ``best``."""
        if name == "paper":
            return cls()
        return cls(
            updates_per_step=2.0,
            demo_fraction=0.5,
            rehearsed=2,
            sample_z=False,
        )


@described
@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """Algorithm 2: what is run on the robot, and when it ends."""

    initial_trials: int = setting(100, "evaluation episodes with the demonstrations only")
    final_trials: int = setting(100, "evaluation episodes after finetuning")
    goal_rate: float = setting(1.0, "success rate of an evaluation that ends adaptation at once")
    accept_rate: float = setting(0.9, "success rate of the last evaluation that counts as success")
    window: int = setting(30, "newest training episodes that must all succeed to end finetuning")
    max_training_episodes: int = setting(300, "budget of training episodes")
    max_robot_minutes: float = setting(30.0, "budget of robot time for finetuning [min]")
    max_rounds: int = setting(3, "finetuning rounds at most, until an evaluation reaches the goal")
    hopeless_episodes: int = setting(60, "give up after so many failures in a row; 0 never does")
    max_aborts: int = setting(5, "give up after so many aborted episodes in a row; 0 never does")
    deterministic: bool = setting(False, "evaluate the mean action instead of sampled actions")
    seed: int = setting(0, "seed of start noise, sampled actions and learning")

    def __post_init__(self) -> None:
        _positive(self, "initial_trials", "final_trials", "window", "max_robot_minutes")
        _positive(self, "max_rounds", "max_training_episodes")
        _fraction(self, "goal_rate", "accept_rate")
        rates = f"accept_rate {self.accept_rate} above goal_rate {self.goal_rate}"
        _require(self.accept_rate <= self.goal_rate, rates, "accept_rate <= goal_rate")
        _require(self.seed >= 0, f"seed {self.seed}", "0 or more")

    def shorter(self, trials: int) -> "AdaptConfig":
        """The same with other numbers of evaluation episodes."""
        return replace(self, initial_trials=trials, final_trials=trials)
