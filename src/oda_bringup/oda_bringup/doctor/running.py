"""Checks of the running graph: who publishes, how often, in which frames, and how the arm feels."""

import numpy as np

from oda_bringup.doctor import Check, Finding, fail, ok, skipped, warn
from oda_bringup.doctor.facts import Facts, Topic
from oda_bringup.robot import SIMULATED
from oda_core import topics
from oda_core.types import BASE_FRAME, TCP_FRAME

SILENT = "not asked to listen (--live)"
RATES_HZ = {topics.STATE: 95.0, topics.JOINT_STATES: 45.0}  # least
STALE_S = 0.25
FORCE_N, TORQUE_NM = 3.0, 0.3  # of a tared wrench at rest
STUCK = 1e-6  # a sensor without any noise
STILL_M_S = 2e-3
COMMANDERS = {topics.COMMAND: "/oda/arbiter", topics.SAFETY: "/oda/arbiter"}


def publishers(facts: Facts) -> Finding:
    """Each topic of the contract from where it must come, and from there alone."""
    live = facts.live
    if live is None:
        return skipped(SILENT)
    for topic, owner in COMMANDERS.items():
        found = live.topics.get(topic, Topic()).publishers
        if found != (owner,):
            return fail(
                f"{topic} is published by {', '.join(found) or 'nobody'}, expected {owner} alone",
                "stop whoever else publishes it" if found else "is the graph running here?",
            )
    many = live.topics.get(topics.STATE, Topic()).publishers
    if len(many) != 1:
        return fail(f"{topics.STATE} has {len(many)} publishers, expected 1", "stop one robot")
    return ok(f"{topics.STATE} from {many[0]}, {topics.COMMAND} from the arbiter alone")


def rates(facts: Facts) -> Finding:
    """States often enough."""
    live = facts.live
    if live is None:
        return skipped(SILENT)
    found = {name: live.topics.get(name, Topic()).rate_hz for name in RATES_HZ}
    for name, least in RATES_HZ.items():
        if found[name] < least:
            slow = f"{name} at {found[name]:.0f} Hz, expected {least:.0f} or more"
            if facts.robot in SIMULATED:
                return warn(slow, "in lock-step or under load that is well; else free the machine")
            return fail(slow, "is the controller active? Look at logs/controller_manager.log")
    return ok(", ".join(f"{name} {rate:.0f} Hz" for name, rate in found.items()))


def frames(facts: Facts) -> Finding:
    """States in the frames of the contract."""
    live = facts.live
    if live is None:
        return skipped(SILENT)
    found = (live.topics.get(topics.STATE, Topic()).frame, live.tcp_frame)
    if found == (BASE_FRAME, TCP_FRAME):
        return ok(f"pose in {BASE_FRAME}, twist and wrench in {TCP_FRAME}")
    return fail(
        f"pose in {found[0]!r}, twist and wrench in {found[1]!r}, expected {BASE_FRAME} and "
        f"{TCP_FRAME}",
        "set base_link and tcp_link of the controller",
    )


def stamps(facts: Facts) -> Finding:
    """Stamps of now: the arbiter judges by them."""
    live = facts.live
    if live is None:
        return skipped(SILENT)
    if live.sim_time:
        return skipped("simulated time")
    age = live.topics.get(topics.STATE, Topic()).age_s
    if age is None:
        return fail("no state came", "is the graph running here?")
    if abs(age) > STALE_S:
        return fail(f"states are {age:.2f} s old, expected below {STALE_S}", "synchronise clocks")
    return ok(f"states are {age * 1e3:.0f} ms old")


def bias(facts: Facts) -> Finding:
    """A wrench of nothing, when the arm is at rest and touches nothing."""
    live = facts.live
    if live is None or not live.wrench_mean:
        return skipped(SILENT if live is None else "no wrench came")
    if live.speed_m_s > STILL_M_S:
        return skipped(f"the arm moves ({live.speed_m_s * 1e3:.0f} mm/s)")
    force, torque = (float(np.linalg.norm(live.wrench_mean[i : i + 3])) for i in (0, 3))
    found = f"{force:.1f} N, {torque:.2f} Nm"
    if force > FORCE_N or torque > TORQUE_NM:
        return warn(
            f"{found}, expected below {FORCE_N:g} N and {TORQUE_NM:g} Nm at rest in free space",
            "call /oda/tare; if it comes back in another posture, the tool data are wrong",
        )
    if max(live.wrench_std) < STUCK and facts.robot == "hardware":
        return fail(f"{found} without any noise", "the sensor or its interface is stuck")
    return ok(found)


def safety(facts: Facts) -> Finding:
    """The arbiter's own word."""
    live = facts.live
    if live is None:
        return skipped(SILENT)
    if not live.safety:
        return fail("/oda/safety says nothing", "is the arbiter running?")
    if live.aborted:
        return fail(live.safety, "look at the robot; call /oda/start when it may move again")
    return ok(live.safety)


CHECKS = (
    Check("publishers", "two who command are none who protects", publishers),
    Check("rates", "the policy acts on states, ten times a second", rates),
    Check("frames", "a twist in the wrong frame moves the wrong way", frames),
    Check("stamps", "what is old is refused", stamps),
    Check("wrench bias", "the policy feels the contact by it, and limits judge by it", bias),
    Check("safety", "an aborted arm needs a person", safety),
)
