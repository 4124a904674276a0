"""Exports, read back by the tools that they are for."""

import gc
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.dataset.export import FORMATS, export_binding
from mmbind.errors import InputError
from mmbind.files import digest_folder, read_json
from mmbind.study import Study
from tests.unit.reports.bound import bound_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study with one sample that has no gyroscope: its partner's loan is taken away."""
    study = bound_study(tmp_path / "study")
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    two = pairs.head(1).with_columns(borrowed_modality=pl.lit("acc"), rank=pl.lit(2, dtype=pl.Int32))
    pl.concat([pairs, two]).write_parquet(study.bindings / "pairs.parquet")
    return study


def _samples(study: Study) -> list[dict[str, object]]:
    return [sample for sample, _ in zip(BindingDataset.open(study), range(13), strict=False)]


def test_plain_parquet_holds_every_waveform(study: Study, tmp_path: Path) -> None:
    summary = export_binding(study, tmp_path / "out", "parquet", shard_size=5)
    assert summary.files == ["00000.parquet", "00001.parquet", "00002.parquet"]
    table = pl.concat([pl.read_parquet(tmp_path / "out" / name) for name in summary.files])
    specs = read_json(tmp_path / "out" / "manifest.json")["modalities"]
    samples = _samples(study)
    assert table.height == len(samples) == 13
    absent = 0
    for row, sample in zip(table.iter_rows(named=True), samples, strict=True):
        assert row["anchor"] == sample["anchor"]
        for name, spec in specs.items():
            if not sample["present"][name]:
                absent += 1
                assert row[name] is None
                assert row[f"window_{name}"] is None
                continue
            shaped = np.array(row[name], dtype=np.float32).reshape(spec["steps"], len(spec["channels"]))
            np.testing.assert_array_equal(shaped, sample["views"][name].numpy())
    assert absent == 1


# webdataset leaves its files to the garbage collector, which runs before the test ends
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_its_shards(study: Study, tmp_path: Path) -> None:
    import webdataset

    summary = export_binding(study, tmp_path / "out", "webdataset", shard_size=5)
    urls = [str(tmp_path / "out" / name) for name in summary.files]
    read = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    gc.collect()
    samples = _samples(study)
    assert [row["__key__"].split("-")[0] for row in read] == [sample["anchor"] for sample in samples]
    for row, sample in zip(read, samples, strict=True):
        assert row["json"]["weight"] == sample["weight"]
        for name, present in sample["present"].items():
            assert (f"{name}.npy" in row) == present
            if present:
                np.testing.assert_array_equal(row[f"{name}.npy"], sample["views"][name].numpy())


def test_hugging_face_datasets_loads_the_folder(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets

    export_binding(study, tmp_path / "out", "huggingface", shard_size=5)
    loaded = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    samples = _samples(study)
    assert loaded["anchor"][:] == [sample["anchor"] for sample in samples]
    for row, sample in zip(loaded, samples, strict=True):
        for name, present in sample["present"].items():
            assert (row[name] is not None) == present
            if present:
                np.testing.assert_array_equal(np.array(row[name], dtype=np.float32), sample["views"][name].numpy())


@pytest.mark.parametrize("layout", sorted(FORMATS))
def test_equal_bindings_give_equal_bytes_and_old_exports_are_replaced(
    study: Study, tmp_path: Path, layout: str
) -> None:
    export_binding(study, tmp_path / "one", layout, shard_size=2)
    export_binding(study, tmp_path / "two", layout)
    assert digest_folder(tmp_path / "one") != digest_folder(tmp_path / "two")
    export_binding(study, tmp_path / "two", layout, shard_size=2)
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")


def test_folders_that_hold_something_else_are_left_alone(study: Study, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="no export"):
        export_binding(study, tmp_path / "mine", "parquet")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(InputError, match="parquet"):
        export_binding(study, tmp_path / "out", "parquett")
