"""What a policy would have done where a demonstrator acted, beside what was done."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_bringup.inspection.page import html_table, whole_page
from oda_core.types import Episode
from oda_policy import svg
from oda_policy.policy import PolicySnapshot

AXES = ("x", "y", "z", "rx", "ry", "rz")
COLUMNS = ("episode", "end", "steps", *(f"rms {axis}" for axis in AXES), "direction", "likely")
CURVES = 6  # episodes drawn step by step
DOTS = 2000


class Shadow(NamedTuple):
    """One episode: recorded actions, and the policy's distribution at the same observations."""

    episode: Episode
    mean: NDArray[np.float32]  # (T, 6)
    std: NDArray[np.float32]  # (T, 6)

    @property
    def rms(self) -> NDArray[np.float64]:
        """(6,) root mean square of the difference, in parts of a full action."""
        off = self.mean.astype(np.float64) - self.episode.actions
        return np.sqrt(np.mean(off**2, axis=0))

    @property
    def direction(self) -> float:
        """Mean cosine between the linear velocities; 1: the same way."""
        a, b = self.mean[:, :3], self.episode.actions[:, :3]
        sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        moving = sizes > 1e-6
        return float(np.mean((a * b).sum(axis=1)[moving] / sizes[moving])) if moving.any() else 0.0

    @property
    def likely(self) -> float:
        """Share of the recorded values within two standard deviations of the policy's mean."""
        return float(np.mean(np.abs(self.episode.actions - self.mean) <= 2 * self.std))


def shadow(policy: PolicySnapshot, episodes: Sequence[Episode]) -> list[Shadow]:
    """Ask the policy at every observation that was acted on."""
    found: list[Shadow] = []
    for episode in episodes:
        answers = [policy.distribution(obs) for obs in episode.observations[:-1]]
        mean, std = (np.stack(column) for column in zip(*answers, strict=True))
        found.append(Shadow(episode, mean, np.broadcast_to(std, mean.shape)))
    return found


def row(one: Shadow) -> tuple[str, ...]:
    """Texts for COLUMNS."""
    return (
        str(one.episode.end.episode_id),
        one.episode.end.event.name.lower(),
        str(len(one.episode)),
        *(f"{value:.2f}" for value in one.rms),
        f"{one.direction:.2f}",
        f"{one.likely:.0%}",
    )


def shadow_page(bag: Path, checkpoint: Path, found: Sequence[Shadow]) -> str:
    """Table and plots as a page that stands alone."""
    dots = "".join(
        f"<section><h2>{axis}</h2>{_dots(found, i)}</section>" for i, axis in enumerate(AXES)
    )
    pairs = [(one, i) for one in found[:CURVES] for i in range(3)]
    curves = "".join(
        f"<section><h2>Episode {one.episode.end.episode_id}, {AXES[i]}</h2>{_curves(one, i)}"
        "</section>"
        for one, i in pairs
    )
    body = (
        '<p class="verdict good">Actions are in parts of the speed limit. rms: difference between '
        "the policy's mean action and the recorded one; direction: mean cosine of the linear "
        "velocities; likely: share of recorded values within two standard deviations.</p>"
        f"<section><h2>Episodes</h2>{html_table(COLUMNS, map(row, found))}</section>"
        f'<div class="plots">{dots}</div><h2>Step by step (blue: recorded, red: policy)</h2>'
        f'<div class="plots">{curves}</div>'
    )
    return whole_page(f"Shadow of {bag.name}", f"checkpoint {escape(str(checkpoint))}", body)


def _dots(found: Sequence[Shadow], axis: int) -> str:
    """Policy against recorded; a policy that agrees has all dots on the line."""
    recorded = np.concatenate([one.episode.actions[:, axis] for one in found])
    policy = np.concatenate([one.mean[:, axis] for one in found])
    axes = svg.Axes((-1.0, 1.0), (-1.0, 1.0))
    axes.grid("recorded", "policy")
    (x0, y0), (x1, y1) = axes.at(-1, -1), axes.at(1, 1)
    axes.parts.append(f'<line x1="{x0}" x2="{x1}" y1="{y0}" y2="{y1}" stroke="{svg.INK}"/>')
    every = max(1, len(recorded) // DOTS)
    for a, b in zip(recorded[::every].tolist(), policy[::every].tolist(), strict=True):
        x, y = axes.at(a, b)
        axes.parts.append(f'<circle cx="{x}" cy="{y}" r="2" fill="{svg.BLUE}" fill-opacity="0.5"/>')
    return axes.svg()


def _curves(one: Shadow, axis: int) -> str:
    axes = svg.Axes((0.0, float(max(1, len(one.episode) - 1))), (-1.0, 1.0))
    axes.grid("step", "")
    for values, colour in ((one.episode.actions[:, axis], svg.BLUE), (one.mean[:, axis], svg.BAD)):
        points = " ".join("{},{}".format(*axes.at(i, v)) for i, v in enumerate(values.tolist()))
        axes.parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    return axes.svg()
