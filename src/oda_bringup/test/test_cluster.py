"""Collection on the machines of a Ray cluster; Ray is no requirement of ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.cluster import _run, cluster
from oda_core.errors import SessionError
from oda_core.files import sha256_file

WORDS = ["collect", "--connectors", "round-peg-10", "metal-peg-hex", "--demos", "2", "--source",
         "operator", "--episodes", "2", "--trials", "0"]  # fmt: skip


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    """Two nodes of Ray with a core each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    both = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    both.add_node(num_cpus=1)
    yield both
    both.shutdown()


def contents(directory: Path) -> dict[str, str]:
    files = (p for p in directory.rglob("*") if p.is_file())
    return {str(p.relative_to(directory)): sha256_file(p) for p in files}


def test_a_cluster_that_is_not_there_is_named(workplace: Path) -> None:
    with (
        pytest.raises(SessionError, match=r"ray start|pip install ray"),
        cluster("auto", workplace),
    ):
        pass


def test_a_machine_without_the_shared_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="expected a directory that all machines"):
        _run(tmp_path / "gone", len, ("abc",))
    assert _run(tmp_path, len, ("abc",)) == 3


@pytest.mark.slow
def test_a_cluster_writes_the_same_bytes_as_this_machine(machines: Any, workplace: Path) -> None:
    assert main([*WORDS, "--output", "there", "--ray", machines.address]) == Exit.OK
    assert main([*WORDS, "--output", "here"]) == Exit.OK
    found = contents(workplace / "there")
    assert found == contents(workplace / "here")
    assert {Path(name).parts[0] for name in found} == {"round-peg-10", "metal-peg-hex"}
