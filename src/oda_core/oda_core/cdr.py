"""Serialized messages as numpy columns: a batch of one type is decoded at once.

The layout of a message follows from its type and from the lengths of its strings and sequences.
Messages that share these lengths share one structured dtype, so that thousands of them are one view
over their joined bytes. Alignment counts from after the four bytes of the encapsulation header.
"""

import functools
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Nodetype

from oda_core.errors import ContractError
from oda_core.interfaces import typestore

ENCAPSULATION = 4  # bytes
ORDERS = {b"\x00\x01": "<", b"\x00\x00": ">"}
SIZES = {
    "bool": 1, "byte": 1, "char": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4,
    "int32": 4, "float32": 4, "uint64": 8, "int64": 8, "float64": 8,
}  # fmt: skip
CODES = {
    "bool": "u1", "byte": "u1", "char": "u1", "uint8": "u1", "int8": "i1", "uint16": "u2",
    "int16": "i2", "uint32": "u4", "int32": "i4", "float32": "f4", "uint64": "u8", "int64": "i8",
    "float64": "f8",
}  # fmt: skip


class Layout(NamedTuple):
    """Where the fields of messages with the same lengths are."""

    dtype: np.dtype[np.void]  # fields named as in "header.stamp.sec"; strings are S, in UTF-8
    lengths: tuple[tuple[int, int], ...]  # offset and value of each length of a string or sequence
    order: str  # byte order, "<" or ">"


class Group(NamedTuple):
    """Messages of one batch that share a layout."""

    places: NDArray[np.int64]  # (n,) positions within the batch
    rows: NDArray[np.void]  # (n,) the messages


def layout_of(typename: str, cdr: bytes) -> Layout:
    """The layout of one serialized message.

    Raises:
        ContractError: the type is unknown or holds what no column can, or the data is cut off.
    """
    order = ORDERS.get(bytes(cdr[:2]))
    if order is None:
        raise ContractError(
            f"found encapsulation {bytes(cdr[:2]).hex() or 'none'}, expected plain CDR: 0001, 0000"
        )
    walk = _Walk(cdr, order)
    walk.message("", typename)
    formats = [code if code[0] == "S" else order + code for code in walk.codes]
    dtype: Any = np.dtype(
        {
            "names": walk.names,
            "formats": [(f, n) if n else f for f, n in zip(formats, walk.counts, strict=True)],
            "offsets": walk.offsets,
            "itemsize": len(cdr),
        }
    )
    return Layout(dtype, tuple(walk.lengths), order)


def decode(typename: str, cdrs: Sequence[bytes]) -> list[Group]:
    """A batch of serialized messages of one type, as few groups as their lengths allow.

    Raises:
        ContractError: a message cannot be decoded; it begins with its position in the batch.
    """
    sizes = np.fromiter(map(len, cdrs), np.int64, len(cdrs))
    groups: list[Group] = []
    left = np.arange(len(cdrs))
    while len(left):
        first = int(left[0])
        try:
            layout = _cached_layout(typename, cdrs[first])
        except ContractError as error:
            raise PlacedError(first, str(error)) from error
        alike = left[sizes[left] == sizes[first]]
        data = b"".join(cdrs) if len(alike) == len(cdrs) else b"".join(cdrs[i] for i in alike)
        rows = np.frombuffer(data, layout.dtype)
        fits = _fits(layout, data, len(alike))
        if fits.all():
            groups.append(Group(alike, rows))
        else:
            groups.append(Group(alike[fits], rows[fits]))
        left = np.setdiff1d(left, groups[-1].places, assume_unique=True)
    return groups


class PlacedError(ContractError):
    """A message of a batch is wrong.

    Attributes:
        index: its position within the batch.
    """

    def __init__(self, index: int, text: str) -> None:
        """Remember where."""
        super().__init__(text)
        self.index = index


