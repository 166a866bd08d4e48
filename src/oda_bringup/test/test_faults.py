"""The hazard table names what exists, and the judge of faults sees what is wrong."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from oda_bringup.faults.campaign import choose
from oda_bringup.faults.catalogue import FAULTS, Fault
from oda_bringup.faults.in_process import can_run, run_in_process
from oda_bringup.faults.judge import Seen, Shown, Verdict, judge
from oda_core.errors import ConfigError
from oda_core.se3 import Pose
from oda_core.types import EpisodeEvent, Event, Purpose, TcpState
from oda_sim.connector import load_connector

ROOT = Path(__file__).parents[3]
FAULT = next(fault for fault in FAULTS if fault.name == "twists-lost")
SECOND = 1_000_000_000
REASON = "no command for 0.26 s"


def test_every_row_of_the_hazard_table_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "safety.md").read_text()
    tests = "".join(path.read_text() for path in ROOT.glob("src/*/test/**/test_*.py"))
    names = {fault.name for fault in FAULTS}
    rows = [line for line in text.partition("## Hazards")[2].splitlines() if line[:2] == "| "]
    assert len(rows) > 15
    named = set()
    for row in rows[1:]:
        words = re.findall(r"`([a-z_-]+)`", row.split("|")[-2])
        assert words or "every fault" in row, row
        for word in words:
            known = f"def {word}(" in tests if word.startswith("test_") else word in names
            assert known, f"{word} is named in: {row}"
        named.update(words)
    assert names <= named


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ConfigError, match="found nonsense, expected of policy-killed"):
        choose(["policy-killed", "nonsense"])


@pytest.mark.parametrize("fault", [f for f in FAULTS if can_run(f)], ids=lambda f: f.name)
def test_cell_and_arbiter_answer_every_fault_as_they_must(fault: Fault, tmp_path: Path) -> None:
    for seed in range(2):
        found = run_in_process(fault, load_connector("metal-peg-sq"), seed, tmp_path / str(seed))
        assert found.passed, found.problems


def test_a_receiver_that_does_not_rest_by_itself_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = next(fault for fault in FAULTS if fault.name == "arbiter-killed")
    monkeypatch.setattr("oda_sim.cell.STALE_NS", 4 * SECOND)
    found = run_in_process(killed, load_connector("metal-peg-sq"), 0, tmp_path)
    assert any("at rest" in problem for problem in found.problems), found


def state(t: float, speed: float = 0.0, force: float = 1.0, z: float = 0.1) -> TcpState:
    return TcpState(
        stamp_ns=round(t * SECOND),
        pose=Pose(np.array([0.55, 0.0, z]), np.array([0.0, 1.0, 0.0, 0.0])),
        twist=np.array([0.0, 0.0, speed, 0.0, 0.0, 0.0]),
        wrench=np.array([0.0, 0.0, -force, 0.0, 0.0, 0.0]),
        inserted=False,
    )


def sound() -> Seen:
    """The fault comes after a second; 0.3 s later the arm rests."""
    states = [state(t, 0.015 if t < 1.3 else 0.0) for t in np.arange(0.0, 3.0, 0.01)]
    held = Shown(round(1.27 * SECOND), 2, REASON, 0.0)
    return Seen(
        states=states, safety=[held], fault_ns=SECOND, ended_ns=3 * SECOND, force_limit_n=100.0
    )


def verdict(seen: Seen, session: Path, fault: Fault = FAULT) -> Verdict:
    return judge(fault, seen, session)


def test_a_robot_that_answers_as_it_must_passes(tmp_path: Path) -> None:
    found = verdict(sound(), tmp_path)
    assert found.passed, found.problems
    assert found.rest_s == pytest.approx(0.3, abs=0.011) and found.reason == REASON


def again(seen: Seen) -> None:
    start = EpisodeEvent(
        stamp_ns=2 * SECOND, session="s", episode_id=1, connector="c",
        purpose=Purpose.TRAINING, event=Event.START,
    )  # fmt: skip
    seen.episodes.append(start)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda s: s.states.__setitem__(150, state(1.5, 0.01)), "at rest after 0.51 s"),
        (lambda s: s.states.__setitem__(200, state(2.0, z=0.101)), "moved by 1.00 mm"),
        (lambda s: s.states.__setitem__(200, state(2.0, force=20.0)), "force rose from 1.0"),
        (lambda s: s.states.__setitem__(50, state(0.5, force=101.0)), "peak force 101.0 N"),
        (lambda s: s.states.__setitem__(50, state(0.5, speed=0.05)), "speed 50.0 mm/s"),
        (lambda s: s.commands.append(Shown(2 * SECOND, -1, "", 0.01)), "resumed by itself"),
        (again, "1 episodes began after the fault"),
        (lambda s: s.safety.clear(), "no reason with 'no command'"),
        (lambda s: setattr(s, "top_m", 0.05), "50.0 mm above the workspace box"),
    ],
)
def test_the_judge_finds_what_is_wrong(spoil, problem: str, tmp_path: Path) -> None:
    seen = sound()
    spoil(seen)
    problems = verdict(seen, tmp_path).problems
    assert any(problem in found for found in problems), problems


def test_a_fault_that_must_not_begin_is_judged_by_motion(tmp_path: Path) -> None:
    fault = dataclasses.replace(FAULT, reaction="never begins", reason="")
    assert "moved" not in str(verdict(sound(), tmp_path, fault).problems)
    seen = sound()
    seen.states[200] = state(2.0, z=0.11)
    assert "moved by 10.00 mm in 0 steps" in str(verdict(seen, tmp_path, fault).problems)
