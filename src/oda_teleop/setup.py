from setuptools import find_packages, setup

setup(
    name="oda_teleop",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/oda_teleop"]),
        ("share/oda_teleop", ["package.xml"]),
    ],
    package_data={"oda_teleop": ["py.typed"]},
    install_requires=["setuptools"],
    maintainer="ODA developers",
    maintainer_email="maintainers@oda-ros2.org",
    description="Devices, arbiter with limits, recorder and demonstrations of ODA",
    license="Apache-2.0",
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "arbiter_node = oda_teleop.ros.arbiter_node:main",
            "demo_node = oda_teleop.ros.demo_node:main",
            "detector_node = oda_teleop.ros.detector_node:main",
            "gamepad_node = oda_teleop.ros.gamepad_node:main",
            "guide_node = oda_teleop.ros.guide_node:main",
            "keyboard_node = oda_teleop.ros.keyboard_node:main",
            "recorder_node = oda_teleop.ros.recorder_node:main",
            "reset_node = oda_teleop.ros.reset_node:main",
            "spacenav_node = oda_teleop.ros.spacenav_node:main",
            "teleop_node = oda_teleop.ros.teleop_node:main",
        ],
    },
)
