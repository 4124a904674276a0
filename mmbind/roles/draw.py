"""Which few labels of the target training may see."""

from __future__ import annotations

import polars as pl

from mmbind.config import TARGET, LabelledSample
from mmbind.errors import InputError
from mmbind.files import digest_of


def draw_labelled(index: pl.DataFrame, sample: LabelledSample) -> set[str]:
    """Draws windows whose labels are shown.

    The order is that of a digest of the window ids: it depends on no file order and no
    random state, and a larger count holds every smaller one. ``balanced`` takes one window
    of each class, then a second of each, and so on, so that the classes are as equal as
    their counts allow.

    Args:
        index: windows with their true labels (null for none).
        sample: how many, and how.

    Returns:
        Ids of the drawn windows.

    Raises:
        InputError: when fewer windows have a label.
    """
    labelled = index.filter(pl.col("label").is_not_null()).select("window", "label")
    if labelled.height < sample.count:
        raise InputError(
            f"roles.{TARGET}.labels.count asks for {sample.count} labelled windows, but only {labelled.height} "
            f"of {index.height} have a label.",
            hint=f"Lower the count, or give the {TARGET} more subjects.",
        )
    keys = [digest_of(["labelled sample", window]) for window in labelled["window"]]
    drawn = labelled.with_columns(key=pl.Series(keys, dtype=pl.String)).sort("key")
    if sample.draw == "balanced":
        drawn = drawn.with_columns(turn=pl.int_range(pl.len()).over("label")).sort("turn", "key")
    return set(drawn["window"].head(sample.count))
