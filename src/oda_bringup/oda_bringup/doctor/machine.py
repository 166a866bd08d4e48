"""Checks of the machine, the software and the way to the robot."""

from oda_bringup.doctor import Check, Finding, fail, ok, skipped, warn
from oda_bringup.doctor.facts import Facts
from oda_bringup.robot import SIMULATED

PRIORITY = 80  # that the driver's threads ask for
PORTS = range(30200, 30210)  # of the Fast Robot Interface
LATENCY_MS = 1.0
NOT_NEEDED = "the simulation needs none of it"


def kernel(facts: Facts) -> Finding:
    """A kernel that keeps deadlines."""
    if facts.robot in SIMULATED:
        return skipped(NOT_NEEDED)
    if "PREEMPT_RT" in facts.host.kernel:
        return ok(facts.host.kernel)
    remedy = "install linux-image-realtime (Ubuntu Pro) or a kernel built with PREEMPT_RT"
    found = f"{facts.host.kernel}, expected PREEMPT_RT"
    return fail(found, remedy) if facts.robot == "hardware" else warn(found, remedy)


def priority(facts: Facts) -> Finding:
    """Leave to run before everything else."""
    if facts.robot in SIMULATED:
        return skipped(NOT_NEEDED)
    if facts.host.realtime_priority >= PRIORITY:
        return ok(f"rtprio {facts.host.realtime_priority}")
    return _strict(
        facts, f"rtprio {facts.host.realtime_priority}, expected {PRIORITY} or more",
        "add `@realtime - rtprio 99` to /etc/security/limits.d/realtime.conf, join the group, log "
        "in anew",
    )  # fmt: skip


def memory(facts: Facts) -> Finding:
    """Leave to keep all memory in RAM."""
    if facts.robot in SIMULATED:
        return skipped(NOT_NEEDED)
    if facts.host.locked_memory < 0:
        return ok("memlock unlimited")
    return _strict(
        facts, f"memlock {facts.host.locked_memory / 2**20:.0f} MiB, expected unlimited",
        "add `@realtime - memlock unlimited` to /etc/security/limits.d/realtime.conf, log in anew",
    )  # fmt: skip


def cores(facts: Facts) -> Finding:
    """Enough cores, at a steady frequency."""
    if facts.robot in SIMULATED:
        return skipped(NOT_NEEDED)
    slow = [g for g in facts.host.governors if g != "performance"]
    if facts.host.cores < 4:
        return warn(f"{facts.host.cores} cores, expected 4 or more", "use a larger machine")
    if slow:
        return warn(
            f"frequency governor {slow[0]}, expected performance",
            "sudo cpupower frequency-set --governor performance",
        )
    return ok(f"{facts.host.cores} cores")


def clock(facts: Facts) -> Finding:
    """One time on every machine: stamps older than 0.25 s are refused."""
    if facts.host.clock_synchronised is None:
        return skipped("timedatectl tells nothing here")
    if facts.host.clock_synchronised:
        return ok("synchronised")
    return warn("not synchronised", "install chrony, or sudo timedatectl set-ntp true")


def distribution(facts: Facts) -> Finding:
    """The ROS 2 that everything is made for."""
    if facts.software.distro == "jazzy":
        return ok("ROS 2 jazzy")
    return fail(f"ROS 2 {facts.software.distro or 'none'}, expected jazzy", "source scripts/env.sh")


def packages(facts: Facts) -> Finding:
    """What the robot's nodes come from."""
    if facts.software.missing:
        return fail(
            f"{', '.join(facts.software.missing)} not found",
            "build the sources that repos/ pins, with ROS 2 from apt (docs/howto/hardware.md)",
        )
    versions = (f"{name} {version}" for name, version in sorted(facts.software.versions.items()))
    return ok(", ".join(versions))


