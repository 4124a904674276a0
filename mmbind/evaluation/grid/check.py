"""Checking stored runs: some are trained again, and must give the same results to the last digit.

Equal input, parameters and code give equal bytes on one type of CPU; here everybody can try it.
Where the code has changed since and its results have not, all runs of the kind that was tried
stand for the present code, and the grid does not train them anew, until another run of the kind
comes out otherwise.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from mmbind.errors import InputError, MmbindError
from mmbind.evaluation.grid.cells import Cell, Selection, protocol_of
from mmbind.evaluation.grid.run import attempt, results_folder, scored, store_lock
from mmbind.evaluation.grid.wanted import Wanted, code_version, wanted_runs
from mmbind.evaluation.runs import Request, Run
from mmbind.files import digest_of
from mmbind.parallel import each
from mmbind.progress import progress
from mmbind.reports.results import KEYS, Results
from mmbind.reports.results.checks import CHECKS, read_checks, write_checks
from mmbind.study import Study

#: Runs that differ in rotation and seed alone stand for each other.
KIND = ("task", "ablation", "labels", "draw", "method", "code")
Kind = tuple[str, ...]
#: Columns that tell by what a run was made; equal results may differ in them.
MADE_BY = ("code", "digest")


@dataclass(frozen=True)
class CheckSummary:
    """What a check found, when all runs came out the same.

    Attributes:
        tried: runs that were trained again.
        stand: stored runs that stand for the present code by it, and were trained by another.
        other: stored runs of the selection that were not comparable: of other data or parameters.
    """

    tried: int
    stand: int
    other: int

    def lines(self) -> list[str]:
        """A short text for people."""
        lines = [f"{self.tried} stored runs trained again: the same results to the last digit"]
        if self.stand:
            lines.append(f"{self.stand} stored runs of earlier code stand for the present one")
        if self.other:
            lines.append(
                f"{self.other} stored runs are of other data or parameters (or device or precision) and were left out"
            )
        return lines


@dataclass(frozen=True)
class _Pair:
    """A run as it would be trained now, and its stored row."""

    wanted: Wanted
    row: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """The run's ``KIND``."""
        return _kind(self.row)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.wanted.cell.title}, {self.wanted.request.method}, seed {self.wanted.request.seed}"


def check_runs(study: Study, selection: Selection | None = None, *, count: int = 1, workers: int = 1) -> CheckSummary:
    """Trains some stored runs again and compares.

    Args:
        study: the study; its windows must have been cut.
        selection: the part of the grid; all reported rotations when None.
        count: runs that are tried of each kind: task, ablation, labels, draw, method and code.
        workers: trainings side by side.

    Raises:
        InputError: when no stored run can be compared.
        MmbindError: when a run came out otherwise, or failed; names it. No stored run of its kind then stands
            for the present code any more, or does not yet.
    """
    wanted, _ = wanted_runs(study, selection, workers=workers)
    stored, name = Results.read(results_folder(study)), protocol_of(study).name
    rows = {tuple(row[key] for key in KEYS): row for row in stored.runs.iter_rows(named=True)}
    there = [_Pair(one, rows[key]) for one in wanted if (key := one.key(name)) in rows]
    if not there:
        raise InputError("No run of this selection is stored.", hint="'mmbind results run' trains them.")
    alike = [pair for pair in there if _made_of(pair.row) == (pair.wanted.versions.settings, pair.wanted.versions.data)]
    if not alike:
        raise InputError(
            f"None of {len(there)} stored runs is of the present data and parameters.",
            hint="The machine's device and precision count, too (compute). 'mmbind results run' trains them anew.",
        )
    kinds: dict[Kind, list[_Pair]] = {}
    for pair in sorted(alike, key=_order):
        kinds.setdefault(pair.kind, []).append(pair)
    tried = [pair for pairs in kinds.values() for pair in pairs[:count]]
    wrong, failed = _otherwise(study, stored, tried, workers)
    sound = [pairs for kind, pairs in kinds.items() if kind not in wrong and kind not in failed]
    stand = [pair for pairs in sound for pair in pairs if _other_code(pair)]
    _keep(study, stand, {id(pair) for pair in tried}, wrong)
    if wrong:
        raise MmbindError(
            f"{len(wrong)} of {len(kinds)} kinds of runs do not come out as stored: {next(iter(wrong.values()))}",
            hint="Another type of CPU rounds otherwise; on the same one the code's results have changed: "
            "'mmbind results run' trains anew what is out of date.",
        )
    if failed:
        raise MmbindError(
            f"Trainings of {len(failed)} of {len(kinds)} kinds failed: {next(iter(failed.values()))}",
            hint="Nothing is noted of these kinds; check them again.",
        )
    return CheckSummary(len(tried), len(stand), len(there) - len(alike))


