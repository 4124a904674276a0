"""HDF5 files: a dataset per modality, or one per column.

A modality with a ``variable`` takes its columns from that dataset, by position, or by field
where it is compound; its time, label and sensor are columns of it or datasets of their own.
Without one, every column is a dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmbind.config import ModalitySource, Source, TableReader
from mmbind.sources.readers.datasets import Dataset, LackingError, find_dataset, opened
from mmbind.sources.readers.rows import ROWS, RowTable
from mmbind.sources.table import Block, FileProblem, RawFile, time_column

#: Cells of a block.
CELLS = 1 << 22


@dataclass(frozen=True)
class _Table:
    """Datasets of equal length, side by side.

    Attributes:
        file: the file.
        datasets: by path.
        columns: dataset and column in it, by the name that the configuration uses.
        unlabelled: why the label is not among them; empty when it is, or none is asked for.
    """

    file: Path
    datasets: Mapping[str, Dataset]
    columns: Mapping[str, tuple[str, str]]
    unlabelled: str

    def frames(self, names: list[str]) -> Iterator[pl.DataFrame]:
        """The table's rows; see :meth:`RowTable.raw_file`."""
        height = next(iter(self.datasets.values())).height
        step = max(1, min(ROWS, CELLS // sum(len(dataset.columns) for dataset in self.datasets.values())))
        wanted = {self.columns[name][0] for name in names}
        with opened(self.file) as file:
            for start in range(0, height, step):
                stop = min(start + step, height)
                parts = {path: self.datasets[path].read(file, start, stop) for path in wanted}
                yield pl.DataFrame([parts[path][column].alias(name) for name, (path, column) in self._of(names)])

    def _of(self, names: list[str]) -> list[tuple[str, tuple[str, str]]]:
        return [(name, self.columns[name]) for name in names]


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens an HDF5 file; a reading's line is its 1-based place on the time axis.

    In the wide layout each modality is a table of its own and may have its own length. In
    the long one, the modalities of one variable are one table (those without a variable,
    too), and its rows go to the modality whose sensor they name.

    Args:
        path: the file.
        source: its source; the label column and the layout.
        modalities: what to take from it.

    Raises:
        FileProblem: when it is no HDF5 file, or damaged.
        InputError: when h5py is not installed.
    """
    sensor = source.reader.sensor_column if isinstance(source.reader, TableReader) else None
    missing: dict[str, str] = {}
    unlabelled: list[str] = []
    tables: list[RawFile] = []
    with opened(path) as file:
        for members in _together(modalities, long=sensor is not None):
            try:
                table = _table(path, file, members, sensor, source.labels.column)
            except LackingError as error:
                missing.update(dict.fromkeys(members, str(error)))
                continue
            unlabelled += [table.unlabelled] if table.unlabelled else []
            columns = [(name, table.datasets[at].columns[column]) for name, (at, column) in table.columns.items()]
            specs = {name: _listed(spec, table) for name, spec in members.items()}
            tables.append(RowTable.of(columns, source, specs).raw_file(table.frames))
    raw = RawFile([], missing, unlabelled)
    return RawFile(_blocks(tables, raw), raw.missing, raw.unlabelled, raw.passed)


def count_columns(path: Path, spec: ModalitySource) -> int | None:
    """How many columns a modality's variable has in a file; None when it cannot be told.

    Args:
        path: the file.
        spec: the modality.
    """
    try:
        with opened(path) as file:
            return len(find_dataset(file, str(spec.variable), spec.time_axis).columns)
    except (FileProblem, LackingError):
        return None


def _together(modalities: Mapping[str, ModalitySource], *, long: bool) -> list[dict[str, ModalitySource]]:
    """Modalities by the table that they share."""
    tables: dict[tuple[str | None, int | str], dict[str, ModalitySource]] = {}
    for name, spec in modalities.items():
        tables.setdefault((spec.variable, spec.time_axis if long else name), {})[name] = spec
    return list(tables.values())


def _table(
    path: Path, file: object, members: Mapping[str, ModalitySource], sensor: str | None, label: str | None
) -> _Table:
    """Finds the datasets of modalities that share a variable, or have none; labels may be missing.

    Raises:
        LackingError: when one is missing, or has not the length of the others.
    """
    first = next(iter(members.values()))
    datasets: dict[str, Dataset] = {}
    columns: dict[str, tuple[str, str]] = {}
    unlabelled = ""
    if first.variable is not None:
        datasets[first.variable] = find_dataset(file, first.variable, first.time_axis)
        columns |= {name: (first.variable, name) for name in datasets[first.variable].columns}
    needed = [str(column) for spec in members.values() for column in spec.columns if first.variable is None]
    needed += [time for spec in members.values() if (time := time_column(spec)) is not None]
    needed += [] if sensor is None else [sensor]
    for name in dict.fromkeys([*needed, *([] if label is None else [label])]):
        if name in columns:
            continue
        try:
            datasets[name] = _beside(file, name, next(iter(datasets.values()), None))
        except LackingError as error:
            if name in needed:
                raise
            unlabelled = f"{' and '.join(members)}: {error}"
        else:
            columns[name] = (name, next(iter(datasets[name].columns)))
    return _Table(path, datasets, columns, unlabelled)


def _beside(file: object, path: str, other: Dataset | None) -> Dataset:
    """A dataset of one column, as long as another."""
    found = find_dataset(file, path, 0)
    height = found.height if other is None else other.height
    if len(found.columns) != 1 or found.height != height:
        width = len(found.columns)
        raise LackingError(f"the dataset {path!r} has {found.height} rows of {width}, not {height} of 1.")
    return found


def _listed(spec: ModalitySource, table: _Table) -> ModalitySource:
    """A modality that names its columns, where its configuration means all of its variable."""
    if spec.columns or spec.variable is None:
        return spec
    return spec.model_copy(update={"columns": list(table.datasets[spec.variable].columns)})


def _blocks(tables: list[RawFile], raw: RawFile) -> Iterator[Block]:
    """The tables' blocks one after the other; what they lack and pass by is put together in ``raw``."""
    for table in tables:
        yield from table.blocks
        raw.missing.update(table.missing)
        for sensor, count in table.passed.items():
            raw.passed[sensor] = raw.passed.get(sensor, 0) + count
