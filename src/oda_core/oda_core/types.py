"""What flows between the stages: states and episodes.

Shapes: T steps, 18 observation values, 6 action values (oda_core.spec).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import ContractError
from oda_core.se3 import Pose

BASE_FRAME = "oda_base"
TCP_FRAME = "oda_tcp"
OBSERVATION_SIZE = 18
ACTION_SIZE = 6


class Purpose(IntEnum):
    """Why an episode was run; values as in oda_msgs/Episode."""

    DEMONSTRATION = 0
    EVALUATION = 1
    TRAINING = 2


class Event(IntEnum):
    """What happened to an episode; values as in oda_msgs/Episode."""

    START = 0
    SUCCESS = 1
    FAILURE = 2
    TIMEOUT = 3
    ABORT = 4


class Source(IntEnum):
    """Who commanded what was executed; values as in oda_msgs/SafetyState and Step."""

    POLICY = 0
    HUMAN = 1
    RESET = 2  # never in a step: resets run between episodes


@dataclass(frozen=True, kw_only=True)
class TcpState:
    """Everything measured at the tool centre point at one stamp.

    Raises:
        ContractError: a value is not finite, a shape is wrong or the quaternion has no unit norm.
    """

    stamp_ns: int
    pose: Pose  # TCP in the base frame
    twist: NDArray[np.float64]  # (6,) linear, angular; TCP frame [m/s, rad/s]
    wrench: NDArray[np.float64]  # (6,) force, torque on the tool; TCP frame, tared [N, Nm]
    inserted: bool

    def __post_init__(self) -> None:
        for name, value, size in (
            ("position", self.pose.position, 3),
            ("quaternion", self.pose.quaternion, 4),
            ("twist", self.twist, 6),
            ("wrench", self.wrench, 6),
        ):
            if np.shape(value) != (size,):
                raise ContractError(
                    f"state {name}: found shape {np.shape(value)}, expected ({size},)"
                )
            if not math.isfinite(sum(value.tolist())) and not np.all(np.isfinite(value)):
                raise ContractError(
                    f"state {name}: found {np.asarray(value).tolist()}, expected finite numbers; "
                    "check the sensor"
                )
        norm = math.hypot(*self.pose.quaternion.tolist())
        if abs(norm - 1.0) > 1e-3:
            raise ContractError(f"state quaternion: found norm {norm:.4f}, expected 1")


@dataclass(frozen=True, kw_only=True)
class StepData:
    """One transition as it was acted on; fields and units as in oda_msgs/Step."""

    stamp_ns: int
    session: str
    episode_id: int
    index: int
    observation: NDArray[np.float32]  # (18,)
    action: NDArray[np.float32]  # (6,)
    source: Source
    reward: float
    terminated: bool
    truncated: bool
    next_observation: NDArray[np.float32]  # (18,)
    policy_version: int


@dataclass(frozen=True, kw_only=True)
class EpisodeEvent:
    """Start or end of an episode; fields and units as in oda_msgs/Episode."""

    stamp_ns: int
    session: str
    episode_id: int
    connector: str
    purpose: Purpose
    event: Event
    reason: str = ""
    seed: int = 0
    start_pose: Pose = field(default_factory=Pose.identity)
    max_steps: int = 80
    policy_version: int = 0
    deterministic: bool = False
    steps: int = 0
    peak_force_n: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A finished episode.

    Raises:
        ContractError: sizes disagree, a value is not finite, or an end stands before the last step.
    """

    end: EpisodeEvent
    observations: NDArray[np.float32]  # (T + 1, 18)
    actions: NDArray[np.float32]  # (T, 6)
    rewards: NDArray[np.float32]  # (T,)
    terminations: NDArray[np.bool_]  # (T,)
    truncations: NDArray[np.bool_]  # (T,)
    sources: NDArray[np.uint8]  # (T,) values of Source

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def success(self) -> bool:
        """The connector was inserted."""
        return self.end.event is Event.SUCCESS

    def __post_init__(self) -> None:
        steps = len(self.rewards)
        where = f"episode {self.end.episode_id} of {self.end.connector}"
        if steps == 0:
            raise ContractError(f"{where}: found no steps, expected at least one")
        for name, shape in (
            ("observations", (steps + 1, OBSERVATION_SIZE)),
            ("actions", (steps, ACTION_SIZE)),
            ("rewards", (steps,)),
            ("terminations", (steps,)),
            ("truncations", (steps,)),
            ("sources", (steps,)),
        ):
            value = getattr(self, name)
            if value.shape != shape:
                raise ContractError(f"{where}: {name} has shape {value.shape}, expected {shape}")
            if not np.all(np.isfinite(value)):
                raise ContractError(f"{where}: {name} holds a value that is not finite")
        if np.any(self.terminations[:-1] | self.truncations[:-1]):
            raise ContractError(f"{where}: an end flag stands before the last step")
        if not (self.terminations[-1] or self.truncations[-1]):
            raise ContractError(f"{where}: the last step has no end flag; the episode is cut off")


