"""Retention is as specified: an aligned push along the axis peaks at the connector's force."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from oda_bringup.gates import Finding, Request, Result
from oda_bringup.parallel import each
from oda_core.errors import ConfigError
from oda_sim.connector import Connector, list_connectors, load_connector
from oda_sim.pushing import push

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4


def measure(request: Request) -> Result:
    """Push each connector once (all with retention, if none is named)."""
    connectors = [load_connector(name) for name in request.names or list_connectors()]
    free = [c.name for c in connectors if c.retention is None]
    if request.names and free:
        raise ConfigError(
            f"retention: {', '.join(free)} specifies no retention; name connectors that do"
        )
    held = [c for c in connectors if c.retention is not None]
    work = partial(retained, tolerance=request.goals.tolerance)
    findings = each(request.jobs, work, held)
    return Result(findings, lambda: draw(findings), {})


def retained(connector: Connector, tolerance: float) -> Finding:
    """The peak force of one aligned push against the specified force."""
    pushed = push(connector)
    wanted = connector.retention.force_n if connector.retention else 0.0
    peak = float(np.max(pushed.force_n, initial=0.0))
    near = abs(peak - wanted) <= tolerance * wanted
    return Finding(
        subject=connector.name,
        value=f"{peak:.1f} N{'' if pushed.reached else ', stuck'}",
        goal=f"{wanted:g} N within {tolerance:.0%}",
        passed=near and pushed.reached,
        data={
            "specified_n": wanted,
            "peak_n": peak,
            "depth_mm": np.round(1e3 * pushed.depth_m, 4).tolist(),
            "force_n": np.round(pushed.force_n, 3).tolist(),
        },
    )


def draw(findings: Sequence[Finding]) -> "Figure":
    """Force against depth of each connector, with the specified force."""
    from matplotlib.figure import Figure

    rows = -(-len(findings) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 2.0 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, finding in zip(axes, findings, strict=False):
        data = finding.data
        ax.plot(data["depth_mm"], data["force_n"], color="#2563a8")
        ax.axhline(data["specified_n"], color="black", linestyle="--", linewidth=1)
        ax.set_title(finding.subject, color="black" if finding.passed else "#b3372f", fontsize=9)
    for ax in axes[len(findings) :]:
        ax.set_axis_off()
    figure.supxlabel("depth [mm]")
    figure.supylabel("force [N]; dashed: specified")
    return figure
