"""Locks of a study: one stage at a time, one pipeline at a time.

A killed ``dvc repro`` leaves its stage command running. Every door takes the study's lock,
so that such an orphan, a manual repro and the scheduled run wait for each other. The system
frees the lock when its holder dies.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mmbind.errors import MmbindError

#: Seconds that a door waits for the stage that holds the lock; MMBIND_LOCK_TIMEOUT_S replaces it.
WAIT_S = 3600.0


@contextmanager
def study_lock(root: Path, holder: str) -> Iterator[None]:
    """Holds the study's lock, waiting for its present holder.

    Args:
        root: the study's folder.
        holder: who takes it, e.g. ``"stage train"``; shown to those who wait.

    Raises:
        MmbindError: when the lock was not free in time.
    """
    wait_s = float(os.environ.get("MMBIND_LOCK_TIMEOUT_S", WAIT_S))
    with _held(root / ".mmbind.lock", holder, wait_s):
        yield


@contextmanager
def pipeline_lock(root: Path) -> Iterator[None]:
    """Holds the pipeline's lock, or fails at once: a second run has nothing to add.

    Raises:
        MmbindError: when another pipeline run of the study is at work.
    """
    with _held(root / ".mmbind-pipeline.lock", "pipeline run", 0.0):
        yield


@contextmanager
def _held(path: Path, holder: str, wait_s: float) -> Iterator[None]:
    lock = FileLock(path)
    note = path.with_suffix(".holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if wait_s:
            print(f"Waiting for {_holder(note)} to finish (lock {path}).", file=sys.stderr, flush=True)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            raise MmbindError(
                f"{_holder(note).capitalize()} is at work in this study (lock {path}).",
                hint="Wait until it has ended, or stop that process.",
            ) from None
    try:
        note.write_text(f"{holder} (process {os.getpid()})\n", encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8").strip() or "another process"
    except OSError:
        return "another process"
