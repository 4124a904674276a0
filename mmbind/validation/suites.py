"""Suites: what is expected of a table, hand-written JSON in ``expectations/``.

A suite file is a Great Expectations suite without ids (``name``, ``expectations``, ``meta``).
Every expectation's ``meta`` names the rule, its severity and, for people, why it holds and
what to do when it does not. ``records.json`` is for every source; a rule of the same name in
``records.<source>.json`` replaces it for that source, a rule of a new name is added, and the
severity ``off`` takes a rule away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from mmbind.config.base import Section
from mmbind.errors import ConfigError, nearest
from mmbind.files import read_json
from mmbind.units import UNITS
from mmbind.validation.table import Table

#: Comparisons of a row condition whose right side has a known set of values.
_COMPARED = re.compile(r"\b(scope|unit)\s*==\s*['\"]([^'\"]*)['\"]")


class RuleMeta(Section):
    """What ``meta`` says of a rule."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    #: ``critical`` stops the pipeline, ``warning`` is reported, ``off`` is not judged.
    severity: Literal["critical", "warning", "off"]
    why: str = Field(min_length=1)
    #: What to do when the rule fails.
    next: str = Field(min_length=1)


class Expectation(Section):
    """One expectation of a suite file."""

    type: str
    kwargs: dict[str, Any]
    meta: RuleMeta


class SuiteFile(Section):
    """A suite file as a whole."""

    name: str
    expectations: list[Expectation] = Field(min_length=1)
    meta: dict[str, Any] = {}


@dataclass(frozen=True)
class Suite:
    """The rules that hold for one source.

    Attributes:
        table: the summary that they speak of.
        files: the suite files read, base first.
        rules: the expectations, in the order of the files, without those that are off.
        places: the file that each rule stands in, by name.
    """

    table: Table
    files: Sequence[Path]
    rules: Sequence[Expectation]
    places: Mapping[str, Path]


def load_suite(folder: Path, table: Table, source: str = "") -> Suite:
    """Reads the rules for a source's table.

    Args:
        folder: ``expectations/``.
        table: what the rules speak of.
        source: the source, whose own file may replace rules; empty where a suite is for no single source.

    Raises:
        ConfigError: when a file is missing or is no suite.
    """
    base, own = folder / f"{table.name}.json", folder / f"{table.name}.{source}.json"
    files = [base, own] if source and own.is_file() else [base]
    rules: dict[str, Expectation] = {}
    places: dict[str, Path] = {}
    for path in files:
        seen: set[str] = set()
        for expectation in _read(path).expectations:
            name = expectation.meta.rule
            if name in seen:
                raise ConfigError(f"the rule {name!r} stands twice.", path=path)
            _check_condition(expectation, table, path)
            seen.add(name)
            rules[name], places[name] = expectation, path
    return Suite(table, files, [rule for rule in rules.values() if rule.meta.severity != "off"], places)


def _read(path: Path) -> SuiteFile:
    try:
        return SuiteFile.model_validate(read_json(path))
    except OSError as error:
        hint = "Suites lie in the folder 'expectations' of the house that params.yaml names."
        raise ConfigError(f"cannot be read: {error.strerror}.", path=path, hint=hint) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{key}: {first['msg']}.", path=path, key=key) from None
    except ValueError as error:
        raise ConfigError(f"is not JSON: {error}.", path=path, line=getattr(error, "lineno", None)) from None


def _check_condition(expectation: Expectation, table: Table, path: Path) -> None:
    """Refuses a row condition that no row can meet, since such a rule would never be judged."""
    condition, name = expectation.kwargs.get("row_condition", ""), expectation.meta.rule
    if not isinstance(condition, str):
        raise ConfigError(f"the row_condition of the rule {name!r} must be text.", path=path, key=name)
    known = {"scope": table.scopes, "unit": tuple(sorted({unit.si for unit in UNITS.values()}))}
    for column, value in _COMPARED.findall(condition):
        if value not in known[column]:
            message = f"the rule {name!r} asks for the {column} {value!r}, which no row has."
            raise ConfigError(message, path=path, key=name, hint=nearest(value, known[column]))
