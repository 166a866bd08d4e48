"""The tables of the study as Markdown; each a function of the results."""

from collections.abc import Callable, Iterable, Sequence
from statistics import mean

from oda_bringup.study import paper
from oda_bringup.study.results import Results, Row, per_seed, pooled, time_of
from oda_bringup.study.statistics import median_time, speed_up

MODES = {"sampled": "sampled actions", "deterministic": "mean actions"}
MINUTE_S = 60.0


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def fig3(results: Results) -> str:
    """Demonstrations only: mean over seeds of successes per 100 trials, and their range."""
    parts = [trials_table(results, "fig3", mode, paper.FIG3) for mode in MODES]
    return "\n\n".join(f"With {MODES[m]}:\n\n{t}" for m, t in zip(MODES, parts, strict=True))


def aside(results: Results) -> str:
    """The same on a training connector."""
    own = {name: paper.ASIDE for name in results.connectors("aside")}
    return trials_table(results, "aside", "sampled", own)


def stress(results: Results) -> str:
    """The same with the sockets further off."""
    return trials_table(results, "stress", "sampled", {})


def trials_table(
    results: Results, stage: str, mode: str, published: dict[str, tuple[int, int]]
) -> str:
    """A row per connector, a column per method."""
    methods = results.methods(stage)
    columns = [
        "connector",
        *(["paper: ODA", "paper: AWAC"] if published else []),
        *methods.values(),
    ]
    lines: list[list[object]] = []
    for connector in results.connectors(stage):
        theirs = list(published.get(connector, ("-", "-"))) if published else []
        own = [percent(results.of(stage, m, connector), mode) for m in methods]
        lines.append([f"`{connector}`", *theirs, *own])
    gap: list[object] = ["", ""] if published else []
    everything = [results.of(stage, m) for m in methods]
    lines.append(["**mean**", *gap, *(f"{pooled(rows, mode).value:.1%}" for rows in everything)])
    full = [sum(rate == 1 for rate in per_seed(rows, mode)) for rows in everything]
    counts = [f"{n} of {len(rows)}" for n, rows in zip(full, everything, strict=True)]
    lines.append(["runs without a failure", *gap, *counts])
    return markdown(columns, lines)


def percent(rows: Sequence[Row], mode: str) -> str:
    """Mean over seeds in percent, with their range where they differ."""
    if not rows:
        return "-"
    rates = [100 * rate for rate in per_seed(rows, mode)]
    low, high = min(rates), max(rates)
    return f"{mean(rates):.1f}" + (f" ({low:.0f} to {high:.0f})" if low != high else "")


def finetuning(results: Results, stage: str) -> str:
    """Robot time of finetuning to 100 of 100, per connector and method.

    *freed* counts jammed plugs that a person had to free.
    """
    lines = []
    for connector in results.connectors(stage):
        for method, label in results.methods(stage).items():
            rows = [r for r in results.of(stage, method, connector) if "finals" in r.result]
            if rows:
                lines.append([f"`{connector}`", label, *_runs(rows)])
    columns = ("connector", "method", "before", "robot time, median", "episodes", "freed", "solved")
    return markdown(columns, lines)


def _runs(rows: Sequence[Row]) -> list[object]:
    initial = [r.result["initial"] for r in rows]
    before = "-" if initial[0]["trials"] < 2 else f"{mean(_value(i) for i in initial):.0%}"
    episodes = [r.result["episodes"] for r in rows]
    time = median_time([time_of(r) for r in rows]).text(" min", MINUTE_S)
    solved = f"{sum(r.result['solved'] for r in rows)} of {len(rows)}"
    freed = sum(r.result["freed"] for r in rows)
    return [before, time, f"{min(episodes)} to {max(episodes)}", freed, solved]


def _value(rate: dict[str, float]) -> float:
    return rate["successes"] / rate["trials"] if rate["trials"] else 0.0


def ratios(results: Results) -> str:
    """Speed-up of ODA's finetuning against each other method, over connectors and seeds."""
    methods, lines = results.methods("fig4"), []
    for ours in (m for m in methods if m.startswith("oda-")):
        for other in (m for m in methods if not m.startswith("oda-")):
            pairs = _paired(results.of("fig4", ours), results.of("fig4", other))
            found = speed_up([time_of(a) for a, _ in pairs], [time_of(b) for _, b in pairs])
            value = "-" if found.median is None else found.median.text("", digits=2)
            published = paper.SPEED_UP.get(other, "-") if ours == "oda-paper" else "-"
            row = [methods[ours], methods[other], value, found.pairs, found.at_once, published]
            lines.append(row)
    columns = ("ours", "against", "times faster", "pairs", "ours at once", "paper")
    return markdown(columns, lines)


def _paired(ours: Sequence[Row], others: Sequence[Row]) -> list[tuple[Row, Row]]:
    known = {(r.job.connector.name, r.job.config.seed): r for r in others}
    keys = [(r.job.connector.name, r.job.config.seed) for r in ours]
    return [(r, known[key]) for r, key in zip(ours, keys, strict=True) if key in known]


def fig4(results: Results) -> str:
    """Finetuning and its speed-up."""
    return f"{finetuning(results, 'fig4')}\n\n{ratios(results)}"


