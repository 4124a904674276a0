"""Samples gather by position; absent views are zeros that are marked absent."""

from __future__ import annotations

import pytest
import torch

from mmbind.errors import MmbindError
from mmbind.learning.samples import Samples


def samples() -> Samples:
    return Samples(
        signals={"acc": torch.arange(24.0).view(3, 4, 2), "gyro": torch.ones(1, 2, 1)},
        rows={"acc": torch.tensor([2, 0, -1]), "gyro": torch.tensor([-1, 0, 0])},
        weights=torch.tensor([1.0, 0.5, 0.25]),
        labels=torch.tensor([0, -1, 1]),
        classes=["sit", "walk"],
        windows=["u", "v", "w"],
    )


def test_a_batch_holds_the_asked_samples_in_order() -> None:
    batch = samples().batch(torch.tensor([2, 0]))
    assert torch.equal(batch.views["acc"][1], torch.arange(16.0, 24.0).view(4, 2))
    assert not batch.views["acc"][0].any()
    assert batch.present["acc"].tolist() == [False, True]
    assert batch.present["gyro"].tolist() == [True, False]
    assert batch.weights.tolist() == [0.25, 1.0]
    assert batch.labels.tolist() == [1, 0]


def test_blocks_give_each_held_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch.cat(list(samples().blocks("gyro"))).shape == (1, 2, 1)
    expected = torch.arange(24.0).view(3, 4, 2)[[0, 2]]
    assert torch.equal(torch.cat(list(samples().blocks("acc"))), expected)
    monkeypatch.setattr("mmbind.learning.samples.BLOCK", 1)
    assert [len(block) for block in samples().blocks("acc")] == [1, 1]


def test_disagreeing_parts_are_refused() -> None:
    good = samples()
    with pytest.raises(MmbindError, match="disagree"):
        Samples(good.signals, good.rows, good.weights, good.labels, [], ["u"])
    with pytest.raises(MmbindError, match="disagree"):
        Samples({}, good.rows, good.weights, good.labels, [], good.windows)
