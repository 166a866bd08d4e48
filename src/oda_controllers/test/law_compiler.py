"""Compiles sources of the law with the system's compiler, once for each content."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror")
EIGEN = Path("/usr/include/eigen3")


def compiled(source: Path, flags: tuple[str, ...]) -> Path:
    """The product of a source and the headers, made anew where any of them changed."""
    compiler = shutil.which("g++")
    if compiler is None or not EIGEN.is_dir():
        pytest.skip("needs g++ and Eigen: apt-get install g++ libeigen3-dev")
    texts = [source, *sorted(PACKAGE.glob("include/**/*.hpp"))]
    content = b"".join(path.read_bytes() for path in texts) + repr(flags).encode()
    name = f"oda_{source.stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    product = Path(tempfile.gettempdir(), name)
    if not product.exists():
        half = product.with_name(f"{name}.{os.getpid()}")
        subprocess.run(
            [compiler, "-std=c++17", *WARNINGS, "-isystem", EIGEN, f"-I{PACKAGE}/include",
             source, *flags, "-o", half],
            check=True,
        )  # fmt: skip
        half.replace(product)
    return product
