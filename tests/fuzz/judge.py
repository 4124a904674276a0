"""What became of a spoilt file, and whether that is right."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from mmbind.errors import MmbindError
from mmbind.sources.file_rows import FileRows
from mmbind.sources.logfile import read_file
from mmbind.sources.readers import reader_for
from mmbind.sources.table import FileProblem
from tests.fuzz.mutate import Mutation
from tests.fuzz.pieces import Piece
from tests.fuzz.texts import Text, same

#: Outcomes that are right: all rows, some set aside, the file set aside, an error in words.
RIGHT = ("rows", "partial", "refused", "error")
#: An outcome that is not.
WRONG = "wrong"


class WrongError(Exception):
    """What a reader did is not right; the text says what."""


@dataclass(frozen=True)
class Read:
    """What a reader gave of a text file, before anything is sifted.

    Attributes:
        readings: per modality line, time, label and values.
        broken: numbers of the broken lines.
        missing: modalities that the file cannot give.
        passed: lines passed by.
        labelled: whether labels could be read.
    """

    readings: dict[str, pl.DataFrame] = field(default_factory=dict)
    broken: frozenset[int] = frozenset()
    missing: frozenset[str] = frozenset()
    passed: int = 0
    labelled: bool = True


def read_all(path: Path, piece: Piece) -> Read:
    """Reads a file to its end.

    Raises:
        FileProblem: when it cannot be used as a whole.
    """
    raw = reader_for(piece.source)(path, piece.source, piece.source.modalities)
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in piece.source.modalities}
    broken: set[int] = set()
    for block in raw.blocks:
        broken.update(block.broken["line"])
        for name, frame in block.readings.items():
            frames[name].append(_comparable(frame.drop("row")))
    readings = {n: pl.concat(parts) for n, parts in frames.items() if parts and n not in raw.missing}
    lost = frozenset(raw.missing)
    return Read(readings, frozenset(broken), lost, sum(raw.passed.values()), not raw.unlabelled)


def _comparable(frame: pl.DataFrame) -> pl.DataFrame:
    """Readings whose times are texts: a block of plain lines may have them as whole numbers."""
    times = pl.col("time").cast(pl.String).str.strip_chars()
    return frame.with_columns(times) if "time" in frame.columns and frame["time"].dtype == pl.Int64 else frame


def judge(folder: Path, piece: Piece, whole: bytes, before: Read, mutation: Mutation) -> tuple[str, str]:
    """Reads a spoilt file.

    Args:
        folder: where to write it.
        piece: whose file it is.
        whole: its bytes before.
        before: what was in it.
        mutation: what it is now.

    Returns:
        One of ``RIGHT`` and "", or ``WRONG`` and why.
    """
    path = folder / piece.name
    path.write_bytes(mutation.data)
    try:
        rows = read_file(folder, piece.name, piece.source, sorted(piece.source.modalities), piece.channels)
        _check_conservation(rows)
        if piece.text:
            text = Text(mutation.data, piece.source)
            _check_raw(rows, text)
            _check_lines(path, piece, Text(whole, piece.source), text, before, mutation)
    except WrongError as error:
        return WRONG, str(error)
    except MmbindError as error:
        return (WRONG, str(error)) if "defect" in error.hint else ("error", "")
    except (Exception, *_panics()):
        return WRONG, traceback.format_exc(limit=-3)
    return {"ok": "rows", "unreadable": "refused"}.get(rows.status, rows.status), ""


def _panics() -> tuple[type[BaseException], ...]:
    """Failures of compiled code that are no Exceptions."""
    return (pl.exceptions.PanicException,)


def _check_conservation(rows: FileRows) -> None:
    for name, counts in rows.counts.items():
        kept = sum(frame.height for frame in rows.kept[name])
        lost = sum(frame.filter(pl.col("modality") == name).height for frame in rows.aside)
        if (counts["kept"], counts["quarantined"], counts["read"]) != (kept, lost, kept + lost):
            raise WrongError(f"{name}: {counts} are counted, {kept} were kept and {lost} set aside.")


def _check_raw(rows: FileRows, text: Text) -> None:
    """What is set aside is the file's own bytes."""
    for frame in rows.aside:
        for line, raw in frame.filter(pl.col("line").is_not_null()).select("line", "raw").iter_rows():
            if raw != text.lines[line - 1]:
                raise WrongError(f"line {line} is {text.lines[line - 1]!r}, not {raw!r}.")


def _check_lines(path: Path, piece: Piece, whole: Text, text: Text, before: Read, mutation: Mutation) -> None:
    """Every line is read, broken or passed by, as what it is; one changed byte changes no other line's readings."""
    try:
        after = read_all(path, piece)
    except FileProblem as problem:
        if mutation.single and not _decisive(whole, mutation):
            raise WrongError(f"one byte of one line cost the file: {problem.reason}") from None
        return
    if not after.missing:
        told = {line for frame in after.readings.values() for line in frame["line"]} | after.broken
        lines = set(text.data_lines)
        if len(told) + after.passed != len(lines) or not told <= lines:
            raise WrongError(f"of {len(lines)} lines {len(told)} were read or broken, {after.passed} passed by.")
    if piece.by_line:
        _check_values(piece, text, after)
    if mutation.single:
        _check_others(whole, text, before, after, mutation)


def _check_values(piece: Piece, text: Text, after: Read) -> None:
    for name, frame in after.readings.items():
        columns = piece.source.modalities[name].columns
        for line, *found in frame.select("line", *(f"v{c}" for c in range(len(columns)))).iter_rows():
            if not same(found, wanted := text.values(line, columns)):
                raise WrongError(f"line {line}: {name} is {found}, not {wanted}: {text.lines[line - 1]!r}")


def _check_others(whole: Text, text: Text, before: Read, after: Read, mutation: Mutation) -> None:
    touched, ended = whole.line_of(mutation.at)
    _, ends = text.line_of(mutation.at)
    last_before, last_after = touched + (ended and not ends), touched + (ends and not ended)
    if after.missing - before.missing and not _decisive(whole, mutation):
        raise WrongError(f"one byte of one line cost {sorted(after.missing)}.")
    for name, old in before.readings.items():
        new = after.readings.get(name)
        if new is None:
            continue
        old = old.filter(~pl.col("line").is_between(touched, last_before))
        new = new.filter(~pl.col("line").is_between(touched, last_after))
        shift = pl.when(pl.col("line") > last_before).then(last_after - last_before).otherwise(0)
        old = old.with_columns((pl.col("line") + shift).cast(pl.Int64).alias("line"))
        if not after.labelled:
            old, new = old.drop("label", strict=False), new.drop("label", strict=False)
        if not old.equals(new) and not _decisive(whole, mutation):
            raise WrongError(f"one byte of line {touched} changed readings of {name} in other lines.")


def _decisive(whole: Text, mutation: Mutation) -> bool:
    """Whether the changed byte lies in the header, or in a comment before it, or ends one."""
    return whole.reader.header and whole.line_of(mutation.at)[0] <= (whole.header or 1)
