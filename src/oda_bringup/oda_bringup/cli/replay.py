"""oda replay: a bag into the graph, or a policy in its shadow."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from oda_bringup.cli.console import OUT, say, table
from oda_bringup.cli.exits import Exit
from oda_core.settings import setting
from oda_policy.config import described

PAGES = Path("runs") / "shadows"


@described
@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """Play a bag into the graph with /clock, or compare a policy with what was recorded.

    Every message goes out on its topic as it was recorded, in the bag's time. Nodes that are to
    live in that time need use_sim_time. Where ros2 bag is installed, it plays. With --shadow
    nothing is played: the policy is asked at every recorded observation, and its actions are
    compared with the recorded ones, in a table and on a page with plots.

    Example: oda replay runs/my-demos/bag --rate 2 --loop
    """

    bag: Annotated[str, tyro.conf.Positional] = setting("bag", "bag directory")
    rate: float = setting(1.0, "seconds of the bag per second")
    start: float = setting(0.0, "where to begin, from the first message [s]")
    loop: bool = setting(False, "begin anew at the end, until interrupted")
    topics: tuple[str, ...] = setting((), "only these; empty: all")
    wait: bool = setting(False, "begin when every topic has a listener, or after 30 s")
    player: Literal["auto", "oda", "rosbag2"] = setting("auto", "who plays")
    shadow: bool = setting(False, "compare a policy with the recorded actions")
    checkpoint: str = setting("", "of --shadow; empty: the shipped one")
    demos: str = setting("", "of --shadow, for its task code; empty: the bag itself")
    output: str = setting("", "page of --shadow; empty: runs/shadows/NAME.html")

    def __post_init__(self) -> None:
        if not self.rate > 0 or self.start < 0:
            raise ValueError(
                f"rate, start: found {self.rate}, {self.start}, expected more than 0, and 0 or more"
            )


def run(options: ReplayOptions) -> int:
    """Play or compare."""
    if options.shadow:
        return _shadow(options)
    if options.player == "rosbag2" or (options.player == "auto" and has_rosbag2()):
        return subprocess.run(rosbag2_words(options), check=False).returncode
    return _play(options)


def has_rosbag2() -> bool:
    """`ros2 bag play` exists here."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    installed = any(Path(p, "share", "ros2bag").is_dir() for p in prefixes if p)
    return installed and shutil.which("ros2") is not None


def rosbag2_words(options: ReplayOptions) -> list[str]:
    """The same for `ros2 bag play`."""
    words = ["ros2", "bag", "play", options.bag, "--clock", "100", "--rate", str(options.rate)]
    words += ["--start-offset", str(options.start), "--disable-keyboard-controls"]
    words += ["--loop"] if options.loop else []
    return words + (["--topics", *options.topics] if options.topics else [])


def _play(options: ReplayOptions) -> int:
    from oda_bringup.domain import stay_on_this_host
    from oda_bringup.replaying import Player, Playing, contents
    from oda_core.ros.main import run as run_node

    playing = Playing(
        bag=Path(options.bag),
        rate=options.rate,
        start_s=options.start,
        loop=options.loop,
        topics=options.topics,
        wait=options.wait,
    )
    kinds, _ = contents(playing)
    say(f"playing {', '.join(sorted(kinds))}")
    stay_on_this_host()
    return run_node(lambda: Player(playing))


def _shadow(options: ReplayOptions) -> int:
    from oda_bringup.assets import shipped_checkpoint
    from oda_bringup.shadow import COLUMNS, row, shadow, shadow_page
    from oda_core.bag import read_episodes
    from oda_core.errors import BagError
    from oda_core.files import write_atomic
    from oda_policy.checkpoint import Checkpoint
    from oda_policy.config import FinetuneConfig
    from oda_policy.finetune import Finetuner
    from oda_policy.ros.demonstrations import load_demonstrations

    bag = Path(options.bag)
    episodes = list(read_episodes(bag))
    if not episodes:
        raise BagError(f"{bag}: holds no finished episode to compare with")
    checkpoint = Path(options.checkpoint) if options.checkpoint else shipped_checkpoint()
    demos = load_demonstrations(options.demos or bag, episodes[0].end.connector)
    settings = FinetuneConfig(sample_z=False, device="cpu")
    policy = Finetuner(Checkpoint.load(checkpoint), demos, settings, 0).snapshot(0)
    found = shadow(policy, episodes)
    table(COLUMNS, map(row, found))
    output = Path(options.output) if options.output else PAGES / f"{bag.resolve().name}.html"
    write_atomic(output, shadow_page(bag, checkpoint, found))
    OUT.print(f"page {output}", markup=False)
    return Exit.OK
