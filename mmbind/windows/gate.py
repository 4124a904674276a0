"""The gate behind ``window``: what windows must be, judged by ``expectations/windows.json``.

=========  ================================================  ==============
scope      a row is about                                    modality, unit
=========  ================================================  ==============
modality   all windows that have the modality                set
source     the windows and recordings of the source          empty
=========  ================================================  ==============
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.study import Study
from mmbind.validation.gate import judge_output
from mmbind.validation.judgement import Judgement
from mmbind.validation.table import KEYS, Table
from mmbind.windows.store import Signals, WindowStore, shard_path

TABLE = Table(
    name="windows",
    scopes=("modality", "source"),
    in_unit=("abs_max",),
    columns={
        **KEYS,
        #: Windows that have the modality; of the source, all that were kept.
        "windows": pl.Int64,
        #: Planned windows and recordings that gave nothing, as shares.
        "refused_share": pl.Float64,
        "recordings_refused_share": pl.Float64,
        #: Windows whose label is known, as a share; how many classes they have.
        "labelled_share": pl.Float64,
        "classes": pl.Int64,
        #: Of a modality: kept windows that lack it, readings that lacked a channel, as shares.
        "absent_share": pl.Float64,
        "unusable_share": pl.Float64,
        #: Samples that are not finite; the largest absolute sample.
        "not_finite": pl.Int64,
        "abs_max": pl.Float64,
        #: Windows in which no channel changes, and windows that another window repeats to the byte, as shares.
        "flat_share": pl.Float64,
        "repeated_share": pl.Float64,
    },
)


def check_windows(study: Study, source: str, folder: Path) -> Judgement | None:
    """Judges a source's windows before they are put into place.

    Args:
        study: the study.
        source: the source.
        folder: the finished store, still in its temporary place.

    Returns:
        The judgement; None in a study without ``windows.json``.

    Raises:
        ConfigError: when a suite is wrong.
    """
    store = WindowStore.open(folder, stage="window")
    place = study.windows(source)
    return judge_output(
        study, TABLE, summarise(store), folder, about=f"windows of {source}", place=place, source=source
    )


def summarise(store: WindowStore) -> pl.DataFrame:
    """The summary of a store, with the columns of ``TABLE``; one shard is in memory at a time."""
    return TABLE.fill([_of_source(store), *(_of_modality(store, name) for name in sorted(store.modalities))])


def _of_source(store: WindowStore) -> dict[str, Any]:
    counts = store.counts
    windows, recordings = counts["windows"], counts["recordings"]
    return {
        "scope": "source",
        "windows": windows["kept"],
        "refused_share": _share(windows["planned"] - windows["kept"], windows["planned"]),
        "recordings_refused_share": _share(recordings["read"] - recordings["cut"], recordings["read"]),
        "labelled_share": _share(windows["kept"] - counts["unlabelled"], windows["kept"]),
        "classes": len(counts["labels"]),
    }


def _of_modality(store: WindowStore, name: str) -> dict[str, Any]:
    readings: Mapping[str, int] = store.counts["readings"].get(name, {"read": 0, "unusable": 0})
    row: dict[str, Any] = {
        "scope": "modality",
        "modality": name,
        "unit": store.modalities[name].unit,
        "absent_share": _share(store.counts["modalities"][name]["absent"], len(store)),
        "unusable_share": _share(readings["unusable"], readings["read"]),
    }
    count = flat = broken = 0
    largest, seen = 0.0, list[npt.NDArray[np.uint64]]()
    for signals in _shards(store, name):
        finite = np.isfinite(signals)
        count += len(signals)
        broken += int(signals.size - finite.sum())
        largest = max(largest, float(np.abs(signals, where=finite, out=np.zeros_like(signals)).max(initial=0.0)))
        flat += int((signals == signals[:, :1]).all(axis=(1, 2)).sum())
        seen.append(_hashes(signals))
    if not count:
        return {**row, "windows": 0}
    return {
        **row,
        "windows": count,
        "not_finite": broken,
        "abs_max": largest,
        "flat_share": flat / count,
        "repeated_share": (count - len(np.unique(np.concatenate(seen)))) / count,
    }


def _shards(store: WindowStore, modality: str) -> Iterator[Signals]:
    """The modality's signals, shard by shard, by memory map."""
    for shard in store.index.filter(pl.col(f"row_{modality}").is_not_null())["shard"].unique().sort():
        yield np.load(shard_path(store.path, modality, shard), mmap_mode="r", allow_pickle=False)


def _hashes(signals: Signals) -> npt.NDArray[np.uint64]:
    """A number per window that equal windows share and others hardly ever do, uint64 (windows,).

    The samples' bits times fixed odd numbers drawn at random, summed modulo 2**64 (Dietzfelbinger et
    al., "A reliable randomized algorithm for the closest-pair problem", J. Algorithms 25, 1997).
    """
    bits = np.ascontiguousarray(signals).reshape(len(signals), -1).view(np.uint32).astype(np.uint64)
    odd = np.random.default_rng(0).integers(0, 1 << 63, size=bits.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(
        1
    )
    return bits @ odd


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
