"""The same table in every format of tables."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pyarrow as pa

from mmbind.study import Study
from tests.unit.sources.logs import modality, source_study

#: Formats with typed cells, and how their files are called.
FORMATS = ["parquet", "arrow", "arrow_stream", "sqlite", "hdf5"]
#: The same and delimited text.
TABLES = [*FORMATS, "delimited"]


def write_table(frame: pl.DataFrame, path: Path, kind: str) -> None:
    """Writes a table."""
    if kind == "delimited":
        frame.write_csv(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "arrow":
        frame.write_ipc(path)
    elif kind == "arrow_stream":
        frame.write_ipc_stream(path)
    elif kind == "sqlite":
        write_sqlite(frame, path)
    else:
        with h5py.File(path, "w") as file:
            for column in frame:
                texts = column.dtype == pl.String
                file[column.name] = column.fill_null("").to_list() if texts else column.to_numpy()


def write_sqlite(frame: pl.DataFrame, path: Path, table: str = "log") -> None:
    """Writes (or adds) a table of a database; columns have no type of their own."""
    connection = sqlite3.connect(path)
    names = ", ".join(f'"{name}"' for name in frame.columns)
    connection.execute(f'CREATE TABLE "{table}" ({names})')
    marks = ", ".join("?" * frame.width)
    connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', frame.rows())  # noqa: S608
    connection.commit()
    connection.close()


def pack(data: bytes, packing: str) -> bytes:
    """Bytes as gzip or zstd, without a time in them."""
    if packing == "gz":
        return gzip.compress(data, mtime=0)
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    packed: bytes = out.getvalue().to_pybytes()
    return packed


def wide(count: int) -> pl.DataFrame:
    """A wide table of both modalities at 100 Hz (ms)."""
    axes = {f"{kind}{axis}": np.arange(count, dtype=np.float64) for kind in "ag" for axis in "xyz"}
    return pl.DataFrame({"t": np.arange(count) * 10, **axes, "label": ["walk"] * count})


def long(count: int, sensors: tuple[str, ...] = ("ACC", "GYR", "LUX")) -> pl.DataFrame:
    """The same as a long table, a row per sensor and time, with a sensor more."""
    time = np.repeat(np.arange(count), len(sensors))
    axes = {f"v{axis}": time.astype(np.float64) for axis in "xyz"}
    return pl.DataFrame({"t": time * 10, "sensor": list(sensors) * count, **axes, "label": ["walk"] * len(time)})


def reader(kind: str, **more: Any) -> dict[str, Any]:
    """The reader's section."""
    return {"format": kind.removesuffix("_stream"), **more}


def wide_study(root: Path, kind: str, **more: Any) -> Study:
    """A source of wide tables."""
    return source_study(root, files="*.log", reader=reader(kind), **more)


def long_study(root: Path, kind: str, **more: Any) -> Study:
    """A source of long tables, of two sensors."""
    section = reader(kind, layout="long", sensor_column="sensor")
    mods = {"acc": modality("v", "g", sensor="ACC"), "gyro": modality("v", "deg/s", sensor="GYR")}
    return source_study(root, files="*.log", reader=section, modalities=mods, **more)
