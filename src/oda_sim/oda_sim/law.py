"""The robot's control law, compiled from oda_controllers' header, behind its C interface."""

import ctypes
import enum
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oda_core.errors import SimulationError
from oda_core.impedance import ImpedanceSettings

LIBRARY = "liboda_tcp_twist_impedance.so"  # the loader finds it where the workspace is sourced
Vector = NDArray[np.float64]
SIZE = 117


class Reason(enum.IntEnum):
    """The most severe thing that bound the last update; see types.hpp."""

    NONE = 0
    CLAMPED = 1
    LEASH = 2
    TORQUE_RATE = 3
    TORQUE_LIMIT = 4
    STALE = 5
    BAD_TWIST = 6
    BAD_PERIOD = 7
    NOT_STARTED = 8
    BAD_STATE = 9
    STATE_JUMP = 10


class Measurement:
    """What the robot measures in one cycle, and its model there; views of one flat array.

    Attributes:
        flat: all of it, (117,).
        position: joint positions, (7,) [rad].
        velocity: joint velocities, (7,) [rad/s].
        tcp_position: in the base frame, (3,) [m].
        tcp_rotation: TCP axes in the base frame, (3, 3).
        jacobian: of the TCP, along the axes of the base frame, linear first, (6, 7).
        mass: joint inertia with rotors, (7, 7) [kg m²].
    """

    def __init__(self) -> None:
        """All zero."""
        self.flat = np.zeros(SIZE)
        self.position, self.velocity = self.flat[:7], self.flat[7:14]
        self.tcp_position = self.flat[14:17]
        self.tcp_rotation = self.flat[17:26].reshape(3, 3)
        self.jacobian = self.flat[26:68].reshape(6, 7)
        self.mass = self.flat[68:].reshape(7, 7)


class Law:
    """One instance of the law, as it runs on the robot.

    Attributes:
        torque: to command, besides gravity compensation, (7,) [Nm]; of the last update, as all.
        wrench: that the impedance asks for, (6,) [N, Nm], TCP frame.
        set_point: off the measured pose, (6,) [m, rad], TCP frame.
        twist_command: interpolated, (6,) [m/s, rad/s], TCP frame.
        twist: measured, (6,) [m/s, rad/s], TCP frame.
    """

    def __init__(self, settings: ImpedanceSettings) -> None:
        """Load the library and check the settings.

        Raises:
            SimulationError: the library is missing, or the law refuses the settings.
        """
        self._library = _load()
        figures = settings.flat()
        fault = self._library.oda_law_complaint(_pointer(figures))
        if fault:
            raise SimulationError(f"impedance settings: {fault.decode()}")
        self._law = ctypes.c_void_p(self._library.oda_law_new(_pointer(figures)))
        self._output = np.zeros(31)
        self.torque, self.wrench = self._output[:7], self._output[7:13]
        self.set_point, self.twist_command = self._output[13:19], self._output[19:25]
        self.twist = self._output[25:]

    def __del__(self) -> None:
        if hasattr(self, "_law"):
            self._library.oda_law_free(self._law)

    def start(self, measured: Measurement) -> bool:
        """Put the set-point on the measured pose; False if what is measured is not usable."""
        return bool(self._library.oda_law_start(self._law, _pointer(measured.flat)))

    def command(self, twist: Vector) -> None:
        """Take a TCP twist (6,) [m/s, rad/s], TCP frame."""
        values = np.ascontiguousarray(twist, np.float64)
        self._library.oda_law_command(self._law, _pointer(values))

    def update(self, measured: Measurement, period_s: float) -> Reason:
        """One cycle; the attributes hold its result."""
        found = self._library.oda_law_update(
            self._law, _pointer(measured.flat), period_s, _pointer(self._output)
        )
        return Reason(found)

    def external_wrench(self, torque: Vector) -> Vector:
        """Wrench (6,) [N, Nm] of the environment on the tool, TCP frame.

        Args:
            torque: external joint torques (7,) [Nm], in the posture of the last update.
        """
        values, wrench = np.ascontiguousarray(torque, np.float64), np.zeros(6)
        self._library.oda_law_external_wrench(self._law, _pointer(values), _pointer(wrench))
        return wrench

    def durations(self, measured: Vector, period_s: float) -> Vector:
        """Processor time of each update [s], (N,), over measurements (N, 117).

        Raises:
            SimulationError: the law stopped at one of them.
        """
        values, seconds = np.ascontiguousarray(measured), np.zeros(len(measured))
        count = len(values)
        last = self._library.oda_law_time(
            self._law, _pointer(values), count, period_s, _pointer(seconds)
        )
        if last >= Reason.NOT_STARTED:
            raise SimulationError(f"the control law stopped: {Reason(last).name}")
        return seconds


def _load() -> Any:
    try:
        loaded = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise SimulationError(
            f"the control law is not built ({error}); install libeigen3-dev and g++, run "
            "`make setup` and source scripts/env.sh"
        ) from error
    void, doubles, number = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double
    for name, result, arguments in (
        ("complaint", ctypes.c_char_p, [doubles]),
        ("new", void, [doubles]),
        ("free", None, [void]),
        ("start", ctypes.c_int, [void, doubles]),
        ("command", None, [void, doubles]),
        ("update", ctypes.c_int, [void, doubles, number, doubles]),
        ("external_wrench", None, [void, doubles, doubles]),
        ("time", ctypes.c_int, [void, doubles, ctypes.c_int, number, doubles]),
    ):
        function: Callable[..., Any] = getattr(loaded, f"oda_law_{name}")
        function.restype, function.argtypes = result, arguments  # type: ignore[attr-defined]
    return loaded


def _pointer(values: Vector) -> int:
    return values.ctypes.data
