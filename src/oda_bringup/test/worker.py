"""What belongs to one worker of the tests, which runs one test at a time."""

import os

# for oda commands, which claim their ROS domain themselves
DOMAIN = 80 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
