"""What is wrong with a section, in words: where it stands, and the nearest right spelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mmbind.errors import nearest

#: What misleads most is told last: a misspelt key also makes the right one go missing.
_MISLEADING = {"extra_forbidden": 0, "missing": 2}
_NO_MAPPING = ("model_type", "model_attributes_type", "dict_type")


class DisagreementError(ValueError):
    """Sections of a file do not fit together.

    Attributes:
        location: keys that lead to the value to change.
    """

    def __init__(self, location: Sequence[str | int], message: str) -> None:
        """Keeps the location."""
        self.location = tuple(location)
        super().__init__(message)


@dataclass(frozen=True)
class Explanation:
    """One sentence about one key.

    Attributes:
        location: keys (and positions in lists) that lead there.
        message: what is wrong.
        hint: the nearest right spelling, or "".
    """

    location: tuple[str | int, ...]
    message: str
    hint: str


def explain(error: ValidationError, value: Any, model: type[BaseModel]) -> Explanation:
    """Explains the most telling of the errors that pydantic found.

    Args:
        error: what pydantic found.
        value: what was validated.
        model: the model of the whole value.
    """
    first = min(error.errors(), key=lambda each: _MISLEADING.get(each["type"], 1))
    found = _explain_one(first, value, model)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return Explanation(found.location, f"{found.message}{more}", found.hint)


def _explain_one(error: Any, value: Any, model: type[BaseModel]) -> Explanation:
    location = _without_tags(error["loc"], value)
    kinds = _kinds_at(model, error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(location, _kinds_at(model, error["loc"][:-1]))
        case "missing":
            return Explanation(location, f"the key {_dotted(location)!r} is missing.", "")
        case "union_tag_invalid":
            location = (*location, _discriminator(error))
            values = {text for kind in kinds for text in get_args(kind.model_fields[location[-1]].annotation)}
            return _unknown_value(location, error["ctx"]["tag"], values)
        case "unknown_format":
            return _unknown_value((*location, "format"), error["ctx"]["tag"], set(error["ctx"]["known"]))
        case "unknown_name":
            return _unknown_value(location, error["ctx"]["tag"], set(error["ctx"]["known"]))
        case "union_tag_not_found" if isinstance(error["input"], dict):
            known = {name for kind in kinds for name in kind.model_fields}
            for key in error["input"]:
                if key not in known:
                    return _unknown_key((*location, key), kinds)
            missing = (*location, _discriminator(error))
            return Explanation(missing, f"the key {_dotted(missing)!r} is missing.", "")
        case "literal_error":
            values = {text for kind in kinds if get_origin(kind) is Literal for text in get_args(kind)}
            return _unknown_value(location, error["input"], values)
        case "value_error" if isinstance(error["ctx"]["error"], DisagreementError):
            location = error["ctx"]["error"].location
    place = f"{_dotted(location)}: " if location else ""
    message = "must be a mapping" if error["type"] in _NO_MAPPING else str(error["msg"]).removeprefix("Value error, ")
    shown = "" if error["type"] == "value_error" or isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return Explanation(location, f"{place}{message.rstrip('.')}{shown}.", "")


def _unknown_key(location: tuple[str | int, ...], kinds: Sequence[Any]) -> Explanation:
    known = {name for kind in kinds if _is_section(kind) for name in kind.model_fields}
    return Explanation(location, f"unknown key {_dotted(location)!r}.", nearest(str(location[-1]), known))


def _unknown_value(location: tuple[str | int, ...], value: object, known: set[Any]) -> Explanation:
    hint = nearest(str(value), [str(each) for each in known])
    return Explanation(location, f"{_dotted(location)}: unknown value {value!r}.", hint)


def _dotted(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location)


def _discriminator(error: Any) -> str:
    """The key that tells union members apart; pydantic quotes it."""
    return str(error["ctx"]["discriminator"]).strip("'")


def _without_tags(location: Sequence[str | int], value: Any) -> tuple[str | int, ...]:
    """Drops what pydantic puts into a location beside keys: names of union members, "[key]"."""
    kept: list[str | int] = []
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if part == "[key]" or (isinstance(value, dict) and part not in value and not last):
            continue
        kept.append(part)
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
    return tuple(kept)


def _kinds_at(model: type[BaseModel], location: Sequence[str | int]) -> list[Any]:
    """The types that a value at a location of pydantic's may have."""
    kinds: list[Any] = [model]
    for part in location:
        following: list[Any] = []
        for kind in kinds:
            if _is_section(kind) and part in kind.model_fields:
                following += _members(kind.model_fields[part].annotation)
            elif get_origin(kind) in (dict, list):
                following += _members(get_args(kind)[-1])
        kinds = following or [kind for kind in kinds if _has_tag(kind, part)]
    return kinds


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _members(annotation: Any) -> list[Any]:
    if hasattr(annotation, "__metadata__"):
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return [part for member in get_args(annotation) for part in _members(member)]
    return [annotation]


def _has_tag(kind: Any, part: str | int) -> bool:
    """Whether a union member is the one that a discriminator value names."""
    return _is_section(kind) and any(get_args(field.annotation) == (part,) for field in kind.model_fields.values())
