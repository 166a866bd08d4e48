"""New tasks from recorded ones: physics knows no direction about the insertion axis.

The impedance is the same in every lateral direction, so a recorded episode, seen in a frame that is
turned about z or mirrored, is an episode of a connector whose pins and offset are turned or
mirrored. Seen from another nominal start pose, it is an episode of the same connector elsewhere.
Demonstrations and transitions of a task change together: only they can tell the learner how.

Letters: T tasks, B batch. Vectors of an observation, in order: position, rotation vector, linear
and angular velocity, force, torque; of an action: linear and angular velocity.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from oda_core.spec import TaskSpec
from oda_policy.config import MetaTrainConfig


class Symmetry(NamedTuple):
    """One change of frame per task."""

    basis: Tensor  # (T, 3, 3) orthogonal: a turn about z, mirrored or not
    mirror: Tensor  # (T,) determinant of the basis, 1 or -1
    shift: Tensor  # (T, 3) new nominal start in the turned frame, in scaled positions
    yaw: Tensor  # (T,) turn of the new start frame about z [rad]

    def observations(self, obs: Tensor, rotation_scale: float) -> Tensor:
        """Observations (T, B, 18) of the changed tasks."""
        back = turn_z(-self.yaw)  # into the axes of the new start frame
        polar = back @ self.basis
        axial = self.mirror[:, None, None] * polar
        vectors = obs.unflatten(-1, (6, 3))
        position = (_map(self.basis, vectors[..., 0, :]) - self.shift[:, None]) @ back.mT
        turned = self.mirror[:, None, None] * _map(self.basis, vectors[..., 1, :])
        rotation = left_turn(turned * rotation_scale, -self.yaw[:, None]) / rotation_scale
        pairs = _pairs(polar, axial, vectors[..., 2:, :])
        return torch.cat((position, rotation, pairs), -1)

    def actions(self, action: Tensor) -> Tensor:
        """Actions (T, B, 6) of the changed tasks; they are in the TCP frame, which moves along."""
        axial = self.mirror[:, None, None] * self.basis
        return _pairs(self.basis, axial, action.unflatten(-1, (2, 3))).clamp(-1, 1)


def draw_symmetry(
    tasks: int, config: MetaTrainConfig, spec: TaskSpec, generator: torch.Generator
) -> Symmetry:
    """Draw a turn in ±180°, a mirror image or none, and a new start for each task."""
    u = torch.rand((tasks, 6), generator=generator, device=generator.device)
    mirror = torch.where(u[:, 0] < 0.5, -1.0, 1.0)
    signs = torch.ones((tasks, 3), device=u.device)
    signs[:, 1] = mirror
    basis = turn_z(2 * math.pi * u[:, 1]) * signs[:, None]
    reach = torch.tensor([config.shift_lateral_m] * 2 + [config.shift_height_m], device=u.device)
    shift = (2 * u[:, 2:5] - 1) * reach / spec.position_scale_m
    return Symmetry(basis, mirror, shift, (2 * u[:, 5] - 1) * config.shift_yaw_rad)


def turn_z(angle: Tensor) -> Tensor:
    """Rotation matrices (T, 3, 3) about z by angles (T,) [rad]."""
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack((c, -s, zero, s, c, zero, zero, zero, one), -1).unflatten(-1, (3, 3))


def left_turn(rotation: Tensor, yaw: Tensor) -> Tensor:
    """Rotation vectors of Rz(yaw) Exp(r), for r (..., 3) and yaw (...) [rad], angles below pi."""
    half = rotation.norm(dim=-1, keepdim=True) / 2
    vector = rotation / 2 * torch.sinc(half / math.pi)
    w, (x, y, z) = half.cos().squeeze(-1), vector.unbind(-1)
    c, s = (yaw / 2).cos(), (yaw / 2).sin()
    product = torch.stack((c * x - s * y, c * y + s * x, c * z + s * w), -1)
    size = product.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(size, (c * w - s * z)[..., None])
    return product * torch.where(size > 1e-9, angle / size.clamp_min(1e-9), 2.0)


def _map(matrix: Tensor, vectors: Tensor) -> Tensor:
    return vectors @ matrix.mT  # (T, B, 3)


def _pairs(polar: Tensor, axial: Tensor, vectors: Tensor) -> Tensor:
    """Map vectors (T, B, 2n, 3), polar and axial ones by turns: (T, B, 6n)."""
    matrices = torch.stack((polar, axial) * (vectors.shape[-2] // 2), 1)  # (T, 2n, 3, 3)
    return torch.einsum("tkij,tbkj->tbki", matrices, vectors).flatten(-2)
