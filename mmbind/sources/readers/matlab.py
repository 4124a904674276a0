"""MATLAB files up to version 7 (not the HDF5 of 7.3): a variable per modality."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.io import loadmat, whosmat

from mmbind.config import ModalitySource, Source
from mmbind.errors import nearest
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
    variables = _load(path, modalities)
    blocks, missing = [], {}
    for name, spec in sorted(modalities.items()):
        try:
            blocks.append(_block(name, spec, variables))
        except _Lacking as error:
            missing[name] = str(error)
    return RawFile(blocks, missing)


def count_columns(path: Path, spec: ModalitySource) -> int | None:
    """How many columns a modality's variable has in a file; None when it cannot be told.

    Args:
        path: the file.
        spec: the modality.
    """
    try:
        shapes = {name: shape for name, shape, _ in whosmat(path)}
    except Exception:  # scipy raises whatever its parser stumbles over
        return None
    shape = shapes.get(spec.variable or "")
    if shape is None or spec.time_axis >= len(shape):
        return None
    return int(np.prod([length for axis, length in enumerate(shape) if axis != spec.time_axis]))


class _Lacking(Exception):  # noqa: N818  (it becomes a reason)
    """A file cannot give a modality."""


def _load(path: Path, modalities: Mapping[str, ModalitySource]) -> dict[str, Any]:
    wanted = {spec.variable for spec in modalities.values()} | {time_column(spec) for spec in modalities.values()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = [name for name, _, _ in whosmat(path)]
            found = loadmat(path, variable_names=sorted(name for name in wanted if name in known))
    except NotImplementedError:
        raise FileProblem(
            "unreadable", "it is a MATLAB 7.3 file, which is HDF5; save it with the option -v7."
        ) from None
    except Exception as error:
        raise FileProblem(
            "unreadable", f"it is no MATLAB file, or damaged: {type(error).__name__}: {error}".strip()
        ) from None
    return {name: found.get(name) for name in known}


def _block(name: str, spec: ModalitySource, variables: Mapping[str, Any]) -> Block:
    table = _table(_numbers(str(spec.variable), variables), spec)
    columns = [_column(column, table.shape[1]) for column in spec.columns] or list(range(table.shape[1]))
    rows = np.arange(len(table), dtype=np.int64)
    frame = {"line": pl.Series(rows + 1), "row": pl.Series(rows)}
    time = time_column(spec)
    if time is not None:
        frame["time"] = pl.Series(_times(time, table, variables))
    frame |= {f"v{channel}": pl.Series(table[:, c].astype(np.float64)) for channel, c in enumerate(columns)}

    def raw(lines: pl.Series) -> pl.Series:
        return pl.Series([json.dumps(table[line - 1].tolist()) for line in lines], dtype=pl.String)

    return Block({name: pl.DataFrame(frame)}, broken_frame([]), {name: len(table)}, raw)


def _numbers(variable: str, variables: Mapping[str, Any]) -> npt.NDArray[Any]:
    if variable not in variables:
        raise _Lacking(f"the variable {variable!r} is missing. {nearest(variable, variables)}")
    value = variables[variable]
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise _Lacking(f"the variable {variable!r} is no array of real numbers.")
    return value


def _table(array: npt.NDArray[Any], spec: ModalitySource) -> npt.NDArray[Any]:
    """The array with time in front and the other axes as one, (readings, columns)."""
    if spec.time_axis >= array.ndim:
        raise _Lacking(
            f"the variable {spec.variable!r} has {array.ndim} axes; time_axis {spec.time_axis} is not among them."
        )
    moved = np.moveaxis(array, spec.time_axis, 0)
    return moved.reshape(len(moved), int(np.prod(moved.shape[1:])))


def _column(column: str | int, count: int) -> int:
    if str(column).isdigit() and int(column) < count:
        return int(column)
    raise _Lacking(lacking(column, [str(number) for number in range(count)]))


def _times(time: str, table: npt.NDArray[Any], variables: Mapping[str, Any]) -> npt.NDArray[Any]:
    if time.isdigit():
        return table[:, _column(time, table.shape[1])]
    times = _numbers(time, variables).ravel()
    if len(times) != len(table):
        raise _Lacking(f"the variable {time!r} has {len(times)} times for {len(table)} readings.")
    return times
