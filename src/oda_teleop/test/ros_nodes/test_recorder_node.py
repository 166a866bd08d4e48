"""The recorder node on a disk that fills up."""

from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import JointState

from oda_core.ros import qos
from oda_core.ros.testing import Client, Nodes, own_domain

pytestmark = pytest.mark.ros


def test_a_full_disk_ends_the_recording_with_a_whole_bag(small_disk: Path, tmp_path: Path) -> None:
    bag = small_disk / "bag"
    with own_domain() as domain, Nodes(tmp_path, domain) as nodes, Client(domain) as client:
        recorder = nodes.processes[nodes.start("oda_teleop.ros.recorder_node", output=str(bag))]
        publisher = client.node.create_publisher(JointState, "/joint_states", qos.STEP)
        client.until(publisher.get_subscription_count, "the recorder")
        message = JointState()
        sent = 0
        while recorder.poll() is None:
            message.header.stamp.sec = sent
            message.header.frame_id = "x" * 2000  # fills the disk sooner
            publisher.publish(message)
            sent += 1
            client.turn_for(0.0)
        assert recorder.returncode == 2
        log = nodes.log("recorder_node")
        assert "No space left on device" in log and "closed and whole" in log
    with Reader(bag) as reader:
        times = np.array([at_ns for _, at_ns, _ in reader.messages()])
    assert len(times) > 500 and np.all(np.diff(times) >= 0)
