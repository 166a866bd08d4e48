"""The gates as units of the study, which judge as oda gate does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oda_bringup.gates import Finding, Goals, all_passed, latent, oracle, rates
from oda_bringup.gates.observable import insertions
from oda_bringup.gates.retention import retained
from oda_bringup.quality import Quality
from oda_bringup.study.data import EPISODE_S
from oda_bringup.study.unit import Desk
from oda_core.config import from_mapping, to_mapping
from oda_sim.connector import Connector


@dataclass(frozen=True, kw_only=True)
class Observable:
    """The scripted searcher, which sees only what the policy sees, inserts a connector."""

    connector: Connector
    trials: int
    rate: float

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return EPISODE_S * self.trials

    def run(self, desk: Desk) -> dict[str, Any]:
        """Let it try."""
        return _record([insertions(self.connector, self.trials, 1, self.rate)])


@dataclass(frozen=True, kw_only=True)
class Retained:
    """An aligned push peaks at the connector's specified force."""

    connector: Connector
    tolerance: float
    cost_s: float = 1.0

    def run(self, desk: Desk) -> dict[str, Any]:
        """Push it in."""
        return _record([retained(self.connector, self.tolerance)])


@dataclass(frozen=True, kw_only=True)
class DataGate:
    """Whoever made a part of the data, the operator or DDPGfD, inserts every training connector."""

    part: str
    rate: float
    cost_s: float = 0.1

    def run(self, desk: Desk) -> dict[str, Any]:
        """Judge the trials that were made beside the data."""
        made = [
            from_mapping(Quality, done.result[self.part], done.id) for done in desk.all("collect")
        ]
        return _record(rates.of_data(made, self.rate))


@dataclass(frozen=True, kw_only=True)
class OracleGate:
    """A policy that is told the true task inserts every training connector."""

    rate: float
    cost_s: float = 0.1

    def run(self, desk: Desk) -> dict[str, Any]:
        """Judge its trials."""
        return _record(oracle.of_trials(desk.all(oracle.STAGE), self.rate))


@dataclass(frozen=True, kw_only=True)
class LatentGate:
    """z has not collapsed: it holds information, and it tells where the socket lies."""

    goals: Goals
    cost_s: float = 0.1

    def run(self, desk: Desk) -> dict[str, Any]:
        """Judge the map of each checkpoint."""
        return _record(latent.of_maps(desk.all(latent.STAGE), self.goals))


def _record(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"passed": all_passed(findings), "findings": to_mapping(findings)}
