"""Spring fingers that give a socket its retention force.

A finger is a round nose on a preloaded spring beside a pin. The pin's bevel (angle θ from the
insertion axis) wedges it aside: pushing it by q takes the axial force (F0 + k q) tan(θ + atan µ),
so the preload F0 follows from the wanted peak. Past the bevel only friction is left.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from oda_core.errors import ConnectorError
from oda_sim.geometry import Array, edges, gap
from oda_sim.outline import MM, Prism, plug_length_m, prisms

if TYPE_CHECKING:
    from oda_sim.connector import Connector

STIFFNESS_N_M = 4000.0
RADIUS_M = 1e-3
MASS_KG = 0.02
HALF_LENGTH = 0.4  # of a nose between its round ends, in parts of the edge it presses on
LEAST_HALF_M = 0.3e-3
NOSE_POINTS = 9  # of a round end's outline
DAMPING_RATIO = 0.7
BITE = 0.8  # how far a finger reaches over the pin, in parts of its bevel


class Finger(NamedTuple):
    """One finger in the socket frame."""

    position: Array  # (3,) centre of the nose [m]
    outward: Array  # (2,) unit; the direction it yields in
    half_length_m: float
    radius_m: float
    travel_m: float
    preload_n: float
    stiffness_n_m: float
    damping_ns_m: float
    mass_kg: float


def fingers(connector: "Connector") -> list[Finger]:
    """Two opposite fingers for every held pin; none without retention.

    Raises:
        ConnectorError: the springs alone, without preload, give more than the wanted force.
    """
    retention = connector.retention
    if retention is None:
        return []
    held = retention.pins or range(len(connector.plug.pins))
    parts = prisms(connector)
    pins = [parts[i] for i in held]
    across, along = (value * MM for value in connector.plug.chamfer_mm)
    wedge = np.arctan2(across, along) + np.arctan(connector.socket.friction)
    bite = BITE * across
    preload = retention.force_n / (2 * len(pins) * np.tan(wedge)) - STIFFNESS_N_M * bite
    if preload < 0:
        least = 2 * len(pins) * np.tan(wedge) * STIFFNESS_N_M * bite
        raise ConnectorError(
            f"retention.force_n: found {retention.force_n}, expected at least {least:.1f} with "
            f"{2 * len(pins)} fingers; hold fewer pins (retention.pins) or use a smaller chamfer"
        )
    longest = plug_length_m(connector)
    return [
        _finger(pin, side, retention.start_mm * MM - (longest - pin.length_m), bite, preload)
        for pin in pins
        for side in _free_edges(pin, [p for p in parts if p is not pin], bite)
    ]


def _free_edges(pin: Prism, others: list[Prism], bite: float) -> tuple[int, int]:
    """The longest edge of a pin, and the edge that faces it best, that no neighbour stands on.

    Raises:
        ConnectorError: there is no room for two opposite fingers.
    """
    lengths = np.linalg.norm(np.roll(pin.section, -1, axis=0) - pin.section, axis=1)
    normal, _ = edges(pin.section)
    for first in np.argsort(-np.round(lengths, 9), kind="stable"):
        pair = int(first), int(np.argmin(normal @ normal[first]))
        noses = [_nose(pin, side, bite) for side in pair]
        if all(gap(nose, other.section) > 0 for nose in noses for other in others):
            return pair
    raise ConnectorError(
        f"retention: no two opposite sides of plug.{pin.label} have room for spring fingers; "
        "hold another pin (retention.pins) or move the keys"
    )


def _nose(pin: Prism, side: int, bite: float) -> Array:
    """Section that a finger takes up on its way from biting over the pin to beside it, (n, 2)."""
    a, b = pin.section[side], pin.section[(side + 1) % len(pin.section)]
    out = edges(pin.section)[0][side]
    along = np.array([-out[1], out[0]])
    angles = np.linspace(-np.pi / 2, np.pi / 2, NOSE_POINTS)
    inner, outer = (a + b) / 2 + out * (RADIUS_M - bite), (a + b) / 2 + out * RADIUS_M
    half = _half_length(a, b)
    section = []
    for sign, turn in ((1.0, 0.0), (-1.0, np.pi)):
        for angle in angles + turn:
            towards = np.sin(angle) * -out + np.cos(angle) * along
            center = outer if towards @ out > 0 else inner
            section.append(center + sign * half * along + RADIUS_M * towards)
    return np.array(section)


def _half_length(a: Array, b: Array) -> float:
    return max(HALF_LENGTH * float(np.linalg.norm(b - a)), LEAST_HALF_M)


def _finger(pin: Prism, side: int, depth: float, bite: float, preload: float) -> Finger:
    a, b = pin.section[side], pin.section[(side + 1) % len(pin.section)]
    normal, _ = edges(pin.section)
    outward = normal[side]
    center = (a + b) / 2 + outward * (RADIUS_M - bite)
    return Finger(
        position=np.array([*center, depth + RADIUS_M]),
        outward=outward,
        half_length_m=_half_length(a, b),
        radius_m=RADIUS_M,
        travel_m=4 * bite + 1e-3,
        preload_n=float(preload),
        stiffness_n_m=STIFFNESS_N_M,
        damping_ns_m=2 * DAMPING_RATIO * float(np.sqrt(STIFFNESS_N_M * MASS_KG)),
        mass_kg=MASS_KG,
    )
