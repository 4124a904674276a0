"""Versions with a name: tags, and the accepted one that reports and the gate compare with.

They stand in ``versions.json`` in the study's folder, which is committed. It keeps the whole
manifest and the report's figures, so that a comparison needs no cache.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mmbind.errors import DataError, InputError, nearest
from mmbind.files import read_json, write_json
from mmbind.study import Study
from mmbind.versions.version import CURRENT, Version

#: The file of a study that holds its references.
FILE = "versions.json"
#: Name of the accepted version.
ACCEPTED = "accepted"
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9._-]*$")


@dataclass(frozen=True)
class References:
    """The named versions of a study.

    Attributes:
        path: the file.
        accepted: the accepted version, None before the first.
        tags: versions by tag.
    """

    path: Path
    accepted: Version | None
    tags: dict[str, Version]

    @classmethod
    def of(cls, study: Study) -> Self:
        """Reads a study's references; none when it has no such file.

        Raises:
            DataError: when the file is not what :meth:`save` writes.
        """
        path = study.root / FILE
        if not path.is_file():
            return cls(path, None, {})
        try:
            stored = read_json(path)
            accepted = stored[ACCEPTED]
            tags = {name: _restored(name, entry) for name, entry in stored["tags"].items()}
            return cls(path, None if accepted is None else _restored(ACCEPTED, accepted), tags)
        except (ValueError, KeyError, TypeError, AttributeError):
            hint = "Restore it from git; 'mmbind bindings tag' and 'accept' write it."
            raise DataError("does not hold named versions.", path=path, hint=hint) from None

    @property
    def named(self) -> dict[str, Version]:
        """All of them by name, the accepted one first."""
        return {**({} if self.accepted is None else {ACCEPTED: self.accepted}), **self.tags}

    def names_of(self, identifier: str) -> list[str]:
        """The names of the version with an id."""
        return [name for name, version in self.named.items() if version.id == identifier]

    def save(self) -> None:
        """Writes the file, sorted."""
        accepted = None if self.accepted is None else _stored(self.accepted)
        tags = {name: _stored(version) for name, version in self.tags.items()}
        write_json(self.path, {ACCEPTED: accepted, "tags": tags})


def accept(study: Study, version: Version) -> References:
    """Makes a version the accepted one.

    Args:
        study: the study.
        version: the version.
    """
    references = References.of(study)
    accepted = Version(ACCEPTED, version.manifest, version.metrics)
    changed = References(references.path, accepted, references.tags)
    changed.save()
    return changed


def tag(study: Study, name: str, version: Version) -> References:
    """Names a version.

    Args:
        study: the study.
        name: letters, digits, dots, dashes and underscores, a letter first.
        version: the version; a name that another version had moves.

    Raises:
        InputError: for a name that cannot be one.
    """
    if not _NAME.match(name) or name in (CURRENT, ACCEPTED, "HEAD"):
        raise InputError(
            f"{name!r} cannot be a tag.",
            hint="A tag starts with a letter and holds letters, digits, '.', '-' and '_'; "
            f"'{CURRENT}', '{ACCEPTED}' and 'HEAD' mean something else.",
        )
    references = References.of(study)
    changed = References(
        references.path,
        references.accepted,
        {**references.tags, name: Version(name, version.manifest, version.metrics)},
    )
    changed.save()
    return changed


def find_named(study: Study, name: str) -> Version:
    """A named version.

    Raises:
        InputError: when nothing has that name.
    """
    named = References.of(study).named
    if name not in named:
        raise InputError(f"No version is called {name!r}.", hint=nearest(name, [CURRENT, *named]))
    return named[name]


def _stored(version: Version) -> dict[str, Any]:
    return {"manifest": version.manifest, "metrics": version.metrics}


def _restored(name: str, entry: Mapping[str, Any]) -> Version:
    manifest = entry["manifest"]
    if not isinstance(manifest["id"], str):
        raise TypeError(manifest["id"])
    return Version(name, manifest, entry["metrics"])
