"""Gate: the operator whose successes are the demonstrations inserts every training connector."""

from pathlib import Path

from oda_bringup.convert import DEMONSTRATIONS
from oda_bringup.gates.rates import RatesResult, plot_rates, read

NAME = "demonstrations"


def run(directory: Path) -> RatesResult:
    """Judge the operator's trials that oda collect counted below a directory.

    Raises:
        ConfigError: there are none.
    """
    return RatesResult(name=NAME, rows=read(directory, DEMONSTRATIONS))


def plot(result: RatesResult, path: Path) -> None:
    """Draw the rates of all connectors."""
    plot_rates(result, path, "Operator who makes the demonstrations")
