"""The insertion task as a gymnasium environment (design: docs/interface.md)."""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from oda_core.errors import JammedError
from oda_core.homing import draw_start_noise
from oda_core.se3 import Pose
from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE, TaskSpec, observe, to_twist
from oda_core.types import TcpState
from oda_sim.connector import Connector, load_connector
from oda_sim.drive import DriveName
from oda_sim.insertion import InsertionSim
from oda_sim.outline import MM

Observation = NDArray[np.float32]
OBSERVATION_BOUND = 1000.0  # scaled; far beyond what the arm can do


class InsertionEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """Insert one connector at 10 Hz.

    Observation (18,): position, rotation vector, twist and wrench in the frame of the episode's
    start TCP, scaled. Action (6,): TCP twist in [-1, 1] times the limits, clipped. Reward 1 when
    inserted, which terminates the episode; it is truncated after task.max_steps. Info: success,
    peak_force_n since the start, and robot_time_s of this call, the reset motion or one period.

    Attributes:
        sim: the physics; sim.time_ns is all robot time so far.
        task: scaling and limits.
        last_state: the state that the last observation was made of.
        start_pose: TCP in the base frame at the start of the episode.
        freed: how often a person had to free a jammed plug.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 as in gymnasium

    def __init__(
        self,
        connector: Connector | str,
        *,
        spec: TaskSpec | None = None,
        simulate_reset: bool = True,
        person_s: float = 0.0,
        drive: DriveName = "native",
        render_mode: str | None = None,
    ) -> None:
        """Build the simulation.

        Args:
            connector: description, or name or path for load_connector.
            spec: scaling and limits.
            simulate_reset: run the reset motion; without it the same episodes begin at once, and
                robot_time_s leaves the motion out.
            person_s: robot time that a person takes to free a plug that is jammed after an episode
                and to bring it back to the start; 0: nobody is there, and reset raises.
            drive: the simulation's own actuators, or the robot's control law by torques.
            render_mode: "rgb_array" or None.
        """
        self.connector = (
            connector if isinstance(connector, Connector) else load_connector(connector)
        )
        self.sim = InsertionSim(self.connector, drive=drive)
        self.task = spec or TaskSpec()
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(
            -OBSERVATION_BOUND, OBSERVATION_BOUND, (OBSERVATION_SIZE,), np.float32
        )
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTION_SIZE,), np.float32)
        self.last_state: TcpState = self.sim.state()
        self.freed = 0
        self._simulate_reset, self._person_s = simulate_reset, person_s
        self._steps = 0
        self._renderer: Any = None

    @property
    def start_pose(self) -> Pose:
        """TCP in the base frame at the start of the episode."""
        return self.sim.start_pose

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin the episode of a seed (drawn if None).

        Args:
            seed: of start noise and sensor noise.
            options: start_noise_m (3,) [m] replaces the drawn noise.

        Raises:
            JammedError: the plug is stuck, and nobody is there to free it.
        """
        super().reset(seed=seed)
        episode_seed = int(self.np_random.integers(2**31)) if seed is None else seed
        noise = draw_start_noise(episode_seed, self.connector.start.noise_mm * MM)
        if options and "start_noise_m" in options:
            noise = np.asarray(options["start_noise_m"], np.float64)
        robot_time_ns = self._return(noise, episode_seed)
        self._steps = 0
        return self._observe(), self._info(robot_time_ns)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Command a twist for one period."""
        self.sim.apply(to_twist(action, self.task))
        self.sim.step(self.task.period_ns)
        self._steps += 1
        observation = self._observe()
        inserted = self.last_state.inserted
        truncated = not inserted and self._steps >= self.task.max_steps
        return observation, float(inserted), inserted, truncated, self._info(self.task.period_ns)

    def render(self) -> Any:
        """The cell as (480, 640, 3) uint8, if render_mode is "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        if self._renderer is None:
            from oda_sim.render import SceneRenderer

            self._renderer = SceneRenderer(self.sim.model)
        return self._renderer.frame(self.sim.data)

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _return(self, noise_m: NDArray[np.float64], seed: int) -> int:
        """Back to the start, somehow; the robot time that it took [ns]."""
        before_ns, person_ns = self.sim.time_ns, 0
        if not self._simulate_reset:
            self.sim.jump(noise_m, seed)
            return self.sim.time_ns - before_ns
        try:
            self.sim.reset(noise_m, seed)
        except JammedError:
            if not self._person_s:
                raise
            self.freed += 1
            person_ns = round(self._person_s * 1e9)
            self.sim.jump(noise_m, seed)
        return self.sim.time_ns - before_ns + person_ns

    def _observe(self) -> Observation:
        self.last_state = self.sim.state()
        return observe(self.last_state, self.start_pose, self.task)

    def _info(self, robot_time_ns: int) -> dict[str, Any]:
        return {
            "success": self.last_state.inserted,
            "peak_force_n": self.sim.peak_force_n,
            "robot_time_s": robot_time_ns * 1e-9,
        }
