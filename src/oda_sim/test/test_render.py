"""Pictures without a display."""

import os
import subprocess
import sys
from ctypes.util import find_library

import pytest

SCRIPT = """
import sys, numpy as np
from oda_sim.env import InsertionEnv
from oda_sim.render import close_view, save_gif, save_png, still
frame = still("uk-ac-plug", close_view(), (160, 120))
assert frame.shape == (120, 160, 3) and frame.std() > 10, frame.std()
save_png(sys.argv[1] + "/still.png", frame)
save_gif(sys.argv[1] + "/film.gif", [frame, np.roll(frame, 3, axis=1)])
env = InsertionEnv("uk-ac-plug", render_mode="rgb_array")
env.reset(seed=0)
assert env.render().shape == (480, 640, 3)
env.close()
"""


@pytest.mark.skipif(find_library("EGL") is None, reason="pictures need libEGL, see CONTRIBUTING")
def test_stills_and_films(tmp_path):
    """In a process of its own, because the OpenGL backend is chosen at import."""
    environment = {**os.environ, "MUJOCO_GL": os.environ.get("MUJOCO_GL", "egl")}
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment, check=True)
    assert (tmp_path / "still.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "film.gif").read_bytes().startswith(b"GIF8")
