"""Serialized templates are read back by rclpy as the messages that they stand for."""

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from oda_core.messages import pose_from_msg, stamp_ns
from oda_sim.ros.publishers import Template, joint_template


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), at_ns=st.integers(0, 2**31 * 10**9 - 1))
def test_templates_agree_with_rclpy(seed: int, at_ns: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(3, 7))
    joints = deserialize_message(joint_template().fill(at_ns, *rows), JointState)
    assert joints.name == [f"lbr_A{i}" for i in range(1, 8)]
    for row, field in zip(rows, ("position", "velocity", "effort"), strict=True):
        assert list(getattr(joints, field)) == row.tolist()
    assert stamp_ns(joints.header.stamp) == at_ns

    template = Template(PoseStamped(header=Header(frame_id="oda_base")), 7)
    pose = deserialize_message(template.fill(at_ns, rows[0]), PoseStamped)
    assert np.concatenate(pose_from_msg(pose.pose)).tolist() == rows[0].tolist()
    assert (stamp_ns(pose.header.stamp), pose.header.frame_id) == (at_ns, "oda_base")

    template = Template(WrenchStamped(header=Header(frame_id="oda_tcp")), 6)
    wrench = deserialize_message(template.fill(at_ns, rows[1][:6]), WrenchStamped).wrench
    force, torque = wrench.force, wrench.torque
    found = [force.x, force.y, force.z, torque.x, torque.y, torque.z]
    assert found == rows[1][:6].tolist()