def pretraining(results: Results) -> str:
    """DDPG pretrained offline: success before, and what it is worth after."""
    tried = [r for r in results.of("pretraining") if "sampled" in r.result]
    before = f"{pooled(tried, 'sampled').value:.1%}" if tried else "-"
    text = "Success of the pretrained policy on new connectors, before any finetuning"
    return f"{text}: {before} (paper: 0 %).\n\n{finetuning(results, 'pretraining')}"


def challenges(results: Results) -> str:
    """Minutes to 100 of 100, and the largest force of any finetuning episode."""
    lines = []
    for connector in results.connectors("challenges"):
        for method, label in results.methods("challenges").items():
            rows = results.of("challenges", method, connector)
            if not rows:
                continue
            peak = max([f for r in rows for f in r.result["training"]["peak_force_n"]], default=0.0)
            limit = rows[0].result["damage_n"]
            above = sum(f > limit for r in rows for f in r.result["training"]["peak_force_n"])
            theirs = paper.CHALLENGE_MINUTES.get(connector, f"< {paper.MINUTES:.0f}")
            forces = [f"{peak:.0f} N", f"{limit:.0f} N", above]
            lines.append([f"`{connector}`", label, *_runs(rows), f"{theirs} min", *forces])
    columns = (
        "connector", "method", "before", "robot time, median", "episodes", "freed", "solved",
        "paper", "peak force", "damage limit", "episodes above",
    )  # fmt: skip
    return markdown(columns, lines)


def scaling(results: Results) -> str:
    """Success against the number of training connectors."""
    return _grouped(results, "scaling", "training connectors", _size_of)


def ablations(results: Results) -> str:
    """Success of z alone with one part of `best` taken back at a time."""
    kl = {r.name: r.result["metrics"]["kl_nats"] for r in results.of("ablation-training")}
    table = _grouped(results, "ablations", "settings", _start_of)
    values = ", ".join(f"{name} {value:.1f}" for name, value in kl.items())
    return f"{table}\n\nKL of the task code at the end of training, in nats: {values}."


def _grouped(results: Results, stage: str, title: str, group: Callable[[Row], str]) -> str:
    rows, connectors = results.of(stage), results.connectors(stage)
    lines = []
    for key in dict.fromkeys(group(row) for row in rows):
        own = [row for row in rows if group(row) == key]
        per = [[r for r in own if r.job.connector.name == name] for name in connectors]
        cells = [percent(part, "sampled") for part in per]
        lines.append([key, *cells, f"{pooled(own, 'sampled').value:.1%}"])
    return markdown([title, *(f"`{name}`" for name in connectors), "mean"], lines)


def _size_of(row: Row) -> str:
    return row.name.split("-")[0].removeprefix("n")


def _start_of(row: Row) -> str:
    return row.name.removesuffix(f"-s{row.job.seed}-{row.job.connector.name}").replace("-", " ")


def latent(results: Results) -> str:
    """The nearest training connector of each connector, and what z tells of the true task."""
    rows = results.of("map")
    if not rows:
        return markdown(("checkpoint",), [])
    names = list(rows[0].result["r2"])
    probe = [
        [r.name, f"{min(r.result['kl_nats']):.1f}", *(f"{r.result['r2'][n]:.2f}" for n in names)]
        for r in rows
    ]
    shown = next((r for r in rows if r.name.startswith("oda-best")), rows[0]).result
    near = [
        [f"`{name}`", split, f"`{n['name']}`", f"{n['distance']:.2f}", f"{kl:.1f}"]
        for name, split, n, kl in zip(
            shown["connectors"], shown["splits"], shown["nearest"], shown["kl_nats"], strict=True
        )
    ]
    columns = ("connector", "split", "nearest training connector", "distance", "KL [nats]")
    r2 = markdown(("checkpoint", "least KL [nats]", *(f"R² {n}" for n in names)), probe)
    return f"{r2}\n\n{markdown(columns, near)}"


def gates(results: Results) -> str:
    """What had to hold first."""
    lines = [
        [r.name, f["subject"], f["value"], f["goal"], "yes" if f["passed"] else "**no**"]
        for r in results.of("gates")
        for f in r.result["findings"]
    ]
    return markdown(("gate", "of", "found", "goal", "passed"), lines)


def provenance(results: Results) -> str:
    """Units, time and machine of each stage."""
    lines, made = [], [row.record for rows in results.rows.values() for row in rows]
    for stage, rows in results.rows.items():
        spent = sum(row.record.wall_s for row in rows)
        seeds = sorted({s for row in rows if (s := _seed(row)) is not None})
        shown = (
            f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else ", ".join(map(str, seeds)) or "-"
        )
        units = f"{len(rows)} of {len(rows) + len(results.missing[stage])}"
        lines.append([stage, units, f"{spent / 60:.1f}", shown])
    machines = sorted({str(dict(record.machine)) for record in made})
    versions = sorted({str(dict(record.versions)) for record in made})
    table = markdown(("stage", "units done", "wall time of its units [min]", "seeds"), lines)
    return f"{table}\n\nMachine: {'; '.join(machines)}. Versions: {'; '.join(versions)}."


def _seed(row: Row) -> int | None:
    job = row.job
    return getattr(job, "seed", getattr(getattr(job, "config", None), "seed", None))
