"""Running the grid: stores first, then trainings side by side, then scores.

A finished training is one small file under ``data/.work``, moved into place whole, so a grid
that is killed goes on where it stopped; a run that is stored with the same digest is not
repeated either. ``results/`` is rewritten from time to time and at the end, in the same
bytes whatever the order was.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from filelock import FileLock

from mmbind.config import TEST, MethodName
from mmbind.errors import InputError, MmbindError
from mmbind.evaluation.grid.cells import Cell, Selection, protocol_of
from mmbind.evaluation.grid.places import cell_study, purities
from mmbind.evaluation.grid.score import score
from mmbind.evaluation.grid.wanted import Wanted, wanted_runs
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.runs import Request, Run
from mmbind.evaluation.worker import perform
from mmbind.parallel import each
from mmbind.progress import progress
from mmbind.reports.results import KEYS, Results
from mmbind.reports.results.checks import read_checks
from mmbind.study import Study

#: Seconds after which finished runs are stored, at the latest with the next one that finishes.
STORE_EVERY_S = 120.0
#: Failed trainings that are named.
NAMED = 10


@dataclass(frozen=True)
class GridSummary:
    """What a run of the grid did.

    Attributes:
        wanted: runs that were asked for.
        trained: those that were trained now.
        unavailable: methods that the study does not allow, and why.
        stored: runs in the store now.
        folder: of the store.
    """

    wanted: int
    trained: int
    unavailable: dict[MethodName, str]
    stored: int
    folder: Path

    def lines(self) -> list[str]:
        """A short text for people."""
        return [
            f"{self.wanted} runs wanted, {self.trained} trained now, the others were there",
            *[f"{method}: left out, {reason}" for method, reason in self.unavailable.items()],
            f"{self.stored} runs stored in {self.folder}",
        ]


def results_folder(study: Study) -> Path:
    """Where a study's results are stored."""
    return study.root / "results"


def run_grid(study: Study, selection: Selection | None = None, *, workers: int = 1) -> GridSummary:
    """Trains what is missing of the grid and stores the results.

    Args:
        study: the study; its windows must have been cut.
        selection: the part of the grid; all reported rotations when None.
        workers: trainings side by side, each in its own process with ``compute.threads`` threads.

    Raises:
        InputError: when the study has no protocol, or not what is selected.
        MissingStageError: before ``window`` was run.
        LeakageError: when roles share a person, a recording or content.
        MmbindError: when trainings failed, after all others; names them and says why.
    """
    wanted, unavailable = wanted_runs(study, selection, workers=workers)
    trained = _train(study, wanted, workers)
    stored = _store(study, wanted)
    return GridSummary(len(wanted), trained, unavailable, stored.runs.height, results_folder(study))


def merge_results(study: Study, origins: Sequence[Path]) -> Results:
    """Adds results of other machines to the study's store.

    Args:
        study: the study.
        origins: folders with the four tables (or a study's folder, or the path of a ``runs.parquet``).

    Raises:
        InputError: for a path without results, results of another study, or a run with other values.
    """
    name, folder = protocol_of(study).name, results_folder(study)
    with store_lock(study):
        merged = Results.read(folder)
        for origin in origins:
            found = _found(origin)
            foreign = sorted(set(found.runs["study"]) - {name})
            if foreign:
                raise InputError(
                    f"{origin} holds runs of the study {foreign[0]!r}, but this is {name!r}.",
                    hint="Merge them in that study (--study), or check protocol.name.",
                )
            merged = merged.merged(found, str(origin))
        merged.write(folder)
    return merged


def _found(origin: Path) -> Results:
    for folder in (origin.parent if origin.name == "runs.parquet" else origin, origin / "results"):
        if (folder / "runs.parquet").is_file():
            return Results.read(folder)
    raise InputError(f"{origin} holds no results.", hint="Name a folder with runs.parquet, e.g. a study's results/.")


