"""Gradient updates per second of AWAC without context, ours and d3rlpy's, in the same run."""

from oda_bringup.bench import Measured
from oda_core.errors import ConfigError
from oda_policy.bench import LearningBench, bench_updates

GOAL = 1.8


def measure() -> list[Measured]:
    """Rates [1/s] and their ratio; without d3rlpy, an optional extra, the line says so."""
    try:
        found = bench_updates(LearningBench())
    except ConfigError as error:
        return [Measured("AWAC against d3rlpy", 0.0, "x", f"not measured: {error}", True)]
    ours, theirs, ratio = (
        found[key] for key in ("oda_updates_per_s", "d3rlpy_updates_per_s", "ratio")
    )
    return [
        Measured("AWAC updates, ours", ours, "1/s", "", True),
        Measured("AWAC updates, d3rlpy", theirs, "1/s", "", True),
        Measured("AWAC against d3rlpy", ratio, "x", f">= {GOAL}", ratio >= GOAL),
    ]
