"""Node that measures how long the policy takes from a state to its command; a tool of oda bench."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node

from oda_core import topics
from oda_core.files import write_atomic
from oda_core.ros import qos
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_core.spec import TaskSpec
from oda_core.wire import raw_stamp_ns
from oda_msgs.msg import Episode, TcpState, TrainerStatus

SENT = "source_timestamp"  # of rclpy's message info [ns]
KEPT = 1000  # states that a command may still come for


@dataclass(frozen=True, kw_only=True)
class MeterSettings:
    """Parameters of the meter."""

    output: str = setting("", "JSON file to write")
    samples: int = setting(1000, "commands to measure", bounds=(1, 1_000_000))


class LatencyMeter(Node):
    """Compares when a state and the command for it were sent, by the senders' clocks, and ends.

    So this process may be slow; all nodes must run on one host. The first command of an episode
    does not count: its state is older than the START that the policy waits for.
    """

    def __init__(self) -> None:
        super().__init__("latency_meter")
        self._settings = declare(self, MeterSettings)
        self._states: dict[int, int] = {}  # stamp to when it was sent [ns]
        self._first_ns = 0  # stamps before this one are of an episode's first command
        self._latencies_s: list[float] = []
        self._updates: list[int] = []  # of the trainer, when it told
        self.create_subscription(Episode, topics.EPISODE, self._on_episode, qos.LATCHED, raw=True)
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE_LOG, raw=True)
        self.create_subscription(
            TwistStamped, topics.POLICY_TWIST, self._on_twist, qos.COMMAND_LOG, raw=True
        )
        self.create_subscription(TrainerStatus, topics.TRAINER, self._on_trainer, qos.LATCHED)

    def _on_episode(self, cdr: bytes) -> None:
        self._first_ns = raw_stamp_ns(cdr) + TaskSpec().period_ns

    def _on_state(self, cdr: bytes, info: dict[str, Any]) -> None:
        self._states.setdefault(raw_stamp_ns(cdr), info[SENT])
        if len(self._states) > KEPT:
            del self._states[next(iter(self._states))]

    def _on_twist(self, cdr: bytes, info: dict[str, Any]) -> None:
        stamp = raw_stamp_ns(cdr)
        sent = self._states.pop(stamp, None)
        if sent is None or stamp < self._first_ns:
            return
        self._latencies_s.append(1e-9 * (info[SENT] - sent))
        if len(self._latencies_s) >= self._settings.samples:
            content = {"latencies_s": self._latencies_s, "updates": self._updates}
            write_atomic(Path(self._settings.output), json.dumps(content))
            raise SystemExit(0)

    def _on_trainer(self, msg: TrainerStatus) -> None:
        self._updates.append(int(msg.updates))


def main() -> None:
    """Entry of the executable."""
    run_node(LatencyMeter)
