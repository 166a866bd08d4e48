"""The law once more, in float64 NumPy, from its equations alone."""

import numpy as np

from oda_core.se3 import quat_from_rotvec, quat_multiply, rotvec_from_quat
from oda_sim.law import Measurement


def arms(count, seed):
    """Plausible measurements of a smoothly moving arm with a random model."""
    rng = np.random.default_rng(seed)
    jacobian = spread(rng, 6) * np.linspace(0.4, 1.2, 6) @ spread(rng, 7)[:6]
    axes = spread(rng, 7)
    mass = axes * np.geomspace(0.05, 5.0, 7) @ axes.T
    quaternion = quat_from_rotvec(rng.normal(size=3))
    start = rng.uniform(-1, 1, 7)
    for i in range(count):
        measured = Measurement()
        wave = np.sin(0.01 * i + np.arange(7))
        measured.position[:] = start + 0.02 * wave
        measured.velocity[:] = 0.2 * np.cos(0.01 * i + np.arange(7))
        measured.tcp_position[:] = [0.5, 0.0, 0.2] + 2e-3 * wave[:3]
        measured.tcp_rotation[:] = rotation(
            quat_multiply(quat_from_rotvec(0.02 * wave[3:6]), quaternion)
        )
        measured.jacobian[:] = jacobian + 0.01 * wave
        measured.mass[:] = mass
        yield measured


def spread(rng, size):
    """A random orthogonal matrix."""
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def rotation(quaternion):
    x, y, z, w = quaternion
    u = np.array([x, y, z])
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return (w * w - u @ u) * np.eye(3) + 2 * np.outer(u, u) + 2 * w * cross


def quaternion_of(matrix):
    """Of a rotation by less than a half turn."""
    w = 0.5 * np.sqrt(max(1.0 + np.trace(matrix), 0.0))
    skew = matrix - matrix.T
    return np.append(np.array([skew[2, 1], skew[0, 2], skew[1, 0]]) / (4 * w), w)


class ReferenceLaw:
    """Set-point, spring, damper, null space; without stale commands and faults."""

    def __init__(self, settings, measured):
        self.s = settings
        self.p, self.R = measured.tcp_position.copy(), measured.tcp_rotation.copy()
        self.posture = measured.position.copy()
        self.speed, self.acceleration, self.torque = np.zeros(6), np.zeros(6), np.zeros(7)
        self.accelerations = np.repeat(
            [settings.linear_acceleration_m_s2, settings.angular_acceleration_rad_s2], 3
        )
        self.jerks = np.repeat([settings.linear_jerk_m_s3, settings.angular_jerk_rad_s3], 3)

    def update(self, m, twist, dt):
        s, R = self.s, m.tcp_rotation
        self._follow(twist, dt)
        turn = quat_from_rotvec(R @ self.speed[3:] * dt)
        self.p = self.p + R @ self.speed[:3] * dt
        self.R = rotation(turn) @ self.R
        turned = rotvec_from_quat(quaternion_of(R.T @ self.R))
        error = np.append(R.T @ (self.p - m.tcp_position), turned)
        error = np.clip(error, -s.leash, s.leash)
        self.p = m.tcp_position + R @ error[:3]
        self.R = R @ rotation(quat_from_rotvec(error[3:]))
        J = np.kron(np.eye(2), R.T) @ m.jacobian
        inertia = np.linalg.inv(J @ np.linalg.solve(m.mass, J.T))
        D = damping(inertia, np.diag(s.stiffness), s.damping_ratio)
        wrench = s.stiffness * error + D @ (self.speed - J @ m.velocity)
        posture = s.posture_stiffness_nm_rad * (self.posture - m.position)
        posture = posture - s.posture_damping_nms_rad * m.velocity
        inverse = np.linalg.solve(m.mass, J.T) @ inertia  # dynamically consistent, (7, 6)
        wanted = J.T @ wrench + (np.eye(7) - J.T @ inverse.T) @ posture
        limit, step = np.array(s.torque_limit_nm), s.torque_rate_nm_s * dt
        change = np.clip(wanted, -limit, limit) - self.torque
        self.torque = self.torque + np.clip(change, -step, step)
        return error, wrench

    def _follow(self, twist, dt):
        gap, change = twist - self.speed, self.jerks * dt
        n = np.maximum(1, np.ceil((np.sqrt(1 + 8 * np.abs(gap) / (change * dt)) - 1) / 2))
        first = np.abs(gap) / (n * dt) + change * (n - 1) / 2
        wanted = np.sign(gap) * np.minimum(first, self.accelerations)
        self.acceleration = np.clip(wanted, self.acceleration - change, self.acceleration + change)
        self.speed = self.speed + self.acceleration * dt


def damping(inertia, stiffness, ratio):
    """By the generalised eigenproblem K q = w² Λ q, another way than the header's."""
    half = np.linalg.cholesky(inertia)
    inverse = np.linalg.inv(half)
    squared, vectors = np.linalg.eigh(inverse @ stiffness @ inverse.T)
    shape = half @ vectors
    return 2 * ratio * shape @ np.diag(np.sqrt(squared)) @ shape.T
