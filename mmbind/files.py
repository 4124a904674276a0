"""Files written whole, in the same bytes every time.

Outputs go to a temporary path beside their destination and are moved into place, so a
killed run leaves either the old or the new. Leftovers of killed runs are removed by the
next run that writes the same path.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

#: mmbind's own code.
PACKAGE = Path(__file__).resolve().parent
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def canonical_json(value: object) -> str:
    """JSON text with sorted keys: equal values give equal text.

    Raises:
        ValueError: for NaN or infinity, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def digest_of(value: object) -> str:
    """SHA-256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def short_id(*parts: object) -> str:
    """A stable 16-digit hex id of some parts (used for recordings and windows)."""
    return digest_of([str(part) for part in parts])[:16]


def sha256_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_folder(folder: Path) -> str:
    """SHA-256 (hex) of a folder's relative paths and contents, in sorted order."""
    return _digest_files(folder, (path for path in folder.rglob("*") if path.is_file()))


def digest_code(*parts: str) -> str:
    """SHA-256 (hex) of mmbind's own code: it changes when what the code says to Python does.

    Comments, docstrings and the layout of Python files do not count.

    Args:
        parts: rooms and modules by their path in the package, e.g. ``"learning"`` and
            ``"windows/store.py"``; none means all of it.

    Raises:
        FileNotFoundError: for a part that does not exist.
    """
    found: set[Path] = set()
    for root in [PACKAGE / part for part in parts] or [PACKAGE]:
        inside = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else [root]
        found.update(path for path in inside if "__pycache__" not in path.parts)
    return digest_of([[path.relative_to(PACKAGE).as_posix(), _said(path)] for path in sorted(found)])


def _said(path: Path) -> str:
    """A Python file's code in its one canonical form; the SHA-256 of any other file."""
    if path.suffix != ".py":
        return sha256_file(path)
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del node.body[0]
    return ast.unparse(tree)


def _digest_files(root: Path, files: Iterable[Path]) -> str:
    return digest_of([[path.relative_to(root).as_posix(), sha256_file(path)] for path in sorted(files)])


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swaps two paths in one step where the system can (Linux ``renameat2``)."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    status = rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    return bool(status == 0)


def remove_others(folder: Path, keep: Collection[str]) -> None:
    """Removes what lies in a folder under other names than those to keep, but for hidden files (``.gitignore``)."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in keep and (path.is_dir() or not path.name.startswith(".")):
            _remove(path)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path; moves it to ``path`` when the block ends well.

    Args:
        path: the destination; its folder is made when missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    _remove(temporary)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        _remove(temporary)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yields a new empty folder; puts it in the place of ``path`` when the block ends well.

    Where the system can swap two folders in one step, there is no moment without one.
    Elsewhere the old folder is moved aside first, and the next run repairs what a kill
    between the two moves left behind.

    Args:
        path: the destination folder; an old one is replaced as a whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = _temporary(path), path.with_name(f".{path.name}.old")
    _remove(temporary)
    _remove(old)
    temporary.mkdir()
    try:
        yield temporary
        if not path.exists():
            temporary.replace(path)
        elif not _exchange(temporary, path):
            path.replace(old)
            temporary.replace(path)
    finally:
        _remove(temporary)
        _remove(old)


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 text file whole."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Writes readable JSON with sorted keys and a final newline, whole."""
    write_text(path, json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def remake(mark: Path, make: Callable[[], object]) -> None:
    """Makes something that consists of many files, and then the file by which one knows that it is whole.

    Args:
        mark: the JSON file; an old one is removed first, so that what is killed in between stands for nothing.
        make: makes it, and returns what the file says.
    """
    mark.unlink(missing_ok=True)
    write_json(mark, make())


def write_parquet(path: Path, frame: pl.DataFrame, columns: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Writes a table as zstd Parquet (level 1, the cheapest of the measured ones), whole.

    Args:
        path: the destination.
        frame: the table.
        columns: what the file says of some columns: metadata of their Arrow fields.
    """
    schema = None if not columns else arrow_schema(frame, columns)
    with whole_file(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", compression_level=1, statistics=True, arrow_schema=schema)


def arrow_schema(frame: pl.DataFrame, columns: Mapping[str, Mapping[str, str]]) -> Any:
    """A table's pyarrow schema whose fields carry metadata.

    Args:
        frame: the table.
        columns: keys and values by column.
    """
    schema = frame.clear().to_arrow().schema
    for position, name in enumerate(frame.columns):
        schema = schema.set(position, schema.field(position).with_metadata(dict(columns.get(name, {}))))
    return schema


def write_npy(path: Path, array: npt.NDArray[Any]) -> None:
    """Writes an array as ``.npy`` (never with pickled objects), whole."""
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
