"""The nodes of an adaptation at real time, each to be killed, frozen or started again."""

import dataclasses
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from oda_bringup.bench.live import write_still_checkpoint
from oda_bringup.graph import adapt_graph
from oda_bringup.lifeline import end_with_parent
from oda_bringup.nodes import Graph, NodeSpec
from oda_bringup.options import AdaptOptions
from oda_bringup.ros_args import commands
from oda_bringup.session import Session, check_adapt, open_session
from oda_core import topics
from oda_core.homing import START
from oda_policy.config import AgentConfig

PUSH = 0.9  # of a full action: the policy presses as hard as the robot can
HEADROOM_M = 0.012  # from the start pose to the top of the workspace box
FORCE_N = 120.0  # limit of the arbiter; the set-point's leash lets the robot press with 99.5 N
SILENCE_S = 4.0
TAMPERED = {
    "twist": (topics.POLICY_TWIST, "/oda/faults/twist"),
    "state": (topics.STATE, "/oda/faults/state"),
    "weights": (topics.WEIGHTS, "/oda/faults/weights"),
}  # what is published, and where its receivers listen instead
RECEIVERS = {"arbiter": ("twist", "state"), "policy": ("state", "weights")}


class Inputs(NamedTuple):
    """What a goal of /oda/adapt needs here."""

    connector: str
    demonstrations: str
    directory: Path  # for sessions


class Rig:
    """Processes in a directory; a context manager that leaves none behind.

    Args:
        folder: for parameters, logs and sessions.
        abroad: what the policy's command begins with, to run it on another host.
    """

    def __init__(self, folder: Path, options: AdaptOptions, abroad: Sequence[str] = ()) -> None:
        """Prepare; start() starts."""
        checkpoint = folder / "pushing.safetensors"
        write_still_checkpoint(checkpoint, AgentConfig(hidden=(16, 16)), PUSH)
        changes = {"checkpoint": str(checkpoint), "preset": "paper", "lockstep": False}
        checked = check_adapt(dataclasses.replace(options, **changes, output=str(folder / "rig")))
        session = open_session(checked)
        self.inputs = Inputs(session.connector, checked.demos, folder / "sessions")
        graph = _graph(checked, session)
        self._commands = {c.name: c for c in commands(graph, session.directory)}
        self._prefix = {"policy": tuple(abroad)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._silent: dict[str, int] = {}  # sizes of the logs when the nodes were started

    @property
    def names(self) -> list[str]:
        """Nodes of the rig."""
        return list(self._commands)

    def __enter__(self) -> "Rig":
        for name in self.names:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._processes):
            self.kill(name)

    def start(self, name: str) -> None:
        """Start a node."""
        command = self._commands[name]
        assert command.log is not None  # only clients have none
        command.log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        with command.log.open("ab") as log:
            self._silent[name] = log.tell()
            self._processes[name] = subprocess.Popen(
                (*self._prefix.get(name, ()), *command.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.environment},
                preexec_fn=lambda: end_with_parent(parent),  # noqa: PLW1509 - system calls only
            )

    def kill(self, name: str) -> None:
        """Kill a node; it has no time for anything."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def freeze(self, name: str) -> None:
        """Stop a node where it is."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """Let a frozen node go on."""
        self._processes[name].send_signal(signal.SIGCONT)

    def is_up(self, name: str) -> bool:
        """A node has said its first word: it is ready."""
        log = self._commands[name].log
        return log is not None and log.stat().st_size > self._silent[name]


def _graph(options: AdaptOptions, session: Session) -> Graph:
    return tuple(_changed(node) for node in adapt_graph(options, session) if not node.client)


def _changed(node: NodeSpec) -> NodeSpec:
    """With the tampered topics, and limits that can be reached within an episode."""
    x, y, z = START.position.tolist()
    changes = {
        "arbiter": {
            "limits.force_n": FORCE_N,
            "limits.box_high_m": [x + 0.1, y + 0.1, z + HEADROOM_M],
        },
        "adapt": {"silence_s": SILENCE_S},
        "trainer": {"warmup_updates": 0},
    }
    return dataclasses.replace(
        node,
        parameters={**node.parameters, **changes.get(node.name, {})},
        remappings=tuple(TAMPERED[stream] for stream in RECEIVERS.get(node.name, ())),
    )
