"""Running the grid: stores first, then trainings side by side, then scores.

A finished training is one small file under ``data/.work``, moved into place whole, so a grid
that is killed goes on where it stopped; a run that is stored with the same digest is not
repeated either. ``results/`` is rewritten from time to time and at the end, in the same
bytes whatever the order was.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from mmbind.config import TEST, MethodName
from mmbind.errors import InputError, MmbindError
from mmbind.evaluation.grid.cells import Cell, Selection, cells_of, methods_of, protocol_of
from mmbind.evaluation.grid.places import Place, cell_study, prepare, purities, rotation_study, up_to_date
from mmbind.evaluation.grid.score import Versions, score
from mmbind.evaluation.harness import plan
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.runs import TRAINING_CODE, Request, Run, input_digests, inputs_of, settings_of, software
from mmbind.evaluation.worker import perform
from mmbind.files import digest_of
from mmbind.parallel import each
from mmbind.progress import progress
from mmbind.reports.results import KEYS, Results
from mmbind.study import Study

#: Digits of a stored digest.
SHORT = 12
#: Seconds after which finished runs are stored, at the latest with the next one that finishes.
STORE_EVERY_S = 120.0


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


@dataclass(frozen=True)
class _Wanted:
    """A run of the grid: its request, its cell, and what it is made of."""

    request: Request
    cell: Cell
    versions: Versions

    def name(self, study: str) -> dict[str, str | int]:
        """The run's ``KEYS``."""
        return {
            "study": study,
            "task": self.cell.task,
            "method": self.request.method,
            "ablation": self.cell.ablation,
            "labels": self.cell.labels,
            "draw": self.cell.draw,
            "rotation": self.cell.rotation,
            "seed": self.request.seed,
        }


def results_folder(study: Study) -> Path:
    """Where a study's results are stored."""
    return study.root / "results"


def code_version() -> str:
    """The version of the code that trains, as stored beside a run."""
    return software(*TRAINING_CODE)[:SHORT]


def settings_version(study: Study) -> str:
    """The version of the parameters of training, as stored beside a run."""
    return digest_of(settings_of(study))[:SHORT]


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
        MmbindError: when a training failed, after all others; names it and says why.
    """
    protocol = (selection or Selection()).of(protocol_of(study))
    cells = cells_of(protocol)
    # one of the cells stands for all that share its rotation's stores
    sharing = {rotation_study(study, cell).data: Place.of(study, cell, shared=True) for cell in cells}
    rotations = list(sharing.values())
    missing = [one for one in rotations if not up_to_date(one)]
    list(progress(each(prepare, missing, workers=workers), "rotations: bindings", total=len(missing)))
    for cell in progress(cells, "cells: roles"):
        prepare(Place.of(study, cell))
    unavailable: dict[MethodName, str] = {}
    wanted: list[_Wanted] = []
    for cell in progress(cells, "cells: digests"):
        own = cell_study(study, cell)
        asked = {"methods": methods_of(protocol, cell), "seeds": protocol.seeds}
        evaluation = own.params.evaluation.model_copy(update=asked)
        planned = plan(Study(own.root, own.params.model_copy(update={"evaluation": evaluation}), own.data))
        unavailable |= planned.unavailable
        digests = input_digests(own)
        for request in planned.requests:
            data = digest_of(inputs_of(request.method, digests))
            versions = Versions(code_version(), settings_version(own), data[:SHORT], request.key[:SHORT])
            wanted.append(_Wanted(request, cell, versions))
    # one seed after the other: a grid that is stopped early has whole tables of few seeds
    wanted.sort(key=lambda one: protocol.seeds.index(one.request.seed))
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
    with _lock(study):
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


def _train(study: Study, wanted: Sequence[_Wanted], workers: int) -> int:
    """Trains what is neither kept nor stored; returns how many that were."""
    stored = _stored(study)
    missing = {
        one.request.key: one
        for one in wanted
        if stored.get(tuple(one.name(_name(study)).values())) != one.versions.digest
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
        others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise MmbindError(f"{failed[0]}{others}", hint="All other runs are finished and stored.")
    return fresh


def attempt(request: Request) -> str:
    """Trains a run and keeps it; returns why it failed, or nothing. One failure stops no other run."""
    try:
        perform(request)
    except MmbindError as error:
        return str(error)
    return ""


def _store(study: Study, wanted: Sequence[_Wanted]) -> Results:
    """Scores what is kept and not yet stored, and writes the store."""
    name, folder = _name(study), results_folder(study)
    truth: dict[Cell, list[str | None]] = {}
    with _lock(study):
        stored, there = Results.read(folder), _stored(study)
        fresh: list[Results] = []
        for one in wanted:
            key = one.name(name)
            if there.get(tuple(key.values())) == one.versions.digest:
                continue
            run = Run.load(study.work(one.request.key))
            if run is None:
                continue
            if one.cell not in truth:
                truth[one.cell] = _truth(cell_study(study, one.cell))
            purity = purities(study, one.cell).get(one.request.method)
            fresh.append(score(key, run, truth[one.cell], purity=purity, versions=one.versions))
        if fresh or not (folder / "runs.parquet").is_file():
            stored = stored.updated(Results.joined(fresh))
            stored.write(folder)
    return stored


def _truth(study: Study) -> list[str | None]:
    """Labels of a cell's test windows, in the order of its store."""
    labels: list[str | None] = Inputs(study, study.params.training.seed).truth(TEST).index["label"].to_list()
    if not any(label is not None for label in labels):
        raise InputError(f"{study.truth(TEST)}: no test window has a label.", hint="Check 'labels' of its sources.")
    return labels


def _stored(study: Study) -> dict[tuple[object, ...], str]:
    """Digests of the stored runs, by the values of their ``KEYS``."""
    runs = Results.read(results_folder(study)).runs
    return {tuple(row[:-1]): row[-1] for row in runs.select(*KEYS, "digest").iter_rows()}


def _name(study: Study) -> str:
    return protocol_of(study).name


def _lock(study: Study) -> FileLock:
    (study.root / "data" / ".work").mkdir(parents=True, exist_ok=True)
    return FileLock(study.root / "data" / ".work" / ".results.lock")
