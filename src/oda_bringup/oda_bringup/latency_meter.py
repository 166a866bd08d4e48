"""Node that measures how long the policy takes from a state to its command; a tool of oda bench."""

import json
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node

from oda_core import topics
from oda_core.files import write_atomic
from oda_core.ros import qos
from oda_core.ros.main import main as run_node
from oda_core.ros.parameters import declare
from oda_core.settings import setting
from oda_msgs.msg import TcpState, TrainerStatus

STAMP = struct.Struct("<II")  # at byte 4 of a CDR message that begins with a Header
KEPT = 1000  # states that a command may still come for


@dataclass(frozen=True, kw_only=True)
class MeterSettings:
    """Parameters of the meter."""

    output: str = setting("", "JSON file to write")
    samples: int = setting(1000, "commands to measure", bounds=(1, 1_000_000))


class LatencyMeter(Node):
    """Receives what the policy receives and what it sends, on one clock, and ends."""

    def __init__(self) -> None:
        super().__init__("latency_meter")
        self._settings = declare(self, MeterSettings)
        self._states: dict[bytes, float] = {}  # stamp to time of receipt
        self._latencies_s: list[float] = []
        self._updates: list[int] = []  # of the trainer, when it told
        self.create_subscription(TcpState, topics.STATE, self._on_state, qos.STATE, raw=True)
        self.create_subscription(
            TwistStamped, topics.POLICY_TWIST, self._on_twist, qos.COMMAND, raw=True
        )
        self.create_subscription(TrainerStatus, topics.TRAINER, self._on_trainer, qos.LATCHED)

    def _on_state(self, cdr: bytes) -> None:
        self._states[cdr[4 : 4 + STAMP.size]] = time.perf_counter()
        if len(self._states) > KEPT:
            del self._states[next(iter(self._states))]

    def _on_twist(self, cdr: bytes) -> None:
        received = self._states.pop(cdr[4 : 4 + STAMP.size], None)
        if received is None:
            return
        self._latencies_s.append(time.perf_counter() - received)
        if len(self._latencies_s) >= self._settings.samples:
            content = {"latencies_s": self._latencies_s, "updates": self._updates}
            write_atomic(Path(self._settings.output), json.dumps(content))
            raise SystemExit(0)

    def _on_trainer(self, msg: TrainerStatus) -> None:
        self._updates.append(int(msg.updates))


def main() -> None:
    """Entry of the executable."""
    run_node(LatencyMeter)