def _train(study: Study, wanted: Sequence[Wanted], workers: int) -> int:
    """Trains what is neither kept nor stored; returns how many that were."""
    stored = _stored(study)
    missing = {
        one.request.key: one
        for one in wanted
        if one.versions.digest not in stored.get(one.key(protocol_of(study).name), ())
        and Run.load(study.work(one.request.key)) is None
    }
    finished = each(attempt, [one.request for one in missing.values()], workers=workers)
    failed: list[str] = []
    fresh, since = 0, time.monotonic()
    try:
        for request, failure in progress(finished, "trainings", total=len(missing)):
            fresh += 1
            if failure:
                failed.append(f"{missing[request.key].cell.title}, {request.method}, seed {request.seed}: {failure}")
            if time.monotonic() - since > STORE_EVERY_S:
                _store(study, wanted)
                since = time.monotonic()
    except BaseException:
        _store(study, wanted)
        raise
    if failed:
        _store(study, wanted)
        more = [f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else []
        raise MmbindError("\n".join([*failed[:NAMED], *more]), hint="All other runs are finished and stored.")
    return fresh


def attempt(request: Request) -> str:
    """Trains a run and keeps it; returns why it failed, foreseen or not, or nothing. It stops no other run."""
    try:
        perform(request)
    except MmbindError as error:
        return str(error)
    except Exception as error:
        if os.environ.get("MMBIND_DEBUG"):
            traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return ""


def _store(study: Study, wanted: Sequence[Wanted]) -> Results:
    """Scores what is kept and not yet stored, and writes the store."""
    name, folder = protocol_of(study).name, results_folder(study)
    truth: dict[Cell, list[str | None]] = {}
    with store_lock(study):
        stored, there = Results.read(folder), _stored(study)
        fresh: list[Results] = []
        for one in wanted:
            if one.versions.digest in there.get(one.key(name), ()):
                continue
            run = Run.load(study.work(one.request.key))
            if run is not None:
                fresh.append(scored(study, one, run, truth))
        if fresh or not (folder / "runs.parquet").is_file():
            stored = stored.updated(Results.joined(fresh))
            stored.write(folder)
    return stored


def scored(study: Study, one: Wanted, run: Run, truth: dict[Cell, list[str | None]]) -> Results:
    """The rows of a finished run.

    Args:
        study: the study.
        one: which run it is.
        run: its answers.
        truth: labels of the test windows by cell; what is missing is read and added.
    """
    if one.cell not in truth:
        truth[one.cell] = _truth(cell_study(study, one.cell))
    purity = purities(study, one.cell).get(one.request.method)
    name = one.name(protocol_of(study).name)
    return score(name, run, truth[one.cell], purity=purity, versions=one.versions)


def _truth(study: Study) -> list[str | None]:
    """Labels of a cell's test windows, in the order of its store."""
    labels: list[str | None] = Inputs(study, study.params.training.seed).truth(TEST).index["label"].to_list()
    if not any(label is not None for label in labels):
        raise InputError(f"{study.truth(TEST)}: no test window has a label.", hint="Check 'labels' of its sources.")
    return labels


def _stored(study: Study) -> dict[tuple[object, ...], set[str]]:
    """Digests that a stored run has or was found equal to, by the values of its ``KEYS``."""
    folder = results_folder(study)
    runs = Results.read(folder).runs.select(*KEYS, "digest")
    checks = read_checks(folder).select(*KEYS, "digest", "same_as")
    equal = runs.join(checks, on=[*KEYS, "digest"]).select(*KEYS, digest="same_as")
    found: dict[tuple[object, ...], set[str]] = {}
    for row in pl.concat([runs, equal]).iter_rows():
        found.setdefault(tuple(row[:-1]), set()).add(row[-1])
    return found


def store_lock(study: Study) -> FileLock:
    """Held while the study's results are written."""
    (study.root / "data" / ".work").mkdir(parents=True, exist_ok=True)
    return FileLock(study.root / "data" / ".work" / ".results.lock")
