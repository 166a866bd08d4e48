"""A scripted operator, human-like: sees the socket, feels force and torque, searches visibly.

It knows where the socket nominally lies from the start pose, but not the start noise. Its decision
follows from the present pose, twist and wrench alone, without a clock or a plan, so that a policy
can learn it from observations. The search is a vector field over the position that the operator
feels: turning left the arm spirals outwards, turning right it spirals inwards, and the sense of
turning, visible in twist and lateral force, is all the memory there is.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_core.se3 import Pose, quat_rotate, rotvec_from_quat
from oda_core.spec import TaskSpec, to_action
from oda_core.types import TcpState
from oda_sim.connector import Connector
from oda_sim.impedance import STIFFNESS
from oda_sim.outline import MM, tip_m

Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Technique:
    """Habits of an operator."""

    push_n: float = 7.0
    touch_n: float = 2.0  # felt as contact
    turn_rad_s: float = 5.0  # of the spiral
    pitch_m: float = 0.5e-3  # between its turns
    reach_m: float = 1.3e-3  # its outer radius
    core_m: float = 0.15e-3  # its inner radius
    speed_m_s: float = 8e-3  # at most, while searching
    torque_gain_1_s: float = 0.3  # speed per offset of the felt contact
    noise: float = 0.04  # standard deviation of the hand, in parts of a full action
    pause: float = 0.01  # probability to rest for one step


STRAIGHT = Technique(turn_rad_s=0.0, torque_gain_1_s=0.0, noise=0.0, pause=0.0)  # no search


class Feel(NamedTuple):
    """What the operator perceives, in the frame of the start TCP."""

    position: Vector  # (3,) [m]
    turn: Vector  # (3,) rotation vector [rad]
    velocity: Vector  # (3,) [m/s]
    force: Vector  # (3,) of the socket on the plug [N]
    torque: Vector  # (3,) [Nm]


def perceive(state: TcpState, start: Pose) -> Feel:
    """Express a state in the frame of the episode's start TCP."""
    relative = state.pose.relative_to(start)
    twist, wrench = state.twist, state.wrench
    q = relative.quaternion
    return Feel(
        relative.position, rotvec_from_quat(q), quat_rotate(q, twist[:3]),
        quat_rotate(q, wrench[:3]), quat_rotate(q, wrench[3:]),
    )  # fmt: skip


class Operator:
    """Inserts one connector from what it sees and feels."""

    def __init__(
        self,
        connector: Connector,
        rng: np.random.Generator,
        *,
        technique: Technique | None = None,
        spec: TaskSpec | None = None,
    ) -> None:
        """Look at the cell: remember where the socket nominally is."""
        self._technique = technique or Technique()
        self._spec = spec or TaskSpec()
        self._rng = rng
        self._lateral = np.array(connector.start.lateral_mm) * MM
        self._height = connector.start.height_mm * MM
        self._yaw = np.deg2rad(connector.start.yaw_deg)
        self._press_n = 0.9 * connector.limits.axial_n
        self._lead_m = connector.socket.friction * self._technique.push_n / STIFFNESS[0]
        self._tips = tip_m(connector)

    def act(self, state: TcpState, start: Pose) -> NDArray[np.float32]:
        """The next action.

        Args:
            state: measured.
            start: TCP in the base frame at the start of the episode.

        Returns:
            (6,) in [-1, 1].
        """
        if self._rng.random() < self._technique.pause:
            return np.zeros(6, np.float32)
        twist = self.decide(perceive(state, start))
        action = to_action(twist, self._spec)
        noise = self._rng.standard_normal(6) * self._technique.noise
        return np.clip(action + noise, -1.0, 1.0).astype(np.float32)

    def decide(self, feel: Feel) -> Vector:
        """Intended twist (6,) [m/s, rad/s] without the hand's noise."""
        depth = feel.position[2] - self._height  # within the start noise
        touching = -feel.force[2] > self._technique.touch_n
        if depth > 1.6e-3:
            linear = self._push_in(feel)
        elif touching:
            linear = self._search(feel)
        else:
            linear = self._come_closer(feel, depth)
        angular = np.array([-feel.turn[0], -feel.turn[1], self._yaw - feel.turn[2]]) * 2.0
        return np.concatenate([linear, np.clip(angular, -0.1, 0.1)])

    def _come_closer(self, feel: Feel, depth: float) -> Vector:
        """Fast while the socket is surely far away, then gently until something is felt."""
        down = float(np.clip(-5.0 * (depth + 1.0e-3), 6e-3, 20e-3))
        if depth > -1.2e-3:  # perhaps in the hole already: follow it
            return np.array([*self._yield(feel), 8e-3])
        aside = np.clip(4.0 * (self._lateral - feel.position[:2]), -15e-3, 15e-3)
        return np.array([*aside, down])

    def _push_in(self, feel: Feel) -> Vector:
        """Press, harder against resistance, and give way sideways."""
        down = np.clip((self._press_n + feel.force[2]) * 1e-3, -5e-3, 20e-3)
        return np.array([*self._yield(feel), down])

    def _yield(self, feel: Feel) -> Vector:
        """Sideways speed (2,) that relieves the felt lateral force."""
        return np.clip(feel.force[:2] / (STIFFNESS[0] * 0.3), -5e-3, 5e-3)

    def _search(self, feel: Feel) -> Vector:
        """Keep a light push and follow the spiral."""
        habit = self._technique
        down = np.clip((habit.push_n + feel.force[2]) * 1.2e-3, -8e-3, 8e-3)
        wanted = self._spiral(feel) + self._towards_hole(feel)
        speed = float(np.linalg.norm(wanted))
        lead = -feel.force[:2] / STIFFNESS[0]  # set-point ahead of the plug, held by friction
        wanted_lead = wanted * (self._lead_m / max(speed, 1e-6))
        return np.array([*(wanted + (wanted_lead - lead) / 0.15), down])

    def _spiral(self, feel: Feel) -> Vector:
        """Velocity (2,) [m/s] to the next point of an Archimedean spiral about the nominal axis."""
        habit, period = self._technique, self._spec.period_s
        arm = feel.position[:2] - self._lateral
        radius = float(np.linalg.norm(arm))
        out = arm / radius if radius > 1e-6 else np.array([1.0, 0.0])
        left = np.array([-out[1], out[0]])
        lead = -feel.force[:2] / STIFFNESS[0]
        sense = 1.0 if float(left @ (feel.velocity[:2] * period + lead)) >= 0 else -1.0
        if radius > habit.reach_m:
            sense = -1.0
        elif radius < habit.core_m:
            sense = 1.0
        angle = habit.turn_rad_s * period
        following = min(radius, habit.reach_m) + sense * habit.pitch_m * angle / (2 * np.pi)
        aim = max(following, habit.core_m) * (np.cos(angle) * out + sense * np.sin(angle) * left)
        step = (aim - arm) / period
        return step * min(1.0, habit.speed_m_s / max(float(np.linalg.norm(step)), 1e-9))

    def _towards_hole(self, feel: Feel) -> Vector:
        """Speed (2,) away from where the contact is felt, which is where the hole is not."""
        push = -feel.force[2]
        felt = np.array([feel.torque[1], -feel.torque[0]]) / push - self._tips
        return -self._technique.torque_gain_1_s * np.clip(felt, -5e-3, 5e-3)
