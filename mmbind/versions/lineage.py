"""From a pair back to the lines of the raw files that its two windows were made of.

Records hold no line numbers, and need none: of a modality's readings in a file, in the order
of the file, those that the quarantine does not name are the rows of its records, in the same
order. So the i-th row is the i-th line that was kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.config import Source, TimestampClock, TrialCut
from mmbind.errors import DataError, InputError, MissingStageError, nearest
from mmbind.files import sha256_file, short_id
from mmbind.sources.clocks import reading_times
from mmbind.sources.identity import owner_of
from mmbind.sources.readers import reader_for
from mmbind.study import Study
from mmbind.versions.version import current_version
from mmbind.windows.store import WindowStore

Lines = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RawSpan:
    """Where one modality of a window comes from.

    Attributes:
        modality: which.
        file: the raw file, below the source's folder.
        sha256: of the file, as it was read.
        first_line: 1-based line (or row) of its first reading inside the window.
        last_line: of its last.
        readings: how many readings lie inside.
    """

    modality: str
    file: str
    sha256: str
    first_line: int
    last_line: int
    readings: int


@dataclass(frozen=True)
class Origin:
    """A window and all that it was made of.

    Attributes:
        window: its id.
        role: the role that has it.
        source: the source.
        subject: who was recorded, None when unknown.
        recording: its recording.
        start_ns: its first moment.
        stop_ns: its end.
        spans: per modality that the role shows, sorted.
    """

    window: str
    role: str
    source: str
    subject: str | None
    recording: str
    start_ns: int
    stop_ns: int
    spans: list[RawSpan]


@dataclass(frozen=True)
class Lineage:
    """A pair and the origins of its two windows, and of those between them where it is a bridge.

    Attributes:
        pair: its row of ``pairs.parquet``.
        binding: id of the version.
        anchor: the anchor's origin.
        partner: the partner's.
        bridge: of the windows between them, from the anchor to the partner; empty for a direct pair.
    """

    pair: dict[str, Any]
    binding: str
    anchor: Origin
    partner: Origin
    bridge: list[Origin] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON; ``bridge`` only where there is one."""
        told = asdict(self)
        return told if self.bridge else {name: value for name, value in told.items() if name != "bridge"}

    def lines(self) -> list[str]:
        """Plain lines for people."""
        pair = self.pair
        lines = [
            f"binding {self.binding[:12]}: by {pair['shared_modality']}, similarity {pair['similarity']:.4f}, "
            f"rank {pair['rank']}, weight {pair['weight']:.3f}{', mutual' if pair['mutual'] else ''}; "
            f"borrows {pair['borrowed_modality']}"
        ]
        if self.bridge:
            hops = zip(
                pair["shared_modality"].split(" > "), pair["hop_similarities"], pair["hop_probabilities"], strict=True
            )
            lines += [
                f"  pair {number} of the bridge: by {by}, similarity {similarity:.4f}, probability {probability:.3f}"
                for number, (by, similarity, probability) in enumerate(hops, start=1)
            ]
        between = [(f"bridge {number}", origin) for number, origin in enumerate(self.bridge, start=1)]
        for what, origin in (("anchor", self.anchor), *between, ("partner", self.partner)):
            length = (origin.stop_ns - origin.start_ns) / 1e9
            lines.append(
                f"{what} {origin.window} (role {origin.role}): source {origin.source}, subject {origin.subject}, "
                f"recording {origin.recording}, from {origin.start_ns / 1e9:.3f} s, {length:.3f} s long"
            )
            lines += [
                f"  {span.modality}: {span.file}, lines {span.first_line} to {span.last_line} "
                f"({span.readings} readings), sha256 {span.sha256[:12]}"
                for span in origin.spans
            ]
        return lines


def trace_pair(study: Study, pair: str) -> Lineage:
    """Walks a pair of the present binding back to its raw files.

    Args:
        study: a study that has been bound and still has its records and raw files.
        pair: ``ANCHOR`` (its first pair) or ``ANCHOR:PARTNER``; beginnings of ids are enough.

    Raises:
        MissingStageError: when a stage before bind has left nothing.
        InputError: when no pair, or more than one anchor, is meant.
        DataError: when a raw file is gone or not the one that was read.
    """
    version = current_version(study)
    row = _find(version.pairs(), pair)
    between = [_origin(study, window) for window in row.get("bridge") or []]
    return Lineage(row, version.id, _origin(study, row["anchor"]), _origin(study, row["partner"]), between)


def _find(pairs: pl.DataFrame, named: str) -> dict[str, Any]:
    anchor, _, partner = named.partition(":")
    found = pairs.filter(pl.col("anchor").str.starts_with(anchor) & pl.col("partner").str.starts_with(partner))
    if not found.height or not anchor:
        hint = nearest(anchor, pairs["anchor"].unique().sort().head(20))
        raise InputError(f"No pair is called {named!r}: give ANCHOR or ANCHOR:PARTNER.", hint=hint)
    if found["anchor"].n_unique() > 1:
        raise InputError(
            f"{anchor!r} is the beginning of {found['anchor'].n_unique()} anchors.", hint="Give more of it."
        )
    return found.row(0, named=True)


