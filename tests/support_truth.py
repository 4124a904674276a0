"""Proof that a stage never opens what is closed to it.

Two witnesses. An audit hook sees every file that Python opens; but polars reads in Rust,
where no hook looks. So the stage is also run with the closed folders moved away: it must
work and leave the same bytes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmbind.config import TEST
from mmbind.files import digest_folder, sha256_file
from mmbind.study import Study

#: Audit events whose first argument is a path.
EVENTS = {"open", "os.listdir", "os.scandir", "os.rename", "os.remove"}
_watches: list[tuple[Path, list[str]]] = []
_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watches and event in EVENTS and isinstance(arguments[0], str | bytes | os.PathLike):
        path = Path(os.path.abspath(os.fsdecode(arguments[0])))  # noqa: PTH100 - resolve() would itself be audited
        for folder, opened in _watches:
            if path == folder or folder in path.parents:
                opened.append(path.as_posix())


@contextmanager
def opened_under(*folders: Path) -> Iterator[list[str]]:
    """Yields a list that fills with the paths below the folders that Python opens or lists."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # for good: a hook cannot be removed
        _hooked = True
    opened: list[str] = []
    mine = [(folder.absolute(), opened) for folder in folders]
    _watches.extend(mine)
    try:
        yield opened
    finally:
        for watch in mine:
            _watches.remove(watch)


@contextmanager
def moved_away(*folders: Path, aside: Path) -> Iterator[None]:
    """Moves folders to another place for the length of the block."""
    aside.mkdir(parents=True)
    moves = [(folder, aside / str(number)) for number, folder in enumerate(folders) if folder.exists()]
    for folder, place in moves:
        folder.rename(place)
    try:
        yield
    finally:
        for folder, place in moves:
            place.rename(folder)
        aside.rmdir()


def closed_to_training(study: Study) -> list[Path]:
    """What bind and train must not open: all truth, and the test role."""
    return [study.data / "truth", study.role(TEST)]


def assert_never_opens(
    stage: Callable[[Study], object], study: Study, *, outputs: Sequence[Path], closed: Sequence[Path] | None = None
) -> None:
    """Proves that a stage works without some folders and opens nothing in them.

    Args:
        stage: the stage's function; everything it needs lies there.
        study: the study.
        outputs: the files and folders that the stage writes.
        closed: the folders; those of :func:`closed_to_training` when None.
    """
    folders = closed_to_training(study) if closed is None else list(closed)
    assert all(any(folder.rglob("*")) for folder in folders), "a closed folder is empty: the proof would be void"
    with opened_under(*folders) as opened:
        stage(study)
    assert not opened, f"opened {sorted(set(opened))}"
    before = _digests(outputs)
    _forget(study, outputs)
    with moved_away(*folders, aside=study.root / ".moved_away"):
        stage(study)
    assert _digests(outputs) == before, "the stage leaves other bytes when the closed folders are away"


def _forget(study: Study, outputs: Sequence[Path]) -> None:
    """Removes outputs and checkpoints, so that the stage does all its work again."""
    for path in (*outputs, study.work("")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _digests(outputs: Sequence[Path]) -> list[str]:
    return [digest_folder(path) if path.is_dir() else sha256_file(path) for path in outputs]
