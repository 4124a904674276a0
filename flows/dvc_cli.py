"""DVC by its command line, the only interface that it promises.

Children run without any PREFECT setting, so that a stage never starts or finds a server.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mmbind.errors import EXIT_FAILURE, EXIT_INPUT, InputError, MmbindError

_EXITED = re.compile(r"exited with (-?\d+)")
_DOOR_ERROR = re.compile(r"^error: (?P<message>.+)$")


class DvcError(MmbindError):
    """DVC itself failed.

    Attributes:
        output: its lines.
    """

    def __init__(self, arguments: Sequence[str], output: Sequence[str]) -> None:
        """Keeps the output; the message is DVC's own error line."""
        self.output = list(output)
        errors = [line.removeprefix("ERROR: ") for line in output if line.startswith("ERROR: ")]
        super().__init__(f"dvc {' '.join(arguments)}: {errors[-1] if errors else 'failed without a message'}.")


class StageError(MmbindError):
    """A stage's door failed.

    Attributes:
        stage: the stage.
        status: the door's exit status; None when it was never reached or was killed.
    """

    def __init__(self, stage: str, status: int | None, message: str) -> None:
        """Takes the door's exit status over: 2 for bad input, else 1."""
        self.stage, self.status = stage, status
        self.exit_code = EXIT_INPUT if status == EXIT_INPUT else EXIT_FAILURE
        super().__init__(message)

    @property
    def transient(self) -> bool:
        """Whether another try may help: the door was killed or never reached."""
        return self.status not in (EXIT_FAILURE, EXIT_INPUT)


def dvc(arguments: Sequence[str], root: Path, on_line: Callable[[str], None] | None = None) -> list[str]:
    """Runs a DVC command.

    Args:
        arguments: the command line after ``dvc``.
        root: the study's folder, where it runs.
        on_line: called with every line of output as it comes.

    Returns:
        The lines of output (standard error included).

    Raises:
        DvcError: when the command fails.
    """
    status, lines = _run(arguments, root, on_line)
    if status != 0:
        raise DvcError(arguments, lines)
    return lines


def reproduce(stage: str, root: Path, on_line: Callable[[str], None] | None = None) -> list[str]:
    """Walks one stage when it is out of date (``dvc repro -s``).

    Args:
        stage: its name, e.g. ``ingest@fleet_a``.
        root: the study's folder.
        on_line: called with every line of output as it comes.

    Raises:
        StageError: with the door's own message, when the stage fails.
    """
    arguments = ["repro", "--single-item", stage]
    status, lines = _run(arguments, root, on_line)
    if status != 0:
        exits = [int(match[1]) for line in lines if (match := _EXITED.search(line))]
        doors = [match["message"] for line in lines if (match := _DOOR_ERROR.match(line))]
        raise StageError(
            stage, exits[-1] if exits else None, doors[-1] if doors else DvcError(arguments, lines).message
        )
    return lines


def find_root(root: Path) -> Path:
    """The top of the DVC repository that a study lies in.

    Raises:
        InputError: when there is none.
    """
    for folder in (root.resolve(), *root.resolve().parents):
        if (folder / ".dvc").is_dir():
            return folder
    raise InputError(
        f"{root} lies in no DVC repository.", hint="Run 'dvc init' (with --no-scm outside git), or 'mmbind init DIR'."
    )


def child_environment() -> dict[str, str]:
    """The environment of children: this interpreter first on the path, nothing of Prefect."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    environment.setdefault("DVC_NO_ANALYTICS", "1")
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _run(arguments: Sequence[str], root: Path, on_line: Callable[[str], None] | None) -> tuple[int, list[str]]:
    lines: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as child:
        try:
            for line in child.stdout or ():
                lines.append(line.rstrip())
                if on_line is not None and lines[-1]:
                    on_line(lines[-1])
        except BaseException:
            child.terminate()
            raise
    return child.returncode, lines
