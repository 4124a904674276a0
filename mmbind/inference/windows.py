"""New raw logs become windows with the rooms of the street, in a folder that goes away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from mmbind.config import Params
from mmbind.errors import InputError
from mmbind.inference.placing import Placed
from mmbind.sources import IngestSummary, ingest
from mmbind.study import Study
from mmbind.windows import cut_windows
from mmbind.windows.store import ModalitySpec, WindowStore


@dataclass(frozen=True)
class NewWindows:
    """Windows of new logs.

    Attributes:
        store: the windows.
        recordings: the recordings' table, ``schema.RECORDINGS``.
        ingested: what was read and set aside.
    """

    store: WindowStore
    recordings: pl.DataFrame
    ingested: IngestSummary


@contextmanager
def windows_of(placed: Placed, params: Params) -> Iterator[NewWindows]:
    """Reads and cuts new logs as the stages do, with nothing written into the study.

    Args:
        placed: the logs in their source's layout.
        params: the study's parameters; ``windows`` and ``shared`` say how to cut.

    Raises:
        InputError: when a file cannot be opened or no window can be cut, with what the
            quarantine says of it.
    """
    with TemporaryDirectory(prefix="mmbind-") as temporary:
        root = Path(temporary)
        known = {"sources": {placed.source: placed.config}, "windows": params.windows, "shared": params.shared}
        study = Study(root, Params.model_construct(**known), root / "data")  # type: ignore[arg-type]
        for inside, real in placed.files.items():
            link = study.raw(placed.source) / inside
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(real.resolve())
        ingested = ingest(study, placed.source, complete=False)
        records = study.records(placed.source)
        if not ingested.kept:
            raise InputError(
                f"No reading could be used. {_why(records)}", hint=f"Is it a log of the source {placed.source!r}?"
            )
        cut_windows(study, placed.source)
        store = WindowStore.open(study.windows(placed.source), stage="window")
        yield NewWindows(store, pl.read_parquet(records / "recordings.parquet", glob=False), ingested)


def refuse_other_windows(store: WindowStore, modalities: Mapping[str, ModalitySpec]) -> None:
    """Makes sure that windows are what a model was trained on.

    Raises:
        InputError: when they hold none of its modalities, or one that is cut otherwise.
    """
    held = {name: spec for name, spec in store.modalities.items() if store.present(name).any()}
    if not held.keys() & modalities.keys():
        raise InputError(
            f"The model knows none of the modalities of these logs ({', '.join(sorted(held))}).",
            hint=f"It knows {', '.join(sorted(modalities))}.",
        )
    for name in sorted(held.keys() & modalities.keys()):
        found, known = held[name], modalities[name]
        told = [(spec.steps, len(spec.channels), spec.unit, spec.rate_hz) for spec in (found, known)]
        if told[0] != told[1]:
            raise InputError(
                f"Windows of {name!r} have {_said(found)}; the model was trained on {_said(known)}.",
                hint="Set 'windows' and the source's block to what they were in training, or train again.",
            )


def _why(records: Path) -> str:
    """The most frequent reason of a quarantine."""
    quarantine = pl.read_parquet(records / "quarantine.parquet", glob=False)
    if not quarantine.height:
        return "The files hold none."
    row = (
        quarantine.group_by("reason")
        .agg(pl.len(), pl.col("file").min())
        .sort("len", "reason", descending=[True, False])
    )
    return f"{row['file'][0]}: {row['reason'][0]}"


def _said(spec: ModalitySpec) -> str:
    rate = "over the trial" if spec.rate_hz is None else f"at {spec.rate_hz:g} Hz"
    return f"{spec.steps} steps {rate} of {len(spec.channels)} channels in {spec.unit}"
