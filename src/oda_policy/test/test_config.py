"""Settings: one schema for YAML, command line and parameters."""

import dataclasses
import re
from ast import literal_eval
from pathlib import Path
from typing import Any

import pytest
import tyro

from oda_core.config import from_mapping, load_yaml, to_mapping
from oda_core.errors import ConfigError
from oda_policy.config import (
    AdaptConfig,
    AgentConfig,
    FinetuneConfig,
    MetaTrainConfig,
    describe,
)

SCHEMAS = [AgentConfig, MetaTrainConfig, FinetuneConfig, AdaptConfig]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_field_is_described_and_unchangeable(schema: type) -> None:
    for item in dataclasses.fields(schema):
        assert len(describe(item)) > 5
        assert f"{item.name}: {describe(item)}" in (schema.__doc__ or "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        schema().seed = 1


def test_the_command_line_shows_the_descriptions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tyro.cli(MetaTrainConfig, args=["--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "gradient updates" in shown
    assert "AWAC's lambda" in shown


def test_the_command_line_changes_nested_values() -> None:
    config = tyro.cli(
        MetaTrainConfig,
        args=["--agent.temperature", "0.2", "--updates", "7"],
        default=MetaTrainConfig.preset("best"),
    )
    assert (config.agent.temperature, config.updates, config.agent.discount) == (0.2, 7, 0.97)


@pytest.mark.parametrize(
    "config",
    [
        MetaTrainConfig.preset("paper"),
        MetaTrainConfig.preset("best"),
        FinetuneConfig.preset("best"),
        AdaptConfig(),
    ],
)
def test_yaml_comes_back_exactly(config: Any, tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(to_mapping(config)))
    assert load_yaml(type(config), path) == config


@pytest.mark.parametrize(
    ("schema", "data", "words"),
    [
        (AgentConfig, {"temprature": 0.1}, "unknown key temprature"),
        (AgentConfig, {"temperature": 0.0}, "found temperature 0.0, expected a positive number"),
        (AgentConfig, {"critics": 2, "target_critics": 3}, "expected at most all critics"),
        (AgentConfig, {"log_std_min": 1.0}, "expected a minimum below the maximum"),
        (MetaTrainConfig, {"demo_fraction": 1.5}, "found demo_fraction 1.5"),
        (MetaTrainConfig, {"agent": {"kl_weight": -1.0}}, "kl_weight"),
        (FinetuneConfig, {"updates_per_step": "many"}, "expected float"),
        (AdaptConfig, {"accept_rate": 0.9, "goal_rate": 0.8}, "expected accept_rate <= goal_rate"),
    ],
)
def test_wrong_values_are_refused(schema: type, data: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_mapping(schema, data, "config.yaml")


def test_the_paper_preset_is_algorithm_1_as_written() -> None:
    config = MetaTrainConfig.preset("paper")
    agent = config.agent
    assert not agent.actor_trains_encoder  # line 12: critic and KL only
    assert config.tasks == 0  # line 3: every task in every update
    assert not config.pool_demos  # line 5: transitions from the offline data
    assert config.demo_fraction == 0
    assert (agent.weighting, agent.n_step, agent.layer_norm) == ("exp", 1, False)
    finetune = FinetuneConfig.preset("paper")
    assert finetune.sample_z  # line 10
    assert finetune.train_encoder  # line 12
    assert finetune.demo_fraction == 0  # line 9: the online buffer only


def different(one: Any, other: Any, where: str) -> dict[str, tuple[Any, Any]]:
    """Dotted names of the fields in which two settings differ, with both values."""
    found: dict[str, tuple[Any, Any]] = {}
    for item in dataclasses.fields(one):
        name, pair = f"{where}.{item.name}", (getattr(one, item.name), getattr(other, item.name))
        if dataclasses.is_dataclass(pair[0]):
            found |= different(*pair, name)
        elif pair[0] != pair[1]:
            found[name] = pair
    return found


def test_the_documents_list_what_best_changes() -> None:
    text = (Path(__file__).parents[3] / "docs" / "algorithm.md").read_text()
    rows = re.findall(r"^\| `((?:MetaTrain|Finetune)Config\.\S+)` \| (.*?) \| (.*?) \|", text, re.M)
    listed = {name: (literal_eval(paper), literal_eval(best)) for name, paper, best in rows}
    assert listed == {
        name: pair
        for schema in (MetaTrainConfig, FinetuneConfig)
        for name, pair in different(
            schema.preset("paper"), schema.preset("best"), schema.__name__
        ).items()
    }
