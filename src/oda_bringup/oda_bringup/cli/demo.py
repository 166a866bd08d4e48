"""oda demo: demonstrations of the scripted operator, on live nodes or in process."""

from dataclasses import dataclass, fields
from pathlib import Path

from oda_bringup.cli import live
from oda_bringup.cli.console import OUT, track
from oda_bringup.cli.exits import Exit
from oda_bringup.options import DemoOptions
from oda_core.settings import setting
from oda_policy.config import described


@described
@dataclass(frozen=True, kw_only=True)
class DemoCommand(DemoOptions):
    """Record demonstrations of the scripted operator into a bag.

    The operator sees what a person sees: the nominal pose and the contact, never the hidden start
    noise. It commands through the teleoperation topic, the arbiter limits it, the recorder writes
    every topic. Output: a session directory with bag/, which oda convert, evaluate and adapt read.

    Example: oda demo --connector my_plug.yaml --episodes 20 --output runs/my-demos
    """

    in_process: bool = setting(False, "without nodes, faster; the same bag but states at 10 Hz")


def run(options: DemoCommand) -> int:
    """Record on live nodes, or in this process."""
    plain = DemoOptions(**{f.name: getattr(options, f.name) for f in fields(DemoOptions)})
    return _in_process(plain) if options.in_process else live.demo(plain)


def _in_process(options: DemoOptions) -> int:
    from oda_bringup.collect import demonstrations, write_bag
    from oda_bringup.session import check_demo, open_session
    from oda_sim.connector import load_connector
    from oda_sim.env import InsertionEnv

    options = check_demo(options)
    session = open_session(options)
    env = InsertionEnv(load_connector(options.connector), simulate_reset=False)
    name = session.directory.name
    recordings = demonstrations(env, options.episodes, options.seed, name)
    bag = Path(session.directory, "bag")
    write_bag(bag, track(recordings, f"recording {session.connector}", options.episodes))
    OUT.print(f"{options.episodes} demonstrations in {bag}", markup=False)
    return Exit.OK
