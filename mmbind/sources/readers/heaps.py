"""Global heaps of HDF5 files, where texts of variable length lie.

libhdf5 walks a heap object by object and does not come to an end where a damaged one says
that it takes no space. So heaps are walked here first.

Source: The HDF Group, "HDF5 File Format Specification" 3.0, sections II.A (superblock: the
size of lengths) and III.E (global heap: an object's header, and sizes padded to 8 bytes).
"""

from __future__ import annotations

import mmap
from pathlib import Path

from mmbind.sources.rules import UNREADABLE
from mmbind.sources.table import FileProblem

_FILE_MARK = b"\x89HDF\r\n\x1a\n"
#: A heap's mark, with its version and reserved zeros.
_HEAP_MARK = b"GCOL\x01\0\0\0"
#: An object's header before its size: index, references, reserved.
_HEADER = 8


def check_heaps(path: Path) -> None:
    """Walks all global heaps of a file.

    Raises:
        FileProblem: when one is damaged.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        length = _size_of_lengths(data)
        start = data.find(_HEAP_MARK)
        while start >= 0:
            if not _walk(data, start, length):
                raise FileProblem(UNREADABLE, f"it is damaged: the heap at byte {start} has no end.")
            start = data.find(_HEAP_MARK, start + 1)


def _size_of_lengths(data: mmap.mmap) -> int:
    """Bytes of a length, as the superblock says; it lies at 0, 512, 1024, 2048, ..."""
    start = 0
    while data[start : start + len(_FILE_MARK)] != _FILE_MARK and start < len(data):
        start = 2 * start or 512
    version = int.from_bytes(data[start + 8 : start + 9], "little")
    return int.from_bytes(data[start + 14 : start + 15] if version < 2 else data[start + 10 : start + 11], "little")


def _walk(data: mmap.mmap, start: int, length: int) -> bool:
    """Whether a heap's objects fill it, each taking space; the one with index 0 is what is free."""
    size = int.from_bytes(data[start + 8 : start + 8 + length], "little")
    at, stop = start + 8 + length, start + size
    if stop > len(data):
        return False
    while at + _HEADER + length <= stop:
        index = int.from_bytes(data[at : at + 2], "little")
        held = int.from_bytes(data[at + _HEADER : at + _HEADER + length], "little")
        need = _HEADER + length + -(-held // 8) * 8 if index else held
        if not 0 < need <= stop - at:
            return False
        at += need
    return True
