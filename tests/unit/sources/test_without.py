from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mmbind.sources.without import FEW, without


@given(height=st.integers(0, 3 * FEW), data=st.data())
def test_all_but_some_rows_stay_in_order(height: int, data: st.DataObject) -> None:
    frame = pl.DataFrame(
        {"line": range(height), "label": [str(row) for row in range(height)]}, schema_overrides={"line": pl.Int64}
    )
    rows = sorted(data.draw(st.sets(st.integers(0, height - 1)))) if height else []
    left = without(frame, np.array(rows, dtype=np.int64))
    assert left["line"].to_list() == [row for row in range(height) if row not in set(rows)]
    assert left["label"].to_list() == [str(row) for row in left["line"]]
