"""Small pieces of real logs, ways to spoil them, and what a user then reads."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

from mmbind.errors import GateError
from mmbind.files import read_json, write_json
from mmbind.sources import ingest
from mmbind.sources.quarantine import Quarantine
from mmbind.study import Study
from mmbind.validation import validate
from mmbind.validation.judgement import Judgement, Verdict
from mmbind.windows import cut_windows
from tests.support import ROOT
from tests.unit.validation import real

#: Channels of the phones' files.
ACC, GYRO, FIELD = ([f"{axis}_{sensor}" for axis in "xyz"] for sensor in ("acc", "gyro", "mag"))
ROW = pl.int_range(pl.len())
#: Changes a folder: that of the raw files, or of what ingest left.
Spoil = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A rule and how real files are made to break it.

    Attributes:
        rule: its name.
        logs: which of ``LOGS``.
        fault: what happened, in a few words.
        spoil: does it.
        reads: what the user must read; ``...`` stands for anything in one line.
        later: whether the records are spoilt, after ingest, as a broken disk or a hand would.
    """

    rule: str
    logs: str
    fault: str
    spoil: Spoil
    reads: str
    later: bool = False

    def __str__(self) -> str:
        """Its name among the tests."""
        return f"{self.rule}-{self.fault}"


def surroundings() -> dict[str, Any]:
    """The phone's file with columns as other sensors log them, beside its own."""
    source, clock = real.wrist_and_pocket(), real.stamped("timestamp", "ms")
    units = {"warmth": "degC", "light": "lx", "air": "hPa", "sound": "dB", "gas": "ppm", "damp": "%", "pace": "m/s"}
    more = {name: {"columns": [name], "channels": [name], "unit": unit, "clock": clock} for name, unit in units.items()}
    field = real.modality(FIELD, "uT", clock)
    return {**source, "modalities": {**source["modalities"], "mag": field, **more}}


def shaken() -> dict[str, Any]:
    """The phone, and its acceleration without gravity."""
    linear = {"linear": {"kind": "linear_acceleration", "base": "acc"}}
    return {**real.wrist_and_pocket(), "derived": linear}


def angles() -> dict[str, Any]:
    """MobiFall's Euler angles: comment header, nanoseconds, degrees."""
    return {
        "files": "**/*_ori_*.txt",
        "reader": {"format": "delimited", "header": False, "comment": ["#", "@"]},
        "identity": {"pattern": r"(?P<subject>sub\d+)/\w+/\w+/(?P<label>[A-Z]+)_ori_\d+_(?P<session>\d+)\.txt$"},
        "modalities": {"euler": real.modality([1, 2, 3], "deg", real.stamped("0", "ns"))},
    }


def falls() -> dict[str, Any]:
    """WEDA-FALL's falls, with the table that says when people fell, and gravity from its quaternions."""
    table = {
        "files": "fall_timestamps.csv",
        "patterns": {"filename": r"(?P<label>F\d+)/(?P<subject>U\d+)_R(?P<session>\d+)$"},
        "start": "start_time",
        "stop": "end_time",
    }
    watch = real.watch()
    names = watch["identity"]["pattern"].replace(r"U(?P<subject>\d+)", r"(?P<subject>U\d+)")
    gravity = {"gravity": {"kind": "gravity_from_quaternion", "base": "orientation"}}
    return {**watch, "identity": {"pattern": names}, "labels": {"table": table}, "derived": gravity}


def database() -> dict[str, Any]:
    """The phone's files, each as a table of an SQLite database."""
    source = real.wrist_and_pocket()
    return {**source, "files": "**/*.db", "reader": {"format": "sqlite", "table": "readings"}}


#: Logs by name: packed data set, members, how many, and the source.
LOGS: dict[str, tuple[str, str, int, Callable[[], dict[str, Any]]]] = {
    "phones": ("geotec", r"s01_0[1-4]_sp\.csv$", 4, real.wrist_and_pocket),
    "watches": ("geotec", r"s0[12]_\d+_sw\.csv$", 11, real.wrist_and_pocket),
    "surroundings": ("geotec", r"s01_0[1-4]_sp\.csv$", 4, surroundings),
    "shaken": ("geotec", r"s01_0[1-2]_sp\.csv$", 2, shaken),
    "database": ("geotec", r"s01_0[1-2]_sp\.csv$", 2, database),
    "gestures": ("utd_mhad", r"a[12]_s1_t1_(inertial|skeleton)\.mat$", 4, real.gestures),
    "watch": ("weda_fall", r"D01/U01_R0[12]_(accel|orientation)\.csv$", 4, real.watch),
    "falls": ("weda_fall", r"F01/U01_R0[12]_(accel|orientation)\.csv$|fall_timestamps", 5, falls),
    "angles": ("mobifall", r"CSI_ori_2_[12]\.txt$", 2, angles),
}


def unpack(name: str, folder: Path) -> None:
    """Writes the files of one of ``LOGS``."""
    archive, pattern, count, _ = LOGS[name]
    real.unpack(f"{archive}.tar.xz", pattern, count, folder)
    if name == "falls":
        next(folder.rglob("fall_timestamps.csv")).rename(folder / "fall_timestamps.csv")
        keep(r"F01/U01_R0[12]", "fall_timestamps.csv", header=True)(folder)
    if name == "surroundings":
        edit(_sense_surroundings)(folder)
    if name == "database":
        for path in sorted(folder.rglob("*.csv")):
            _to_database(pl.read_csv(path), path.with_suffix(".db"))
            path.unlink()


