"""Figures of many episodes: per connector, and what is wrong most often."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from oda_bringup.inspection.subject import Judged
from oda_core.types import Source
from oda_teleop.quality import Level


class Figures(NamedTuple):
    """Of the episodes of one connector."""

    connector: str
    episodes: int
    inserted: int
    good: int
    doubtful: int
    bad: int
    median_s: float
    longest_s: float
    median_peak_n: float
    largest_peak_n: float
    human: float  # share of the steps


COLUMNS = (
    "connector",
    "episodes",
    "inserted",
    "good",
    "doubtful",
    "bad",
    "duration, median",
    "longest",
    "peak force, median",
    "largest",
    "by hand",
)


def per_connector(episodes: Iterable[Judged]) -> list[Figures]:
    """Figures of each connector, in order of name."""
    groups: dict[str, list[Judged]] = {}
    for episode in episodes:
        groups.setdefault(episode.trace.end.connector, []).append(episode)
    return [_figures(name, groups[name]) for name in sorted(groups)]


def row(figures: Figures) -> tuple[str, ...]:
    """Texts for COLUMNS."""
    return (
        figures.connector or "unnamed",
        *(str(value) for value in figures[1:6]),
        f"{figures.median_s:.1f} s",
        f"{figures.longest_s:.1f} s",
        f"{figures.median_peak_n:.1f} N",
        f"{figures.largest_peak_n:.1f} N",
        f"{figures.human:.0%}",
    )


def causes(episodes: Iterable[Judged]) -> list[tuple[str, int]]:
    """Names of the findings and in how many episodes they are, the most frequent first."""
    counts = Counter(
        name for episode in episodes for name in {f.name for f in episode.verdict.findings}
    )
    return counts.most_common()


def sentence(episodes: Sequence[Judged]) -> str:
    """All in one sentence."""
    if not episodes:
        return "No episode was found."
    levels = Counter(episode.verdict.level for episode in episodes)
    parts = [f"{levels[Level.GOOD]} of {len(episodes)} episodes are good"]
    parts += [f"{levels[x]} {x.name.lower()}" for x in (Level.DOUBTFUL, Level.BAD) if levels[x]]
    found = causes(episodes)
    why = f" What was found: {', '.join(f'{n} ({k})' for n, k in found)}." if found else ""
    return f"{', '.join(parts)}.{why}"


def peak_n(episode: Judged) -> float:
    """Largest measured |force| [N]; that of the end event where no state was recorded."""
    trace = episode.trace
    return float(trace.force_n.max()) if trace.states.size else trace.end.peak_force_n


def _figures(name: str, group: list[Judged]) -> Figures:
    levels = Counter(episode.verdict.level for episode in group)
    seconds = [episode.trace.duration_s for episode in group]
    peaks = [peak_n(episode) for episode in group]
    steps = sum(len(episode.trace.sources) for episode in group)
    human = sum(int((episode.trace.sources == Source.HUMAN).sum()) for episode in group)
    return Figures(
        connector=name,
        episodes=len(group),
        inserted=sum(episode.trace.success for episode in group),
        good=levels[Level.GOOD],
        doubtful=levels[Level.DOUBTFUL],
        bad=levels[Level.BAD],
        median_s=median(seconds),
        longest_s=max(seconds),
        median_peak_n=median(peaks),
        largest_peak_n=max(peaks),
        human=human / steps if steps else 0.0,
    )
