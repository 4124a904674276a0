"""Reading ``params.yaml``: one model of the whole file, errors with their line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from mmbind.config.base import Section
from mmbind.config.binding import Binding, Report
from mmbind.config.learning import Compute, Evaluation, Shared, Training
from mmbind.config.roles import TARGET, TEST, Role, Rotation
from mmbind.config.sources import Archive, Name, Source
from mmbind.config.windows import Windows
from mmbind.errors import ConfigError, nearest

#: The file of a study that holds its parameters.
PARAMS_FILE = "params.yaml"


class Params(Section):
    """A study's ``params.yaml``."""

    #: Folder with ``mmbind/`` and ``expectations/``, seen from the study; DVC depends on it.
    house: str = "."
    compute: Compute = Compute()
    archives: dict[Name, Archive] = {}
    sources: dict[Name, Source] = Field(min_length=1)
    windows: Windows
    roles: dict[str, Role]
    rotations: list[Rotation] = []
    shared: Shared
    binding: Binding = Binding()
    report: Report = Report()
    training: Training
    evaluation: Evaluation = Evaluation()

    @property
    def unlabelled_roles(self) -> list[str]:
        """Names of the roles that are bound (all but target and test), sorted."""
        return sorted(name for name in self.roles if name not in (TARGET, TEST))

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        for needed in (TARGET, TEST):
            if needed not in self.roles:
                raise ValueError(f"roles: the role {needed!r} is missing")
        if len(self.unlabelled_roles) < 2:
            raise ValueError("roles: at least two unlabelled roles are needed, e.g. A and B")
        if self.roles[TARGET].labels is None:
            raise ValueError("roles.target: labels (count, draw) are missing")
        for name, role in self.roles.items():
            if name != TARGET and role.labels is not None:
                raise ValueError(f"roles.{name}: only the target shows labels")
            for source in role.sources:
                if source not in self.sources:
                    raise ValueError(
                        f"roles.{name}.sources: unknown source {source!r}. {nearest(source, self.sources)}"
                    )
            for modality in role.modalities:
                if modality not in self.windows.modalities:
                    raise ValueError(
                        f"roles.{name}.modalities: {modality!r} is not windowed. "
                        f"{nearest(modality, self.windows.modalities)}"
                    )
        if self.shared.modality not in self.windows.modalities:
            raise ValueError(f"shared.modality: {nearest(self.shared.modality, self.windows.modalities)}")
        for modality in self.training.network.centred:
            if modality not in self.windows.modalities:
                raise ValueError(f"training.network.centred: {nearest(modality, self.windows.modalities)}")
        for rotation in self.rotations:
            for name in rotation.subjects:
                if name not in self.roles:
                    raise ValueError(f"rotations.{rotation.name}: unknown role {name!r}. {nearest(name, self.roles)}")
        return self


def load_params(path: Path) -> Params:
    """Reads and checks a ``params.yaml``.

    Args:
        path: the file.

    Raises:
        ConfigError: with file, line and key; misspelt keys come with the nearest right one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}.", path=path, hint="Run this in a study's folder, or 'mmbind init DIR'."
        ) from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        raise ConfigError(f"is not YAML: {getattr(error, 'problem', error)}.", path=path, line=line) from None
    if not isinstance(value, dict):
        raise ConfigError(
            "must be a mapping with the sections of a study.", path=path, hint=nearest("", Params.model_fields)
        )
    try:
        return Params.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        location = _without_tags(first["loc"], value)
        key = ".".join(str(part) for part in location)
        message, hint = _explain(first, location)
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(f"{message}{more}", path=path, line=_line(tree, location), key=key, hint=hint) from None


def _without_tags(location: Sequence[str | int], value: Any) -> list[str | int]:
    """Drops the names of union members that pydantic puts into a location."""
    kept: list[str | int] = []
    for position, part in enumerate(location):
        if isinstance(value, dict) and part not in value and position < len(location) - 1:
            continue
        kept.append(part)
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
    return kept


def _explain(error: Any, location: Sequence[str | int]) -> tuple[str, str]:
    key = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        known = _fields_at(list(error["loc"][:-1]))
        return f"unknown key {key!r}.", nearest(str(location[-1]), known)
    if error["type"] == "missing":
        return f"the key {key!r} is missing.", ""
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = "" if error["type"] == "value_error" or isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return f"{key + ': ' if key else ''}{message.rstrip('.')}{shown}.", ""


def _fields_at(location: Sequence[str | int]) -> set[str]:
    """The keys that are valid at a location of ``params.yaml``."""
    types: list[Any] = [Params]
    for part in location:
        following: list[Any] = []
        for kind in types:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                if part in kind.model_fields:
                    following += _members(kind.model_fields[str(part)].annotation)
                elif any(
                    getattr(field.annotation, "__args__", None) == (part,) for field in kind.model_fields.values()
                ):
                    following.append(kind)
            elif get_origin(kind) in (dict, list):
                following += _members(get_args(kind)[-1])
        tagged = [kind for kind in types if _has_tag(kind, part)]
        types = tagged or following
    return {
        name for kind in types if isinstance(kind, type) and issubclass(kind, BaseModel) for name in kind.model_fields
    }


def _members(annotation: Any) -> list[Any]:
    if hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return [part for member in get_args(annotation) for part in _members(member)]
    return [annotation]


def _has_tag(kind: Any, part: str | int) -> bool:
    """Whether a union member is the one that a discriminator value names."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    return any(part in get_args(field.annotation) for field in kind.model_fields.values())


def _line(node: Any, location: Sequence[str | int]) -> int | None:
    """The 1-based line of a key in composed YAML, as deep as the key exists."""
    line: int | None = None
    for part in location:
        if isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, child
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line
