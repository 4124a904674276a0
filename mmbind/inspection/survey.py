"""The survey: a file or folder never seen, looked at and drafted, and the draft tried."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmbind.errors import DataError, InputError
from mmbind.inspection.clocks import Timing, counted, timing_of
from mmbind.inspection.columns import Modality, Roles, merged, roles_of
from mmbind.inspection.draft import Draft, DraftedModality, draft_source
from mmbind.inspection.evidence import Guess, Sample, Table
from mmbind.inspection.formats import sample_file
from mmbind.inspection.names import Naming, naming_of, sensor_word, spread
from mmbind.inspection.trial import Trial, try_source
from mmbind.inspection.units import Meaning, Turned, best_turn, meaning_of, turned
from mmbind.sources.discover import PASSED_BY
from mmbind.sources.identity import owner_of

#: Files of each kind that are looked at, and recordings that the draft is tried on.
SAMPLED, TRIED = 12, 6
#: Rate that is stated where nothing tells one.
ANY_RATE = 50.0
#: Agreement of gyroscope and accelerometer from which they tell a rate.
TELLING = 0.9


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        folder: where the files lie.
        naming: how they are named.
        looked_at: files that were opened.
        unread: reasons by file that could not be.
        draft: the block.
        trial: what the readers made of some recordings by that block.
    """

    folder: Path
    naming: Naming
    looked_at: list[str]
    unread: dict[str, str]
    draft: Draft
    trial: Trial


@dataclass(frozen=True)
class _Kind:
    """The files of one sensor, or all."""

    sensor: str
    samples: list[Sample]
    roles: list[Roles]


def inspect(path: Path, name: str | None = None) -> Inspection:
    """Inspects logs and drafts their source.

    Args:
        path: a file or a folder.
        name: the source's name; by default after the path.

    Raises:
        InputError: when there is no file, or none that holds a modality.
        DataError: when no file can be read.
    """
    folder, paths = _files(path)
    naming = naming_of(paths)
    if not naming.paths:
        raise InputError(f"{path} holds no logs.", hint="Name the folder that holds them, or one file.")
    unread: dict[str, str] = {}
    kinds = _kinds(folder, naming, unread)
    label = _label(kinds)
    if label is not None:
        naming = naming_of(paths, labelled=True)
    reader, doubts = _reader(kinds)
    drafted = [each for kind in kinds for each in _modalities(kind)]
    drafted = _named_apart(drafted)
    if not drafted:
        raise InputError(f"{path}: no columns look like readings.", hint="Columns of numbers are needed.")
    if label is not None and reader["format"] == "matlab":
        label = None
    source = _slug(name or (path.stem if path.is_file() else path.resolve().name))
    draft = draft_source(source, naming, reader, label, drafted, doubts)
    looked_at = sorted({sample.path for kind in kinds for sample in kind.samples})
    trial = try_source(source, draft.source, folder, _whole_recordings(naming, draft))
    return Inspection(folder, naming, looked_at, unread, draft, trial)


def _files(path: Path) -> tuple[Path, list[str]]:
    if path.is_file():
        return path.parent, [path.name]
    if not path.is_dir():
        raise InputError(f"{path} is neither a file nor a folder.")
    found = []
    for place, folders, files in os.walk(path):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        inside = Path(place).relative_to(path)
        found += [
            (inside / each).as_posix() for each in files if not each.startswith(".") and not each.endswith(PASSED_BY)
        ]
    return path, sorted(found)


def _kinds(folder: Path, naming: Naming, unread: dict[str, str]) -> list[_Kind]:
    kinds = []
    for sensor, members in naming.sensors.items():
        samples = []
        for path in spread(members, SAMPLED):
            try:
                samples.append(sample_file(folder, path))
            except DataError as error:
                unread[path] = error.message
        if not samples:
            raise DataError(
                f"none of {len(spread(members, SAMPLED))} files like it can be read.",
                path=folder / members[0],
                hint=next(iter(unread.values())),
            )
        lone = Path(members[0]).stem if len(naming.paths) == 1 else ""
        hint = sensor_word(sensor or lone)
        tables = samples[0].tables
        roles = [roles_of(table, hint or sensor_word(table.variable or "")) for table in tables]
        kinds.append(_Kind(sensor, samples, roles))
    return kinds


def _label(kinds: Sequence[_Kind]) -> str | None:
    """The column of labels; a file without any label does not tell it."""
    every = [table for kind in kinds for sample in kind.samples for table in sample.tables]
    return next((label for table in every if (label := roles_of(table).label) is not None), None)


def _reader(kinds: Sequence[_Kind]) -> tuple[dict[str, object], list[str]]:
    """One reader for all files, and what is in doubt about it."""
    every = [sample for kind in kinds for sample in kind.samples]
    options = [dict(sample.reader) for sample in every]
    reader = max(options, key=lambda each: sum(each == other for other in options))
    doubts = list(
        dict.fromkeys(doubt for sample in every for doubt in sample.doubts if not doubt.startswith("columns:"))
    )
    marks = {mark for each in options for mark in _marks(each.get("comment"))}
    if marks:
        reader["comment"] = sorted(marks) if len(marks) > 1 else next(iter(marks))
    different = [sample.path for sample, each in zip(every, options, strict=True) if _core(each) != _core(reader)]
    if different:
        doubts.append(f"reader: {different[0]} looks different ({_core(dict(every[0].reader))})")
    sensor = next((roles.sensor for kind in kinds for roles in kind.roles if roles.sensor is not None), None)
    if sensor is not None:
        reader |= {"layout": "long", "sensor_column": sensor}
    return reader, doubts


