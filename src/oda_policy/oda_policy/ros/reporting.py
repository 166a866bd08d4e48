"""The report of a session from its progress and what the trainer wrote down. No ROS here."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from oda_core.config import to_mapping
from oda_core.files import write_atomic
from oda_policy.checkpoint import library_versions
from oda_policy.config import FinetuneConfig
from oda_policy.encode import Encoding
from oda_policy.finetune import Finetuner
from oda_policy.report import Machine, Provenance, build_report, write_report
from oda_policy.ros.learner import FOLDER, Identity
from oda_policy.ros.session import Session

TRAINER_NAME = "description.json"


def describe_trainer(
    directory: Path, identity: Identity, finetuner: Finetuner, inputs: dict[str, str]
) -> None:
    """Write down what the report says about the learner.

    Args:
        directory: of the session.
        identity: of the session.
        finetuner: its learner.
        inputs: checkpoint, demonstrations, preset.
    """
    encoding = {k: np.asarray(v).tolist() for k, v in finetuner.encoding._asdict().items()}
    content = {
        "encoding": encoding,
        "provenance": {
            **inputs,
            "checkpoint_sha256": identity.checkpoint_sha256,
            "demonstrations_sha256": identity.demonstrations_sha256,
            "robot": finetuner.spec.robot,
            "settings": {"finetune": _settings(finetuner.config)},
            "versions": library_versions(),
        },
        "device": str(finetuner.agent.device),
    }
    write_atomic(directory / FOLDER / TRAINER_NAME, json.dumps(content, indent=1))


def report_session(
    session: Session, updates: int, paths: dict[str, str]
) -> tuple[dict[str, Any], Path, Path]:
    """Write report.json and report.html; the report and both paths.

    Where the trainer runs on another machine its description is not here, and the report says
    less about the learner.
    """
    path = session.directory / FOLDER / TRAINER_NAME
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


def _settings(config: FinetuneConfig) -> dict[str, Any]:
    return {k: v for k, v in to_mapping(config).items() if k not in ("threads", "device")}
