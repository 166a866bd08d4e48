"""What a wrist force/torque sensor reports, after gravity compensation, averaging and taring."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_sim.arm import TCP_OFFSET_M
from oda_sim.scene import TOOL_CENTER_M, TOOL_MASS_KG

WINDOW = 10  # samples of 10 ms in the mean
NOISE = np.array([0.2, 0.2, 0.2, 0.01, 0.01, 0.01])  # standard deviation [N, Nm]
WEIGHT_N = 9.81 * TOOL_MASS_KG
LEVER_M = TOOL_CENTER_M[2] - TCP_OFFSET_M  # from the TCP back to the tool's centre of mass


class WrenchSensor:
    """Force and torque of the environment on the tool, at the TCP and in the TCP frame."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the sensors of a scene."""
        self._sensor = int(model.sensor("force").adr[0])
        self._site = model.site("tcp").id
        self._window = np.zeros((WINDOW, 6))
        self.restart(0)

    def restart(self, seed: int) -> None:
        """Forget the tare and the window; start the noise of an episode."""
        self._window[:] = 0.0
        self._mean = np.zeros(6)
        self._noise = np.zeros(6)
        self._tare = np.zeros(6)
        self._next = 0
        self._rng = np.random.default_rng([seed, 0x57])

    def sample(self, data: mujoco.MjData) -> None:
        """Take one sample; called every 10 ms."""
        down = -WEIGHT_N * data.site_xmat[self._site, 6:9]  # weight in the TCP frame
        row = self._window[self._next]
        np.negative(data.sensordata[self._sensor : self._sensor + 6], out=row)  # arm on tool
        row[:3] -= down
        row[3] += LEVER_M * down[1]
        row[4] -= LEVER_M * down[0]
        self._next = (self._next + 1) % WINDOW
        self._mean = self._window.sum(axis=0) / WINDOW
        self._noise = self._rng.standard_normal(6)

    def tare(self) -> None:
        """Take the present mean for zero."""
        self._tare = self._mean

    def clean(self) -> NDArray[np.float64]:
        """Mean of the last 100 ms without noise, (6,) [N, Nm]."""
        return self._mean - self._tare

    def read(self) -> NDArray[np.float64]:
        """Mean of the last 100 ms with the noise of the last sample, (6,) [N, Nm]."""
        return self._mean - self._tare + NOISE * self._noise
