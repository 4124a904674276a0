"""The runs of a part of the grid, each with what it is made of; their stores are made first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmbind.config import MethodName
from mmbind.errors import InputError
from mmbind.evaluation.grid.cells import (
    STORE_PARAMS,
    Cell,
    Selection,
    cells_of,
    methods_of,
    protocol_of,
    refuse_labelled_weights,
)
from mmbind.evaluation.grid.places import Place, cell_study, prepare, rotation_study, up_to_date
from mmbind.evaluation.grid.score import Versions
from mmbind.evaluation.harness import plan
from mmbind.evaluation.runs import TRAINING_CODE, Request, input_digests, inputs_of, settings_of, software
from mmbind.files import digest_of
from mmbind.parallel import each
from mmbind.progress import progress
from mmbind.reports.results import KEYS
from mmbind.study import Study

#: Digits of a stored digest.
SHORT = 12


@dataclass(frozen=True)
class Wanted:
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

    def key(self, study: str) -> tuple[str | int, ...]:
        """The values of :meth:`name` in the order of ``KEYS``."""
        name = self.name(study)
        return tuple(name[column] for column in KEYS)


def code_version() -> str:
    """The version of the code that trains, as stored beside a run."""
    return software(*TRAINING_CODE)[:SHORT]


def settings_version(study: Study, compute: Mapping[str, Any] | None = None) -> str:
    """The version of the parameters of training, as stored beside a run, on this machine or as on another."""
    return digest_of(settings_of(study, compute))[:SHORT]


def wanted_runs(
    study: Study, selection: Selection | None = None, *, workers: int = 1
) -> tuple[list[Wanted], dict[MethodName, str]]:
    """Makes the stores of a part of the grid and lists its runs.

    Args:
        study: the study; its windows must have been cut.
        selection: the part; all reported rotations when None.
        workers: rotations that are bound side by side.

    Returns:
        The runs, and why methods are left out, by method.

    Raises:
        InputError: when the study has no protocol, or not what is selected, or weights pairs by labelled windows, or an
            ablation changes nothing.
        MissingStageError: before ``window`` was run.
        LeakageError: when roles share a person, a recording or content.
    """
    protocol = (selection or Selection()).of(protocol_of(study))
    cells = cells_of(protocol)
    if not any(methods_of(protocol, cell) for cell in cells):
        raise InputError(
            "The ablations that are selected are not of the methods that are.",
            hint="protocol.ablations.<name>.methods names theirs.",
        )
    refuse_labelled_weights(study, cells)
    _refuse_idle(study, cells)
    # one of the cells stands for all that share its rotation's stores
    sharing = {rotation_study(study, cell).data: Place.of(study, cell, shared=True) for cell in cells}
    rotations = list(sharing.values())
    missing = [one for one in rotations if not up_to_date(one)]
    list(progress(each(prepare, missing, workers=workers), "rotations: bindings", total=len(missing)))
    for cell in progress(cells, "cells: roles"):
        prepare(Place.of(study, cell))
    unavailable: dict[MethodName, str] = {}
    wanted: list[Wanted] = []
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
            wanted.append(Wanted(request, cell, versions))
    # one seed after the other: a grid that is stopped early has whole tables of few seeds
    wanted.sort(key=lambda one: protocol.seeds.index(one.request.seed))
    return wanted, unavailable


def _refuse_idle(study: Study, cells: Sequence[Cell]) -> None:
    """Refuses an ablation that has the value of the study's own parameters, or of what a cell sets itself.

    Raises:
        InputError: since it would stand in the tables as one without an effect.
    """
    for name, cell in {cell.ablation: cell for cell in cells if cell.ablation}.items():
        one, other = (cell_study(study, which) for which in (cell, replace(cell, ablation="")))
        stores = [own.params.model_dump(mode="json", include=set(STORE_PARAMS)) for own in (one, other)]
        if settings_of(one) == settings_of(other) and stores[0] == stores[1]:
            raise InputError(
                f"protocol.ablations.{name} changes nothing that a training depends on.",
                hint="The study has this value itself, or every cell of the grid sets its own.",
            )
