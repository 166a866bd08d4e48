"""Gate: DDPGfD, whose replay is the offline data, ends with a policy that inserts every connector.

The policy is the last of the run and acts without noise.
"""

from pathlib import Path

from oda_bringup.collect import DDPGFD
from oda_bringup.gates.rates import RatesResult, read, running_mean

NAME = "ddpgfd"
WIDTH = 50  # episodes in a running mean


def run(directory: Path) -> RatesResult:
    """Judge the final policies of the DDPGfD runs below a directory.

    Raises:
        ConfigError: there are none.
    """
    return RatesResult(name=NAME, rows=read(directory, DDPGFD))


def plot(result: RatesResult, path: Path) -> None:
    """Draw the learning curves, with exploration, and where each ends without."""
    from matplotlib.figure import Figure  # takes a second to load

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for row in result.rows:
        means = running_mean(row.curve, WIDTH)
        (line,) = axes.plot(range(1, len(means) + 1), means, linewidth=1.2, label=row.connector)
        axes.plot([len(means)], [row.rate.value], "o", color=line.get_color())
    axes.axhline(result.floor, color="#cc3311", linestyle="--", linewidth=1)
    axes.set(
        xlabel="training episode",
        ylabel=f"success, newest {WIDTH} episodes; dot: final policy without noise",
        ylim=(0, 1.02),
        title="DDPGfD from 20 demonstrations",
    )
    axes.legend(fontsize="small")
    figure.savefig(path)
