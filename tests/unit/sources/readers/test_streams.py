"""Packed text: the same rows as unpacked, and what damage costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.sources import ingest
from mmbind.study import Study
from tests.unit.sources.logs import aside, conserved, modality, rows_of, source_study, table
from tests.unit.sources.readers.tables import pack

PACKINGS = ["gz", "zst"]


def packed_study(root: Path) -> Study:
    """A source of packed JSON lines, a reading each."""
    clock = {"kind": "timestamp", "column": "t", "unit": "ms"}
    mods = {"acc": modality("acc.", "m/s2", clock)}
    return source_study(root, files="*", reader={"format": "jsonl"}, modalities=mods, **identity())


def identity() -> dict[str, Any]:
    """Subject and session before the endings."""
    return {"identity": {"pattern": r"(?P<subject>\w+)_(?P<session>\d+)\."}, "labels": {}}


def text(count: int) -> bytes:
    """Readings, one per line, each different."""
    rows = [{"t": 20 * i, "acc": {"x": i * 0.37, "y": i % 7 / 3, "z": 9.81}} for i in range(count)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize("packing", PACKINGS)
def test_packed_lines_give_the_rows_of_plain_ones(tmp_path: Path, packing: str) -> None:
    study = packed_study(tmp_path)
    (study.raw("s") / "p1_1.jsonl").write_bytes(text(500))
    (study.raw("s") / f"p2_1.jsonl.{packing}").write_bytes(pack(text(500), packing))
    members = pack(text(500)[:9000], packing) + pack(text(500)[9000:], packing)
    (study.raw("s") / f"p3_1.jsonl.{packing.upper()}").write_bytes(members)
    ingest(study, "s")
    rows = rows_of(study, "acc")
    assert rows.height == 1500
    assert rows.group_by("recording").len()["len"].to_list() == [500] * 3
    assert rows.select("t_ns", "x", "y", "z").unique().height == 500
    assert aside(study) == []


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_stream_that_ends_early_keeps_its_whole_lines(tmp_path: Path, packing: str) -> None:
    study = packed_study(tmp_path)
    whole = text(20_000)
    data = pack(whole, packing)
    path = study.raw("s") / f"p1_1.jsonl.{packing}"
    path.write_bytes(data[: len(data) * 2 // 3])
    ingest(study, "s")
    rows, kept = rows_of(study, "acc"), table(study, "quarantine")
    count = rows.height
    assert 1000 < count < 20_000
    assert rows["t_ns"].to_list() == [20_000_000 * i for i in range(count)]
    assert aside(study) == [(path.name, count + 1, "acc", "broken_line")]
    assert "stream ends early here" in kept["reason"][0]
    assert whole.splitlines()[count].startswith(kept["raw"][0])
    assert conserved(study)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("spoil", ["flip", "garbage behind", "no stream"])
def test_a_damaged_stream_is_refused_whole(tmp_path: Path, packing: str, spoil: str) -> None:
    study = packed_study(tmp_path)
    data = bytearray(pack(text(3000), packing))
    if spoil == "flip":
        data[len(data) // 2] ^= 0x10
    elif spoil == "garbage behind":
        data += b"garbage" * 3
    else:
        data = bytearray(text(5))
    (study.raw("s") / f"p1_1.jsonl.{packing}").write_bytes(data)
    (study.raw("s") / "p2_1.jsonl").write_bytes(text(5))
    ingest(study, "s")
    assert aside(study) == [(f"p1_1.jsonl.{packing}", None, None, "unreadable")]
    assert rows_of(study, "acc").height == 5


@given(st.data())
@settings(deadline=None, max_examples=12)
def test_wherever_a_stream_ends_no_line_is_lost_or_invented(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    packing = data.draw(st.sampled_from(PACKINGS))
    whole = text(60)
    packed = pack(whole, packing)
    stop = data.draw(st.integers(1, len(packed) - 1))
    study = packed_study(tmp_path_factory.mktemp("study"))
    (study.raw("s") / f"p1_1.jsonl.{packing}").write_bytes(packed[:stop])
    (study.raw("s") / "p2_1.jsonl").write_bytes(text(1))
    ingest(study, "s")
    mine = table(study, "recordings").filter(pl.col("subject") == "p1")["recording"]
    rows = rows_of(study, "acc").filter(pl.col("recording").is_in(mine.to_list()))
    assert rows["t_ns"].to_list() == [20_000_000 * i for i in range(rows.height)]
    assert aside(study) == [(f"p1_1.jsonl.{packing}", rows.height + 1, "acc", "broken_line")]
    assert conserved(study)
