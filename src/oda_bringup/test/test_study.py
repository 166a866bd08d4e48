"""The study itself: its graph, its statistics, its page, and one tiny run."""

import json
from itertools import pairwise

import numpy as np
import pytest
from study_toys import ignore, keep

from oda_bringup.study.data import CODE, Demonstrate, true_code
from oda_bringup.study.latent import nearest, probe_r2, project
from oda_bringup.study.learning import Trials
from oda_bringup.study.methods import ABLATIONS, BEST, METHODS
from oda_bringup.study.plan import Study
from oda_bringup.study.render import render
from oda_bringup.study.results import Results
from oda_bringup.study.runner import run, select
from oda_bringup.study.scale import FULL, SMOKE, Effort
from oda_bringup.study.stages import NAMES, units_of
from oda_bringup.study.statistics import Time, median_time, speed_up
from oda_bringup.study.store import Store, key_of
from oda_bringup.study.unit import Unit
from oda_sim.connector import list_connectors, load_connector


@pytest.mark.parametrize("scale", [FULL, SMOKE], ids=lambda scale: scale.name)
def test_the_graph_holds_together(scale):
    units = units_of(Study.load(scale))
    assert select(units, []) == units  # inputs stand before their readers
    assert len({unit.id for unit in units}) == len(units)
    assert {unit.stage for unit in units} == set(NAMES)
    assert all(unit.job.cost_s > 0 for unit in units)


def test_a_method_alone_needs_its_own_training_only():
    chosen = select(units_of(Study.load(SMOKE)), ["fig3"], ["bc"])
    assert {unit.job.method.name for unit in chosen if unit.stage == "fig3"} == {"bc"}
    assert not any(unit.stage == "training" for unit in chosen)


def test_subsets_of_training_connectors_are_nested():
    units = [u for u in units_of(Study.load(FULL)) if u.stage == "scaling-training"]
    for seed in range(FULL.size_seeds):
        own = [set(u.inputs) for u in units if u.job.seed == seed]
        assert [len(inputs) for inputs in own] == list(FULL.sizes)
        assert all(a < b for a, b in pairwise(own))


def test_every_ablation_changes_something():
    changed = [BEST.changed(changes) for changes in ABLATIONS.values()]
    assert changed[0] == BEST
    assert len({repr(c) for c in changed}) == len(ABLATIONS)


def test_ratios_keep_the_runs_that_were_never_solved():
    ours = [Time(10, True), Time(20, True), Time(0, True)]
    others = [Time(100, True), Time(300, False), Time(50, True)]
    found = speed_up(ours, others)
    assert (found.pairs, found.at_once) == (2, 1)
    assert found.median.value == 12.5 and not found.median.exact
    exact = speed_up([Time(10, True)] * 3, [Time(20, True), Time(30, True), Time(90, False)])
    assert exact.median == (3.0, True)  # the run that gave up lies above the median anyway
    assert speed_up([Time(60, False)], [Time(30, True)]).median == (0.0, False)
    assert speed_up([Time(0, True)], [Time(30, True)]).median is None


def test_a_median_is_a_bound_where_a_run_gave_up_below_it():
    assert median_time([Time(5, True), Time(9, True), Time(60, False)]) == (9, True)
    assert median_time([Time(5, False), Time(9, True), Time(60, True)]) == (9, False)
    assert median_time([Time(60, False)]).text(" min", 60) == "≥ 1.0 min"


def test_the_probe_finds_what_z_tells_and_nothing_else():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(20), 4)
    truth = rng.standard_normal((20, 2))[owner]
    z = np.c_[truth[:, :1] * 3 + 1, rng.standard_normal((80, 3))]
    told, untold = probe_r2(z, truth, owner)
    assert told > 0.95 and untold < 0.3
    points, explained = project(z)
    assert points.shape == (80, 2) and 0 < explained[1] <= explained[0] <= 1


def test_the_nearest_training_connector_is_another_one():
    z = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [4.8, 0.0]])
    found = nearest(z, [0, 1, 2], ["a", "b", "c", "new"])
    assert [n["name"] for n in found] == ["b", "a", "b", "c"]


def test_one_connector_from_demonstrations_to_trials(tmp_path):
    connector = load_connector("metal-peg-sq")
    method = METHODS["bc"].within(Effort(first=2, per_step=0.0))
    name = connector.name
    units = [
        Unit(
            stage="demonstrations",
            name=name,
            job=Demonstrate(connector=connector, demos=2, seed=0),
        ),
        Unit(
            stage="fig3",
            name=f"bc-s0-{name}",
            job=Trials(method=method, connector=connector, trials=1, seed=0),
            inputs=(f"demonstrations/{name}",),
        ),
    ]
    store = Store(tmp_path)
    assert run(units, store, 1, ignore).failed == {}
    result = store.record(f"fig3/bc-s0-{name}").result
    assert {len(result[mode]["outcomes"]) for mode in ("sampled", "deterministic")} == {1}
    assert run(units, store, 1, ignore).performed == []
    assert len(true_code(connector)) == len(CODE)


