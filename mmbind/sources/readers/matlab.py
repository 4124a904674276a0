"""MATLAB files of versions 5 to 7 (not the HDF5 of 7.3): a variable per modality."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import ModalitySource, Source
from mmbind.errors import nearest
from mmbind.sources.readers.mat5 import DamagedError, Variable, variables
from mmbind.sources.rules import UNREADABLE
from mmbind.sources.table import Block, FileProblem, RawFile, broken_frame, lacking, time_column


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a MATLAB file; a reading's line is its 1-based place on the time axis.

    The time axis is moved to the front and the others become columns in C order. A
    timestamp clock names a column of the variable by position, or a variable of its own.

    Args:
        path: the file.
        source: its source.
        modalities: what to take from it.

    Raises:
        FileProblem: when it cannot be read.
    """
    blocks: list[Block] = []
    missing: dict[str, str] = {}
    try:
        held = variables(path.read_bytes())
        for name, spec in sorted(modalities.items()):
            try:
                blocks.append(_block(name, spec, held))
            except _Lacking as error:
                missing[name] = str(error)
    except DamagedError as error:
        raise FileProblem(UNREADABLE, f"it is no MATLAB file, or damaged: {error}.") from None
    return RawFile(blocks, missing)


def count_columns(path: Path, spec: ModalitySource) -> int | None:
    """How many columns a modality's variable has in a file; None when it cannot be told.

    Args:
        path: the file.
        spec: the modality.
    """
    try:
        variable = variables(path.read_bytes()).get(spec.variable or "")
    except DamagedError:
        return None
    if variable is None or spec.time_axis >= len(variable.shape):
        return None
    return math.prod(length for axis, length in enumerate(variable.shape) if axis != spec.time_axis)


class _Lacking(Exception):  # noqa: N818  (it becomes a reason)
    """A file cannot give a modality."""


def _block(name: str, spec: ModalitySource, held: Mapping[str, Variable]) -> Block:
    table = _table(_numbers(str(spec.variable), held), spec)
    columns = [_column(column, table.shape[1]) for column in spec.columns] or list(range(table.shape[1]))
    rows = np.arange(len(table), dtype=np.int64)
    frame = {"line": pl.Series(rows + 1), "row": pl.Series(rows)}
    time = time_column(spec)
    if time is not None:
        frame["time"] = pl.Series(_times(time, table, held))
    frame |= {f"v{channel}": pl.Series(table[:, c].astype(np.float64)) for channel, c in enumerate(columns)}

    def raw(lines: pl.Series) -> pl.Series:
        return pl.Series([json.dumps(table[line - 1].tolist()).encode() for line in lines], dtype=pl.Binary)

    return Block({name: pl.DataFrame(frame)}, broken_frame([]), {name: len(table)}, raw)


def _numbers(variable: str, held: Mapping[str, Variable]) -> npt.NDArray[Any]:
    if variable not in held:
        raise _Lacking(f"the variable {variable!r} is missing. {nearest(variable, held)}")
    if not held[variable].numeric:
        raise _Lacking(f"the variable {variable!r} is no array of real numbers.")
    return held[variable].numbers()


def _table(array: npt.NDArray[Any], spec: ModalitySource) -> npt.NDArray[Any]:
    """The array with time in front and the other axes as one, (readings, columns)."""
    if spec.time_axis >= array.ndim:
        raise _Lacking(
            f"the variable {spec.variable!r} has {array.ndim} axes; time_axis {spec.time_axis} is not among them."
        )
    moved = np.moveaxis(array, spec.time_axis, 0)
    return moved.reshape(len(moved), math.prod(moved.shape[1:]))


def _column(column: str | int, count: int) -> int:
    if str(column).isdigit() and int(column) < count:
        return int(column)
    raise _Lacking(lacking(column, [str(number) for number in range(count)]))


def _times(time: str, table: npt.NDArray[Any], held: Mapping[str, Variable]) -> npt.NDArray[Any]:
    if time.isdigit():
        return table[:, _column(time, table.shape[1])]
    times = _numbers(time, held).ravel()
    if len(times) != len(table):
        raise _Lacking(f"the variable {time!r} has {len(times)} times for {len(table)} readings.")
    return times
