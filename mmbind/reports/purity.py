"""How good a binding is by labels, which binding itself never sees (evaluation only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True)
class DirectionPurity:
    """One direction.

    Attributes:
        purity: share of its labelled pairs whose windows have the same true label.
        mutual: the same of mutual pairs only; None when there are none.
        chance: expected purity of partners drawn at random from all lenders.
        labelled: pairs with both labels known.
    """

    purity: float
    mutual: float | None
    chance: float
    labelled: int


@dataclass(frozen=True)
class Purity:
    """Purity of a binding; means are over directions, as they lend to each other in turn.

    Attributes:
        directions: by name; directions without labelled pairs are left out.
        classes: one row per label of an anchor: label, pairs, purity, mistaken (the most
            frequent wrong label of its partners, null when all are right), mistakes.
        labels: class names, sorted.
        confusion: pairs by label of anchor (row) and partner (column), int64.
    """

    directions: dict[str, DirectionPurity]
    classes: pl.DataFrame
    labels: list[str]
    confusion: npt.NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Mean purity of the directions."""
        return float(np.mean([direction.purity for direction in self.directions.values()]))

    @property
    def chance(self) -> float:
        """Mean expected purity of random partners."""
        return float(np.mean([direction.chance for direction in self.directions.values()]))

    @property
    def mutual(self) -> float | None:
        """Mean purity of mutual pairs over the directions that have any."""
        known = [direction.mutual for direction in self.directions.values() if direction.mutual is not None]
        return float(np.mean(known)) if known else None

    @property
    def labelled(self) -> int:
        """Pairs with both labels known."""
        return sum(direction.labelled for direction in self.directions.values())


def chance_of(anchors: pl.Series, lenders: pl.Series) -> float:
    """Expected purity of random partners: the sum over classes of p(anchor) p(lender).

    Args:
        anchors: labels of the anchors; nulls do not count.
        lenders: labels of all windows that could lend; nulls do not count.

    Returns:
        A share; 0 when one side has no label.
    """
    ours, theirs = anchors.drop_nulls(), lenders.drop_nulls()
    if not len(ours) or not len(theirs):
        return 0.0
    left = pl.DataFrame({"label": ours}).group_by("label").agg(pl.len().cast(pl.Int64).alias("ours"))
    right = pl.DataFrame({"label": theirs}).group_by("label").agg(pl.len().cast(pl.Int64).alias("theirs"))
    same = left.join(right, on="label").select((pl.col("ours") * pl.col("theirs")).sum()).item()
    return int(same) / (len(ours) * len(theirs))


def purity_of(pairs: pl.DataFrame, lenders: dict[str, pl.DataFrame]) -> Purity | None:
    """Compares the true labels of anchors and partners.

    Args:
        pairs: with ``direction``, ``mutual``, ``anchor_label`` and ``partner_label``.
        lenders: per direction, the windows that could lend (label).

    Returns:
        None when no pair has both labels.
    """
    known = labelled(pairs)
    if not known.height:
        return None
    directions = {
        name: _direction(known.filter(pl.col("direction") == name), lenders[name]["label"])
        for name in known["direction"].unique().sort()
    }
    labels = sorted({*known["anchor_label"], *known["partner_label"]})
    return Purity(directions, _classes(known), labels, _confusion(known, labels))


def mean_purity(pairs: pl.DataFrame) -> float | None:
    """:attr:`Purity.mean` alone.

    Args:
        pairs: with ``direction``, ``anchor_label`` and ``partner_label``.

    Returns:
        None when no pair has both labels.
    """
    shares = labelled(pairs).group_by("direction").agg(pl.col("same").mean()).sort("direction")["same"]
    return float(np.mean(shares.to_numpy())) if len(shares) else None


def labelled(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs with both labels known, and whether they are the ``same``."""
    known = pairs.drop_nulls(["anchor_label", "partner_label"])
    return known.with_columns(same=pl.col("anchor_label") == pl.col("partner_label"))


def purity_by_similarity(pairs: pl.DataFrame, bins: int = 10) -> pl.DataFrame:
    """How purity grows with similarity, in bins of equal counts.

    Args:
        pairs: with ``similarity``, ``anchor``, ``partner`` and both labels.
        bins: at most this many; fewer when there are fewer pairs.

    Returns:
        One row per bin, ascending: similarity (mean), purity, pairs. No row without labels.
    """
    known = labelled(pairs).sort("similarity", "anchor", "partner")
    parts = np.array_split(np.arange(known.height), max(min(bins, known.height), 1))
    similarity, same = known["similarity"].to_numpy(), known["same"].to_numpy()
    rows = [(float(similarity[part].mean()), float(same[part].mean()), len(part)) for part in parts if len(part)]
    schema = {"similarity": pl.Float64, "purity": pl.Float64, "pairs": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _direction(known: pl.DataFrame, lenders: pl.Series) -> DirectionPurity:
    mutual = known.filter("mutual")
    return DirectionPurity(
        purity=int(known["same"].sum()) / known.height,
        mutual=int(mutual["same"].sum()) / mutual.height if mutual.height else None,
        chance=chance_of(known["anchor_label"], lenders),
        labelled=known.height,
    )


def _classes(known: pl.DataFrame) -> pl.DataFrame:
    wrong = (
        known.filter(~pl.col("same"))
        .group_by("anchor_label", "partner_label")
        .agg(pl.len().alias("mistakes"))
        .sort(["anchor_label", "mistakes", "partner_label"], descending=[False, True, False])
        .unique("anchor_label", keep="first", maintain_order=True)
        .rename({"partner_label": "mistaken"})
    )
    counts = known.group_by("anchor_label").agg(pl.len().alias("pairs"), pl.col("same").mean().alias("purity"))
    return counts.join(wrong, on="anchor_label", how="left").rename({"anchor_label": "label"}).sort("label")


def _confusion(known: pl.DataFrame, labels: list[str]) -> npt.NDArray[np.int64]:
    number = {label: position for position, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    counted = known.group_by("anchor_label", "partner_label").len()
    for anchor, partner, count in counted.iter_rows():
        matrix[number[anchor], number[partner]] = count
    return matrix
