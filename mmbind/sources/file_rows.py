"""What one file gave: what is kept and counted of it, and everything that was set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mmbind.errors import MmbindError
from mmbind.schema import QUARANTINE
from mmbind.sources.table import FileProblem

#: Sensors that a file's entry in the manifest names when their rows are passed by.
SENSORS = 20


@dataclass
class FileRows:
    """What one file gave.

    Attributes:
        kept: per modality, its readings in the order of the file; only of :func:`read_file`.
        aside: frames with the columns of the quarantine.
        counts: per modality, readings read, kept and quarantined.
        passed: rows of a long table that no modality names, by sensor.
        released: per modality, readings kept because a person released them.
        corrected: lines read as a person corrected them.
        unfit: why modalities cannot be read from it, as far as it was read.
        problem: why the file as a whole could not be read.
    """

    kept: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    aside: list[pl.DataFrame] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    corrected: int = 0
    unfit: dict[str, str] = field(default_factory=dict)
    problem: FileProblem | None = None

    @property
    def status(self) -> str:
        """``ok``, ``partial`` (something was set aside) or ``unreadable`` (nothing was read)."""
        if self.problem or not self.counts:
            return "unreadable"
        return "partial" if self.aside else "ok"

    def entry(self) -> dict[str, Any]:
        """What the manifest says of the file."""
        passed = {"passed": dict(sorted(self.passed.items()))} if self.passed else {}
        released = {"released": dict(sorted(self.released.items()))} if self.released else {}
        corrected = {"corrected": self.corrected} if self.corrected else {}
        return {"status": self.status, "modalities": self.counts, **passed, **released, **corrected}

    def refuse(self, path: str, problem: FileProblem) -> None:
        """Makes it the rows of a file that cannot be used as a whole."""
        self.kept, self.counts, self.passed, self.unfit, self.problem = {}, {}, {}, {}, problem
        self.released, self.corrected = {}, 0
        self.aside = [notes(path, [(problem.rule, problem.reason)])]

    def check_conservation(self, path: str) -> None:
        """Refuses counts that do not add up.

        Raises:
            MmbindError: when of a modality more or fewer readings were read than kept and set aside.
        """
        for name, counts in self.counts.items():
            if counts["read"] != counts["kept"] + counts["quarantined"]:
                raise MmbindError(
                    f"{path}: of {counts['read']} readings of {name}, {counts['kept']} were kept and "
                    f"{counts['quarantined']} quarantined.",
                    hint="This is a defect of mmbind's reader; please report it with the file.",
                )


def most_frequent(passed: Mapping[str, int]) -> dict[str, int]:
    """The most frequent sensors, and the others as one: a column of values taken for one of sensors has many."""
    order = sorted(passed, key=lambda sensor: (-passed[sensor], sensor))
    rest = sum(passed[sensor] for sensor in order[SENSORS:])
    return {sensor: passed[sensor] for sensor in order[:SENSORS]} | ({"...": rest} if rest else {})


def quarantined(path: str, lost: Sequence[tuple[str, pl.DataFrame]]) -> list[pl.DataFrame]:
    """Rows of the quarantine about readings of a file, in one frame or none."""
    if not lost:
        return []
    names = [name for name, aside in lost for _ in range(aside.height)]
    about = [pl.Series("file", [path] * len(names)), pl.Series("modality", names)]
    return [pl.concat([aside for _, aside in lost]).hstack(about).select(*QUARANTINE)]


def notes(path: str, about: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Rows of the quarantine about a file as a whole, from (rule, reason)."""
    rows = [(path, None, None, b"", rule, reason) for rule, reason in about]
    return pl.DataFrame(rows, schema=QUARANTINE, orient="row")
