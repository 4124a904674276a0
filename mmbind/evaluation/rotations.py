"""The proof on other people: the street walked once per rotation of the roles.

Each rotation gives the same roles to other subjects and lies in its own folder under
``data/.work/rotations``; records and windows are shared. A rotation whose parameters,
windows and code have not changed is not repeated. Results go to the study's ``results/``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from mmbind.binding import bind
from mmbind.config import Rotation
from mmbind.encoders import embed, fit_shared_encoder
from mmbind.errors import InputError, MissingStageError, nearest
from mmbind.evaluation.evaluate import evaluate
from mmbind.evaluation.proof import Proof, RotationResult
from mmbind.evaluation.runs import software
from mmbind.files import digest_folder, digest_of, read_json, write_json, write_text
from mmbind.progress import progress
from mmbind.reports import write_binding_report
from mmbind.roles import assign_roles
from mmbind.study import Study
from mmbind.training import train

#: Rooms and modules whose code determines a rotation.
CODE = (
    "binding",
    "config",
    "dataset/table.py",
    "encoders",
    "evaluation",
    "files.py",
    "learning",
    "reports",
    "roles",
    "schema.py",
    "study.py",
    "training",
    "windows",
)


@dataclass(frozen=True)
class RotationsSummary:
    """What the rotations gave.

    Attributes:
        proof: the results, over all finished rotations.
        table: the Markdown page that was written.
    """

    proof: Proof
    table: Path

    def lines(self) -> list[str]:
        """One line per rotation, then the reading."""
        return [*self.proof.rotation_lines(), *self.proof.reading(), f"results: {self.table}"]


def run_rotations(study: Study, names: Sequence[str] | None = None) -> RotationsSummary:
    """Runs rotations and rewrites the results of all that are finished.

    Walks assign, fit-shared, embed, bind, report, train and evaluate for each rotation.
    Writes ``results/rotations.json`` and ``results/rotations.md``, which hold the rotations
    named now and those finished before that are still up to date.

    Args:
        study: the study; its windows must have been cut.
        names: rotations to run; all of ``params.yaml`` when None.

    Raises:
        InputError: when ``params.yaml`` has no rotations, or none of a given name.
        MissingStageError: before ``window`` was run.
    """
    known = {rotation.name: rotation for rotation in study.params.rotations}
    if not known:
        raise InputError("params.yaml names no rotations.", hint="Add a section 'rotations' with subjects by role.")
    for name in names or ():
        if name not in known:
            raise InputError(f"Unknown rotation {name!r}.", hint=nearest(name, known))
    windows = _window_digests(study)
    wanted = [rotation for name, rotation in known.items() if names is None or name in names]
    for rotation in progress(wanted, "rotations"):
        _walk(rotated(study, rotation), rotation, windows)
    results = [
        result
        for rotation in known.values()
        if (result := _kept(rotated(study, rotation), _key(rotated(study, rotation), windows))) is not None
    ]
    proof = Proof(results)
    write_json(study.root / "results" / "rotations.json", proof.to_dict())
    table = study.root / "results" / "rotations.md"
    write_text(table, proof.markdown())
    return RotationsSummary(proof, table)


def rotated(study: Study, rotation: Rotation) -> Study:
    """The study with a rotation's subjects, whose outputs lie under ``data/.work/rotations``."""
    roles = {
        name: role.model_copy(update={"subjects": rotation.subjects.get(name, role.subjects)})
        for name, role in study.params.roles.items()
    }
    return study.rotated(roles, study.root / "data" / ".work" / "rotations" / rotation.name)


def _walk(study: Study, rotation: Rotation, windows: dict[str, str]) -> None:
    """Runs one rotation, unless its result is kept."""
    key = _key(study, windows)
    if _kept(study, key) is not None:
        return
    assign_roles(study)
    fit_shared_encoder(study)
    embed(study)
    bind(study)
    write_binding_report(study)
    train(study)
    evaluate(study)
    result = RotationResult(
        name=rotation.name,
        subjects={name: role.subjects for name, role in sorted(study.params.roles.items())},
        purity=_purity(study),
        evaluation=read_json(study.metrics("evaluation")),
        runs=pl.read_csv(study.plots("evaluation")).to_dicts(),
    )
    write_json(study.data / "result.json", {"key": key, "result": result.to_dict()})


def _purity(study: Study) -> float | None:
    purity = read_json(study.metrics("binding")).get("purity")
    return None if purity is None else float(purity["mean"])


def _kept(study: Study, key: str) -> RotationResult | None:
    """The result of a rotation, when it was made of the same things."""
    path = study.data / "result.json"
    if not path.is_file():
        return None
    kept: dict[str, Any] = read_json(path)
    return RotationResult(**kept["result"]) if kept["key"] == key else None


def _key(study: Study, windows: dict[str, str]) -> str:
    params = study.params.model_dump(
        mode="json", exclude={"house": True, "archives": True, "rotations": True, "evaluation": {"workers"}}
    )
    return digest_of({"params": params, "windows": windows, "code": software(*CODE)})


def _window_digests(study: Study) -> dict[str, str]:
    digests = {}
    for source in sorted({source for role in study.params.roles.values() for source in role.sources}):
        if not (study.windows(source) / "manifest.json").is_file():
            raise MissingStageError(study.windows(source), "window")
        digests[source] = digest_folder(study.windows(source))
    return digests
