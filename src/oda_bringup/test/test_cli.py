"""The oda command: help, exit codes, bad input, and the chain of artefacts."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from worker import DOMAIN

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.live import Notices
from oda_bringup.cli.main import FLOW, TOOLS, main
from oda_bringup.collect import write_bag
from oda_bringup.domain import claimed_domain
from oda_core.bag import read_episodes
from oda_core.errors import SessionError
from oda_policy.buffer import read_buffer

COMMANDS = [command.name for command in (*FLOW, *TOOLS)]


def test_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == Exit.OK
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)
    assert main([]) == Exit.BAD_INPUT


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_for_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"Example: oda {name}" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ghost"], "found 'ghost', expected one of demo"),
        (["adapt", "--connector", "ghost"], "found 'ghost', expected one of"),
        (["demo", "--in-process", "--connector", "ghost.yaml"], "ghost.yaml: cannot be read"),
        (["adapt", "--robot", "hardware"], "not found on AMENT_PREFIX_PATH"),
        (["convert", "nothing"], "holds no bag"),
        (["meta-train", "--buffers", "nothing"], "found no connector with"),
        (["meta-train", "--resume"], "no interrupted run to resume"),
        (["evaluate", "--checkpoint", "nothing"], "does not exist"),
        (["report", "nothing"], "holds no report.json"),
        (["connectors", "show"], "expected at least one"),
        (["collect", "--connectors", "ghost"], "found 'ghost', expected one of"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    words: list[str], message: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == Exit.BAD_INPUT
    text = capsys.readouterr().err
    assert message in text
    assert len(text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["adapt", "--seed", "x"],
        ["adapt", "--seed", "-1"],
        ["adapt", "--robot", "ur5"],
        ["adapt", "--sed", "1"],
        ["collect", "--demos", "0"],
        ["meta-train", "--agent.discount", "2"],
    ],
)
def test_wrong_option_is_exit_code_2(words: list[str], workplace: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == Exit.BAD_INPUT


def test_interrupted_command_ends_with_130(workplace: Path) -> None:
    code = (
        "import signal, sys\nfrom oda_bringup.cli import main as cli\n"
        "def run(options): signal.raise_signal(signal.SIGINT)\n"
        "cli.FLOW = (cli.FLOW[0]._replace(run=run),)\nsys.exit(cli.main(['demo']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.returncode == Exit.INTERRUPTED, result.stderr


def test_presets_give_the_defaults_of_meta_training(capsys: pytest.CaptureFixture[str]) -> None:
    texts = {}
    for preset in ("paper", "best"):
        with pytest.raises(SystemExit):
            main(["meta-train", "--preset", preset, "--help"])
        texts[preset] = " ".join(capsys.readouterr().out.split())  # however wide the page is
    assert "(default: 0.5)" in texts["paper"].split("--agent.temperature")[1][:200]
    assert "(default: 0.03)" in texts["best"].split("--agent.temperature")[1][:200]


def test_connectors_show_is_input_of_check(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connectors", "show", "metal-peg-sq"]) == Exit.OK
    Path("mine.yaml").write_text(capsys.readouterr().out)
    assert main(["connectors", "check", "mine.yaml", "--trials", "3"]) == Exit.OK
    blocked = Path("mine.yaml").read_text().replace("blocked_depth_mm: null", "blocked_depth_mm: 2")
    Path("mine.yaml").write_text(blocked)
    assert main(["connectors", "check", "mine.yaml", "--trials", "1"]) == Exit.NOT_ACCEPTED


def test_drawn_connectors_are_the_same_again_and_can_be_inserted(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connectors", "draw", "--seed", "3", "--output", "a"]) == Exit.OK
    assert main(["connectors", "draw", "--seed", "3", "--output", "b"]) == Exit.OK
    drawn = sorted(path.name for path in Path("a").iterdir())
    assert len(drawn) == 7
    assert all(Path("a", n).read_text() == Path("b", n).read_text() for n in drawn)
    assert main(["connectors", "check", *[f"a/{n}" for n in drawn], "--trials", "1"]) == Exit.OK
    assert main(["connectors", "draw", "--seed", "4", "--output", "a"]) == Exit.BAD_INPUT
    assert main(["connectors", "draw", "cone", "--output", "c"]) == Exit.BAD_INPUT
    assert "cone" in capsys.readouterr().err and not Path("c").exists()


def test_a_repeated_warning_is_shown_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    notices = Notices()
    for i in range(120):
        notices("arbiter", f"[WARN] [{i}.5]: refused")
        notices("policy", "[WARN] other") if i == 50 else None
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "arbiter: [WARN] [0.5]: refused",
        "arbiter: [WARN] [9.5]: refused (10 times so far)",
        "policy: [WARN] other",
        "arbiter: [WARN] [99.5]: refused (100 times so far)",
    ]


@pytest.mark.slow
def test_chain_of_artefacts_for_a_connector_of_ones_own(
    own_connector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [
        "demo --in-process --connector mine.yaml --episodes 2 --output runs/mine",
        "collect --connectors mine.yaml --variations 1 --demos 2 --episodes 3 --jobs 1 "
        "--source operator --trials 2",
        "convert",
        "meta-train --updates 20 --batch 8 --context 8 --min-kl-nats 0",
        "collect --connectors mine.yaml --demos 2 --episodes 2 --reruns 2 --trials 2 --jobs 1 "
        "--checkpoint data/checkpoint.safetensors",
        "convert data/bags runs/mine",
        "evaluate --connector mine.yaml --demos data/buffers/mine/demos --trials 2 --jobs 1 "
        "--checkpoint data/checkpoint.safetensors --output result.json",
    ]
    for step in steps:
        assert main(step.split()) == Exit.OK, (step, capsys.readouterr())
    assert json.loads(Path("result.json").read_text())["demonstrations"] == 4
    assert len(list(read_episodes(next(Path("data/bags/mine").glob("reruns-*"))))) == 2
    text = capsys.readouterr().out
    assert "known" in text  # the second conversion reads only the new bags


def test_a_cut_off_bag_is_named_and_mended(
    workplace: Path, demos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(demos, "bags/whole")
    shutil.copytree(demos, "bags/cut")
    Path("bags/cut/metadata.yaml").unlink()
    assert main(["convert", "bags"]) == Exit.BAD_INPUT
    text = capsys.readouterr()
    assert "bags/cut: has no metadata.yaml" in text.out + text.err
    assert len(read_buffer(Path("data/buffers/metal-peg-sq/demos"))) == 3  # of the whole bag
    assert main(["repair", "bags/cut"]) == Exit.OK
    assert len(list(read_episodes("bags/cut"))) == 3


def test_unfinished_bag_is_made_anew(workplace: Path, demos: Path) -> None:
    class PowerCut(Exception):  # noqa: N818
        """Something ends the process."""

    def episodes() -> object:
        raise PowerCut
        yield

    with pytest.raises(PowerCut):
        write_bag(Path("bag"), episodes())
    assert not Path("bag").exists()
    assert write_bag(Path("bag"), []) == (0, 0)
    assert [path.name for path in workplace.iterdir()] == ["bag"]


@pytest.mark.ros
def test_second_graph_on_a_domain_is_refused(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with claimed_domain(0.1) as confirm:
        confirm()
        assert main(["sim"]) == Exit.BAD_INPUT
    assert f"ROS_DOMAIN_ID={DOMAIN + 1}" in capsys.readouterr().err


NODE = """
import rclpy, sys
rclpy.init()
node = rclpy.create_node("stranger", namespace="/oda")
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.ros
def test_nodes_that_others_started_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", NODE], stdin=pipe, stdout=pipe) as stranger:
        assert stranger.stdout.readline() == b"ready\n"
        with claimed_domain(60.0) as confirm, pytest.raises(SessionError, match="/oda/stranger"):
            confirm()
        stranger.stdin.close()


@pytest.mark.parametrize("text", ["x", "-1", "233"])
def test_wrong_domain_is_refused(
    text: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", text)
    assert main(["sim"]) == Exit.BAD_INPUT
    assert f"found '{text}', expected a number from 0 to 232" in capsys.readouterr().err
