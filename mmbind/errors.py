"""Errors that people can act on.

Every error says what was wrong (with its place), why, and what to do next. Two families
decide the exit code: :class:`InputError` (2: something given to mmbind is wrong) and every
other :class:`MmbindError` (1: the work failed or a gate stopped it).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

#: Exit code of a run that was given bad input.
EXIT_INPUT = 2
#: Exit code of a run that failed, or that a gate stopped.
EXIT_FAILURE = 1


class MmbindError(Exception):
    """A failure that mmbind explains in one sentence.

    Attributes:
        message: what was wrong, with its place.
        hint: what to do next; empty when the message says it.
    """

    exit_code = EXIT_FAILURE

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Keeps the message and the hint; ``str()`` joins them."""
        self.message = message
        self.hint = hint
        super().__init__(f"{message} {hint}".rstrip())

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuilds the error by its fields, so that worker processes can raise it."""
        return (_rebuild, (type(self), self.message, self.hint, self.__dict__))


def _rebuild(cls: type[MmbindError], message: str, hint: str, state: dict[str, object]) -> object:
    """The inverse of :meth:`MmbindError.__reduce__`."""
    error = cls.__new__(cls)
    Exception.__init__(error, f"{message} {hint}".rstrip())
    error.__dict__.update(state)
    return error


class InputError(MmbindError):
    """Something that the user gave is wrong: a parameter, a path, a file's content."""

    exit_code = EXIT_INPUT


class ConfigError(InputError):
    """``params.yaml`` is wrong.

    Attributes:
        path: the file.
        line: 1-based line, or None when unknown.
        key: dotted key, e.g. ``sources.fleet_a.reader``.
    """

    def __init__(
        self, message: str, *, path: Path | None = None, line: int | None = None, key: str = "", hint: str = ""
    ) -> None:
        """Puts the place before the message."""
        self.path, self.line, self.key = path, line, key
        place = "" if path is None else f"{path}:{line}: " if line else f"{path}: "
        super().__init__(f"{place}{message}", hint=hint)


class DataError(InputError):
    """A data file cannot be used.

    Attributes:
        path: the file.
        line: 1-based line (or row), or None when it is the file as a whole.
        column: column name, or None.
        value: the offending value as text, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | str,
        line: int | None = None,
        column: str | None = None,
        value: object = None,
        hint: str = "",
    ) -> None:
        """Puts file, line, column and value before the message."""
        self.path, self.line, self.column, self.value = Path(path), line, column, value
        place = str(path) + (f":{line}" if line is not None else "")
        if column is not None:
            place += f", column {column!r}"
        if value is not None:
            place += f", value {value!r}"
        super().__init__(f"{place}: {message}", hint=hint)


class MissingStageError(InputError):
    """A stage was run before the one that feeds it."""

    def __init__(self, path: Path, stage: str) -> None:
        """Names the missing path and the stage that writes it."""
        super().__init__(f"{path} is missing.", hint=f"Run the stage '{stage}' first (dvc repro {stage}).")


class GateError(MmbindError):
    """A critical rule of a validation suite, or a quality gate, stopped the pipeline."""


class LeakageError(GateError):
    """The same person, recording or content stands on two sides of a split."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which known name was probably meant.

    Args:
        name: the misspelt name.
        known: the valid names.

    Returns:
        A sentence such as ``Did you mean 'acc'? Known: acc, gyro.``
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{guess}Known: {', '.join(names) or 'none'}."
