from setuptools import find_packages, setup

setup(
    name="oda_policy",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/oda_policy"]),
        ("share/oda_policy", ["package.xml"]),
    ],
    package_data={"oda_policy": ["py.typed"]},
    install_requires=["setuptools"],
    maintainer="ODA developers",
    maintainer_email="maintainers@oda-ros2.org",
    description="Offline meta-reinforcement learning with demonstration adaptation",
    license="Apache-2.0",
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "policy_node = oda_policy.ros.policy_node:main",
            "trainer_node = oda_policy.ros.trainer_node:main",
            "adapt_node = oda_policy.ros.adapt_node:main",
        ],
    },
)
