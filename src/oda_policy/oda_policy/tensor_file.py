"""Safetensors with our JSON metadata, for torch or for numpy alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError

from oda_core.errors import CheckpointError

T = TypeVar("T")
Load = Callable[[bytes], dict[str, T]]  # safetensors.torch.load or safetensors.numpy.load


def read_tensors(path: str | Path, key: str, load: Load[T]) -> tuple[dict[str, T], dict[str, Any]]:
    """Tensors and JSON metadata of a safetensors file that we wrote.

    Args:
        path: file.
        key: name of the metadata.
        load: makes tensors of bytes.

    Raises:
        CheckpointError: missing, truncated, or without our metadata.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); check the path"
        ) from error
    return parse_tensors(data, key, str(path), load)


def parse_tensors(
    data: bytes, key: str, where: str, load: Load[T]
) -> tuple[dict[str, T], dict[str, Any]]:
    """The same from bytes; see read_tensors."""
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise CheckpointError(
            f"{where}: truncated or not safetensors ({error}); copy the file again"
        ) from error
    size = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    if key not in metadata:
        raise CheckpointError(f"{where}: found no {key} metadata; this is no such file of ODA")
    return tensors, json.loads(metadata[key])
