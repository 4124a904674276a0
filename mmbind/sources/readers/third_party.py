"""Readers of other packages, found by entry point.

Such a reader is held to the contract of :mod:`mmbind.sources.table`; where it breaks it, the
message names the package, since neither the file nor mmbind is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from mmbind.config import READER_GROUP, BatchClock, ModalitySource, Source
from mmbind.errors import MmbindError
from mmbind.plugins import Plugins
from mmbind.sources.table import BROKEN, Block, FileProblem, RawFile, time_column

if TYPE_CHECKING:
    from mmbind.sources.readers import OpenFile


_READERS = Plugins(READER_GROUP, "reader", "reads")
#: Names the code behind a format, see :meth:`Plugins.version_of`.
version_of = _READERS.version_of


@cache
def third_party_reader(name: str) -> OpenFile:
    """The reader of a format, held to the contract.

    Args:
        name: the format.

    Raises:
        InputError: when no package, or more than one, reads it, or it cannot be imported.
    """
    who, function = _READERS.load(name)

    def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
        try:
            raw = function(path, source, modalities)
        except (MmbindError, FileProblem):
            raise
        except Exception as error:
            raise _failed(who, path, repr(error)) from error
        return RawFile(_checked(raw, who, path, modalities), raw.missing, raw.unlabelled, raw.passed)

    return open_file


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
