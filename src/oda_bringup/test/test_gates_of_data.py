"""Gates of the training data: what they read, when they pass, and their pictures."""

from pathlib import Path

import pytest

from oda_bringup.gates import ddpgfd, demonstrations
from oda_bringup.gates.rates import running_mean
from oda_bringup.quality import Quality
from oda_core.errors import ConfigError


def write(directory: Path, part: str, wins: dict[str, int]) -> None:
    for name, successes in wins.items():
        quality = Quality(
            connector=name,
            seed=1,
            successes=successes,
            trials=100,
            mean_steps=20.5,
            curve=(0, 1, 1),
            bags={"x.mcap": "ab"},
        )
        quality.save(directory / name / f"{part}.json")
        assert Quality.load(directory / name / f"{part}.json") == quality


@pytest.mark.parametrize(("gate", "part"), [(demonstrations, "demos"), (ddpgfd, "ddpgfd")])
def test_a_gate_passes_when_every_connector_does(gate: object, part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make them with oda collect"):
        gate.run(tmp_path)
    write(tmp_path, part, {"a-plug": 95, "b-plug": 100})
    assert gate.run(tmp_path).passed
    write(tmp_path, part, {"c-plug": 94})
    result = gate.run(tmp_path)
    assert not result.passed
    assert result.worst.connector == "c-plug"
    columns, rows = result.table()
    assert [row[0] for row in rows] == ["a-plug", "b-plug", "c-plug"]
    assert rows[0][1:3] == ("95/100", "88.7% to 98.4%")
    assert all(len(row) == len(columns) for row in rows)
    gate.plot(result, tmp_path / "plot.svg")
    assert all(name in (tmp_path / "plot.svg").read_text() for name in ("c-plug", "<svg"))


def test_damaged_figures_are_named(tmp_path: Path) -> None:
    write(tmp_path, "demos", {"a-plug": 95})
    (tmp_path / "a-plug" / "demos.json").write_text("{")
    with pytest.raises(ConfigError, match="run oda collect again"):
        demonstrations.run(tmp_path)


def test_running_mean_takes_what_there_is() -> None:
    assert running_mean([0, 1, 1, 0], 2) == [0.0, 0.5, 1.0, 0.5]
