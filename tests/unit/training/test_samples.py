"""Samples from stores and pairs hold what windows recorded and what pairs say, and nothing else."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings

from mmbind.dataset.table import SampleTable
from mmbind.errors import InputError
from mmbind.learning.samples import joined
from mmbind.schema import PAIRS
from mmbind.training.samples import as_recorded, labelled, modalities_of, own_windows, pseudo_paired
from mmbind.windows.store import WindowStore
from tests.support import write_store


def signals(count: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 8, channels)).astype(np.float32)


def store(path: Path, modalities: list[str], count: int = 4, labels: list[str | None] | None = None) -> WindowStore:
    values = {name: signals(count, seed=number) for number, name in enumerate(modalities)}
    return write_store(path, values, subjects=["p"] * count, labels=labels or [None] * count, prefix=path.name)


def pairs(*rows: tuple[str, str, str, int, float]) -> pl.DataFrame:
    names = ("anchor", "partner", "borrowed_modality", "rank", "weight")
    constant = {
        "anchor_source": "s",
        "partner_source": "s",
        "shared_modality": "acc",
        "similarity": 0.5,
        "margin": 0.1,
        "mutual": False,
    }
    return pl.DataFrame([dict(zip(names, row, strict=True)) | constant for row in rows], schema=PAIRS)


def view(samples, modality: str, position: int) -> np.ndarray:
    batch = samples.batch(torch.tensor([position]))
    assert bool(batch.present[modality][0])
    return batch.views[modality][0].numpy()


def recorded(source: WindowStore, modality: str, window: str) -> np.ndarray:
    return source.gather(modality, source.positions([window]))[0]


def test_anchors_have_their_own_and_the_borrowed_modality(tmp_path: Path) -> None:
    a, b = store(tmp_path / "A", ["acc", "gyro"]), store(tmp_path / "B", ["acc", "mag"])
    frame = pairs((a.ids[2], b.ids[1], "mag", 0, 0.7), (b.ids[3], a.ids[0], "gyro", 0, 0.2))
    samples = pseudo_paired([a, b], SampleTable.of([a, b], frame))
    assert samples.windows == [a.ids[2], b.ids[3]]
    assert samples.weights.tolist() == pytest.approx([0.7, 0.2])
    for position, (own, name, lender, partner, borrowed) in enumerate(
        [(a, "gyro", b, b.ids[1], "mag"), (b, "mag", a, a.ids[0], "gyro")]
    ):
        anchor = samples.windows[position]
        assert np.array_equal(view(samples, "acc", position), recorded(own, "acc", anchor))
        assert np.array_equal(view(samples, name, position), recorded(own, name, anchor))
        assert np.array_equal(view(samples, borrowed, position), recorded(lender, borrowed, partner))
    assert set(samples.labels.tolist()) == {-1}


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_every_pair_becomes_one_sample_whatever_the_pairs(tmp_path_factory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("stores")
    a, b = store(folder / "A", ["acc", "gyro"], 3), store(folder / "B", ["acc", "mag"], 5)
    partners = data.draw(st.lists(st.integers(0, 4), min_size=3, max_size=3))
    lenders = data.draw(st.lists(st.integers(0, 2), min_size=5, max_size=5))
    rows = [(a.ids[i], b.ids[j], "mag", 0, 0.5) for i, j in enumerate(partners)]
    rows += [(b.ids[i], a.ids[j], "gyro", 0, 0.5) for i, j in enumerate(lenders)]
    samples = pseudo_paired([a, b], SampleTable.of([a, b], pairs(*rows)))
    batch = samples.batch(torch.arange(len(samples)))
    assert len(samples) == 8
    assert all(batch.present[name].all() for name in ("acc", "gyro", "mag"))
    for position, (anchor, partner, borrowed, _, _) in enumerate(rows):
        assert np.array_equal(
            view(samples, borrowed, position), recorded(b if borrowed == "mag" else a, borrowed, partner)
        )
        assert samples.windows[position] == anchor


def test_further_ranks_are_further_samples_and_several_loans_one(tmp_path: Path) -> None:
    a, b, c = (store(tmp_path / n, ["acc", m]) for n, m in (("A", "gyro"), ("B", "mag"), ("C", "baro")))
    frame = pairs(
        (a.ids[0], c.ids[0], "baro", 0, 0.9),
        (a.ids[0], b.ids[0], "mag", 0, 0.4),
        (a.ids[0], b.ids[1], "mag", 1, 0.3),
    )
    samples = pseudo_paired([a, b, c], SampleTable.of([a, b, c], frame))
    batch = samples.batch(torch.arange(2))
    assert samples.weights.tolist() == pytest.approx([0.4, 0.3])
    assert {name: here.tolist() for name, here in batch.present.items()} == {
        "acc": [True, True],
        "gyro": [True, True],
        "baro": [True, False],
        "mag": [True, True],
    }


@pytest.mark.parametrize("column", ["anchor", "partner"])
def test_stale_pairs_are_refused_with_the_next_step(tmp_path: Path, column: str) -> None:
    a, b = store(tmp_path / "A", ["acc", "gyro"]), store(tmp_path / "B", ["acc", "mag"])
    frame = pairs((a.ids[0], b.ids[0], "mag", 0, 1.0)).with_columns(pl.lit("gone").alias(column))
    with pytest.raises(InputError, match=rf"{column} 'gone', which no role \(A, B\) holds.*bind"):
        pseudo_paired([a, b], SampleTable.of([a, b], frame))


def test_a_loan_that_the_partner_cannot_give_is_refused(tmp_path: Path) -> None:
    a, b = store(tmp_path / "A", ["acc", "gyro"]), store(tmp_path / "B", ["acc", "mag"])
    with pytest.raises(InputError, match="borrow 'gyro'"):
        SampleTable.of([a, b], pairs((a.ids[0], b.ids[0], "gyro", 0, 1.0)))
    with pytest.raises(InputError, match="no pairs"):
        pseudo_paired([a, b], SampleTable.of([a, b], pairs()))


def test_windows_as_recorded_unite_a_role_with_its_truth(tmp_path: Path) -> None:
    role = store(tmp_path / "A", ["acc"])
    truth = write_store(tmp_path / "truth", {"mag": signals(4)}, subjects=["p"] * 4, labels=["x"] * 4, prefix="A")
    other = store(tmp_path / "B", ["acc", "gyro"], 3)
    samples = as_recorded([role, other, truth])
    batch = samples.batch(torch.arange(len(samples)))
    assert samples.windows == sorted(role.ids + other.ids)
    mine = torch.tensor([window in role.ids for window in samples.windows])
    assert batch.present["acc"].all()
    assert torch.equal(batch.present["mag"], mine)
    assert torch.equal(batch.present["gyro"], ~mine)
    assert set(samples.labels.tolist()) == {-1}
    assert np.array_equal(view(samples, "mag", samples.windows.index(role.ids[2])), truth.gather("mag")[2])


def test_labelled_takes_labelled_windows_only(tmp_path: Path) -> None:
    target = store(tmp_path / "T", ["acc", "gyro"], 5, ["walk", None, "sit", None, "walk"])
    samples = labelled(target)
    known = target.index.filter(pl.col("label").is_not_null())
    assert samples.classes == ["sit", "walk"]
    assert samples.windows == known["window"].to_list()
    assert [samples.classes[label] for label in samples.labels.tolist()] == known["label"].to_list()
    assert np.array_equal(view(samples, "gyro", 1), recorded(target, "gyro", samples.windows[1]))


def test_no_labels_and_no_windows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has a label"):
        labelled(store(tmp_path / "T", ["acc"]))
    with pytest.raises(InputError, match="no windows"):
        as_recorded([])


def test_a_modality_cut_in_two_ways_is_refused(tmp_path: Path) -> None:
    a = store(tmp_path / "A", ["acc"])
    b = write_store(tmp_path / "B", {"acc": signals(2, channels=3)}, subjects=["p"] * 2, labels=[None] * 2)
    assert list(modalities_of([a])) == ["acc"]
    with pytest.raises(InputError, match="8 steps x 3 channels"):
        modalities_of([a, b])


def test_the_target_s_own_windows_are_those_without_a_label(tmp_path: Path) -> None:
    target = store(tmp_path / "T", ["acc", "gyro"], 4, ["run", None, "sit", None])
    own = own_windows(target)
    assert own.windows == target.index.filter(pl.col("label").is_null())["window"].to_list()
    assert set(own.labels.tolist()) == {-1}
    for position, window in enumerate(own.windows):
        assert np.array_equal(view(own, "gyro", position), recorded(target, "gyro", window))
    assert len(own_windows(store(tmp_path / "all", ["acc"], 2, ["run", "sit"]))) == 0


def test_joined_samples_keep_their_signals(tmp_path: Path) -> None:
    a, target = store(tmp_path / "A", ["acc", "mag"]), store(tmp_path / "T", ["acc", "gyro"], 3, ["run", "sit", None])
    both = joined(as_recorded([a]), labelled(target))
    known = target.index.filter(pl.col("label").is_not_null())
    assert both.windows == [*a.ids, *known["window"]]
    assert [both.classes[number] for number in both.labels[4:]] == known["label"].to_list()
    assert both.labels[:4].tolist() == [-1] * 4
    assert list(both.classes) == ["run", "sit"]
    for position, (source, window) in enumerate([*((a, window) for window in a.ids), (target, known["window"][0])]):
        assert np.array_equal(view(both, "acc", position), recorded(source, "acc", window))
    present = both.batch(torch.arange(6)).present
    assert present["mag"].tolist() == [True] * 4 + [False] * 2
    assert present["gyro"].tolist() == [False] * 4 + [True] * 2
