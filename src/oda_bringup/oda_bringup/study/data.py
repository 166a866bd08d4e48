"""Jobs that make data: bags of training connectors, their buffers, demonstrations of new ones."""

import shutil
from dataclasses import dataclass
from typing import Any

from oda_bringup.buffers import load_task
from oda_bringup.collect import DDPGFD, Work, collect_task, demonstrations
from oda_bringup.convert import convert, find_bags
from oda_bringup.quality import Quality
from oda_bringup.study.unit import Desk
from oda_core.config import to_mapping
from oda_policy.baselines.ddpgfd import DdpgfdConfig
from oda_policy.buffer import DEMONSTRATIONS, BufferInfo, write_buffer
from oda_sim.connector import Connector
from oda_sim.env import InsertionEnv

GATED = (DEMONSTRATIONS, DDPGFD)  # parts whose makers are tried
EPISODE_S = 0.06  # of simulation on one core, with a policy


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Bags of one training connector."""

    connector: Connector
    demos: int
    episodes: int
    reruns: int
    trials: int  # of the operator and of DDPGfD's final policy
    learning: DdpgfdConfig
    seed: int

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return 0.6 * self.episodes + EPISODE_S * (self.demos + self.reruns)

    def run(self, desk: Desk) -> dict[str, Any]:
        """Write them; those of an interrupted run are kept."""
        work = Work(
            connector=self.connector,
            directory=desk.directory,
            demos=self.demos,
            episodes=self.episodes,
            reruns=self.reruns,
            learning=self.learning,
            trials=self.trials,
            seed=self.seed,
        )
        collect_task(work)
        qualities = {part: Quality.load(desk.directory / f"{part}.json") for part in GATED}
        return {part: to_mapping(found) for part, found in qualities.items()}


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Buffers of one training connector."""

    connector: str
    episodes: int  # about

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return 0.01 * self.episodes

    def run(self, desk: Desk) -> dict[str, Any]:
        """Convert its bags."""
        bags = find_bags([desk.one("collect").directory])
        dropped = [reason for c in convert(bags, desk.directory) for reason in c.dropped]
        task = load_task(desk.directory / self.connector)
        return {
            "demonstrations": len(task.demos),
            "offline": len(task.offline),
            "offline_successes": sum(bool(e.terminations[-1]) for e in task.offline),
            "dropped": dropped,
        }


@dataclass(frozen=True, kw_only=True)
class Demonstrate:
    """Demonstrations of a connector that was never trained on, as a buffer."""

    connector: Connector
    demos: int
    seed: int

    @property
    def cost_s(self) -> float:
        """About how long it takes on one core."""
        return EPISODE_S * self.demos

    def run(self, desk: Desk) -> dict[str, Any]:
        """Let the operator model show it."""
        name = self.connector.name
        env = InsertionEnv(self.connector, simulate_reset=False)
        session = f"{name}-{DEMONSTRATIONS}-{self.seed}"
        episodes = [r.episode for r in demonstrations(env, self.demos, self.seed, session)]
        path = desk.directory / name / DEMONSTRATIONS
        shutil.rmtree(path, ignore_errors=True)  # of a run that was stopped right here
        write_buffer(path, episodes, BufferInfo(connector=name))
        return {
            "demonstrations": len(episodes),
            "tries": episodes[-1].end.episode_id + 1,
            "steps": [len(episode) for episode in episodes],
        }


LATERAL = ("lateral x", "lateral y")
CODE = (*LATERAL, "yaw", "height", "depth", "retention force")


def true_code(connector: Connector) -> tuple[float, ...]:
    """What only demonstrations tell, scaled to about ±1: the values that CODE names, (6,)."""
    start, depth_mm = connector.start, connector.socket.depth_mm
    force_n = connector.retention.force_n if connector.retention else 0.0
    return (
        start.lateral_mm[0] / 2,
        start.lateral_mm[1] / 2,
        start.yaw_deg / 2,
        (start.height_mm - 10) / 2,
        (depth_mm - 8) / 4,
        force_n / 50,
    )