def _order(pair: _Pair) -> str:
    """By chance, but alike for the label counts and draws of a method, which share their pre-training."""
    return digest_of([str(pair.row[key]) for key in ("task", "ablation", "method", "rotation", "seed")])


def _made_of(row: dict[str, Any]) -> tuple[str, str]:
    return row["settings"], row["data"]


def _kind(row: Mapping[str, Any]) -> Kind:
    return tuple(str(row[column]) for column in KIND)


def _other_code(pair: _Pair) -> bool:
    return bool(pair.row["digest"] != pair.wanted.versions.digest)


def _otherwise(
    study: Study, stored: Results, tried: Sequence[_Pair], workers: int
) -> tuple[dict[Kind, str], dict[Kind, str]]:
    """Trains runs from the beginning; says by kind what is otherwise than stored, and which training failed."""
    again: dict[str, list[_Pair]] = {}  # e.g. draws that take the same windows are one training
    for pair in tried:
        again.setdefault(_again(pair.wanted.request).key, []).append(pair)
    requests = [_again(pairs[0].wanted.request) for pairs in again.values()]
    wrong: dict[Kind, str] = {}
    failed: dict[Kind, str] = {}
    truth: dict[Cell, list[str | None]] = {}
    _forget(study, requests)
    try:
        finished = each(attempt, requests, workers=workers)
        for request, failure in progress(finished, "trainings", total=len(requests)):
            run = Run.load(study.work(request.key))
            for pair in again[request.key]:
                if run is None:
                    failed.setdefault(pair.kind, f"{pair.title}: {failure}")
                elif said := _difference(stored, pair, scored(study, pair.wanted, run, truth)):
                    wrong.setdefault(pair.kind, f"{pair.title}: {said}")
    finally:
        _forget(study, requests)
    return wrong, failed


def _again(request: Request) -> Request:
    """The same training, which takes nothing that was there and leaves nothing."""
    return replace(request, key=f"{request.key}-again", pretraining=f"{request.pretraining}-again")


def _forget(study: Study, requests: Sequence[Request]) -> None:
    for request in requests:
        for folder in (study.work(request.key), study.work(request.pretraining)):
            shutil.rmtree(folder, ignore_errors=True)


def _difference(stored: Results, pair: _Pair, found: Results) -> str:
    """What is otherwise; nothing where all figures are the same."""
    own = stored.only(pl.all_horizontal(pl.col(key) == pair.row[key] for key in KEYS))
    same = own.runs.drop(MADE_BY).equals(found.runs.drop(MADE_BY), null_equal=True) and all(
        getattr(own, table).equals(getattr(found, table), null_equal=True)
        for table in ("confusions", "modalities", "reliability")
    )
    if same:
        return ""
    accuracy = found.runs["accuracy"][0]
    return f"accuracy {accuracy:.6f}, stored {pair.row['accuracy']:.6f}" + (
        "; other figures differ" if accuracy == pair.row["accuracy"] else ""
    )


def _keep(study: Study, stand: Sequence[_Pair], tried: set[int], wrong: Collection[Kind]) -> None:
    """Notes the runs that stand for the present code, and forgets what was noted of kinds that do not."""
    code = code_version()
    rows = [
        {
            **{key: pair.row[key] for key in KEYS},
            "digest": pair.row["digest"],
            "same_as": pair.wanted.versions.digest,
            "code": code,
            "tried": id(pair) in tried,
        }
        for pair in stand
    ]
    folder = results_folder(study)
    with store_lock(study):
        runs, before = Results.read(folder).runs, read_checks(folder)
        refuted = [{**{key: row[key] for key in KEYS}, "code": code} for row in runs.to_dicts() if _kind(row) in wrong]
        lost = pl.DataFrame(refuted, schema={name: CHECKS[name] for name in (*KEYS, "code")}, orient="row")
        kept = before.join(lost, on=lost.columns, how="anti")
        if rows or kept.height < before.height:
            write_checks(folder, pl.concat([kept, pl.DataFrame(rows, schema=dict(CHECKS), orient="row")]), runs)
