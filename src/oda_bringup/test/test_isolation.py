"""By default a participant on another host sees none of our topics: two network namespaces."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
STRANGER = """
import sys, time, rclpy
rclpy.init()
node = rclpy.create_node("stranger")
end = time.monotonic() + float(sys.argv[1])
found = set()
while "/oda/cmd/twist" not in found and time.monotonic() < end:
    time.sleep(0.1)
    found |= {name for name, _ in node.get_topic_names_and_types() if name.startswith("/oda/")}
print(*found)
"""
ARBITER = "from oda_teleop.ros.arbiter_node import main; main()"


class Hosts(NamedTuple):
    """Two network namespaces with a cable between them."""

    ours: str
    other: str


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    pair = Hosts(f"oda-a-{os.getpid()}", f"oda-b-{os.getpid()}")
    ends = (f"oa{os.getpid()}", f"ob{os.getpid()}")
    try:
        for name in pair:
            ip("netns", "add", name)
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for number, (name, end) in enumerate(zip(pair, ends, strict=True), 1):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", "224.0.0.0/4", "dev", end)  # discovery is multicast
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces cannot be made here ({error})")
    else:
        yield pair
    finally:
        for name in pair:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def on(host: str, code: str, *words: str, discovery: str) -> subprocess.Popen[str]:
    environment = os.environ | {"ROS_DOMAIN_ID": "71", "ROS_AUTOMATIC_DISCOVERY_RANGE": discovery}
    argv = ["ip", "netns", "exec", host, sys.executable, "-c", code, *words]
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def default_range() -> str:
    """The range that a shell gets from scripts/env.sh, and a graph from the oda command."""
    script = Path(__file__).parents[3] / "scripts" / "env.sh"
    (line,) = [x for x in script.read_text().splitlines() if "DISCOVERY_RANGE=" in x]
    words = ["bash", "-c", f"{line}; echo $ROS_AUTOMATIC_DISCOVERY_RANGE"]
    bare = {k: v for k, v in os.environ.items() if k != "ROS_AUTOMATIC_DISCOVERY_RANGE"}
    return subprocess.run(
        words, env=bare, capture_output=True, text=True, check=True
    ).stdout.strip()


def seen(hosts: Hosts, ours: str, seconds: int) -> list[str]:
    """Our topics that a participant on the other host sees, which looks at its whole subnet."""
    with on(hosts.ours, ARBITER, discovery=ours) as arbiter:
        try:
            stranger = on(hosts.other, STRANGER, str(seconds), discovery="SUBNET")
            return stranger.communicate()[0].split()
        finally:
            arbiter.terminate()


def test_another_host_sees_none_of_our_topics(hosts: Hosts, default_range: str) -> None:
    assert "/oda/cmd/twist" in seen(hosts, "SUBNET", 60), "the cable works"
    assert seen(hosts, default_range, 12) == []
