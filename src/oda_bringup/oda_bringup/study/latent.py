"""Task codes of all connectors: a map, the nearest training connector, what z knows of the truth.

Letters: K connectors, G groups of demonstrations, Z latent, P parameters of the true task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oda_bringup.study.data import CODE
from oda_bringup.study.pretraining import NAME
from oda_bringup.study.unit import Desk
from oda_core.types import Episode
from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint
from oda_policy.encode import encode

Array = NDArray[np.float64]
GROUPS = 4  # of demonstrations per connector, each encoded apart for the probe


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One connector of the map."""

    name: str
    split: str
    code: tuple[float, ...]  # the true task, (P,)


@dataclass(frozen=True, kw_only=True)
class Map:
    """Where a checkpoint puts each connector."""

    connectors: tuple[Encoded, ...]

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return 0.5 * len(self.connectors)

    def run(self, desk: Desk) -> dict[str, Any]:
        """Encode every connector's demonstrations, whole and in groups."""
        agent = Checkpoint.load(desk.one("training").directory / NAME).agent()
        demos = [desk.demonstrations(c.name) for c in self.connectors]
        whole = [encode(agent, shown) for shown in demos]
        z = np.array([e.mean for e in whole], np.float64)  # (K, Z)
        trained = [i for i, c in enumerate(self.connectors) if c.split == "train"]
        names = [c.name for c in self.connectors]
        points, explained = project(z)
        return {
            "connectors": names,
            "splits": [c.split for c in self.connectors],
            "z": z.tolist(),
            "std": [e.std.tolist() for e in whole],
            "kl_nats": [e.kl_nats for e in whole],
            "points": points.tolist(),
            "explained": explained,
            "nearest": nearest(z, trained, names),
            "r2": self._probe(agent, demos),
        }

    def _probe(self, agent: Agent, demos: Sequence[Sequence[Episode]]) -> dict[str, float]:
        """R² of each true parameter from z, on connectors that the probe was not fitted to."""
        groups = min([GROUPS, *(len(shown) for shown in demos)])
        z, owner = [], []
        for i, shown in enumerate(demos):
            z += [encode(agent, shown[g::groups]).mean for g in range(groups)]
            owner += [i] * groups
        truth = np.array([c.code for c in self.connectors])[owner]  # (K G, P)
        r2 = probe_r2(np.array(z, np.float64), truth, np.array(owner))
        return dict(zip(CODE, r2.tolist(), strict=True))


def project(z: Array) -> tuple[Array, list[float]]:
    """The first two principal components of z (K, Z), (K, 2), and the variance each explains."""
    centred = z - z.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    width = min(2, len(s))
    points = np.zeros((len(z), 2))
    points[:, :width] = u[:, :width] * s[:width]
    total = float((s**2).sum()) or 1.0
    return points, [float(value**2) / total for value in s[:width]]


def nearest(z: Array, trained: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    """For each connector the nearest other training connector, in units of z's spread.

    Args:
        z: (K, Z).
        trained: rows of the training connectors.
        names: of the rows.
    """
    scaled = z / np.maximum(z.std(0), 1e-9)
    found = []
    for i in range(len(z)):
        others = [j for j in trained if j != i]
        distances = [float(np.linalg.norm(scaled[i] - scaled[j])) for j in others]
        order = int(np.argmin(distances))
        found.append({"name": names[others[order]], "distance": distances[order]})
    return found


def probe_r2(z: Array, truth: Array, owner: NDArray[np.int64], ridge: float = 1e-2) -> Array:
    """R² (P,) of a ridge regression from z, each connector predicted from all the others.

    Args:
        z: (N, Z) task codes.
        truth: (N, P) true parameters.
        owner: (N,) the connector of each row.
        ridge: penalty, relative to the spread of z.
    """
    predicted = np.zeros_like(truth)
    for k in np.unique(owner):
        held = owner == k
        mean, std = z[~held].mean(0), np.maximum(z[~held].std(0), 1e-9)
        x, y = (z - mean) / std, truth[~held]
        gram = x[~held].T @ x[~held] + ridge * (~held).sum() * np.eye(z.shape[1])
        weights = np.linalg.solve(gram, x[~held].T @ (y - y.mean(0)))
        predicted[held] = x[held] @ weights + y.mean(0)
    residual = np.square(truth - predicted).sum(0)
    total = np.square(truth - truth.mean(0)).sum(0)
    return 1 - residual / np.where(total > 0, total, np.inf)
