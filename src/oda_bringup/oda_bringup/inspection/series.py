"""Episodes as the compact JSON that the page draws from."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oda_bringup.inspection.figures import peak_n
from oda_bringup.inspection.subject import Judged
from oda_core.trace import Trace
from oda_core.types import Source

MOST_EPISODES = 500
POINTS = 15_000  # of all episodes together
MOST_POINTS, LEAST_POINTS = 300, 40  # of one


def page_data(episodes: Sequence[Judged]) -> list[dict[str, Any]]:
    """What the page knows of each of the first MOST_EPISODES episodes."""
    shown = episodes[:MOST_EPISODES]
    points = int(np.clip(POINTS // max(1, len(shown)), LEAST_POINTS, MOST_POINTS))
    origins = _origins(shown)
    return [_episode(e, origins[e.trace.end.connector], points) for e in shown]


def thin(force: NDArray[np.float64], points: int) -> NDArray[np.intp]:
    """Indices of at most so many samples, of each stretch the one with the largest force.

    Peaks stay, as do the first and the last sample.
    """
    count = len(force)
    if count <= points:
        return np.arange(count)
    edges = np.linspace(0, count, points - 1).astype(int)
    chosen = [a + int(np.argmax(force[a:b])) for a, b in pairwise(edges)]
    return np.unique([0, *chosen, count - 1])


def _origins(episodes: Sequence[Judged]) -> dict[str, NDArray[np.float64]]:
    """For each connector where its episodes end, in the median; of the inserted ones if any."""
    ends: dict[str, list[NDArray[np.float64]]] = {}
    for inserted in (True, False):
        for trace in (episode.trace for episode in episodes):
            known = ends.setdefault(trace.end.connector, [])
            if trace.states.size and (trace.success == inserted) and (inserted or not known):
                known.append(trace.states.position[-1])
    return {
        name: np.median(found, axis=0) if found else np.zeros(3) for name, found in ends.items()
    }


def _episode(judged: Judged, origin: NDArray[np.float64], points: int) -> dict[str, Any]:
    trace, end = judged.trace, judged.trace.end
    human = float((trace.sources == Source.HUMAN).mean()) if len(trace.sources) else 0.0
    return {
        "id": end.episode_id,
        "session": end.session,
        "connector": end.connector,
        "event": end.event.name if trace.finished else "cut off",
        "purpose": end.purpose.name.lower(),
        "level": int(judged.verdict.level),
        "findings": [
            {"level": int(f.level), "name": f.name, "text": f.text, "from": f.from_s, "to": f.to_s}
            for f in judged.verdict.findings
        ],
        "duration": round(trace.duration_s, 2),
        "steps": len(trace.actions),
        "peak": round(peak_n(judged), 1),
        "human": round(human, 2),
        **_curves(trace, origin, points),
    }


def _curves(trace: Trace, origin: NDArray[np.float64], points: int) -> dict[str, Any]:
    states, times = trace.states, trace.time_s
    keep = thin(trace.force_n, points)
    intervals = np.diff(times, prepend=times[:1])
    longest = np.maximum.reduceat(intervals, keep) if trace.timed and len(keep) else np.zeros(0)
    return {
        "t": _numbers(times[keep], 3),
        "dt": _numbers(1e3 * longest, 1),  # [ms], in the stretch from this sample to the next
        "p": _columns(1e3 * (states.position[keep] - origin), 3),  # [mm]
        "v": _columns(1e3 * states.twist[keep], 2),  # [mm/s], [mrad/s]
        "w": _columns(states.wrench[keep] * np.repeat([1.0, 1e3], 3), 2),  # [N], [Nmm]
        "ct": _numbers(trace.command_s, 3),
        "c": _columns(1e3 * trace.commands.twist, 2),
    }


def _columns(values: NDArray[np.float64], digits: int) -> list[list[float | None]]:
    return [_numbers(column, digits) for column in values.T]


def _numbers(values: NDArray[np.float64], digits: int) -> list[float | None]:
    return [round(v, digits) if np.isfinite(v) else None for v in values.tolist()]
