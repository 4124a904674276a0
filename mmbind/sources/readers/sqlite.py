"""SQLite databases: the rows of one table.

The file is opened read-only and as it stands; one with changes that are not written back
yet is refused, since they lie in another file. Cells of a column may differ in type; what
is no number, and no text of one, breaks its reading.

Source: SQLite, "Uniform Resource Identifiers" (``mode``, ``immutable``), "Defense Against
The Dark Arts" (``quick_check``, ``trusted_schema``, ``cell_size_check``), "Rowid Tables".
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from mmbind.config import ModalitySource, Source, SqliteReader
from mmbind.errors import nearest
from mmbind.sources.readers.rows import RowTable
from mmbind.sources.rules import MISSING_TABLE, UNREADABLE
from mmbind.sources.table import FileProblem, RawFile

#: Rows of a block: cells are Python objects for a moment.
ROWS = 1 << 16
#: Endings of files beside a database that hold changes of it.
_UNWRITTEN = ("-wal", "-journal")


def open_file(path: Path, source: Source, modalities: Mapping[str, ModalitySource]) -> RawFile:
    """Opens a database; a reading's line is its 1-based row in the table's own order.

    Args:
        path: the file.
        source: its source; the table, the label column and the layout.
        modalities: what to take from it.

    Raises:
        FileProblem: when it is no database, damaged, or not written back, or lacks the table.
    """
    if not isinstance(source.reader, SqliteReader):
        raise TypeError(source.reader)
    for ending in _UNWRITTEN:
        beside = path.with_name(path.name + ending)
        if beside.is_file() and _first_byte(beside) not in (b"", b"\0"):
            raise FileProblem(
                UNREADABLE,
                f"changes of it lie in {beside.name!r}; open it once with sqlite3 where it was written, and close it.",
            )
    try:
        with closing(_connect(path)) as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise _damaged(found)
            name = _table(database, source.reader.table)
            names = [row[1] for row in database.execute(f"PRAGMA table_xinfo({_quoted(name)})")]
            rowid = _rowid(database, name, names)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _damaged(error) from None
    order = "" if rowid is None else f" ORDER BY {rowid}"
    table = RowTable.of([(column, None) for column in names], source, modalities)
    return table.raw_file(lambda columns: _frames(path, columns, f"FROM {_quoted(name)}{order}"))


def _first_byte(path: Path) -> bytes:
    """Nothing of an empty file; a journal whose first byte is zero holds no changes."""
    with path.open("rb") as stream:
        return stream.read(1)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
    database.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    return database


def _table(database: sqlite3.Connection, wanted: str | None) -> str:
    """The name of the table with the readings."""
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names: list[str] = sorted(name for (name,) in rows if not name.startswith("sqlite_"))
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None:
        raise FileProblem(MISSING_TABLE, f"reader.table must say which of its tables: {', '.join(names) or 'none'}.")
    if wanted not in names:
        raise FileProblem(MISSING_TABLE, f"the table {wanted!r} is missing. {nearest(wanted, names)}")
    return wanted


def _rowid(database: sqlite3.Connection, table: str, names: Sequence[str]) -> str | None:
    """What a table calls its row number; None when it has none, and lies in order of its key."""
    taken = {name.lower() for name in names}
    for alias in ("rowid", "_rowid_", "oid"):
        if alias not in taken:
            try:
                database.execute(f"SELECT {alias} FROM {_quoted(table)} LIMIT 0")  # noqa: S608  (a known table)
            except sqlite3.OperationalError:
                return None
            return alias
    return None


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _frames(path: Path, columns: list[str], rest: str) -> Iterator[pl.DataFrame]:
    try:
        with closing(_connect(path)) as database:
            cursor = database.execute(f"SELECT {', '.join(map(_quoted, columns))} {rest}")
            while rows := cursor.fetchmany(ROWS):
                cells = zip(*rows, strict=True)
                yield pl.DataFrame([_series(*column) for column in zip(columns, cells, strict=True)])
    except sqlite3.Error as error:
        raise _damaged(error) from None


def _series(name: str, cells: Sequence[Any]) -> pl.Series:
    """A column: whole numbers, numbers, or texts when it holds anything else."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds == {int}:
        return pl.Series(name, cells, dtype=pl.Int64)
    if kinds == {float}:
        return pl.Series(name, cells, dtype=pl.Float64)
    return pl.Series(name, [None if cell is None else _text(cell) for cell in cells], dtype=pl.String)


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else repr(cell)


def _damaged(error: object) -> FileProblem:
    return FileProblem(UNREADABLE, f"it is no SQLite database, or damaged: {error}.")
