"""What bridges are worth beside direct pairs, pair by pair of the chain (evaluation only)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from mmbind.reports.evidence import Evidence
from mmbind.reports.purity import chance_of, labelled


@dataclass(frozen=True)
class BridgePurity:
    """The bridged pairs of one direction that lead over the same roles.

    Attributes:
        direction: e.g. ``A borrows skeleton``.
        path: the roles, e.g. ``A > B > C``.
        by: what windows are compared by on the way, e.g. ``acc > gyro``.
        pairs: how many.
        anchors: windows that are joined so.
        purity: share of those with known labels whose ends have the same label; None without labels.
        chance: expected purity of random partners.
        hops: share of the pairs of windows next to each other with the same label, in their order.
        expected: product of ``hops``: what purity would be if errors were independent and no two of
            them cancelled out.
    """

    direction: str
    path: str
    by: str
    pairs: int
    anchors: int
    purity: float | None
    chance: float
    hops: list[float | None]

    @property
    def expected(self) -> float | None:
        """The product of the purities of the pairs on the way."""
        known = [hop for hop in self.hops if hop is not None]
        return float(np.prod(known)) if len(known) == len(self.hops) else None


@dataclass(frozen=True)
class Bridges:
    """All bridges of a binding, and the two kinds of pairs held against each other.

    Attributes:
        paths: sorted by direction and path.
        share: of all pairs, those that are bridged.
        purity: of ``direct`` and of ``bridged`` pairs, means over directions; without labels empty.
        chance: of the same, random partners.
    """

    paths: list[BridgePurity]
    share: float
    purity: dict[str, float]
    chance: dict[str, float]


def bridges_of(evidence: Evidence) -> Bridges | None:
    """Looks at the bridges of a binding; None where there are none."""
    pairs = evidence.pairs
    if "bridge" not in pairs.columns or not pairs["bridge"].count():
        return None
    bridged = pairs.filter(pl.col("bridge").is_not_null())
    roles = dict(evidence.labels.select("window", "role").iter_rows())
    path = pl.Series(
        "path",
        [
            " > ".join([row["anchor_role"], *(roles[window] for window in row["bridge"]), row["partner_role"]])
            for row in bridged.select("anchor_role", "bridge", "partner_role").iter_rows(named=True)
        ],
    )
    parts = bridged.with_columns(path).partition_by("direction", "path", "shared_modality", as_dict=True)
    paths = [
        _of(evidence, str(direction), str(over), str(by), part)
        for (direction, over, by), part in sorted(parts.items(), key=lambda each: each[0])
    ]
    kinds = {"direct": pairs.filter(pl.col("bridge").is_null()), "bridged": bridged}
    purity, chance = {}, {}
    for kind, chosen in kinds.items():
        known = labelled(chosen)
        if known.height:
            each = [
                (_same(part), chance_of(part["anchor_label"], evidence.lenders[str(direction)]["label"]))
                for (direction,), part in sorted(known.partition_by("direction", as_dict=True).items())
            ]
            purity[kind], chance[kind] = (float(np.mean(figures)) for figures in zip(*each, strict=True))
    return Bridges(paths, bridged.height / pairs.height, purity, chance)


def figures_of(bridges: Bridges) -> dict[str, object]:
    """The figures as nested numbers, for the metrics."""
    paths = {
        f"{each.direction} over {each.path}": {
            "pairs": each.pairs,
            "anchors": each.anchors,
            **({} if each.purity is None else {"purity": each.purity, "chance": each.chance}),
            **{f"hop_{number}": hop for number, hop in enumerate(each.hops, start=1) if hop is not None},
        }
        for each in bridges.paths
    }
    kinds = {f"purity_{kind}": value for kind, value in bridges.purity.items()}
    chances = {f"chance_{kind}": value for kind, value in bridges.chance.items()}
    return {"share": bridges.share, **kinds, **chances, "paths": paths}


def _of(evidence: Evidence, direction: str, path: str, by: str, part: pl.DataFrame) -> BridgePurity:
    known = labelled(part)
    return BridgePurity(
        direction=direction,
        path=path,
        by=by,
        pairs=part.height,
        anchors=part["anchor"].n_unique(),
        purity=_same(known) if known.height else None,
        chance=chance_of(known["anchor_label"], evidence.lenders[direction]["label"]),
        hops=_hops(part, evidence.labels),
    )


def _hops(part: pl.DataFrame, labels: pl.DataFrame) -> list[float | None]:
    """Purity of each pair on the way."""
    between = part["bridge"].list.len().item(0)
    windows = [part["anchor"], *(part["bridge"].list.get(place) for place in range(between)), part["partner"]]
    named = [
        window.alias("window").to_frame().join(labels, on="window", how="left", maintain_order="left")["label"]
        for window in windows
    ]
    found = []
    for one, other in pairwise(named):
        known = pl.DataFrame({"anchor_label": one, "partner_label": other}).drop_nulls()
        same = (known["anchor_label"] == known["partner_label"]).to_numpy()
        found.append(float(same.mean()) if len(same) else None)
    return found


def _same(known: pl.DataFrame) -> float:
    return int(known["same"].sum()) / known.height
