"""DDPGfD, whose replay is the offline data, ends with a policy that inserts every connector.

The policy is the last of the run and acts without noise.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oda_bringup.collect import DDPGFD
from oda_bringup.gates import Finding, Request, Result
from oda_bringup.gates.rates import read, running_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 50  # episodes in a running mean


def measure(request: Request) -> Result:
    """Judge the final policies of the DDPGfD runs of oda collect.

    Raises:
        ConfigError: there are none.
    """
    findings, goal = read(request, DDPGFD), request.goals.rate
    return Result(findings, lambda: draw(findings, goal), {"bags": str(request.bags)})


def draw(findings: Sequence[Finding], goal: float) -> "Figure":
    """The learning curves, with exploration, and where each ends without."""
    from matplotlib.figure import Figure  # takes a second to load

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for finding in findings:
        means = running_mean(finding.data["curve"], WIDTH)
        (line,) = axes.plot(range(1, len(means) + 1), means, linewidth=1.2, label=finding.subject)
        rate = finding.data["successes"] / max(finding.data["trials"], 1)
        axes.plot([len(means)], [rate], "o", color=line.get_color())
    axes.axhline(goal, color="black", linestyle="--", linewidth=1)
    axes.set(
        xlabel="training episode",
        ylabel=f"success, newest {WIDTH} episodes; dot: final policy without noise",
        ylim=(0, 1.02),
        title="DDPGfD from demonstrations",
    )
    axes.legend(fontsize="small")
    return figure
