"""Parquet files whose pages say what is not so: refused or read, and the process lives on."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmbind.config import Source
from mmbind.sources.readers import reader_for
from mmbind.sources.table import FileProblem
from tests.unit.sources.logs import modality
from tests.unit.sources.readers.tables import reader, wide, write_table

#: Bytes of a page's header, its count of values among them.
HEADER = 24


@pytest.mark.parametrize("value", [0x01, 0x7F, 0xFD, 0xFF])
def test_a_damaged_header_of_a_page_costs_the_file_and_not_the_process(tmp_path: Path, value: int) -> None:
    path = tmp_path / "log.parquet"
    write_table(wide(60), path, "parquet")
    whole = path.read_bytes()
    start = pq.read_metadata(path).row_group(0).column(1).data_page_offset
    source = Source.model_validate({"reader": reader("parquet"), "modalities": {"acc": modality("a", "g")}})
    rules = []
    for place in range(start, start + HEADER):
        path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        try:
            blocks = list(reader_for(source)(path, source, source.modalities).blocks)
        except FileProblem as problem:
            rules.append(problem.rule)
        else:
            assert sum(block.read["acc"] for block in blocks) == 60
    assert set(rules) == {"unreadable"}
