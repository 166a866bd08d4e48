"""Security: the interface table is what nodes use, and the keystore permits exactly that."""

import fnmatch
import re
import shutil
import subprocess
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from oda_bringup.assets import shipped_checkpoint
from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.options import ROBOTS
from oda_bringup.security.enclaves import PERSON, TOOLS, enclaves, graphs
from oda_bringup.security.interfaces import (
    JOY,
    LOG,
    MOUSE,
    PARAMETER_EVENTS,
    TABLE,
    endpoints_of,
)
from oda_bringup.security.keystore import enclave_folder, faults, write_keystore
from oda_bringup.security.permissions import DISCOVERY, Grant, permissions_xml, read_permissions
from oda_core import topics
from oda_core.ros.testing import Client, Nodes, own_domain

SOURCE = Path(__file__).parents[2]
KINDS = {
    "publishes": "publisher", "subscribes": "subscriber", "serves": "service", "calls": "client"
}  # fmt: skip
DOMAIN = 7


def modules() -> dict[str, str]:
    """Modules of our nodes by their executables, as the packages install them."""
    found = {}
    for setup in SOURCE.glob("*/setup.py"):
        found.update(re.findall(r'"(\w+) = ([\w.]+):main"', setup.read_text()))
    return {name: module for name, module in found.items() if name in TABLE}


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("keystore")
    write_keystore(root, enclaves(), DOMAIN, 30)
    return root


@pytest.fixture
def own_copy(keystore: Path, tmp_path: Path) -> Path:
    return shutil.copytree(keystore, tmp_path / "copy")


def found(client: Client, full_name: str) -> dict[str, set[str]]:
    """What a node is seen to use; nothing before it is discovered."""
    namespace, _, name = full_name.rpartition("/")
    namespace = namespace or "/"
    if (name, namespace) not in client.node.get_node_names_and_namespaces():
        return {}
    seen = {}
    for kind, entity in KINDS.items():
        get = getattr(client.node, f"get_{entity}_names_and_types_by_node")
        seen[kind] = {topic for topic, _ in get(name, namespace)}
    return seen


@pytest.mark.ros
@pytest.mark.slow
def test_the_table_is_what_the_nodes_use(tmp_path: Path) -> None:
    parameters = {
        "detector_node": {"goal.position_m": "[0.55, 0.0, 0.13]"},
        "recorder_node": {"output": str(tmp_path / "bag")},
        "trainer_node": {"checkpoint": str(shipped_checkpoint())},
    }
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        for executable, module in modules().items():
            name = nodes.start(module, **parameters.get(executable, {}))
            full_name = f"/{executable.removesuffix('_node')}"
            used = TABLE[executable].of(full_name, use_sim_time=False)
            expected = {kind: getattr(used, kind) for kind in KINDS}
            with suppress(AssertionError):  # said more plainly below
                client.until(lambda n=full_name, e=expected: found(client, n) == e, name, 60.0)
            assert found(client, full_name) == expected, executable
            nodes.processes[name].kill()


def test_every_node_of_every_graph_is_in_the_table() -> None:
    for robot in ROBOTS:
        for graph in graphs(robot):
            for node in graph:
                assert endpoints_of(node), node
    started = {node.executable for robot in ROBOTS for graph in graphs(robot) for node in graph}
    assert started <= set(TABLE)


def test_what_one_hears_another_says_in_the_same_graph() -> None:
    """No dead ends: each topic has a writer, each service a server, but for what people bring."""
    by_people = {topics.TELEOP_TWIST, *MOUSE, JOY, "/spacenav/twist_stamped"}
    for graph in graphs("sim"):
        used = [endpoints_of(node) for node in graph]
        said = set().union(*(e.publishes for e in used))
        heard = set().union(*(e.subscribes for e in used))
        served = set().union(*(e.serves for e in used))
        called = set().union(*(e.calls for e in used))
        if any(node.client for node in graph):
            owned = {topics.WEIGHTS, topics.POLICY_TWIST}  # of the policy, absent from recordings
            assert heard - said <= by_people | owned | {topics.RESET_TWIST}  # of a robot
            assert called - served <= {topics.BEGIN}  # which the guide alone serves


