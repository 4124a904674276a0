"""The stores of a rotation and of its cells, each made once and kept while it is up to date.

Everything lies under ``data/.work/protocol``, outside DVC's outputs. Shared encoder,
embeddings and pairs depend on the unlabelled roles alone, so all cells of a rotation take
them from it; every cell has roles of its own, assigned and checked for leakage.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl
from filelock import FileLock

from mmbind.binding import bind
from mmbind.config import TARGET, TEST, LabelledSample, MethodName, Params, Role
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.evaluation.grid.cells import STORE_PARAMS, Cell, ablated, protocol_of
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.leakage import refuse_leakage
from mmbind.evaluation.methods.mmbind_paper import MMBindPaper
from mmbind.evaluation.methods.oracle import same_class_pairs
from mmbind.evaluation.rotations import stores_key, turned_roles
from mmbind.files import digest_of, read_json, remake, whole_folder
from mmbind.reports.purity import mean_purity
from mmbind.roles import assign_roles
from mmbind.study import Study

#: Rooms and modules whose code determines the stores.
CODE = (
    "binding",
    "config",
    "dataset/table.py",
    "encoders",
    "evaluation/grid/places.py",
    "evaluation/methods/mmbind_paper.py",
    "evaluation/methods/oracle.py",
    "files.py",
    "learning",
    "roles",
    "schema.py",
    "windows",
)
#: What a cell takes from its rotation, below the study's ``data``.
SHARED = ("bindings", "embeddings", "models/shared")


@dataclass(frozen=True)
class Place:
    """A cell's stores to be made, in plain values, so that another process can do it.

    Attributes:
        root: the study's folder.
        params: the study's parameters as JSON.
        cell: the cell.
        shared: whether what all cells of its rotation share is asked for.
    """

    root: str
    params: str
    cell: Cell
    shared: bool

    @classmethod
    def of(cls, study: Study, cell: Cell, *, shared: bool = False) -> Self:
        """The request for :func:`prepare`."""
        return cls(str(study.root.resolve()), study.params.model_dump_json(), cell, shared)

    @property
    def study(self) -> Study:
        """The study, with its own parameters."""
        root = Path(self.root)
        return Study(root, Params.model_validate_json(self.params), root / "data")


def prepare(request: Place) -> None:
    """Makes the stores of a rotation or a cell, unless they are up to date.

    Raises:
        MissingStageError: before ``window`` was run.
        InputError: when a role cannot be filled, or too few windows have labels.
        LeakageError: when roles share a person, a recording or content.
    """
    study, cell = request.study, request.cell
    if request.shared:
        _prepare_rotation(rotation_study(study, cell), _shared_key(study, cell))
    else:
        _prepare_cell(cell_study(study, cell), rotation_study(study, cell), _cell_key(study, cell))


def up_to_date(request: Place) -> bool:
    """Whether :func:`prepare` has nothing to do.

    Raises:
        MissingStageError: before ``window`` was run.
    """
    study, cell = request.study, request.cell
    if request.shared:
        return _made(rotation_study(study, cell).data / "rotation.json") == _shared_key(study, cell)
    return _made(cell_study(study, cell).data / "cell.json") == _cell_key(study, cell)


def rotation_study(study: Study, cell: Cell) -> Study:
    """The study with the people of a cell's rotation, whose outputs lie apart."""
    protocol, turned = protocol_of(study), ablated(study, cell.ablation)
    labels = LabelledSample(count=min(protocol.labels), draw=protocol.draws[0])
    roles = _roles(turned, cell, {TARGET: {"labels": labels}})
    return turned.rotated(roles, turned.data / ".work" / "protocol" / "rotations" / cell.rotation)


