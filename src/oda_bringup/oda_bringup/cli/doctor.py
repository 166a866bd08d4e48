"""oda doctor: whether machine, software, network, security and graph are as they must be."""

import json
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import tyro

from oda_bringup.cli.console import OUT, say, table
from oda_bringup.cli.exits import Exit
from oda_bringup.doctor import Check, Finding, machine, protection, running
from oda_bringup.doctor.facts import Facts
from oda_bringup.robot import RobotName
from oda_core.settings import setting
from oda_policy.config import described

PARTS = {"machine": machine.CHECKS, "security": protection.CHECKS, "graph": running.CHECKS}
MARKS = {"ok": "ok", "warn": "WARN", "fail": "FAIL", "skipped": "-"}


@described
@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """Check what the robot needs, and say plainly what is protected and what is not.

    Kernel, limits, clock, packages, settings, network and FRI port; discovery range, SROS2 and its
    keystore; with --live also the topics, rates, frames, stamps, wrench bias and safety of a graph
    that runs. Each answer comes with what was found and what to do. The exit code is 1 when a check
    fails; a warning alone leaves it at 0.

    Example: oda doctor --robot hardware --live
    """

    robot: RobotName = setting("sim", "what is to move")
    fri: str = setting("", "YAML file of FRI settings; empty: the shipped one")
    live: bool = setting(False, "listen to the running graph too; keep the arm still and free")
    seconds: float = setting(3.0, "how long to listen [s]")
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = setting(False, "write JSON")

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ValueError(f"seconds: found {self.seconds}, expected more than 0")


class Answer(NamedTuple):
    """A check and its finding."""

    part: str
    check: Check
    finding: Finding


def run(options: DoctorOptions) -> int:
    """Gather, ask, tell."""
    answers = examine(gather(options))
    if options.as_json:
        rows = [{"part": a.part, "check": a.check.name, "why": a.check.why, **a.finding._asdict()}
                for a in answers]  # fmt: skip
        OUT.print(json.dumps(rows, indent=1), markup=False)
    else:
        _tell(answers)
    failed = any(a.finding.verdict == "fail" for a in answers)
    return Exit.NOT_ACCEPTED if failed else Exit.OK


def gather(options: DoctorOptions) -> Facts:
    """All facts, with those of the running graph where asked for."""
    from oda_bringup.doctor import gather as look
    from oda_bringup.domain import stay_on_this_host

    stay_on_this_host()  # as the oda command starts a graph
    software = look.software(options.robot, options.fri)
    live = None
    if options.live:
        from oda_bringup.doctor.listen import listen

        say(f"listening for {options.seconds:g} s")
        live = listen(options.seconds)
    return Facts(
        robot=options.robot,
        host=look.host(),
        software=software,
        network=look.network(software.fri if options.robot == "hardware" else {}),
        security=look.security(),
        live=live,
    )


def examine(facts: Facts) -> list[Answer]:
    """Every check's finding, in order."""
    return [Answer(p, c, c.ask(facts)) for p, checks in PARTS.items() for c in checks]


def _tell(answers: list[Answer]) -> None:
    rows = [(a.part, a.check.name, MARKS[a.finding.verdict], a.finding.found) for a in answers]
    table(("of", "check", "", "found"), rows)
    for answer in answers:
        if answer.finding.remedy:
            mark = MARKS[answer.finding.verdict]
            say(f"{mark} {answer.check.name}: {answer.check.why}")
            say(f"  to do: {answer.finding.remedy}")