def test_grants_are_the_table_in_the_names_of_dds() -> None:
    grants = enclaves()
    for robot in ROBOTS:
        for node in (node for graph in graphs(robot) for node in graph):
            used, given = endpoints_of(node), grants[node.full_name]
            assert {f"rt{topic}" for topic in used.publishes} <= given.publish
            assert {f"rq{service}Request" for service in used.serves} <= given.subscribe
    writers = {name for name, g in grants.items() if f"rt{topics.COMMAND}" in g.publish}
    assert writers == {"/oda/arbiter"}, "only the arbiter commands the robot"
    starters = {n for n, g in grants.items() if f"rq{topics.START}Request" in g.publish}
    assert PERSON in starters <= {PERSON, "/oda/teleop"}, "only a person recovers the robot"
    ours = {name: g for name, g in grants.items() if not any("*" in n for n in g.publish)}
    assert set(grants) - set(ours) == {
        name for name in grants if name.endswith(("controller_manager", "state_publisher"))
        or "/spawner_" in name
    }  # fmt: skip


def test_patterns_of_foreign_nodes_reach_nothing_of_ours() -> None:
    own = {
        name
        for executable, interfaces in TABLE.items()
        if not interfaces.foreign and executable != "spawner"
        for name in (*interfaces.publishes, *interfaces.serves)
    }
    for interfaces in TABLE.values():
        for pattern in (*interfaces.publishes, *interfaces.serves, *interfaces.calls):
            if "*" in pattern:
                assert not fnmatch.filter(own, pattern), pattern


def test_permissions_read_back() -> None:
    given = Grant(enclave="/oda/x", publish=frozenset({"rt/a"}), subscribe=frozenset({"rt/b"}))
    since = datetime(2026, 1, 2, tzinfo=timezone.utc)
    text = permissions_xml(given, 3, since, since + timedelta(days=2))
    assert read_permissions(text) == (given, [3], since + timedelta(days=2))
    assert "<default>DENY</default>" in text


def test_a_fresh_keystore_has_no_fault(keystore: Path) -> None:
    assert faults(keystore, enclaves(), DOMAIN) == []
    for key in keystore.rglob("*.key.pem"):
        assert key.stat().st_mode & 0o077 == 0, key
    for key in keystore.rglob("key.pem"):
        assert key.stat().st_mode & 0o077 == 0, key


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "key.pem").unlink(), "has no key.pem"),
        (
            lambda folder: (folder / "permissions.p7s").write_text(
                (folder / "permissions.p7s").read_text().replace("/oda/state", "/oda/stare")
            ),
            "smime failed",
        ),
        (
            lambda folder: shutil.copyfile(
                folder.parent / "adapt" / "permissions.p7s", folder / "permissions.p7s"
            ),
            "that the graph does not use",
        ),
    ],
)
def test_a_damaged_enclave_is_named(damage: object, message: str, own_copy: Path) -> None:
    damage(enclave_folder(own_copy, "/oda/policy"))
    ((enclave, wrong),) = faults(own_copy, enclaves(), DOMAIN)
    assert enclave == "/oda/policy"
    assert message in wrong


def test_one_permission_too_many_is_found(keystore: Path) -> None:
    grants = enclaves()
    policy = grants["/oda/policy"]
    fewer = policy.publish - {f"rt{topics.STEP}"}
    wanted = grants | {"/oda/policy": Grant(
        enclave=policy.enclave, publish=fewer, subscribe=policy.subscribe)}  # fmt: skip
    ((_, wrong),) = faults(keystore, wanted, DOMAIN)
    assert f"permits rt{topics.STEP} that the graph does not use" in wrong


