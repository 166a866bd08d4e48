"""The parts of a connector's description. Lengths are millimetres, as on a drawing."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A prism of the plug: a round pin, a blade, or any convex polygon."""

    shape: Literal["round", "rectangle", "polygon"]
    length_mm: float
    size_mm: tuple[float, ...] = ()  # round: diameter; rectangle: x and y
    points_mm: tuple[tuple[float, float], ...] = ()  # polygon: counter-clockwise corners
    center_mm: tuple[float, float] = (0.0, 0.0)
    yaw_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Key:
    """A rib on a pin or shell that lets the plug in one way round; it may touch others."""

    size_mm: tuple[float, float]
    center_mm: tuple[float, float]
    length_mm: float


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A hollow rectangular shroud around the pins."""

    size_mm: tuple[float, float]  # outer x, y
    wall_mm: float
    length_mm: float


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A convex part of the user's own, as it lies in its file.

    In a plug, z = 0 is where pins begin and z points to the tip; in a socket, z = 0 is its face and
    z points into it. Bevels are the user's own.
    """

    file: str  # STL or OBJ; relative to the connector's YAML file
    unit_mm: float = 1.0  # millimetres in a unit of the file
    center_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the file's origin
    yaw_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Plug:
    """The part in the gripper."""

    pins: tuple[Pin, ...] = ()
    keys: tuple[Key, ...] = ()
    shell: Shell | None = None
    meshes: tuple[Mesh, ...] = ()
    chamfer_mm: tuple[float, float] = (0.25, 0.5)  # bevel of every pin's tip: across, along


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Spring fingers in the socket that press on pins: the force to push past them."""

    force_n: float  # peak of the insertion force
    start_mm: float  # depth at which the plug meets the fingers
    pins: tuple[int, ...] = ()  # indices of the pins that are held; empty: all


@dataclass(frozen=True, kw_only=True)
class Mount:
    """How the socket is held: springs in x, y, z."""

    stiffness_n_m: float = 2e5
    mass_kg: float = 1.5


@dataclass(frozen=True, kw_only=True)
class Socket:
    """The part on the table: a plate cut to the plug's section, widened by the clearance.

    Meshes stand beside the plate; for a plug of meshes alone there is no plate, only they and a
    floor at the full depth.
    """

    size_mm: tuple[float, float]  # outer x, y of its face
    clearance_mm: float  # hole width minus pin width
    depth_mm: float  # fully inserted
    meshes: tuple[Mesh, ...] = ()
    friction: float = 0.2
    blocked_depth_mm: float | None = None  # a foreign body in the hole: tests failure reports
    mount: Mount = field(default_factory=Mount)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where the socket is seen from the nominal start TCP; only demonstrations tell a policy."""

    lateral_mm: tuple[float, float] = (0.0, 0.0)
    yaw_deg: float = 0.0
    height_mm: float = 10.0  # from the tip of the longest pin to the socket's face
    noise_mm: float = 1.0  # half width of the hidden noise of every episode's start, per axis


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What counts as inserted."""

    depth_mm: float = 1.0  # missing depth
    lateral_mm: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Static force that the controller can press with; its set-point leash follows from it."""

    lateral_n: float = 30.0  # per axis
    axial_n: float = 90.0
    damage_n: float = 120.0  # what plug and socket survive, as the peak of the 100 ms mean
