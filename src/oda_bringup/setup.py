from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
SHARE = "share/oda_bringup"


def files_below(folder: str) -> list[tuple[str, list[str]]]:
    """Install every file below a folder at the same place in the share directory."""
    found: dict[str, list[str]] = {}
    for path in sorted((HERE / folder).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            name = path.relative_to(HERE)
            found.setdefault(f"{SHARE}/{name.parent}", []).append(str(name))
    return list(found.items())


setup(
    name="oda_bringup",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/oda_bringup"]),
        (SHARE, ["package.xml"]),
        (f"{SHARE}/launch", [f"launch/{p.name}" for p in sorted((HERE / "launch").glob("*.py"))]),
        *files_below("config"),
        *files_below("description"),
        *files_below("assets"),
    ],
    package_data={"oda_bringup": ["py.typed", "inspection/page.*"]},
    install_requires=["setuptools"],
    maintainer="ODA developers",
    maintainer_email="maintainers@oda-ros2.org",
    description="Graph of nodes, process supervisor, launch files and the oda command",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "oda = oda_bringup.cli.main:main",
            "adapt_client = oda_bringup.adapt_client:main",
            "latency_meter = oda_bringup.latency_meter:main",
            "scripted_mouse = oda_bringup.scripted_mouse:main",
        ]
    },
    zip_safe=False,
)
