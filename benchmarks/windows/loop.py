"""The floor: one loop over the readings, compiled, that filters, interpolates and writes the windows.

It knows that every recording is evenly spaced and without pauses, keeps no ids, no order, no
counts and no coverage, and writes the windows as they come.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
from numba import njit

from benchmarks.windows.records import HOP_S, LENGTH_S, RATES, STEPS


@njit(cache=True)
def cut(times, values, response, length, hop, steps, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, D103
    count, channels = values.shape
    half = len(response) // 2
    padded = np.empty((channels, count + 2 * half))
    for channel in range(channels):
        for reading in range(count):
            padded[channel, half + reading] = values[reading, channel]
        for away in range(1, half + 1):
            padded[channel, half - away] = 2.0 * values[0, channel] - values[away, channel]
            padded[channel, half + count - 1 + away] = 2.0 * values[-1, channel] - values[count - 1 - away, channel]
    smooth = np.empty((count, channels))
    for reading in range(count):
        for channel in range(channels):
            total = 0.0
            for tap in range(2 * half + 1):
                total += response[tap] * padded[channel, reading + tap]
            smooth[reading, channel] = total
    first = 0
    for window in range(len(out)):
        start = times[0] + window * hop
        while times[first] < start:
            first += 1
        right = first
        for step in range(steps):
            moment = start + step * length // steps
            while right < count - 1 and times[right] <= moment:
                right += 1
            left = max(right - 1, 0)
            share = (moment - times[left]) / (times[right] - times[left])
            for channel in range(channels):
                out[window, step, channel] = smooth[left, channel] * (1.0 - share) + smooth[right, channel] * share


def main() -> None:
    """Windows the records of a folder (first argument) into another (second)."""
    records, folder = Path(sys.argv[1]), Path(sys.argv[2])
    length, hop = round(LENGTH_S * 1e9), round(HOP_S * 1e9)
    for name, rate in RATES.items():
        ratio = rate / (STEPS / LENGTH_S)
        half = round(10 * ratio)
        response = np.sinc(np.arange(-half, half + 1) / ratio) * np.hamming(2 * half + 1)
        response /= response.sum()
        with (folder / f"{name}.f32").open("wb") as stream:
            for shard in sorted((records / name).glob("*.parquet")):
                for part in pl.read_parquet(shard).partition_by("recording", maintain_order=True):
                    times, values = part["t_ns"].to_numpy(), part.select("x", "y", "z").to_numpy()
                    values = np.ascontiguousarray(values)
                    windows = int(times[-1] - times[0] + 1.5e9 / rate - length) // hop + 1
                    out = np.empty((windows, STEPS, 3), dtype=np.float32)
                    cut(times, values, response, length, hop, STEPS, out)
                    stream.write(out.data)


if __name__ == "__main__":
    main()
