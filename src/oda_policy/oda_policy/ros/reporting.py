"""The report of a session from its progress and what the trainer wrote down. No ROS here."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from oda_policy.learner import Encoding
from oda_policy.report import Machine, Provenance, build_report, write_report
from oda_policy.ros.session import DESCRIPTION, Session


def report_session(
    session: Session, updates: int, paths: dict[str, str]
) -> tuple[dict[str, Any], Path, Path]:
    """Write report.json and report.html; the report and both paths.

    Where the trainer runs on another machine its description is not here, and the report says
    less about the learner.
    """
    path = session.directory / DESCRIPTION
    told = json.loads(path.read_text()) if path.exists() else {}
    encoding = None
    if told:
        values = told["encoding"]
        arrays = {name: np.array(values[name], np.float32) for name in ("mean", "std")}
        encoding = Encoding(**(values | arrays))
    host = {"device": told.get("device", ""), "cpus": os.cpu_count(), "system": platform.platform()}
    computer = Machine(wall_time_s=session.add_wall_time(), host=host, paths=paths)
    provenance = Provenance(**told.get("provenance", {}))
    report = build_report(session.machine, encoding, updates, provenance, computer)
    report["session"] = session.directory.name  # without what makes it unique on topics
    return report, *write_report(report, session.directory)
