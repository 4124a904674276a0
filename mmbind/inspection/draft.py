"""The drafted block of ``params.yaml``: every answer with its reason, every doubt as a comment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from mmbind.config import Source
from mmbind.inspection.clocks import Timing
from mmbind.inspection.columns import Modality
from mmbind.inspection.evidence import Guess
from mmbind.inspection.names import Naming
from mmbind.inspection.units import Meaning

#: A comment stands behind its key up to this column, else above it.
WIDTH = 118
_DEFAULT_GAP_S = 1.0


@dataclass(frozen=True)
class DraftedModality:
    """A modality and what was found out about it.

    Attributes:
        modality: its columns.
        meaning: its unit.
        timing: its clock.
        sensor: the part of the paths that its files share; "" where all files hold it.
    """

    modality: Modality
    meaning: Guess[Meaning]
    timing: Timing
    sensor: str = ""


@dataclass(frozen=True)
class Draft:
    """A block for ``params.yaml``.

    Attributes:
        name: the source's name.
        text: YAML with comments, indented as it stands below ``sources:``.
        source: the same, validated.
        unsure: what a person must decide, as sentences.
    """

    name: str
    text: str
    source: Source
    unsure: list[str] = field(default_factory=list)


def draft_source(
    name: str,
    naming: Naming,
    reader: Mapping[str, object],
    label: str | None,
    modalities: Sequence[DraftedModality],
    unsure: Sequence[str],
) -> Draft:
    """Writes the block.

    Args:
        name: the source's name.
        naming: how its files are named.
        reader: the section ``reader``.
        label: column of labels, None for none.
        modalities: what it holds.
        unsure: doubts so far; those of units, clocks and names are added.

    Raises:
        pydantic.ValidationError: never, unless inspection has a defect.
    """
    doubts = [*unsure, *(f"{part.role or 'a part'} in paths: {part.why}" for part in naming.parts if not part.sure)]
    lines = [f"{name}:"]
    if len(naming.sensors) > 1:
        lines += ["  join:", *(f"    {each.modality.name}: {_flow(naming.globs[each.sensor])}" for each in modalities)]
    else:
        lines.append(f"  files: {_flow(naming.glob)}")
    lines.append(f"  reader: {_flow(dict(reader))}")
    lines += _identity(naming)
    if label is not None:
        lines.append(f'  labels: {{column: {_flow(label)}, unlabelled: [""]}}')
    elif any(part.role == "label" for part in naming.parts):
        lines.append("  labels: {map: {}}  # names of the path's labels as you want them")
    lines += _gap(modalities)
    lines.append("  modalities:")
    for each in modalities:
        lines += _modality(each, doubts)
    text = "".join(f"  {line}\n" for line in [*(f"# ? {doubt}" for doubt in doubts), *lines])
    source = Source.model_validate(yaml.safe_load(text)[name])
    return Draft(name, text, source, doubts)


def _identity(naming: Naming) -> list[str]:
    if naming.pattern is None:
        return ["  identity: {}  # one file tells no names: subject, device, placement"]
    comments = [
        f"    # {part.role or 'passed by'}: {', '.join(part.examples)}{', ...' if part.count > 4 else ''} "
        f"({part.count} in all): {part.why}{'' if part.sure else ' (?)'}"
        for part in naming.parts
    ]
    return ["  identity:", *comments, f"    pattern: {_flow(naming.pattern)}"]


def _gap(modalities: Sequence[DraftedModality]) -> list[str]:
    rates = [each.timing.rate_hz for each in modalities if each.timing.rate_hz]
    slowest = 1 / min(rates) if rates else 0.0
    pause = max([each.timing.gap_s for each in modalities], default=0.0)
    gap = max(_DEFAULT_GAP_S, 5 * slowest)
    if gap > _DEFAULT_GAP_S:
        return [f"  max_gap_s: {gap:.3g}  # five readings at {min(rates):.3g} Hz"]
    if pause > _DEFAULT_GAP_S:
        return [
            f"  max_gap_s: {gap:.3g}  # most files have a pause of {pause:.3g} s or so: longer ones split recordings"
        ]
    return [f"  max_gap_s: {gap:.3g}"]


def _modality(each: DraftedModality, doubts: list[str]) -> list[str]:
    spec, meaning, timing = each.modality, each.meaning.value, each.timing
    lines = [f"    {spec.name}:" + (f"  # {spec.why}" if spec.why else "")]
    if spec.sensor is not None:
        lines.append(f"      sensor: {_flow(spec.sensor)}")
    if spec.variable is not None:
        lines.append(f"      variable: {_flow(spec.variable)}")
    if spec.time_axis:
        lines.append(f"      time_axis: {spec.time_axis}")
    if spec.columns and len(spec.columns) <= 12:
        columns = [int(column) if column.isdigit() else column for column in spec.columns]
        told = f"  # {', '.join(spec.told)}" if spec.told and spec.told != spec.columns else ""
        lines.append(f"      columns: {_flow(columns)}{told}")
    elif spec.variable is None:
        lines.append(f"      columns: {_flow(list(spec.columns))}")
    if spec.channels:
        lines.append(f"      channels: {_flow(spec.channels)}")
    lines += _commented(f"      unit: {_flow(meaning.unit)}", each.meaning.why, sure=each.meaning.sure)
    if meaning.scale != 1:
        lines.append(f"      scale: {meaning.scale!r}")
    if not each.meaning.sure:
        doubts.append(f"{spec.name}: unit {meaning.unit}: {each.meaning.why}")
    doubts += [f"{spec.name}: {doubt}" for doubt in timing.unsure]
    notes = "; ".join(note for note in timing.notes.values() if note)
    lines += _commented(f"      clock: {_flow(timing.clock)}", notes, sure=not timing.unsure)
    return lines


def _commented(line: str, why: str, *, sure: bool) -> list[str]:
    if not why:
        return [line]
    comment = f"# {why}" if sure else f"# ? {why}"
    if len(line) + len(comment) + 2 <= WIDTH:
        return [f"{line}  {comment}"]
    indent = " " * (len(line) - len(line.lstrip()))
    return [f"{indent}{comment}", line]


def _flow(value: Any) -> str:
    """A value as YAML in one line; plain words without quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _is_plain(value):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    plain = text.replace("_", "").replace("/", "").replace(".", "").replace("-", "")
    if not plain.isascii() or not plain.isalnum() or not text[0].isalpha():
        return False
    return bool(yaml.safe_load(text) == text)
