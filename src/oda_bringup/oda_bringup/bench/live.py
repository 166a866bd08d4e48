"""Speed of live nodes: the graph in lock-step, and the policy while the trainer learns."""

import dataclasses
import json
import math
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import torch

from oda_bringup.bench import Measured
from oda_bringup.domain import claimed_domain, stay_on_this_host
from oda_bringup.graph import adapt_graph
from oda_bringup.nodes import NAMESPACE, Graph, NodeSpec
from oda_bringup.options import AdaptOptions
from oda_bringup.ros_args import commands
from oda_bringup.session import Session, check_adapt, open_session
from oda_bringup.supervisor import supervise
from oda_core.errors import SessionError
from oda_core.spec import ACTION_SIZE, OBSERVATION_SIZE
from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint, CheckpointInfo
from oda_policy.config import AgentConfig

LOCKSTEP_GOAL = 8.0
LATENCY_GOAL_MS = 5.0
TRIALS = 40
SAMPLES = 600
BUSY_UPDATES = 6.0  # per step: about as many as the trainer can do while the policy acts


def measure_lockstep(options: AdaptOptions) -> list[Measured]:
    """Robot time per wall time of evaluation episodes with their resets, median over episodes."""
    with TemporaryDirectory(prefix="oda-bench-") as folder:
        options, session = _prepare(options, Path(folder), trials=TRIALS, max_training_episodes=1)
        _run(adapt_graph(options, session), session)
        factors = _factors(session.directory)
    factor = median(factors)
    what = f"graph in lock-step, {session.connector}, {len(factors)} episodes"
    goal = f">= {LOCKSTEP_GOAL:g}"
    return [Measured(what, factor, "x real time", goal, factor >= LOCKSTEP_GOAL)]


def measure_latency(options: AdaptOptions) -> list[Measured]:
    """Time from a state to the policy's command at real time with the trainer at work."""
    with TemporaryDirectory(prefix="oda-bench-") as folder:
        checkpoint = Path(folder, "still.safetensors")
        write_still_checkpoint(checkpoint, AgentConfig.paper())
        options, session = _prepare(
            dataclasses.replace(options, checkpoint=str(checkpoint), preset="paper"),
            Path(folder), trials=1, lockstep=False, max_training_episodes=1000,
        )  # fmt: skip
        result = session.directory / "latency.json"
        _run(_latency_graph(options, session, result), session)
        content = json.loads(result.read_text())
    milliseconds = sorted(1e3 * value for value in content["latencies_s"])
    p99 = quantiles(milliseconds, n=100)[98]
    if max(content["updates"], default=0) == 0:
        raise SessionError("bench: the trainer did not learn meanwhile; expected updates")
    return [
        Measured("policy, state to command, median", median(milliseconds), "ms", "", True),
        Measured(
            f"policy, state to command, p99 of {len(milliseconds)}, trainer busy",
            p99,
            "ms",
            f"< {LATENCY_GOAL_MS:g}",
            p99 < LATENCY_GOAL_MS,
        ),
    ]


def write_still_checkpoint(path: Path, config: AgentConfig, push: float = 0.0) -> None:
    """An untrained policy that hardly moves: its episodes end at the time limit, untouched.

    Args:
        path: file to write.
        config: of the networks.
        push: mean action along the insertion, in (-1, 1); a policy that always pushes.
    """
    narrow = dataclasses.replace(config, log_std_min=-7.0, log_std_max=-6.0)
    agent = Agent((OBSERVATION_SIZE, ACTION_SIZE), narrow, 0)
    with torch.no_grad():
        for parameter in agent.actor.parameters():
            parameter.mul_(0.01)
        agent.actor.trunk.biases[-1][2] = math.atanh(push)
    Checkpoint.of(agent, CheckpointInfo(agent=narrow)).save(path)


def _prepare(
    options: AdaptOptions, folder: Path, **changes: object
) -> tuple[AdaptOptions, Session]:
    output = str(folder / "session")
    checked = check_adapt(dataclasses.replace(options, output=output, **changes))
    return checked, open_session(checked)


def _run(graph: Graph, session: Session) -> None:
    stay_on_this_host()
    with claimed_domain() as confirm:
        confirm()
        quiet = [
            dataclasses.replace(command, log=command.log or session.directory / "client.log")
            for command in commands(graph, session.directory)
        ]
        outcome = supervise(quiet, lambda name, line: None)
    if outcome.kind == "interrupted":
        raise KeyboardInterrupt
    if outcome.kind == "died":
        tail = "\n".join(outcome.tail)
        raise SessionError(f"bench: {outcome.name} ended with {outcome.code}\n{tail}")


def _factors(directory: Path) -> list[float]:
    """Robot time over wall time of each evaluation episode but the first."""
    outcomes = json.loads((directory / "progress.json").read_text())["outcomes"]
    files = sorted((directory / "trainer" / "episodes").glob("*"))
    stored = [path.stat().st_mtime for path in files]
    return [
        outcomes[i]["robot_time_s"] / (stored[i] - stored[i - 1])
        for i in range(1, len(stored))
        if outcomes[i]["phase"] != "finetune"
    ]


def _latency_graph(options: AdaptOptions, session: Session, result: Path) -> Graph:
    """The graph of an adaptation that does not end, with a trainer that never rests."""
    changes = {
        "trainer": {"updates_per_step": BUSY_UPDATES},
        "adapt": {"hopeless_episodes": 0, "window": 1000},
    }
    nodes = [
        dataclasses.replace(
            node, parameters={**node.parameters, **changes.get(node.name, {})}, client=False
        )
        for node in adapt_graph(options, session)
    ]
    meter = NodeSpec(
        package="oda_bringup",
        executable="latency_meter",
        name="latency_meter",
        namespace=NAMESPACE,
        parameters={"output": str(result), "samples": SAMPLES},
        client=True,
    )
    return (*nodes, meter)
