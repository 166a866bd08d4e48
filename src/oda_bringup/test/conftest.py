"""Small inputs that the tests share."""

import os
import sys
from pathlib import Path

import pytest
import torch

from oda_bringup.collect import demonstrations, write_bag
from oda_policy.agent import Agent
from oda_policy.checkpoint import Checkpoint, CheckpointInfo
from oda_policy.config import AgentConfig
from oda_policy.tasks import TaskRows
from oda_policy.transitions import Layout
from oda_sim.connector import dump_connector, load_connector
from oda_sim.env import InsertionEnv

sys.path.insert(0, str(Path(__file__).parent))
from graph_stubs import install_stubs
from worker import DOMAIN

CONNECTOR = "metal-peg-sq"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained checkpoint with small networks and a memory of two random tasks."""
    agent = AgentConfig(hidden=(16, 16), encoder_hidden=(16, 16))
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    rows = torch.rand((60, Layout(18, 6).width), generator=torch.Generator().manual_seed(0))
    memory = TaskRows(rows.half(), torch.tensor([[20, 10], [20, 10]]))
    Checkpoint.of(Agent((18, 6), agent, 0), CheckpointInfo(agent=agent), memory).save(path)
    return path


@pytest.fixture(scope="session")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag with three demonstrations of CONNECTOR."""
    path = tmp_path_factory.mktemp("demos") / "bag"
    env = InsertionEnv(load_connector(CONNECTOR), simulate_reset=False)
    write_bag(path, demonstrations(env, 3, 0, "demos"))
    return path


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, where runs/ appears, and a ROS domain of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
    return tmp_path


@pytest.fixture
def own_connector(workplace: Path) -> Path:
    """A user's YAML file of a connector that the repository does not have."""
    path = workplace / "mine.yaml"
    text = dump_connector(load_connector(CONNECTOR))
    path.write_text(text.replace(f"name: {CONNECTOR}", "name: mine"))
    return path


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An install prefix with stubs for all executables, in front of the real ones."""
    path = tmp_path / "prefix"
    install_stubs(path, tmp_path)
    places = ("/nowhere", str(path), os.environ["AMENT_PREFIX_PATH"])
    monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join(places))
    return path
