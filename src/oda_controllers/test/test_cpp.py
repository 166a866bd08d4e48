"""Runs the C++ tests of the law, which CTest runs too where the package is built with tests."""

import subprocess
from pathlib import Path

import pytest
from law_compiler import PACKAGE, compiled


@pytest.mark.timeout(900)
def test_the_cycle_in_cpp():
    """Compiled without optimisation, so that Eigen's assertions are on."""
    if not Path("/usr/include/gtest/gtest.h").exists():
        pytest.skip("needs GTest: apt-get install libgtest-dev")
    source = PACKAGE / "test" / "test_tcp_twist_impedance.cpp"
    program = compiled(source, ("-O0", "-lgtest", "-lgtest_main", "-lpthread"))
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 tests" in done.stdout
