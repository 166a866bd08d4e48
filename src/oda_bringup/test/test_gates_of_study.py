"""Gates that read the records of a study: the oracle's trials and the task codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from study_toys import keep

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.gates import Goals
from oda_bringup.study.data import CODE
from oda_bringup.study.gates import LatentGate, OracleGate
from oda_bringup.study.store import Store
from oda_bringup.study.unit import Desk


def trials(wins: int) -> dict[str, Any]:
    """A record of the oracle's stage: sampled actions win so often, mean ones never."""
    modes = {"sampled": wins, "deterministic": 0}
    return {
        mode: {"successes": n, "trials": 100, "outcomes": "1" * n + "0" * (100 - n)}
        for mode, n in modes.items()
    }


def codes(kl_nats: list[float], lateral: tuple[float, float]) -> dict[str, Any]:
    """A record of the map's stage."""
    return {
        "connectors": [f"plug-{i}" for i in range(len(kl_nats))],
        "kl_nats": kl_nats,
        "r2": {**dict.fromkeys(CODE, -0.2), "lateral x": lateral[0], "lateral y": lateral[1]},
    }


def gate(name: str, store: Store, *names: str) -> tuple[int, dict[str, Any]]:
    """Exit code and written figures of oda gate."""
    out = store.root / "out"
    words = ["gate", name, *names, "--study", str(store.root), "--output", str(out)]
    code = main(words)
    return code, json.loads((out / f"{name}.json").read_text())


def test_the_oracle_is_judged_by_its_sampled_actions(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store, "oracle/a-plug", trials(95))
    code, content = gate("oracle", store)
    assert code == Exit.OK and content["settings"] == {"study": str(tmp_path)}
    keep(store, "oracle/b-plug", trials(94))
    code, content = gate("oracle", store)
    assert code == Exit.NOT_ACCEPTED
    found = [(f["subject"], f["value"], f["passed"]) for f in content["findings"]]
    assert found[0] == ("a-plug", "95/100 (88.7% to 98.4%)", True)
    assert found[1][0] == "b-plug" and not found[1][2]
    assert "b-plug" in (tmp_path / "out/oracle.svg").read_text()
    desk = Desk(directory=tmp_path, inputs=tuple(store.finished("oracle")))
    judged = OracleGate(rate=0.95).run(desk)
    assert judged == {key: content[key] for key in ("passed", "findings")}
    assert gate("oracle", store, "a-plug")[0] == Exit.OK


@pytest.mark.parametrize(
    ("kl_nats", "lateral", "passed"),
    [
        ([9.0, 1.0], (0.7, 0.3), [True, True]),
        ([9.0, 0.9], (0.7, 0.3), [False, True]),
        ([9.0, 1.0], (0.7, 0.2), [True, False]),
    ],
)
def test_a_task_code_needs_information_and_the_offset(
    kl_nats: list[float], lateral: tuple[float, float], passed: list[bool], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    keep(store, "map/oda-best-s0", codes(kl_nats, lateral))
    keep(store, "map/oda-paper-s0", codes([0.0, 0.0], (0.0, 0.0)))  # not what is judged
    code, content = gate("latent", store)
    assert [f["passed"] for f in content["findings"]] == passed
    assert code == (Exit.OK if all(passed) else Exit.NOT_ACCEPTED)
    kl, r2 = content["findings"]
    assert kl["value"] == f"{min(kl_nats):.2f} nats (plug-1)" and kl["goal"] == ">= 1 nats"
    assert r2["value"] == f"{sum(lateral) / 2:.2f}" and r2["goal"] == ">= 0.5"
    text = (tmp_path / "out/latent.svg").read_text()
    assert all(word in text for word in ("oda-best-s0", "plug-0", "retention force"))
    desk = Desk(directory=tmp_path, inputs=(store.done("map/oda-best-s0"),))
    judged = LatentGate(goals=Goals()).run(desk)
    assert judged == {key: content[key] for key in ("passed", "findings")}
    assert gate("latent", store, "oda-paper-s0")[0] == Exit.NOT_ACCEPTED


def test_a_study_without_these_records_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    words = ["--study", str(tmp_path), "--output", str(tmp_path)]
    assert main(["gate", "oracle", *words]) == Exit.BAD_INPUT
    assert f"oda reproduce --only oracle --output {tmp_path}" in capsys.readouterr().err
    keep(store, "map/oda-paper-s0", codes([9.0], (0.9, 0.9)))
    assert main(["gate", "latent", *words]) == Exit.BAD_INPUT
    assert "found oda-paper-s0, expected maps of oda-best" in capsys.readouterr().err
    assert main(["gate", "latent", "oda-best-s1", *words]) == Exit.BAD_INPUT
    assert "map/oda-best-s1.json: is missing" in capsys.readouterr().err
