"""HDF5's heaps of texts: whole ones pass, and one without an end is refused, where libhdf5 would not come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import pytest

from mmbind.sources.readers.heaps import check_heaps
from mmbind.sources.table import FileProblem


def write_texts(path: Path, count: int = 3000, **options: Any) -> bytes:
    """Texts of variable length in a file; its bytes."""
    with h5py.File(path, "w", **options) as file:
        file["label"] = [f"{number:0{number % 40}d}" for number in range(count)]
    return path.read_bytes()


@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"userblock_size": 1024}])
def test_whole_heaps_pass(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.h5"
    assert write_texts(path, **options).count(b"GCOL\x01") > 1
    check_heaps(path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (0, 2**40), (7, 2**40), (7, 2**64 - 16)])
def test_an_object_that_does_not_lead_to_the_next_is_refused(tmp_path: Path, index: int, size: int) -> None:
    path = tmp_path / "a.h5"
    data = bytearray(write_texts(path))
    heap = data.index(b"GCOL\x01")
    data[heap + 16 : heap + 18] = index.to_bytes(2, "little")
    data[heap + 24 : heap + 32] = size.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(FileProblem, match=f"the heap at byte {heap} has no end"):
        check_heaps(path)


def test_a_heap_beyond_the_files_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    data = write_texts(path)
    path.write_bytes(data[: data.rindex(b"GCOL\x01") + 100])
    with pytest.raises(FileProblem, match="has no end"):
        check_heaps(path)
