"""Cells of the grid: what is trained on what, before methods and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mmbind.config import Draw, MethodName, Protocol
from mmbind.config.protocol import Ablation
from mmbind.errors import InputError, nearest
from mmbind.study import Study

#: Parameters that determine a cell's stores.
STORE_PARAMS = ("binding", "compute", "roles", "shared", "sources")
#: Parameters, or sections of them, that an ablation may change: what the grid's trainings and stores depend on.
ABLATED = ("binding", "compute", "evaluation.calibrated", "roles", "shared", "training")

Named = TypeVar("Named", bound=object)


@dataclass(frozen=True)
class Cell:
    """One set of stores, on which all methods and seeds are trained.

    Attributes:
        rotation: name of the rotation.
        task: name of the task.
        labels: labelled windows of the target.
        draw: how they are drawn.
        ablation: name of the ablation; empty for the study's own parameters.
    """

    rotation: str
    task: str
    labels: int
    draw: Draw
    ablation: str = ""

    @property
    def name(self) -> str:
        """A folder name; no two cells of a protocol have the same."""
        return f"{self.rotation}-{self.task}-{self.labels}-{self.draw}"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name}, {self.ablation}" if self.ablation else self.name


@dataclass(frozen=True)
class Selection:
    """A part of the grid; an empty field means all (rotations: the reported ones; ablations: none).

    Attributes:
        tasks: names of tasks.
        labels: label counts.
        draws: draws.
        rotations: names of rotations; those for tuning are run only when named.
        seeds: seeds.
        methods: names of methods.
        ablations: names of ablations, which are run in the place of the study's own parameters.
    """

    tasks: Sequence[str] = field(default=())
    labels: Sequence[int] = field(default=())
    draws: Sequence[str] = field(default=())
    rotations: Sequence[str] = field(default=())
    seeds: Sequence[int] = field(default=())
    methods: Sequence[str] = field(default=())
    ablations: Sequence[str] = field(default=())

    def of(self, protocol: Protocol) -> Protocol:
        """The protocol without what is not selected; ``reported`` holds all rotations to be run.

        Raises:
            InputError: for a name that the protocol does not have.
        """
        values = {
            "tasks": {name: protocol.tasks[name] for name in _chosen("task", self.tasks, protocol.tasks)},
            "labels": _chosen("label count", self.labels, protocol.labels),
            "draws": _chosen("draw", self.draws, protocol.draws),
            "tuning": [],
            "reported": _chosen("rotation", self.rotations, protocol.rotations)
            if self.rotations
            else protocol.reported,
            "seeds": _chosen("seed", self.seeds, protocol.seeds),
            "methods": _chosen("method", self.methods, protocol.methods),
            "ablations": {
                name: protocol.ablations[name]
                for name in (_chosen("ablation", self.ablations, protocol.ablations) if self.ablations else ())
            },
        }
        return protocol.model_copy(update=values)


def protocol_of(study: Study) -> Protocol:
    """The study's protocol.

    Raises:
        InputError: when ``params.yaml`` has none, or one of its ablations changes nothing here.
    """
    if study.params.protocol is None:
        raise InputError(
            f"{study.root / 'params.yaml'} has no section 'protocol'.",
            hint="Name tasks, label counts and rotations there (docs/evaluation.md).",
        )
    for name, ablation in study.params.protocol.ablations.items():
        _refuse_useless(name, ablation, study.params.protocol)
    return study.params.protocol


def cells_of(protocol: Protocol) -> list[Cell]:
    """All cells, those of one task, label count and draw together: of the ablations where there are any."""
    return [
        Cell(rotation, task, labels, draw, ablation)
        for ablation in protocol.ablations or [""]
        for task in protocol.tasks
        for labels in protocol.labels
        for draw in protocol.draws
        for rotation in protocol.rotations
    ]


def methods_of(protocol: Protocol, cell: Cell) -> list[MethodName]:
    """The protocol's methods that a cell is for."""
    wanted = protocol.ablations[cell.ablation].methods if cell.ablation else protocol.methods
    return [name for name in protocol.methods if name in wanted]


def refuse_labelled_weights(study: Study, cells: Iterable[Cell]) -> None:
    """Refuses pairs that are weighted by labelled windows, of which every cell has others.

    Raises:
        InputError: when the study, or an ablation of one of the cells, asks for them.
    """
    for name in dict.fromkeys(cell.ablation for cell in cells):
        weight = ablated(study, name).params.binding.weight
        if weight.kind == "calibrated" and weight.by == "labelled":
            raise InputError(
                "The grid binds once for all label counts, so pairs cannot be weighted by labelled windows"
                f"{f' (ablation {name!r})' if name else ''}.",
                hint="Take binding.weight.by: cycles; 'mmbind run' and the stage 'evaluate' know both.",
            )


def ablated(study: Study, name: str) -> Study:
    """The study with an ablation's parameters; its stores lie apart, where these determine them.

    Args:
        study: the study.
        name: of the ablation; empty for the study's own parameters.
    """
    if not name:
        return study
    params = study.params.changed(protocol_of(study).ablations[name].change)
    stores = [one.model_dump(mode="json", include=set(STORE_PARAMS)) for one in (params, study.params)]
    apart = study.data / ".work" / "ablations" / name
    return Study(study.root, params, study.data if stores[0] == stores[1] else apart)


def _refuse_useless(name: str, ablation: Ablation, protocol: Protocol) -> None:
    """Refuses an ablation that would stand in the tables as one without an effect."""
    for path in ablation.change:
        if not any(path == part or path.startswith(f"{part}.") for part in ABLATED):
            raise InputError(
                f"protocol.ablations.{name}: no training of the grid depends on {path!r}.",
                hint=f"An ablation changes {', '.join(ABLATED)}, or a part of one.",
            )
    if lost := [method for method in ablation.methods if method not in protocol.methods]:
        raise InputError(
            f"protocol.ablations.{name}: the method {lost[0]!r} is not among protocol.methods.",
            hint="There is nothing to compare it with; add it there, or take it away here.",
        )


def _chosen(what: str, wanted: Sequence[Named], known: Iterable[Named]) -> list[Named]:
    """The wanted ones in the protocol's order, all when none is named."""
    names = list(known)
    for one in wanted:
        if one not in names:
            raise InputError(
                f"The protocol has no {what} {one!r}.", hint=nearest(str(one), [str(name) for name in names])
            )
    return [name for name in names if not wanted or name in wanted]