def _to_database(table: pl.DataFrame, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE readings ({', '.join(table.columns)})")
        database.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", table.rows())
        database.commit()


def _sense_surroundings(table: pl.DataFrame) -> pl.DataFrame:
    x = pl.col("x_acc").clip(-10, 10)
    field = [(5 * pl.col(acc)).alias(name) for acc, name in zip(ACC, FIELD, strict=True)]
    usual = {"warmth": 24 + x / 10, "light": 300 + x, "air": 1013 + x / 10, "sound": 50 + x, "gas": 600 + x}
    return table.with_columns(*field, **usual, damp=45 + x, pace=1.4 + x / 100)


def study_of(root: Path, case: Case, raw: Path, suite: str | None) -> Study:
    """A study of the case's spoilt logs, whose gate knows the case's rule alone (None: no gate)."""
    study = real.study_of(root, LOGS[case.logs][3]())
    shutil.copytree(raw, study.raw("s"))
    if suite is not None:
        rules = read_json(ROOT / "expectations" / f"{suite}.json")["expectations"]
        mine = [rule for rule in rules if rule["meta"]["rule"] == case.rule]
        write_json(root / "house" / "expectations" / f"{suite}.json", {"name": suite, "expectations": mine})
        params = yaml.safe_load((root / "params.yaml").read_text())
        (root / "params.yaml").write_text(yaml.safe_dump({**params, "house": str(root / "house")}))
    if not case.later:
        case.spoil(study.raw("s"))
    return Study.load(root)


def told_by_gate(study: Study, case: Case, *, windows: bool = False) -> str:
    """What the gate says of the case's spoilt logs; empty when it says nothing."""
    ingest(study, "s")
    if case.later:
        case.spoil(study.records("s"))
    try:
        judged: Judgement | None = cut_windows(study, "s").judgement if windows else validate(study, "s")
    except GateError as error:
        return str(error)
    assert judged is not None
    return "\n".join(line for line in judged.lines() if line.startswith("warning: "))


def told_by_quarantine(study: Study, case: Case) -> str:
    """What the list of the quarantine says of the case's spoilt logs; empty when it says nothing of its rule."""
    ingest(study, "s")
    rows = Quarantine.of(study, "s").counts().filter(rule=case.rule)
    lines = []
    for row in rows.to_dicts():
        count = "" if row["modality"] is None else f" {row['modality']} {row['rows']}"
        lines.append(f"{row['example']}{count}: {row['reason']}")
    return "\n".join(lines)


def verdicts(raw: Path, root: Path, name: str) -> dict[str, Verdict]:
    """What all rules for records say of logs as they are."""
    study = real.study_of(root, LOGS[name][3]())
    shutil.copytree(raw, study.raw("s"))
    ingest(study, "s")
    return {verdict.rule: verdict for verdict in validate(study, "s").verdicts}


# ---- ways to spoil files


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(folder: Path) -> None:
        for each in spoils:
            each(folder)

    return spoil


def edit(change: Callable[[pl.DataFrame], pl.DataFrame], name: str = "*.csv") -> Spoil:
    """Changes tables with a header."""

    def spoil(folder: Path) -> None:
        for path in _files(folder, name):
            change(pl.read_csv(path)).write_csv(path)

    return spoil


def columns(names: list[str], change: Callable[[pl.Expr], pl.Expr], file: str = "*.csv") -> Spoil:
    """Changes some columns of tables."""
    return edit(lambda table: table.with_columns(change(pl.col(name)).alias(name) for name in names), file)


def times(factor: float) -> Callable[[pl.Expr], pl.Expr]:
    """Multiplication of a column."""
    return lambda value: value * factor


def cells(name: str, where: pl.Expr, value: object, file: str = "*.csv") -> Spoil:
    """Writes something else, text as it is, into a column's cells."""
    told = pl.when(where).then(pl.lit(value)).otherwise(pl.col(name).cast(pl.String)).alias(name)
    return edit(lambda table: table.with_columns(told), file)


def rows(where: pl.Expr, file: str = "*.csv") -> Spoil:
    """Loses readings."""
    return edit(lambda table: table.filter(where), file)


def swapped(one: str, other: str, file: str = "*.csv") -> Spoil:
    """Exchanges two columns."""
    return edit(lambda table: table.with_columns(pl.col(one).alias(other), pl.col(other).alias(one)), file)


def data(change: Callable[[bytes], bytes], file: str) -> Spoil:
    """Changes a file's bytes."""

    def spoil(folder: Path) -> None:
        for path in _files(folder, file):
            path.write_bytes(change(path.read_bytes()))

    return spoil


def keep(pattern: str, file: str, *, header: bool = False) -> Spoil:
    """Keeps the lines that fit."""

    def fitting(text: bytes) -> bytes:
        first, *lines = text.splitlines(keepends=True)
        found = [line for line in lines if re.search(pattern.encode(), line)]
        return b"".join([*([first] if header else []), *found])

    return data(fitting, file)


def renamed(file: str, name: str, *, copy: bool = False) -> Spoil:
    """Gives a file another name, or a second one."""

    def spoil(folder: Path) -> None:
        for path in _files(folder, file):
            shutil.copy(path, path.with_name(name))
            if not copy:
                path.unlink()

    return spoil


def numbers(change: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], file: str) -> Spoil:
    """Changes the numbers of a file of comma-separated numbers under ``@DATA``."""

    def changed(text: bytes) -> bytes:
        head, mark, lines = text.replace(b"\r", b"").partition(b"@DATA\n")
        table = change(np.loadtxt(lines.decode().splitlines(), delimiter=","))
        rows = [",".join([f"{row[0]:.0f}", *(f"{value:.6g}" for value in row[1:])]) for row in table]
        return head + mark + "\n".join(rows).encode()

    return data(changed, file)


def _files(folder: Path, name: str) -> list[Path]:
    found = sorted(folder.rglob(name))
    assert found, f"no {name} in {folder}"
    return found