def cell_study(study: Study, cell: Cell) -> Study:
    """The study with a cell's people, modalities and labels, whose outputs lie apart."""
    kept, turned = protocol_of(study).tasks[cell.task], ablated(study, cell.ablation)
    labels = LabelledSample(count=cell.labels, draw=cell.draw)
    roles = _roles(turned, cell, {TARGET: {"labels": labels, "modalities": kept}, TEST: {"modalities": kept}})
    return turned.rotated(roles, turned.data / ".work" / "protocol" / "cells" / cell.name)


def purities(study: Study, cell: Cell) -> dict[MethodName, float | None]:
    """Purity of the pairs that methods train on in a cell, by method; None where it is unknown."""
    known: dict[MethodName, float | None] = read_json(rotation_study(study, cell).data / "rotation.json")["purity"]
    return known


def pair_purity(inputs: Inputs, pairs: pl.DataFrame) -> float | None:
    """The share of pairs whose windows have one true label, the mean over directions.

    Args:
        inputs: stores of the unlabelled roles, and their truth.
        pairs: ``schema.PAIRS``.

    Returns:
        To six digits; None when no pair has two labels.
    """
    labels = pl.concat(
        inputs.truth(role).index.select("window", "label", role=pl.lit(role)) for role in inputs.unlabelled
    )
    known = pairs.join(labels.rename({"window": "anchor", "label": "anchor_label"}), on="anchor").join(
        labels.select(partner="window", partner_label="label"), on="partner"
    )
    mean = mean_purity(known.with_columns(direction=pl.format("{} {}", "role", "borrowed_modality")))
    return None if mean is None else round(mean, 6)


def _prepare_rotation(turned: Study, key: str) -> None:
    with _lock(turned):
        made = turned.data / "rotation.json"
        if _made(made) != key:
            remake(made, lambda: {"key": key, "purity": _bound(turned)})


def _bound(turned: Study) -> dict[str, float | None]:
    """Makes the stores of a rotation and returns the purity of its pairs, by method."""
    assign_roles(turned)
    fit_shared_encoder(turned)
    embed(turned)
    bind(turned)
    inputs = Inputs(turned, turned.params.training.seed)
    found = {"mmbind": pair_purity(inputs, inputs.pairs), "oracle": pair_purity(inputs, same_class_pairs(inputs))}
    paper = MMBindPaper()
    if not paper.unavailable(inputs):
        found[paper.name] = found[f"{paper.name}_weighted"] = pair_purity(inputs, paper.pairs(inputs))
    return found


def _prepare_cell(own: Study, base: Study, key: str) -> None:
    with _lock(own):
        made = own.data / "cell.json"
        if _made(made) != key:
            remake(made, lambda: {"key": _assigned(own, base, key)})


def _assigned(own: Study, base: Study, key: str) -> str:
    """Makes the stores of a cell, some taken from its rotation, and returns their key."""
    assign_roles(own)
    refuse_leakage(Inputs(own, own.params.training.seed))
    for part in SHARED:
        with whole_folder(own.data / part) as folder:
            shutil.copytree(base.data / part, folder, dirs_exist_ok=True)
    return key


def _shared_key(study: Study, cell: Cell) -> str:
    return stores_key(study, rotation_study(study, cell), STORE_PARAMS, CODE)


def _cell_key(study: Study, cell: Cell) -> str:
    own = stores_key(study, cell_study(study, cell), STORE_PARAMS, CODE)
    return digest_of([_shared_key(study, cell), own])


def _roles(study: Study, cell: Cell, updates: dict[str, dict[str, object]]) -> dict[str, Role]:
    rotation = next(one for one in study.params.rotations if one.name == cell.rotation)
    turned = turned_roles(study, rotation)
    return {name: role.model_copy(update=updates.get(name, {})) for name, role in turned.items()}


def _lock(study: Study) -> FileLock:
    study.data.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(study.data.with_name(f".{study.data.name}.lock"))


def _made(path: Path) -> str | None:
    """The key of what stands there, if it stands."""
    return str(read_json(path)["key"]) if path.is_file() else None
