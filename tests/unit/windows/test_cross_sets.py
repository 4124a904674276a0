"""A wrong clock shows across data sets: the same movement no longer looks alike.

SisFall (waist, a steady 200 Hz) and WEDA-FALL (wrist, bunches of five readings per 100 ms) show
the same activities of different people. Of each window's magnitude of acceleration the nearest
window of the other set is sought; the share of those with the same label falls when the clock
is wrong.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mmbind.sources import ingest
from mmbind.study import Study
from mmbind.windows import cut_windows
from mmbind.windows.store import WindowStore
from tests.support import raw_archives, write_study

STAMPS = {"column": "accel_time_list", "unit": "s"}
#: Clocks for WEDA-FALL, by what is said of them.
CLOCKS: dict[str, dict[str, Any]] = {
    "spread": {"kind": "spread", **STAMPS},
    "bursts": {"kind": "timestamp", **STAMPS, "bursts": "spread"},
    "as logged": {"kind": "timestamp", **STAMPS},
    "too fast": {"kind": "sample_index", "rate_hz": 75.0},
    "too slow": {"kind": "sample_index", "rate_hz": 33.3},
}
SISFALL = {"D01": "walk", "D03": "jog", "D05": "stairs", "D07": "sit", "D08": "sit", "D19": "jump"}
WEDA = {"D01": "walk", "D02": "jog", "D03": "stairs", "D04": "sit", "D08": "jump"}


def source(clock: dict[str, Any], columns: list[str], unit: str, **more: Any) -> dict[str, Any]:
    modality = {"columns": columns, "channels": list("xyz"), "unit": unit, "clock": clock, **more.pop("modality", {})}
    return {"files": "*.csv", "modalities": {"acc": modality}, **more}


def study_with(root: Path, clock: dict[str, Any]) -> Study:
    every = {"sources": ["sisfall", "weda"], "modalities": ["acc"]}
    named = r"^(?P<label>[DF]\d\d)_(?P<subject>\w\w\d\d|U\d\d)_(?P<session>R\d\d)"
    sisfall = source(
        {"kind": "sample_index", "rate_hz": 200.0},
        ["0", "1", "2"],
        "g",
        modality={"scale": 32 / 8192},
        reader={"format": "delimited", "header": False, "terminator": ";"},
        identity={"pattern": named},
        labels={"map": SISFALL},
    )
    weda = source(
        clock,
        [f"accel_{axis}_list" for axis in "xyz"],
        "m/s2",
        reader={"format": "delimited"},
        identity={"pattern": named},
        labels={"map": WEDA},
    )
    return write_study(
        root,
        sources={"sisfall": sisfall, "weda": weda},
        windows={
            "cut": {"kind": "sliding", "length_s": 2.56, "hop_s": 1.28},
            "modalities": {"acc": {"steps": 64}},
        },
        roles={
            **dict.fromkeys(("A", "B", "test"), every),
            "target": {**every, "labels": {"count": 6, "draw": "balanced"}},
        },
    )


def unpack(archive: str, pattern: str, folder: Path) -> None:
    """Takes some files out of an archive; a file's name is what the pattern's groups hold, joined."""
    folder.mkdir(parents=True)
    with tarfile.open(raw_archives() / f"{archive}.tar.xz") as packed:
        for member in packed:
            if found := re.search(pattern, member.name):
                content = packed.extractfile(member)
                assert content is not None
                with (folder / f"{'_'.join(found.groups())}.csv").open("wb") as file:
                    shutil.copyfileobj(content, file)


def spectra(study: Study, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each window how strongly the magnitude swings at each rate (n, 32), to length 1, and the labels."""
    store = WindowStore.open(study.windows(name), stage="window")
    magnitude = np.linalg.norm(store.gather("acc").astype(np.float64), axis=2)
    swing = magnitude - magnitude.mean(axis=1, keepdims=True)
    rates = np.log1p(np.abs(np.fft.rfft(swing * np.hanning(64), axis=1)))[:, 1:]
    return rates / np.linalg.norm(rates, axis=1, keepdims=True), store.index["label"].to_numpy()


def same(queries: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]) -> float:
    """The share of windows whose nearest one of the other set has their label, mean over labels."""
    (a, labels), (b, found) = queries, others
    hit = labels == found[(a @ b.T).argmax(axis=1)]
    return float(np.mean([hit[labels == label].mean() for label in np.unique(labels)]))


@pytest.mark.real
def test_the_right_clock_joins_windows_of_the_same_activity_across_sets(tmp_path: Path) -> None:
    raw = tmp_path / "study" / "data" / "raw"
    unpack("sisfall", rf"/({'|'.join(SISFALL)})_(SA0[1-4])_(R\d\d)\.txt$", raw / "sisfall")
    unpack("weda_fall", rf"/50Hz/({'|'.join(WEDA)})/(U\d\d)_(R\d\d)_accel\.csv$", raw / "weda")
    shares, quarantined = {}, {}
    for name, clock in CLOCKS.items():
        study = study_with(tmp_path / "study", clock)
        for each in ("sisfall", "weda") if not shares else ("weda",):
            quarantined[name] = ingest(study, each).quarantined
            cut_windows(study, each)
        waist, wrist = spectra(study, "sisfall"), spectra(study, "weda")
        shares[name] = same(wrist, waist), same(waist, wrist)
    assert quarantined["spread"] == 7  # one trial's clock was set back by more than a second
    assert quarantined["bursts"] == quarantined["as logged"] < 300
    for right in ("spread", "bursts"):
        for wrong in ("too fast", "too slow"):
            for found, lost in zip(shares[right], shares[wrong], strict=True):
                assert found > 1.2 * lost
        assert shares[right][0] > 1.05 * shares["as logged"][0]


@pytest.mark.real
def test_readings_of_a_jittering_phone_keep_their_number_and_their_rate(tmp_path: Path) -> None:
    """GeoTec's phone: about 102.4 readings per second, stamped in whole milliseconds, up to 64 ms late."""
    outcomes = {}
    for name, policy in (("bursts", {"bursts": "spread"}), ("first", {})):
        study = study_with(tmp_path / name, {"kind": "timestamp", "column": "timestamp", "unit": "ms", **policy})
        text = (study.root / "params.yaml").read_text()
        for axis in "xyz":
            text = text.replace(f"accel_{axis}_list", f"{axis}_acc")
        text = text.replace(
            r"^(?P<label>[DF]\d\d)_(?P<subject>\w\w\d\d|U\d\d)_(?P<session>R\d\d)",
            r"^(?P<subject>s\d\d)_(?P<session>\d\d)",
        )
        (study.root / "params.yaml").write_text(text)
        study = Study.load(study.root)
        unpack("geotec", r"/(s0[12])_(\d\d)_(sp)\.csv$", study.raw("weda"))
        ingest(study, "weda")
        records = study.records("weda")
        acc = pl.read_parquet(records / "acc" / "*.parquet")
        steps = acc.select(step=pl.col("t_ns").diff().over("recording") / 1e6).drop_nulls()["step"]
        outcomes[name] = pl.read_parquet(records / "quarantine.parquet").height, acc.height, steps
    lost, kept, steps = outcomes["bursts"]
    assert lost == 0
    assert 1000 / steps.mean() == pytest.approx(102.4, rel=0.005)
    assert 8 < steps.min() <= steps.max() < 12
    lost, _, steps = outcomes["first"]
    assert lost > 0.05 * kept
    assert steps.max() > 40
