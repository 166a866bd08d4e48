"""Force against depth of an aligned push: what a connector's retention really is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oda_sim.connector import Connector
from oda_sim.insertion import InsertionSim
from oda_sim.outline import MM

SPEED_M_S = 5e-3
TURN_GAIN_1_S = 3.0
TICKS = 4000  # at most, 40 s
STOP_M = 0.7e-3  # before the floor, which is not to be felt


class Push(NamedTuple):
    """One slow push; a row per 10 ms from the socket's face on."""

    depth_m: NDArray[np.float64]  # (n,)
    force_n: NDArray[np.float64]  # (n,) resistance along the insertion
    reached: bool  # near the full depth


def push(connector: Connector) -> Push:
    """Stand over the socket without noise, turn to its yaw, and push along its axis."""
    sim = InsertionSim(connector)
    sim.jump(np.array([*connector.start.lateral_mm, 0.0]) * MM, 0)
    end = connector.socket.depth_mm * MM - STOP_M
    yaw = np.deg2rad(connector.start.yaw_deg)
    rows: list[tuple[float, float]] = []
    depth = -1.0
    for _ in range(TICKS):
        turned = 2.0 * sim.tcp_pose().relative_to(sim.start_pose).quaternion[2]
        turn = np.clip(TURN_GAIN_1_S * (yaw - turned), -0.2, 0.2)
        sim.apply(np.array([0.0, 0.0, SPEED_M_S, 0.0, 0.0, turn]))
        sim.step()
        depth, _ = sim.depth_and_offset()
        if depth >= end:
            break
        if depth > 0:
            rows.append((depth, -float(sim.state().wrench[2])))
    values = np.array(rows).reshape(-1, 2)
    return Push(values[:, 0], values[:, 1], depth >= end)
