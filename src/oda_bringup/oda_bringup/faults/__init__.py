"""Fault injection on running nodes, judged from what the robot, the arbiter and the steps show."""
