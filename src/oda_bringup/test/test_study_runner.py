"""The study's units: done once, gone on with after a kill, redone exactly where they must be."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_toys import Add, Fail, Hang, Parity, chain, ignore

from oda_bringup.study.runner import outdated, run, select
from oda_bringup.study.store import Store
from oda_bringup.study.unit import Unit
from oda_core.errors import SessionError

HERE = Path(__file__).parent


def done(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_a_second_run_does_nothing_and_the_result_is_recorded(tmp_path):
    log, store = tmp_path / "log", Store(tmp_path / "study")
    progress = run(chain(log), store, 1, ignore)
    assert sorted(progress.performed) == ["one/a", "one/d", "three/c", "two/b"]
    record = store.record("three/c")
    assert record.result == {"total": 111}
    assert set(record.inputs) == {"two/b"} and set(record.files) == {"total.txt"}
    assert record.wall_s >= 0 and record.machine["cores"] >= 1 and "torch" in record.versions
    assert run(chain(log), store, 1, ignore).performed == []
    assert len(done(log)) == 4


def test_a_changed_setting_redoes_what_depends_on_it_and_nothing_else(tmp_path):
    log, store = tmp_path / "log", Store(tmp_path / "study")
    run(chain(log), store, 1, ignore)
    changed = chain(log, first=2)
    assert [unit.name for unit in outdated(changed, store)] == ["a", "b", "c"]
    assert run(changed, store, 1, ignore).performed == ["one/a", "two/b", "three/c"]
    assert store.record("three/c").result == {"total": 112}
    assert done(log).count("d") == 1


def test_an_input_that_comes_to_the_same_redoes_nothing_behind_it(tmp_path):
    store = Store(tmp_path / "study")

    def units(value: int) -> list[Unit]:
        log = str(tmp_path / "log")
        return [
            Unit(stage="one", name="a", job=Add(value=value, log=log)),
            Unit(stage="two", name="odd", job=Parity(), inputs=("one/a",)),
            Unit(stage="three", name="c", job=Add(value=1, log=log), inputs=("two/odd",)),
        ]

    run(units(1), store, 1, ignore)
    assert run(units(3), store, 1, ignore).performed == ["one/a", "two/odd"]


def test_a_changed_file_of_an_input_counts(tmp_path):
    log, store = tmp_path / "log", Store(tmp_path / "study")
    run(chain(log), store, 1, ignore)
    path = tmp_path / "study" / "one" / "a.json"
    record = json.loads(path.read_text())
    record["files"]["total.txt"] = "0" * 64
    path.write_text(json.dumps(record))
    assert [unit.name for unit in outdated(chain(log), store)] == ["b", "c"]


KILLED = """
import sys
from pathlib import Path
from study_toys import Add, Hang, ignore
from oda_bringup.study.runner import run
from oda_bringup.study.store import Store
from oda_bringup.study.unit import Unit
root = Path(sys.argv[1])
units = [
    Unit(stage="one", name="a", job=Add(value=1, log=str(root / "log"))),
    Unit(stage="two", name="hang", job=Hang(gate=str(root / "gate")), inputs=("one/a",)),
]
run(units, Store(root / "study"), 1, ignore)
"""


def test_a_killed_run_goes_on(tmp_path):
    run_it = [sys.executable, "-c", KILLED, str(tmp_path)]
    first = subprocess.Popen(run_it, cwd=HERE)
    half = tmp_path / "study" / "two" / "hang" / "half"
    limit = time.monotonic() + 120
    while not half.exists():
        assert first.poll() is None and time.monotonic() < limit
        time.sleep(0.02)
    first.kill()
    first.wait()
    store = Store(tmp_path / "study")
    assert store.record("one/a") is not None and store.record("two/hang") is None
    (tmp_path / "gate").touch()
    subprocess.run(run_it, cwd=HERE, check=True)
    assert store.record("two/hang").result["resumed"]
    assert done(tmp_path / "log") == ["a"]


def test_files_of_another_job_are_not_gone_on_with(tmp_path):
    store, gate = Store(tmp_path / "study"), tmp_path / "gate"
    gate.touch()
    left = tmp_path / "study" / "two" / "hang"
    left.mkdir(parents=True)
    (left / "half").touch()
    (left / ".key").write_text("of other settings")
    unit = Unit(stage="two", name="hang", job=Hang(gate=str(gate)))
    run([unit], store, 1, ignore)
    assert store.record("two/hang").result["resumed"] is False


def test_a_failure_leaves_out_what_depends_on_it_only(tmp_path):
    log, store = tmp_path / "log", Store(tmp_path / "study")
    units = [
        Unit(stage="one", name="bad", job=Fail()),
        Unit(stage="two", name="after", job=Parity(), inputs=("one/bad",)),
        Unit(stage="one", name="good", job=Add(value=1, log=str(log))),
    ]
    progress = run(units, store, 1, ignore)
    assert progress.performed == ["one/good"]
    assert "expected something" in progress.failed["one/bad"]
    assert "one/bad" in progress.failed["two/after"]
    assert store.record("one/bad") is None


def test_a_stage_brings_what_it_needs(tmp_path):
    units = chain(tmp_path / "log")
    assert [unit.name for unit in select(units, ["two"])] == ["a", "b"]
    assert select(units, []) == units
    with pytest.raises(SessionError, match="two/b"):
        select(units[2:], [])


def test_forgotten_results_are_made_again(tmp_path):
    log, store = tmp_path / "log", Store(tmp_path / "study")
    units = chain(log)
    run(units, store, 1, ignore)
    store.forget(units[1:2])
    assert run(units, store, 1, ignore).performed == ["two/b"]  # it comes to the same
