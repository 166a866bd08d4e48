"""Rigid motions in numpy. Quaternions are (x, y, z, w), as in ROS."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Pose(NamedTuple):
    """Pose of frame b in frame a, T_a_b."""

    position: Array  # (3,) [m]
    quaternion: Array  # (4,) unit, xyzw

    @classmethod
    def identity(cls) -> "Pose":
        """The pose of a frame in itself."""
        return cls(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))

    def inverse(self) -> "Pose":
        """T_b_a."""
        conjugate = quat_conjugate(self.quaternion)
        return Pose(-quat_rotate(conjugate, self.position), conjugate)

    def compose(self, other: "Pose") -> "Pose":
        """T_a_c from T_a_b (self) and T_b_c (other)."""
        return Pose(
            self.position + quat_rotate(self.quaternion, other.position),
            quat_multiply(self.quaternion, other.quaternion),
        )

    def relative_to(self, origin: "Pose") -> "Pose":
        """T_origin_self, both given in the same frame."""
        return origin.inverse().compose(self)


def quat_multiply(p: ArrayLike, q: ArrayLike) -> Array:
    """Hamilton product p ⊗ q, (4,)."""
    px, py, pz, pw = np.asarray(p, float)
    qx, qy, qz, qw = np.asarray(q, float)
    return np.array(
        [
            pw * qx + px * qw + py * qz - pz * qy,
            pw * qy - px * qz + py * qw + pz * qx,
            pw * qz + px * qy - py * qx + pz * qw,
            pw * qw - px * qx - py * qy - pz * qz,
        ]
    )


def quat_conjugate(q: ArrayLike) -> Array:
    """Inverse rotation of a unit quaternion, (4,)."""
    return np.asarray(q, float) * np.array([-1.0, -1.0, -1.0, 1.0])


def quat_rotate(q: ArrayLike, v: ArrayLike) -> Array:
    """Rotate v (3,) by the unit quaternion q: v + 2w(u×v) + 2u×(u×v)."""
    ux, uy, uz, w = np.asarray(q, float)
    x, y, z = np.asarray(v, float)
    tx, ty, tz = 2 * (uy * z - uz * y), 2 * (uz * x - ux * z), 2 * (ux * y - uy * x)
    return np.array(
        [
            x + w * tx + uy * tz - uz * ty,
            y + w * ty + uz * tx - ux * tz,
            z + w * tz + ux * ty - uy * tx,
        ]
    )


def quat_from_rotvec(rotvec: ArrayLike) -> Array:
    """SO(3) exponential: rotation vector (3,) [rad] to unit quaternion (4,)."""
    vector = np.asarray(rotvec, float)
    half = 0.5 * float(np.linalg.norm(vector))
    scale = 0.5 * float(np.sinc(half / np.pi))  # sin(half) / angle, 1/2 at zero
    return np.append(scale * vector, np.cos(half))


def rotvec_from_quat(q: ArrayLike) -> Array:
    """SO(3) logarithm: unit quaternion (4,) to the rotation vector (3,) of angle in [0, π]."""
    quaternion = np.asarray(q, float)
    if quaternion[3] < 0:
        quaternion = -quaternion
    sine = float(np.linalg.norm(quaternion[:3]))
    angle = 2.0 * float(np.arctan2(sine, quaternion[3]))
    return quaternion[:3] * (angle / sine if sine > 1e-12 else 2.0)


def exp(twist: ArrayLike) -> Pose:
    """SE(3) exponential: where a constant body twist (6,) of one second leads, linear first.

    Source: Lynch and Park, Modern Robotics (2017), section 3.3.3.
    """
    v, w = np.asarray(twist, float)[:3], np.asarray(twist, float)[3:]
    cross, double = np.cross(w, v), np.cross(w, np.cross(w, v))
    b, c = _coefficients(float(np.linalg.norm(w)))
    return Pose(v + b * cross + c * double, quat_from_rotvec(w))


def log(pose: Pose) -> Array:
    """SE(3) logarithm: the body twist (6,) that leads there in one second; inverse of exp.

    The rotation is the shorter way round, at most π.
    """
    w, p = rotvec_from_quat(pose.quaternion), np.asarray(pose.position, float)
    angle = float(np.linalg.norm(w))
    if angle < 1e-2:
        d = 1 / 12 + angle**2 / 720  # its error is below angle⁴ / 30000
    else:
        half = angle / 2
        d = (1 - half * float(np.cos(half)) / float(np.sin(half))) / angle**2
    return np.concatenate([p - np.cross(w, p) / 2 + d * np.cross(w, np.cross(w, p)), w])


def interpolate(a: Pose, b: Pose, fraction: float) -> Pose:
    """The pose on the screw motion from a (fraction 0) to b (fraction 1)."""
    return a.compose(exp(fraction * log(b.relative_to(a))))


def unit_quaternion(q: ArrayLike) -> Array:
    """A quaternion (4,) scaled to unit norm, with w of at least 0."""
    quaternion = np.asarray(q, float)
    quaternion = quaternion / np.linalg.norm(quaternion)
    return -quaternion if quaternion[3] < 0 else quaternion


def move_twist(twist: ArrayLike, frame: Pose) -> Array:
    """The twist (6,) of a frame b fixed to a, in b, from that of a, in a; frame is T_a_b."""
    v, w = np.asarray(twist, float)[:3], np.asarray(twist, float)[3:]
    back = quat_conjugate(frame.quaternion)
    moved = v + np.cross(w, frame.position)
    return np.concatenate([quat_rotate(back, moved), quat_rotate(back, w)])


def move_wrench(wrench: ArrayLike, frame: Pose) -> Array:
    """The same wrench (6,) about b and in b, from that about a, in a; frame is T_a_b."""
    f, m = np.asarray(wrench, float)[:3], np.asarray(wrench, float)[3:]
    back = quat_conjugate(frame.quaternion)
    moved = m - np.cross(frame.position, f)
    return np.concatenate([quat_rotate(back, f), quat_rotate(back, moved)])


def _coefficients(angle: float) -> tuple[float, float]:
    """(1 - cos a) / a² and (a - sin a) / a³."""
    if angle < 1e-2:
        return 0.5 - angle**2 / 24 + angle**4 / 720, 1 / 6 - angle**2 / 120 + angle**4 / 5040
    return (1 - float(np.cos(angle))) / angle**2, (angle - float(np.sin(angle))) / angle**3
