"""A process that does not outlive its parent, even after kill -9."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    The parent must have started this process from its main thread: PDEATHSIG follows the thread.

    Args:
        parent: process id that os.getppid must give; if not, the parent has ended already.
    """
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)
