"""Gates: what must hold before anything is built on it. One file per gate, listed here.

A gate's module has measure(Request) -> Result; it is imported when it is asked for.
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from oda_core.config import to_mapping
from oda_core.errors import ConfigError
from oda_core.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GATES = {
    "observable": "oda_bringup.gates.observable",
    "retention": "oda_bringup.gates.retention",
}
FORMATS = ("png", "svg")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to measure and with how much effort."""

    names: tuple[str, ...]  # empty: the gate's own choice
    trials: int
    seed: int
    jobs: int


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One figure against its goal."""

    subject: str
    value: str
    goal: str
    passed: bool
    data: dict[str, Any] = field(default_factory=dict)  # the numbers behind the value


class Result(NamedTuple):
    """All figures of a gate, and their plot."""

    findings: list[Finding]
    plot: "Callable[[], Figure]"

    @property
    def passed(self) -> bool:
        """There is something, and all of it holds."""
        return bool(self.findings) and all(f.passed for f in self.findings)


def measure(name: str, request: Request) -> Result:
    """Run one gate.

    Raises:
        ConfigError: there is no such gate.
    """
    if name not in GATES:
        raise ConfigError(f"gate: found {name!r}, expected one of {', '.join(GATES)}")
    return importlib.import_module(GATES[name]).measure(request)


def write(name: str, result: Result, request: Request, directory: Path) -> list[Path]:
    """Write the figures as JSON and the plot; the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        "gate": name,
        "passed": result.passed,
        "trials": request.trials,
        "seed": request.seed,
        "findings": to_mapping(result.findings),
    }
    numbers = directory / f"{name}.json"
    write_atomic(numbers, json.dumps(content, indent=2) + "\n")
    figure = result.plot()
    pictures = [directory / f"{name}.{suffix}" for suffix in FORMATS]
    for path in pictures:
        figure.savefig(path, dpi=120)
    return [numbers, *pictures]
