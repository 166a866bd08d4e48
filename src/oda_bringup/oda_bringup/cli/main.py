"""Entry of the oda command: chooses a subcommand and turns every ending into an exit code."""

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tyro

from oda_bringup.cli import (
    bench,
    collect,
    connectors,
    convert,
    demo,
    doctor,
    evaluate,
    export,
    gate,
    inspection,
    live,
    meta_train,
    record,
    repair,
    replay,
    report,
    reproduce,
    security,
    teach,
)
from oda_bringup.cli.console import OUT, complain, say
from oda_bringup.cli.exits import Exit
from oda_bringup.options import AdaptOptions, SimOptions, TeleopOptions
from oda_core.errors import OdaError

OVERVIEW = """\
usage: oda COMMAND [OPTIONS]        oda COMMAND --help explains a command

Insert connectors with a policy that adapts to a new one from demonstrations.
oda adapt alone shows it all: live ROS 2 nodes, a simulated iiwa 7, what is shipped.
"""
ENDINGS = """
Exit codes: 0 done, 1 done but the result is below what was asked for, 2 wrong input,
3 a node died, 130 interrupted. Sessions are directories below runs/.
"""


class Subcommand(NamedTuple):
    """A subcommand: what it is for, the options it takes and what runs with them."""

    name: str
    purpose: str
    schema: type[Any]
    run: Callable[[Any], int]
    default: Callable[[list[str]], Any] | None = None  # options that the words then change


FLOW = (
    Subcommand("demo", "operator -> bag of demonstrations", demo.DemoCommand, demo.run),
    Subcommand("teleop", "a person -> bag of demonstrations", TeleopOptions, live.teleop),
    Subcommand("record", "the graph that runs -> bag", record.RecordOptions, record.run),
    Subcommand("collect", "operator and policies -> bags", collect.CollectOptions, collect.run),
    Subcommand("convert", "bags -> buffers", convert.ConvertOptions, convert.run),
    Subcommand(
        "meta-train",
        "buffers -> checkpoint",
        meta_train.MetaTrainOptions,
        meta_train.run,
        meta_train.default,
    ),
    Subcommand(
        "evaluate", "checkpoint, demonstrations -> rate", evaluate.EvaluateOptions, evaluate.run
    ),
    Subcommand("adapt", "checkpoint, demonstrations -> report", AdaptOptions, live.adapt),
    Subcommand("report", "sessions -> comparison", report.ReportOptions, report.run),
)
TOOLS = (
    Subcommand("sim", "run the simulated cell alone", SimOptions, live.sim),
    Subcommand("doctor", "what is not as it must be", doctor.DoctorOptions, doctor.run),
    Subcommand("teach", "where the arm stands -> start", teach.TeachOptions, teach.run),
    Subcommand("security", "who may do what; keystore", security.SecurityOptions, security.run),
    Subcommand("connectors", "list, show or check", connectors.ConnectorsOptions, connectors.run),
    Subcommand("gate", "what must hold before results", gate.GateOptions, gate.run),
    Subcommand(
        "inspect", "what is wrong with demonstrations", inspection.InspectOptions, inspection.run
    ),
    Subcommand("replay", "a bag into the graph; shadow", replay.ReplayOptions, replay.run),
    Subcommand("export", "buffers <-> LeRobot, Parquet", export.ExportOptions, export.run),
    Subcommand("repair", "mend bags that were cut off", repair.RepairOptions, repair.run),
    Subcommand("bench", "measure speeds", bench.BenchOptions, bench.run),
    Subcommand("reproduce", "the whole study", reproduce.ReproduceOptions, reproduce.run),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        OUT.print(overview(), markup=False)
        return Exit.OK if words else Exit.BAD_INPUT
    known = {s.name: s for s in (*FLOW, *TOOLS)}
    if words[0] not in known:
        complain(f"command: found {words[0]!r}, expected one of {', '.join(known)}")
        return Exit.BAD_INPUT
    return _run(known[words[0]], words[1:])


def overview() -> str:
    """What `oda --help` says."""
    lines = [OVERVIEW, "The flow; each command reads what the one before wrote:"]
    lines += [f"  {s.name:<12} {s.purpose}" for s in FLOW]
    lines += ["", "Besides:", *(f"  {s.name:<12} {s.purpose}" for s in TOOLS), ENDINGS]
    return "\n".join(lines).rstrip()


def _run(command: Subcommand, words: list[str]) -> int:
    text = inspect.cleandoc((command.schema.__doc__ or "").split("\nAttributes:")[0])
    options = tyro.cli(
        command.schema,
        prog=f"oda {command.name}",
        description=text,
        args=words,
        **({"default": command.default(words)} if command.default else {}),
    )
    try:
        return int(command.run(options))
    except OdaError as error:
        complain(error)
        return Exit.BAD_INPUT
    except KeyboardInterrupt:
        say("interrupted")
        return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
