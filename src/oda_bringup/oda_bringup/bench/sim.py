"""Real-time factor of the simulation in contact, in process."""

from oda_bringup.bench import Measured
from oda_sim.bench import contact_realtime_factor

GOAL = 30.0


def measure() -> list[Measured]:
    """Simulated seconds per second of one core, pressing beside the hole."""
    factor = contact_realtime_factor("metal-peg-sq")
    what = "simulation in contact, metal-peg-sq, one core"
    return [Measured(what, factor, "x real time", f">= {GOAL:g}", factor >= GOAL)]
