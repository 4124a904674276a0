"""Reading one file: its readings, block after block, and everything that is set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl

from mmbind.config import Source
from mmbind.errors import DataError
from mmbind.sources.file_rows import FileRows, most_frequent, notes, quarantined
from mmbind.sources.readers import reader_for
from mmbind.sources.released import PlacingSifter, open_corrected, sifter_for
from mmbind.sources.releases import FileReleases
from mmbind.sources.rules import EMPTY_FILE, MISSING_COLUMN, MISSING_LABELS
from mmbind.sources.sift import Sifted, Sifter
from mmbind.sources.table import Block, FileProblem, count_channels

#: Columns of kept readings beside time and channels, while a recording is read: the label as
#: logged, and how often the clock had been set back before (:class:`mmbind.sources.sift.Sifted`).
#: A colon, since channels may have any name that a column of a log has.
LABEL, TURN = ":label", ":turn"
#: Bytes from which on a file is read and sifted in two threads.
LONG = 1 << 26
#: Of a file of which a person released nothing.
NOTHING_RELEASED = FileReleases()

#: Readings kept, by modality: t_ns, channels, then ``LABEL`` and ``TURN`` where they are known.
Kept = dict[str, pl.DataFrame]
#: Readings set aside (columns of ``ASIDE``), each with their modality.
_Lost = list[tuple[str, pl.DataFrame]]


def read_file(
    folder: Path,
    path: str,
    source: Source,
    names: list[str],
    channels: Mapping[str, list[str]],
    released: FileReleases = NOTHING_RELEASED,
) -> FileRows:
    """Reads one file whole and sifts its readings.

    Args:
        folder: the source's raw files.
        path: the file, below the folder.
        source: how to read it.
        names: modalities to take from it.
        channels: channel names by modality.
        released: what a person released of it.

    Raises:
        DataError: when it cannot be opened.
        MmbindError: when rows were not conserved.
    """
    rows = FileRows()
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in names}
    for kept in stream_file(rows, folder, path, source, names, channels, released):
        for name, frame in kept.items():
            found[name].append(frame)
    rows.kept = {name: frames for name, frames in found.items() if name in rows.counts}
    return rows


def stream_file(
    rows: FileRows,
    folder: Path,
    path: str,
    source: Source,
    names: list[str],
    channels: Mapping[str, list[str]],
    released: FileReleases = NOTHING_RELEASED,
    known: FileRows | None = None,
) -> Iterator[Kept]:
    """Reads one file block after block.

    Args:
        rows: empty; filled with everything but what is kept. Once the file is read to its
            end, ``problem`` and ``unfit`` tell which of the kept readings do not count.
        folder: see :func:`read_file`; so the following.
        path: see there.
        source: see there.
        names: see there.
        channels: see there.
        released: see there.
        known: what an earlier reading of the file ended in; its problem and its unfit
            modalities are taken from there.

    Yields:
        What is kept of each block; only modalities of which something is.

    Raises:
        DataError: when it cannot be opened.
        MmbindError: when rows were not conserved.
    """
    rows.counts = {name: {"read": 0, "kept": 0, "quarantined": 0} for name in names}
    try:
        if known is not None and known.problem is not None:
            raise known.problem
        unfit = {} if known is None else known.unfit
        yield from _stream(rows, folder / path, path, source, channels, released, unfit)
    except FileProblem as problem:
        rows.refuse(path, problem)
    rows.check_conservation(path)


def _stream(
    rows: FileRows,
    file: Path,
    path: str,
    source: Source,
    channels: Mapping[str, list[str]],
    released: FileReleases,
    unfit: Mapping[str, str],
) -> Iterator[Kept]:
    """Reads a file's blocks into ``rows``.

    Raises:
        DataError: when the file cannot be opened.
        FileProblem: when it cannot be read or holds no readings.
    """
    _check_opens(file)
    specs = {name: source.modalities[name] for name in rows.counts}
    raw = open_corrected(reader_for(source), file, source, specs, released.corrected)
    raw.missing.update(unfit)
    rows.unfit = raw.missing
    sifters = {
        name: sifter_for(spec, channels[name], source.max_gap_s, released.placed.get(name, []))
        for name, spec in specs.items()
    }
    lost: _Lost = []
    for block in _ahead(raw.blocks) if file.stat().st_size > LONG else raw.blocks:
        for name, readings in block.readings.items():
            if (width := count_channels(readings)) != len(channels[name]):
                raw.missing[name] = (
                    f"there are {width} columns, not {len(channels[name])} as in the source's other files."
                )
        if kept := _sift_block(rows, lost, block, sifters, set(raw.missing)):
            yield kept
    kept = {}
    for name in (name for name in sifters if name not in raw.missing):
        _take(rows, lost, kept, name, sifters[name].finish())
    if kept:
        yield kept
    counts = {name: sifter.released for name, sifter in sifters.items() if isinstance(sifter, PlacingSifter)}
    rows.released, rows.corrected = {name: count for name, count in counts.items() if count}, len(released.corrected)
    rows.passed, rows.unfit = most_frequent(raw.passed), dict(sorted(raw.missing.items()))
    for name in raw.missing:
        rows.counts.pop(name, None)
    if rows.counts and not any(counts["read"] for counts in rows.counts.values()):
        raise FileProblem(EMPTY_FILE, "the file holds no readings.")
    remarks = [(MISSING_COLUMN, f"{name}: {reason}") for name, reason in rows.unfit.items()]
    if rows.counts:
        remarks += [(MISSING_LABELS, f"readings are kept without labels: {reason}") for reason in raw.unlabelled]
    rows.aside = [*quarantined(path, [each for each in lost if each[0] in rows.counts])]
    rows.aside += [notes(path, remarks)] if remarks else []


def _ahead(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks in their order, the next one read in another thread while one is looked at."""
    waiting = iter(blocks)
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, waiting, None)
        while (block := upcoming.result()) is not None:
            upcoming = pool.submit(next, waiting, None)
            yield block