def _marks(comment: object) -> list[str]:
    if comment is None:
        return []
    return [str(each) for each in comment] if isinstance(comment, list) else [str(comment)]


def _core(reader: Mapping[str, object]) -> dict[str, object]:
    return {
        key: value for key, value in reader.items() if key not in ("comment", "skip_lines", "layout", "sensor_column")
    }


def _modalities(kind: _Kind) -> list[DraftedModality]:
    """The modalities of files of one kind."""
    drafted = []
    columns = merged(kind.roles)
    tables = {name: _tables(kind, modality) for name, modality in columns.items()}
    timings = {name: _timing(kind, modality, tables[name]) for name, modality in columns.items()}
    turns = _turned(columns, tables)
    for name, modality in columns.items():
        timing = timings[name]
        rate = timing.rate_hz if timing is not None else None
        told_by = turns.get(name)
        pieces = [modality.values(table) for table in tables[name]]
        told = modality.told or [modality.name]
        worth = None if told_by is None or rate is None else told_by.scale * rate
        meaning = meaning_of(name, told, pieces, worth)
        if timing is None:
            timing = counted(_rate(meaning, told_by), "its papers may say it")
        drafted.append(DraftedModality(modality, meaning, timing, kind.sensor))
    return _one_rate(drafted)


def _tables(kind: _Kind, modality: Modality) -> list[Table]:
    """The tables of all samples that hold a modality."""
    every = [table for sample in kind.samples for table in sample.tables if table.variable == modality.variable]
    return [
        table
        for table in every
        if set(modality.columns) <= set(table.columns)
        and all(table.columns[column].dtype.is_numeric() for column in modality.columns)
        and modality.whole(table).sum() > 2
    ]


def _timing(kind: _Kind, modality: Modality, tables: Sequence[Table]) -> Timing | None:
    """A modality's clock by the best column that gives one; None when no column tells time."""
    candidates = [name for roles in kind.roles for name in roles.times]
    for column in dict.fromkeys(candidates):
        mine = [table for table in tables if column in table.columns]
        if not mine:
            continue
        whole = [pl.Series(modality.whole(table)) for table in mine]
        pieces = [table.columns[column].filter(rows) for table, rows in zip(mine, whole, strict=True)]
        batches = [t.batch.filter(rows) for t, rows in zip(mine, whole, strict=True) if t.batch is not None]
        found = timing_of(column, mine[0].called(column), pieces, batches)
        if found is not None:
            return found
    return None


def _turned(columns: Mapping[str, Modality], tables: Mapping[str, Sequence[Table]]) -> dict[str, Turned | None]:
    """Per gyroscope, what its numbers are worth by the accelerometer in the same rows."""
    acc = next((each for name, each in columns.items() if name == "acc" and len(each.columns) == 3), None)
    found: dict[str, Turned | None] = {}
    for name, each in columns.items():
        if acc is None or not name.startswith("gyro") or len(each.columns) != 3 or each.sensor != acc.sensor:
            continue
        told = []
        for table in tables[name]:
            if set(acc.columns) <= set(table.columns):
                both = acc.whole(table) & each.whole(table)
                told.append(turned(acc.rows(table)[both], each.rows(table)[both]))
        found[name] = best_turn(told)
    return found


def _rate(meaning: Guess[Meaning], told: Turned | None) -> Guess[float]:
    """A rate without times: from how far gravity turns per reading, where the gyroscope's unit is known."""
    if told is not None and told.fit > TELLING and meaning.value.scale == 1:
        measured = meaning.value.factor / told.scale
        return Guess(
            float(f"{measured:.2g}"), f"no column tells time; gravity turns as at about {measured:.3g} Hz", sure=False
        )
    return Guess(ANY_RATE, "no column tells time, and 50 Hz is but a usual rate", sure=False)


def _one_rate(drafted: list[DraftedModality]) -> list[DraftedModality]:
    """Modalities of one table have one rate: that of the gyroscope, which physics may tell."""
    told = next((each.timing for each in drafted if "gravity turns" in each.timing.notes.get("rate_hz", "")), None)
    if told is None:
        return drafted
    same = next(each.modality for each in drafted if each.timing is told)
    return [
        DraftedModality(each.modality, each.meaning, told, each.sensor)
        if each.timing.clock["kind"] == "sample_index" and each.modality.variable == same.variable
        else each
        for each in drafted
    ]


def _named_apart(drafted: Sequence[DraftedModality]) -> list[DraftedModality]:
    """Modalities of all kinds under names of their own."""
    from dataclasses import replace

    names: dict[str, int] = {}
    apart = []
    for each in drafted:
        name = each.modality.name
        names[name] = names.get(name, 0) + 1
        unique = name if names[name] == 1 else f"{name}_{_slug(each.sensor) or names[name]}"
        apart.append(replace(each, modality=replace(each.modality, name=unique)))
    return apart


def _whole_recordings(naming: Naming, draft: Draft) -> list[str]:
    """The files of some recordings, spread over all of them."""
    keys: dict[str, list[str]] = {}
    for path in naming.paths:
        owner = owner_of(path, draft.source)
        if owner is not None:
            keys.setdefault(owner.key, []).append(path)
    most = max((len(members) for members in keys.values()), default=0)
    whole = sorted(key for key, members in keys.items() if len(members) == most)
    return sorted(path for key in spread(whole, TRIED) for path in keys[key])


def _slug(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"source_{plain}".rstrip("_")
