"""What the trainer writes down about its learner, for the report. No ROS here."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from oda_core.config import to_mapping
from oda_core.files import write_atomic
from oda_policy.checkpoint import library_versions
from oda_policy.config import FinetuneConfig
from oda_policy.finetune import Finetuner
from oda_policy.ros.learner import Identity
from oda_policy.ros.session import DESCRIPTION


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
    write_atomic(directory / DESCRIPTION, json.dumps(content, indent=1))


def _settings(config: FinetuneConfig) -> dict[str, Any]:
    return {k: v for k, v in to_mapping(config).items() if k not in ("threads", "device")}