def _fits(layout: Layout, data: bytes, count: int) -> NDArray[np.bool_]:
    """(count,) which of the joined messages have the byte order and the lengths of a layout."""
    stride = (layout.dtype.itemsize,)
    orders = np.ndarray((count,), "<u2", data, 0, stride)
    fits = orders == orders[0]
    for offset, value in layout.lengths:
        fits &= np.ndarray((count,), f"{layout.order}u4", data, offset, stride) == value
    return fits


_LAYOUTS: dict[tuple[str, int], Layout] = {}
_MOST = 256  # layouts remembered


def _cached_layout(typename: str, cdr: bytes) -> Layout:
    """A remembered layout if the message has its lengths, else its own."""
    key = (typename, len(cdr))
    known = _LAYOUTS.get(key)
    same_order = known is not None and ORDERS.get(bytes(cdr[:2])) == known.order
    if known is not None and same_order and _fits(known, cdr, 1)[0]:
        return known
    layout = layout_of(typename, cdr)
    if len(_LAYOUTS) < _MOST:
        _LAYOUTS[key] = layout
    return layout


@functools.cache
def _fields(typename: str) -> list[tuple[str, Any]]:
    definitions = typestore().fielddefs
    if typename not in definitions:
        raise ContractError(f"type {typename} is unknown; expected a Jazzy or oda_msgs type")
    return definitions[typename][1]


class _Walk:
    """Goes through one message and notes where everything is."""

    def __init__(self, cdr: bytes, order: str) -> None:
        self.cdr = cdr
        self.order = order
        self.at = ENCAPSULATION
        self.names: list[str] = []
        self.codes: list[str] = []
        self.counts: list[int] = []  # 0 for a single value
        self.offsets: list[int] = []
        self.lengths: list[tuple[int, int]] = []

    def message(self, prefix: str, typename: str) -> None:
        for name, (kind, detail) in _fields(typename):
            self._field(f"{prefix}.{name}" if prefix else name, kind, detail)

    def _field(self, name: str, kind: Nodetype, detail: Any) -> None:
        if kind is Nodetype.BASE:
            self._base(name, detail[0])
        elif kind is Nodetype.NAME:
            self.message(name, detail)
        else:
            (inner, inner_detail), count = detail
            if kind is Nodetype.SEQUENCE:
                count = self._length()
            if inner is Nodetype.BASE and inner_detail[0] in SIZES:
                self._numbers(name, inner_detail[0], count)
                return
            if count > len(self.cdr):
                raise ContractError(f"{name}: {count} items cannot be in {len(self.cdr)} bytes")
            for i in range(count):
                self._field(f"{name}.{i}", inner, inner_detail)

    def _base(self, name: str, base: str) -> None:
        if base == "string":
            size = self._length()
            start = self._take(name, size)
            self._note(name, f"S{max(size - 1, 1)}", 0, start if size else start - 4)
        elif base in SIZES:
            self._align(SIZES[base])
            self._note(name, CODES[base], 0, self._take(name, SIZES[base]))
        else:
            raise ContractError(f"{name}: found type {base}, expected numbers and strings")

    def _numbers(self, name: str, base: str, count: int) -> None:
        if count:
            self._align(SIZES[base])
            self._note(name, CODES[base], count, self._take(name, SIZES[base] * count))

    def _note(self, name: str, code: str, count: int, offset: int) -> None:
        self.names.append(name)
        self.codes.append(code)
        self.counts.append(count)
        self.offsets.append(offset)

    def _align(self, size: int) -> None:
        self.at += -(self.at - ENCAPSULATION) % size

    def _take(self, name: str, size: int) -> int:
        start, self.at = self.at, self.at + size
        if self.at > len(self.cdr):
            raise ContractError(f"{name}: found {len(self.cdr)} bytes, which is cut off")
        return start

    def _length(self) -> int:
        self._align(4)
        offset = self._take("a length", 4)
        (value,) = struct.unpack_from(f"{self.order}I", self.cdr, offset)
        self.lengths.append((offset, value))
        return value
