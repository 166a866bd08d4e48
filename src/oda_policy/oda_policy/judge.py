"""Critics that choose among sampled actions while acting, in numpy.

Letters: C critics, N candidate actions, O obs, A action, Z latent, H hidden.
Source: choosing the best of several sampled actions by their value is EMaQ's way of acting,
arXiv:2007.11091.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
LAYER_NORM_EPSILON = 1e-5  # torch's


class Judge:
    """An ensemble Q_c(s, a, z) of one task."""

    def __init__(
        self, layers: Sequence[tuple[Array, Array]], z: Array, obs_size: int, layer_norm: bool
    ) -> None:
        """Prepare the ensemble.

        Args:
            layers: weights (C, in, out) and biases (C, 1, out); the first reads (O, A, Z).
            z: task code (Z,).
            obs_size: O.
            layer_norm: hidden layers are normalised.
        """
        (first, bias), *rest = layers
        split = first.shape[1] - len(z)
        self._obs, self._action = first[:, :obs_size], first[:, obs_size:split]
        # the task code never changes while acting: fold it into the first bias, (C, 1, H)
        self._bias = bias + (z @ first[:, split:])[:, None]
        self._rest, self._layer_norm = rest, layer_norm

    def best(self, obs: Array, actions: Array) -> Array:
        """The action (A,) of several (N, A) whose least value over the critics is greatest."""
        return actions[int(np.argmax(self.values(obs, actions)))]

    def values(self, obs: Array, actions: Array) -> Array:
        """Least value over the critics (N,) of actions (N, A) at an observation (O,)."""
        h = self._bias + (obs @ self._obs)[:, None] + actions @ self._action  # (C, N, H)
        for weight, bias in self._rest:
            h = self._activate(h) @ weight + bias
        return h[..., 0].min(axis=0)

    def _activate(self, h: Array) -> Array:
        if self._layer_norm:
            centred = h - h.mean(axis=-1, keepdims=True)
            variance = np.square(centred).mean(axis=-1, keepdims=True)
            h = centred / np.sqrt(variance + np.float32(LAYER_NORM_EPSILON))
        return np.maximum(h, 0)
