"""Changed tasks obey the rules of vectors and poses."""

import math

import numpy as np
import pytest
import torch

from oda_core.se3 import Pose, quat_from_rotvec, quat_rotate
from oda_core.spec import TaskSpec, observe, to_twist
from oda_core.types import TcpState
from oda_policy.config import MetaTrainConfig
from oda_policy.symmetry import Symmetry, draw_symmetry, left_turn, turn_z

SPEC = TaskSpec()
SCALE = SPEC.rotation_scale_rad


def symmetry(turn: float = 0.0, shift: tuple[float, ...] = (0.0, 0.0, 0.0), yaw: float = 0.0):
    """A change without a mirror image, in double precision."""
    angle = torch.tensor([turn], dtype=torch.float64)
    return Symmetry(
        turn_z(angle),
        torch.ones(1, dtype=torch.float64),
        torch.tensor([shift], dtype=torch.float64),
        torch.tensor([yaw], dtype=torch.float64),
    )


def random_state(rng: np.random.Generator) -> TcpState:
    return TcpState(
        stamp_ns=0,
        pose=Pose(rng.normal(size=3) * 0.01, quat_from_rotvec(rng.normal(size=3) * 0.1)),
        twist=rng.normal(size=6) * 0.02,
        wrench=rng.normal(size=6) * 5,
        inserted=False,
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_shifted_start_is_what_another_start_pose_observes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    state, start = random_state(rng), Pose(rng.normal(size=3), quat_from_rotvec(rng.normal(size=3)))
    state = TcpState(**{**vars(state), "pose": start.compose(state.pose)})
    shift, yaw = rng.normal(size=3) * 1e-3, rng.normal() * 0.05
    other = start.compose(Pose(shift, quat_from_rotvec(np.array([0.0, 0.0, yaw]))))
    before = torch.from_numpy(observe(state, start, SPEC).astype(np.float64))[None, None]
    scaled = tuple(shift / SPEC.position_scale_m)
    after = symmetry(0.0, scaled, yaw).observations(before, SCALE)[0, 0]
    np.testing.assert_allclose(after, observe(state, other, SPEC), atol=2e-5)


def test_a_turned_task_is_what_turned_vectors_observe() -> None:
    rng = np.random.default_rng(3)
    state, identity = random_state(rng), Pose(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]))
    q = quat_from_rotvec(np.array([0.0, 0.0, 0.7]))
    turn = Pose(np.zeros(3), q)
    turned = TcpState(
        stamp_ns=0,
        pose=turn.compose(state.pose).compose(turn.inverse()),
        twist=np.concatenate([quat_rotate(q, v) for v in state.twist.reshape(2, 3)]),
        wrench=np.concatenate([quat_rotate(q, v) for v in state.wrench.reshape(2, 3)]),
        inserted=False,
    )
    before = torch.from_numpy(observe(state, identity, SPEC).astype(np.float64))[None, None]
    after = symmetry(0.7).observations(before, SCALE)[0, 0]
    np.testing.assert_allclose(after, observe(turned, identity, SPEC), atol=2e-5)


def test_turned_actions_command_turned_twists() -> None:
    action = np.array([0.3, -0.2, 0.5, 0.1, 0.4, -0.3], np.float32)
    turned = symmetry(0.7).actions(torch.from_numpy(action).double()[None, None])[0, 0].numpy()
    q = quat_from_rotvec(np.array([0.0, 0.0, 0.7]))
    expected = [quat_rotate(q, v) for v in to_twist(action, SPEC).reshape(2, 3)]
    np.testing.assert_allclose(to_twist(turned, SPEC), np.concatenate(expected), atol=1e-8)


def test_a_mirror_image_flips_what_a_mirror_flips() -> None:
    """In the plane y = 0: y of polar vectors, x and z of axial ones."""
    one = torch.ones(1, 1, 18, dtype=torch.float64)
    mirror = Symmetry(
        torch.diag(torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))[None],
        -torch.ones(1, dtype=torch.float64),
        torch.zeros(1, 3, dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
    )
    polar, axial = [1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]
    np.testing.assert_allclose(mirror.observations(one, SCALE)[0, 0], [*polar, *axial] * 3)
    np.testing.assert_allclose(mirror.actions(one[..., :6])[0, 0], [*polar, *axial])


def test_left_turn_survives_no_rotation_at_all() -> None:
    zero = torch.zeros(1, 3, requires_grad=True)
    turned = left_turn(zero, torch.zeros(1))
    turned.sum().backward()
    assert torch.equal(turned.detach(), torch.zeros(1, 3))
    assert zero.grad is not None and torch.isfinite(zero.grad).all()


def test_drawn_changes_are_orthogonal_and_within_their_bounds() -> None:
    config = MetaTrainConfig(symmetric=True)
    drawn = draw_symmetry(500, config, SPEC, torch.Generator().manual_seed(0))
    eye = drawn.basis @ drawn.basis.mT
    torch.testing.assert_close(eye, torch.eye(3).expand(500, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(drawn.basis), drawn.mirror)
    assert 0.4 < (drawn.mirror > 0).float().mean() < 0.6
    assert drawn.shift[:, :2].abs().max() * SPEC.position_scale_m <= config.shift_lateral_m
    assert drawn.shift[:, 2].abs().max() * SPEC.position_scale_m <= config.shift_height_m
    angle = torch.atan2(drawn.basis[:, 1, 0], drawn.basis[:, 0, 0])
    assert angle.min() < -0.9 * math.pi and angle.max() > 0.9 * math.pi
