"""Collection: the parts of a task, whole or not at all, and the same bytes however often begun."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from oda_bringup.collect import Work, collect_task, parts_of
from oda_bringup.convert import convert, find_bags
from oda_bringup.quality import Quality
from oda_core.bag import read_episodes
from oda_core.errors import ConfigError
from oda_core.files import sha256_file
from oda_core.types import Purpose, Source
from oda_policy.baselines.ddpg import DdpgConfig
from oda_policy.baselines.ddpgfd import DdpgfdConfig
from oda_policy.buffer import read_buffer
from oda_sim.connector import load_connector

NAME = "round-peg-10"
SMALL = DdpgConfig(hidden=(16, 16), batch=16)
LEARNING = DdpgfdConfig(ddpg=SMALL, warmup_updates=20, updates_per_step=0.5)


class PowerCutError(Exception):
    """Something ends the process."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """A task that was collected without interruption."""
    work = Work(
        connector=load_connector(NAME),
        directory=tmp_path_factory.mktemp("bags") / NAME,
        demos=2,
        episodes=2,
        learning=LEARNING,
        reruns=2,
        trials=2,
        seed=7,
    )
    told: list[int] = []
    line = collect_task(work, lambda: told.append(1))
    assert len(told) == 2 + 2 + 2
    assert "reruns" in line
    assert collect_task(work) == f"{NAME}: there already"
    return work


def contents(directory: Path) -> dict[str, str]:
    files = (p for p in directory.rglob("*") if p.is_file())
    return {str(p.relative_to(directory)): sha256_file(p) for p in files}


def test_an_interrupted_collection_ends_with_the_same_bytes(work: Work, tmp_path: Path) -> None:
    other = replace(work, directory=tmp_path / NAME)
    other.directory.mkdir()
    shutil.copytree(work.directory / "demos", other.directory / "demos")
    told: list[int] = []

    def cut() -> None:
        told.append(1)
        if len(told) == 2:  # the replay's last episode is written, its bag is not complete
            raise PowerCutError

    with pytest.raises(PowerCutError):
        collect_task(other, cut)
    assert [part.name for part in parts_of(other)] == ["ddpgfd", "reruns"]
    collect_task(other)
    assert contents(other.directory) == contents(work.directory)


def test_replay_and_reruns_are_offline_episodes_of_the_task(work: Work, tmp_path: Path) -> None:
    list(convert(find_bags([work.directory]), tmp_path))
    offline = read_buffer(tmp_path / NAME / "offline")
    assert len(offline) == 4
    assert len(read_buffer(tmp_path / NAME / "demos")) == 2
    assert {e.end.purpose for e in offline} == {Purpose.TRAINING}
    assert {int(s) for e in offline for s in e.sources} == {int(Source.POLICY)}
    replay = list(read_episodes(work.directory / "ddpgfd"))
    assert [e.end.policy_version for e in replay] == [0, 1]


def test_what_the_gates_read_names_the_data_it_is_about(work: Work) -> None:
    found = Quality.load(work.directory / "ddpgfd.json")
    bags = work.directory
    assert found.bags == {
        f"{name}.mcap": sha256_file(next((bags / name).glob("*.mcap")))
        for name in ("ddpgfd", "reruns")
    }
    assert (found.trials, len(found.curve)) == (2, 2)
    steps = sum(len(e) for e in read_episodes(bags / "ddpgfd"))
    assert found.updates == 20 + steps // 2
    assert Quality.load(bags / "demos.json").trials == 2
    with pytest.raises(ConfigError, match="run oda collect again"):
        Quality.load(bags / "ghost.json")


def test_an_operator_can_make_the_offline_episodes_instead(work: Work, tmp_path: Path) -> None:
    other = replace(work, directory=tmp_path, source="operator")
    assert [part.name for part in parts_of(other)] == ["demos", "offline"]