def settings(facts: Facts) -> Finding:
    """Settings of the Fast Robot Interface that fit torque control at its cycle."""
    software = facts.software
    if facts.robot != "hardware":
        return skipped("only the robot has it")
    if software.fault:
        return fail(
            software.fault, "copy description/ros2_control/fri.yaml and change what differs"
        )
    mode, port = software.fri.get("client_command_mode"), software.fri.get("port_id")
    if mode != "torque":
        return fail(f"client_command_mode {mode}, expected torque", "set it, and in LBRServer too")
    if port not in PORTS:
        return fail(f"port_id {port}, expected {PORTS[0]} to {PORTS[-1]}", "set it to 30200")
    if not software.fri.get("state_guard", {}).get("external_torque_safety_check"):
        return fail("external_torque_safety_check is off", "switch it on: an undeclared tool falls")
    slow = [k for k in ("joint_position_tau",) if software.fri.get(k, 1.0) >= 1e-3]
    if slow:
        return warn(f"{slow[0]} {software.fri.get(slow[0])} s", "set it below the cycle of 1 ms")
    sdk = software.fri.get("fri_client_sdk", {})
    version = f"{sdk.get('major_version')}.{sdk.get('minor_version')}"
    if software.update_rate_hz != 1000:
        return warn(f"update_rate {software.update_rate_hz} Hz", "use 1000 Hz, send period 1 ms")
    return ok(f"FRI {version}, torque, UDP port {port}, 1000 Hz")


def route(facts: Facts) -> Finding:
    """A cable of its own to the robot."""
    network = facts.network
    if facts.robot != "hardware":
        return skipped("only the robot needs it")
    if not network.device:
        return fail(f"no route to {network.host}", "give the port to the robot 192.170.10.1/24")
    if network.wireless or network.gateway:
        what = "a wireless device" if network.wireless else "a router"
        return fail(f"{network.host} is behind {what}", "use a cable from a port of its own")
    if network.speed_mbit_s is not None and network.speed_mbit_s < 100:
        return warn(f"{network.device} at {network.speed_mbit_s} Mbit/s", "check cable and port")
    return ok(f"{network.host} by {network.device}")


def latency(facts: Facts) -> Finding:
    """Answers within the cycle: a late one ends the session."""
    network = facts.network
    if facts.robot != "hardware":
        return skipped("only the robot needs it")
    if not network.latencies_ms:
        return fail(
            f"{network.host} does not answer", "switch the robot on; check its KONI address"
        )
    worst = max(network.latencies_ms)
    found = f"worst of {len(network.latencies_ms)} {worst:.2f} ms, {network.lost} lost"
    if network.lost or worst > LATENCY_MS:
        return warn(
            f"{found}, expected below {LATENCY_MS:g} ms",
            "take out switches, switch off energy saving (ethtool --set-eee), try another port",
        )
    return ok(found)


def port(facts: Facts) -> Finding:
    """The UDP port where the robot's packets arrive."""
    number = facts.software.fri.get("port_id", "?")
    if facts.robot != "hardware" or facts.network.port_free is None:
        return skipped("only the robot needs it")
    if facts.live is not None:
        if facts.network.port_free:
            return fail(f"UDP {number} has no listener", "start oda sim --robot hardware first")
        return ok(f"UDP {number} is listened to")
    if facts.network.port_free:
        return ok(f"UDP {number} is free")
    return warn(f"UDP {number} is taken", "stop the other driver; or is the graph running: --live")


def _strict(facts: Facts, found: str, remedy: str) -> Finding:
    return fail(found, remedy) if facts.robot == "hardware" else warn(found, remedy)


CHECKS = (
    Check("kernel", "a late cycle ends the robot's session", kernel),
    Check("real-time priority", "the control loop must run before everything else", priority),
    Check("locked memory", "a page that is fetched from disk makes a cycle late", memory),
    Check("cores", "a core that changes its frequency makes cycles uneven", cores),
    Check("clock", "stamps older than 0.25 s are refused", clock),
    Check("distribution", "interfaces differ between ROS releases", distribution),
    Check("packages", "the robot's nodes come from them", packages),
    Check("FRI settings", "robot and driver must agree on mode, port and cycle", settings),
    Check("route", "FRI needs a cable of its own", route),
    Check("latency", "each answer must come within the cycle", latency),
    Check("FRI port", "the robot's packets arrive there", port),
)
