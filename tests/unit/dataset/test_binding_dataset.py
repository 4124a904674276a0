"""A binding as a dataset: what stands together, and that it is gathered right."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch.utils.data import DataLoader

import mmbind
from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.dataset.table import SampleTable
from mmbind.errors import InputError, MissingStageError
from mmbind.files import read_json
from mmbind.study import Study
from mmbind.training.samples import pseudo_paired
from mmbind.windows.store import WindowStore
from tests.support import write_study
from tests.unit.reports.bound import bound_study, write_pairs


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return bound_study(tmp_path / "study")


def test_a_sample_is_the_anchor_with_what_its_partner_lends(study: Study) -> None:
    dataset = mmbind.load_binding(study.root)
    stores = {role: WindowStore.open(study.role(role), stage="assign") for role in "AB"}
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    assert len(dataset) == pairs.height == 12
    for sample, pair in zip(dataset, pairs.iter_rows(named=True), strict=False):
        assert (sample["anchor"], sample["weight"]) == (pair["anchor"], pair["weight"])
        ours, theirs = ("A", "B") if pair["anchor"] in stores["A"].ids else ("B", "A")
        own = "gyro" if ours == "A" else "mag"
        for role, modality, window in (
            (ours, "acc", pair["anchor"]),
            (ours, own, pair["anchor"]),
            (theirs, pair["borrowed_modality"], pair["partner"]),
        ):
            expected = stores[role].gather(modality, stores[role].positions([window]))[0]
            assert sample["present"][modality]
            np.testing.assert_array_equal(sample["views"][modality].numpy(), expected)
    assert dataset.manifest == read_json(study.bindings / "manifest.json")


def test_it_holds_what_training_takes(study: Study) -> None:
    dataset = BindingDataset.open(study)
    stores = [WindowStore.open(study.role(role), stage="assign") for role in "AB"]
    samples = pseudo_paired(stores, SampleTable.of(stores, pl.read_parquet(study.bindings / "pairs.parquet")))
    positions = torch.tensor([3, 0, 11, 3])
    ours, theirs = dataset.gather(positions.numpy()), samples.batch(positions)
    assert list(samples.windows) == dataset.samples.frame["anchor"].to_list()
    assert torch.equal(ours.weights, theirs.weights)
    for modality, view in theirs.views.items():
        assert torch.equal(ours.views[modality], view)
        assert torch.equal(ours.present[modality], theirs.present[modality])


def test_batches_hold_every_sample_once_in_the_order_of_the_seed(study: Study) -> None:
    dataset = BindingDataset.open(study)
    whole = dataset.gather(np.arange(12)).views["acc"]
    parts = torch.cat([batch.views["acc"] for batch in dataset.batches(5)])
    assert torch.equal(parts, whole)
    shuffled = [torch.cat([b.weights for b in dataset.batches(5, seed=seed)]) for seed in (1, 1, 2)]
    assert torch.equal(shuffled[0], shuffled[1])
    assert not torch.equal(shuffled[0], shuffled[2])
    assert torch.equal(shuffled[0].sort().values, shuffled[2].sort().values)
    with pytest.raises(InputError, match="0 samples"):
        next(dataset.batches(0))


def test_torch_loaders_collate_it(study: Study) -> None:
    dataset = BindingDataset.open(study)
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert batch["views"]["mag"].shape == (4, 32, 3)
    assert batch["anchor"] == dataset.samples.frame["anchor"].head(4).to_list()
    assert dataset[-1]["anchor"] == dataset[11]["anchor"]
    with pytest.raises(IndexError):
        dataset[12]


def test_what_nobody_lends_is_absent(study: Study) -> None:
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    anchors = set(WindowStore.open(study.role("A"), stage="assign").ids)
    write_pairs(study, pairs.filter(pl.col("anchor").is_in(sorted(anchors))).with_columns(weight=pl.lit(0.25)))
    extra = pairs.filter(pl.col("anchor").is_in(sorted(anchors))).head(1)
    both = pl.concat([extra, extra.with_columns(pl.lit(2, dtype=pl.Int32).alias("rank"), weight=pl.lit(0.5))])
    write_pairs(study, both)
    dataset = BindingDataset.open(study)
    assert dataset.samples.frame["rank"].to_list() == [1, 2]
    assert dataset.gather(np.array([0])).present["gyro"].all()


def test_stale_pairs_and_missing_stages_are_told(study: Study, tmp_path: Path) -> None:
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    write_pairs(study, pairs.with_columns(partner=pl.lit("nobody")))
    with pytest.raises(InputError, match="'nobody', which no role"):
        BindingDataset.open(study)
    write_pairs(study, pairs.clear())
    with pytest.raises(InputError, match="no pairs"):
        BindingDataset.open(study)
    with pytest.raises(MissingStageError, match="bind"):
        BindingDataset.open(write_study(tmp_path / "other"))
