"""Gates: what must hold before anything is built on it. One file per gate, listed here.

A gate's module has measure(Request) -> Result; it is imported when it is asked for.
"""

import importlib
import json
from collections.abc import Callable, Sequence
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
    "demonstrations": "oda_bringup.gates.demonstrations",
    "ddpgfd": "oda_bringup.gates.ddpgfd",
    "oracle": "oda_bringup.gates.oracle",
    "latent": "oda_bringup.gates.latent",
}
FORMATS = ("png", "svg")


@dataclass(frozen=True, kw_only=True)
class Goals:
    """What the gates ask for, of the command and of the study."""

    rate: float = 0.95  # least success on every connector, of every gate that counts successes
    tolerance: float = 0.10  # of the peak force about the specified one, relative
    kl_nats: float = 1.0  # least KL of the task code of every connector
    r2: float = 0.5  # least mean R² of a probe from the task code to the lateral offset


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to measure and with how much effort."""

    names: tuple[str, ...]  # empty: the gate's own choice
    trials: int
    seed: int
    jobs: int
    bags: Path  # what oda collect wrote
    study: Path  # what oda reproduce wrote
    goals: Goals = field(default_factory=Goals)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One figure against its goal."""

    subject: str
    value: str
    goal: str
    passed: bool
    data: dict[str, Any] = field(default_factory=dict)  # the numbers behind the value


class Result(NamedTuple):
    """All figures of a gate, their plot, and what else they follow from."""

    findings: Sequence[Finding]
    plot: "Callable[[], Figure]"
    settings: dict[str, Any]

    @property
    def passed(self) -> bool:
        """There is something, and all of it holds."""
        return all_passed(self.findings)


def all_passed(findings: Sequence[Finding]) -> bool:
    """There is something, and all of it holds."""
    return bool(findings) and all(f.passed for f in findings)


def measure(name: str, request: Request) -> Result:
    """Run one gate.

    Raises:
        ConfigError: there is no such gate.
    """
    if name not in GATES:
        raise ConfigError(f"gate: found {name!r}, expected one of {', '.join(GATES)}")
    return importlib.import_module(GATES[name]).measure(request)


def write(name: str, result: Result, directory: Path) -> list[Path]:
    """Write the figures as JSON and the plot; the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        "gate": name,
        "passed": result.passed,
        "settings": result.settings,
        "findings": to_mapping(result.findings),
    }
    numbers = directory / f"{name}.json"
    write_atomic(numbers, json.dumps(content, indent=2) + "\n")
    figure = result.plot()
    pictures = [directory / f"{name}.{suffix}" for suffix in FORMATS]
    for path in pictures:
        figure.savefig(path, dpi=120)
    return [numbers, *pictures]
