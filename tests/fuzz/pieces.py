"""Small pieces of real and generated logs, one file each, and how to read them."""

from __future__ import annotations

import fnmatch
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mmbind.config import Source
from tests.support import ROOT
from tests.unit.sources.logs import modality
from tests.unit.sources.readers.tables import long, pack, reader, wide, write_table

#: Times of a generated log.
TIMES = 60


@dataclass(frozen=True)
class Piece:
    """A small log.

    Attributes:
        name: what it is called; also its file's name.
        write: writes it to a path.
        section: the source's block, without the file's place.
        archive: packed data set and glob of a member that it comes from; None when generated.
        text: whether it is plain text, whose lines can be looked at one by one.
        by_line: whether a line of it is one reading, whose values its columns hold.
    """

    name: str
    write: Callable[[Path], None]
    section: dict[str, Any]
    archive: str | None = None
    text: bool = False
    by_line: bool = False

    @cached_property
    def source(self) -> Source:
        """How to read it."""
        return Source.model_validate({"labels": {}, **self.section})

    @cached_property
    def channels(self) -> dict[str, list[str]]:
        """Channel names by modality."""
        return {name: list(spec.channels) for name, spec in self.source.modalities.items()}


def pieces() -> dict[str, Piece]:
    """All pieces, by name; real ones only where the packed data sets are at hand."""
    archives = Path(os.environ.get("MMBIND_RAW", ROOT.parent / "shared" / "data"))
    found = [p for p in _real(archives) if p.archive is None or (archives / f"{p.archive}.tar.xz").is_file()]
    return {piece.name: piece for piece in [*found, *_generated()]}


def _real(archives: Path) -> list[Piece]:
    def taken(archive: str, glob: str, lines: int | None) -> Callable[[Path], None]:
        return lambda path: _unpack(archives / f"{archive}.tar.xz", glob, lines, path)

    counted = {"kind": "sample_index", "rate_hz": 50}
    inertial = {"variable": "d_iner", "channels": list("xyz"), "clock": counted}
    skeleton = {"variable": "d_skel", "channels": [f"c{i}" for i in range(60)], "time_axis": 2, "clock": counted}
    positions = {"channels": list("xyz"), "clock": counted}
    return [
        Piece(
            "utd_inertial.mat",
            taken("utd_mhad", "*_inertial.mat", None),
            {
                "reader": {"format": "matlab"},
                "modalities": {
                    "acc": {**inertial, "columns": [0, 1, 2], "unit": "g"},
                    "gyro": {**inertial, "columns": [3, 4, 5], "unit": "deg/s"},
                },
            },
            archive="utd_mhad",
        ),
        Piece(
            "utd_skeleton.mat",
            taken("utd_mhad", "*_skeleton.mat", None),
            {"reader": {"format": "matlab"}, "modalities": {"skeleton": {**skeleton, "unit": "m"}}},
            archive="utd_mhad",
        ),
        Piece(
            "sisfall.txt",
            taken("sisfall", "*/SA*_R*.txt", TIMES),
            {
                "reader": {"format": "delimited", "header": False, "terminator": ";"},
                "modalities": {
                    "acc": {**positions, "columns": ["0", "1", "2"], "unit": "g"},
                    "gyro": {**positions, "columns": ["3", "4", "5"], "unit": "deg/s"},
                },
            },
            archive="sisfall",
            text=True,
            by_line=True,
        ),
        Piece(
            "mobifall.txt",
            taken("mobifall", "*_acc_*.txt", TIMES),
            {
                "reader": {"format": "delimited", "header": False, "comment": ["#", "@"]},
                "modalities": {
                    "acc": {
                        **positions,
                        "columns": ["1", "2", "3"],
                        "unit": "m/s2",
                        "clock": {"kind": "timestamp", "column": "0", "unit": "ns"},
                    }
                },
            },
            archive="mobifall",
            text=True,
            by_line=True,
        ),
        Piece(
            "weda_fall.csv",
            taken("weda_fall", "*/50Hz/*_accel.csv", TIMES),
            {
                "reader": {"format": "delimited"},
                "modalities": {
                    "acc": {
                        "columns": ["accel_x_list", "accel_y_list", "accel_z_list"],
                        "channels": list("xyz"),
                        "unit": "m/s2",
                        "clock": {"kind": "timestamp", "column": "accel_time_list", "unit": "s"},
                    }
                },
            },
            archive="weda_fall",
            text=True,
            by_line=True,
        ),
        Piece(
            "geotec.csv",
            taken("geotec", "*_sp.csv", TIMES),
            {
                "reader": {"format": "delimited"},
                "labels": {"column": "label"},
                "modalities": {
                    name: {
                        "columns": [f"{axis}_{name}" for axis in "xyz"],
                        "channels": list("xyz"),
                        "unit": unit,
                        "clock": {"kind": "timestamp", "column": "timestamp", "unit": "ms"},
                    }
                    for name, unit in (("acc", "m/s2"), ("gyro", "rad/s"))
                },
            },
            archive="geotec",
            text=True,
            by_line=True,
        ),
    ]


