"""What the doctor looks at: plain values, None where nothing could be found out."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Host:
    """The machine."""

    kernel: str = ""  # as uname -v says
    realtime_priority: int = 0  # that a process may ask for
    locked_memory: int = 0  # [bytes], -1 without a limit
    cores: int = 1
    governors: tuple[str, ...] = ()  # of the cores' frequencies
    clock_synchronised: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Software:
    """What is installed and how it is set."""

    distro: str = ""
    missing: tuple[str, ...] = ()  # packages that the robot needs
    versions: dict[str, str] = field(default_factory=dict)  # of packages, by name
    fri: dict[str, Any] = field(default_factory=dict)  # settings below hardware
    update_rate_hz: int = 0  # of the controller manager
    fault: str = ""  # why a file of settings cannot be read


@dataclass(frozen=True, kw_only=True)
class Network:
    """The way to the robot."""

    host: str = ""  # of the robot
    device: str = ""  # of this machine, that leads there
    gateway: bool = False  # through a router
    wireless: bool = False
    speed_mbit_s: int | None = None
    latencies_ms: tuple[float, ...] = ()  # of answers to pings
    lost: int = 0  # pings without an answer
    port_free: bool | None = None  # the FRI port on this machine


@dataclass(frozen=True, kw_only=True)
class Security:
    """Who can reach the topics."""

    discovery_range: str = ""
    static_peers: str = ""
    domain: int = 0
    middleware: str = ""
    middleware_has_security: bool | None = None
    enabled: bool = False
    enforced: bool = False
    keystore: str = ""
    keystore_faults: tuple[str, ...] = ()
    authority_keys_here: bool = False


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic while the doctor listened."""

    publishers: tuple[str, ...] = ()  # full names of nodes
    rate_hz: float = 0.0
    frame: str = ""
    age_s: float | None = None  # of the newest stamp when it came


@dataclass(frozen=True, kw_only=True)
class Live:
    """The running graph."""

    seconds: float
    sim_time: bool
    topics: dict[str, Topic]
    tcp_frame: str = ""  # of twist and wrench in the state
    wrench_mean: tuple[float, ...] = ()  # (6,) [N, Nm]
    wrench_std: tuple[float, ...] = ()
    speed_m_s: float = 0.0  # greatest of the TCP meanwhile
    safety: str = ""  # state and reason of the arbiter
    aborted: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All of it."""

    robot: str
    host: Host = field(default_factory=Host)
    software: Software = field(default_factory=Software)
    network: Network = field(default_factory=Network)
    security: Security = field(default_factory=Security)
    live: Live | None = None  # None: not asked to listen
