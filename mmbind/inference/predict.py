"""``mmbind predict``: labels for new raw logs, with whatever modalities they have."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from mmbind.errors import InputError, MissingStageError
from mmbind.files import whole_file, write_parquet
from mmbind.inference.placing import place
from mmbind.inference.windows import NewWindows, refuse_other_windows, windows_of
from mmbind.learning.checkpoint import CARD
from mmbind.learning.compute import deterministic
from mmbind.progress import progress
from mmbind.study import Study
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import load_model
from mmbind.training.samples import gathered

#: Windows that are in memory at once.
BLOCK = 2048
#: Columns of the table of predictions.
COLUMNS = {
    "window": pl.String,
    "recording": pl.String,
    "file": pl.String,
    "subject": pl.String,
    "start_ns": pl.Int64,
    "stop_ns": pl.Int64,
    "label": pl.String,
    "confidence": pl.Float32,
    "modalities": pl.String,
}


@dataclass(frozen=True)
class Prediction:
    """Labels of new logs.

    Attributes:
        table: one row per window, ``COLUMNS``, sorted by file and start. Windows that have none of
            the model's modalities have neither label nor confidence.
        source: whose block read the logs.
        passed: files that it does not speak of.
        quarantined: readings that were set aside.
        ignored: modalities of the logs that the model does not know.
    """

    table: pl.DataFrame
    source: str
    passed: list[Path]
    quarantined: int
    ignored: list[str]

    def lines(self) -> list[str]:
        """Counts by label and by modalities, and what was left out."""
        told = self.table.drop_nulls("label")
        kinds = Counter(self.table["modalities"])
        lines = [
            f"{self.source}: {told.height} windows of {self.table['recording'].n_unique()} recordings labelled, "
            f"mean confidence {told['confidence'].to_numpy().astype(np.float64).mean():.3f}",
            "labels: " + ", ".join(f"{name} {count}" for name, count in sorted(Counter(told["label"]).items())),
            "modalities: " + ", ".join(f"{name or 'none of the model'} {n}" for name, n in sorted(kinds.items())),
        ]
        if self.ignored:
            lines.append(f"the model does not know {', '.join(self.ignored)}")
        if self.quarantined:
            lines.append(f"{self.quarantined} readings were set aside (mmbind ingest --dry-run tells why)")
        if self.passed:
            lines.append(f"{len(self.passed)} other files were passed by, e.g. {self.passed[0]}")
        return lines

    def write(self, path: Path) -> None:
        """Writes the table as Parquet or CSV, by the file's ending, whole.

        Raises:
            InputError: for another ending.
        """
        refuse_other_endings(path)
        if path.suffix == ".parquet":
            write_parquet(path, self.table)
        else:
            with whole_file(path) as temporary:
                self.table.write_csv(temporary, float_precision=6)


def refuse_other_endings(path: Path) -> None:
    """Refuses files that are neither Parquet nor CSV by their ending.

    Raises:
        InputError: naming the file.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise InputError(f"{path}: predictions are written as .parquet or .csv.")


def predict(study: Study, path: Path, *, source: str | None = None, model: Path | None = None) -> Prediction:
    """Labels the windows of new raw logs by a trained model.

    Logs are read by their source's block and cut as the study cuts windows, in a temporary
    folder; nothing below ``data/`` is written. A modality that a window lacks is masked. The same
    logs get the same labels and confidences, whatever else is in the folder.

    Args:
        study: the study that the model is of; its blocks, windows and ``compute`` are used.
        path: one file or a folder.
        source: whose format the logs have; None where only one source fits their names.
        model: folder of the model; that of the stage ``train`` when None.

    Raises:
        MissingStageError: before ``train`` was run.
        InputError: for logs that no or several sources fit, without a usable reading or window, or
            with none of the model's modalities.
        DataError: when a file of logs or model cannot be read.
    """
    folder = study.model("multimodal") if model is None else model
    if model is None and not (folder / CARD).is_file():
        raise MissingStageError(folder, "train")
    trained = load_model(folder)
    placed = place(path, study.params.sources, source)
    deterministic(study.params.compute, 0)
    with windows_of(placed, study.params) as found:
        refuse_other_windows(found.store, trained.modalities)
        table = _labelled(found, trained)
        held = {name for name in found.store.modalities if found.store.present(name).any()}
        ignored = sorted(held - set(trained.modalities))
    return Prediction(table, placed.source, placed.passed, found.ingested.quarantined, ignored)


def _labelled(found: NewWindows, trained: TrainedModel) -> pl.DataFrame:
    """The table of predictions."""
    store, names = found.store, [name for name in sorted(trained.modalities) if name in found.store.modalities]
    has = np.stack([store.present(name) for name in names])
    labels: list[str | None] = [None] * len(store)
    confidence: list[float | None] = [None] * len(store)
    usable = np.flatnonzero(has.any(axis=0))
    for begin in progress(range(0, len(usable), BLOCK), "predict: blocks of windows"):
        positions = usable[begin : begin + BLOCK]
        chances = trained.predict(gathered(store, positions))
        for position, row in zip(positions.tolist(), chances, strict=True):
            best = int(row.argmax())
            labels[position], confidence[position] = trained.classes[best], float(row[best])
    held = ["+".join(name for name, present in zip(names, column, strict=True) if present) for column in has.T]
    files = found.recordings.select("recording", "file")
    table = store.index.select("window", "recording", "subject", "start_ns", "stop_ns").with_columns(
        label=pl.Series(labels, dtype=pl.String),
        confidence=pl.Series(confidence, dtype=pl.Float32),
        modalities=pl.Series(held, dtype=pl.String),
    )
    return table.join(files, on="recording", how="left").select(list(COLUMNS)).sort("file", "start_ns", "window")
