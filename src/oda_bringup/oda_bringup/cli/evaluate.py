"""oda evaluate: success rate of a checkpoint with demonstrations, in process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oda_bringup.cli.console import OUT, table, track
from oda_bringup.cli.exits import Exit
from oda_bringup.options import DEFAULT_CONNECTOR
from oda_core.files import write_atomic
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Evaluate a checkpoint with the demonstrations of one connector, without finetuning or ROS.

    Inputs: a checkpoint, demonstrations (bag or buffer) and the connector. Output: a table and,
    with --output, JSON with each trial's outcome, steps and peak force. The same seed gives the
    same trials, on any number of cores.

    Example: oda evaluate --connector my_plug.yaml --demos runs/my-demos/bag --output result.json
    """

    connector: str = setting(DEFAULT_CONNECTOR, "name of a connector, or path of its YAML file")
    demos: str = setting("", "bag or buffer of demonstrations; empty: those shipped with it")
    checkpoint: str = setting("", "meta-trained checkpoint; empty: the shipped one")
    trials: int = setting(100, "episodes")
    seed: int = setting(0, "of start noise and sampled actions")
    deterministic: bool = setting(False, "the policy's mean action instead of sampled ones")
    jobs: int = setting(0, "processes at once; 0: one per core")
    output: str = setting("", "JSON file to write")

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"trials: found {self.trials}, expected 1 or more")
        for name in ("seed", "jobs"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected 0 or more")


def run(options: EvaluateOptions) -> int:
    """Encode the demonstrations, run the trials and tell how many succeeded."""
    from oda_bringup.trials import prepare, run_trials
    from oda_policy.evaluate import success_rate

    job = prepare(options)
    label = f"evaluating {job.connector.name}"
    trials = list(
        track(run_trials(job, range(options.trials), options.jobs), label, options.trials)
    )
    results = sorted(trials, key=lambda t: t.number)
    rate = success_rate([trial.success for trial in results])
    steps = sorted(trial.steps for trial in results if trial.success)
    summary: dict[str, Any] = {
        "connector": job.connector.name,
        "successes": rate.successes,
        "trials": rate.trials,
        "interval_95": [rate.low, rate.high],
        "median_steps_of_successes": steps[len(steps) // 2] if steps else None,
        "max_peak_force_n": max(trial.peak_force_n for trial in results),
    }
    show(summary)
    if options.output:
        content = {**summary, **job.record(), "results": [t._asdict() for t in results]}
        write_atomic(Path(options.output), json.dumps(content, indent=2) + "\n")
        OUT.print(f"written {options.output}", markup=False)
    return Exit.OK


def show(summary: dict[str, Any]) -> None:
    """The result as a table."""
    low, high = summary["interval_95"]
    row = (
        summary["connector"],
        f"{summary['successes']}/{summary['trials']}",
        f"{low:.0%} to {high:.0%}",
        summary["median_steps_of_successes"],
        f"{summary['max_peak_force_n']:.0f} N",
    )
    table(("connector", "inserted", "95 % interval", "median steps", "peak force"), [row])