def fabricated(unit: Unit) -> dict:
    """A plausible result of a unit."""
    counted = {"successes": 9, "trials": 10, "outcomes": "1111111110", "peak_force_n": 9.0}
    trials = {mode: counted for mode in ("sampled", "deterministic")}
    slow = "oda" not in unit.name
    training = {"success": [0, 1], "robot_time_s": [30.0, 30.0], "peak_force_n": [20.0, 150.0]}
    adaptation = {
        "initial": {"successes": 9, "trials": 10},
        "solved": not slow,
        "finetune_s": 600.0 if slow else 60.0,
        "episodes": 2,
        "damage_n": 120.0,
        "training": training,
        "finals": [],
        "freed": 0,
    }
    names = ["e-model-10p", "round-peg-10", "metal-peg-sq", "network-card-18"]
    codes = {
        "connectors": names,
        "splits": ["train", "train", "test", "challenge"],
        "kl_nats": [9.0] * 4,
        "points": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
        "explained": [0.6, 0.3],
        "nearest": [{"name": "round-peg-10", "distance": 1.0}] * 4,
        "r2": dict.fromkeys(CODE, 0.5),
    }
    by_kind = {
        "Trials": trials,
        "OracleTrials": trials,
        "Adaptation": adaptation,
        "Train": {"metrics": {"kl_nats": 9.0}},
        "Map": codes,
    }
    finding = {"subject": "all", "value": "99/100", "goal": ">= 95%", "passed": True}
    gate = {"passed": True, "findings": [finding]}
    return by_kind.get(type(unit.job).__name__, gate)


def fabricate(units, store):
    for unit in units:
        prints = {i: store.record(i).fingerprint for i in unit.inputs}
        keep(store, unit.id, fabricated(unit), key_of(unit, prints))


def test_the_page_tells_what_the_records_say(tmp_path):
    study, store = Study.load(SMOKE), Store(tmp_path / "study")
    units = units_of(study)
    fabricate(units, store)
    page = render(Results.read(units, store), study.scale, tmp_path / "results")
    text = page.read_text()
    assert "Not run yet" not in text
    fig3 = text.split("## Fig. 3")[1].split("## §5.1")[0]
    assert "| `metal-peg-sq` | 99 | 90 | 90.0 |" in fig3  # the paper's figures, then ours
    assert "| ODA, best | DDPGfD | ≥ 10.00 | 1 | 0 | - |" in text
    assert "| ODA, paper | DDPGfD | ≥ 10.00 | 1 | 0 | 11.75 |" in text
    assert "| oracle | all | 99/100 | >= 95% | yes |" in text
    assert "| 150 N | 120 N | 1 |" in text  # a challenge above its damage limit
    for name in ("fig3", "fig4", "scaling", "map"):
        assert (page.parent / "plots" / f"{name}.svg").read_text().startswith("<?xml")
    raw = json.loads((page.parent / "study.json").read_text())
    assert raw["stages"]["fig4"]["oda-best-s0-metal-peg-sq"]["finetune_s"] == 60.0


def test_the_page_leaves_out_results_of_other_settings(tmp_path):
    units, store = units_of(Study.load(SMOKE)), Store(tmp_path)
    fabricate(units, store)
    assert not any(Results.read(units, store).missing.values())
    retrained = next(unit for unit in units if unit.id == "training/oda-best-s0")
    keep(store, retrained.id, fabricated(retrained), "of other settings")
    missing = Results.read(units, store).missing
    assert missing["training"] == ["oda-best-s0"]
    assert "oda-best-s0-metal-peg-sq" in missing["fig4"]  # what reads of it falls with it
    assert not any(name.startswith("ddpgfd") for name in missing["fig4"])


def test_a_page_without_results_says_so(tmp_path):
    study = Study.load(SMOKE)
    page = render(Results.read(units_of(study), Store(tmp_path)), study.scale, tmp_path / "out")
    assert page.read_text().count("Not run yet.") == 11


def test_methods_and_connectors_narrow_only_what_tries_and_adapts():
    units = units_of(Study.load(FULL))
    chosen = select(units, ("fig4",), ("oda-best", "bc"), ("uk-ac-plug",))
    adapted = {unit.name for unit in chosen if unit.stage == "fig4"}
    assert adapted == {f"oda-best-s{seed}-uk-ac-plug" for seed in range(FULL.finetune_seeds)}
    converted = [unit.name for unit in chosen if unit.stage == "convert"]
    assert converted == list_connectors("train")  # all that its checkpoint is trained on
