"""MATLAB 5 files: the same numbers as scipy reads, and an error for every damage."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.io import loadmat, savemat

from mmbind.sources.readers.mat5 import DamagedError, variables

DTYPES = st.sampled_from(["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
VALUES = arrays.arrays(DTYPES, arrays.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=5))
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


def packed(held: dict[str, object], *, compress: bool) -> bytes:
    """A MATLAB 5 file with these variables."""
    stream = io.BytesIO()
    savemat(stream, held, do_compression=compress)
    return stream.getvalue()


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), st.booleans())
@settings(deadline=None, max_examples=60)
def test_numbers_are_those_that_scipy_reads(held: dict[str, np.ndarray], compress: bool) -> None:
    data = packed(dict(held), compress=compress)
    expected = loadmat(io.BytesIO(data))
    found = variables(data)
    assert found.keys() == held.keys()
    for name, variable in found.items():
        assert variable.numeric
        np.testing.assert_array_equal(variable.numbers(), expected[name])


@pytest.mark.parametrize("compress", [True, False])
def test_what_holds_no_real_numbers_is_told_apart(compress: bool) -> None:
    held = {
        "text": "word",
        "cells": np.array([1, "a"], dtype=object),
        "struct": {"field": 1.0},
        "flags": np.array([[True, False]]),
        "waves": np.array([[1j, 2.0]]),
        "good": np.eye(3),
    }
    found = variables(packed(held, compress=compress))
    assert {name for name, variable in found.items() if variable.numeric} == {"good"}
    assert found.keys() == held.keys()


def test_versions_that_are_not_read_are_named() -> None:
    with pytest.raises(DamagedError, match="-v7"):
        variables(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    with pytest.raises(DamagedError, match="header of MATLAB 5"):
        variables(b"t,ax\n1,2\n")


@given(st.data(), st.booleans())
@settings(deadline=None, max_examples=150)
def test_damage_is_an_error_or_no_change_of_shape(data: st.DataObject, compress: bool) -> None:
    whole = packed({"a": np.arange(12.0).reshape(4, 3), "b": np.ones((2, 2, 2), "i2")}, compress=compress)
    spoilt = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at] = data.draw(st.integers(0, 255))
    spoilt = spoilt[: data.draw(st.integers(0, len(spoilt)))]
    try:
        for variable in variables(bytes(spoilt)).values():
            if variable.numeric:
                assert variable.numbers().shape == variable.shape
    except DamagedError:
        pass
