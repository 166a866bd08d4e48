"""DDS permissions and governance, as the OMG's DDS Security 1.1 and SROS2 expect them.

A topic, service or action is allowed to an enclave exactly where the interface table names it; all
else is denied by default. Each process has an enclave of its own, named like its node.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from xml.etree.ElementTree import Element, SubElement, fromstring, indent, tostring

from oda_bringup.security.interfaces import Endpoints

DISCOVERY = "ros_discovery_info"  # how nodes of one process are told to others
PERMISSIONS_SCHEMA = "http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_permissions.xsd"
GOVERNANCE_SCHEMA = "http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_governance.xsd"
KINDS = ("publish", "subscribe")
TIME = "%Y-%m-%dT%H:%M:%S"  # UTC
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What one enclave may write and read on the wire, by the names of DDS."""

    enclave: str
    publish: frozenset[str]
    subscribe: frozenset[str]


def grant(enclave: str, nodes: Iterable[Endpoints]) -> Grant:
    """Permissions of a process with these nodes."""
    publish, subscribe = {DISCOVERY}, {DISCOVERY}
    for node in nodes:
        publish |= {f"rt{t}" for t in node.publishes}
        publish |= {f"rr{s}Reply" for s in node.serves} | {f"rq{s}Request" for s in node.calls}
        subscribe |= {f"rt{t}" for t in node.subscribes}
        subscribe |= {f"rq{s}Request" for s in node.serves} | {f"rr{s}Reply" for s in node.calls}
    return Grant(enclave=enclave, publish=frozenset(publish), subscribe=frozenset(subscribe))


def permissions_xml(given: Grant, domain: int, since: datetime, until: datetime) -> str:
    """The permissions document of one enclave, to be signed."""
    root = _root(PERMISSIONS_SCHEMA)
    one = SubElement(SubElement(root, "permissions"), "grant", name=given.enclave)
    SubElement(one, "subject_name").text = f"CN={given.enclave}"
    validity = SubElement(one, "validity")
    SubElement(validity, "not_before").text = since.strftime(TIME)
    SubElement(validity, "not_after").text = until.strftime(TIME)
    rule = SubElement(one, "allow_rule")
    SubElement(SubElement(rule, "domains"), "id").text = str(domain)
    for kind, names in (("publish", given.publish), ("subscribe", given.subscribe)):
        listed = SubElement(SubElement(rule, kind), "topics")
        for name in sorted(names):
            SubElement(listed, "topic").text = name
    SubElement(one, "default").text = "DENY"
    return _text(root)


def read_permissions(text: str) -> tuple[Grant, list[int], datetime]:
    """Grant, domains and end of a permissions document.

    Raises:
        ParseError: it is no XML.
    """
    (one,) = fromstring(text).iter("grant")
    names = {kind: {t.text or "" for t in one.iterfind(f".//{kind}//topic")} for kind in KINDS}
    found = Grant(
        enclave=one.get("name", ""),
        publish=frozenset(names["publish"]),
        subscribe=frozenset(names["subscribe"]),
    )
    until = datetime.strptime(one.findtext("validity/not_after", ""), TIME)
    domains = [int(element.text or 0) for element in one.iterfind(".//domains/id")]
    return found, domains, until.replace(tzinfo=timezone.utc)


def governance_xml(domain: int) -> str:
    """Rules of the domain: nobody unknown, everything encrypted, every topic under permissions."""
    root = _root(GOVERNANCE_SCHEMA)
    rule = SubElement(SubElement(root, "domain_access_rules"), "domain_rule")
    SubElement(SubElement(rule, "domains"), "id").text = str(domain)
    for name, value in (
        ("allow_unauthenticated_participants", "false"),
        ("enable_join_access_control", "true"),
        ("discovery_protection_kind", "ENCRYPT"),
        ("liveliness_protection_kind", "ENCRYPT"),
        ("rtps_protection_kind", "SIGN"),
    ):
        SubElement(rule, name).text = value
    topic = SubElement(SubElement(rule, "topic_access_rules"), "topic_rule")
    for name, value in (
        ("topic_expression", "*"),
        ("enable_discovery_protection", "true"),
        ("enable_liveliness_protection", "true"),
        ("enable_read_access_control", "true"),
        ("enable_write_access_control", "true"),
        ("metadata_protection_kind", "ENCRYPT"),
        ("data_protection_kind", "ENCRYPT"),
    ):
        SubElement(topic, name).text = value
    return _text(root)


def _root(schema: str) -> Element:
    location = {f"{{{SCHEMA_INSTANCE}}}noNamespaceSchemaLocation": schema}
    return Element("dds", location)


def _text(root: Element) -> str:
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
