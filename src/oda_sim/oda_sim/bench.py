"""How fast the simulation runs in contact."""

import time

import numpy as np

from oda_sim.connector import load_connector
from oda_sim.insertion import InsertionSim
from oda_sim.outline import MM

BESIDE_M = np.array([0.9e-3, 0.7e-3, 0.0])  # from above the hole: the plug misses it
PERIOD_NS = 100_000_000


def contact_realtime_factor(
    connector: str = "metal-peg-sq", periods: int = 50, repeats: int = 5
) -> float:
    """Simulated seconds per second of one core while the plug rubs on the socket's face.

    Everything that the environment does in a control period is included: impedance, sensors,
    state. The arm presses with some 7 N and circles beside the hole.

    Args:
        connector: a shipped name or a path.
        periods: of 100 ms, timed together.
        repeats: the median of so many timings is returned.
    """
    sim = InsertionSim(load_connector(connector))
    _touch(sim)
    factors = []
    for _ in range(repeats):
        begin = time.process_time()
        for k in range(periods):
            sim.apply(2e-3 * np.array([np.cos(k), np.sin(k), 0.0, 0.0, 0.0, 0.0]))
            sim.step(PERIOD_NS)
            sim.state()
        factors.append(periods * PERIOD_NS * 1e-9 / (time.process_time() - begin))
        if sim.state().wrench[2] > -1.0:
            raise RuntimeError("bench: the plug lost contact; expected more than 1 N of push")
    return float(np.median(factors))


def _touch(sim: InsertionSim) -> None:
    lateral = np.array([*sim.connector.start.lateral_mm, 0.0]) * MM
    sim.jump(lateral + BESIDE_M, 0)
    for _ in range(300):
        if sim.state().wrench[2] < -7.0:
            break
        sim.apply(np.array([0.0, 0.0, 0.01, 0.0, 0.0, 0.0]))
        sim.step(PERIOD_NS // 10)
    sim.apply(np.zeros(6))
    sim.step(PERIOD_NS)
