from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.config import LabelledSample
from mmbind.errors import InputError
from mmbind.files import short_id
from mmbind.roles.draw import draw_labelled

LABELS = st.lists(st.sampled_from(["jog", "sit", "walk", None]), min_size=1, max_size=60)


def index(labels: list[str | None]) -> pl.DataFrame:
    windows = [short_id("w", number) for number in range(len(labels))]
    return pl.DataFrame({"window": windows, "label": labels}, schema={"window": pl.String, "label": pl.String})


@settings(deadline=None, max_examples=60)
@given(labels=LABELS, share=st.floats(0.01, 1.0))
def test_a_balanced_draw_is_as_equal_as_the_counts_allow(labels: list[str | None], share: float) -> None:
    frame = index(labels)
    count = max(1, round(share * frame["label"].count()))
    if frame["label"].count() < count:
        return
    drawn = frame.filter(pl.col("window").is_in(list(draw_labelled(frame, LabelledSample(count=count)))))
    assert drawn.height == count
    assert drawn["label"].null_count() == 0
    taken, there = (dict(f["label"].drop_nulls().value_counts().iter_rows()) for f in (drawn, frame))
    most = max(taken.values())
    for label, available in there.items():
        assert taken.get(label, 0) >= min(available, most - 1)


@settings(deadline=None, max_examples=30)
@given(labels=LABELS, draw=st.sampled_from(["balanced", "random"]), seed=st.integers(0, 100))
def test_the_draw_depends_on_no_order_and_grows_from_smaller_ones(
    labels: list[str | None], draw: str, seed: int
) -> None:
    frame = index(labels)
    smaller: set[str] = set()
    for count in range(1, frame["label"].count() + 1):
        sample = LabelledSample.model_validate({"count": count, "draw": draw})
        drawn = draw_labelled(frame, sample)
        assert drawn == draw_labelled(frame.sample(fraction=1.0, shuffle=True, seed=seed), sample)
        assert len(drawn) == count
        assert smaller < drawn
        smaller = drawn


def test_more_labels_than_there_are_is_an_error_with_both_figures() -> None:
    with pytest.raises(InputError, match="asks for 3 labelled windows, but only 2 of 3 have a label"):
        draw_labelled(index(["jog", None, "sit"]), LabelledSample(count=3))
