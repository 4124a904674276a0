"""What every door does: open the study, take its lock, walk the room, print the summary.

A door is a plain function for DVC. It imports neither prefect nor a server, and costs only
what its room costs.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from flows.locks import study_lock
from mmbind.errors import EXIT_FAILURE, InputError, MmbindError, nearest
from mmbind.study import Study


class Summary(Protocol):
    """What a room's function returns."""

    def lines(self) -> list[str]:
        """A few lines for the log."""


def walk(stage: str, room: Callable[[Study], Summary]) -> None:
    """Walks one stage in the study of the present folder and ends the process.

    Args:
        stage: its name in ``dvc.yaml``.
        room: the room's function.
    """
    sys.exit(_outcome(stage, lambda: _walk(stage, room)))


def walk_together(stage: str, room: Callable[[Study], Summary]) -> None:
    """Walks one stage, on several processes where torchrun started them, and ends the process.

    One of them holds the study's lock, writes, and prints the summary.

    Args:
        stage: its name in ``dvc.yaml``.
        room: the room's function, which works with :mod:`mmbind.learning.processes`.
    """

    def together() -> None:
        from mmbind.learning.processes import joined_processes, leads, wait_for_all

        def begun(study: Study) -> Summary:
            wait_for_all()  # for the lock
            return room(study)

        with joined_processes():
            if leads():
                _walk(stage, begun)
            else:
                begun(Study.load("."))

    sys.exit(_outcome(stage, together))


def walk_source(stage: str, room: Callable[[Study, str], Summary], arguments: Sequence[str] | None = None) -> None:
    """Walks one stage for the source that the command line names, and ends the process.

    Args:
        stage: its name in ``dvc.yaml``.
        room: the room's function.
        arguments: the command line, ``sys.argv[1:]`` when None.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)

    def named(study: Study) -> Summary:
        if len(given) != 1:
            raise InputError(f"usage: python -m flows.{stage} SOURCE.", hint=nearest("", study.params.sources))
        if given[0] not in study.params.sources:
            raise InputError(f"params.yaml names no source {given[0]!r}.", hint=nearest(given[0], study.params.sources))
        return room(study, given[0])

    sys.exit(_outcome(stage, lambda: _walk(f"{stage}@{' '.join(given)}", named)))


def _walk(stage: str, room: Callable[[Study], Summary]) -> None:
    study = Study.load(".")
    with study_lock(study.root, f"stage {stage}"):
        for line in room(study).lines():
            print(line, flush=True)


def _outcome(stage: str, action: Callable[[], None]) -> int:
    try:
        action()
    except MmbindError as error:
        if os.environ.get("MMBIND_DEBUG"):
            traceback.print_exc()
        print(f"error: {_told(stage)}: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except OSError as error:
        if os.environ.get("MMBIND_DEBUG"):
            traceback.print_exc()
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {_told(stage)}: {place}{error.strerror or error}.", file=sys.stderr, flush=True)
        return EXIT_FAILURE
    except KeyboardInterrupt:
        print(f"error: {_told(stage)}: interrupted.", file=sys.stderr, flush=True)
        return EXIT_FAILURE
    return 0


def _told(stage: str) -> str:
    """The stage, and which of the processes that torchrun started says so: each tells its own error."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return f"{stage}, process {os.environ.get('RANK', '?')}" if several else stage
