"""The plugin's parameters and the header's settings are those of oda_core, one by one."""

import re
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from law_compiler import PACKAGE

from oda_core import topics
from oda_core.impedance import ImpedanceSettings
from oda_core.types import BASE_FRAME, TCP_FRAME
from oda_sim.arm import JOINT_NAMES, ROTOR_INERTIA_KG_M2

FIGURES = fields(ImpedanceSettings)


@pytest.fixture(scope="module")
def declared():
    path = PACKAGE / "src" / "tcp_twist_impedance_parameters.yaml"
    return yaml.safe_load(path.read_text())["tcp_twist_impedance_controller"]


def test_the_law_has_the_same_figures_everywhere(declared):
    law = declared["law"]
    assert list(law) == [field.name for field in FIGURES]
    for field in FIGURES:
        found = law[field.name]
        several = isinstance(field.default, tuple)
        assert found["type"] == ("double_array" if several else "double")
        assert found["default_value"] == (list(field.default) if several else field.default)
        assert found["description"] == field.metadata["description"]
        bounds = found["validation"]["element_bounds<>" if several else "bounds<>"]
        assert tuple(bounds) == field.metadata["bounds"]


def test_the_header_reads_them_in_the_same_order():
    text = (PACKAGE / "include" / "oda_controllers" / "types.hpp").read_text()
    struct = text[text.index("struct Settings") : text.index("struct Measurement")]
    header = re.findall(r"^  (?:double|Vector7) (\w+);", struct, re.MULTILINE)
    unit = r"(_(n|m|nm|nms|rad|s|s2|s3))+$"
    assert header == [re.sub(unit, "", field.name) for field in FIGURES]


def test_names_are_those_of_the_contract(declared):
    assert declared["joints"]["default_value"] == list(JOINT_NAMES)
    assert declared["base_link"]["default_value"] == BASE_FRAME
    assert declared["tcp_link"]["default_value"] == TCP_FRAME
    assert declared["rotor_inertia_kg_m2"]["default_value"] == [ROTOR_INERTIA_KG_M2] * 7
    assert all("description" in item for name, item in declared.items() if name != "law")
    sources = "".join(path.read_text() for path in (PACKAGE / "src").glob("*.cpp"))
    for topic in (topics.COMMAND, topics.STATE, topics.TCP_POSE, topics.WRENCH, topics.TARE):
        assert f'"{topic}"' in sources


def test_the_plugin_is_described_as_it_is_exported():
    described = ElementTree.parse(PACKAGE / "oda_controllers_plugins.xml").getroot()
    library = described.attrib["path"]
    kind = described.find("class")
    assert kind is not None
    assert kind.attrib["name"] == "oda_controllers/TcpTwistImpedanceController"
    source = (PACKAGE / "src" / "tcp_twist_impedance_controller.cpp").read_text()
    exported = rf"EXPORT_CLASS\(\s*{kind.attrib['type']}, {kind.attrib['base_class_type']}\)"
    assert re.search(exported, source)
    assert f"project({library} " in Path(PACKAGE, "CMakeLists.txt").read_text()
