"""Versions of the past: git knows the revisions, DVC's cache their bindings. Nothing is checked out.

A revision's ``dvc.lock`` names the digest of ``data/bindings``; DVC's cache holds, under
that digest, the list of its files and the files themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from flows.dvc_cli import dvc
from flows.history import git
from mmbind.errors import InputError, MmbindError, nearest
from mmbind.files import read_json
from mmbind.study import Study
from mmbind.versions.references import References
from mmbind.versions.version import CURRENT, SHORT, Version, current_version

#: What the stage bind leaves, as ``dvc.lock`` names it.
BINDINGS = "data/bindings"
_METRICS = "data/metrics/binding.json"


@dataclass(frozen=True)
class Past:
    """A revision with a binding.

    Attributes:
        revision: the commit.
        date: its day, ISO 8601.
        version: the binding; None when its manifest is not in the cache.
    """

    revision: str
    date: str
    version: Version | None


def find_version(study: Study, name: str) -> Version:
    """Finds a version by whatever people call it.

    Args:
        study: the study.
        name: ``current``, ``accepted``, a tag, the beginning of a version's id (at least 4
            letters), or a git revision (``HEAD~3``, a branch, a commit).

    Raises:
        MissingStageError: for ``current``, before bind.
        InputError: when nothing is called so, or its data cannot be had.
    """
    if name == CURRENT:
        return current_version(study)
    named = References.of(study).named
    if name in named:
        return _with_pairs(study, named[name])
    found = [version for version in _known(study) if len(name) >= 4 and version.id.startswith(name)]
    if len({version.id for version in found}) > 1:
        ids = ", ".join(sorted({version.id[:SHORT] for version in found}))
        raise InputError(f"{name!r} is the beginning of several versions' ids: {ids}.", hint="Give more letters.")
    if found:
        return Version(name, found[0].manifest, found[0].metrics, found[0].pairs_file)
    revision = _revision(study.root, name)
    if revision is None:
        raise InputError(
            f"No version, tag or revision is called {name!r}.", hint=nearest(name, [CURRENT, "HEAD", *named])
        )
    version = _at(study, revision, name, _cache(study.root))
    if version is None:
        raise InputError(
            f"The binding of the revision {name!r} cannot be had: {_why(study, revision)}.",
            hint="Fetch it from the remote ('dvc fetch --all-commits').",
        )
    return version


def history(study: Study) -> Iterator[Past]:
    """Revisions in which the binding changed, newest first; none outside git."""
    if not _tracked(study.root):
        return
    objects = _cache(study.root)
    changed: list[tuple[str, str, str]] = []
    for line in git(["log", "--format=%H %cs", "--", "dvc.lock"], study.root).splitlines():
        revision, date = line.split()
        changed.append((revision, date, _digest(study, revision)))
    for place, (revision, date, digest) in enumerate(changed):
        older = changed[place + 1][2] if place + 1 < len(changed) else ""
        if digest and digest != older:
            yield Past(revision, date, _at(study, revision, revision[:SHORT], objects))


def _known(study: Study) -> Iterator[Version]:
    """Every version that can be found: the present one, the named ones, those of the past."""
    if (study.bindings / "manifest.json").is_file():
        yield current_version(study)
    yield from (past.version for past in history(study) if past.version is not None)
    yield from References.of(study).named.values()


def _with_pairs(study: Study, version: Version) -> Version:
    """A named version with its pairs, when the present binding or one of the past is the same."""
    for other in _known(study):
        if other.id == version.id and other.pairs_file is not None:
            return Version(version.name, version.manifest, version.metrics, other.pairs_file)
    return version


def _at(study: Study, revision: str, name: str, objects: Path) -> Version | None:
    """The binding of a revision; None when its manifest is not in the cache."""
    listing = _object(objects, _digest(study, revision))
    if listing is None:
        return None
    files = {str(entry["relpath"]): _object(objects, str(entry["md5"])) for entry in read_json(listing)}
    manifest = files.get("manifest.json")
    if manifest is None:
        return None
    metrics = _show(study.root, revision, _METRICS)
    return Version(name, read_json(manifest), json.loads(metrics) if metrics else {}, files.get("pairs.parquet"))


def _digest(study: Study, revision: str) -> str:
    """DVC's digest of the bindings at a revision; empty when there was none."""
    lock: Any = yaml.safe_load(_show(study.root, revision, "dvc.lock") or "{}") or {}
    for out in lock.get("stages", {}).get("bind", {}).get("outs", []):
        if out.get("path") == BINDINGS:
            return str(out.get("md5", ""))
    return ""


def _why(study: Study, revision: str) -> str:
    digest = _digest(study, revision)
    if not digest:
        return "its dvc.lock names none"
    listed = _object(_cache(study.root), digest) is not None
    return f"DVC's cache does not hold {'its manifest.json' if listed else digest}"


def _object(objects: Path, digest: str) -> Path | None:
    """A file of DVC's cache by its digest; None when it is not there."""
    path = objects / "files" / "md5" / digest[:2] / digest[2:]
    return path if digest and path.is_file() else None


def _cache(root: Path) -> Path:
    """Where DVC's cache lies; asked once, since asking starts a program."""
    return _cache_of(root.resolve())


@cache
def _cache_of(root: Path) -> Path:
    return Path(dvc(["cache", "dir"], root)[-1].strip())


def _show(root: Path, revision: str, path: str) -> str:
    """A file of the study at a revision; empty when it was not there."""
    return git(["show", f"{revision}:./{path}"], root, check=False)


def _revision(root: Path, name: str) -> str | None:
    if not _tracked(root):
        return None
    found = git(["rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}"], root, check=False)
    return found.strip() or None


def _tracked(root: Path) -> bool:
    """Whether the study lies in a git repository with commits."""
    try:
        return bool(git(["rev-parse", "--verify", "--quiet", "HEAD"], root).strip())
    except MmbindError:
        return False
