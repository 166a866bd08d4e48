"""The plots of the study; each a function of the results and a file to write."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from oda_bringup.gates.rates import running_mean
from oda_bringup.study import paper
from oda_bringup.study.results import Results, Row, per_seed, pooled

WINDOW = 10  # training episodes of a running success rate
SPLIT_COLOURS = {"train": "#4477aa", "test": "#ee7733", "challenge": "#aa3377"}


def fig3(results: Results, path: Path) -> None:
    """A group of bars per connector, with 95 % intervals over all trials; crosses: the paper."""
    methods, connectors = results.methods("fig3"), results.connectors("fig3")
    figure, axes = _figure(1.5 + 1.1 * max(len(connectors), 6), 4)
    width = 0.85 / max(len(methods), 1)
    for i, (method, label) in enumerate(methods.items()):
        rates = [pooled(results.of("fig3", method, c), "sampled") for c in connectors]
        x = np.arange(len(connectors)) + (i - (len(methods) - 1) / 2) * width
        spread = [[r.value - r.low for r in rates], [r.high - r.value for r in rates]]
        axes.bar(x, [r.value for r in rates], width, yerr=spread, label=label, error_kw={"lw": 0.8})
    theirs = [(i, paper.FIG3[c][0] / 100) for i, c in enumerate(connectors) if c in paper.FIG3]
    axes.plot(*zip(*theirs, strict=True), "kx", label="paper: ODA")
    axes.set_xticks(range(len(connectors)), connectors, rotation=25, ha="right")
    axes.set(ylabel="success, demonstrations only", ylim=(0, 1.05))
    figure.legend(fontsize="x-small", ncols=4, loc="outside upper center")
    _save(figure, path)


def fig4(results: Results, path: Path) -> None:
    """Running success of training episodes against robot time, one panel per connector."""
    methods, connectors = results.methods("fig4"), results.connectors("fig4")
    columns = min(3, len(connectors))
    rows = -(-len(connectors) // columns)
    figure = Figure(figsize=(4 * columns, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for connector, axes in zip(connectors, panels, strict=False):
        for i, (method, label) in enumerate(methods.items()):
            for k, row in enumerate(results.of("fig4", method, connector)):
                minutes, success = progress(row)
                axes.plot(minutes, success, color=f"C{i}", lw=1, label=None if k else label)
        cloned = results.of("fig3", "bc", connector)
        if cloned:
            rate = pooled(cloned, "sampled").value
            axes.axhline(rate, color="gray", ls="--", lw=1, label="behavioural cloning")
        axes.set(title=connector, xlabel="robot time [min]", ylim=(-0.02, 1.05))
    figure.axes[0].legend(fontsize="x-small")
    _save(figure, path)


def progress(row: Row) -> tuple[list[float], list[float]]:
    """Robot time [min] and success of the newest episodes, after each training episode."""
    training = row.result["training"]
    won, minutes = training["success"], np.cumsum(training["robot_time_s"]) / 60
    start = row.result["initial"]
    first = start["successes"] / max(start["trials"], 1)
    return [0.0, *minutes.tolist()], [first, *running_mean(won, WINDOW)]


def scaling(results: Results, path: Path) -> None:
    """Success against the number of training connectors; thin lines: seeds."""
    figure, axes = _figure(6, 4)
    for i, connector in enumerate(results.connectors("scaling")):
        rows = results.of("scaling", "", connector)
        points = [
            (int(r.name.split("-")[0][1:]), r.job.seed, per_seed([r], "sampled")[0]) for r in rows
        ]
        sizes = sorted({size for size, _, _ in points})
        for seed in sorted({seed for _, seed, _ in points}):
            own = sorted((n, rate) for n, s, rate in points if s == seed)
            axes.plot(*zip(*own, strict=True), color=f"C{i}", lw=0.6, alpha=0.6)
        means = [float(np.mean([rate for n, _, rate in points if n == size])) for size in sizes]
        axes.plot(sizes, means, "o-", color=f"C{i}", label=connector)
    axes.set(xlabel="training connectors", ylabel="success, demonstrations only", ylim=(0, 1.05))
    axes.legend(fontsize="small")
    _save(figure, path)


def latent(results: Results, path: Path) -> None:
    """The first two principal components of z of every connector, for `best` and seed 0."""
    rows = [r for r in results.of("map") if r.name.startswith("oda-best")]
    shown = rows[0].result
    figure, axes = _figure(6.5, 5)
    for split, colour in SPLIT_COLOURS.items():
        own = [i for i, s in enumerate(shown["splits"]) if s == split]
        points = np.array([shown["points"][i] for i in own]).reshape(-1, 2)
        axes.plot(points[:, 0], points[:, 1], "o", color=colour, label=split)
        for i, (x, y) in zip(own, points, strict=True):
            axes.annotate(shown["connectors"][i], (x, y), fontsize="x-small")
    parts = [*shown["explained"], 0.0]
    labels = [f"component {i + 1} ({parts[i]:.0%} of the variance)" for i in (0, 1)]
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.legend(fontsize="small")
    _save(figure, path)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Figure, path: Path) -> None:
    """Write as SVG; the same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": path.name}):
        figure.savefig(path, metadata={"Date": None})
