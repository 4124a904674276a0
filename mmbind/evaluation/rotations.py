"""Rotations: other people in the same roles, and what the stores of such roles depend on."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from mmbind.config import Role, Rotation
from mmbind.errors import MissingStageError
from mmbind.evaluation.runs import software
from mmbind.files import digest_folder, digest_of, sha256_file
from mmbind.study import Study


def turned_roles(study: Study, rotation: Rotation) -> dict[str, Role]:
    """The study's roles with a rotation's subjects; roles that it does not name keep theirs."""
    return {
        name: role.model_copy(update={"subjects": rotation.subjects.get(name, role.subjects)})
        for name, role in study.params.roles.items()
    }


def stores_key(study: Study, turned: Study, params: Collection[str], code: Collection[str]) -> str:
    """The digest of everything that determines stores of turned roles.

    Args:
        study: whose windows and fingerprints are read.
        turned: the study with the roles.
        params: sections of its parameters that count, ``compute`` among them: stores are made on the CPU.
        code: rooms and modules that make the stores.

    Raises:
        MissingStageError: before ``window`` was run.
    """
    windows, fingerprints = {}, {}
    for source in sorted({source for role in turned.params.roles.values() for source in role.sources}):
        manifest, marks = study.windows(source) / "manifest.json", study.fingerprints(source)
        if not manifest.is_file():
            raise MissingStageError(study.windows(source), "window")
        windows[source] = _digest(study.windows(source), manifest.stat().st_mtime_ns)
        if marks.is_file():  # copies on two sides are refused by them
            fingerprints[source] = _digest(marks, marks.stat().st_mtime_ns)
    values = turned.params.model_dump(mode="json", include=set(params))
    values["compute"] = turned.params.compute.on_cpu.model_dump(mode="json")
    inputs = {"windows": windows, "fingerprints": fingerprints}
    return digest_of({"params": values, **inputs, "code": software(*code)})


@cache
def _digest(path: Path, _written: int) -> str:
    """The digest of a folder or a file that was written at some time, taken once per process."""
    return digest_folder(path) if path.is_dir() else sha256_file(path)
