"""report.html: one page with inline plots, without scripts or network."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from oda_policy import svg

ROLLING = 20  # episodes in the rolling success rate
NAMES = {
    "evaluate_initial": "Demonstrations only",
    "finetune": "Finetuning",
    "evaluate_final": "Final evaluation",
}
STYLE = """
:root { --ink:#1b2733; --soft:#5c6b7a; --line:#dde4ea; --back:#f5f7f9; --good:#1a7f5a;
        --bad:#b3372f; --blue:#2563a8; }
* { box-sizing:border-box }
body { margin:0; background:var(--back); color:var(--ink);
       font:16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif }
main { max-width:1040px; margin:0 auto; padding:32px 20px 60px }
h1 { font-size:26px; margin:0 0 4px } h2 { font-size:18px; margin:0 0 10px }
.sub { color:var(--soft); margin:0 0 20px }
.verdict { border-left:6px solid var(--bad); background:#fff; padding:16px 20px;
           border-radius:6px; font-size:18px }
.verdict.good { border-color:var(--good) }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(180px,1fr)); gap:14px;
         margin:18px 0 }
.tile, section { background:#fff; border:1px solid var(--line); border-radius:8px;
                 padding:14px 16px }
.tile b { display:block; font-size:24px } .tile span { color:var(--soft); font-size:14px }
.plots { display:grid; grid-template-columns:repeat(auto-fit,minmax(440px,1fr)); gap:14px }
section { margin-bottom:14px } svg { width:100%; height:auto; display:block }
table { border-collapse:collapse; width:100%; font-size:14px }
td, th { text-align:left; padding:4px 8px; border-bottom:1px solid var(--line); vertical-align:top;
         overflow-wrap:anywhere }
th { color:var(--soft); font-weight:500; width:32% }
@media (max-width:520px) { .plots { grid-template-columns:1fr } }
"""


def page(report: Mapping[str, Any]) -> str:
    """The whole page of a report made by build_report."""
    good = " good" if report["success"] else ""
    title = f"Adaptation to {report['connector']}"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body><main><h1>{escape(title)}</h1>
<p class="sub">Session {escape(report["session"])}, seed {report["seed"]}, preset
{escape(report["provenance"]["preset"]) or "not recorded"}</p>
<p class="verdict{good}">{escape(report["verdict"])}</p>
<div class="tiles">{_tiles(report)}</div>
<div class="plots">{_plots(report)}</div>
<section><h2>Details</h2>{_table(_details(report))}</section>
<section><h2>Provenance</h2>{_table(_provenance(report))}</section>
</main></body></html>
"""


def _tiles(report: Mapping[str, Any]) -> str:
    tiles = [("Demonstrations only", *_rate_text(report["demonstrations_only"]))]
    if report["finetuned"]:
        tiles.append(("After finetuning", *_rate_text(report["final"])))
    seconds = report["robot_time_s"]
    tiles += [
        ("Training episodes", str(report["training_episodes"]), f"{report['updates']} updates"),
        (
            "Robot time",
            _duration(seconds["total"]),
            f"{_duration(seconds.get('finetune', 0))} training",
        ),
        ("Wall time", _duration(report["machine"]["wall_time_s"]), "on this computer"),
        ("Largest force", _newton(report["peak_force_n"].get("largest")), "of any episode"),
    ]
    return "".join(
        f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b>'
        f"<span>{escape(note)}</span></div>"
        for name, value, note in tiles
    )


def _rate_text(rate: Mapping[str, Any]) -> tuple[str, str]:
    if not rate["trials"]:
        return "not run", ""
    low, high = rate["interval_95"]
    return f"{rate['successes']}/{rate['trials']}", f"95 %: {low:.1%} to {high:.1%}"


def _plots(report: Mapping[str, Any]) -> str:
    outcomes = report["outcomes"]
    if not outcomes:
        return ""
    seconds, total = [], 0.0
    for item in outcomes:
        total += item["robot_time_s"]
        seconds.append(total / 60)
    spans = _spans(outcomes, seconds)
    success = [1.0 if o["event"] == 1 and not o["assisted"] else 0.0 for o in outcomes]
    plots = [
        (
            f"Success rate of the last {ROLLING} episodes",
            svg.curve(
                seconds, _rolling(outcomes, success), spans, "robot time [min]", percent=True
            ),
        ),
        (
            "Steps of each episode",
            svg.dots(seconds, [float(o["steps"]) for o in outcomes], success, spans),
        ),
        (
            "Peak force of each episode",
            svg.histogram([o["peak_force_n"] for o in outcomes], "peak force [N]", "episodes"),
        ),
    ]
    if report["encoding"] and report["encoding"]["mean"]:
        encoding = report["encoding"]
        title = f"Task code from the demonstrations (KL {encoding['kl_nats']:.2f} nats)"
        plots.append((title, svg.bars(encoding["mean"], encoding["std"], "z")))
    return "".join(f"<section><h2>{escape(t)}</h2>{plot}</section>" for t, plot in plots)


def _spans(
    outcomes: Sequence[Mapping[str, Any]], ends: Sequence[float]
) -> list[tuple[str, float, float]]:
    """Name, begin and end of each phase on the time axis."""
    spans: list[tuple[str, float, float]] = []
    begin = 0.0
    for i, item in enumerate(outcomes):
        following = outcomes[i + 1] if i + 1 < len(outcomes) else None
        if following is None or (following["phase"], following["round"]) != (
            item["phase"],
            item["round"],
        ):
            phase = str(item["phase"])
            spans.append((NAMES.get(phase, phase), begin, ends[i]))
            begin = ends[i]
    return spans


def _rolling(outcomes: Sequence[Mapping[str, Any]], success: Sequence[float]) -> list[float]:
    """Mean success over the newest episodes of the same phase."""
    rates: list[float] = []
    first = 0
    for i, item in enumerate(outcomes):
        if i and item["phase"] != outcomes[i - 1]["phase"]:
            first = i
        window = success[max(first, i - ROLLING + 1) : i + 1]
        rates.append(sum(window) / len(window))
    return rates


def _details(report: Mapping[str, Any]) -> dict[str, str]:
    rows = {"Why it ended": report["reason"] or "it has not ended"}
    rows |= {
        f"{NAMES.get(phase, phase)}": f"{count} episodes, "
        f"{_duration(report['robot_time_s'].get(phase, 0))} of robot time"
        for phase, count in report["episodes"].items()
    }
    forces = report["peak_force_n"]
    rows["Peak force"] = ", ".join(f"{name} {_newton(value)}" for name, value in forces.items())
    if report["encoding"]:
        e = report["encoding"]
        rows["Demonstrations"] = f"{e['demonstrations']} with {e['transitions']} transitions"
    rows["Settings"] = ", ".join(f"{k} {v}" for k, v in report["config"].items())
    return rows


def _provenance(report: Mapping[str, Any]) -> dict[str, str]:
    source = report["provenance"]
    flat = {k.replace("_", " "): str(v) for k, v in source.items() if isinstance(v, str)}
    for name in ("settings", "versions"):
        flat[name] = ", ".join(f"{k} {v}" for k, v in source[name].items())
    host = report["machine"]["host"]
    flat["computer"] = ", ".join(f"{k} {v}" for k, v in host.items())
    return {name: text for name, text in flat.items() if text}


def _table(rows: Mapping[str, str]) -> str:
    cells = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
    return f"<table>{''.join(cells)}</table>"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _newton(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} N"
