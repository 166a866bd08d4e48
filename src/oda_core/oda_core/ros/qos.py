"""Quality of service of the robot contract (docs/interface.md)."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def profile(
    depth: int,
    *,
    reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
    durability: DurabilityPolicy = DurabilityPolicy.VOLATILE,
) -> QoSProfile:
    """Keep the last depth messages."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
    )


def latched(depth: int = 1) -> QoSProfile:
    """Reliable; a late subscriber gets the last depth messages."""
    return profile(depth, durability=DurabilityPolicy.TRANSIENT_LOCAL)


COMMAND = profile(1)
"""Twists: reliable, only the newest counts."""
STATE = profile(10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""States and other sensor streams: a lost one is replaced by the next."""
STEP = profile(1000)
"""Transitions: reliable, none may be lost."""
LATCHED = latched()
"""Events and slow states: reliable; a late subscriber gets the last one."""
