"""Gates: figures, plots and exit codes."""

import importlib
import json
from dataclasses import fields
from pathlib import Path

import pytest

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.gate import GateOptions
from oda_bringup.cli.main import main
from oda_bringup.gates import GATES, Finding, Request, all_passed, measure
from oda_core.errors import ConfigError
from oda_sim.connector import dump_connector, load_connector


def _request(*names):
    here = Path()
    return Request(names=names, trials=1, seed=0, jobs=1, bags=here, study=here)


def test_retention_is_measured_and_written(tmp_path):
    words = ["gate", "retention", "jp-ac-plug", "--jobs", "1", "--output", str(tmp_path)]
    assert main(words) == Exit.OK
    content = json.loads((tmp_path / "retention.json").read_text())
    (finding,) = content["findings"]
    assert content["passed"] and finding["subject"] == "jp-ac-plug"
    assert finding["data"]["peak_n"] == pytest.approx(25.0, rel=0.1)
    assert len(finding["data"]["depth_mm"]) == len(finding["data"]["force_n"]) > 50
    assert (tmp_path / "retention.png").read_bytes()[:4] == b"\x89PNG"
    assert "<svg" in (tmp_path / "retention.svg").read_text()


def test_retention_of_a_stuck_plug_fails(tmp_path):
    path = tmp_path / "stuck.yaml"
    text = dump_connector(load_connector("jp-ac-plug"))
    path.write_text(text.replace("blocked_depth_mm: null", "blocked_depth_mm: 3.0"))
    words = ["gate", "retention", str(path), "--jobs", "1", "--output", str(tmp_path / "out")]
    assert main(words) == Exit.NOT_ACCEPTED
    assert not json.loads((tmp_path / "out/retention.json").read_text())["passed"]


def test_observable_counts_the_operators_insertions(tmp_path):
    words = ["gate", "observable", "network-card-18", "--trials", "3", "--jobs", "1"]
    assert main([*words, "--output", str(tmp_path)]) == Exit.OK
    content = json.loads((tmp_path / "observable.json").read_text())
    (finding,) = content["findings"]
    assert content["settings"] == {"trials": 3, "seed": 0}
    assert finding["data"]["successes"] == finding["data"]["trials"] == 3
    assert 0.0 < finding["data"]["low"] < finding["data"]["high"] == 1.0
    assert finding["data"]["peak_force_n"] < finding["data"]["damage_n"]


def test_unknown_gates_and_free_connectors_are_refused():
    with pytest.raises(ConfigError, match="expected one of observable, retention"):
        measure("no-such", _request())
    with pytest.raises(ConfigError, match="metal-peg-sq specifies no retention"):
        measure("retention", _request("metal-peg-sq"))


def test_one_failure_fails_a_gate():
    good = Finding(subject="a", value="1", goal="1", passed=True)
    bad = Finding(subject="b", value="0", goal="1", passed=False)
    assert all_passed([good])
    assert not all_passed([good, bad])
    assert not all_passed([])


def test_every_gate_of_the_command_is_a_gate():
    assert all(callable(importlib.import_module(module).measure) for module in GATES.values())
    (about,) = [f for f in fields(GateOptions) if f.name == "gate"]
    assert all(name in about.metadata["description"] for name in GATES)
