"""Gates of the training data: what they read, when they pass, and what they write."""

import json
from pathlib import Path

import pytest

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.gates.rates import running_mean
from oda_bringup.quality import Quality
from oda_bringup.study.gates import DataGate
from oda_bringup.study.unit import Desk, Done
from oda_core.config import to_mapping

PARTS = {"demonstrations": "demos", "ddpgfd": "ddpgfd"}


def quality(name: str, successes: int) -> Quality:
    return Quality(
        connector=name,
        seed=1,
        successes=successes,
        trials=100,
        mean_steps=20.5,
        curve=(0, 1, 1),
        bags={"x.mcap": "ab"},
    )


def write(directory: Path, part: str, wins: dict[str, int]) -> None:
    for name, successes in wins.items():
        file = directory / name / f"{part}.json"
        quality(name, successes).save(file)
        assert Quality.load(file) == quality(name, successes)


def gate(name: str, directory: Path, *connectors: str) -> int:
    words = ["gate", name, *connectors, "--bags", str(directory), "--output", str(directory)]
    return main(words)


@pytest.mark.parametrize("name", PARTS)
def test_a_gate_passes_when_every_connector_does(name: str, tmp_path: Path) -> None:
    write(tmp_path, PARTS[name], {"a-plug": 95, "b-plug": 100})
    assert gate(name, tmp_path) == Exit.OK
    write(tmp_path, PARTS[name], {"c-plug": 94})
    assert gate(name, tmp_path) == Exit.NOT_ACCEPTED
    content = json.loads((tmp_path / f"{name}.json").read_text())
    assert content["settings"] == {"bags": str(tmp_path)}
    found = content["findings"]
    assert [f["subject"] for f in found] == ["a-plug", "b-plug", "c-plug"]
    assert [f["passed"] for f in found] == [True, True, False]
    assert (found[0]["value"], found[0]["goal"]) == ("95/100 (88.7% to 98.4%)", ">= 95%")
    assert found[0]["data"]["mean_steps"] == 20.5 and found[0]["data"]["curve"] == [0, 1, 1]
    text = (tmp_path / f"{name}.svg").read_text()
    assert all(name in text for name in ("<svg", "a-plug", "c-plug"))
    assert gate(name, tmp_path, "b-plug", "a-plug") == Exit.OK  # the named ones only


def test_missing_and_damaged_figures_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate("ddpgfd", tmp_path) == Exit.BAD_INPUT
    assert "make them with oda collect" in capsys.readouterr().err
    write(tmp_path, "demos", {"a-plug": 95})
    assert gate("demonstrations", tmp_path, "b-plug") == Exit.BAD_INPUT
    assert "b-plug/demos.json" in capsys.readouterr().err
    (tmp_path / "a-plug" / "demos.json").write_text("{")
    assert gate("demonstrations", tmp_path) == Exit.BAD_INPUT
    assert "run oda collect again" in capsys.readouterr().err


def test_the_study_judges_as_the_command_does(tmp_path: Path) -> None:
    wins = {"a-plug": 95, "c-plug": 94}
    write(tmp_path, "demos", wins)
    assert gate("demonstrations", tmp_path) == Exit.NOT_ACCEPTED
    content = json.loads((tmp_path / "demonstrations.json").read_text())
    made = tuple(
        Done(
            id=f"collect/{name}",
            directory=tmp_path,
            result=json.loads(json.dumps({"demos": to_mapping(quality(name, successes))})),
        )
        for name, successes in wins.items()
    )
    judged = DataGate(part="demos", rate=0.95).run(Desk(directory=tmp_path, inputs=made))
    assert judged == {key: content[key] for key in ("passed", "findings")}


def test_running_mean_takes_what_there_is() -> None:
    assert running_mean([0, 1, 1, 0], 2) == [0.0, 0.5, 1.0, 0.5]
