"""The connectors of a study, and units in the shapes that several stages share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from oda_bringup.study.data import true_code
from oda_bringup.study.learning import Adaptation, Train, Trials
from oda_bringup.study.methods import METHODS, ORACLE, Method
from oda_bringup.study.pretraining import Pretraining
from oda_bringup.study.scale import Scale
from oda_bringup.study.unit import Unit
from oda_sim.connector import Connector, list_connectors, load_connector
from oda_sim.variations import stress


@dataclass(frozen=True, kw_only=True)
class Study:
    """A scale with its connectors."""

    scale: Scale
    train: tuple[Connector, ...]
    test: tuple[Connector, ...]
    challenge: tuple[Connector, ...]

    @classmethod
    def load(cls, scale: Scale) -> "Study":
        """Read the connectors.

        Raises:
            OdaError: a connector is unknown or impossible.
        """
        named = {split: getattr(scale, split) for split in ("train", "test", "challenge")}
        loaded = {
            split: tuple(
                load_connector(n) for n in (list_connectors(split) if names is None else names)
            )
            for split, names in named.items()
        }
        return cls(scale=scale, **loaded)

    def method(self, name: str) -> Method:
        """A method with the effort of this scale."""
        return METHODS[name].within(self.scale.effort)

    @property
    def sizes(self) -> list[int]:
        """Numbers of training connectors to compare."""
        return [size for size in self.scale.sizes if size <= len(self.train)]

    @property
    def few(self) -> tuple[Connector, ...]:
        """The test connectors of comparisons that need only some."""
        return self.test[: self.scale.size_connectors]

    @property
    def stressed(self) -> tuple[Connector, ...]:
        """The test connectors with start transforms redrawn from a wider spread."""
        return tuple(
            _stressed(connector, seed)
            for connector in self.test
            for seed in range(self.scale.stress_seeds)
        )


def train_unit(
    stage: str, kind: Pretraining, chosen: Sequence[Connector], seed: int, name: str = ""
) -> Unit:
    """Pretraining on the converted data of some connectors."""
    codes = tuple((c.name, true_code(c)) for c in chosen) if kind.label == ORACLE.label else ()
    return Unit(
        stage=stage,
        name=name or f"{kind.label}-s{seed}",
        job=Train(pretraining=kind, codes=codes, seed=seed),
        inputs=tuple(f"convert/{connector.name}" for connector in chosen),
    )


def policy_unit(stage: str, name: str, job: Trials | Adaptation, checkpoint: str) -> Unit:
    """Trials or adaptation from a checkpoint (a training unit; empty: none) and demonstrations."""
    shown = shown_by(job.connector)
    inputs = (checkpoint, shown) if checkpoint else (shown,)
    return Unit(stage=stage, name=name, job=job, inputs=inputs)


def shown_by(connector: Connector) -> str:
    """The unit that holds the demonstrations of a connector."""
    stage = "convert" if connector.split == "train" else "demonstrations"
    return f"{stage}/{connector.name}"


def trials(
    stage: str, study: Study, method: Method, connectors: Iterable[Connector], prefix: str = ""
) -> Iterable[Unit]:
    """Trials with demonstrations only, for each connector and seed of training."""
    for connector in connectors:
        for seed in range(study.scale.seeds):
            job = Trials(method=method, connector=connector, trials=study.scale.trials, seed=seed)
            name = f"{prefix}{method.name}-s{seed}-{connector.name}"
            yield policy_unit(stage, name, job, _checkpoint(method, seed))


def variant_trials(
    stage: str, study: Study, trained: str, connectors: Iterable[Connector], seed: int
) -> Iterable[Unit]:
    """Trials of `best` from the checkpoint of another training unit."""
    method = study.method("oda-best")
    for connector in connectors:
        job = Trials(method=method, connector=connector, trials=study.scale.trials, seed=seed)
        yield policy_unit(stage, f"{trained.split('/')[1]}-{connector.name}", job, trained)


def adaptations(
    stage: str, study: Study, method: Method, connectors: Iterable[Connector]
) -> Iterable[Unit]:
    """Algorithm 2 for each connector and seed; nothing is evaluated before it can be any good."""
    for connector in connectors:
        for seed in range(study.scale.finetune_seeds):
            config = study.scale.adaptation(seed, None if method.useful_at_once else 1)
            job = Adaptation(method=method, connector=connector, config=config)
            name = f"{method.name}-s{seed}-{connector.name}"
            yield policy_unit(stage, name, job, _checkpoint(method, seed))


def _stressed(connector: Connector, seed: int) -> Connector:
    rng = np.random.default_rng([seed, *connector.name.encode()])
    return stress(connector, rng, f"{connector.name}-stress-{seed}")


def _checkpoint(method: Method, seed: int) -> str:
    return f"training/{method.pretrained_as}-s{seed}" if method.pretraining else ""
