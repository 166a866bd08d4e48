"""What a checkpoint is made of and where it comes from."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from oda_bringup.inspection.page import html_table, whole_page
from oda_core.config import to_mapping
from oda_policy.checkpoint import Checkpoint

Row = tuple[str, str]


class Facts(NamedTuple):
    """Of a checkpoint, as texts."""

    rows: list[Row]  # name and value
    networks: list[tuple[str, str, str, str]]  # name, numbers, norm, largest magnitude


def facts(path: Path) -> Facts:
    """Read a checkpoint and tell what is in it.

    Raises:
        CheckpointError: it is damaged or of another version.
    """
    checkpoint = Checkpoint.load(path)
    plain = to_mapping(checkpoint.info)
    rows = [row for name, value in plain.items() for row in _rows(name, value)]
    if checkpoint.memory is not None:
        counts = checkpoint.memory.counts
        rows.append(("memory", f"{int(counts.sum())} transitions of {len(counts)} tasks"))
    rows.append(("file", f"{path.stat().st_size / 1e6:.1f} MB"))
    return Facts(rows, _networks(checkpoint))


def checkpoint_page(path: Path, found: Facts) -> str:
    """The page of a checkpoint."""
    body = (
        f"<section><h2>Networks</h2>"
        f"{html_table(('network', 'numbers', 'norm', 'largest'), found.networks)}</section>"
        f"<section><h2>Origin and settings</h2>"
        f"{html_table(('name', 'value'), found.rows)}</section>"
    )
    return whole_page(f"Inspection of {path.name}", f"checkpoint: {path}", body)


def _rows(name: str, value: object) -> list[Row]:
    if isinstance(value, Mapping):
        return [row for key, inner in value.items() for row in _rows(f"{name}: {key}", inner)]
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return [(name.replace("_", " "), text)]


def _networks(checkpoint: Checkpoint) -> list[tuple[str, str, str, str]]:
    totals: dict[str, tuple[int, float, float]] = {}
    for name, tensor in checkpoint.tensors.items():
        count, square, largest = totals.get(name.split(".")[0], (0, 0.0, 0.0))
        totals[name.split(".")[0]] = (
            count + tensor.numel(),
            square + float(tensor.double().square().sum()),
            max(largest, float(tensor.abs().max())),
        )
    return [
        (name, f"{count:,}", f"{math.sqrt(square):.3g}", f"{largest:.3g}")
        for name, (count, square, largest) in totals.items()
    ]
