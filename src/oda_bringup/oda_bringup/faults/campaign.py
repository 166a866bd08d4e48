"""All faults, many times each, and what came of them."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import rclpy

from oda_bringup.domain import claimed_domain, stay_on_this_host
from oda_bringup.faults.catalogue import FAULTS, Fault
from oda_bringup.faults.desk import Desk
from oda_bringup.faults.hosts import Cable, two_hosts
from oda_bringup.faults.in_process import can_run, run_in_process
from oda_bringup.faults.judge import Verdict
from oda_bringup.faults.rig import Rig
from oda_bringup.faults.trial import SpoiledError, Trial
from oda_bringup.options import AdaptOptions
from oda_core.errors import ConfigError
from oda_core.files import write_atomic
from oda_core.ros.executor import LeanExecutor
from oda_sim.connector import load_connector

LOGGER = logging.getLogger(__name__)
SPOILED = 5  # trials in a row that may be spoiled by a busy machine

Tell = Callable[[Verdict], None]


def choose(names: Sequence[str]) -> list[Fault]:
    """The faults of these names; all that this user may inject, if there are none.

    Raises:
        ConfigError: an unknown name.
    """
    known = {fault.name: fault for fault in FAULTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"fault: found {', '.join(unknown)}, expected of {', '.join(known)}")
    may = [fault for fault in FAULTS if fault.special != "network" or os.geteuid() == 0]
    return [known[name] for name in names] or may


def run(
    faults: Sequence[Fault], repeats: int, options: AdaptOptions, folder: Path, tell: Tell
) -> list[Verdict]:
    """Inject every fault as often as asked; a verdict each, told as it comes.

    Args:
        faults: to inject.
        repeats: of each fault.
        options: connector and demonstrations.
        folder: for logs and sessions.
        tell: hears of each verdict.

    Raises:
        SessionError: the graph does not start, or a node does not answer.
    """
    near = [fault for fault in faults if fault.special != "network"]
    far = [fault for fault in faults if fault.special == "network"]
    verdicts = list[Verdict]()
    if near:
        stay_on_this_host()
        verdicts += _on_rig(near, repeats, Rig(_made(folder / "one"), options), None, tell)
    if far:
        names = [fault.name for fault in far]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            apart = fresh.submit(_on_two_hosts, names, repeats, options, folder / "two").result()
        verdicts += apart
        for verdict in apart:
            tell(verdict)
    return verdicts


def _on_two_hosts(
    names: Sequence[str], repeats: int, options: AdaptOptions, folder: Path
) -> list[Verdict]:
    """In a process of its own: Fast DDS keeps the network interfaces that it saw first."""
    verdicts = list[Verdict]()
    with two_hosts() as cable, _networked():
        rig = Rig(_made(folder), options, cable.other)
        _on_rig(choose(names), repeats, rig, cable, verdicts.append)
    return verdicts


def run_inside(
    faults: Sequence[Fault], repeats: int, options: AdaptOptions, folder: Path, tell: Tell
) -> list[Verdict]:
    """As run, in this process and in simulated time; faults that need processes are left out."""
    connector = load_connector(options.connector)
    verdicts = list[Verdict]()
    for number in range(repeats):
        for fault in filter(can_run, faults):
            session = folder / fault.name / str(number)
            verdicts.append(run_in_process(fault, connector, number, session))
            tell(verdicts[-1])
    return verdicts


def _on_rig(
    faults: Sequence[Fault], repeats: int, rig: Rig, cable: Cable | None, tell: Tell
) -> list[Verdict]:
    verdicts = list[Verdict]()
    with claimed_domain() as confirm:
        confirm()
        with rig, _desk() as desk:
            for number in range(repeats):
                for fault in faults:
                    verdicts.append(_try(Trial(rig, desk, fault, cable), number))
                    tell(verdicts[-1])
    return verdicts


def _try(trial: Trial, number: int) -> Verdict:
    """A trial that the machine did not spoil, with how many it did before."""
    base = trial.rig.inputs.directory / trial.fault.name
    for attempt in range(SPOILED):
        try:
            verdict = trial.run(base / f"{number}-{attempt}", number)
            return verdict._replace(repeated=attempt)
        except SpoiledError as error:
            LOGGER.warning("%s: run again: %s", trial.fault.name, error)
    raise SpoiledError(f"{trial.fault.name}: {SPOILED} times in a row stopped before the fault")


@contextmanager
def _desk() -> Iterator[Desk]:
    rclpy.init()
    executor = LeanExecutor()
    desk = Desk(executor)
    try:
        yield desk
    finally:
        executor.release()
        desk.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def _networked() -> Iterator[None]:
    """Nodes look for each other on all hosts, and only over the network."""
    changes = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def summary(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Figures of each fault, in the order of the catalogue."""
    rows = []
    for fault in FAULTS:
        mine = [verdict for verdict in verdicts if verdict.fault == fault.name]
        if not mine:
            continue
        rests = [v.rest_s for v in mine if not np.isnan(v.rest_s)]
        moved = [v.moved_mm for v in mine if not np.isnan(v.moved_mm)]
        rows.append(
            {
                "fault": fault.name,
                "what": fault.what,
                "reaction": fault.reaction,
                "trials": len(mine),
                "passed": sum(v.passed for v in mine),
                "repeated": sum(v.repeated for v in mine),
                "rest_limit_s": fault.rest_s if fault.reaction == "stops" else None,
                "rest_median_s": round(float(np.median(rests)), 3) if rests else None,
                "rest_max_s": round(max(rests), 3) if rests else None,
                "moved_max_mm": round(max(moved), 3) if moved else None,
                "peak_force_n": round(max(v.peak_force_n for v in mine), 1),
                "reason": next((v.reason for v in mine if v.reason), ""),
                "problems": sorted({p for v in mine for p in v.problems}),
            }
        )
    return rows


def save(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(summary(verdicts), indent=1) + "\n")
