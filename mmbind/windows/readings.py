"""The records of a source, read shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from mmbind.errors import InputError, MissingStageError, nearest
from mmbind.files import read_json
from mmbind.schema import LABELS, RECORDINGS, conform
from mmbind.study import Study
from mmbind.windows.grid import Span, Times
from mmbind.windows.store import Signals


@dataclass(frozen=True)
class Records:
    """What ingest left of a source, but for its readings, which stay on disk.

    Attributes:
        path: the folder.
        recordings: ``schema.RECORDINGS``, sorted by recording.
        labels: ``schema.LABELS``.
        channels: channel names by modality, for the modalities that are windowed.
        units: SI unit by modality.
    """

    path: Path
    recordings: pl.DataFrame
    labels: pl.DataFrame
    channels: dict[str, list[str]]
    units: dict[str, str]

    @classmethod
    def open(cls, study: Study, source: str) -> Self:
        """Opens the records of a source.

        Raises:
            InputError: for an unknown source, or one that has none of the windowed modalities.
            MissingStageError: when the source was not ingested.
        """
        if source not in study.params.sources:
            raise InputError(f"There is no source {source!r}.", hint=nearest(source, study.params.sources))
        path = study.records(source)
        if not (path / "manifest.json").is_file():
            raise MissingStageError(path, f"ingest@{source}")
        known, windowed = read_json(path / "manifest.json")["modalities"], study.params.windows.modalities
        modalities = sorted(set(known) & set(windowed))
        if not modalities:
            raise InputError(
                f"The source {source!r} has none of the modalities in 'windows.modalities' "
                f"({', '.join(sorted(windowed))}).",
                hint=f"It has: {', '.join(sorted(known)) or 'none'}.",
            )
        return cls(
            path=path,
            recordings=conform(pl.read_parquet(path / "recordings.parquet"), RECORDINGS, table="recordings").sort(
                "recording"
            ),
            labels=conform(pl.read_parquet(path / "labels.parquet"), LABELS, table="labels"),
            channels={name: list(known[name]["channels"]) for name in modalities},
            units={name: str(known[name]["unit"]) for name in modalities},
        )

    def shards(self, modality: str) -> list[Path]:
        """The modality's shard files, sorted."""
        return sorted((self.path / modality).glob("[0-9]*.parquet"))

    def usable(self, modality: str, shard: Path) -> pl.LazyFrame:
        """A shard's readings, but for those that lack a channel (null, NaN or infinite)."""
        whole = pl.all_horizontal(pl.col(self.channels[modality]).is_finite().fill_null(value=False))
        return pl.scan_parquet(shard).filter(whole)

    def spans(self, modality: str, shard: Path, *, peaks: bool = False) -> dict[str, Span]:
        """What the modality covers in each recording of a shard.

        The typical interval is the median; where readings come in bursts of one time (so
        that the median is 0) it is the mean.

        Args:
            modality: which one.
            shard: its file.
            peaks: whether to look for the reading of largest magnitude (Euclidean norm of its
                channels; the first of equals).
        """
        time = pl.col("t_ns")
        magnitude = pl.sum_horizontal(pl.col(name).cast(pl.Float64).pow(2) for name in self.channels[modality])
        peak = time.gather(magnitude.arg_max()).first() if peaks else pl.lit(None, dtype=pl.Int64).first()
        frame = (
            self.usable(modality, shard)
            .group_by("recording")
            .agg(first=time.min(), last=time.max(), median=time.diff().median(), readings=pl.len(), peak=peak)
            .collect()
        )
        return {
            recording: Span(first, last, median or (last - first) / max(readings - 1, 1), peak)
            for recording, first, last, median, readings, peak in frame.iter_rows()
        }

    def readings(self, modality: str, shard: Path) -> Iterator[tuple[str, Times, Signals]]:
        """Yields each recording of a shard with its usable readings.

        Yields:
            The recording's id, times int64 ns (n,), ascending, and values float32 (n, channels).
        """
        frame = self.usable(modality, shard).collect()
        begin = 0
        for run in frame["recording"].rle().struct.unnest().iter_rows(named=True):
            part = frame.slice(begin, run["len"])
            begin += run["len"]
            yield run["value"], part["t_ns"].to_numpy(), part.select(self.channels[modality]).to_numpy()

    def count(self, modality: str) -> tuple[int, int]:
        """How many readings the modality has, and how many of them are usable."""
        read = usable = 0
        for shard in self.shards(modality):
            read += pl.scan_parquet(shard).select(pl.len()).collect().item()
            usable += self.usable(modality, shard).select(pl.len()).collect().item()
        return read, usable
