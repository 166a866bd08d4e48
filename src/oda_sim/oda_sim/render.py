"""Pictures of the cell for documents: PNG stills and GIF animations, without a display.

The OpenGL backend is chosen by MUJOCO_GL (egl or osmesa) before mujoco is first imported.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from oda_core.homing import START
from oda_core.se3 import Pose
from oda_sim.env import InsertionEnv

Frame = NDArray[np.uint8]  # (height, width, 3)
Act = Callable[[InsertionEnv], NDArray[np.float32]]
SIZE = (640, 480)


def cell_view() -> mujoco.MjvCamera:
    """The whole robot and its table."""
    return _view((0.30, 0.0, 0.33), 1.45, 130.0, -16.0)


def close_view(target: Pose = START, distance_m: float = 0.17) -> mujoco.MjvCamera:
    """Plug and socket from nearby."""
    x, y, z = target.position
    return _view((x, y, z + 0.002), distance_m, 140.0, -30.0)


def _view(
    lookat: tuple[float, float, float], distance: float, azimuth: float, elevation: float
) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    camera.lookat[:] = lookat
    camera.distance, camera.azimuth, camera.elevation = distance, azimuth, elevation
    return camera


class SceneRenderer:
    """Draws one model off screen; close it when done."""

    def __init__(
        self,
        model: mujoco.MjModel,
        camera: mujoco.MjvCamera | None = None,
        size: tuple[int, int] = SIZE,
    ) -> None:
        """Open an OpenGL context of size (width, height) [px]."""
        width, height = size
        self._renderer = mujoco.Renderer(model, height=height, width=width)
        self._camera = camera or cell_view()

    def frame(self, data: mujoco.MjData) -> Frame:
        """The scene as seen now, (height, width, 3)."""
        self._renderer.update_scene(data, camera=self._camera)
        return self._renderer.render()

    def close(self) -> None:
        """Free the context."""
        self._renderer.close()


def save_png(path: str | Path, frame: Frame) -> None:
    """Write one picture."""
    Image.fromarray(frame).save(path, optimize=True)


def save_gif(path: str | Path, frames: Iterable[Frame], fps: float = 10.0) -> None:
    """Write a looping animation with one palette of 128 colours."""
    images = [Image.fromarray(frame) for frame in frames]
    palette = images[len(images) // 2].quantize(128)
    small = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    small[0].save(
        path, save_all=True, append_images=small[1:], duration=round(1000 / fps), loop=0,
        optimize=True,
    )  # fmt: skip


def still(connector: str, camera: mujoco.MjvCamera, size: tuple[int, int] = SIZE) -> Frame:
    """A connector's cell at the start of an episode."""
    env = InsertionEnv(connector, simulate_reset=False)
    env.reset(seed=0)
    renderer = SceneRenderer(env.sim.model, camera, size)
    try:
        return renderer.frame(env.sim.data)
    finally:
        renderer.close()


def film(env: InsertionEnv, act: Act, seed: int, renderer: SceneRenderer) -> list[Frame]:
    """One episode of a policy, a frame per control period."""
    env.reset(seed=seed)
    frames = [renderer.frame(env.sim.data)]
    done = False
    while not done:
        _, _, terminated, truncated, _ = env.step(act(env))
        frames.append(renderer.frame(env.sim.data))
        done = terminated or truncated
    return frames
