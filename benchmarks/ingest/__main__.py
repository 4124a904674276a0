"""``python -m benchmarks.ingest``: generated CSV through mmbind's ingest and through a bare polars scan."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.ingest.generate import write_many, write_one
from benchmarks.measure import Run, in_turn, python, ratio, run, typical
from benchmarks.results import RESULTS, machine, table, write_section

#: Name of the source.
SOURCE = "generated"
#: What of a study's parameters ingest does not read, and a study cannot be without.
TEMPLATE = Path(__file__).resolve().parents[2] / "params.yaml"
#: Runs mmbind's ingest of the study in the working folder.
INGEST = f"from mmbind.study import Study; from mmbind.sources import ingest; ingest(Study.load('.'), '{SOURCE}')"


@dataclass(frozen=True)
class Case:
    """One measured case: mmbind and the floor, round by round.

    Attributes:
        name: for the table.
        size: bytes of the raw files.
        floor: the bare scan's runs.
        mine: ingest's runs.
        added: ingest's run after one more file came, and one that finds nothing new; None where not asked.
    """

    name: str
    size: int
    floor: Sequence[Run]
    mine: Sequence[Run]
    added: tuple[Run, Run] | None = None

    def row(self) -> list[object]:
        """The case's row of the table."""
        floor, mine = typical(self.floor), typical(self.mine)
        return [
            self.name,
            f"{self.size / 2**30:.2f}",
            f"{floor.seconds:.2f}",
            f"{mine.seconds:.2f}",
            f"{ratio(self.mine, self.floor):.2f}",
            f"{mine.cpu_seconds / floor.cpu_seconds:.2f}",
            f"{floor.peak_bytes / 2**20:.0f}",
            f"{mine.peak_bytes / 2**20:.0f}",
        ]


def main() -> None:
    """Generates, measures, prints and writes the section ``Ingest``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--gib", type=float, default=1.0, help="size of the one file, and of the many (default 1)")
    parser.add_argument("--large-gib", type=float, default=4.0, help="size of the large file; 0: none (default 4)")
    parser.add_argument("--files", type=int, default=10_000, help="how many small files (default 10000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turn (default 3)")
    parser.add_argument("--quick", action="store_true", help="a few MB, once: whether it works, not how fast")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the file of results")
    parser.add_argument("--scratch", type=Path, default=None, help="folder for generated files (default: temporary)")
    options = parser.parse_args()
    if options.quick:
        options.gib, options.large_gib, options.files, options.rounds = 0.002, 0.004, 20, 1
    if options.scratch is not None:
        options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mmbind-ingest-", dir=options.scratch) as scratch:
        body = report(measured(Path(scratch), options), options.rounds)
    print(body)
    write_section("Ingest", body, options.out)


def measured(scratch: Path, options: argparse.Namespace) -> dict[str, Case]:
    """Measures all cases; of the raw files only one case's lie on the disk at a time."""
    size, large = int(options.gib * 2**30), int(options.large_gib * 2**30)
    cases: dict[str, Callable[[], Case]] = {
        "one": lambda: _case("one file", scratch, lambda raw: write_one(raw / "p0_0.csv", size), options.rounds),
        "many": lambda: _case(
            f"{options.files} files",
            scratch,
            lambda raw: write_many(raw, size, options.files),
            options.rounds,
            add=True,
        ),
    }
    if large:
        cases["large"] = lambda: _case("one large file", scratch, lambda raw: write_one(raw / "p0_0.csv", large), 1)
    return {name: start() for name, start in cases.items()}


def report(cases: dict[str, Case], rounds: int) -> str:
    """The section's text."""
    header = ["case", "GiB", "floor s", "mmbind s", "ratio", "CPU ratio", "floor MiB", "mmbind MiB"]
    one = cases["one"]
    lines = [
        "`python -m benchmarks.ingest`: generated CSV (time, accelerometer, gyroscope, label; one bad line in 5000) "
        "through mmbind's ingest, with SHA-256, units, quarantine and provenance, and through polars from `scan_csv` "
        "to `sink_parquet` (zstd, level 1), the floor. Start-up of both programs is included.",
        table(header, [case.row() for case in cases.values()]),
        f"Time of one file over that of its floor: {ratio(one.mine, one.floor):.2f} (asked for: at most 1.6).",
    ]
    if cases["many"].added is not None:
        more, same = cases["many"].added
        lines.append(
            f"One file added to {cases['many'].name}: {more.seconds:.2f} s (CPU {more.cpu_seconds:.2f} s); a run that "
            f"finds nothing new there: {same.seconds:.2f} s (CPU {same.cpu_seconds:.2f} s)."
        )
    if "large" in cases:
        peak = typical(cases["large"].mine).peak_bytes / typical(one.mine).peak_bytes
        lines.append(f"Peak of memory at the large file over that at one file: {peak:.2f} (asked for: at most 1.2).")
    lines.append(f"Medians of {rounds} runs each, in turn (the large file once). {machine()}")
    return "\n\n".join(lines)


def _case(name: str, scratch: Path, write: Callable[[Path], int], rounds: int, *, add: bool = False) -> Case:
    """Measures one case; ``add``: also what one more file costs, and a run for nothing."""
    study = _study(scratch / "study")
    raw, records = study / "data" / "raw" / SOURCE, study / "data" / "records"
    size = write(raw)
    print(f"{name}: {size / 2**20:.0f} MiB generated", file=sys.stderr, flush=True)

    def mine() -> Run:
        shutil.rmtree(records, ignore_errors=True)
        shutil.rmtree(study / "data" / ".work", ignore_errors=True)
        return run([sys.executable, "-c", INGEST], cwd=study)

    def floor() -> Run:
        return run(python("benchmarks.ingest.floor", f"{raw}/*.csv", scratch / "floor.parquet"))

    runs = in_turn({"floor": floor, "mine": mine}, rounds)
    added = None
    if add:
        write_one(raw / "p99999_0.csv", min(path.stat().st_size for path in raw.iterdir()))
        more, same = (run([sys.executable, "-c", INGEST], cwd=study) for _ in range(2))
        added = more, same
    shutil.rmtree(study)
    return Case(name, size, runs["floor"], runs["mine"], added)


def _study(folder: Path) -> Path:
    """A study whose only source is generated."""
    values = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    sensors = {"acc": ("a", "g"), "gyro": ("g", "deg/s")}
    clock = {"kind": "timestamp", "column": "t", "unit": "ms"}
    values["sources"] = {
        SOURCE: {
            "files": "*.csv",
            "reader": {"format": "delimited"},
            "identity": {"pattern": r"(?P<subject>\w+)_(?P<session>\d+)\.csv$"},
            "labels": {"column": "label"},
            "modalities": {
                name: {
                    "columns": [f"{prefix}{axis}" for axis in "xyz"],
                    "channels": ["x", "y", "z"],
                    "unit": unit,
                    "clock": clock,
                }
                for name, (prefix, unit) in sensors.items()
            },
        }
    }
    values["roles"] = {name: {**role, "sources": [SOURCE]} for name, role in values["roles"].items()}
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
