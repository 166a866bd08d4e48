"""Commands from people and policies to the robot, within limits, and what is recorded of them."""
