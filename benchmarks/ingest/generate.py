"""Logs of a body-worn sensor in CSV, as many bytes as asked for: the same bytes for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

#: The columns.
HEADER = b"t,ax,ay,az,gx,gy,gz,label\n"
#: Rows that are made at once.
ROWS = 1 << 18
#: What a row weighs, roughly: files of many rows are cut at this many bytes per row.
ROW_BYTES = 66
#: One row in so many is none of the others' kind: broken, without a value, repeated.
BAD_EVERY = 5000
#: Milliseconds between readings (50 Hz).
STEP_MS = 20
_ACTIVITIES = ("walk", "run", "sit", "stairs", "")
#: Rows of one activity in turn.
_BOUT = 3000


def write_one(path: Path, size: int, *, seed: int = 0) -> int:
    """Writes one file.

    Args:
        path: where to; its folder is made.
        size: bytes, rounded up to whole pieces of ``ROWS`` rows where it is larger than one.
        seed: of the noise.

    Returns:
        Bytes written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written, piece = len(HEADER), 0
    with path.open("wb") as stream:
        stream.write(HEADER)
        while written < size:
            rows = min(ROWS, max((size - written) // ROW_BYTES, 1))
            written += stream.write(_piece(np.random.default_rng([seed, piece]), rows, piece * ROWS))
            piece += 1
    return written


def write_many(folder: Path, size: int, files: int, *, seed: int = 0) -> int:
    """Writes many files ``p<subject>_<session>.csv``, ten sessions a subject, of about ``size`` bytes in all.

    Returns:
        Bytes written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, written = max(size // files // ROW_BYTES, 1), 0
    for group in range(0, files, 100):
        count = min(100, files - group)
        lines = _piece(np.random.default_rng([seed, 1, group]), rows * count, 0).splitlines(keepends=True)
        for number in range(count):
            mine = b"".join(lines[number * len(lines) // count : (number + 1) * len(lines) // count])
            path = folder / f"p{(group + number) // 10:04d}_{(group + number) % 10}.csv"
            written += path.write_bytes(HEADER + mine)
    return written


def _piece(chance: np.random.Generator, rows: int, first: int) -> bytes:
    """Rows that follow ``first`` others; a few of them are bad."""
    index = np.arange(first, first + rows)
    phase = index * (STEP_MS / 1000) * 2 * np.pi * 1.8
    motion = np.sin(phase + chance.uniform(0, 6))
    frame = pl.DataFrame(
        {
            "t": 1_700_000_000_000 + index * STEP_MS,
            **{f"a{axis}": level + 0.3 * motion + 0.05 * _noise(chance, rows) for axis, level in _levels("xyz", 0.57)},
            **{f"g{axis}": level + 40 * motion + 5 * _noise(chance, rows) for axis, level in _levels("xyz", 0.0)},
            "label": pl.Series(_ACTIVITIES).gather(index // _BOUT % len(_ACTIVITIES)),
        }
    )
    text = frame.write_csv(include_header=False, float_precision=5, quote_style="never").encode()
    return b"".join(_spoilt(text.splitlines(keepends=True), chance))


def _levels(axes: str, level: float) -> Iterator[tuple[str, float]]:
    return ((axis, level) for axis in axes)


def _noise(chance: np.random.Generator, rows: int) -> npt.NDArray[np.float64]:
    return chance.standard_normal(rows)


def _spoilt(lines: list[bytes], chance: np.random.Generator) -> list[bytes]:
    """Some lines cut short, without a value, with a word for a number, or repeated from the line before."""
    for number in np.flatnonzero(chance.random(len(lines)) < 1 / BAD_EVERY).tolist():
        fields = lines[number].split(b",")
        match int(chance.integers(4)):
            case 0:
                lines[number] = b",".join(fields[:4]) + b"\n"
            case 1:
                lines[number] = b",".join([fields[0], b"", *fields[2:]])
            case 2:
                lines[number] = b",".join([*fields[:5], b"ERR", *fields[6:]])
            case _:
                lines[number] = lines[max(number - 1, 0)]
    return lines
