"""From deflection to twist: what every shaping keeps, whatever its settings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from oda_core.se3 import quat_from_rotvec, quat_rotate
from oda_core.spec import TaskSpec
from oda_teleop.shaping import (
    FULL_DEFLECTION,
    Shaping,
    dead_band,
    deflect,
    expo,
    lock_axes,
    normalise,
    shape,
    to_tcp,
)

SIX = arrays(np.float64, 6, elements=st.floats(-1, 1, allow_subnormal=False))
RAW = arrays(np.float64, 6, elements=st.floats(-3, 3, allow_subnormal=False))
TURN = arrays(np.float64, 3, elements=st.floats(-3, 3)).map(quat_from_rotvec)
PART = st.floats(0, 0.9)
SPEC = TaskSpec()
DOWN = np.array([1.0, 0.0, 0.0, 0.0])  # a tool that points down
SHAPINGS = st.builds(
    Shaping,
    dead_band=PART,
    expo=st.floats(0, 1),
    scale=st.lists(st.floats(-1, 1), min_size=6, max_size=6).map(tuple),
    lock=st.sampled_from(["none", "translation", "rotation", "dominant"]),
    frame=st.sampled_from(["tool", "base"]),
    heading_deg=st.floats(-180, 180),
    gear=st.integers(0, 2),
)


@given(raw=RAW, shaping=SHAPINGS, tcp=TURN)
def test_no_setting_exceeds_the_largest_speed_of_its_gear(raw, shaping, tcp) -> None:
    twist = shape(raw, shaping, tcp, SPEC)
    most = shaping.gears[shaping.gear] * SPEC.action_scale * np.sqrt(3)  # along a diagonal
    assert np.all(np.abs(twist) <= most + 1e-12)


@given(shaping=SHAPINGS, tcp=TURN, raw=SIX)
def test_rest_is_rest_and_the_opposite_is_opposite(shaping, tcp, raw) -> None:
    assert not shape(np.zeros(6), shaping, tcp, SPEC).any()
    np.testing.assert_allclose(
        shape(-raw, shaping, tcp, SPEC), -shape(raw, shaping, tcp, SPEC), atol=1e-15
    )


@given(a=st.floats(-1, 1), b=st.floats(-1, 1), band=PART, strength=st.floats(0, 1))
def test_more_deflection_is_never_less_speed_and_nothing_jumps(a, b, band, strength) -> None:
    low, high = sorted((a, b))
    left, right = (expo(dead_band(np.full(6, x), band), strength)[0] for x in (low, high))
    assert left <= right + 1e-12
    steepest = (1 + 2 * strength) / (1 - band)
    assert right - left <= steepest * (high - low) + 1e-9
    ends = expo(dead_band(np.array([1.0, -1.0]), band), strength)
    np.testing.assert_allclose(ends, [1, -1])


@given(deflection=SIX)
def test_locks_let_their_axes_pass_untouched(deflection) -> None:
    both = lock_axes(deflection, "translation") + lock_axes(deflection, "rotation")
    assert np.array_equal(both, deflection)
    dominant = lock_axes(deflection, "dominant")
    assert np.count_nonzero(dominant) <= 1
    assert np.abs(dominant).max() == np.abs(deflection).max()


@given(twist=SIX, tcp=TURN, heading=st.floats(-180, 180))
def test_in_the_base_frame_the_motion_is_the_same_whatever_way_the_tool_points(
    twist, tcp, heading
) -> None:
    shaping = Shaping(frame="base", heading_deg=heading)
    here, there = to_tcp(twist, shaping, tcp), to_tcp(twist, shaping, DOWN)
    for part in (slice(0, 3), slice(3, 6)):
        np.testing.assert_allclose(
            quat_rotate(tcp, here[part]), quat_rotate(DOWN, there[part]), atol=1e-12
        )
        assert np.linalg.norm(here[part]) == pytest.approx(np.linalg.norm(twist[part]))


@given(twist=SIX, tcp=TURN)
def test_in_the_tool_frame_the_tools_direction_does_not_matter(twist, tcp) -> None:
    shaping = Shaping(frame="tool")
    assert np.array_equal(to_tcp(twist, shaping, tcp), to_tcp(twist, shaping, DOWN))


@pytest.mark.parametrize("frame", ["tool", "base"])
def test_pressing_the_puck_down_inserts_a_tool_that_points_down(frame) -> None:
    press = np.array([0, 0, -FULL_DEFLECTION, 0, 0, 0])
    for gear, part in enumerate(Shaping().gears):
        twist = shape(press, Shaping(frame=frame, gear=gear), DOWN, SPEC)
        np.testing.assert_allclose(twist, [0, 0, part * 0.02, 0, 0, 0], atol=1e-15)


def test_heading_turns_left_seen_from_above() -> None:
    ahead = np.array([1.0, 0, 0, 0, 0, 0])
    twist = to_tcp(ahead, Shaping(heading_deg=90), np.array([0.0, 0, 0, 1]))
    np.testing.assert_allclose(twist, [0, 1, 0, 0, 0, 0], atol=1e-12)


def test_350_counts_of_512_are_the_full_deflection() -> None:
    raw = np.array([350, -350, 175, 0, 0, 512]) / 512
    np.testing.assert_allclose(normalise(raw, Shaping().full_scale), [1, -1, 0.5, 0, 0, 1])
    assert not deflect(np.full(6, 0.05) * FULL_DEFLECTION, Shaping()).any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"scale": (1.0,)}, "found 1 factors, expected 6"), ({"gear": 3}, "found 3, expected 0 to 2")],
)
def test_impossible_settings_are_refused(wrong, message) -> None:
    with pytest.raises(ValueError, match=message):
        Shaping(**wrong)