def _unpack(archive: Path, glob: str, lines: int | None, path: Path) -> None:
    """Writes the first member that fits, or its first lines."""
    with tarfile.open(archive, "r|xz") as tar:
        for member in tar:
            stream = tar.extractfile(member) if fnmatch.fnmatch(member.name, glob) else None
            if stream is not None:
                path.write_bytes(stream.read() if lines is None else b"".join(stream.readlines()[:lines]))
                return
    raise FileNotFoundError(f"{glob} in {archive}")


def _generated() -> list[Piece]:
    labels = {"column": "label"}
    both = {"acc": modality("a", "g"), "gyro": modality("g", "deg/s")}
    sensors = {"acc": modality("v", "g", sensor="ACC"), "gyro": modality("v", "deg/s", sensor="GYR")}
    nested = {"acc": modality("acc.", "g"), "gyro": modality("gyro.", "deg/s")}
    batched = {
        name: modality(f"{name}.", unit, {"kind": "batch", "column": "t", "unit": "ms", "rate_hz": 100})
        for name, unit in (("acc", "g"), ("gyro", "deg/s"))
    }
    by_sensor = {"layout": "long", "sensor_column": "sensor"}
    found = []
    for kind in ("parquet", "arrow", "arrow_stream", "sqlite", "hdf5"):
        for shape, frame, mods, more in (
            ("wide", _unlike(wide(TIMES)), both, {}),
            ("long", _unlike(long(TIMES // 2)), sensors, by_sensor),
        ):
            section = {"reader": reader(kind, **more), "modalities": mods, "labels": labels}
            found.append(Piece(f"{shape}.{kind}", _table(frame, kind), section))
    found.append(Piece("chunked.hdf5", _chunked, {"reader": {"format": "hdf5"}, "modalities": _VARIABLES}))
    csv = _unlike(wide(TIMES)).write_csv().encode()
    packed_csv = _delimited(both)
    lines = {"reader": {"format": "jsonl"}, "modalities": nested, "labels": labels}
    batches = {"reader": {"format": "jsonl", "layout": "batch"}, "modalities": batched, "labels": labels}
    by_line = {"reader": {"format": "jsonl", **by_sensor}, "modalities": sensors, "labels": labels}
    texts: list[tuple[str, bytes, dict[str, Any], bool]] = [
        ("reading.jsonl", _json_lines(), lines, True),
        ("batch.jsonl", _json_batches(), batches, False),
        ("long.jsonl", _unlike(long(TIMES // 2)).write_ndjson().encode(), by_line, True),
        ("long.csv", _unlike(long(TIMES // 2)).write_csv().encode(), _delimited(sensors, **by_sensor), True),
        *((name, data, _delimited(both, **options), True) for name, data, options in _dialects()),
    ]
    found += [Piece(name, _bytes(data), section, text=True, by_line=each) for name, data, section, each in texts]
    for packing in ("gz", "zst"):
        found.append(Piece(f"reading.jsonl.{packing}", _bytes(pack(_json_lines(), packing)), lines))
        found.append(Piece(f"wide.csv.{packing}", _bytes(pack(csv, packing)), packed_csv))
    return found


def _delimited(mods: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"reader": {"format": "delimited", **options}, "modalities": mods, "labels": {"column": "label"}}


def _dialects() -> list[tuple[str, bytes, dict[str, Any]]]:
    """The wide table as delimited text: name, bytes and options."""
    frame = _unlike(wide(TIMES)).with_columns(label=pl.Series(["walk", "géhen"] * (TIMES // 2)))
    rows = [frame.columns, *([str(cell) for cell in row] for row in frame.rows())]

    def joined(separator: str, end: str = "\n", decimal: str = ".") -> str:
        return "".join(separator.join(cell.replace(".", decimal) for cell in row) + end for row in rows)

    quoted = frame.write_csv(quote_style="always", line_terminator="\r\n").encode()
    return [
        ("wide.csv", joined(",").encode(), {}),
        ("quoted.csv", quoted, {}),
        ("comma.csv", joined(";", "\r\n", ",").encode(), {"separator": ";", "decimal": ","}),
        ("utf16.csv", joined("\t").encode("utf-16"), {"separator": "\t", "encoding": "utf-16"}),
        ("latin.csv", joined("|").encode("cp1252"), {"separator": "|", "encoding": "cp1252"}),
        ("gbk.csv", joined(",", "\r\n").encode("gbk"), {"encoding": "gbk"}),
        ("blanks.txt", joined(" \t  ").encode(), {"separator": "whitespace"}),
        ("ended.txt", joined(", ", " ;\n").encode(), {"terminator": ";"}),
        ("mac.csv", b"a logger\r" + joined(",", "\r").encode(), {"newline": "cr", "skip_lines": 1}),
        ("noted.csv", b"% a\n# b\n\n" + joined(",").encode(), {"comment": ["#", "%"]}),
    ]


_VARIABLES = {
    "acc": {
        "variable": "acc",
        "channels": list("xyz"),
        "unit": "g",
        "clock": {"kind": "timestamp", "column": "t", "unit": "ms"},
    }
}


def _unlike(frame: pl.DataFrame) -> pl.DataFrame:
    """A table whose values all differ, so that a mix-up shows."""
    draw = np.random.default_rng(frame.width)
    numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    return frame.with_columns(pl.Series(name, draw.normal(size=frame.height)) for name in numbers)


def _json_lines() -> bytes:
    rows = _unlike(wide(TIMES)).rows(named=True)
    nested = [
        {"t": row["t"], **{n: {a: row[f"{n[0]}{a}"] for a in "xyz"} for n in ("acc", "gyro")}, "label": row["label"]}
        for row in rows
    ]
    return b"".join(json.dumps(row).encode() + b"\n" for row in nested)


def _json_batches() -> bytes:
    frame = _unlike(wide(TIMES))
    batches = [
        {
            "t": 10 * start,
            **{n: {a: frame[f"{n[0]}{a}"][start : start + 5].to_list() for a in "xyz"} for n in ("acc", "gyro")},
            "label": "walk",
        }
        for start in range(0, TIMES, 5)
    ]
    return b"".join(json.dumps(batch).encode() + b"\n" for batch in batches)


def _table(frame: pl.DataFrame, kind: str) -> Callable[[Path], None]:
    return lambda path: write_table(frame, path, kind)


def _bytes(data: bytes) -> Callable[[Path], None]:
    return lambda path: _write(path, data)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _chunked(path: Path) -> None:
    """Compressed chunks with checksums, and a times' dataset beside."""
    import h5py

    with h5py.File(path, "w") as file:
        values = np.random.default_rng(0).normal(size=(TIMES, 3))
        file.create_dataset("acc", data=values, chunks=(16, 3), compression="gzip", shuffle=True, fletcher32=True)
        file["t"] = np.arange(TIMES) * 10
