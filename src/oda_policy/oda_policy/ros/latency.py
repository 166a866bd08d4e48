"""Time from a state to the command for it, measured on the topics of a running graph."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from oda_core import topics
from oda_core.errors import OdaError
from oda_core.ros import qos
from oda_core.spec import TaskSpec
from oda_core.wire import raw_stamp_ns
from oda_msgs.msg import Episode, TcpState

SENT = "source_timestamp"  # when the writer sent a message [ns]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Time from the sending of a state to the sending of its command, in the senders' clocks."""

    commands: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def measure_latency(commands: int, limit_s: float) -> Latency:
    """Watch a graph of this host until so many commands have come.

    Only the first command for a state counts, and not that of an episode's first state, which is
    older than the START that it waits for. The senders' own times are compared, so that this
    process may be slow.

    Args:
        commands: to wait for.
        limit_s: wall time [s].

    Raises:
        OdaError: fewer than that came in time.
    """
    sent: dict[int, int] = {}  # stamp of a state to when it was sent [ns]
    delays: dict[int, int] = {}  # stamp of a command to its delay [ns]
    starts: list[int] = []

    def on_state(cdr: bytes, info: dict[str, Any]) -> None:
        sent.setdefault(raw_stamp_ns(cdr), info[SENT])

    def on_command(cdr: bytes, info: dict[str, Any]) -> None:
        stamp = raw_stamp_ns(cdr)
        if stamp in sent:
            delays.setdefault(stamp, info[SENT] - sent[stamp])

    context = Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node("latency", context=context)
        log = qos.profile(1000)
        node.create_subscription(
            Episode, topics.EPISODE, lambda cdr: starts.append(raw_stamp_ns(cdr)), log, raw=True
        )
        node.create_subscription(TcpState, topics.STATE, on_state, qos.STATE_LOG, raw=True)
        node.create_subscription(TwistStamped, topics.POLICY_TWIST, on_command, log, raw=True)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        deadline = time.monotonic() + limit_s
        while len(delays) < commands and time.monotonic() < deadline:
            executor.spin_once(0.1)
        node.destroy_node()
    finally:
        rclpy.try_shutdown(context=context)
    period_ns = TaskSpec().period_ns
    first = {stamp for stamp in delays for start in starts if 0 <= stamp - start < period_ns}
    counted = [delay for stamp, delay in delays.items() if stamp not in first]
    return _summary(counted, commands, limit_s)


def _summary(delays_ns: list[int], commands: int, limit_s: float) -> Latency:
    if len(delays_ns) < 0.9 * commands:
        raise OdaError(
            f"{topics.POLICY_TWIST}: found {len(delays_ns)} commands within {limit_s:g} s, "
            f"expected {commands}; does an adaptation run?"
        )
    p50, p99, most = np.percentile(np.array(delays_ns) * 1e-6, [50, 99, 100])
    return Latency(
        commands=len(delays_ns), p50_ms=float(p50), p99_ms=float(p99), max_ms=float(most)
    )
