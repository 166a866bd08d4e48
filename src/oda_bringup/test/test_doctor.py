"""The doctor: each check sees what is wrong, and the whole looks at a running graph."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from oda_bringup.cli.doctor import PARTS, DoctorOptions, examine, gather
from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.doctor import Finding
from oda_bringup.doctor.facts import Facts, Host, Live, Network, Security, Software, Topic
from oda_core import topics
from oda_core.ros.testing import Client, Nodes, own_domain
from oda_core.types import BASE_FRAME, TCP_FRAME

CHECKS = {check.name: check for checks in PARTS.values() for check in checks}
FRI = {
    "client_command_mode": "torque", "port_id": 30200, "remote_host": "192.170.10.2",
    "joint_position_tau": 1e-4, "state_guard": {"external_torque_safety_check": True},
    "fri_client_sdk": {"major_version": 1, "minor_version": 15},
}  # fmt: skip
STATE = Topic(publishers=("/oda/controller_manager",), rate_hz=200.0, frame=BASE_FRAME, age_s=0.01)
LIVE = Live(
    seconds=3.0,
    sim_time=False,
    topics={
        topics.STATE: STATE,
        topics.JOINT_STATES: Topic(rate_hz=100.0),
        topics.COMMAND: Topic(publishers=("/oda/arbiter",)),
        topics.SAFETY: Topic(publishers=("/oda/arbiter",)),
    },
    tcp_frame=TCP_FRAME,
    wrench_mean=(0.5, 0.1, 0.2, 0.0, 0.01, 0.0),
    wrench_std=(0.1,) * 6,
    safety="IDLE: no episode is running",
)
GOOD = Facts(
    robot="hardware",
    host=Host(
        kernel="#1 SMP PREEMPT_RT", realtime_priority=99, locked_memory=-1, cores=8,
        governors=("performance",), clock_synchronised=True,
    ),
    software=Software(distro="jazzy", fri=FRI, update_rate_hz=1000),
    network=Network(
        host="192.170.10.2", device="eth1", speed_mbit_s=1000, latencies_ms=(0.2, 0.3),
        port_free=False,
    ),
    security=Security(
        discovery_range="LOCALHOST", middleware="rmw_fastrtps_cpp", middleware_has_security=True,
        enabled=True, enforced=True, keystore="/keystore",
    ),
    live=LIVE,
)  # fmt: skip


def host(**changes: object) -> Facts:
    return replace(GOOD, host=replace(GOOD.host, **changes))


def software(**changes: object) -> Facts:
    return replace(GOOD, software=replace(GOOD.software, **changes))


def fri(**changes: object) -> Facts:
    return software(fri=FRI | changes)


def network(**changes: object) -> Facts:
    return replace(GOOD, network=replace(GOOD.network, **changes))


def security(**changes: object) -> Facts:
    return replace(GOOD, security=replace(GOOD.security, **changes))


def live(**changes: object) -> Facts:
    return replace(GOOD, live=replace(LIVE, **changes))


def topic(name: str, **changes: object) -> Facts:
    return live(topics={**LIVE.topics, name: replace(LIVE.topics[name], **changes)})


def test_a_good_cell_has_nothing_wrong() -> None:
    assert {a.check.name: a.finding.verdict for a in examine(GOOD)} == dict.fromkeys(CHECKS, "ok")


def test_every_check_is_asked_once_with_its_reason() -> None:
    names = [check.name for checks in PARTS.values() for check in checks]
    assert len(names) == len(set(names))
    assert all(check.why for check in CHECKS.values())


@pytest.mark.parametrize(
    ("name", "facts", "verdict", "found"),
    [
        ("kernel", host(kernel="#1 SMP PREEMPT_DYNAMIC"), "fail", "expected PREEMPT_RT"),
        ("real-time priority", host(realtime_priority=0), "fail", "expected 80"),
        ("locked memory", host(locked_memory=8 << 20), "fail", "memlock 8 MiB"),
        ("cores", host(cores=2), "warn", "2 cores"),
        ("cores", host(governors=("performance", "powersave")), "warn", "powersave"),
        ("clock", host(clock_synchronised=False), "warn", "not synchronised"),
        ("distribution", software(distro="humble"), "fail", "humble, expected jazzy"),
        ("packages", software(missing=("lbr_description",)), "fail", "lbr_description"),
        ("FRI settings", software(fault="no file"), "fail", "no file"),
        ("FRI settings", fri(client_command_mode="position"), "fail", "expected torque"),
        ("FRI settings", fri(port_id=30300), "fail", "30200 to 30209"),
        ("FRI settings", fri(state_guard={}), "fail", "external_torque_safety_check is off"),
        ("FRI settings", fri(joint_position_tau=0.04), "warn", "joint_position_tau 0.04"),
        ("FRI settings", software(update_rate_hz=500), "warn", "update_rate 500"),
        ("route", network(device=""), "fail", "no route"),
        ("route", network(gateway=True), "fail", "a router"),
        ("route", network(wireless=True), "fail", "a wireless device"),
        ("route", network(speed_mbit_s=10), "warn", "10 Mbit/s"),
        ("latency", network(latencies_ms=()), "fail", "does not answer"),
        ("latency", network(latencies_ms=(0.2, 3.0)), "warn", "3.00 ms"),
        ("latency", network(lost=1), "warn", "1 lost"),
        ("FRI port", network(port_free=True), "fail", "no listener"),
        ("FRI port", replace(GOOD, live=None), "warn", "is taken"),
        ("reach", security(discovery_range="SUBNET", enabled=False), "fail", "everyone"),
        ("reach", security(discovery_range="", enforced=False), "fail", "ROS's own default"),
        ("reach", security(static_peers="10.0.0.2", enabled=False), "fail", "peers 10.0.0.2"),
        ("security plugins", security(middleware_has_security=False), "fail", "without security"),
        (
            "security plugins", security(middleware_has_security=False, enabled=False), "warn",
            "nothing can be encrypted",
        ),
        ("encryption", security(enabled=False), "warn", "no encryption"),
        ("encryption", security(enforced=False), "fail", "not Enforce"),
        ("keystore", security(keystore_faults=("/oda/x is old", "b")), "fail", "and 1 more"),
        ("keystore", security(authority_keys_here=True), "warn", "private keys"),
        ("FRI wire", fri(remote_host="INADDR_ANY"), "fail", "from anyone"),
        ("publishers", topic(topics.COMMAND, publishers=()), "fail", "by nobody"),
        ("publishers", topic(topics.COMMAND, publishers=("/a", "/oda/arbiter")), "fail", "/a"),
        ("publishers", topic(topics.STATE, publishers=("/a", "/b")), "fail", "2 publishers"),
        ("rates", topic(topics.STATE, rate_hz=50.0), "fail", "50 Hz"),
        ("frames", topic(topics.STATE, frame="world"), "fail", "'world'"),
        ("frames", live(tcp_frame="lbr_link_ee"), "fail", "'lbr_link_ee'"),
        ("stamps", topic(topics.STATE, age_s=0.4), "fail", "0.40 s old"),
        ("stamps", topic(topics.STATE, age_s=None), "fail", "no state"),
        ("wrench bias", live(wrench_mean=(0, 0, 9.0, 0, 0, 0)), "warn", "9.0 N"),
        ("wrench bias", live(wrench_mean=(0, 0, 0, 0, 0.5, 0)), "warn", "0.50 Nm"),
        ("wrench bias", live(wrench_std=(0.0,) * 6), "fail", "without any noise"),
        ("wrench bias", live(speed_m_s=0.1), "skipped", "moves"),
        ("safety", live(safety=""), "fail", "says nothing"),
        ("safety", live(safety="ABORT: stale", aborted=True), "fail", "ABORT: stale"),
    ],
)  # fmt: skip
def test_a_fault_is_seen(name: str, facts: Facts, verdict: str, found: str) -> None:
    finding: Finding = CHECKS[name].ask(facts)
    assert finding.verdict == verdict, finding
    assert found in finding.found
    assert bool(finding.remedy) == (verdict != "skipped")


def test_a_networked_robot_is_safe_under_sros2() -> None:
    assert CHECKS["reach"].ask(security(discovery_range="SUBNET")).verdict == "ok"


def test_the_simulation_needs_no_machine_of_its_own() -> None:
    facts = Facts(robot="sim", software=Software(distro="jazzy"))
    verdicts = {a.check.name: a.finding.verdict for a in examine(facts)}
    assert verdicts["kernel"] == verdicts["route"] == verdicts["FRI wire"] == "skipped"
    assert verdicts["reach"] == "fail", "nothing keeps others out"


def test_the_guide_lists_every_check() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "howto" / "hardware.md").read_text()
    listed = re.findall(r"^\| ([\w -]+?) \| (.+?) \|", guide.split("## The checklist")[1], re.M)
    assert [row for row in listed if row[0] in CHECKS] == [(c.name, c.why) for c in CHECKS.values()]


def test_wrong_keystore_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_SECURITY_ENABLE", "true")
    monkeypatch.setenv("ROS_SECURITY_KEYSTORE", str(tmp_path))
    facts = gather(DoctorOptions())
    assert "has no cert.pem" in CHECKS["keystore"].ask(facts).found


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The simulated robot and the arbiter, under their names."""
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
        nodes.start("oda_sim.ros.sim_node")
        nodes.start("oda_teleop.ros.arbiter_node")
        yield client


@pytest.mark.ros
def test_it_looks_at_a_running_graph(graph: Client, capsys: pytest.CaptureFixture[str]) -> None:
    names = (topics.STATE, topics.SAFETY)
    graph.until(lambda: all(graph.node.count_publishers(n) for n in names), "the graph", 60.0)
    code = main(["doctor", "--live", "--seconds", "1", "--json"])
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert found["frames"]["verdict"] == "ok"
    assert found["wrench bias"]["verdict"] in ("ok", "skipped")
    assert found["safety"]["found"].startswith("IDLE")
    assert found["stamps"]["found"] == "simulated time"
    # started by hand, outside of /oda: the doctor says who it is that commands
    assert "/arbiter" in found["publishers"]["found"]
    assert code == Exit.NOT_ACCEPTED
