"""Scalers: z-scores per channel, exact through JSON, never a division by zero."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from mmbind.errors import InputError
from mmbind.learning.scaling import Scaler


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 100), st.floats(-100, 100), st.floats(0.01, 100))
def test_scaled_training_data_have_mean_0_and_deviation_1(seed: int, mean: float, deviation: float) -> None:
    noise = np.random.default_rng(seed).normal(size=(30, 10, 2))
    signals = (mean + deviation * noise).astype(np.float32)
    scaled = Scaler.fit(signals).apply(signals)
    assert scaled.dtype == np.float32
    assert scaled.mean(axis=(0, 1), dtype=float) == pytest.approx([0, 0], abs=0.02)
    assert scaled.std(axis=(0, 1), dtype=float) == pytest.approx([1, 1], rel=0.02)


def test_a_constant_channel_becomes_zero() -> None:
    signals = np.full((3, 4, 2), 9.80665, dtype=np.float32)
    signals[:, :, 1] = np.arange(12).reshape(3, 4)
    scaler = Scaler.fit(signals)
    assert scaler.deviation[0] == 1
    assert np.abs(scaler.apply(signals)[:, :, 0]).max() < 1e-5


def test_json_keeps_every_bit() -> None:
    signals = np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    scaler = Scaler.fit(signals)
    again = Scaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
    assert np.array_equal(again.mean, scaler.mean)
    assert np.array_equal(again.deviation, scaler.deviation)
    assert again.mean.dtype == again.deviation.dtype == np.float32


def test_identity_changes_nothing() -> None:
    signals = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    assert np.array_equal(Scaler.identity(4).apply(signals), signals)


def test_no_windows_and_nan_are_refused() -> None:
    with pytest.raises(InputError, match="no windows"):
        Scaler.fit(np.empty((0, 4, 3), dtype=np.float32))
    signals = np.zeros((3, 4, 2), dtype=np.float32)
    signals[1, 2, 0] = np.nan
    with pytest.raises(InputError, match="position 1"):
        Scaler.fit(signals)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_pieces_give_what_the_whole_gives(seed: int, counts: list[int]) -> None:
    signals = np.random.default_rng(seed).normal(3, 5, size=(sum(counts), 7, 3)).astype(np.float32)
    pieces = np.split(signals, np.cumsum(counts)[:-1])
    whole, together = Scaler.fit(signals), Scaler.fit_blocks(lambda: iter(pieces))
    assert np.array_equal(whole.mean, signals.mean(axis=(0, 1), dtype=float).astype(np.float32))
    assert together.mean == pytest.approx(whole.mean, rel=1e-7)
    assert together.deviation == pytest.approx(whole.deviation, rel=1e-7)


def test_the_broken_window_is_counted_over_all_pieces() -> None:
    pieces = [np.ones((2, 3, 1), dtype=np.float32), np.ones((3, 3, 1), dtype=np.float32)]
    pieces[1][1, 2, 0] = np.nan
    with pytest.raises(InputError, match="position 3 holds NaN"):
        Scaler.fit_blocks(lambda: pieces)
