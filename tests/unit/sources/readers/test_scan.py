"""Lines and counts told from bits are those that a walk over the bytes finds."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from mmbind.sources.readers.encodings import Encoding
from mmbind.sources.readers.lines import LineBlock
from mmbind.sources.readers.scan import scan

texts = st.lists(st.sampled_from([b"\n", b",", b"1", b"-2.5", b'"', b"\xc3\xa4", b"," * 70, b"7" * 63]), max_size=60)


@given(pieces=texts, byte=st.sampled_from(b",;1"))
@example(pieces=[], byte=0x2C)
@example(pieces=[b"7" * 63, b"\n", b"," * 70, b"\n"], byte=0x2C)
def test_lines_and_counts_are_those_of_a_walk(pieces: list[bytes], byte: int) -> None:
    data = b"".join(pieces) + b"\n"
    found = scan(np.frombuffer(data, np.uint8), byte)
    lines = data[:-1].split(b"\n")
    assert found.counts.tolist() == [line.count(bytes([byte])) for line in lines]
    assert found.stops.tolist() == [place for place, value in enumerate(data) if value == 0x0A]


@given(pieces=texts, draw=st.randoms(use_true_random=False))
def test_some_lines_are_copied_as_they_are(pieces: list[bytes], draw: object) -> None:
    block = LineBlock.of(b"".join(pieces), 1, Encoding())
    lines = block.data.splitlines(keepends=True) if b"\r" not in block.data else []
    chosen = np.array([draw.random() < 0.5 for _ in block.stops], dtype=np.bool_)  # type: ignore[attr-defined]
    assert block.only(chosen) == b"".join(line for line, take in zip(lines, chosen, strict=True) if take)


@given(asked=st.lists(st.integers(5, 8), max_size=9))
def test_raw_lines_may_be_asked_for_in_any_order(asked: list[int]) -> None:
    block = LineBlock.of(b"a,1\r\nb\n\nlast", 5, Encoding())
    own = {5: b"a,1\r", 6: b"b", 7: b"", 8: b"last"}
    assert block.raw(pl.Series("line", asked, dtype=pl.Int64)).to_list() == [own[line] for line in asked]
