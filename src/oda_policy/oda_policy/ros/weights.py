"""Received weights: checked, and the newest few kept by version. No ROS here."""

import hashlib
from collections import OrderedDict

from oda_core.errors import CheckpointError
from oda_core.spec import TaskSpec
from oda_policy.policy import PolicySnapshot

KEPT = 4  # as many as the latched topic replays


class WeightsStore:
    """The newest versions of the policy of one session."""

    def __init__(self, spec: TaskSpec) -> None:
        """Start empty.

        Args:
            spec: robot, scaling and limits that every snapshot must have.
        """
        self.session = ""
        self._spec = spec
        self._snapshots: OrderedDict[int, PolicySnapshot] = OrderedDict()

    @property
    def versions(self) -> list[int]:
        """Versions at hand, oldest first."""
        return list(self._snapshots)

    def get(self, session: str, version: int) -> PolicySnapshot | None:
        """The snapshot of a version, or None while it is not there."""
        return self._snapshots.get(version) if session == self.session else None

    def add(self, session: str, version: int, sha256: str, data: bytes) -> None:
        """Check and keep one version; another session's, or an older one, replaces all.

        Versions count up; one that does not is of a trainer that began again.

        Raises:
            CheckpointError: corrupted, or of another robot or version than it says.
        """
        where = f"weights version {version} of {session}"
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise CheckpointError(
                f"{where}: found SHA-256 {found[:12]}…, expected {sha256[:12]}…; they were "
                "damaged on the way and are not used"
            )
        snapshot = PolicySnapshot.from_bytes(data, self._spec)
        if snapshot.version != version:
            raise CheckpointError(f"{where}: the bytes are of version {snapshot.version}; not used")
        if session != self.session or version <= max(self._snapshots, default=-1):
            self.session, self._snapshots = session, OrderedDict()
        self._snapshots[version] = snapshot
        while len(self._snapshots) > KEPT:
            self._snapshots.popitem(last=False)
