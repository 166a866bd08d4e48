"""More connectors of the same family, for meta-training."""

from dataclasses import replace

import numpy as np

from oda_core.errors import ConnectorError
from oda_sim.connector import Connector
from oda_sim.outline import MM, plug_length_m
from oda_sim.parts import Key, Pin, Plug, Retention, Shell, Socket, Start

LATERAL_MM = 1.5
YAW_DEG = 2.0
HEIGHT_MM = (8.0, 12.0)
STRESS_LATERAL_MM = (-4.0, 4.0)
STRESS_YAW_DEG = (-6.0, 6.0)
STRESS_HEIGHT_MM = (5.0, 15.0)
SCALE = (0.85, 1.15)
DEPTH = (0.85, 1.1)
CLEARANCE = (0.8, 1.3)
FRICTION = (0.85, 1.15)
RETENTION = (0.7, 1.3)
ATTEMPTS = 50


def vary(connector: Connector, rng: np.random.Generator, name: str | None = None) -> Connector:
    """Draw a possible relative of a connector.

    Where the socket lies from the start (lateral ±1.5 mm, yaw ±2°, height), the section's scale,
    depth, clearance, friction and retention force are drawn anew; lengths and bevels stay. Meshes
    stay as they are, and so does the scale of what stands beside them.

    Args:
        connector: the model; not changed.
        rng: source of all draws.
        name: of the new connector; by default the old one with four random digits.

    Raises:
        ConnectorError: no draw of many was possible, so the model itself is at its limits.
    """
    label = name or f"{connector.name}-{int(rng.integers(10_000)):04d}"
    start = Start(
        lateral_mm=(_draw(rng, (-LATERAL_MM, LATERAL_MM)), _draw(rng, (-LATERAL_MM, LATERAL_MM))),
        yaw_deg=_draw(rng, (-YAW_DEG, YAW_DEG)),
        height_mm=_draw(rng, HEIGHT_MM),
        noise_mm=connector.start.noise_mm,
    )
    for _ in range(ATTEMPTS):
        scale = 1.0 if _has_meshes(connector) else _draw(rng, SCALE)
        try:
            return replace(
                connector,
                name=label,
                split="train",
                plug=_scale_plug(connector.plug, scale),
                socket=_vary_socket(connector, rng, scale),
                retention=_vary_retention(connector.retention, rng),
                start=start,
            )
        except ConnectorError:
            continue  # this draw cannot be built; draw again
    raise ConnectorError(
        f"{connector.name}: none of {ATTEMPTS} variations is possible; check its clearance, depth "
        "and retention against their limits"
    )


def stress(connector: Connector, rng: np.random.Generator, name: str | None = None) -> Connector:
    """The same connector further off: lateral ±4 mm, yaw ±6°, height 10 ± 5 mm (spread 4).

    Only the transform from start to socket is drawn anew. Source: two prototypes of the study,
    whose methods part ways at this spread.

    Args:
        connector: the model; not changed.
        rng: source of all draws.
        name: of the new connector; by default the old one with "-stress".
    """
    start = replace(
        connector.start,
        lateral_mm=(_draw(rng, STRESS_LATERAL_MM), _draw(rng, STRESS_LATERAL_MM)),
        yaw_deg=_draw(rng, STRESS_YAW_DEG),
        height_mm=_draw(rng, STRESS_HEIGHT_MM),
    )
    return replace(connector, name=name or f"{connector.name}-stress", start=start)


def _has_meshes(connector: Connector) -> bool:
    return bool(connector.plug.meshes or connector.socket.meshes)


def _draw(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return round(float(rng.uniform(*bounds)), 4)


def _vary_socket(connector: Connector, rng: np.random.Generator, scale: float) -> Socket:
    socket = connector.socket
    longest = round(plug_length_m(connector) / MM, 4)
    return replace(
        socket,
        size_mm=_pair(socket.size_mm, max(scale, 1.0)),
        clearance_mm=round(socket.clearance_mm * _draw(rng, CLEARANCE), 4),
        depth_mm=min(round(socket.depth_mm * _draw(rng, DEPTH), 4), longest),
        friction=round(socket.friction * _draw(rng, FRICTION), 4),
    )


def _vary_retention(retention: Retention | None, rng: np.random.Generator) -> Retention | None:
    if retention is None:
        return None
    return replace(retention, force_n=round(retention.force_n * _draw(rng, RETENTION), 4))


def _scale_plug(plug: Plug, scale: float) -> Plug:
    return replace(
        plug,
        pins=tuple(_scale_pin(pin, scale) for pin in plug.pins),
        keys=tuple(_scale_key(key, scale) for key in plug.keys),
        shell=None if plug.shell is None else _scale_shell(plug.shell, scale),
    )


def _scale_pin(pin: Pin, scale: float) -> Pin:
    return replace(
        pin,
        size_mm=tuple(round(size * scale, 4) for size in pin.size_mm),
        points_mm=tuple(_pair(point, scale) for point in pin.points_mm),
        center_mm=_pair(pin.center_mm, scale),
    )


def _scale_key(key: Key, scale: float) -> Key:
    return replace(key, size_mm=_pair(key.size_mm, scale), center_mm=_pair(key.center_mm, scale))


def _scale_shell(shell: Shell, scale: float) -> Shell:
    return replace(
        shell, size_mm=_pair(shell.size_mm, scale), wall_mm=round(shell.wall_mm * scale, 4)
    )


def _pair(values: tuple[float, float], scale: float) -> tuple[float, float]:
    return (round(values[0] * scale, 4), round(values[1] * scale, 4))