def test_the_command_makes_renews_and_checks(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "3")
    words = ["security", "keystore", "--robots", "sim"]
    assert main(words) == Exit.OK
    authority = Path("keystore/public/identity_ca.cert.pem").read_text()
    assert main(words) == Exit.OK
    assert Path("keystore/public/identity_ca.cert.pem").read_text() == authority
    assert main(["security", "check", "--robots", "sim"]) == Exit.OK
    monkeypatch.setenv("ROS_DOMAIN_ID", "4")
    assert main(["security", "check", "--robots", "sim"]) == Exit.NOT_ACCEPTED
    assert "is for domain [3], ROS_DOMAIN_ID is 4" in capsys.readouterr().out


class Gate:
    """Fast DDS with its security plugins, as a program that answers for an enclave."""

    def __init__(self, program: Path, keystore: Path) -> None:
        self._program, self._keystore = program, keystore

    def may(self, enclave: str, asked: list[tuple[str, str]]) -> list[bool]:
        """Whether the enclave may write (w) or read (r) topics."""
        lines = "".join(f"{kind} {name}\n" for kind, name in asked)
        return [line == "1" for line in self._run(lines, "ask", DOMAIN, self._at(enclave))]

    def meet(self, writer: str, reader: str, topic: str, seconds: float) -> bool:
        """Whether a writer and a reader find each other; `-` is one without security."""
        ends = (self._at(writer), self._at(reader))
        return self._run("", "meet", DOMAIN, *ends, topic, seconds) == ["1"]

    def _at(self, enclave: str) -> str:
        return "-" if enclave == "-" else str(enclave_folder(self._keystore, enclave))

    def _run(self, text: str, *words: object) -> list[str]:
        result = subprocess.run(
            [self._program, *map(str, words)],
            input=text, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.splitlines()


@pytest.fixture(scope="module")
def gate(keystore: Path, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    if not Path("/usr/include/fastdds/dds/domain/DomainParticipant.hpp").exists():
        pytest.skip("Fast DDS with security is not installed (apt-get install libfastrtps-dev)")
    program = tmp_path_factory.mktemp("gate") / "dds_gate"
    source = Path(__file__).parent / "dds_gate.cpp"
    words = ["g++", "-std=c++17", "-O0", "-o", program, source, "-lfastrtps", "-lfastcdr"]
    subprocess.run(words, check=True)
    return Gate(program, keystore)


@pytest.mark.slow
def test_fast_dds_lets_each_enclave_do_exactly_what_the_graph_does(gate: Gate) -> None:
    grants = enclaves()
    names = sorted({n for g in grants.values() for n in (*g.publish, *g.subscribe) if "*" not in n})
    names = [name for name in names if "/oda/" in name and "parameter" not in name] + [DISCOVERY]
    asked = [(kind, name) for kind in "wr" for name in (*names, "rt/oda/foreign")]
    for enclave, given in grants.items():
        patterns = {"w": given.publish, "r": given.subscribe}
        expected = [
            any(fnmatch.fnmatchcase(name, p) for p in patterns[kind]) for kind, name in asked
        ]
        assert gate.may(enclave, asked) == expected, enclave


@pytest.mark.slow
def test_fast_dds_keeps_out_who_is_not_known(gate: Gate) -> None:
    command = f"rt{topics.COMMAND}"
    assert gate.meet("/oda/arbiter", "/oda/sim", command, 20.0)
    assert gate.meet("-", "-", command, 20.0)
    assert not gate.meet("-", "/oda/sim", command, 2.0)
    assert not gate.meet("/oda/arbiter", "-", command, 2.0)


def test_tools_of_people_command_nothing_by_themselves() -> None:
    for name, tool in TOOLS.items():
        written = tool.of(name, use_sim_time=False).publishes
        assert written <= {LOG, PARAMETER_EVENTS, *MOUSE}, name
