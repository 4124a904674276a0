"""Columns of an HDF5 file's datasets.

Only what lies in the file itself, and was written, is read: other files would escape the
digests, and what was never written is no reading.

Source: The HDF Group, "HDF5 User Guide" (external links and storage, virtual datasets,
space allocation).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.errors import InputError, nearest
from mmbind.sources.readers.heaps import check_heaps
from mmbind.sources.rules import UNREADABLE
from mmbind.sources.table import FileProblem

#: What h5py raises at damage, beside nothing at all.
_FAILURES = (OSError, RuntimeError, ValueError, LookupError, TypeError, ArithmeticError, MemoryError, SystemError)


class LackingError(Exception):
    """A file cannot give a column; its text is the reason."""


@dataclass(frozen=True)
class Dataset:
    """A dataset as a table: the time axis in front, the others as columns in C order.

    Attributes:
        path: where it lies in the file.
        axis: its time axis.
        height: its length along that axis.
        columns: names and types of its columns: fields, or positions.
    """

    path: str
    axis: int
    height: int
    columns: dict[str, pl.DataType]

    def read(self, file: Any, start: int, stop: int) -> dict[str, pl.Series]:
        """Some rows, by column."""
        part = file[self.path][(*[slice(None)] * self.axis, slice(start, stop))]
        if part.dtype.names:
            return {name: _series(name, part[name]) for name in self.columns}
        table = np.moveaxis(part, self.axis, 0).reshape(len(range(start, stop)), len(self.columns))
        return {name: _series(name, table[:, place]) for place, name in enumerate(self.columns)}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file, open for reading.

    Args:
        path: the file.

    Raises:
        FileProblem: when it is none, or anything in it is found damaged.
        InputError: when h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(
            "Reading HDF5 needs h5py.", hint="Install mmbind with its extra, from its checkout: pip install '.[hdf5]'."
        ) from None
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except _FAILURES as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FileProblem(UNREADABLE, f"it is no HDF5 file, or damaged: {reason}.") from None


def find_dataset(file: Any, path: str, axis: int) -> Dataset:
    """Looks at a dataset.

    Args:
        file: the open file.
        path: where it lies.
        axis: its time axis.

    Raises:
        LackingError: when it is missing, lies elsewhere, was not wholly written, or lacks the axis.
        FileProblem: when it holds texts of variable length, and the file's heaps are damaged.
    """
    found = file.get(path)
    if found is None or not hasattr(found, "shape"):
        raise LackingError(f"the dataset {path!r} is missing. {nearest(path, paths(file))}")
    if found.file.filename != file.filename or found.external or found.is_virtual:
        raise LackingError(f"the dataset {path!r} lies in another file.")
    shape = found.shape or ()
    if axis >= len(shape):
        raise LackingError(f"the dataset {path!r} has {len(shape)} axes; time_axis {axis} is not among them.")
    if found.dtype.hasobject:
        check_heaps(Path(file.filename))
    if not _written(found):
        raise LackingError(f"the dataset {path!r} was never wholly written.")
    if found.dtype.names:
        if len(shape) > 1:
            raise LackingError(f"the dataset {path!r} has fields and {len(shape)} axes; it may have one.")
        columns = {name: _type(found.dtype[name]) for name in found.dtype.names}
    else:
        width = math.prod(length for number, length in enumerate(shape) if number != axis)
        columns = {str(place): _type(found.dtype) for place in range(width)}
    return Dataset(path, axis, shape[axis], columns)


def paths(file: Any) -> list[str]:
    """Paths of all datasets that lie in the file."""
    found: list[str] = []
    file.visititems(lambda path, item: found.append(path) if hasattr(item, "shape") else None)
    return found


def _written(dataset: Any) -> bool:
    """Whether all of a dataset's space is allocated; what is not reads as fill values."""
    if dataset.chunks is None:
        return bool(dataset.id.get_storage_size() >= dataset.size * dataset.dtype.itemsize)
    needed = math.prod(-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    return bool(dataset.id.get_num_chunks() >= needed)


def _type(dtype: np.dtype[Any]) -> pl.DataType:
    if dtype.kind in "iuf" and dtype.shape == ():
        return pl.Float64()
    return pl.String() if dtype.kind in "SO" else pl.Object()


def _series(name: str, values: npt.NDArray[Any]) -> pl.Series:
    """A column in the machine's byte order; texts that are not UTF-8 are shown escaped."""
    if values.dtype.kind == "f":
        return pl.Series(name, values.astype(np.float64))
    if values.dtype.kind in "iu":
        return pl.Series(name, values.astype(values.dtype.newbyteorder("=")))
    return pl.Series(name, _texts(values.tolist()), dtype=pl.String)


def _texts(values: Sequence[Any]) -> list[str]:
    return [value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value) for value in values]
