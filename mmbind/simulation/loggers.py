"""Log files as three makes of loggers write them, blemishes included.

Every writer takes the readings of one session and returns the file's content. A few
readings in ten thousand are spoilt the way real logs are: cut or garbled lines, missing
values, stamps that repeat.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.simulation.chance import Floats
from mmbind.simulation.devices import Readings
from mmbind.units import unit

#: 2026-03-02 08:00:00 UTC in nanoseconds; sessions start from here on.
EPOCH_NS = 1_772_438_400_000_000_000
#: Readings in one line of a batched log.
BATCH = 25
#: Share of lines (or batches) that are spoilt, by kind.
SPOILT = 1e-4

Integers = npt.NDArray[np.int64]


def _stamps(times: Floats, start_ns: int, step_ns: int) -> Integers:
    """Time stamps in ns, cut to the logger's resolution."""
    stamps = start_ns + np.rint(times * 1e9).astype(np.int64)
    return stamps // step_ns * step_ns


def _columns(readings: Readings, names: Mapping[str, tuple[str, str]], digits: int) -> dict[str, Floats]:
    """Columns by name, in the logger's units, rounded; ``names``: modality -> (pattern, unit)."""
    columns: dict[str, Floats] = {}
    for modality, (pattern, name) in names.items():
        values = np.round(readings.signals[modality] / unit(name).factor, digits)
        columns |= {pattern.format(axis): values[:, index] for index, axis in enumerate("xyz")}
    return columns


def _spoilt(chance: np.random.Generator, count: int) -> Integers:
    """Which of so many lines are spoilt, in increasing order; never the first or the last."""
    return np.flatnonzero(chance.random(count)[1:-1] < SPOILT) + 1


def csv_log(readings: Readings, *, start_ns: int, title: str, chance: np.random.Generator) -> bytes:
    """Comma-separated text: comments, a header, one line per reading; ms, g, deg/s, uT.

    Blemishes: lines cut off as by a lost connection, missing values, lines written twice.
    """
    columns = _columns(readings, {"acc": ("a{}", "g"), "gyro": ("g{}", "deg/s"), "mag": ("m{}", "uT")}, 4)
    frame = pl.DataFrame(
        {
            "time_ms": _stamps(readings.times, start_ns, 1_000_000) // 1_000_000,
            **columns,
            "activity": readings.labels,
        }
    )
    lines = frame.write_csv(float_precision=4).splitlines()
    header, rows = lines[0], lines[1:]
    for row in _spoilt(chance, len(rows)):
        rows[row] = rows[row][: chance.integers(16, 40)].rsplit(",", 1)[0]
    for row in _spoilt(chance, len(rows)):
        cells = rows[row].split(",")
        rows[row] = ",".join([cells[0], "nan", *cells[2:]]) if len(cells) > 2 else rows[row]
    for row in reversed(_spoilt(chance, len(rows))):
        rows.insert(row, rows[row])
    comments = ["# logger-a, firmware 2.31", f"# {title}", "# a: g, g: deg/s, m: uT (reference recorder)"]
    return ("\n".join([*comments, header, *rows]) + "\n").encode()


def jsonl_log(readings: Readings, *, start_ns: int, chance: np.random.Generator) -> bytes:
    """JSON lines: a batch per line, stamped (ns) with its last reading's time; m/s2, rad/s, uT.

    A batch is closed early where readings were lost or the activity changed. Blemishes:
    lines cut off in the middle, readings that are null.
    """
    stamps = _stamps(readings.times, start_ns, 1)
    pause = np.diff(readings.times) > 2 * np.median(np.diff(readings.times))
    edges = np.flatnonzero(pause | (readings.labels[1:] != readings.labels[:-1])) + 1
    pieces = np.split(np.arange(len(stamps)), edges)
    batches = [piece[at : at + BATCH] for piece in pieces for at in range(0, len(piece), BATCH)]
    rounded = {name: np.round(values, 4) for name, values in readings.signals.items()}
    lost = set(_spoilt(chance, len(stamps)).tolist())
    lines = []
    for batch in batches:
        record: dict[str, object] = {"t": int(stamps[batch[-1]]), "n": len(batch)}
        for name in ("acc", "gyro", "mag"):
            values = rounded[name][batch].T.tolist()
            record[name] = dict(zip("xyz", values, strict=True))
        for row in lost.intersection(batch.tolist()):
            record["acc"]["x"][row - int(batch[0])] = None  # type: ignore[index]
        record["activity"] = str(readings.labels[batch[0]])
        lines.append(json.dumps(record, separators=(",", ":")))
    for row in _spoilt(chance, len(lines) * 4) // 4:
        lines[row] = lines[row][: len(lines[row]) // 2]
    return ("\n".join(lines) + "\n").encode()


def parquet_log(
    readings: Readings, *, start_ns: int, annotated: npt.NDArray[np.bool_], chance: np.random.Generator
) -> bytes:
    """Parquet, a row per reading; us, m/s2, rad/s, gauss; labels only where annotated.

    Blemishes: missing values, stamps that repeat their forerunner's.
    """
    stamps = _stamps(readings.times, start_ns, 1_000) // 1_000
    repeated = _spoilt(chance, len(stamps))
    stamps[repeated] = stamps[repeated - 1]
    names = {"acc": ("acc_{}", "m/s2"), "gyro": ("gyro_{}", "rad/s"), "mag": ("mag_{}", "gauss")}
    columns = _columns(readings, names, 5)
    columns["gyro_x"][_spoilt(chance, len(stamps))] = np.nan
    frame = pl.DataFrame(
        {
            "t_us": stamps,
            **{name: values.astype(np.float32) for name, values in columns.items()},
            "activity": np.where(annotated, readings.labels, ""),
        }
    )
    stream = io.BytesIO()
    frame.write_parquet(stream, compression="zstd", compression_level=1)
    return stream.getvalue()
