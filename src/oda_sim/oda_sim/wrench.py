"""What a wrist force/torque sensor reports, after gravity compensation, averaging and taring."""

from collections import deque

import mujoco
import numpy as np
from numpy.typing import NDArray

from oda_sim.arm import TCP_OFFSET_M
from oda_sim.scene import TOOL_CENTER_M, TOOL_MASS_KG

WINDOW = 10  # samples of 10 ms in the mean
NOISE = np.array([0.2, 0.2, 0.2, 0.01, 0.01, 0.01])  # standard deviation [N, Nm]
GRAVITY_M_S2 = 9.81


class WrenchSensor:
    """Force and torque of the environment on the tool, at the TCP and in the TCP frame."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the sensors of a scene."""
        self._sensor = model.sensor("force").adr[0]
        self._site = model.site("tcp").id
        self._lever = np.array(TOOL_CENTER_M) - (0.0, 0.0, TCP_OFFSET_M)  # tool mass from the TCP
        self.restart(0)

    def restart(self, seed: int) -> None:
        """Forget the tare and the window; start the noise of an episode."""
        self._window: deque[NDArray[np.float64]] = deque(maxlen=WINDOW)
        self._tare = np.zeros(6)
        self._rng = np.random.default_rng([seed, 0x57])
        self._noise = np.zeros(6)

    def sample(self, data: mujoco.MjData) -> None:
        """Take one sample; called every 10 ms."""
        read = data.sensordata[self._sensor : self._sensor + 6]  # the arm on the tool
        down = data.site_xmat[self._site].reshape(3, 3)[2] * -GRAVITY_M_S2 * TOOL_MASS_KG
        weight = np.concatenate([down, np.cross(self._lever, down)])
        self._window.append(-read - weight)
        self._noise = self._rng.standard_normal(6) * NOISE

    def tare(self) -> None:
        """Take the present mean for zero."""
        self._tare = self._mean()

    def clean(self) -> NDArray[np.float64]:
        """Mean of the last 100 ms without noise, (6,) [N, Nm]."""
        return self._mean() - self._tare

    def read(self) -> NDArray[np.float64]:
        """Mean of the last 100 ms with the noise of the last sample, (6,) [N, Nm]."""
        return self.clean() + self._noise

    def _mean(self) -> NDArray[np.float64]:
        return np.mean(self._window, axis=0) if self._window else np.zeros(6)
