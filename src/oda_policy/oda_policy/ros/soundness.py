"""Whether what the arbiter says leaves an episode sound: else it is no data. No ROS here."""


class Soundness:
    """Follows what the arbiter says during one episode after another.

    Attributes:
        fault: why the running episode is void; empty while it is sound.
    """

    def __init__(self) -> None:
        """Wait for an episode."""
        self.fault = ""
        self._refused: int | None = None  # commands, when the arbiter was heard last

    def begin(self) -> None:
        """An episode begins."""
        self.fault, self._refused = "", None

    def hear(self, held: bool, refused: int, reason: str) -> None:
        """Take one report of the arbiter.

        Args:
            held: the policy is held.
            refused: commands refused since the arbiter began.
            reason: that it gives.
        """
        before, self._refused = self._refused, refused
        if self.fault:
            return
        if held:
            self.fault = f"the policy was held ({reason})"
        elif before is not None and refused > before:
            self.fault = reason
