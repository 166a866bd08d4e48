"""Time of one cycle of the robot's control law, in states of an arm that presses and moves."""

import numpy as np
from numpy.typing import NDArray

from oda_bringup.bench import Measured
from oda_core.impedance import ImpedanceSettings
from oda_sim.connector import load_connector
from oda_sim.insertion import TICK_NS, InsertionSim
from oda_sim.law import Law, Measurement
from oda_sim.torque import ArmSensor

PEG = "metal-peg-sq"
GOAL_US = 50.0
PERIOD_S = 1e-3
UPDATES = 50_000
SEED = 0


def measure() -> list[Measured]:
    """Median, p99.9 and largest processor time [us] of the law's update alone, without Python."""
    states = moving_states(500)
    law, first = Law(ImpedanceSettings()), Measurement()
    first.flat[:] = states[0]
    law.start(first)
    law.command(np.array([0.01, -0.01, 0.02, 0.0, 0.1, 0.0]))
    there_and_back = np.concatenate([states, states[::-1]])
    repeated = np.tile(there_and_back, (UPDATES // len(there_and_back), 1))
    microseconds = 1e6 * law.durations(repeated, PERIOD_S)
    middle, most, largest = np.percentile(microseconds, [50, 99.9, 100]).tolist()
    what = f"control law, {len(repeated)} updates"
    return [
        Measured(f"{what}, median", middle, "us", "", True),
        Measured(f"{what}, p99.9", most, "us", f"< {GOAL_US:g}", most < GOAL_US),
        Measured(f"{what}, largest", largest, "us", "", True),
    ]


def moving_states(count: int) -> NDArray[np.float64]:
    """Measurements (N, 117), 10 ms apart, of a wandering arm that comes into contact."""
    sim, rng = InsertionSim(load_connector(PEG)), np.random.default_rng(SEED)
    sensor = ArmSensor(sim.model)
    states = []
    for i in range(count):
        if i % 10 == 0:
            sim.apply(rng.uniform(-1, 1, 6) * np.repeat([0.02, 0.1], 3) + [0, 0, 0.005, 0, 0, 0])
        sim.step(TICK_NS)
        states.append(sensor.read(sim.data).flat.copy())
    return np.stack(states)
