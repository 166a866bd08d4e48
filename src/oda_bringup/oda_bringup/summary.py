"""The end of an adaptation, for people."""

from typing import Any

from oda_bringup.cli.console import OUT, table


def show_summary(result: Any) -> None:
    """Print an Adapt result: what was reached, what it cost, where the report is."""
    rows = [
        ("demonstrations only", *_rate(result.initial_successes, result.initial_trials)),
        ("at the end", *_rate(result.final_successes, result.final_trials)),
    ]
    table(("", "inserted", "95 % interval"), rows)
    OUT.print(
        f"{result.training_episodes} training episodes, "
        f"robot time {result.robot_time_s / 60:.1f} min"
    )
    OUT.print(f"report {result.report_html}", markup=False)
    OUT.print(f"       {result.report_json}", markup=False)
    OUT.print(result.message, markup=False, style="green" if result.success else "red")


def _rate(successes: int, trials: int) -> tuple[str, str]:
    from oda_policy.evaluate import clopper_pearson  # loads torch

    low, high = clopper_pearson(successes, trials)
    return f"{successes}/{trials}", f"{low:.0%} to {high:.0%}"
