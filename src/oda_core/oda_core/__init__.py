"""ROS-free contracts of ODA: what flows between robot, policy, trainer and disk."""
