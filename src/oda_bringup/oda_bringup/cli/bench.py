"""oda bench: speeds and safety, each against the value that it must reach."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal

import tyro

from oda_bringup.cli.console import say, table
from oda_bringup.cli.exits import Exit
from oda_bringup.options import DEFAULT_CONNECTOR, AdaptOptions
from oda_bringup.parallel import default_jobs
from oda_core.settings import setting
from oda_policy.config import described

Name = Literal[
    "sim",
    "awac",
    "ddpg",
    "graph",
    "policy",
    "record",
    "kill",
    "convert",
    "faults",
    "controller",
    "impedance",
]
ALONE = ("sim", "awac", "ddpg", "controller", "impedance")  # without nodes: modules of bench


@described
@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """Measure speeds on this machine; each is a median or a percentile of many.

    sim: the simulation in contact, in process. awac: gradient updates per second, against d3rlpy's
    where that is installed (pip install d3rlpy). graph: all nodes in lock-step. policy: from a
    state to the policy's command at real time, while the trainer learns. Only when named: ddpg, the
    return of the core under DDPGfD on Pendulum-v1 against the published one; controller, the time
    of a cycle of the robot's control law; impedance, that law on joint torques against the native
    actuators, in 100 episodes; record, messages that the recorder loses and its share of a core at
    four topics of 1 kHz and the rest; kill, what is lost when it is killed at random moments;
    convert: from a bag to a buffer, against rosbags' own deserialization, and the growth of memory;
    faults: nodes are killed, messages spoiled and sensors broken at real time, and the robot must
    come to rest (docs/safety.md). The exit code is 1 when a goal is missed.

    Example: oda bench sim awac
    """

    names: Annotated[tuple[Name, ...], tyro.conf.Positional] = setting(
        ("sim", "awac", "graph", "policy"), "what to measure"
    )
    connector: str = setting(DEFAULT_CONNECTOR, "for graph and policy")
    demos: str = setting("", "for graph and policy; empty: those shipped with the connector")
    checkpoint: str = setting("", "for graph and policy; empty: the shipped one")
    duration: float = setting(60.0, "of record [s]; 600 is the real thing")
    kills: int = setting(50, "of kill")
    messages: int = setting(400_000, "of the bag for convert, 110 bytes each")
    repeats: int = setting(3, "for faults: of each")
    only: tuple[str, ...] = setting((), "for faults: their names; none: all")
    in_process: bool = setting(False, "for faults: without nodes, in simulated time")
    output: str = setting("", "for faults: JSON file for the figures")

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats: found {self.repeats}, expected 1 or more")


def run(options: BenchOptions) -> int:
    """Measure what was named, one after the other."""
    load, cores = os.getloadavg()[0], default_jobs()
    if load > cores / 2:
        say(
            f"other programs are running (load {load:.1f} on {cores} cores): speeds will be too low"
        )
    rows, reached = [], True
    for name in options.names:
        say(f"measuring {name}")
        for one in _measures(options)[name]():
            rows.append((one.what, f"{one.value:.3g} {one.unit}", one.goal))
            reached &= one.reached
    table(("measured", "value", "goal"), rows)
    return Exit.OK if reached else Exit.NOT_ACCEPTED


def _measures(options: BenchOptions) -> dict[str, Callable[[], Any]]:
    adapt = AdaptOptions(
        connector=options.connector, demos=options.demos, checkpoint=options.checkpoint
    )
    return {
        **{name: lambda name=name: _bench(name).measure() for name in ALONE},
        "graph": lambda: _bench("live").measure_lockstep(adapt),
        "policy": lambda: _bench("live").measure_latency(adapt),
        "record": lambda: _bench("recording").measure_load(options.duration),
        "kill": lambda: _bench("recording").measure_kills(options.kills),
        "convert": lambda: _bench("convert").measure(options.messages),
        "faults": lambda: _faults(options, adapt),
    }


def _bench(name: str) -> Any:
    """A module of measurements, loaded when it is needed."""
    return import_module(f"oda_bringup.bench.{name}")


def _faults(options: BenchOptions, adapt: AdaptOptions) -> Any:
    module = _bench("faults")
    plan = module.FaultPlan(
        options=adapt,
        names=options.only,
        repeats=options.repeats,
        inside=options.in_process,
        output=options.output,
    )
    return module.measure(plan, say)
