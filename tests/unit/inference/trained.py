"""A small study with raw logs and a model that tells two movements apart, in every modality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmbind.files import write_json
from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.training.model_file import save_model
from mmbind.training.samples import labelled, modalities_of
from mmbind.training.trainer import Trainer
from mmbind.windows import cut_windows
from mmbind.windows.store import WindowStore
from tests.support import write_study

#: The modality that the model of :func:`trained_study` does not know.
UNKNOWN = "mag"
TRAINING = {
    "network": {"width": 8, "features": 16, "projection": 8, "dropout": 0.0},
    "pretrain": {"epochs": 1, "batch": 16},
    "finetune": {"epochs": 30, "batch": 8, "learning_rate": 0.005},
    "modality_dropout": 0.3,
}


def log(seed: int, modalities: tuple[str, ...] = ("acc", "gyro", "mag"), seconds: int = 40) -> pl.DataFrame:
    """Readings at 20 Hz: ten seconds of slow, ten of fast movement, and so on."""
    generator = np.random.default_rng(seed)
    time = np.arange(seconds * 20) / 20
    fast = (time // 10) % 2 == 1
    columns: dict[str, object] = {"t": (time * 1000).astype(np.int64)}
    for modality in modalities:
        for axis in "xyz":
            phase = generator.uniform(0, 2 * np.pi)
            wave = np.where(fast, 3 * np.sin(2 * np.pi * 3 * time + phase), np.sin(2 * np.pi * 0.7 * time + phase))
            columns[f"{modality}_{axis}"] = wave + 0.1 * generator.normal(size=len(time))
    columns["label"] = np.where(fast, "run", "walk")
    return pl.DataFrame(columns)


def write_log(path: Path, frame: pl.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path)
    return path


def trained_study(root: Path) -> Study:
    """Six people, their windows, and a model of acc and gyro fine-tuned on all of them."""
    study = write_study(root, training=TRAINING)
    for person in range(6):
        write_log(study.raw("s") / f"p{person + 1}_1.csv", log(person))
    ingest(study, "s")
    cut_windows(study, "s")
    store = WindowStore.open(study.windows("s"), stage="window")
    known = labelled(store)
    modalities = {name: spec for name, spec in modalities_of([store]).items() if name != UNKNOWN}
    params = study.params
    trainer = Trainer(
        training=params.training,
        compute=params.compute,
        seed=0,
        modalities=modalities,
        classes=known.classes,
        seen=[known],
    )
    save_model(study.model("multimodal"), trainer.finetune(known), {})
    write_json(study.root / "untouched.json", {})
    return study
