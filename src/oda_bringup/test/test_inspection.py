"""An inspection finds what is wrong, and its page stands alone and runs."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from oda_bringup.cli.exits import Exit
from oda_bringup.cli.main import main
from oda_bringup.convert import convert
from oda_bringup.inspection.figures import causes, per_connector, sentence
from oda_bringup.inspection.page import episodes_page
from oda_bringup.inspection.series import page_data, thin
from oda_bringup.inspection.subject import load
from oda_core import topics
from oda_core.bag import BagWriter
from oda_core.interfaces import typestore
from oda_core.messages import STATE_TYPE
from oda_teleop.quality import Level

CONNECTOR = "metal-peg-sq"


@pytest.fixture(scope="module")
def faulty(demos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three demonstrations, the second without a wrench, the third without an end."""
    path, number, store = tmp_path_factory.mktemp("faulty") / "bag", -1, typestore()
    with Reader(demos) as reader, BagWriter(path) as bag:
        for connection, at_ns, data in reader.messages():
            cdr = bytes(data)
            if connection.topic == topics.EPISODE:
                event = store.deserialize_cdr(cdr, connection.msgtype)
                number = event.episode_id
                if number == 2 and event.event != 0:
                    continue
            elif connection.topic == topics.STATE and number == 1:
                state = store.deserialize_cdr(cdr, STATE_TYPE)
                for vector in (state.wrench.force, state.wrench.torque):
                    vector.x = vector.y = vector.z = 0.0
                cdr = bytes(store.serialize_cdr(state, STATE_TYPE))
            bag.write_raw(connection.topic, connection.msgtype, cdr, at_ns)
    return path


def test_what_is_wrong_is_found_and_counted(faulty: Path) -> None:
    subject = load(faulty)
    assert [e.verdict.level for e in subject.episodes] == [Level.GOOD, Level.BAD, Level.BAD]
    assert dict(causes(subject.episodes)) == {"no contact": 1, "cut off": 1}
    (figures,) = per_connector(subject.episodes)
    assert (figures.connector, figures.episodes, figures.inserted) == (CONNECTOR, 3, 2)
    assert figures.human == 1.0 and figures.bad == 2
    assert sentence(subject.episodes).startswith("1 of 3 episodes are good, 2 bad.")


def test_a_bag_and_its_buffer_tell_the_same(demos: Path, tmp_path: Path) -> None:
    list(convert([demos], tmp_path))
    bag, buffer = load(demos), load(tmp_path / CONNECTOR / "demos")
    assert buffer.kind == "buffer" and len(bag.episodes) == len(buffer.episodes) == 3
    for one, other in zip(bag.episodes, buffer.episodes, strict=True):
        assert one.verdict.level is other.verdict.level is Level.GOOD
        assert one.trace.duration_s == pytest.approx(other.trace.duration_s)
        a, b = one.trace.states, other.trace.states
        shared = np.isin(a.stamp_ns, b.stamp_ns)
        np.testing.assert_allclose(a.position[shared], b.position, atol=1e-7)
        np.testing.assert_allclose(a.wrench[shared], b.wrench, atol=1e-4)


def test_the_page_needs_nothing_from_elsewhere(faulty: Path) -> None:
    page = episodes_page(load(faulty))
    assert not re.findall(r"""(?:src|href)\s*=|url\(|@import|https?:""", page)
    text = page.split('type="application/json">')[1].split("</script>")[0]
    data = json.loads(text)
    assert [e["level"] for e in data] == [0, 2, 2] and data[1]["findings"][0][
        "name"
    ] == "no contact"
    assert all(len(e["t"]) == len(column) for e in data for column in e["p"] + e["v"] + e["w"])


def test_thinning_keeps_peaks_and_ends() -> None:
    rng = np.random.default_rng(0)
    force = rng.random(10_000)
    force[[17, 5003, 9990]] = [5, 9, 7]
    kept = thin(force, 100)
    assert len(kept) <= 100 and {0, 17, 5003, 9990, 9999} <= set(kept.tolist())
    assert np.array_equal(thin(force[:50], 100), np.arange(50))


def test_the_origin_is_where_the_inserted_ones_end(demos: Path) -> None:
    ends = np.array([[axis[-1] for axis in e["p"]] for e in page_data(load(demos).episodes)])
    np.testing.assert_allclose(np.median(ends, axis=0), 0, atol=1e-3)
    assert np.abs(ends).max() < 3  # mm


def test_the_command_writes_the_page_and_says_what_is_bad(
    faulty: Path, demos: Path, checkpoint: Path, workplace: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["inspect", str(faulty)]) == Exit.NOT_ACCEPTED
    assert "no contact was felt" in capsys.readouterr().out
    (page,) = Path("runs/inspections").glob("*.html")
    assert "<canvas" in page.read_text()
    assert main(["inspect", str(demos), "--output", "page.html"]) == Exit.OK
    assert main(["inspect", str(checkpoint), "--output", "checkpoint.html"]) == Exit.OK
    assert "encoder" in Path("checkpoint.html").read_text()
    assert main(["inspect", "nothing"]) == Exit.BAD_INPUT


def test_the_script_of_the_page_runs(faulty: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs a browser (apt-get install chromium)")
    page = tmp_path / "page.html"
    page.write_text(episodes_page(load(faulty)))
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
    drawn = re.sub(r'<script id="data".*?</script>', "", shown, flags=re.S)
    assert "Episode 1 of metal-peg-sq" in drawn  # the first bad one is chosen
    assert drawn.count('class="chart"') >= 5 and drawn.count('class="badge l2"') == 3