def _origin(study: Study, window: str) -> Origin:
    for role in study.params.unlabelled_roles:
        store = WindowStore.open(study.role(role), stage="assign")
        row = store.index.filter(window=window)
        if row.height:
            told = row.row(0, named=True)
            spans = [
                span
                for modality in sorted(store.modalities)
                if told[f"row_{modality}"] is not None
                for span in _spans(study, told, modality)
            ]
            kept = {name: told[name] for name in ("source", "subject", "recording", "start_ns", "stop_ns")}
            return Origin(window=window, role=role, spans=spans, **kept)
    raise InputError(f"No role holds the window {window!r}.", hint="Run the stage 'bind' again (dvc repro bind).")


def _spans(study: Study, window: dict[str, Any], modality: str) -> Iterator[RawSpan]:
    """The lines of one modality of a window."""
    source = study.params.sources[window["source"]]
    records = study.records(window["source"])
    if not (records / "manifest.json").is_file():
        raise MissingStageError(records, "ingest")
    recordings = pl.read_parquet(records / "recordings.parquet", glob=False)
    base = source.derived[modality].base if modality in source.derived else modality
    column = f"file_{base}" if f"file_{base}" in recordings.columns else "file"
    mine = recordings.filter(recording=window["recording"]).row(0, named=True)
    if mine[column] is None:
        return
    path = study.raw(window["source"]) / mine[column]
    digest = _checked(path, mine, column)
    kept = base if (records / base).is_dir() else modality
    times = _times(records, kept, window["recording"])
    whole = isinstance(study.params.windows.cut, TrialCut)
    inside = np.ones(len(times), bool) if whole else (times >= window["start_ns"]) & (times <= window["stop_ns"])
    rows = np.flatnonzero(inside)
    if not len(rows):
        return
    before = _rows_before(records, kept, recordings, window, source, mine[column])
    quarantine = pl.read_parquet(records / "quarantine.parquet", glob=False)
    gone = quarantine.filter(pl.col("modality").is_in([base, kept]), file=mine[column])["line"].drop_nulls()
    lines = kept_lines(path, source, base, gone)
    if before + len(times) > len(lines):
        raise DataError(
            f"gives {len(lines)} readings of {base}, fewer than its records hold.",
            path=path,
            hint="Run the stage 'ingest' again.",
        )
    here = lines[before + rows]
    yield RawSpan(modality, mine[column], digest, int(here.min()), int(here.max()), len(rows))


def kept_lines(path: Path, source: Source, modality: str, set_aside: pl.Series) -> Lines:
    """The lines of a modality's readings that were kept, in the order of its records.

    Args:
        path: the raw file.
        source: how to read it.
        modality: which one.
        set_aside: lines of the readings that the quarantine names, with repeats.

    Returns:
        int64 (readings).
    """
    spec = source.modalities[modality]
    raw = reader_for(source)(path, source, {modality: spec})
    gone = Counter(set_aside.to_list())
    parts, moments = [], []
    sort = isinstance(spec.clock, TimestampClock) and spec.clock.backward == "sort"
    for block in raw.blocks:
        readings = block.readings[modality]
        lines = readings["line"].to_numpy()
        parts.append(lines)
        if sort:
            moments.append(reading_times(readings, spec.clock).fill_null(0).to_numpy())
    lines = np.concatenate(parts) if parts else np.empty(0, np.int64)
    keep = np.ones(len(lines), dtype=np.bool_)
    if gone:
        for place in np.flatnonzero(np.isin(lines, list(gone))):
            line = int(lines[place])
            if gone[line]:
                keep[place], gone[line] = False, gone[line] - 1
    order = np.argsort(np.concatenate(moments)[keep], kind="stable") if sort and parts else slice(None)
    return lines[keep][order].astype(np.int64)


def _checked(path: Path, recording: dict[str, Any], column: str) -> str:
    """The file's digest, which must be that of the file that was read where the records name it."""
    if not path.is_file():
        raise DataError("is gone.", path=path, hint="Bring it back with 'dvc checkout' or 'dvc pull'.")
    digest = sha256_file(path)
    if recording["file"] == recording[column] and digest != recording["sha256"]:
        raise DataError("is not the file that was read.", path=path, hint="Run the stage 'ingest' again.")
    return digest


def _times(records: Path, modality: str, recording: str) -> Lines:
    """Times of a recording's readings, int64 ns, in the order of the records."""
    if not (records / modality).is_dir():
        return np.empty(0, np.int64)
    scan = pl.scan_parquet(records / modality / "*.parquet").filter(pl.col("recording") == recording)
    return scan.select("t_ns").collect()["t_ns"].to_numpy()


def _rows_before(
    records: Path, modality: str, recordings: pl.DataFrame, window: dict[str, Any], source: Source, file: str
) -> int:
    """Readings of the same file in earlier parts of the recording."""
    owner = owner_of(file, source)
    if owner is None:
        return 0
    total = 0
    for part in range(recordings.height):
        other = short_id(window["source"], owner.key, part)
        if other == window["recording"]:
            return total
        total += len(_times(records, modality, other))
    raise DataError("does not belong to its recording any more.", path=records, hint="Run the stage 'ingest' again.")
