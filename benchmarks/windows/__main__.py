"""``python -m benchmarks.windows``: the stage ``window`` against one loop, and its memory."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import measure
from benchmarks.results import machine, table, write_section
from benchmarks.windows.records import HOP_S, LENGTH_S, RATES, STEPS, write

#: How much longer than the loop the stage may take, and how much more memory four times the recordings may.
LIMIT, FLAT = 2.0, 1.2


def main() -> None:
    """Writes records, runs both in turn, prints and writes down the ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows", description=__doc__)
    parser.add_argument(
        "--recordings", type=int, default=64, help="of the small source; the large one has four times as many"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="per recording")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small = write(root / "small", chosen.recordings, chosen.minutes)
        large = write(root / "large", 4 * chosen.recordings, chosen.minutes)
        out = root / "out"
        out.mkdir()
        loop = measure.python("benchmarks.windows.loop", large.records("s"), out)
        measure.run(measure.python("benchmarks.windows.loop", small.records("s"), out))  # compiled and kept
        candidates = {
            "one loop (numba)": partial(measure.run, loop),
            "stage window": partial(measure.run, measure.python("benchmarks.windows.stage", large.root)),
        }
        runs = measure.in_turn(candidates, chosen.rounds)
        little = measure.run(measure.python("benchmarks.windows.stage", small.root))
    floor, stage = runs["one loop (numba)"], runs["stage window"]
    ratio = measure.ratio(stage, floor)
    growth = measure.typical(stage).peak_bytes / little.peak_bytes
    readings = sum(round(chosen.minutes * 60 * rate) for rate in RATES.values()) * 4 * chosen.recordings
    rows = [
        [name, f"{cost.seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_bytes / 2**20:.0f}"]
        for name, cost in ((name, measure.typical(found)) for name, found in runs.items())
    ]
    body = "\n".join(
        [
            f"`python -m benchmarks.windows` on {machine()}",
            "",
            f"{readings / 1e6:.0f} million readings of {4 * chosen.recordings} recordings, acc 200 Hz and gyro 100 Hz, "
            f"into windows of {LENGTH_S:g} s every {HOP_S:g} s, {STEPS} samples each; medians of {chosen.rounds} runs, "
            "in turn, start-up included. The loop reads, filters, interpolates and writes, and nothing else.",
            "",
            table(["", "s", "CPU s", "peak MiB"], rows),
            "",
            f"- time, stage / loop: **{ratio:.2f}** (at most {LIMIT:g})",
            f"- peak memory, four times the recordings / once: **{growth:.2f}** (at most {FLAT:g})",
        ]
    )
    write_section("window", body)
    print(body)


if __name__ == "__main__":
    main()
