"""The law, compiled from the header under test."""

import ctypes
import sys
from pathlib import Path

import pytest

from oda_sim.law import LIBRARY

sys.path.insert(0, str(Path(__file__).parent))
from law_compiler import PACKAGE, compiled


@pytest.fixture(scope="session")
def law_library():
    """Loads the law: the loader then gives it to whoever asks for a library of this name."""
    flags = ("-O1", "-fPIC", "-shared", f"-Wl,-soname,{LIBRARY}")
    return ctypes.CDLL(str(compiled(PACKAGE / "src" / "c_abi.cpp", flags)))
