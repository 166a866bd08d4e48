"""Noise that explores: slow drift instead of a tremble that the robot averages away."""

import numpy as np
from numpy.typing import NDArray

from oda_core.spec import ACTION_SIZE

KEEP = float(np.exp(-0.1 / 0.5))  # of one step of 100 ms to the next: a memory of half a second


class Drift:
    """Ornstein-Uhlenbeck process: d <- k d + sqrt(1 - k²) size e, with e standard normal."""

    def __init__(self, size: float, generator: np.random.Generator) -> None:
        """Begin at rest.

        Args:
            size: standard deviation that it approaches, in parts of a full action.
            generator: source of the noise.
        """
        self._size, self._generator = size, generator
        self._value = np.zeros(ACTION_SIZE)

    def step(self) -> NDArray[np.float64]:
        """The next value (6,)."""
        noise = self._generator.standard_normal(ACTION_SIZE)
        self._value = KEEP * self._value + np.sqrt(1 - KEEP**2) * self._size * noise
        return self._value
