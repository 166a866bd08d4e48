"""From the deflection of a device to a TCP twist: pure functions, in the order in which they apply.

Deflections are six parts of the full one, in [-1, 1], in the device's axes: x away from the person,
y to the left, z up, then the turns about them (REP-103, as the spacenav driver publishes them).

    normalise -> dead_band -> lock_axes -> expo -> per-axis scale and gear -> into the TCP's frame
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oda_core.se3 import quat_conjugate, quat_from_rotvec, quat_rotate
from oda_core.settings import setting
from oda_core.spec import TaskSpec

Six = NDArray[np.float64]  # (6,) linear, angular
Lock = Literal["none", "translation", "rotation", "dominant"]
Frame = Literal["tool", "base"]

FULL_DEFLECTION = 350 / 512  # a space mouse ends at about 350 counts; its driver divides by 512
TOOL_FROM_DEVICE = np.array([1.0, 0.0, 0.0, 0.0])  # xyzw: half a turn about x; z is down


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """How a hand's motion becomes the robot's.

    Raises:
        ValueError: a list has the wrong length, or there is no such gear.
    """

    full_scale: float = setting(
        FULL_DEFLECTION, "What the driver reports at full deflection", bounds=(0.01, 10.0),
        mutable=True,
    )  # fmt: skip
    dead_band: float = setting(
        0.05, "Part of the full deflection that counts as none", bounds=(0.0, 0.9), mutable=True
    )
    expo: float = setting(
        0.4, "0: linear; 1: cubic, fine about the centre", bounds=(0.0, 1.0), mutable=True
    )
    scale: tuple[float, ...] = setting(
        (1.0,) * 6, "Factor of each axis; negative turns it round", bounds=(-1.0, 1.0), mutable=True
    )
    lock: Lock = field(
        default="none",
        metadata={
            "description": "Axes that pass: all, translation or rotation only, or the dominant one",
            "mutable": True,
        },
    )
    frame: Frame = field(
        default="base",
        metadata={"description": "Axes that the device moves along", "mutable": True},
    )
    heading_deg: float = setting(
        0.0, "Where the person looks: turn about the base's z from its x axis [deg]",
        bounds=(-180.0, 180.0), mutable=True,
    )  # fmt: skip
    gears: tuple[float, ...] = setting(
        (0.2, 0.5, 1.0), "Parts of the largest speed, slowest first", bounds=(0.01, 1.0)
    )
    gear: int = setting(2, "Gear in use, from 0", bounds=(0, 9), mutable=True)

    def __post_init__(self) -> None:
        if len(self.scale) != 6:
            raise ValueError(f"scale: found {len(self.scale)} factors, expected 6")
        if not 0 <= self.gear < len(self.gears):
            raise ValueError(f"gear: found {self.gear}, expected 0 to {len(self.gears) - 1}")


def shape(raw: Six, shaping: Shaping, tcp: Six | NDArray[np.float64], spec: TaskSpec) -> Six:
    """TCP twist of what a driver reports.

    Args:
        raw: (6,) as reported.
        shaping: settings.
        tcp: (4,) quaternion xyzw of the TCP in the base frame.
        spec: its limits are the largest speeds.

    Returns:
        (6,) twist [m/s, rad/s], expressed in the TCP frame.
    """
    deflection = deflect(raw, shaping)
    speed = np.array(shaping.scale) * shaping.gears[shaping.gear] * spec.action_scale
    return to_tcp(deflection * speed, shaping, tcp)


def deflect(raw: Six, shaping: Shaping) -> Six:
    """(6,) in [-1, 1] after dead band, lock and expo."""
    banded = dead_band(normalise(raw, shaping.full_scale), shaping.dead_band)
    return expo(lock_axes(banded, shaping.lock), shaping.expo)


def normalise(raw: Six, full_scale: float) -> Six:
    """Parts of the full deflection, in [-1, 1]."""
    return np.clip(raw / full_scale, -1.0, 1.0)


def dead_band(deflection: Six, band: float) -> Six:
    """Zero within the band, and from its edge on without a jump to the full deflection."""
    beyond = np.maximum(np.abs(deflection) - band, 0.0) / (1.0 - band)
    return np.sign(deflection) * beyond


def expo(deflection: Six, strength: float) -> Six:
    """Mix a straight line and a cubic: fine about the centre, the same at the ends."""
    return (1.0 - strength) * deflection + strength * deflection**3


def lock_axes(deflection: Six, lock: Lock) -> Six:
    """Let only the axes of the lock pass."""
    if lock == "none":
        return deflection
    if lock == "dominant":
        passes = np.arange(6) == np.argmax(np.abs(deflection))
    else:
        passes = (np.arange(6) < 3) == (lock == "translation")
    return np.where(passes, deflection, 0.0)


def to_tcp(twist: Six, shaping: Shaping, tcp: NDArray[np.float64]) -> Six:
    """Express a twist along the device's axes in the TCP frame.

    In the base frame the axes are those of the base, turned by the heading. In the tool frame they
    are those of a tool that points down: pressing the device down inserts, whatever way the tool
    points.
    """
    heading = quat_from_rotvec(np.array([0.0, 0.0, np.deg2rad(shaping.heading_deg)]))
    turned = [quat_rotate(heading, part) for part in (twist[:3], twist[3:])]
    into = TOOL_FROM_DEVICE if shaping.frame == "tool" else quat_conjugate(tcp)
    return np.concatenate([quat_rotate(into, part) for part in turned])
