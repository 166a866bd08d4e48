from setuptools import find_packages, setup

setup(
    name="oda_sim",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/oda_sim"]),
        ("share/oda_sim", ["package.xml"]),
    ],
    package_data={"oda_sim": ["py.typed", "connectors/*.yaml"]},
    install_requires=["setuptools"],
    maintainer="ODA developers",
    maintainer_email="maintainers@oda-ros2.org",
    description="MuJoCo iiwa 7, connectors, insertion environment and operator model",
    license="Apache-2.0",
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "operator_node = oda_sim.ros.operator_node:main",
            "sim_node = oda_sim.ros.sim_node:main",
        ],
    },
)
