"""Meta-training: resumed equals uninterrupted, a collapse fails, logs are there."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import torch
from episodes import make_episode
from rich.console import Console

from oda_core.errors import BufferFileError, CheckpointError
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import AgentConfig, MetaTrainConfig
from oda_policy.meta_train import CollapseError, meta_train, progress, state_file, tensorboard
from oda_policy.tasks import TaskData

CONFIG = MetaTrainConfig(
    agent=AgentConfig(hidden=(16, 16), encoder_hidden=(16,), kl_weight=1e-4),
    updates=37,
    batch=16,
    context=8,
    log_every=10,
    save_every=10,
)


def tasks() -> list[TaskData]:
    return [
        TaskData(
            name=f"task{i}",
            demos=[make_episode(e, seed=i) for e in range(2)],
            offline=[make_episode(e, seed=100 + i) for e in range(3)],
            sha256=str(i),
        )
        for i in range(3)
    ]


class KilledError(Exception):
    pass


def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = meta_train(tasks(), CONFIG, tmp_path / "whole.safetensors")

    def kill(update: int, scalars: dict[str, float]) -> None:
        if update == 30:
            raise KilledError

    output = tmp_path / "resumed.safetensors"
    with pytest.raises(KilledError):  # 20 updates are saved, 30 were done
        meta_train(tasks(), CONFIG, output, listeners=[kill])
    assert state_file(output).exists()
    assert not output.exists()
    seen: list[int] = []
    resumed = meta_train(tasks(), CONFIG, output, listeners=[lambda u, s: seen.append(u)])
    assert seen == [30, 37]
    assert not state_file(output).exists()
    for name, value in whole.tensors.items():
        assert torch.equal(value, resumed.tensors[name]), name
    assert whole.info == resumed.info == Checkpoint.load(output).info
    assert output.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_state_of_other_settings_or_data_is_refused(tmp_path: Path) -> None:
    def kill(update: int, scalars: dict[str, float]) -> None:
        raise KilledError

    output = tmp_path / "policy.safetensors"
    with pytest.raises(KilledError):
        meta_train(tasks(), replace(CONFIG, save_every=5), output, listeners=[kill])
    with pytest.raises(CheckpointError, match=r"config was .* is now"):
        meta_train(tasks(), replace(CONFIG, seed=1), output)
    with pytest.raises(CheckpointError, match=r"data was .* is now"):
        meta_train(tasks()[:2], CONFIG, output)


def test_a_collapsed_task_code_is_a_failed_run(tmp_path: Path) -> None:
    heavy = replace(CONFIG.agent, kl_weight=100.0, encoder_rate=1e-2)
    config = replace(CONFIG, agent=heavy, updates=400, log_every=50)
    output = tmp_path / "policy.safetensors"
    with pytest.raises(CollapseError, match=r"KL 0\.0.* nats, expected at least 0\.05"):
        meta_train(tasks(), config, output)
    assert not output.exists()
    assert Checkpoint.load(tmp_path / "policy.safetensors.collapsed").info.metrics["kl_nats"] < 0.05


def test_awac_without_context_has_no_gate(tmp_path: Path) -> None:
    config = replace(CONFIG, agent=replace(CONFIG.agent, latent_size=0))
    checkpoint = meta_train(tasks(), config, tmp_path / "policy.safetensors")
    assert checkpoint.info.metrics["kl_nats"] == 0


def test_progress_and_tensorboard_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # rich makes a dumb terminal 80 columns wide, whatever else
    text = StringIO()
    with (
        progress(CONFIG.updates, Console(file=text, force_terminal=True, width=200)) as bar,
        tensorboard(tmp_path / "logs") as board,
    ):
        meta_train(tasks(), CONFIG, tmp_path / "policy.safetensors", listeners=[bar, board])
    assert "37/37" in text.getvalue()
    assert "kl_nats" in text.getvalue()
    assert any(f.stat().st_size > 100 for f in (tmp_path / "logs").iterdir())


def test_no_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(BufferFileError, match="no training connectors"):
        meta_train([], CONFIG, tmp_path / "policy.safetensors")
