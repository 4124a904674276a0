"""Readers of other packages, found by entry point.

Such a reader is held to the contract of :mod:`mmbind.sources.table`; where it breaks it, the
message names the package, since neither the file nor mmbind is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mmbind.config import READER_GROUP, BatchClock, ModalitySource, Source
from mmbind.errors import InputError, MmbindError, nearest
from mmbind.sources.table import BROKEN, Block, FileProblem, RawFile, time_column

if TYPE_CHECKING:
    from mmbind.sources.readers import OpenFile


def version_of(name: str) -> list[str]:
    """Names the code behind a format: distribution, version, and the object inside.

    Args:
        name: the format.

    Raises:
        InputError: when no package, or more than one, reads it.
    """
    point = _entry_point(name)
    told = ("", "") if point.dist is None else (point.dist.name, point.dist.version)
    return [*told, point.value]


@cache
def third_party_reader(name: str) -> OpenFile:
    """The reader of a format, held to the contract.

    Args:
        name: the format.

    Raises:
        InputError: when no package, or more than one, reads it, or it cannot be imported.
    """
    point = _entry_point(name)
    who = f"The reader {name!r} ({' '.join(version_of(name)[:2]) or point.value})"
    try:
        function: OpenFile = point.load()
    except Exception as error:
        raise InputError(f"{who} cannot be imported: {error!r}.", hint="Reinstall its package.") from error

    def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
        try:
            raw = function(path, source, modalities)
        except (MmbindError, FileProblem):
            raise
        except Exception as error:
            raise _failed(who, path, repr(error)) from error
        return RawFile(_checked(raw, who, path, modalities), raw.missing, raw.unlabelled, raw.passed)

    return open_file


def _entry_point(name: str) -> EntryPoint:
    found = {point.value: point for point in entry_points(group=READER_GROUP, name=name)}
    if not found:
        raise InputError(f"No package reads {name!r}.", hint=nearest(name, entry_points(group=READER_GROUP).names))
    if len(found) > 1:
        raise InputError(f"More than one package reads {name!r}: {', '.join(sorted(found))}.", hint="Uninstall one.")
    return next(iter(found.values()))


def _failed(who: str, path: Path, reason: str) -> MmbindError:
    return MmbindError(f"{who} failed at {path}: {reason}.", hint="Tell its authors; mmbind --debug shows where.")


def _checked(raw: RawFile, who: str, path: Path, modalities: Mapping[str, ModalitySource]) -> Iterator[Block]:
    blocks = iter(raw.blocks)
    while True:
        try:
            block = next(blocks, None)
            reason = "" if block is None else _breach(block, modalities)
        except (MmbindError, FileProblem):
            raise
        except Exception as error:
            raise _failed(who, path, repr(error)) from error
        if reason:
            raise _failed(who, path, reason)
        if block is None:
            return
        yield block


def _breach(block: Block, modalities: Mapping[str, ModalitySource]) -> str:
    """How a block breaks the contract; empty when it does not."""
    if set(block.readings) != set(block.read) or not set(block.read) <= set(modalities):
        return f"it gave readings of {sorted(block.readings)} and counts of {sorted(block.read)}"
    if dict(block.broken.schema) != BROKEN:
        return f"its broken lines have the columns {dict(block.broken.schema)}"
    for name, frame in block.readings.items():
        spec = modalities[name]
        wanted: dict[str, type[pl.DataType] | None] = {"line": pl.Int64, "row": pl.Int64}
        if isinstance(spec.clock, BatchClock):
            wanted |= {"place": pl.Int64, "size": pl.Int64}
        wanted |= {} if time_column(spec) is None else {"time": None}
        wanted |= {f"v{channel}": pl.Float64 for channel in range(len(spec.columns or spec.channels))}
        for column, dtype in wanted.items():
            if column not in frame.columns or (dtype is not None and frame[column].dtype != dtype):
                return f"the readings of {name!r} lack the column {column!r}{'' if dtype is None else f' of {dtype}'}"
        if frame["line"].null_count() + frame["row"].null_count():
            return f"readings of {name!r} have no line or row"
    return ""
