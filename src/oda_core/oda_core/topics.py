"""Names of the robot contract: the same on robot and simulation (docs/interface.md)."""

POLICY_TWIST = "/oda/policy/twist"
TELEOP_TWIST = "/oda/teleop/twist"
RESET_TWIST = "/oda/reset/twist"
COMMAND = "/oda/cmd/twist"
STATE = "/oda/state"
STEP = "/oda/step"
EPISODE = "/oda/episode"
SAFETY = "/oda/safety"
MARK = "/oda/mark"
DISCARD = "/oda/discard"
WEIGHTS = "/oda/policy/weights"
TRAINER = "/oda/trainer/status"
JOINT_STATES = "/joint_states"
TCP_POSE = "/oda/tcp_pose"
WRENCH = "/oda/wrench"
CLOCK = "/clock"
DIAGNOSTICS = "/diagnostics"

RESET = "/oda/reset"  # action
RECORD_DISCARD = "/oda/record/discard"  # std_srvs/Trigger: the last episode shall not count
RECORD_PAUSE = "/oda/record/pause"  # std_srvs/Trigger
RECORD_RESUME = "/oda/record/resume"  # std_srvs/Trigger
TARE = "/oda/tare"  # std_srvs/Trigger
START = "/oda/start"  # std_srvs/Trigger
STOP = "/oda/stop"  # std_srvs/Trigger
MARK_SUCCESS = "/oda/mark_success"  # std_srvs/Trigger
MARK_FAILURE = "/oda/mark_failure"  # std_srvs/Trigger

BEGIN = "/oda/begin"  # std_srvs/Trigger: the operator is ready for the next demonstration

SPACENAV_TWIST = "/spacenav/twist"  # of the spacenav node
SPACENAV_TWIST_STAMPED = "/spacenav/twist_stamped"
SPACENAV_JOY = "/spacenav/joy"
JOY = "/joy"  # of the joy node
