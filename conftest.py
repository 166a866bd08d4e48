"""Shared by all tests."""

import signal

from hypothesis import settings

# A shell starts background jobs with SIGINT ignored, nohup ignores SIGHUP, and children inherit
# that; what the tests start must hear both wherever the tests themselves run.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Machines are shared: no test fails for being slow.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
