"""oda meta-train: buffers to a checkpoint."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from oda_bringup.cli.console import ERR, OUT, say, table, track
from oda_bringup.cli.exits import Exit
from oda_core.errors import SessionError
from oda_core.settings import setting
from oda_policy.config import MetaTrainConfig, described


@described
@dataclass(frozen=True, kw_only=True)
class MetaTrainOptions:
    """Meta-train encoder, actor and critics on the buffers of many connectors (Algorithm 1).

    Inputs: the directory that oda convert wrote. Output: a checkpoint (safetensors, no pickle) and,
    beside it, a log for TensorBoard. A killed run goes on from its last saved state when the same
    command is given again with --resume.

    Example: oda meta-train --buffers data/buffers --output data/checkpoint.safetensors
    """

    buffers: str = setting("data/buffers", "directory with a directory per connector")
    output: str = setting("data/checkpoint.safetensors", "checkpoint to write")
    preset: Literal["paper", "best"] = setting("best", "starting point of the settings below")
    resume: bool = setting(False, "go on with an interrupted run")
    settings: Annotated[MetaTrainConfig, tyro.conf.arg(name="")] = field(
        default_factory=lambda: MetaTrainConfig.preset("best"),
        metadata={"description": "settings of Algorithm 1"},
    )


def default(words: list[str]) -> MetaTrainOptions:
    """Options before the command line changes them: those of the preset that it names."""
    joined = [w.removeprefix("--preset=") for w in words if w.startswith("--preset=")]
    after = [b for a, b in itertools.pairwise(words) if a == "--preset"]
    named = (joined + after or ["best"])[-1]
    preset: Literal["paper", "best"] = "paper" if named == "paper" else "best"
    return MetaTrainOptions(preset=preset, settings=MetaTrainConfig.preset(preset))


def run(options: MetaTrainOptions) -> int:
    """Load the buffers, train and say what came out."""
    from oda_bringup.buffers import find_tasks, load_task
    from oda_policy.meta_train import meta_train, progress, state_file, tensorboard

    output, c = Path(options.output), options.settings
    _check_output(options, output, state_file(output))
    tasks = [load_task(path) for path in track(find_tasks(Path(options.buffers)), "loading")]
    say(
        f"{len(tasks)} connectors, {sum(len(t.demos) for t in tasks)} demonstrations, "
        f"{sum(len(t.offline) for t in tasks)} offline episodes"
    )
    with tensorboard(output.with_suffix(".log")) as log, progress(c.updates, ERR) as bar:
        checkpoint = meta_train(tasks, c, output, preset=options.preset, listeners=(log, bar))
    rows = [(name, f"{value:.4g}") for name, value in checkpoint.info.metrics.items()]
    table(("last metrics", ""), rows)
    OUT.print(f"checkpoint {output}", markup=False)
    return Exit.OK


def _check_output(options: MetaTrainOptions, output: Path, state: Path) -> None:
    if options.resume and not state.exists():
        raise SessionError(f"{state}: no interrupted run to resume; leave --resume out")
    if not options.resume and state.exists():
        raise SessionError(
            f"{state}: an interrupted run is there; go on with --resume, delete it or choose "
            "another --output"
        )
    if output.exists():
        raise SessionError(f"{output}: exists already; choose another --output")
