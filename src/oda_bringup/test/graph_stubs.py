"""Graphs of every kind, and executables that stand for nodes and note how they were started."""

import itertools
from pathlib import Path

from oda_bringup.nodes import Graph
from oda_bringup.plans import ADAPT, DEMO, SIM, TELEOP, Plan
from oda_bringup.session import Session

PLANS = {"adapt": ADAPT, "demo": DEMO, "sim": SIM, "teleop": TELEOP}
DEVICES = ("spacemouse", "spacenav", "gamepad", "joy", "keyboard", "scripted")
CHOICES: list[tuple[str, dict[str, object]]] = [
    ("adapt", {"record": True}),
    ("adapt", {"device": "spacemouse", "lockstep": False}),
    ("demo", {}),
    ("sim", {}),
    *(("teleop", {"device": device}) for device in DEVICES),
    *((kind, {"robot": robot}) for kind, robot in itertools.product(PLANS, ("mock", "hardware"))),
]  # which together have every node
RECORD = """#!/bin/sh
printf '%s\\n' "$0" "$@" > "$ODA_TEST_RECORD/.$(basename "$0")"
mv "$ODA_TEST_RECORD/.$(basename "$0")" "$ODA_TEST_RECORD/$(basename "$0")"
[ "$(basename "$0")" = "$ODA_TEST_DIES" ] && exit 3
"""
SERVER = RECORD + "exec sleep 600\n"
ONCE = RECORD + "exit 0\n"
CLIENT = """#!/bin/sh
while [ "$(ls "$ODA_TEST_RECORD" | wc -l)" -lt "$ODA_TEST_SERVERS" ]; do sleep 0.05; done
""" + RECORD.replace("#!/bin/sh", "") + "exit $ODA_TEST_CODE\n"  # fmt: skip


def graph_of(plan: Plan, directory: Path, **changes: object) -> Graph:
    return plan.graph(plan.schema(**changes), Session(directory, "metal-peg-sq"))


def install_stubs(prefix: Path, session: Path) -> None:
    """Make a prefix in which every executable of the graphs exists."""
    for kind, changes in CHOICES:
        for node in graph_of(PLANS[kind], session, **changes):
            file = prefix / "lib" / node.package / node.executable
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(CLIENT if node.client else ONCE if node.once else SERVER)
            file.chmod(0o755)
            marker = prefix / "share" / "ament_index" / "resource_index" / "packages" / node.package
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
