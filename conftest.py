"""Shared by all tests."""

import signal

# A shell starts background jobs with SIGINT ignored, and children inherit that; what the tests
# start must be interruptible wherever the tests themselves run.
signal.signal(signal.SIGINT, signal.default_int_handler)
