"""Delimited text.

Most lines are plain: the right number of separators, no quotes, numbers where numbers
belong. polars parses those at once. The others are taken apart one by one, and either give
the same columns or a reason why not. No value is ever guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmbind.config import DelimitedReader, ModalitySource, Source
from mmbind.sources.readers.dialect import Dialect
from mmbind.sources.readers.layout import Layout, file_lines, find_columns, perhaps_whole
from mmbind.sources.readers.parse import NotWholeError, parse_block
from mmbind.sources.table import Block, RawFile, Sensors, find_missing, lacking, position, time_column

#: Blocks of a file whose times turned out not to be whole numbers, before all are taken for texts.
ATTEMPTS = 2


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a delimited text file, unpacked when its name ends in ``.gz`` or ``.zst``.

    Args:
        path: the file.
        source: its source; the reader's options and the label column.
        modalities: what to take from it.

    Raises:
        FileProblem: when there is no line with data, or its header cannot be split.
    """
    reader = source.reader
    if not isinstance(reader, DelimitedReader):
        raise TypeError(reader)
    names, header = find_columns(path, reader)
    sensor = reader.sensor_column
    if sensor is not None and names.count(sensor) != 1:
        return RawFile([], dict.fromkeys(modalities, lacking(sensor, names)))
    missing = find_missing(modalities, names)
    present = {name: spec for name, spec in modalities.items() if name not in missing}
    column = source.labels.column
    label = None if column is None else position(column, names)
    layout = Layout(
        dialect=Dialect(reader),
        names=names,
        header=header,
        values={name: [_known(column, names) for column in spec.columns] for name, spec in present.items()},
        times={
            name: None if time_column(spec) is None else _known(str(time_column(spec)), names)
            for name, spec in present.items()
        },
        label=label,
        sensor=None if sensor is None else names.index(sensor),
        sensors=Sensors.of(present),
    )
    layout = replace(layout, whole=perhaps_whole(layout, present))
    unlabelled = [lacking(column, names)] if column is not None and label is None else []
    return RawFile(_blocks(path, layout, missing) if present else [], missing, unlabelled, layout.sensors.passed)


def _known(column: str | int, names: list[str]) -> int:
    found = position(column, names)
    if found is None:
        raise KeyError(column)
    return found


def _blocks(path: Path, layout: Layout, missing: dict[str, str]) -> Iterator[Block]:
    """The file's blocks; sensors that no line named are put into ``missing`` at the end."""
    seen = failed = 0
    for lines in file_lines(path, layout.dialect.reader):
        data = layout.data(lines)
        widths = layout.dialect.widths(lines)
        for index in np.flatnonzero(data & (not lines.cut) & (widths != len(layout.names))):
            data[index] = bool(lines.line(int(index)).strip())
        if data.any():
            try:
                yield parse_block(lines, data, widths, layout, seen)
            except NotWholeError:
                plain, failed = replace(layout, whole=frozenset()), failed + 1
                yield parse_block(lines, data, widths, plain, seen)
                layout = plain if failed == ATTEMPTS else layout
        seen += int(data.sum())
    if layout.sensor is not None:
        missing.update(layout.sensors.find_missing())
