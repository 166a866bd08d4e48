"""Gates: what must hold before a result is built on it, each a pure judgement of its inputs."""

from dataclasses import dataclass
from typing import Any

from oda_bringup.collect import attempts
from oda_bringup.gates.retention import TOLERANCE
from oda_bringup.study.data import EPISODE_S
from oda_bringup.study.unit import Desk
from oda_sim.connector import Connector
from oda_sim.env import InsertionEnv
from oda_sim.pushing import push


@dataclass(frozen=True, kw_only=True)
class Observable:
    """The scripted searcher, which sees only what the policy sees, inserts every connector."""

    connector: Connector
    trials: int
    rate: float

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return EPISODE_S * self.trials

    def run(self, desk: Desk) -> dict[str, Any]:
        """Let it try."""
        env = InsertionEnv(self.connector, simulate_reset=False)
        tried = [r.episode.success for r in attempts(env, self.trials, 1, "observable")]
        return judged(self.connector.name, sum(tried) / len(tried), self.rate)


@dataclass(frozen=True, kw_only=True)
class Retained:
    """An aligned push peaks at the connector's specified force."""

    connector: Connector
    cost_s: float = 1.0

    def run(self, desk: Desk) -> dict[str, Any]:
        """Push it in."""
        retention = self.connector.retention
        wanted, pushed = retention.force_n if retention else 0.0, push(self.connector)
        peak = float(pushed.force_n.max(initial=0.0))
        return {
            "what": f"{self.connector.name} {peak:.1f} N{'' if pushed.reached else ', stuck'}",
            "passed": pushed.reached and abs(peak - wanted) <= TOLERANCE * wanted,
            "goal": f"{wanted:g} N within {TOLERANCE:.0%}",
        }


@dataclass(frozen=True, kw_only=True)
class DataGate:
    """Whoever made a part of the data, the operator or DDPGfD, inserts every training connector."""

    part: str
    rate: float
    cost_s: float = 0.1

    def run(self, desk: Desk) -> dict[str, Any]:
        """Judge the trials that were made beside the data."""
        found = {done.id.split("/")[1]: done.result[self.part] for done in desk.all("collect")}
        return _worst({n: q["successes"] / q["trials"] for n, q in found.items()}, self.rate)


@dataclass(frozen=True, kw_only=True)
class OracleGate:
    """A policy that is told the true task inserts every training connector."""

    rate: float
    cost_s: float = 0.1

    def run(self, desk: Desk) -> dict[str, Any]:
        """Judge its trials."""
        found = {done.id.split("/")[1]: done.result["sampled"] for done in desk.all("oracle")}
        return _worst({n: t["successes"] / t["trials"] for n, t in found.items()}, self.rate)


@dataclass(frozen=True, kw_only=True)
class LatentGate:
    """z has not collapsed: it holds information, and it tells where the socket lies."""

    min_kl_nats: float
    min_r2: float
    cost_s: float = 0.1

    def run(self, desk: Desk) -> dict[str, Any]:
        """Judge the map of each checkpoint by its smallest KL and its mean R² of the offset."""
        maps = [done.result for done in desk.all("map")]
        kl = min(min(m["kl_nats"]) for m in maps)
        r2 = min((m["r2"]["lateral x"] + m["r2"]["lateral y"]) / 2 for m in maps)
        return {
            "what": f"least KL {kl:.2f} nats, least mean R² of the lateral offset {r2:.2f}",
            "passed": kl >= self.min_kl_nats and r2 >= self.min_r2,
            "goal": f"at least {self.min_kl_nats:g} nats and R² {self.min_r2:g}",
        }


def judged(what: str, found: float, goal: float) -> dict[str, Any]:
    """A rate against its goal."""
    return {"what": f"{what} {found:.0%}", "passed": found >= goal, "goal": f"at least {goal:.0%}"}


def _worst(rates: dict[str, float], goal: float) -> dict[str, Any]:
    worst = min(rates, key=lambda name: rates[name])
    return judged(f"worst: {worst}", rates[worst], goal) | {"rates": rates}
