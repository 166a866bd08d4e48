"""Episodes and an environment with a known answer, for tests."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oda_core.se3 import Pose
from oda_core.types import Episode, EpisodeEvent, Event, Purpose

Array = NDArray[np.float32]


def make_episode(
    episode_id: int,
    *,
    seed: int = 0,
    steps: int = 6,
    success: bool = True,
    purpose: Purpose = Purpose.DEMONSTRATION,
    connector: str = "peg",
    session: str = "session",
) -> Episode:
    """Random but reproducible arrays."""
    rng = np.random.default_rng([seed, episode_id])
    last = np.arange(steps) == steps - 1
    return Episode(
        end=EpisodeEvent(
            stamp_ns=episode_id * 10**9,
            session=session,
            episode_id=episode_id,
            connector=connector,
            purpose=purpose,
            event=Event.SUCCESS if success else Event.TIMEOUT,
            seed=2**63 + episode_id,
            start_pose=Pose(rng.normal(size=3), np.array([0.0, 0.0, 0.0, 1.0])),
            steps=steps,
            peak_force_n=float(rng.uniform(0, 50)),
        ),
        observations=rng.normal(size=(steps + 1, 18)).astype(np.float32),
        actions=rng.uniform(-1, 1, (steps, 6)).astype(np.float32),
        rewards=(last & success).astype(np.float32),
        terminations=last & success,
        truncations=last & (not success),
        sources=rng.integers(0, 2, steps).astype(np.uint8),
    )


class ReachEnv:
    """Reach a lateral offset in 3 D: the first three observations are the scaled position.

    The start is perturbed by U[-.1, .1]; the goal is `goal` from the nominal start. An episode
    succeeds within 0.2 of the goal and is cut after 20 steps.
    """

    limit = 20

    def __init__(self, goal: tuple[float, float, float]) -> None:
        self.goal = np.array(goal)
        self.start_pose = Pose.identity()
        self._position = np.zeros(3)
        self._step = 0

    def reset(self, *, seed: int | None = None) -> tuple[Array, dict[str, Any]]:
        self._offset = np.random.default_rng(seed).uniform(-0.1, 0.1, 3)
        self._position, self._step = np.zeros(3), 0
        return self._observe(), {"robot_time_s": 0.1}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self._position = self._position + 0.1 * np.clip(action[:3], -1, 1)
        self._step += 1
        done = bool(np.linalg.norm(self._position + self._offset - self.goal) < 0.2)
        cut = not done and self._step >= self.limit
        info = {"peak_force_n": 1.0, "robot_time_s": 0.1}
        return self._observe(), float(done), done, cut, info

    def _observe(self) -> Array:
        observation = np.zeros(18, np.float32)
        observation[:3] = self._position
        return observation

    def demonstrate(self, episode_id: int, noise: float = 0.1, connector: str = "peg") -> Episode:
        """Head for the goal with noise, as a blind operator would."""
        rng = np.random.default_rng(episode_id)
        obs, _ = self.reset(seed=episode_id)
        observations, actions, rewards, done, cut = [obs], [], [], False, False
        while not (done or cut):
            action = np.zeros(6, np.float32)
            action[:3] = np.clip((self.goal - obs[:3]) / 0.1 + noise * rng.normal(size=3), -1, 1)
            obs, reward, done, cut, _ = self.step(action)
            observations.append(obs)
            actions.append(action)
            rewards.append(reward)
        steps = len(rewards)
        last = np.arange(steps) == steps - 1
        event = Event.SUCCESS if done else Event.TIMEOUT
        end = EpisodeEvent(
            stamp_ns=0,
            session="demo",
            episode_id=episode_id,
            connector=connector,
            purpose=Purpose.DEMONSTRATION,
            event=event,
            steps=steps,
        )
        return Episode(
            end=end,
            observations=np.stack(observations),
            actions=np.stack(actions),
            rewards=np.array(rewards, np.float32),
            terminations=last & done,
            truncations=last & cut,
            sources=np.ones(steps, np.uint8),
        )
