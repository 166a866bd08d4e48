"""Facts about this machine, its software, its network and its security; none of them needs root."""

import json
import os
import re
import resource
import socket
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from oda_bringup.doctor.facts import Host, Network, Security, Software
from oda_bringup.domain import domain_id
from oda_bringup.robot import PACKAGES, controller_files, fri_file, is_installed
from oda_bringup.security.enclaves import enclaves
from oda_bringup.security.keystore import faults
from oda_core.interfaces import share_directory

OURS = ("oda_bringup", "oda_core", "oda_msgs", "oda_policy", "oda_sim", "oda_teleop", "rclpy")
MANAGER = "/oda/controller_manager"
PINGS = 20
PLUGIN = b"builtin.Access-Permissions"  # named in a library that has security
LIBRARIES = {"rmw_fastrtps_cpp": "libfastrtps.so*", "rmw_cyclonedds_cpp": "libddsc.so*"}
DEFAULT_MIDDLEWARE = "rmw_fastrtps_cpp"


def host() -> Host:
    """The machine."""
    priority = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    memory = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    cpus = Path("/sys/devices/system/cpu")
    governors = {p.read_text().strip() for p in cpus.glob("cpu*/cpufreq/scaling_governor")}
    synchronised = _answer("timedatectl", "show", "--property=NTPSynchronized", "--value")
    return Host(
        kernel=os.uname().version,
        realtime_priority=99 if priority == resource.RLIM_INFINITY else priority,
        locked_memory=memory,
        cores=len(os.sched_getaffinity(0)),
        governors=tuple(sorted(governors)),
        clock_synchronised={"yes": True, "no": False}.get(synchronised.strip()),
    )


def software(robot: str, fri: str) -> Software:
    """What is installed and how it is set."""
    names = (*OURS, *PACKAGES.get(robot, ()))
    settings, rate, fault = {}, 0, ""
    try:
        settings = yaml.safe_load(fri_file(fri).read_text())["hardware"]
        manager = yaml.safe_load(controller_files(robot)[0].read_text())[MANAGER]["ros__parameters"]
        rate = manager["update_rate"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        fault = f"{fri_file(fri)}: cannot be read ({error!r})"
    return Software(
        distro=os.environ.get("ROS_DISTRO", ""),
        missing=tuple(n for n in PACKAGES.get(robot, ()) if not is_installed(n)),
        versions={name: _version(name) for name in names if is_installed(name)},
        fri=settings,
        update_rate_hz=rate,
        fault=fault,
    )


def network(fri: dict[str, Any]) -> Network:
    """The way to the robot that the settings name."""
    name, port = str(fri.get("remote_host", "")), int(fri.get("port_id", 0))
    routes = json.loads(_answer("ip", "-json", "route", "get", name) or "[]") if name else []
    way = routes[0] if routes else {}
    device = way.get("dev", "")
    folder = Path("/sys/class/net") / device
    answers = _answer("ping", "-n", "-c", str(PINGS), "-i", "0.01", "-W", "1", name) if way else ""
    latencies = tuple(float(t) for t in re.findall(r"time=([\d.]+) ms", answers))
    return Network(
        host=name,
        device=device,
        gateway="gateway" in way,
        wireless=bool(device) and (folder / "wireless").exists(),
        speed_mbit_s=_speed(folder) if device else None,
        latencies_ms=latencies,
        lost=PINGS - len(latencies),
        port_free=_is_free(port) if port else None,
    )


def security() -> Security:
    """Who can reach the topics."""
    read = os.environ.get
    middleware = read("RMW_IMPLEMENTATION") or DEFAULT_MIDDLEWARE
    keystore, domain = read("ROS_SECURITY_KEYSTORE", ""), domain_id()
    enabled = read("ROS_SECURITY_ENABLE", "").lower() == "true"
    wrong = faults(Path(keystore), enclaves(), domain) if enabled and keystore else []
    return Security(
        discovery_range=read("ROS_AUTOMATIC_DISCOVERY_RANGE", ""),
        static_peers=read("ROS_STATIC_PEERS", ""),
        domain=domain,
        middleware=middleware,
        middleware_has_security=_has_security(middleware),
        enabled=enabled,
        enforced=read("ROS_SECURITY_STRATEGY", "") == "Enforce",
        keystore=keystore,
        keystore_faults=(
            tuple(f"{enclave} {what}" for enclave, what in wrong)
            if keystore
            else ("ROS_SECURITY_KEYSTORE is not set",)
        ),
        authority_keys_here=any(Path(keystore, "private").glob("*.pem")) if keystore else False,
    )


def _version(package: str) -> str:
    file = share_directory(package) / "package.xml"
    return (ElementTree.parse(file).findtext("version") or "") if file.exists() else ""


def _has_security(middleware: str) -> bool | None:
    """Whether the middleware's library names the plugins; None where it is not found."""
    pattern = LIBRARIES.get(middleware)
    folders = [Path(p) for p in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if p]
    for folder in folders:
        for library in sorted(folder.glob(pattern)) if pattern else []:
            return PLUGIN in library.read_bytes()
    return None


def _speed(folder: Path) -> int | None:
    """Speed of a network device [Mbit/s]; None where it does not tell."""
    try:
        speed = int((folder / "speed").read_text())
    except OSError:
        return None
    return speed if speed > 0 else None


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _answer(*words: str) -> str:
    """Standard output of a program; empty where it is not installed or refuses."""
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return result.stdout
