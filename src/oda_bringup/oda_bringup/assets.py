"""What is shipped: a meta-trained checkpoint and demonstrations of the test connectors."""

from pathlib import Path

from oda_core.errors import OdaError, SessionError
from oda_core.interfaces import share_directory


def package_directory() -> Path:
    """Directory of the files of this package, installed or in the source tree."""
    try:
        return share_directory("oda_bringup")
    except OdaError:
        return Path(__file__).parent.parent


def assets_directory() -> Path:
    """Directory of the shipped checkpoint and demonstrations."""
    return package_directory() / "assets"


def shipped_checkpoint() -> Path:
    """The meta-trained checkpoint that comes with the package.

    Raises:
        SessionError: this build brings none.
    """
    return _existing(assets_directory() / "checkpoint.safetensors", "checkpoint", "oda meta-train")


def shipped_demonstrations(connector: str) -> Path:
    """The demonstrations of a test connector that come with the package.

    Raises:
        SessionError: there are none for this connector.
    """
    path = assets_directory() / "demos" / connector
    remedy = f"oda demo --connector {connector}"
    return _existing(path, f"demonstrations of {connector}", remedy)


def _existing(path: Path, what: str, command: str) -> Path:
    if not path.exists():
        option = "--checkpoint" if "checkpoint" in what else "--demos"
        raise SessionError(
            f"no {what} are shipped (expected {path}); make your own with {command} and give "
            f"the path with {option}"
        )
    return path
