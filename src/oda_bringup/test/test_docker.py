"""The images' files: every path, package, option and command that they name exists."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tyro
import yaml

from oda_bringup.cli.main import FLOW, TOOLS
from oda_bringup.graph import adapt_graph
from oda_bringup.options import AdaptOptions
from oda_bringup.security.enclaves import enclaves
from oda_bringup.session import Session

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
INSIDE = "/opt/oda"
FRI_VERSIONS = ("1.11", "1.14", "1.15", "1.16", "2.5", "2.7")


def words(command: str | list[str]) -> list[str]:
    """Words of a command with the defaults of its variables."""
    text = command if isinstance(command, str) else shlex.join(command)
    return shlex.split(re.sub(r"'?\$\{\w+:-([^}]*)\}'?", r"\1", text))


def packages() -> set[str]:
    found: set[str] = set()
    for names in re.findall(r"apt-get install -y --no-install-recommends ([^&;]*)", DOCKERFILE):
        found |= set(names.split())
    return found


def test_every_copied_file_is_there() -> None:
    for sources in re.findall(r"^COPY (?:--chown=\S+ )?(?!--from)(.+) \S+$", DOCKERFILE, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source


def test_every_stage_that_is_named_is_there() -> None:
    stages = re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.M)
    assert stages == ["base", "source", "build", "dev", "run"]
    parents = re.findall(r"^FROM (\w+) AS", DOCKERFILE, re.M) + re.findall(
        r"--from=(\w+)", DOCKERFILE
    )
    assert set(parents) <= set(stages)
    targets = {s["build"]["target"] for s in SERVICES.values()}
    assert targets <= set(stages)


def test_every_script_that_is_run_is_there_with_its_target() -> None:
    setup = (ROOT / "scripts" / "setup.sh").read_text()
    for script, target in re.findall(r"(scripts/\w+\.sh) (\w+)", DOCKERFILE):
        assert os.access(ROOT / script, os.X_OK)
        assert re.search(rf"^    {target}\) plan", setup, re.M), target
    assert os.access(ROOT / "docker" / "entrypoint.sh", os.X_OK)


def test_every_version_of_the_fri_client_has_its_sources() -> None:
    names = {p.stem.removeprefix("fri-") for p in (ROOT / "repos").glob("fri-*.repos")}
    assert names == set(FRI_VERSIONS)
    (default,) = re.findall(r"^ARG FRI_CLIENT_VERSION=(.+)$", DOCKERFILE, re.M)
    assert default in names
    assert SERVICES["hardware"]["build"]["args"]["FRI_CLIENT_VERSION"].endswith(f"-{default}}}")
    for path in (ROOT / "repos").glob("*.repos"):
        for source in yaml.safe_load(path.read_text())["repositories"].values():
            assert re.fullmatch(r"[0-9a-f]{40}", source["version"]), f"{path}: pin a commit"


def test_settings_of_the_fri_client_fit_the_default_version() -> None:
    text = (ROOT / "src/oda_bringup/description/ros2_control/fri.yaml").read_text()
    version = yaml.safe_load(text)["hardware"]["fri_client_sdk"]
    default = f"{version['major_version']}.{version['minor_version']}"
    assert f"ARG FRI_CLIENT_VERSION={default}" in DOCKERFILE


def test_nobody_runs_as_root() -> None:
    for stage in ("build", "run"):
        body = re.split(r"^FROM ", DOCKERFILE, flags=re.M)
        (text,) = [part for part in body if re.match(rf"\S+ AS {stage}\n", part)]
        assert "USER ${USER_ID}" in text.split("HEALTHCHECK")[0]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_command_is_one_of_the_product(name: str) -> None:
    known = {s.name: s for s in (*FLOW, *TOOLS)}
    command = words(SERVICES[name]["command"])
    if command[0] == "oda":
        assert tyro.cli(known[command[1]].schema, args=command[2:])
        return
    assert command[:2] == ["ros2", "run"]
    package, executable = command[2:4]
    assert f'"{executable} = ' in (ROOT / "src" / package / "setup.py").read_text()
    (trainer,) = [
        node
        for node in adapt_graph(AdaptOptions(), Session(Path("s"), "c"))
        if node.executable == executable
    ]
    assert f"__ns:={trainer.namespace}" in command
    assert f"__node:={trainer.name}" in command
    assert command[command.index("--enclave") + 1] == trainer.full_name in enclaves()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_path_is_there(name: str) -> None:
    service = SERVICES[name]
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    made = {f"{INSIDE}/runs", f"{INSIDE}/data", f"{INSIDE}/keystore"}
    assert {volume.split(":")[1] for volume in service["volumes"]} <= made
    for path in re.findall(rf"{INSIDE}/install/share/(\S+)", str(service["command"])):
        assert (ROOT / "src" / path).exists(), path


def test_profiles_of_a_network_are_secured() -> None:
    assert {p for s in SERVICES.values() for p in s["profiles"]} == {
        "sim", "hardware", "gpu", "keystore"
    }  # fmt: skip
    for name, service in SERVICES.items():
        environment = service["environment"]
        if name in ("hardware", "trainer"):
            assert environment["ROS_SECURITY_STRATEGY"] == "Enforce"
            assert environment["ROS_SECURITY_ENABLE"] == "true"
            assert any(v.endswith("keystore:ro") for v in service["volumes"])
        else:
            assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    robot = SERVICES["hardware"]
    assert robot["ulimits"] == {"rtprio": 99, "memlock": -1}
    assert robot["cap_add"] == ["SYS_NICE"]


def test_every_long_running_service_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        if name != "keystore":
            assert service["healthcheck"]["test"] == ["CMD", "entrypoint", "health"]
    assert 'CMD ["entrypoint", "health"]' in DOCKERFILE
    assert "oda_bringup.probe" in (ROOT / "docker" / "entrypoint.sh").read_text()


def test_every_debian_package_exists() -> None:
    if shutil.which("apt-cache") is None:
        pytest.skip("apt-cache is not installed")
    debian = sorted(p for p in packages() if not p.startswith("ros-") and "rosdep" not in p)
    argv = ["apt-cache", "show", *debian]
    known = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    if not known:
        pytest.skip("apt knows no packages here (apt-get update)")
    missing = set(debian) - set(re.findall(r"^Package: (.+)$", known, re.M))
    assert not missing - {"python3-vcstool"}  # of the ROS archive


def distribution() -> set[str]:
    """Every package that is released into Jazzy, as ODA_UPSTREAM/rosdistro has it."""
    file = Path(os.environ.get("ODA_UPSTREAM", "/nowhere"), "rosdistro/jazzy/distribution.yaml")
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    released: set[str] = set()
    for name, entry in yaml.load(file.read_text(), yaml.CSafeLoader)["repositories"].items():
        if "release" in entry:
            released |= set(entry["release"].get("packages", [name]))
    return released


def test_every_ros_package_is_released() -> None:
    released = {f"ros-jazzy-{name.replace('_', '-')}" for name in distribution()}
    assert {p for p in packages() if p.startswith("ros-")} <= released


def test_every_rosdep_key_is_known() -> None:
    known = distribution()
    folder = Path(os.environ["ODA_UPSTREAM"], "rosdistro", "rosdep")
    for name in ("base.yaml", "python.yaml"):
        known |= set(yaml.load((folder / name).read_text(), yaml.CSafeLoader))
    rooms = {p.parent.name for p in (ROOT / "src").glob("*/package.xml")}
    pinned = {"lbr_description", "lbr_ros2_control", "oda_controllers"}  # of repos/, and our own
    for path in (ROOT / "src").glob("*/package.xml"):
        for key in re.findall(r"<\w*depend[^>]*>([\w-]+)</", path.read_text()):
            assert key in known | rooms | pinned, f"{path}: {key}"
