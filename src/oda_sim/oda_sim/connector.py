"""The YAML schema of a connector. Lengths are millimetres, as on a connector's drawing.

Plug frame: x, y across, z along the insertion; its origin is the TCP, the tip of the longest pin
or mesh. Mesh files lie in a plug with z = 0 where pins begin.
Socket frame: origin in the middle of the mating face, z into the socket; x, y as the plug's.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from oda_core.config import from_mapping, to_mapping
from oda_core.errors import ConfigError, ConnectorError
from oda_sim.feasibility import check
from oda_sim.parts import Limits, Plug, Retention, Socket, Start, Tolerance

CONNECTOR_DIR = Path(__file__).parent / "connectors"


@dataclass(frozen=True, kw_only=True)
class Connector:
    """A plug, its socket and the task of joining them.

    Raises:
        ConnectorError: the geometry is impossible.
    """

    name: str
    split: Literal["train", "test", "challenge"]
    family: str
    plug: Plug
    socket: Socket
    source: str = ""  # of the dimensions; study results depend on it, not on YAML comments
    start: Start = field(default_factory=Start)
    retention: Retention | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check(self)


def load_connector(name_or_path: str | Path) -> Connector:
    """Read a shipped connector by name, or any connector from a YAML file.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown, missing or of the wrong type.
        ConnectorError: no such connector, or its geometry is impossible.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = CONNECTOR_DIR / f"{name_or_path}.yaml"
        if not path.is_file():
            raise ConnectorError(
                f"connector: found {str(name_or_path)!r}, expected one of "
                f"{', '.join(list_connectors())} or the path of a YAML file"
            )
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {error}") from error
    try:
        return from_mapping(Connector, _find_meshes(data, path.parent.resolve()), str(path))
    except ConnectorError as error:
        raise ConnectorError(f"{path}: {error}") from error


def dump_connector(connector: Connector) -> str:
    """The connector as YAML text that load_connector reads back.

    Mesh files are named by their absolute paths, so that a copy beside bags still finds them on the
    machine that wrote it.
    """
    return yaml.safe_dump(to_mapping(connector), sort_keys=False)


def _find_meshes(data: Any, directory: Path) -> Any:
    """The same content with absolute mesh paths; other forms are left to the schema."""
    if isinstance(data, dict):
        return {
            key: str(directory / value)
            if key == "file" and isinstance(value, str)
            else _find_meshes(value, directory)
            for key, value in data.items()
        }
    return [_find_meshes(item, directory) for item in data] if isinstance(data, list) else data


def list_connectors(split: str | None = None) -> list[str]:
    """Names of the shipped connectors, sorted; of one split if given."""
    names = sorted(path.stem for path in CONNECTOR_DIR.glob("*.yaml"))
    return [n for n in names if split is None or load_connector(n).split == split]
