"""Success rates of those who made the training data, one row per connector, against a floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oda_bringup.quality import Quality
from oda_core.errors import ConfigError

FLOOR = 0.95


@dataclass(frozen=True, kw_only=True)
class RatesResult:
    """What a gate found.

    Attributes:
        name: of the gate.
        rows: figures of each connector.
        floor: least success rate.
    """

    name: str
    rows: tuple[Quality, ...]
    floor: float = FLOOR

    @property
    def passed(self) -> bool:
        """Every connector reaches the floor."""
        return all(row.rate.value >= self.floor for row in self.rows)

    @property
    def worst(self) -> Quality:
        """The connector with the lowest rate."""
        return min(self.rows, key=lambda row: row.rate.value)

    def table(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Columns and rows to show."""
        columns = ("connector", "inserted", "95 % interval", "mean steps", "reached")
        return columns, [
            (
                row.connector,
                f"{row.successes}/{row.trials}",
                f"{row.rate.low:.1%} to {row.rate.high:.1%}",
                f"{row.mean_steps:.1f}",
                "yes" if row.rate.value >= self.floor else "no",
            )
            for row in self.rows
        ]


def read(directory: Path, part: str) -> tuple[Quality, ...]:
    """Figures of every task below a directory of bags.

    Args:
        directory: what oda collect wrote.
        part: demos or ddpgfd.

    Raises:
        ConfigError: there are none, or one is damaged.
    """
    files = sorted(directory.glob(f"*/{part}.json"))
    if not files:
        raise ConfigError(
            f"{directory}: found no */{part}.json; make them with oda collect --trials 100"
        )
    return tuple(Quality.load(file) for file in files)


def plot_rates(result: RatesResult, path: Path, title: str) -> None:
    """Draw a bar per connector with its interval, and the floor."""
    from matplotlib.figure import Figure  # takes a second to load

    rates = [row.rate for row in result.rows]
    figure = Figure(figsize=(8, 1.2 + 0.32 * len(rates)), layout="constrained")
    axes = figure.add_subplot()
    below = [r.value - r.low for r in rates]
    above = [r.high - r.value for r in rates]
    names = [row.connector for row in result.rows]
    axes.barh(names, [r.value for r in rates], xerr=(below, above), color="#4477aa", capsize=2)
    axes.axvline(result.floor, color="#cc3311", linestyle="--", linewidth=1)
    axes.set(xlabel="success rate, 95 % interval", xlim=(0, 1.02), title=title)
    axes.invert_yaxis()
    figure.savefig(path)


def running_mean(values: Sequence[int], width: int) -> list[float]:
    """Mean of the newest width values at each place, of fewer at the beginning."""
    newest = (values[max(0, i + 1 - width) : i + 1] for i in range(len(values)))
    return [sum(part) / len(part) for part in newest]
