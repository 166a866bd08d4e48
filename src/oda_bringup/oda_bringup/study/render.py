"""Tables and plots of what is there, as one generated page; the discussion stands beside it."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from oda_bringup.study import plots, tables
from oda_bringup.study.results import Results
from oda_bringup.study.scale import Scale
from oda_core.config import to_mapping
from oda_core.files import write_atomic

PAGE, PLOTS, RAW = "study.md", "plots", "study.json"
HEAD = """\
# The study in figures

Written by `oda reproduce --scale {scale}` from `{raw}`; change nothing here by hand. What it means
is discussed in [README.md](README.md).
"""


class Section(NamedTuple):
    """A part of the page, made when its stage has results."""

    stage: str
    title: str
    text: str
    table: Callable[[Results], str]
    plot: Callable[[Results, Path], None] | None = None


SECTIONS = (
    Section("gates", "Gates", "What had to hold before anything was built on it.", tables.gates),
    Section(
        "fig3",
        "Fig. 3: demonstrations only",
        "Successes per 100 trials, mean over seeds of meta-training and their range; beside them "
        "the paper's. Bars: 95 % intervals over the trials of all seeds.",
        tables.fig3,
        plots.fig3,
    ),
    Section("aside", "§5.1: a training connector", "The same on E-model-10p.", tables.aside),
    Section(
        "fig4",
        "Fig. 4: finetuning",
        "Robot time of training episodes with their resets, until an evaluation of all trials "
        "succeeded. A run that used up its budget counts with at least that time (≥).",
        tables.fig4,
        plots.fig4,
    ),
    Section(
        "pretraining",
        "§5.2: DDPG pretrained offline",
        "On the same data, then finetuned with its own loss, against random weights.",
        tables.pretraining,
    ),
    Section(
        "challenges",
        "Fig. 5 left: challenges",
        "Without start noise. Peak force of any finetuning episode against the damage limit.",
        tables.challenges,
    ),
    Section(
        "scaling",
        "Fig. 5 right: number of training connectors",
        "Demonstrations only, after training on nested random subsets; mean over seeds and range.",
        tables.scaling,
        plots.scaling,
    ),
    Section(
        "ablations",
        "What `best` is made of",
        "z alone, without updates on the demonstrations; one setting taken back at a time.",
        tables.ablations,
    ),
    Section(
        "stress",
        "A wider spread",
        "Start transforms redrawn: lateral ± 4 mm, yaw ± 6°, height 10 ± 5 mm.",
        tables.stress,
    ),
    Section(
        "map",
        "Task codes",
        "R² of a linear probe from z to the true task, on connectors it was not fitted to; nearest "
        "training connector in units of the spread of z, for `best`, seed 0.",
        tables.latent,
        plots.latent,
    ),
    Section("collect", "Machine, versions, seeds, time", "", tables.provenance),
)


def render(results: Results, scale: Scale, directory: Path) -> Path:
    """Write the page, its plots and the results that both are made of.

    Args:
        results: what is there.
        scale: of the study.
        directory: where to write.

    Returns:
        The page.
    """
    parts = [HEAD.format(scale=scale.name, raw=RAW)]
    for section in SECTIONS:
        parts.append(f"## {section.title}\n\n{section.text}".rstrip())
        if not results.of(section.stage):
            parts.append("Not run yet.")
            continue
        parts.append(section.table(results))
        if missing := results.missing[section.stage]:
            parts.append(f"Without a result yet: {_counted(missing)}.")
        if section.plot is not None:
            name = f"{PLOTS}/{section.stage}.svg"
            section.plot(results, directory / name)
            parts.append(f"![{section.title}]({name})")
    page = directory / PAGE
    write_atomic(directory / RAW, raw(results, scale))
    write_atomic(page, "\n\n".join(parts) + "\n")
    return page


def raw(results: Results, scale: Scale) -> str:
    """Every result with its key as JSON, without the jobs."""
    stages = {
        stage: {
            row.name: {"key": row.record.key, "wall_s": row.record.wall_s, **row.result}
            for row in rows
        }
        for stage, rows in results.rows.items()
    }
    return json.dumps({"scale": to_mapping(scale), "stages": stages}, separators=(",", ":")) + "\n"


def _counted(names: Sequence[str]) -> str:
    """Names of units by what stands before their seed, with how many there are."""
    counts = Counter(re.split(r"-s\d+", name)[0] for name in names)
    return ", ".join(f"{count} of {name}" for name, count in counts.items())
