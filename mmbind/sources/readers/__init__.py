"""Readers, one module per format, and those of other packages.

A reader is a function ``open_file(path, source, modalities) -> RawFile``: it takes the
columns that the modalities need out of one file and says which lines it could not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from mmbind.config import ModalitySource, Source, ThirdPartyReader
from mmbind.sources.table import RawFile

OpenFile = Callable[[Path, Source, Mapping[str, ModalitySource]], RawFile]

#: Module of each format's reader.
READERS = {
    "arrow": "mmbind.sources.readers.arrow",
    "delimited": "mmbind.sources.readers.delimited",
    "hdf5": "mmbind.sources.readers.hdf5",
    "jsonl": "mmbind.sources.readers.jsonl",
    "matlab": "mmbind.sources.readers.matlab",
    "parquet": "mmbind.sources.readers.parquet",
    "sqlite": "mmbind.sources.readers.sqlite",
}


def reader_for(source: Source) -> OpenFile:
    """The reader of a source's format; its module is imported only now.

    Raises:
        InputError: when a reader of another package cannot be imported.
    """
    if isinstance(source.reader, ThirdPartyReader):
        from mmbind.sources.readers.third_party import third_party_reader

        return third_party_reader(source.reader.format)
    function: OpenFile = import_module(READERS[source.reader.format]).open_file
    return function


def reader_version(source: Source) -> list[str]:
    """Names the code of a reader that is not mmbind's; empty for mmbind's own."""
    if not isinstance(source.reader, ThirdPartyReader):
        return []
    from mmbind.sources.readers.third_party import version_of

    return version_of(source.reader.format)


def count_columns(path: Path, source: Source, spec: ModalitySource) -> int | None:
    """How many columns a modality that lists none has in a file; None when it cannot be told.

    Args:
        path: the file.
        source: its source, of a format with variables.
        spec: the modality.
    """
    count: int | None = import_module(READERS[source.reader.format]).count_columns(path, spec)
    return count
