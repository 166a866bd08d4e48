"""oda gate: what must hold before results are built on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from oda_bringup.cli.console import OUT, table
from oda_bringup.cli.exits import Exit
from oda_bringup.gates import Request, measure, write
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """Measure one gate, print its figures, and write them as JSON and as a plot.

    observable: the scripted operator, blind to the hidden noise, inserts each connector.
    retention: an aligned push peaks near each connector's specified force. demonstrations and
    ddpgfd: who made the training data inserts each connector, as oda collect counted. oracle: so
    does a policy that is told the true task. latent: the task code holds information and tells
    where the socket lies. These two read the records of oda reproduce, of its stages oracle and
    map. Each figure stands beside its goal; the exit code is 1 when a gate fails.

    Example: oda gate observable uk-ac-plug my_plug.yaml --trials 100
    """

    gate: Annotated[str, tyro.conf.Positional] = setting(
        "observable", "observable, retention, demonstrations, ddpgfd, oracle or latent"
    )
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = setting(
        (),
        "connectors by name, or YAML file of observable and retention; of latent: checkpoints such "
        "as oda-best-s0; none: all that the gate is about",
    )
    trials: int = setting(100, "episodes per connector of observable")
    seed: int = setting(0, "of the draws of observable")
    jobs: int = setting(0, "processes at once of observable and retention; 0: one per core")
    bags: str = setting("data/bags", "what oda collect wrote, for demonstrations and ddpgfd")
    study: str = setting("data/study", "what oda reproduce wrote, for oracle and latent")
    output: str = setting("gates", "directory for JSON and plots")

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"trials: found {self.trials}, expected 1 or more")


def run(options: GateOptions) -> int:
    """Measure, print, write."""
    request = Request(
        names=options.names,
        trials=options.trials,
        seed=options.seed,
        jobs=options.jobs,
        bags=Path(options.bags),
        study=Path(options.study),
    )
    result = measure(options.gate, request)
    rows = [(f.subject, f.value, f.goal, "yes" if f.passed else "NO") for f in result.findings]
    table(("of", options.gate, "goal", "passed"), rows)
    for path in write(options.gate, result, Path(options.output)):
        OUT.print(f"written {path}", markup=False)
    return Exit.OK if result.passed else Exit.NOT_ACCEPTED
