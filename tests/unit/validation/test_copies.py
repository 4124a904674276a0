"""The same readings under two names: found whatever the name, the unit, the clock and the cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.files import write_parquet
from mmbind.validation import pieces as pieces_module
from mmbind.validation.copies import copies
from mmbind.validation.fingerprints import MARKS, fingerprint
from tests.unit.validation.records import worn

Change = Callable[[np.ndarray], np.ndarray]
COPIED: dict[str, Change] = {
    "as it is": lambda values: values,
    "in another unit": lambda values: values / 9.80665,
    "with an offset": lambda values: values + 3,
    "rounded": lambda values: values.round(3),
    "cut at both ends": lambda values: values[150:700],
}


def write(folder: Path, recordings: dict[str, np.ndarray], modality: str = "acc") -> None:
    frames = [
        pl.DataFrame(
            {"recording": [name] * len(values), "t_ns": np.arange(len(values)) * 20_000_000 + 10**9 * len(name)}
            | {f"c{i}": values[:, i].astype(np.float32) for i in range(values.shape[1])}
        )
        for name, values in sorted(recordings.items())
    ]
    write_parquet(folder / modality / "00000.parquet", pl.concat(frames))


@pytest.mark.parametrize("change", list(COPIED.values()), ids=list(COPIED))
def test_a_copy_is_found_and_nothing_else(tmp_path: Path, change: Change) -> None:
    sources = {f"r{seed}": worn(seed)["acc"] for seed in range(6)}
    write(tmp_path, {**sources, "twin": change(sources["r3"])})
    pairs = copies(fingerprint(tmp_path, "acc"))
    assert pairs.select("recording", "other_recording").rows() == [("r3", "twin")]
    assert pairs["share"][0] > 0.5


def test_a_copy_of_a_copy_is_chained(tmp_path: Path) -> None:
    write(tmp_path, {name: worn(1)["acc"] for name in ("a", "b", "c")} | {"d": worn(2)["acc"]})
    pairs = copies(fingerprint(tmp_path, "acc"))
    assert sorted(pairs.select("recording", "other_recording").rows()) == [("a", "b"), ("b", "c")]


def test_modalities_of_other_names_are_compared(tmp_path: Path) -> None:
    write(tmp_path, {"r": worn(1)["acc"]})
    write(tmp_path, {"r": worn(1)["acc"] * 2}, "accelerometer")
    pairs = copies(pl.concat([fingerprint(tmp_path, name) for name in ("acc", "accelerometer")]))
    assert pairs.select("modality", "other_modality").rows() == [("acc", "accelerometer")]


def test_signals_without_turns_have_no_marks(tmp_path: Path) -> None:
    t = np.arange(1000)[:, None]
    write(tmp_path, {"still": np.zeros((1000, 3)), "ramp": t * np.ones(3), "slow": np.sin(t / 300) * np.ones(3)})
    assert fingerprint(tmp_path, "acc").is_empty()
    assert copies(pl.DataFrame(schema=MARKS)).is_empty()


@pytest.mark.parametrize("batch", [64, 1000])
def test_marks_do_not_depend_on_how_a_shard_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    recordings = {f"r{seed}": worn(seed, seconds=5.0 * (seed + 1))["acc"] for seed in range(3)}
    write(tmp_path, recordings | {"short": np.ones((2, 3))})
    whole = fingerprint(tmp_path, "acc")
    monkeypatch.setattr(pieces_module, "BATCH", batch)
    assert fingerprint(tmp_path, "acc").equals(whole)
    monkeypatch.setattr(pieces_module, "LONGEST", 300 * 3)
    cut = fingerprint(tmp_path, "acc")  # a mark is lost only where it would look across a cut
    assert cut.join(whole, on=list(MARKS), how="anti").is_empty()
    assert cut.height > 0.8 * whole.height


def test_a_long_recording_keeps_few_marks(tmp_path: Path) -> None:
    long = np.random.default_rng(0).normal(size=(40_000, 3))
    write(tmp_path, {"long": long, "part": long[9_000:15_000]})
    marks = fingerprint(tmp_path, "acc")
    assert marks.group_by("recording").len()["len"].max() < 1500
    assert copies(marks).height == 1
