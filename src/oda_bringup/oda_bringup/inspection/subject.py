"""What lies at a path, as traces with verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from oda_bringup.convert import find_bags
from oda_core.errors import BagError
from oda_core.gather import read_traces
from oda_core.trace import Trace, trace_of
from oda_policy.buffer import data_file, read_buffer, read_info
from oda_teleop.quality import QualityLimits, Verdict, judge

Kind = Literal["checkpoint", "buffer", "bags"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An episode and what the checks say of it."""

    trace: Trace
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Subject:
    """All episodes at one path."""

    path: Path
    kind: Kind
    sources: tuple[str, ...]  # files or bags that the episodes came from
    episodes: tuple[Judged, ...]


def kind_of(path: Path) -> Kind:
    """What a path holds.

    Raises:
        BagError: nothing that can be inspected.
    """
    if path.is_file() and path.suffix == ".safetensors":
        return "checkpoint"
    if data_file(path).exists():
        return "buffer"
    if path.is_dir():
        return "bags"
    raise BagError(
        f"{path}: found nothing to inspect; expected a bag, a directory above some, a buffer or a "
        "checkpoint (.safetensors)"
    )


def load(path: Path, limits: QualityLimits | None = None) -> Subject:
    """Read and judge every episode of bags or of a buffer.

    Raises:
        OdaError: it cannot be read.
    """
    kind = kind_of(path)
    if kind == "buffer":
        traces = [trace_of(episode, read_info(path).spec) for episode in read_buffer(path)]
        sources = tuple(source.path for source in read_info(path).sources)
    else:
        bags = find_bags([path])
        traces = [trace for bag in bags for trace in read_traces(bag)]
        sources = tuple(map(str, bags))
    return Subject(path=path, kind=kind, sources=sources, episodes=_judged(traces, limits))


def _judged(traces: Sequence[Trace], limits: QualityLimits | None) -> tuple[Judged, ...]:
    return tuple(Judged(trace=trace, verdict=judge(trace, limits)) for trace in traces)
