"""The physics of one cell: arm, impedance, connector. Behind both the environment and the node.

Everything advances in ticks of 10 ms. An episode depends on its seed only, not on what was
simulated before it: a reset moves the arm as a robot would, and then takes up the exact rest
posture that the motion approaches.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_core.errors import ContractError
from oda_core.homing import START
from oda_core.se3 import Pose
from oda_core.types import TcpState
from oda_sim.arm import HOME_RAD, JOINT_NAMES, solve_joints
from oda_sim.connector import Connector
from oda_sim.drive import DriveName, make_drive
from oda_sim.outline import MM
from oda_sim.reset import reset_velocities
from oda_sim.scene import TIMESTEP_S, build_scene
from oda_sim.wrench import WINDOW, WrenchSensor

TICK_NS = 10_000_000
STEPS_PER_TICK = round(TICK_NS * 1e-9 / TIMESTEP_S)
LINEAR_FIRST = np.array([3, 4, 5, 0, 1, 2])  # MuJoCo puts the angular velocity first
XYZW = np.array([1, 2, 3, 0])  # MuJoCo's quaternions are wxyz
HELD_TICKS = 5  # inserted only counts after 50 ms
Vector = NDArray[np.float64]


class JointState(NamedTuple):
    """Arm joints; each of the arrays (7,)."""

    names: tuple[str, ...]
    position: Vector  # [rad]
    velocity: Vector  # [rad/s]
    effort: Vector  # [Nm], with gravity compensation


class InsertionSim:
    """One simulated cell.

    Attributes:
        connector: what is inserted.
        model: compiled scene.
        data: its state; read it for rendering.
        time_ns: simulated time, over all resets.
        start_pose: TCP in the base frame at the start of the episode.
        peak_force_n: largest 100 ms mean force since the start of the episode.
    """

    def __init__(self, connector: Connector, seed: int = 0, drive: DriveName = "native") -> None:
        """Build the scene and stand at the nominal start pose."""
        self.connector = connector
        self.model = build_scene(connector, drive)
        self.data = mujoco.MjData(self.model)
        self.time_ns = 0
        self._tcp = self.model.site("tcp").id
        self._socket = self.model.body("socket").id
        self._drive = make_drive(drive, self.model, connector.limits)
        self._sensor = WrenchSensor(self.model)
        self._twist = np.zeros(6)
        self._velocity = np.zeros(6)
        self._held = 0
        self.peak_force_n = 0.0
        self._begin(np.zeros(3), seed)

    def apply(self, twist: Vector) -> None:
        """Command a TCP twist (6,) in the TCP frame [m/s, rad/s], held until the next one.

        Raises:
            ContractError: the twist is not six finite numbers; the last command stays.
        """
        values = np.asarray(twist, np.float64)
        if values.shape != (6,) or not np.all(np.isfinite(values)):
            raise ContractError(f"twist: found {values.tolist()}, expected 6 finite numbers")
        self._twist = values.copy()

    def hold(self) -> None:
        """Put the set-point on the measured pose."""
        self._drive.hold(self.data)

    def step(self, duration_ns: int = TICK_NS) -> None:
        """Advance the physics.

        Raises:
            ContractError: the duration is not a positive number of ticks.
        """
        ticks, rest = divmod(duration_ns, TICK_NS)
        if ticks < 1 or rest:
            raise ContractError(
                f"duration_ns: found {duration_ns}, expected a multiple of {TICK_NS} above 0"
            )
        for _ in range(ticks):
            self._drive.command(self.data, self._twist)
            self._tick()

    def state(self) -> TcpState:
        """What the robot measures now; calling it changes nothing."""
        return TcpState(
            stamp_ns=self.time_ns,
            pose=self.tcp_pose(),
            twist=self._velocity[LINEAR_FIRST],
            wrench=self._sensor.read(),
            inserted=self._held >= HELD_TICKS,
        )

    def tare(self) -> None:
        """Take the present mean wrench for zero, as every reset does."""
        self._sensor.tare()

    def joint_state(self) -> JointState:
        """Arm joints as their encoders and torque sensors read them."""
        effort = self.data.qfrc_actuator[:7] + self.data.qfrc_gravcomp[:7]
        return JointState(JOINT_NAMES, self.data.qpos[:7].copy(), self.data.qvel[:7].copy(), effort)

    def tcp_pose(self) -> Pose:
        """TCP in the base frame."""
        quaternion = np.zeros(4)
        mujoco.mju_mat2Quat(quaternion, self.data.site_xmat[self._tcp])
        return Pose(self.data.site_xpos[self._tcp].copy(), quaternion[XYZW])

    def depth_and_offset(self) -> tuple[float, float]:
        """Depth of the plug's tip in the socket and its distance from the socket's axis [m]."""
        socket = self.data.xmat[self._socket].reshape(3, 3)
        way = self.data.site_xpos[self._tcp] - self.data.xpos[self._socket]
        x, y, z = (way @ socket).tolist()
        return z, math.hypot(x, y)

    def reset_motion(self, start_noise_m: Vector, seed: int) -> Iterator[None]:
        """Retract, return to the start pose plus noise, settle and tare, as a robot does.

        The set-point begins at the measured pose: what it was pressed against the socket with at
        the episode's end would hold the plug in it by friction.

        Each item is one tick of 10 ms, after which the state may be published.

        Args:
            start_noise_m: (3,) offset in the nominal start frame, hidden from the policy.
            seed: of the sensor noise of the coming episode.

        Raises:
            JammedError: the plug is stuck, or something is in the way.
        """
        self._twist = np.zeros(6)
        self._drive.hold(self.data)
        height_m = self.connector.start.height_mm * MM
        for velocity in reset_velocities(self.data, self._tcp, height_m, start_noise_m):
            self._drive.command_start_frame(self.data, velocity)
            self._tick()
            yield
        yield from self._begin_ticks(start_noise_m, seed)

    def reset(self, start_noise_m: Vector, seed: int) -> None:
        """Run the whole reset motion."""
        for _ in self.reset_motion(start_noise_m, seed):
            pass

    def jump(self, start_noise_m: Vector, seed: int) -> None:
        """Begin the same episode as reset does, without its motion or its robot time."""
        self._begin(start_noise_m, seed)

    def _begin(self, start_noise_m: Vector, seed: int) -> None:
        for _ in self._begin_ticks(start_noise_m, seed):
            pass

    def _begin_ticks(self, start_noise_m: Vector, seed: int) -> Iterator[None]:
        """Take up the rest posture, settle for a sensor window, tare and start the episode."""
        offset = Pose(np.asarray(start_noise_m, np.float64), np.array([0.0, 0.0, 0.0, 1.0]))
        joints = solve_joints(self.model, self._tcp, START.compose(offset), HOME_RAD)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:7] = joints
        mujoco.mj_forward(self.model, self.data)
        self._drive.begin(self.data)
        self._drive.command_start_frame(self.data, np.zeros(6))
        self._sensor.restart(seed)
        self._twist = np.zeros(6)
        self._held = 0
        for left in reversed(range(WINDOW)):
            self._tick()
            if left == 0:  # before the state of this tick is looked at
                self._sensor.tare()
                self.start_pose = self.tcp_pose()
                self.peak_force_n = 0.0
            yield

    def _tick(self) -> None:
        model, data = self.model, self.data
        self._drive.advance(data, STEPS_PER_TICK)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_comVel(model, data)
        mujoco.mj_objectVelocity(
            model, data, mujoco.mjtObj.mjOBJ_SITE, self._tcp, self._velocity, 1
        )
        self.time_ns += TICK_NS
        self._sensor.sample(data)
        self._held = self._held + 1 if self._is_inside() else 0
        fx, fy, fz = self._sensor.clean()[:3].tolist()
        self.peak_force_n = max(self.peak_force_n, math.sqrt(fx * fx + fy * fy + fz * fz))

    def _is_inside(self) -> bool:
        depth, offset = self.depth_and_offset()
        tolerance, full = self.connector.tolerance, self.connector.socket.depth_mm
        return depth >= (full - tolerance.depth_mm) * MM and offset <= tolerance.lateral_mm * MM
