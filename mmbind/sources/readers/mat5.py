"""Numbers out of MATLAB 5 files, with every length checked.

Logs come damaged, and scipy's reader can crash the process on such a file. This one reads
only what logs need, named arrays of real numbers, and answers damage with an error.

Source: MathWorks, "MAT-File Format", chapter 1 (level 5): a header of 128 bytes, then
elements of a tag (type, size) and data padded to 8 bytes; an array is an element that holds
elements for flags, dimensions, name and real part; elements may be deflated.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
#: Types of stored numbers.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
#: Classes of arrays that hold numbers: double, single and the integers.
_NUMERIC = range(6, 16)
_COMPLEX, _LOGICAL = 0x0800, 0x0200
#: Deflated bytes that are looked at to learn name and shape.
_PEEK = 1 << 12


class DamagedError(ValueError):
    """The bytes are no MATLAB 5 file, or a damaged one."""


@dataclass(frozen=True)
class Variable:
    """A variable of a file.

    Attributes:
        shape: its dimensions; empty when it has none (an object of MATLAB's own).
        numeric: whether it holds real numbers.
    """

    shape: tuple[int, ...]
    numeric: bool
    _data: bytes
    _order: str
    _deflated: bool

    def numbers(self) -> npt.NDArray[Any]:
        """The values, in the variable's shape.

        Raises:
            DamagedError: when they are cut off or do not fit the shape.
        """
        body = _Body(_inflate(self._data, self._order) if self._deflated else self._data, self._order)
        parts = list(body.elements())
        if len(parts) < 4 or parts[3][0] not in _STORED:
            raise DamagedError("a variable has no numbers")
        kind, data = parts[3]
        dtype = np.dtype(self._order + _STORED[kind])
        if len(data) != math.prod(self.shape) * dtype.itemsize:
            raise DamagedError(f"{len(data)} bytes of numbers do not fill a variable of {self.shape}")
        return np.frombuffer(data, dtype).reshape(self.shape, order="F")


@dataclass(frozen=True)
class _Body:
    """Bytes that hold elements."""

    data: bytes
    order: str

    def elements(self, *, cut: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yields type and data of each element; with ``cut`` the last one may be incomplete."""
        at = 0
        while at + 8 <= len(self.data):
            kind, size = (int(word) for word in np.frombuffer(self.data, self.order + "u4", 2, at))
            start = at + 8
            if kind >> 16:
                kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
                if size > 4:
                    raise DamagedError("a small element is too large")
            if start + size > len(self.data) and not cut:
                raise DamagedError(f"it is cut off: {start + size - len(self.data)} bytes are missing")
            yield kind, self.data[start : start + size]
            padded = size if kind == _COMPRESSED else -(-size // 8) * 8
            at = at + 8 if start == at + 4 else start + padded


def variables(data: bytes) -> dict[str, Variable]:
    """The variables of a file, by name.

    Args:
        data: the file's bytes.

    Raises:
        DamagedError: when it is no MATLAB 5 file, or cut off.
    """
    if data[:19] == b"MATLAB 7.3 MAT-file":
        raise DamagedError("it is of version 7.3, which is HDF5; save it with the option -v7")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise DamagedError("it has not the header of MATLAB 5")
    found = {}
    for kind, element in _Body(data[_HEADER:], order).elements():
        deflated = kind == _COMPRESSED
        if deflated:
            head = _peek(element)
        elif kind == _MATRIX:
            head = element
        else:
            raise DamagedError(f"it holds an element of type {kind} where a variable belongs")
        name, shape, numeric = _describe(head, order)
        found[name] = Variable(shape, numeric, element, order, deflated)
    found.pop("", None)
    if not found:
        raise DamagedError("it holds no variable")
    return found


def _describe(head: bytes, order: str) -> tuple[str, tuple[int, ...], bool]:
    """Name, shape and whether it holds real numbers, from the first bytes of an array."""
    parts = _Body(head, order).elements(cut=True)
    flags = next(parts, (0, b""))[1]
    if len(flags) < 4:
        raise DamagedError("a variable has no flags")
    word = int(np.frombuffer(flags, order + "u4", 1)[0])
    second, third = next(parts, (0, b"")), next(parts, (0, b""))
    if second[0] != 5:
        return second[1].decode("latin-1"), (), False
    if len(second[1]) % 4 or len(second[1]) < 8:
        raise DamagedError("a variable has no dimensions")
    shape = tuple(int(length) for length in np.frombuffer(second[1], order + "i4"))
    if min(shape) < 0:
        raise DamagedError(f"a variable has the dimensions {shape}")
    return third[1].decode("latin-1"), shape, (word & 0xFF) in _NUMERIC and not word & (_COMPLEX | _LOGICAL)


def _peek(element: bytes) -> bytes:
    """The first bytes of a deflated array, without its tag."""
    try:
        return zlib.decompressobj().decompress(element, _PEEK)[8:]
    except zlib.error as error:
        raise DamagedError(f"a variable cannot be inflated ({error})") from None


def _inflate(element: bytes, order: str) -> bytes:
    """A deflated array, without its tag."""
    try:
        whole = zlib.decompress(element)
    except zlib.error as error:
        raise DamagedError(f"a variable cannot be inflated ({error})") from None
    kind, data = next(_Body(whole, order).elements(), (0, b""))
    if kind != _MATRIX:
        raise DamagedError("a deflated element is no variable")
    return data
