"""Readers, one module per format.

A reader is a function ``open_file(path, source, modalities) -> RawFile``: it takes the
columns that the modalities need out of one file and says which lines it could not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from mmbind.config import ModalitySource, Source
from mmbind.sources.table import RawFile

OpenFile = Callable[[Path, Source, Mapping[str, ModalitySource]], RawFile]

#: Module of each format's reader.
READERS = {
    "delimited": "mmbind.sources.readers.delimited",
    "jsonl": "mmbind.sources.readers.jsonl",
    "matlab": "mmbind.sources.readers.matlab",
    "parquet": "mmbind.sources.readers.parquet",
}


def reader_for(source: Source) -> OpenFile:
    """The reader of a source's format; its module is imported only now."""
    function: OpenFile = import_module(READERS[source.reader.format]).open_file
    return function
