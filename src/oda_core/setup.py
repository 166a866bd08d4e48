from setuptools import find_packages, setup

setup(
    name="oda_core",
    version="0.1.0",
    packages=find_packages(exclude=["test"]),
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/oda_core"]),
        ("share/oda_core", ["package.xml"]),
    ],
    package_data={"oda_core": ["py.typed"]},
    install_requires=["setuptools"],
    maintainer="ODA developers",
    maintainer_email="maintainers@oda-ros2.org",
    description="ROS-free contracts of ODA",
    license="Apache-2.0",
    zip_safe=False,
)
