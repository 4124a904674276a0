"""Landing: raw logs leave the inbox and become versioned raw data.

Loggers drop files into ``inbox/<source>/``. A file counts when it was renamed into place or
when nothing was written to it for a stated time; names that start with a dot or end in
``.part`` or ``.tmp`` never count. Landed files lie in ``data/raw/<source>/`` and are
tracked by ``dvc add``, so they are versioned and pushed with everything made from them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.dvc_cli import dvc
from flows.locks import study_lock
from mmbind.errors import InputError, nearest
from mmbind.files import sha256_file, whole_file
from mmbind.study import Study

#: Name endings of files that are still being written.
UNFINISHED = (".part", ".tmp")


@dataclass(frozen=True)
class Landing:
    """What a landing did, by source and path below the source's folder.

    Attributes:
        landed: new files.
        replaced: files whose content differs from the one landed before.
        known: files that were landed before with the same content.
        waiting: files that are still being written.
        tracked: sources whose raw folder is tracked by DVC now.
    """

    landed: list[str]
    replaced: list[str]
    known: list[str]
    waiting: list[str]
    tracked: list[str]

    def lines(self) -> list[str]:
        """A short text for the log."""
        counts = f"{len(self.landed)} landed, {len(self.replaced)} replaced, {len(self.known)} known"
        waiting = [f"still being written: {name}" for name in self.waiting]
        return [f"raw files: {counts}; tracked sources: {', '.join(self.tracked) or 'none'}", *waiting]


def land(study: Study, *, still_s: float, on_line: Callable[[str], None] | None = None) -> Landing:
    """Moves finished files from the inbox to the raw data and tracks them.

    Args:
        study: the study.
        still_s: seconds without a write after which a file counts as finished.
        on_line: called with every line that DVC prints.

    Raises:
        InputError: for a folder of the inbox that is no source, or when no source has raw data.
        DvcError: when ``dvc add`` fails.
    """
    inbox = study.root / "inbox"
    moved: dict[str, list[str]] = {"landed": [], "replaced": [], "known": [], "waiting": []}
    with study_lock(study.root, "landing"):
        for folder in sorted(path for path in inbox.glob("[!.]*") if path.is_dir()):
            if folder.name not in study.params.sources:
                raise InputError(
                    f"{folder}: params.yaml names no source {folder.name!r}.",
                    hint=nearest(folder.name, study.params.sources),
                )
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                relative = path.relative_to(folder)
                if any(part.startswith(".") for part in relative.parts) or path.name.endswith(UNFINISHED):
                    continue
                fate = _land_file(path, study.raw(folder.name) / relative, still_s)
                moved[fate].append(f"{folder.name}/{relative.as_posix()}")
        tracked = [source for source in sorted(study.params.sources) if study.raw(source).is_dir()]
        if not tracked:
            raise InputError(
                f"No source has raw files below {study.root / 'data' / 'raw'}.",
                hint="Put them into inbox/<source>/, or use 'mmbind fetch' or 'mmbind demo'.",
            )
        dvc(
            ["add", "--quiet", *(str(study.raw(source).relative_to(study.root)) for source in tracked)],
            study.root,
            on_line,
        )
    return Landing(**moved, tracked=tracked)


def is_finished(path: Path, still_s: float, now: float) -> bool:
    """Whether nobody writes to a file any more.

    A write sets the times of content and of status together; a rename sets the status time
    alone. So a non-empty file whose status is newer than its content was put in place whole.

    Args:
        path: the file.
        still_s: seconds without a write that are enough.
        now: the present time in seconds since 1970.
    """
    status = path.stat()
    renamed = status.st_size > 0 and status.st_ctime_ns > status.st_mtime_ns
    return renamed or now - status.st_mtime >= still_s


def _land_file(path: Path, target: Path, still_s: float) -> str:
    if not is_finished(path, still_s, time.time()):
        return "waiting"
    fate = "landed"
    if target.exists():
        fate = "known" if sha256_file(target) == sha256_file(path) else "replaced"
    if fate != "known":
        with whole_file(target) as temporary:
            shutil.copyfile(path, temporary)
    path.unlink()
    return fate
