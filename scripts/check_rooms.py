"""Check what the other linters cannot: the direction of dependencies and the sizes of the code.

Usage: python scripts/check_rooms.py

Rooms (the colcon packages below src/) may import only rooms to their left; every import of another
room must be declared in package.xml. Functions and files stay short enough to read in one go.
"""

from __future__ import annotations

import ast
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

MAY_IMPORT: dict[str, set[str]] = {
    "oda_msgs": set(),
    "oda_core": {"oda_msgs"},
    "oda_sim": {"oda_msgs", "oda_core"},
    "oda_teleop": {"oda_msgs", "oda_core"},
    "oda_policy": {"oda_msgs", "oda_core"},
    "oda_bringup": {"oda_msgs", "oda_core", "oda_sim", "oda_teleop", "oda_policy"},
    "oda_controllers": {"oda_msgs"},
}
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40  # besides the docstring
DEPENDENCY_TAGS = {"depend", "build_depend", "exec_depend", "test_depend"}


def imported_rooms(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and room for each import of a room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        for name in names:
            if (room := name.split(".")[0]) in MAY_IMPORT:
                yield node.lineno, room


def check_imports(path: Path, tree: ast.Module, room: str, declared: set[str]) -> Iterator[str]:
    """Yield a complaint for each import that the rooms or package.xml do not allow."""
    in_tests = "test" in path.parts
    for line, other in imported_rooms(tree):
        if other == room:
            continue
        if other not in MAY_IMPORT[room] and not in_tests:
            allowed = ", ".join(sorted(MAY_IMPORT[room])) or "no other room"
            yield f"{path}:{line}: {room} imports {other}; it may import {allowed}"
        elif other not in declared:
            yield f"{path}:{line}: {room} imports {other}, which its package.xml does not declare"


def lines_of(node: ast.stmt) -> int:
    """Return how many lines a statement takes."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines of a function are its docstring."""
    return lines_of(node.body[0]) if ast.get_docstring(node) is not None else 0


def check_sizes(path: Path, text: str, tree: ast.Module) -> Iterator[str]:
    """Yield a complaint for a long file and for each long function."""
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{path}: {lines} lines; split what is above {MAX_FILE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = lines_of(node) - docstring_lines(node)
            if length > MAX_FUNCTION_LINES:
                yield (
                    f"{path}:{node.lineno}: {node.name} has {length} lines; "
                    f"split what is above {MAX_FUNCTION_LINES}"
                )


def declared_dependencies(package: Path) -> set[str]:
    """Return the names that a package.xml depends on."""
    root = ElementTree.parse(package / "package.xml").getroot()
    return {str(tag.text).strip() for tag in root if tag.tag in DEPENDENCY_TAGS}


def check_file(path: Path, room: str | None = None, declared: set[str] | None = None) -> list[str]:
    """Return all complaints about one file; outside the rooms only sizes are checked."""
    text = path.read_text()
    tree = ast.parse(text, str(path))
    complaints = list(check_sizes(path, text, tree))
    if room is not None:
        complaints += check_imports(path, tree, room, declared or set())
    return complaints


def check_all(root: Path) -> list[str]:
    """Return all complaints about the rooms and scripts below a repository's root."""
    complaints: list[str] = []
    for package in sorted(root.glob("src/*/package.xml")):
        room = package.parent.name
        if room not in MAY_IMPORT:
            complaints.append(f"{package}: unknown room {room}; add it to {__file__}")
            continue
        declared = declared_dependencies(package.parent)
        for path in sorted(package.parent.rglob("*.py")):
            complaints += check_file(path, room, declared)
    for path in sorted(root.glob("scripts/*.py")):
        complaints += check_file(path)
    return complaints


def main() -> int:
    """Log every complaint; the result is the exit code."""
    logging.basicConfig(format="%(message)s")
    complaints = check_all(Path("."))
    for complaint in complaints:
        logging.error(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
