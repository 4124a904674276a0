"""What changed from one version of a binding to another: its inputs, its parameters, its pairs, its quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from mmbind.errors import InputError
from mmbind.versions.version import SHORT, Version, leaves

#: What tells an anchor's place in the table of pairs: rank by rank it has one partner.
_PLACE = ["anchor", "borrowed_modality", "rank"]


@dataclass(frozen=True)
class PairChanges:
    """What became of the pairs of version A in version B.

    Attributes:
        stayed: anchors' places with the same partner in both.
        moved: with another partner.
        came: places of B alone.
        went: places of A alone.
    """

    stayed: int
    moved: int
    came: int
    went: int


@dataclass(frozen=True)
class VersionDiff:
    """Two versions held against each other.

    Attributes:
        before: title of A.
        after: title of B.
        inputs: by dotted name, value in A and in B, where they differ; None for none.
        params: likewise.
        pairs: what became of the pairs; None where those of a version cannot be had.
        why_no_pairs: the reason, when ``pairs`` is None.
        figures: by name, every quality figure in A and in B, also those that did not move.
    """

    before: str
    after: str
    inputs: dict[str, tuple[Any, Any]]
    params: dict[str, tuple[Any, Any]]
    pairs: PairChanges | None
    why_no_pairs: str
    figures: dict[str, tuple[float | None, float | None]]

    @property
    def same(self) -> bool:
        """Whether both describe the same binding."""
        return not self.inputs and not self.params

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Plain lines for people; figures that did not move are left out."""
        lines = [f"{self.before} -> {self.after}"]
        if self.same:
            lines.append("same inputs, same parameters")
        for what, changes in (("input", self.inputs), ("parameter", self.params)):
            lines += [f"{what} {name}: {_shown(a)} -> {_shown(b)}" for name, (a, b) in changes.items()]
        if self.pairs is None:
            lines.append(f"pairs: unknown ({self.why_no_pairs})")
        else:
            counts = self.pairs
            lines.append(f"pairs: {counts.stayed} stayed, {counts.moved} moved, {counts.came} came, {counts.went} went")
        moved = {name: pair for name, pair in self.figures.items() if pair[0] != pair[1]}
        for name, (a, b) in moved.items():
            change = "" if a is None or b is None else f"  ({b - a:+.4g})"
            lines.append(f"{name}: {_shown(a)} -> {_shown(b)}{change}")
        if not moved:
            lines.append("no quality figure moved")
        return lines


def diff_versions(before: Version, after: Version) -> VersionDiff:
    """Holds two versions against each other.

    Args:
        before: version A.
        after: version B.

    Returns:
        What differs. Pairs are compared place by place (anchor, borrowed modality, rank).
    """
    pairs, why = None, ""
    try:
        pairs = _changes(before.pairs(), after.pairs())
    except InputError as error:
        why = str(error)
    return VersionDiff(
        before=before.title,
        after=after.title,
        inputs=_differing(before.manifest.get("inputs", {}), after.manifest.get("inputs", {})),
        params=_differing(before.manifest.get("params", {}), after.manifest.get("params", {})),
        pairs=pairs,
        why_no_pairs=why,
        figures=_both(before.figures, after.figures),
    )


def _changes(before: pl.DataFrame, after: pl.DataFrame) -> PairChanges:
    joined = before.select(*_PLACE, "partner").join(
        after.select(*_PLACE, "partner"), on=_PLACE, how="full", coalesce=True, suffix="_after"
    )
    here, there = pl.col("partner").is_not_null(), pl.col("partner_after").is_not_null()
    same = pl.col("partner") == pl.col("partner_after")
    counts = joined.select(
        stayed=(here & there & same).sum(),
        moved=(here & there & ~same).sum(),
        came=(~here & there).sum(),
        went=(here & ~there).sum(),
    ).row(0, named=True)
    return PairChanges(**{name: int(count) for name, count in counts.items()})


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: pair for name, pair in _both(leaves(before), leaves(after)).items() if pair[0] != pair[1]}


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text[:SHORT] if len(text) == 64 and set(text) <= set("0123456789abcdef") else text
