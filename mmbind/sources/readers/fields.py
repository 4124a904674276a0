"""Fields of JSON records, by dotted path; what a line holds instead becomes a reason."""

from __future__ import annotations

import json
from typing import Any

#: What :func:`pick` finds where there is no such field.
ABSENT = object()

#: The names that lead to a field.
Keys = tuple[str, ...]


class UnfitError(Exception):
    """A line that does not hold what it should; its text is the reason."""


def keys_of(column: str | int) -> Keys:
    """The path of a column, ``acc.x``."""
    return tuple(str(column).split("."))


def dotted(keys: Keys) -> str:
    """The inverse of :func:`keys_of`."""
    return ".".join(keys)


def record_of(line: bytes) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        UnfitError: when it is none.
    """
    try:
        record = json.loads(line.decode("utf-8"))
        if rb"\ud" in line.lower():
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise UnfitError("the line is not UTF-8.") from None
    except UnicodeEncodeError:
        raise UnfitError("the line escapes half a character (\\ud800 to \\udfff come in pairs).") from None
    except (ValueError, RecursionError) as error:
        raise UnfitError(f"the line is not JSON: {error}.") from None
    if not isinstance(record, dict):
        raise UnfitError("the line is not a JSON object.")
    return record


def leaves(record: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted paths of a record's leaves."""
    found: list[str] = []
    for key, value in record.items():
        found += leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return found


def pick(record: Any, keys: Keys) -> Any:
    """A field's value; ``ABSENT`` when there is none."""
    for key in keys:
        if not isinstance(record, dict) or key not in record:
            return ABSENT
        record = record[key]
    return record


def check_numbers(keys: Keys, values: list[Any]) -> None:
    """Refuses a field whose values are not all numbers or null.

    Raises:
        UnfitError: with the first that is none.
    """
    if set(map(type, values)) <= {float, int, type(None)}:
        return
    bad = next(value for value in values if type(value) not in (float, int, type(None)))
    raise UnfitError(f"the field {dotted(keys)!r}: {_short(bad)} is not a number.")


def time_text(value: Any, keys: Keys) -> str | None:
    """A time as text; None where there is none.

    Raises:
        UnfitError: when it is neither a number nor a text.
    """
    if value is None or value is ABSENT:
        return None
    if type(value) not in (int, float, str):
        raise UnfitError(f"the field {dotted(keys)!r}: {_short(value)} is no time.")
    return str(value)


def label_text(value: Any) -> str | None:
    """A label as text; None where there is none."""
    if value is None or value is ABSENT:
        return None
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
