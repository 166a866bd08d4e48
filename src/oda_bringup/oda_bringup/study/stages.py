"""The study as a graph: stages in the order of the flow, each a list of units.

collect -> convert -+-> training -+-> fig3, aside, stress, map, oracle -> gates
demonstrations -----+             +-> fig4, pretraining, challenges
+-> scaling-training -> scaling
+-> ablation-training -> ablations
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from oda_bringup.gates.latent import METHOD
from oda_bringup.study.data import GATED, Collect, Convert, Demonstrate, true_code
from oda_bringup.study.gates import DataGate, LatentGate, Observable, OracleGate, Retained
from oda_bringup.study.latent import Encoded, Map
from oda_bringup.study.learning import OracleTrials
from oda_bringup.study.methods import ABLATIONS, BEST, DDPGFD, FIG3, FIG4, METHODS, NEGATIVE, ORACLE
from oda_bringup.study.plan import (
    Study,
    adaptations,
    shown_by,
    train_unit,
    trials,
    variant_trials,
)
from oda_bringup.study.unit import Unit
from oda_core.seeds import task_seed

E_MODEL = "e-model-10p"
STRESSED = ("oda-paper", "oda-best", "awac-best")
CHALLENGED = ("oda-paper", "oda-best")


class Stage(NamedTuple):
    """A stage of the study."""

    name: str
    purpose: str
    units: Callable[[Study], Iterable[Unit]]


def collect(study: Study) -> Iterable[Unit]:
    """Bags of each training connector."""
    c = study.scale
    for connector in study.train:
        job = Collect(
            connector=connector,
            demos=c.demos,
            episodes=c.episodes,
            reruns=c.reruns,
            trials=c.gate_trials,
            learning=DDPGFD.within(c.effort).config if c.effort else DDPGFD.config,
            seed=task_seed(0, connector.name),  # the same data as from oda collect
        )
        yield Unit(stage="collect", name=connector.name, job=job)


def convert(study: Study) -> Iterable[Unit]:
    """Buffers of each training connector."""
    for connector in study.train:
        job = Convert(connector=connector.name, episodes=study.scale.episodes)
        yield Unit(
            stage="convert", name=connector.name, job=job, inputs=(f"collect/{connector.name}",)
        )


def demonstrations(study: Study) -> Iterable[Unit]:
    """Demonstrations of every connector that is not trained on."""
    for i, connector in enumerate((*study.test, *study.challenge, *study.stressed)):
        job = Demonstrate(connector=connector, demos=study.scale.demos, seed=1000 + i)
        yield Unit(stage="demonstrations", name=connector.name, job=job)


def training(study: Study) -> Iterable[Unit]:
    """Each kind of pretraining with each seed, on all training connectors."""
    kinds = {m.pretrained_as: m.pretraining for m in METHODS.values() if m.pretraining}
    for kind in (*kinds.values(), ORACLE):
        scaled = kind.scaled(study.scale.updates)
        seeds = 1 if kind is ORACLE else study.scale.seeds
        for seed in range(seeds):
            yield train_unit("training", scaled, study.train, seed)


def fig3(study: Study) -> Iterable[Unit]:
    """Demonstrations only, on the test connectors."""
    for name in FIG3:
        yield from trials("fig3", study, study.method(name), study.test)


def aside(study: Study) -> Iterable[Unit]:
    """The same on a training connector (§5.1)."""
    chosen = [connector for connector in study.train if connector.name == E_MODEL]
    for name in FIG3:
        yield from trials("aside", study, study.method(name), chosen)


def fig4(study: Study) -> Iterable[Unit]:
    """Finetuning on the test connectors; those at 100 of 100 at once end there."""
    for name in FIG4:
        yield from adaptations("fig4", study, study.method(name), study.test)


def pretraining(study: Study) -> Iterable[Unit]:
    """DDPG pretrained offline against random weights, on the first test connectors."""
    chosen = study.few
    yield from trials("pretraining", study, study.method("ddpg-pretrained"), chosen, "trials-")
    for name in NEGATIVE:
        yield from adaptations("pretraining", study, study.method(name), chosen)


def challenges(study: Study) -> Iterable[Unit]:
    """Finetuning on the challenges (Fig. 5 left)."""
    for name in CHALLENGED:
        yield from adaptations("challenges", study, study.method(name), study.challenge)


def scaling_training(study: Study) -> Iterable[Unit]:
    """`best` on nested random subsets of the training connectors."""
    kind = BEST.scaled(study.scale.size_updates)
    for seed in range(study.scale.size_seeds):
        order = np.random.default_rng(seed).permutation(len(study.train))
        for size in study.sizes:
            chosen = [study.train[i] for i in sorted(order[:size])]
            yield train_unit("scaling-training", kind, chosen, seed, f"n{size}-s{seed}")


def scaling(study: Study) -> Iterable[Unit]:
    """Demonstrations only, against the number of training connectors (Fig. 5 right)."""
    for seed in range(study.scale.size_seeds):
        for size in study.sizes:
            trained = f"scaling-training/n{size}-s{seed}"
            yield from variant_trials("scaling", study, trained, study.few, seed)


def ablation_training(study: Study) -> Iterable[Unit]:
    """`best` with one change taken back at a time."""
    for name, changes in ABLATIONS.items():
        kind = BEST.changed(changes).scaled(study.scale.ablation_updates)
        for seed in range(study.scale.ablation_seeds):
            unit = f"{slug(name)}-s{seed}"
            yield train_unit("ablation-training", kind, study.train, seed, unit)


def ablations(study: Study) -> Iterable[Unit]:
    """Demonstrations only, for each of these."""
    for name in ABLATIONS:
        for seed in range(study.scale.ablation_seeds):
            trained = f"ablation-training/{slug(name)}-s{seed}"
            yield from variant_trials("ablations", study, trained, study.test, seed)


def stressing(study: Study) -> Iterable[Unit]:
    """Demonstrations only, with the sockets far off the nominal place."""
    for name in STRESSED:
        yield from trials("stress", study, study.method(name), study.stressed)


def latent_map(study: Study) -> Iterable[Unit]:
    """The task codes of all connectors."""
    known = (*study.train, *study.test, *study.challenge)
    encoded = tuple(Encoded(name=c.name, split=c.split, code=true_code(c)) for c in known)
    shown = tuple(shown_by(connector) for connector in known)
    for name in ("oda-paper", "oda-best"):
        for seed in range(study.scale.seeds):
            unit = f"{name}-s{seed}"
            inputs = (f"training/{unit}", *shown)
            yield Unit(stage="map", name=unit, job=Map(connectors=encoded), inputs=inputs)


def oracle(study: Study) -> Iterable[Unit]:
    """A policy that is told the true task, on the training connectors."""
    for connector in study.train:
        job = OracleTrials(
            connector=connector, code=true_code(connector), trials=study.scale.gate_trials, seed=0
        )
        yield Unit(
            stage="oracle", name=connector.name, job=job, inputs=(f"training/{ORACLE.label}-s0",)
        )


def gates(study: Study) -> Iterable[Unit]:
    """What must hold of the connectors, the data and the task code."""
    c, goals = study.scale, study.scale.goals
    for connector in (*study.train, *study.test, *study.challenge):
        job = Observable(connector=connector, trials=c.gate_trials, rate=goals.rate)
        yield Unit(stage="gates", name=f"observable-{connector.name}", job=job)
        if connector.retention is not None:
            held = Retained(connector=connector, tolerance=goals.tolerance)
            yield Unit(stage="gates", name=f"retention-{connector.name}", job=held)
    for part in GATED:
        bags = tuple(f"collect/{connector.name}" for connector in study.train)
        job = DataGate(part=part, rate=goals.rate)
        yield Unit(stage="gates", name=part, job=job, inputs=bags)
    told = tuple(f"oracle/{connector.name}" for connector in study.train)
    yield Unit(stage="gates", name="oracle", job=OracleGate(rate=goals.rate), inputs=told)
    maps = tuple(f"map/{METHOD}-s{seed}" for seed in range(c.seeds))
    yield Unit(stage="gates", name="latent", job=LatentGate(goals=goals), inputs=maps)


STAGES = (
    Stage("collect", "bags of the training connectors", collect),
    Stage("convert", "bags to buffers", convert),
    Stage("demonstrations", "of test and challenge connectors", demonstrations),
    Stage("training", "every method and seed", training),
    Stage("map", "task codes", latent_map),
    Stage("oracle", "told the true task", oracle),
    Stage("gates", "what must hold first", gates),
    Stage("fig3", "demonstrations only", fig3),
    Stage("aside", "a training connector", aside),
    Stage("fig4", "finetuning", fig4),
    Stage("pretraining", "the negative result", pretraining),
    Stage("challenges", "Fig. 5 left", challenges),
    Stage("scaling-training", "subsets of connectors", scaling_training),
    Stage("scaling", "Fig. 5 right", scaling),
    Stage("ablation-training", "best with one change back", ablation_training),
    Stage("ablations", "what best adds", ablations),
    Stage("stress", "a wider spread", stressing),
)
NAMES = tuple(stage.name for stage in STAGES)


def units_of(study: Study) -> list[Unit]:
    """Every unit, inputs before their readers."""
    return [unit for stage in STAGES for unit in stage.units(study)]


def slug(text: str) -> str:
    """A file name of a label."""
    return "".join(c if c.isalnum() or c == "." else "-" for c in text.lower())
