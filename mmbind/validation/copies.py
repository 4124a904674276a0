"""Copies: recordings whose fingerprints agree, whatever their names, units and clocks."""

from __future__ import annotations

import polars as pl

from mmbind.schema import Schema

#: Whose marks: a recording's readings of one modality.
OWNER = ["recording", "modality"]
#: Pairs of copies: how many marks agree, and their share in those that the shorter one could share.
COPIES: Schema = {
    "recording": pl.String,
    "modality": pl.String,
    "other_recording": pl.String,
    "other_modality": pl.String,
    "shared": pl.Int64,
    "share": pl.Float64,
}
#: Marks at one shift, and their share in the shorter recording's, from which on two recordings are copies.
LEAST_SHARED, COPY_SHARE = 5, 0.25


def copies(marks: pl.DataFrame) -> pl.DataFrame:
    """Pairs of recordings that hold the same readings.

    Args:
        marks: tables of ``MARKS``, joined; modalities of any name are compared.

    Returns:
        A table of ``COPIES``, those with the greatest share first. Of three copies and more,
        neighbours by id are paired.
    """
    owners = marks.select(OWNER).unique().sort(OWNER).with_row_index("owner")
    once = (
        marks.join(owners, on=OWNER)
        .select("owner", "mark", "place", "stride")
        .sort("mark", "owner", "place")
        .unique(["mark", "owner"], keep="first", maintain_order=True)
    )
    beside = (pl.col("mark") == pl.col("mark").shift(-1)).fill_null(False)
    agreed = (
        once.with_columns(
            pl.col("owner").shift(-1).alias("other"),
            (pl.col("place") - pl.col("place").shift(-1)).alias("shift"),
            pl.max_horizontal("stride", pl.col("stride").shift(-1)).alias("common"),
        )
        .filter(beside)
        .group_by("owner", "other", "shift", "common")
        .agg(pl.len().cast(pl.Int64).alias("shared"))
        .filter(pl.col("shared") >= LEAST_SHARED)
        .sort("shared", "shift", descending=[True, False])
        .unique(["owner", "other"], keep="first", maintain_order=True)
    )
    sides = [agreed.select("common", owner=side) for side in ("owner", "other")]
    sizes = (
        pl.concat(sides)
        .unique()
        .join(once, on="owner")
        .filter(pl.col("mark") % pl.col("common").cast(pl.UInt64) == 0)
        .group_by("owner", "common")
        .agg(pl.len().alias("size"))
    )
    paired = (
        agreed.join(sizes, on=["owner", "common"])
        .join(sizes.rename({"owner": "other", "size": "other_size"}), on=["other", "common"])
        .with_columns(share=pl.col("shared") / pl.min_horizontal("size", "other_size"))
        .filter(pl.col("share") >= COPY_SHARE)
        .join(owners, on="owner")
        .join(owners.rename({"owner": "other", **{name: f"other_{name}" for name in OWNER}}), on="other")
    )
    order = ["share", *OWNER, *(f"other_{name}" for name in OWNER)]
    return paired.select(*COPIES).sort(order, descending=[True, *[False] * 4])


def with_files(pairs: pl.DataFrame, owners: pl.DataFrame) -> pl.DataFrame:
    """Names the files of copies.

    Args:
        pairs: a table of ``COPIES``.
        owners: recording, modality and file.

    Returns:
        The pairs with ``file`` and ``other_file``, in the same order.
    """
    others = owners.select(pl.all().name.prefix("other_"))
    return pairs.join(owners, on=OWNER, how="left", maintain_order="left").join(
        others, on=[f"other_{name}" for name in OWNER], how="left", maintain_order="left"
    )


def shares(pairs: pl.DataFrame) -> pl.DataFrame:
    """The copies by file: file, modality, copied_share (with another recording), twin_share (another modality)."""
    sides = [
        pairs.select(
            pl.col(f"{side}file").alias("file"),
            pl.col(f"{side}modality").alias("modality"),
            "share",
            (pl.col("recording") == pl.col("other_recording")).alias("same"),
        )
        for side in ("", "other_")
    ]
    return (
        pl.concat(sides)
        .group_by("file", "modality")
        .agg(
            pl.col("share").filter(~pl.col("same")).max().alias("copied_share"),
            pl.col("share").filter("same").max().alias("twin_share"),
        )
    )
