"""oda security: who may do what on the network, and the keystore that enforces it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from oda_bringup.cli.console import OUT, say, table
from oda_bringup.cli.exits import Exit
from oda_bringup.domain import domain_id
from oda_bringup.options import ROBOTS
from oda_bringup.robot import RobotName
from oda_bringup.security.enclaves import enclaves
from oda_bringup.security.keystore import faults, write_keystore
from oda_bringup.security.permissions import Grant
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class SecurityOptions:
    """Make the SROS2 keystore of the graph, check one, or show who may do what.

    keystore: for every node an enclave whose permissions name each topic, service and action that
    the node uses, and nothing else; an existing keystore is renewed under its own authorities.
    check: its signatures, dates and permissions against the graph; the exit code is 1 when one is
    wrong. show: the permissions by enclave. It needs a DDS that was built with security: that of
    apt and of the images, not that of the Python wheels.

    Example: oda security keystore && export ROS_SECURITY_KEYSTORE=$PWD/keystore
    ROS_SECURITY_ENABLE=true ROS_SECURITY_STRATEGY=Enforce
    """

    action: Annotated[Literal["keystore", "check", "show"], tyro.conf.Positional] = setting(
        "show", "what to do"
    )
    keystore: str = setting("keystore", "directory of the keystore")
    robots: tuple[RobotName, ...] = setting(ROBOTS, "whose nodes get enclaves")
    days: int = setting(365, "how long certificates and permissions are valid")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = setting(False, "show as JSON")

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days: found {self.days}, expected 1 or more")


def run(options: SecurityOptions) -> int:
    """Make, check or show."""
    grants, root = enclaves(options.robots), Path(options.keystore)
    if options.action == "show":
        return _show(grants, options.as_json)
    domain = domain_id()
    if options.action == "keystore":
        write_keystore(root, grants, domain, options.days)
        OUT.print(f"{len(grants)} enclaves for ROS domain {domain} in {root}", markup=False)
        say(
            f"keep {root / 'private'} off the robot and the trainer; each machine needs only the "
            "enclaves of its own nodes"
        )
    wrong = faults(root, grants, domain)
    table(("enclave", "wrong"), wrong)
    return Exit.NOT_ACCEPTED if wrong else Exit.OK


def _show(grants: Mapping[str, Grant], as_json: bool) -> int:
    content = {
        name: {"publish": sorted(given.publish), "subscribe": sorted(given.subscribe)}
        for name, given in grants.items()
    }
    if as_json:
        OUT.print(json.dumps(content, indent=1), markup=False)
        return Exit.OK
    rows = [
        (name, kind, entity)
        for name, kinds in content.items()
        for kind, entities in kinds.items()
        for entity in entities
    ]
    table(("enclave", "may", "DDS topic"), rows)
    return Exit.OK
