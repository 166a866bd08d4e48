"""Checks of security: plainly, what is protected and what is not."""

from oda_bringup.doctor import Check, Finding, fail, ok, skipped, warn
from oda_bringup.doctor.facts import Facts

ON_THIS_HOST = ("LOCALHOST", "OFF")


def reach(facts: Facts) -> Finding:
    """Who can see the topics, and so command the robot."""
    security = facts.security
    where = security.discovery_range or "SUBNET (ROS's own default)"
    secured = security.enabled and security.enforced
    if security.discovery_range in ON_THIS_HOST and not security.static_peers:
        return ok(
            f"{where}: other hosts see nothing; every process on this host may command the robot"
        )
    if secured:
        return ok(f"{where}, under SROS2: only who has a certificate of the keystore")
    return fail(
        f"{where}{', peers ' + security.static_peers if security.static_peers else ''}, without "
        "SROS2: everyone on the network may command the robot",
        "export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST, or switch on SROS2 (docs/security.md)",
    )


def ability(facts: Facts) -> Finding:
    """Whether this ROS could encrypt at all."""
    security = facts.security
    if security.middleware_has_security is None:
        return skipped(f"the library of {security.middleware or 'the middleware'} was not found")
    if security.middleware_has_security:
        return ok(f"{security.middleware} has security plugins")
    found = f"{security.middleware} was built without security: nothing can be encrypted"
    remedy = "use ROS 2 from apt or the images (docs/security.md)"
    return fail(found, remedy) if security.enabled else warn(found, remedy)


def encryption(facts: Facts) -> Finding:
    """Whether SROS2 is on, and enforced."""
    security = facts.security
    if not security.enabled:
        return warn(
            "SROS2 is off: no encryption and no permissions, not even on this host",
            "enough on one host of your own; for a network: oda security keystore",
        )
    if not security.enforced:
        return fail(
            "ROS_SECURITY_STRATEGY is not Enforce: nodes without keys run unprotected",
            "export ROS_SECURITY_STRATEGY=Enforce",
        )
    return ok("SROS2 is on and enforced")


def keys(facts: Facts) -> Finding:
    """Whether the keystore permits what the graph does, and no more."""
    security = facts.security
    if not security.enabled:
        return skipped("SROS2 is off")
    if security.keystore_faults:
        more = len(security.keystore_faults) - 1
        also = f" (and {more} more)" if more else ""
        return fail(f"{security.keystore_faults[0]}{also}", "oda security keystore")
    if security.authority_keys_here and facts.robot == "hardware":
        return warn(
            f"the authorities' private keys are in {security.keystore}/private",
            "move them to a machine that is not on the robot's network",
        )
    return ok(f"{security.keystore} fits the graph and domain {security.domain}")


def wire(facts: Facts) -> Finding:
    """What no setting here protects."""
    if facts.robot != "hardware":
        return skipped("only the robot has it")
    host = facts.software.fri.get("remote_host")
    if host == "INADDR_ANY":
        return fail(
            "the FRI port takes packets from anyone (remote_host INADDR_ANY)",
            "set remote_host to the robot's address, and let a firewall pass that alone",
        )
    return ok(f"FRI is plain UDP with {host} alone: keep its cable apart from every network")


CHECKS = (
    Check("reach", "whoever reaches the topics commands the robot", reach),
    Check("security plugins", "without them there is no SROS2", ability),
    Check("encryption", "permissions hold only where they are enforced", encryption),
    Check("keystore", "each node may do what the graph does, and no more", keys),
    Check("FRI wire", "the robot's interface has no protection of its own", wire),
)
