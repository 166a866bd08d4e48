"""The report of an adaptation: report.json and one self-contained page, report.html."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oda_core.config import to_mapping
from oda_core.files import write_atomic
from oda_core.types import Event
from oda_policy.adapt import AdaptMachine, Outcome, Phase
from oda_policy.evaluate import Rate
from oda_policy.learner import Encoding
from oda_policy.report_page import page


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a result comes from; the same for two runs of the same seed."""

    checkpoint: str = ""  # path or name
    checkpoint_sha256: str = ""
    demonstrations: str = ""  # path or name
    demonstrations_sha256: str = ""
    preset: str = ""
    robot: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)  # finetuning and others
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What depends on the computer and its load."""

    wall_time_s: float
    host: Mapping[str, Any] = field(default_factory=dict)  # CPU, device, library builds
    paths: Mapping[str, str] = field(default_factory=dict)


def build_report(
    machine: AdaptMachine,
    encoding: Encoding | None,
    updates: int,
    provenance: Provenance,
    computer: Machine,
) -> dict[str, Any]:
    """Report as plain values.

    Everything outside of ``machine`` is the same for two lock-step runs of the same seed.

    Args:
        machine: adaptation, finished or not.
        encoding: what the demonstrations said; None where it failed before.
        updates: gradient updates done.
        provenance: files, hashes and settings.
        computer: wall time and host.
    """
    p = machine.progress
    return {
        "format": 1,
        "success": machine.phase is Phase.DONE,
        "verdict": verdict(machine),
        "session": p.session,
        "connector": p.connector,
        "phase": p.phase.value,
        "reason": p.reason,
        **_figures(machine),
        "updates": updates,
        "encoding": None if encoding is None else _encoding(encoding),
        "seed": p.config.seed,
        "config": to_mapping(p.config),
        "provenance": to_mapping(provenance),
        "outcomes": to_mapping(p.outcomes),
        "machine": to_mapping(computer),
    }


def _figures(machine: AdaptMachine) -> dict[str, Any]:
    """Successes, episodes, robot time [s] and forces [N] of what was run."""
    p = machine.progress
    by_phase = {phase: [o for o in p.outcomes if o.phase is phase] for phase in Phase}
    training = by_phase[Phase.FINETUNE]
    return {
        "demonstrations_only": _rate(machine.rate(Phase.EVALUATE_INITIAL)),
        "final": _rate(final_rate(machine)),
        "finetuned": bool(training),
        "rounds": p.round if training else 0,
        "episodes": {phase.value: len(items) for phase, items in by_phase.items() if items},
        "training_episodes": len(training),
        "robot_time_s": {
            "total": _seconds(p.outcomes),
            **{phase.value: _seconds(items) for phase, items in by_phase.items() if items},
        },
        "peak_force_n": _forces(p.outcomes),
    }


def write_report(report: Mapping[str, Any], directory: str | Path) -> tuple[Path, Path]:
    """Write report.json and report.html and return their paths."""
    json_path, html_path = Path(directory) / "report.json", Path(directory) / "report.html"
    write_atomic(json_path, json.dumps(report, indent=1))
    write_atomic(html_path, page(report))
    return json_path, html_path


def final_rate(machine: AdaptMachine) -> Rate:
    """The evaluation that counts: the newest final one, or the initial one if it ended there."""
    if machine.progress.outcomes and machine.training_episodes:
        return machine.rate(Phase.EVALUATE_FINAL)
    return machine.rate(Phase.EVALUATE_INITIAL)


def verdict(machine: AdaptMachine) -> str:
    """One honest sentence for an operator."""
    p, final = machine.progress, final_rate(machine)
    counted = f"{final.successes} of {final.trials} trials"
    interval = f"95 % interval {final.low:.1%} to {final.high:.1%}"
    if machine.phase is Phase.DONE:
        how = (
            f"after {machine.training_episodes} training episodes"
            if machine.training_episodes
            else "from the demonstrations alone, without a training episode"
        )
        return f"Success: {p.connector} was inserted in {counted} {how} ({interval})."
    if machine.phase is not Phase.FAILED:
        why = f": {p.reason}" if p.reason else ""
        return f"Unfinished: the adaptation to {p.connector} stopped in {p.phase.value}{why}."
    ends = [o.event for o in p.outcomes]
    hint = (
        "It was never inserted: check that the plug fits the socket, that the demonstrations are "
        "of this connector and end inserted, and the start pose."
        if Event.SUCCESS not in ends
        else "Record more or better demonstrations, or raise the budget, and try again."
    )
    if not final.trials:
        return f"Failure: the adaptation to {p.connector} was given up: {p.reason}. {hint}"
    return (
        f"Failure: {p.connector} was inserted in only {counted} ({interval}), fewer than the "
        f"accepted {p.config.accept_rate:.0%}. {hint}"
    )


def _rate(rate: Rate) -> dict[str, float]:
    return {
        "successes": rate.successes,
        "trials": rate.trials,
        "rate": rate.value,
        "interval_95": [round(rate.low, 6), round(rate.high, 6)],  # type: ignore[dict-item]
    }


def _seconds(outcomes: Sequence[Outcome]) -> float:
    return round(sum(o.robot_time_s for o in outcomes), 6)


def _forces(outcomes: Sequence[Outcome]) -> dict[str, float]:
    forces = sorted(o.peak_force_n for o in outcomes)
    if not forces:
        return {}
    return {
        "median": forces[len(forces) // 2],
        "p95": forces[min(len(forces) - 1, round(0.95 * len(forces)))],
        "largest": forces[-1],
    }


def _encoding(encoding: Encoding) -> dict[str, Any]:
    return {
        "mean": [float(v) for v in encoding.mean],
        "std": [float(v) for v in encoding.std],
        "kl_nats": encoding.kl_nats,
        "demonstrations": encoding.demonstrations,
        "transitions": encoding.transitions,
    }
