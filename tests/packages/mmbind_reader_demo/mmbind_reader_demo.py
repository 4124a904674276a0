"""Reads the frames of a made-up logger: 8 bytes of time (us, little endian), then int16 values.

Shows how a package of your own gives mmbind a format; docs/readers.md walks through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.config import ModalitySource, Source, ThirdPartyReader
from mmbind.sources.table import Block, FileProblem, RawFile, broken_frame


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a file of frames; a reading's line is its 1-based frame.

    Args:
        path: the file.
        source: its source; ``reader.options.values`` says how many values a frame has.
        modalities: what to take from it; columns are positions among the values.

    Raises:
        FileProblem: when it has not one whole frame.
    """
    if not isinstance(source.reader, ThirdPartyReader):
        raise TypeError(source.reader)
    values = int(source.reader.options.get("values", 3))
    layout = np.dtype([("t", "<i8"), ("v", "<i2", (values,))])
    data = path.read_bytes()
    count, rest = divmod(len(data), layout.itemsize)
    if not count:
        raise FileProblem("unreadable", f"the file has {rest} bytes, a frame {layout.itemsize}.")
    frames = np.frombuffer(data, layout, count)
    rows = np.arange(count, dtype=np.int64)
    readings = {
        name: pl.DataFrame(
            {"line": rows + 1, "row": rows, "time": frames["t"]}
            | {f"v{c}": frames["v"][:, int(p)].astype(np.float64) for c, p in enumerate(spec.columns)}
        )
        for name, spec in modalities.items()
    }
    broken = [(None, count + 1, f"{rest} bytes of a frame of {layout.itemsize}.")] if rest else []

    def raw(lines: pl.Series) -> pl.Series:
        size = layout.itemsize
        return pl.Series([data[(line - 1) * size : line * size] for line in lines], dtype=pl.Binary)

    read = dict.fromkeys(modalities, count + len(broken))
    return RawFile([Block(readings, broken_frame(broken), read, raw)])
