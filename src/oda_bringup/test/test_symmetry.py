"""The simulated cell has the symmetry that meta-training makes new tasks with."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from oda_core.spec import TaskSpec
from oda_policy.symmetry import Symmetry
from oda_sim.connector import load_connector
from oda_sim.env import InsertionEnv

QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
MIRROR = np.diag([1.0, -1.0, 1.0])


def drive(basis: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Observations (T, 18) of a square peg whose start, noise and actions are changed."""
    connector = load_connector("metal-peg-sq")
    aside = (basis @ [*connector.start.lateral_mm, 0.0])[:2]
    yaw = connector.start.yaw_deg * float(np.linalg.det(basis))
    start = replace(connector.start, lateral_mm=(float(aside[0]), float(aside[1])), yaw_deg=yaw)
    env = InsertionEnv(replace(connector, start=start), simulate_reset=False)
    env.reset(seed=0, options={"start_noise_m": basis @ [4e-4, -7e-4, 2e-4]})
    return np.stack([env.step(action)[0] for action in actions])


@pytest.mark.parametrize("basis", [QUARTER, MIRROR], ids=["turned", "mirrored"])
def test_a_changed_cell_answers_changed_actions_with_changed_observations(
    basis: np.ndarray,
) -> None:
    steps = 30
    actions = np.zeros((steps, 6), np.float32)
    actions[:, 2] = 0.35  # down, into contact with the socket's face
    actions[:, 0], actions[:, 1], actions[:, 5] = -0.2, 0.1, 0.05
    change = Symmetry(
        torch.from_numpy(basis)[None],
        torch.tensor([np.linalg.det(basis)]),
        torch.zeros(1, 3, dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
    )
    plain = torch.from_numpy(drive(np.eye(3), actions).astype(np.float64))[None]
    changed = change.actions(torch.from_numpy(actions.astype(np.float64))[None])[0]
    seen = drive(basis, changed.numpy().astype(np.float32))
    scale = TaskSpec().observation_scale
    expected = change.observations(plain, TaskSpec().rotation_scale_rad)[0].numpy()
    error = np.abs(seen - expected) * scale
    assert plain[0, :, 14].min() * scale[14] < -2.0  # the peg did touch [N]
    assert error[:, :3].max() < 1.5e-4  # [m]
    assert error[:, 3:6].max() < 2e-3  # [rad]
    force = error[:, 12:15].max(axis=1)  # [N], sensor noise included
    assert np.median(force) < 0.6
    assert np.quantile(force, 0.9) < 2.5  # but for the instant of impact
