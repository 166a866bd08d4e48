"""Draw the pictures of the README: the shipped policy inserting a plug, and every connector.

Usage: MUJOCO_GL=egl python scripts/pictures.py   (EGL or OSMesa; no GPU or display is needed)
"""

from pathlib import Path

import mujoco
import numpy as np

from oda_bringup.assets import shipped_checkpoint, shipped_demonstrations
from oda_core.bag import read_episodes
from oda_core.spec import TaskSpec, observe
from oda_policy.checkpoint import Checkpoint
from oda_policy.config import FinetuneConfig
from oda_policy.finetune import Finetuner
from oda_policy.policy import PolicySnapshot
from oda_sim.connector import list_connectors, load_connector
from oda_sim.env import InsertionEnv
from oda_sim.render import (
    Frame,
    SceneRenderer,
    cell_view,
    close_view,
    film,
    save_gif,
    save_png,
    still,
)

IMAGES = Path(__file__).parent.parent / "docs" / "images"
CONNECTOR = "uk-ac-plug"
SEED = 3


def main() -> None:
    """Write docs/images."""
    IMAGES.mkdir(exist_ok=True)
    for name in list_connectors():
        save_png(IMAGES / f"{name}.png", still(name, _whole(name), (320, 240)))
    demos = list(read_episodes(shipped_demonstrations(CONNECTOR)))
    checkpoint = Checkpoint.load(str(shipped_checkpoint()), spec=TaskSpec())
    policy = Finetuner(checkpoint, demos, FinetuneConfig.preset("best"), 0).snapshot(0)
    views = [_film(policy, view) for view in (cell_view(), close_view())]
    frames = [np.concatenate(pair, axis=1) for pair in zip(*views, strict=True)]
    save_gif(IMAGES / "cell.gif", frames + frames[-1:] * 10)


def _whole(name: str) -> mujoco.MjvCamera:
    """A view from nearby that holds all of a long connector."""
    widest_m = 1e-3 * max(load_connector(name).socket.size_mm)
    return close_view(distance_m=max(0.17, 1.7 * widest_m))


def _film(policy: PolicySnapshot, view: mujoco.MjvCamera) -> list[Frame]:
    env = InsertionEnv(CONNECTOR, simulate_reset=False)
    generator = np.random.default_rng(SEED)
    renderer = SceneRenderer(env.sim.model, view, (360, 300))
    try:
        return film(
            env,
            lambda e: policy.act(observe(e.last_state, e.start_pose, TaskSpec()), generator),
            SEED,
            renderer,
        )
    finally:
        renderer.close()


if __name__ == "__main__":
    main()