def finished_episode(
    end: EpisodeEvent,
    observations: Sequence[NDArray[np.float32]],
    actions: Sequence[NDArray[np.float32]],
    rewards: Sequence[float],
    source: Source,
) -> Episode:
    """An episode that one source acted in throughout, from what was gathered step by step.

    Args:
        end: its end event; SUCCESS terminates the last step, any other event truncates it.
        observations: T + 1 of (18,).
        actions: T of (6,).
        rewards: T.
        source: who acted.

    Raises:
        ContractError: see Episode.
    """
    last = np.arange(len(rewards)) == len(rewards) - 1
    success = end.event is Event.SUCCESS
    return Episode(
        end=end,
        observations=np.stack(observations).astype(np.float32),
        actions=np.stack(actions).astype(np.float32),
        rewards=np.array(rewards, np.float32),
        terminations=last & success,
        truncations=last & (not success),
        sources=np.full(len(rewards), int(source), np.uint8),
    )


def episode_from_steps(steps: list[StepData], end: EpisodeEvent) -> Episode:
    """Join the steps of one episode, which may arrive out of order, with its end event.

    Raises:
        ContractError: a step is missing, doubled or belongs to another episode.
    """
    ordered = sorted(steps, key=lambda step: step.index)
    where = f"episode {end.episode_id} of {end.connector}"
    indices = [step.index for step in ordered]
    if indices != list(range(end.steps)):
        raise ContractError(f"{where}: found steps {indices}, expected 0 to {end.steps - 1}")
    if {(step.session, step.episode_id) for step in ordered} - {(end.session, end.episode_id)}:
        raise ContractError(f"{where}: holds steps of another episode")
    observations = [step.observation for step in ordered]
    for before, after in zip(ordered, observations[1:], strict=False):
        if not np.array_equal(before.next_observation, after):
            raise ContractError(f"{where}: step {before.index} does not lead to the next step")
    return Episode(
        end=end,
        observations=np.stack([*observations, ordered[-1].next_observation]).astype(np.float32),
        actions=np.stack([step.action for step in ordered]).astype(np.float32),
        rewards=np.array([step.reward for step in ordered], np.float32),
        terminations=np.array([step.terminated for step in ordered]),
        truncations=np.array([step.truncated for step in ordered]),
        sources=np.array([step.source for step in ordered], np.uint8),
    )


def steps_of(episode: Episode, start_ns: int, period_ns: int) -> list[StepData]:
    """The transitions of an episode, stamped from start_ns on; inverse of episode_from_steps."""
    return [
        StepData(
            stamp_ns=start_ns + i * period_ns,
            session=episode.end.session,
            episode_id=episode.end.episode_id,
            index=i,
            observation=episode.observations[i],
            action=episode.actions[i],
            source=Source(int(episode.sources[i])),
            reward=float(episode.rewards[i]),
            terminated=bool(episode.terminations[i]),
            truncated=bool(episode.truncations[i]),
            next_observation=episode.observations[i + 1],
            policy_version=episode.end.policy_version,
        )
        for i in range(len(episode))
    ]
