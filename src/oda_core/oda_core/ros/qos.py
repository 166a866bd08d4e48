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
GUARDED = profile(10)
"""Twists for the arbiter, which hears each one: a wrong order shows, nothing wrong goes unnamed."""
STATE = profile(10, reliability=ReliabilityPolicy.BEST_EFFORT)
"""States and other sensor streams: a lost one is replaced by the next."""
STEP = latched(1000)
"""Transitions: reliable, none may be lost, not even to a subscriber that is discovered late."""
COMMAND_LOG = profile(1000)
"""Twists for a subscriber that needs every one and may lag behind: the recorder."""
LATCHED = latched()
"""Events and slow states: reliable; a late subscriber gets the last one."""
EVENTS = latched(100)
"""Events of which none may be lost; a late subscriber of depth 1 gets the last one only."""
MARK = profile(10)
"""Verdicts of an operator: reliable, and nothing to a later subscriber."""
STATE_LOG = profile(1000, reliability=ReliabilityPolicy.BEST_EFFORT)
"""States for subscribers that need every one and may lag behind: recorder, transitions."""
