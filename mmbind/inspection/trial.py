"""A trial: what ingest would make of a source, with nothing written where it would stay.

The readers, clocks and rules are those of the stage itself; only the place of the records is
a temporary folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from mmbind.config import Params, Source
from mmbind.files import read_json
from mmbind.inspection.units import rest_length
from mmbind.sources import IngestSummary, ingest
from mmbind.sources.quarantine import Quarantine
from mmbind.sources.releases import FILE
from mmbind.study import Study

#: Rows that are shown of a modality.
FIRST = 3
#: Readings that are kept for the plot of one recording.
PLOTTED = 200_000


@dataclass(frozen=True)
class Tried:
    """What became of one modality.

    Attributes:
        unit: in which its records are.
        channels: names of its channels.
        kept: readings kept.
        quarantined: readings set aside.
        rate_hz: true rate, median over recordings; None without recordings of two readings.
        first: its first rows of one recording.
        rest: length of its vectors at rest, where it has three channels that are no angles; gravity for accelerometers.
        low: the least value of each channel.
        high: the greatest.
    """

    unit: str
    channels: list[str]
    kept: int
    quarantined: int
    rate_hz: float | None
    first: pl.DataFrame
    rest: float | None
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Trial:
    """What ingest would make of a source.

    Attributes:
        summary: what it would print.
        modalities: by name.
        problems: the quarantine's counts, see :meth:`Quarantine.counts`.
        recordings: the table of recordings.
        labels: intervals by label.
        shown: file of the recording that is shown.
        signals: its rows by modality, with t_ns and channels.
    """

    summary: IngestSummary
    modalities: dict[str, Tried]
    problems: pl.DataFrame
    recordings: pl.DataFrame
    labels: dict[str, int]
    shown: str
    signals: dict[str, pl.DataFrame]


def try_source(
    name: str, source: Source, raw: Path, paths: Sequence[str] | None = None, releases: Path | None = None
) -> Trial:
    """Ingests a source into a temporary folder and reports.

    Args:
        name: the source's name.
        source: its configuration.
        raw: folder of its raw files.
        paths: only these files; None for all.
        releases: the study's file of releases, if it has one.

    Raises:
        InputError: as ingest does.
        DataError: as ingest does.
    """
    with TemporaryDirectory(prefix="mmbind-") as temporary:
        root = Path(temporary)
        params = Params.model_construct(sources={name: source})  # type: ignore[call-arg]
        study = Study(root, params, root / "data")
        study.raw(name).parent.mkdir(parents=True)
        if paths is None:
            study.raw(name).symlink_to(raw.resolve(), target_is_directory=True)
        for path in paths or []:
            (study.raw(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (study.raw(name) / path).symlink_to((raw / path).resolve())
        if releases is not None and releases.is_file():
            shutil.copyfile(releases, root / FILE)
        summary = ingest(study, name)
        return _trial(study, name, summary)


def _trial(study: Study, name: str, summary: IngestSummary) -> Trial:
    records = study.records(name)
    manifest = read_json(records / "manifest.json")
    recordings = pl.read_parquet(records / "recordings.parquet", glob=False)
    labels = pl.read_parquet(records / "labels.parquet", glob=False)["label"].value_counts().sort("label")
    scans = {
        modality: pl.scan_parquet(records / modality / "*.parquet")
        for modality in sorted(manifest["modalities"])
        if any((records / modality).glob("*.parquet"))
    }
    shown = _shown(recordings, scans)
    signals = {
        modality: rows.drop("recording")
        for modality, scan in scans.items()
        if (rows := scan.filter(pl.col("recording") == shown).head(PLOTTED).collect()).height
    }
    counts = _counts(manifest)
    tried = {
        modality: _tried(stated, scans.get(modality), counts.get(modality, (0, 0)), signals.get(modality))
        for modality, stated in sorted(manifest["modalities"].items())
    }
    file = recordings.filter(pl.col("recording") == shown)["file"]
    problems = Quarantine.of(study, name).counts()
    return Trial(summary, tried, problems, recordings, dict(labels.iter_rows()), file[0] if len(file) else "", signals)


def _counts(manifest: Mapping[str, dict[str, dict[str, dict[str, dict[str, int]]]]]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for entry in manifest["files"].values():
        for modality, counts in entry["modalities"].items():
            kept, aside = found.get(modality, (0, 0))
            found[modality] = kept + counts["kept"], aside + counts["quarantined"]
    return found


def _shown(recordings: pl.DataFrame, scans: Mapping[str, pl.LazyFrame]) -> str:
    """The recording with most modalities, and of those the one of middle length."""
    lengths = recordings.select("recording", length=pl.col("stop_ns") - pl.col("start_ns"), file="file")
    held = [scan.select("recording").unique().collect()["recording"] for scan in scans.values()]
    if not held or not lengths.height:
        return ""
    counted = lengths.with_columns(
        pl.sum_horizontal(pl.col("recording").is_in(ids.to_list()) for ids in held).alias("n")
    )
    best = counted.filter(pl.col("n") == pl.col("n").max()).sort("length", "file", "recording")
    return str(best["recording"][best.height // 2])


def _tried(
    stated: Mapping[str, object], scan: pl.LazyFrame | None, counts: tuple[int, int], rows: pl.DataFrame | None
) -> Tried:
    channels = [str(channel) for channel in stated["channels"]]  # type: ignore[attr-defined]
    empty = pl.DataFrame(schema={"t_ns": pl.Int64, **dict.fromkeys(channels, pl.Float32)})
    rate, rest = None, None
    low, high = [0.0] * len(channels), [0.0] * len(channels)
    if scan is not None:
        spans = scan.group_by("recording").agg(pl.len().alias("n"), span=pl.col("t_ns").max() - pl.col("t_ns").min())
        rates = spans.filter((pl.col("n") > 1) & (pl.col("span") > 0)).select((pl.col("n") - 1) / pl.col("span") * 1e9)
        middle = rates.median().collect().item()
        rate = None if middle is None else float(middle)
        edges = scan.select(
            *(pl.col(c).min().alias(f"l{c}") for c in channels), *(pl.col(c).max().alias(f"h{c}") for c in channels)
        )
        row = edges.collect().row(0)
        low, high = [float(v) for v in row[: len(channels)]], [float(v) for v in row[len(channels) :]]
        if len(channels) == 3 and stated["unit"] != "rad":
            pieces = scan.head(PLOTTED).collect().partition_by("recording", maintain_order=True)
            rest = rest_length([piece.select(channels).to_numpy().astype(np.float64) for piece in pieces])
    first = empty if rows is None else rows.head(FIRST)
    return Tried(str(stated["unit"]), channels, *counts, rate, first, rest, low, high)
