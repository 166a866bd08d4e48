"""Everything that is checked before a node starts, and what a session remembers."""

import dataclasses
import json
from pathlib import Path

import pytest

from oda_bringup.options import AdaptOptions, DemoOptions, SimOptions
from oda_bringup.session import (
    OPTIONS_FILE,
    PARAMETERS_FILE,
    REPORT_FILE,
    Session,
    check_adapt,
    check_demo,
    check_sim,
)
from oda_bringup.session import open_session as open_
from oda_core.bag import BagWriter
from oda_core.errors import OdaError
from oda_sim.connector import load_connector


@pytest.fixture
def options(checkpoint: Path, demos: Path, workplace: Path) -> AdaptOptions:
    return AdaptOptions(checkpoint=str(checkpoint), demos=str(demos), output="mine")


def begin(options: AdaptOptions) -> Session:
    return open_(check_adapt(options))


def test_paths_become_absolute_and_the_connector_is_kept(
    options: AdaptOptions, demos: Path, workplace: Path
) -> None:
    checked = check_adapt(dataclasses.replace(options, demos=str(demos)))
    session = open_(checked)
    assert session == Session(workplace / "mine", "metal-peg-sq", damage_n=200.0)
    assert load_connector(session.connector_file) == load_connector("metal-peg-sq")
    saved = json.loads((session.directory / OPTIONS_FILE).read_text())["options"]
    assert AdaptOptions(**saved) == checked


def test_a_session_knows_what_its_connector_bears(workplace: Path) -> None:
    session = open_(check_sim(SimOptions(connector="network-card-18")))
    assert (session.damage_n, session.lateral_n, session.axial_n) == (80.0, 20.0, 60.0)


def test_a_check_writes_nothing(options: AdaptOptions, workplace: Path) -> None:
    check_adapt(options)
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"connector": "no-such"}, "expected one of .*metal-peg-sq"),
        ({"connector": "no/such.yaml"}, "cannot be read"),
        ({"connector": "jp-ac-plug"}, "demonstrations of metal-peg-sq, expected jp-ac-plug"),
        ({"checkpoint": "no/such"}, "does not exist; make one with oda meta-train"),
        ({"demos": "no/such"}, "does not exist"),
        ({"output": "."}, "exists already and is not empty"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(
    options: AdaptOptions, workplace: Path, changes: dict[str, str], message: str
) -> None:
    (workplace / "something").touch()
    with pytest.raises(OdaError, match=message):
        check_adapt(dataclasses.replace(options, **changes))
    assert [path.name for path in workplace.iterdir()] == ["something"]


def test_truncated_checkpoint_is_refused(options: AdaptOptions, checkpoint: Path) -> None:
    Path("half").write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(OdaError, match="truncated"):
        check_adapt(dataclasses.replace(options, checkpoint="half"))


def test_a_bag_without_demonstrations_is_refused(options: AdaptOptions) -> None:
    with BagWriter("empty"):
        pass
    with pytest.raises(OdaError, match=r"empty: has no topic /oda/episode"):
        check_adapt(dataclasses.replace(options, demos="empty"))


def test_unknown_key_of_a_connector_is_named(options: AdaptOptions, own_connector: Path) -> None:
    own_connector.write_text(own_connector.read_text() + "colour: red\n")
    with pytest.raises(OdaError, match=r"mine\.yaml: unknown key colour"):
        check_adapt(dataclasses.replace(options, connector=str(own_connector)))


def test_impossible_geometry_is_named(options: AdaptOptions, own_connector: Path) -> None:
    text = own_connector.read_text().replace("clearance_mm: 0.2", "clearance_mm: -0.2")
    own_connector.write_text(text)
    with pytest.raises(OdaError, match=r"mine\.yaml: .*clearance"):
        check_adapt(dataclasses.replace(options, connector=str(own_connector)))


def test_parameters_are_kept_with_the_session(options: AdaptOptions) -> None:
    Path("mine.yaml").write_text("/oda/trainer: {ros__parameters: {updates_per_step: 1.0}}\n")
    session = begin(dataclasses.replace(options, parameters="mine.yaml"))
    assert (session.directory / PARAMETERS_FILE).read_text() == Path("mine.yaml").read_text()
    Path("mine.yaml").write_text("updates_per_step: 1.0\n")
    with pytest.raises(OdaError, match="expected nodes such as /oda/trainer"):
        check_adapt(dataclasses.replace(options, parameters="mine.yaml", output="other"))


def test_resume_takes_the_options_of_the_session(options: AdaptOptions) -> None:
    session = begin(dataclasses.replace(options, seed=3))
    checked = check_adapt(AdaptOptions(resume=True, output="mine"))
    assert (checked.seed, checked.demos, checked.resume) == (3, options.demos, True)
    assert open_(checked) == session


def test_resume_may_change_a_budget_but_not_an_input(options: AdaptOptions) -> None:
    begin(options)
    again = AdaptOptions(resume=True, output="mine", max_training_episodes=7)
    assert check_adapt(again).max_training_episodes == 7
    with pytest.raises(OdaError, match="began with seed 0, found 5"):
        check_adapt(dataclasses.replace(again, seed=5))
    same = check_adapt(dataclasses.replace(again, demos=options.demos))
    assert same.demos == options.demos


def test_resume_without_a_name_takes_the_newest_unfinished_session(options: AdaptOptions) -> None:
    open_(check_adapt(dataclasses.replace(options, output="runs/a")))
    finished = open_(check_adapt(dataclasses.replace(options, output="runs/b")))
    (finished.directory / REPORT_FILE).touch()
    open_(check_demo(DemoOptions(output="runs/c")))
    assert Path(check_adapt(AdaptOptions(resume=True)).output).name == "a"


def test_resume_of_nothing_is_refused(workplace: Path) -> None:
    with pytest.raises(OdaError, match="no unfinished adaptation"):
        check_adapt(AdaptOptions(resume=True))
    with pytest.raises(OdaError, match=r"it has no session\.json"):
        check_adapt(AdaptOptions(resume=True, output="elsewhere"))
