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
