"""Signals in files, tensors and rows of both are gathered as if they lay in one tensor."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from mmbind.files import write_npy
from mmbind.learning import signals
from mmbind.learning.signals import MappedSignals, StackedSignals


def files_of(folder: Path, counts: list[int]) -> tuple[MappedSignals, torch.Tensor]:
    whole = torch.randn(sum(counts), 5, 2, generator=torch.Generator().manual_seed(0))
    files = []
    for number, part in enumerate(whole.split(counts)):
        write_npy(folder / f"{number}.npy", part.numpy())
        files.append((folder / f"{number}.npy", len(part)))
    return MappedSignals(files, 5, 2), whole


@settings(deadline=None, max_examples=25)
@given(counts=st.lists(st.integers(1, 6), min_size=1, max_size=5), data=st.data())
def test_any_rows_are_those_of_the_whole(tmp_path_factory, counts: list[int], data: st.DataObject) -> None:
    mapped, whole = files_of(tmp_path_factory.mktemp("signals"), counts)
    stacked = StackedSignals([mapped, whole[:2], StackedSignals([mapped, whole])])
    together = torch.cat([whole, whole[:2], whole, whole])
    for found, expected in ((mapped, whole), (stacked, together)):
        assert len(found) == len(expected)
        assert tuple(found.shape) == tuple(expected.shape)
        rows = torch.tensor(data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=12)), dtype=torch.int64)
        assert torch.equal(found[rows], expected[rows])


def test_few_files_are_mapped_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "MAPPED", 2)
    mapped, whole = files_of(tmp_path, [2] * 6)
    for row in (0, 11, 4, 7, 0, 9):
        assert torch.equal(mapped[torch.tensor([row])], whole[row : row + 1])
        assert len(mapped._open) <= 2


def test_gathered_windows_can_be_written_to(tmp_path: Path) -> None:
    mapped, whole = files_of(tmp_path, [3])
    mapped[torch.arange(3)].zero_()
    assert torch.equal(mapped[torch.arange(3)], whole)
    assert np.array_equal(np.load(tmp_path / "0.npy"), whole.numpy())