def _check_opens(file: Path) -> None:
    """Refuses a file that cannot be opened or is empty.

    Raises:
        DataError: when it cannot be opened.
        FileProblem: when it is empty.
    """
    try:
        with file.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}.", path=file) from None
    if empty:
        raise FileProblem(EMPTY_FILE, "the file is empty.")


def _sift_block(rows: FileRows, lost: _Lost, block: Block, sifters: Mapping[str, Sifter], unfit: set[str]) -> Kept:
    """Counts a block, but for unfit modalities, and adds what is set aside to ``lost``."""
    kept: Kept = {}
    broken = block.broken
    whose = broken["modality"]
    shared = whose.null_count() == broken.height
    if broken.height:
        texts = block.raw(broken["line"]).alias("raw")
        broken = pl.DataFrame([broken["line"], texts, broken["rule"], broken["reason"]])
    for name, count in block.read.items():
        if name in unfit:
            continue
        rows.counts[name]["read"] += count
        _take(rows, lost, kept, name, sifters[name].push(block.readings[name], block.raw))
        if broken.height:
            _set_aside(rows, lost, name, broken if shared else broken.filter(whose.is_null() | (whose == name)))
    return kept


def _take(rows: FileRows, lost: _Lost, kept: Kept, name: str, sifted: Sifted) -> None:
    """Counts what was sifted of a modality."""
    if sifted.kept.height:
        labels = [] if sifted.labels is None else [sifted.labels.alias(LABEL)]
        turns = [] if sifted.turns is None else [sifted.turns.alias(TURN)]
        kept[name] = pl.DataFrame([*sifted.kept.get_columns(), *labels, *turns])
        rows.counts[name]["kept"] += sifted.kept.height
    _set_aside(rows, lost, name, sifted.aside)


def _set_aside(rows: FileRows, lost: _Lost, name: str, aside: pl.DataFrame) -> None:
    """Counts readings set aside (columns of ``ASIDE``)."""
    if aside.height:
        rows.counts[name]["quarantined"] += aside.height
        lost.append((name, aside))
