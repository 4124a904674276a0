"""The records of a source, read shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from mmbind.errors import InputError, MissingStageError, nearest
from mmbind.files import read_json
from mmbind.schema import LABELS, RECORDINGS, conform
from mmbind.study import Study
from mmbind.windows.grid import Span, Times
from mmbind.windows.store import Signals

#: Readings that are read at once.
ROWS = 1 << 18


@dataclass(frozen=True)
class Readings:
    """What one modality holds of one recording.

    Attributes:
        recording: its id.
        times: of the usable readings, those that lack no channel (null, NaN or infinite):
            int64 ns (n,), ascending.
        values: float32 (n, channels).
        read: how many readings there are, usable or not.
    """

    recording: str
    times: Times
    values: Signals
    read: int

    def span(self, *, peak: bool) -> Span | None:
        """What the readings cover; None where none is usable.

        The typical interval is the median; where readings come in bursts of one time (so
        that the median is 0) it is the mean.

        Args:
            peak: whether to look for the reading of largest magnitude (Euclidean norm of its
                channels; the first of equals).
        """
        if not len(self.times):
            return None
        first, last, count = int(self.times[0]), int(self.times[-1]), len(self.times)
        interval = float(np.median(np.diff(self.times))) if count > 1 else 0.0
        top = None
        if peak:
            top = int(self.times[np.argmax(np.square(self.values.astype(np.float64)).sum(axis=1))])
        return Span(first, last, interval or (last - first) / max(count - 1, 1), top)


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

    def readings(self, modality: str, shard: Path) -> Iterator[Readings]:
        """Yields each recording of a shard; memory holds one recording and ``ROWS`` readings more."""
        from pyarrow.parquet import ParquetFile

        columns = ["recording", "t_ns", *self.channels[modality]]
        current, pieces = "", list[pl.DataFrame]()
        with ParquetFile(shard) as file:
            for batch in file.iter_batches(batch_size=ROWS, columns=columns):
                frame = pl.DataFrame(batch)
                begin = 0
                for recording, length in frame["recording"].rle().struct.unnest().select("value", "len").iter_rows():
                    if recording != current and pieces:
                        yield _joined(current, pieces)
                        pieces = []
                    current = recording
                    pieces.append(frame.slice(begin, length).drop("recording"))
                    begin += length
        if pieces:
            yield _joined(current, pieces)


def _joined(recording: str, pieces: list[pl.DataFrame]) -> Readings:
    """The readings of a recording, from its pieces in order (t_ns and channels)."""
    frame = pl.concat(pieces, rechunk=True)
    times, values = frame["t_ns"].to_numpy(), frame.drop("t_ns").to_numpy()
    whole = np.isfinite(values).all(axis=1)
    if not whole.all():
        times, values = times[whole], values[whole]
    return Readings(recording, times, values, frame.height)
