"""Start the nodes of a test as processes, end them by their ids, make their inputs."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
import torch
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from oda_core.spec import TaskSpec
from oda_core.types import Episode, EpisodeEvent, Event, Purpose
from oda_msgs.action import Adapt
from oda_policy.agent import Agent
from oda_policy.buffer import BufferInfo, write_buffer
from oda_policy.checkpoint import Checkpoint, CheckpointInfo
from oda_policy.config import AgentConfig
from oda_policy.ros.store import EpisodeStore
from oda_policy.tasks import TaskRows
from oda_policy.transitions import Layout

HERE = Path(__file__).parent
CONNECTOR = "point"
COMMANDS = {
    "sim": [str(HERE / "point_robot_node.py")],
    "policy": ["-c", "from oda_policy.ros.policy_node import main; main()"],
    "trainer": ["-c", "from oda_policy.ros.trainer_node import main; main()"],
    "adapt": ["-c", "from oda_policy.ros.adapt_node import main; main()"],
}


def make_checkpoint(path):
    """A tiny random policy with a memory of two random tasks."""
    config = AgentConfig(hidden=(32, 32), encoder_hidden=(32,), log_std_min=-2.0)
    agent = Agent((18, 6), config, seed=3)
    rows = torch.rand((60, Layout(18, 6).width), generator=torch.Generator().manual_seed(0))
    memory = TaskRows(rows.half(), torch.tensor([[20, 10], [20, 10]]))
    Checkpoint.of(agent, CheckpointInfo(agent=config), memory).save(path)


def make_demonstrations(path, count=3, steps=12):
    """Straight insertions along z."""
    rng = np.random.default_rng(5)
    episodes = []
    for i in range(count):
        observations = rng.normal(0, 0.05, (steps + 1, 18)).astype(np.float32)
        observations[:, 2] = np.linspace(0, 0.3, steps + 1)
        actions = rng.normal(0, 0.1, (steps, 6)).astype(np.float32).clip(-1, 1)
        actions[:, 2] = 0.25
        last = np.arange(steps) == steps - 1
        end = EpisodeEvent(
            stamp_ns=0,
            session="demos",
            episode_id=i,
            connector=CONNECTOR,
            purpose=Purpose.DEMONSTRATION,
            event=Event.SUCCESS,
            steps=steps,
        )
        episodes.append(
            Episode(
                end=end,
                observations=observations,
                actions=actions,
                rewards=last.astype(np.float32),
                terminations=last,
                truncations=np.zeros(steps, bool),
                sources=np.ones(steps, np.uint8),
            )
        )
    write_buffer(path, episodes, BufferInfo(connector=CONNECTOR, spec=TaskSpec()))


def figures(world, name):
    """Everything of a session that must not depend on the machine or on what was killed."""
    folder = world.folder / name / "session"
    report = json.loads((folder / "report.json").read_text())
    del report["machine"]
    digests = {}
    for episode in EpisodeStore(folder / "trainer" / "episodes").episodes():
        digest = hashlib.sha256()
        for field in ("observations", "actions", "rewards"):
            digest.update(getattr(episode, field).tobytes())
        digests[episode.end.episode_id] = digest.hexdigest()
    return report, digests


class Graph:
    """Processes of one test in a ROS domain of their own."""

    def __init__(self, directory, domain, parameters):
        self.directory, self.parameters = Path(directory), parameters
        self.domain = domain
        self.environment = {**os.environ, "ROS_DOMAIN_ID": str(domain)}
        self.processes = {}

    def start(self, *names):
        """Start nodes, by default all."""
        for name in names or COMMANDS:
            parameters = self.parameters.get(name, {}).items()
            ros = [word for key, value in parameters for word in ("-p", f"{key}:={value}")]
            with (self.directory / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, *COMMANDS[name], "--ros-args", *ros],
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def restart(self, name):
        """Start a node that was killed, and wait until it is up."""
        before = self.log(name).count("ready; ")
        self.start(name)
        deadline = time.monotonic() + 60
        while self.log(name).count("ready; ") == before:
            assert time.monotonic() < deadline, f"{name} did not start"
            assert self.processes[name].poll() is None, self.log(name)
            time.sleep(0.05)

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self):
        """Interrupt all; their exit codes."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        codes = {}
        deadline = time.monotonic() + 15
        for name, process in self.processes.items():
            try:
                codes[name] = process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = f"killed, {process.wait()}"
        self.processes = {}
        return codes

    def log(self, name):
        return (self.directory / f"{name}.log").read_text()


class Client:
    """Talks to the graph from the test's process, in a context of its own."""

    def __init__(self, domain):
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node("test_client", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.adapt = ActionClient(self.node, Adapt, "/oda/adapt")

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)

    def until(self, condition, limit_s=60.0, what="the condition"):
        """Turn until a condition holds."""
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {limit_s} s"
            self.executor.spin_once(0.05)

    def spin(self, seconds):
        """Turn for a while: to see that nothing comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.executor.spin_once(0.05)

    def call(self, name):
        client = self.node.create_client(Trigger, name)
        self.until(client.service_is_ready, what=name)
        answer = client.call_async(Trigger.Request())
        self.until(answer.done, what=name)
        self.node.destroy_client(client)
        return answer.result()

    def start(self, goal, on_feedback=lambda _: None):
        """Send a goal; its handle and the future of its result."""
        self.until(self.adapt.server_is_ready, what="/oda/adapt")
        sent = self.adapt.send_goal_async(goal, lambda m: on_feedback(m.feedback))
        self.until(sent.done, what="the goal's acceptance")
        handle = sent.result()
        assert handle.accepted
        return handle, handle.get_result_async()

    def run(self, goal, on_feedback=lambda _: None, limit_s=240.0):
        """Run a goal to its end: status and result."""
        _, result = self.start(goal, on_feedback)
        self.until(result.done, limit_s, "the result")
        return result.result().status, result.result().result
