"""How good the pairs of each route are, and bridges beside direct pairs (evaluation only)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from mmbind.reports.evidence import Evidence
from mmbind.reports.purity import chance_of, labelled


@dataclass(frozen=True)
class RoutePurity:
    """The pairs of one direction that lead over the same roles.

    Attributes:
        direction: e.g. ``A borrows skeleton``.
        path: the roles, e.g. ``A > B > C``.
        by: what windows are compared by on the way, e.g. ``acc > gyro``.
        pairs: how many.
        anchors: windows that are joined so.
        purity: share of those with known labels whose ends have the same label; None without labels.
        chance: expected purity of random partners.
        hops: share of the pairs of windows next to each other with the same label, in their
            order; one for a direct route.
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
    def bridged(self) -> bool:
        """Whether it leads over other roles."""
        return len(self.hops) > 1

    @property
    def expected(self) -> float | None:
        """The product of ``hops``: what purity would be if errors were independent and no two cancelled out."""
        known = [hop for hop in self.hops if hop is not None]
        return float(np.prod(known)) if len(known) == len(self.hops) else None


@dataclass(frozen=True)
class Routes:
    """All routes of a binding, and its two kinds of pairs held against each other.

    Attributes:
        paths: sorted by direction, path and what is compared.
        bridged: of all pairs, those that are bridged.
        purity: of ``direct`` and of ``bridged`` pairs, means over directions; only the kinds with
            labelled pairs.
        chance: of the same, random partners.
    """

    paths: list[RoutePurity]
    bridged: float
    purity: dict[str, float]
    chance: dict[str, float]


def routes_of(evidence: Evidence) -> Routes | None:
    """Looks at the routes of a binding; None where the study has one shared modality, and so one way everywhere."""
    if "shared_modalities" not in evidence.manifest.get("params", {}):
        return None
    pairs = evidence.pairs.with_columns(_paths(evidence))
    parts = pairs.partition_by("direction", "path", "shared_modality", as_dict=True)
    paths = [
        _of(evidence, str(direction), str(path), str(by), part)
        for (direction, path, by), part in sorted(parts.items(), key=lambda each: each[0])
    ]
    bridged = pairs["bridge"].is_not_null() if "bridge" in pairs.columns else pl.repeat(False, pairs.height, eager=True)
    purity, chance = {}, {}
    for kind, chosen in (("direct", pairs.filter(~bridged)), ("bridged", pairs.filter(bridged))):
        known = labelled(chosen)
        if known.height:
            each = [
                (_same(part), chance_of(part["anchor_label"], evidence.lenders[str(direction)]["label"]))
                for (direction,), part in sorted(known.partition_by("direction", as_dict=True).items())
            ]
            purity[kind], chance[kind] = (float(np.mean(figures)) for figures in zip(*each, strict=True))
    return Routes(paths, int(bridged.sum()) / pairs.height, purity, chance)


def figures_of(routes: Routes) -> dict[str, object]:
    """The figures as nested numbers, for the metrics."""
    paths = {
        f"{each.direction} over {each.path} by {each.by}": {
            "pairs": each.pairs,
            "anchors": each.anchors,
            **({} if each.purity is None else {"purity": each.purity, "chance": each.chance}),
            **{f"hop_{at}": hop for at, hop in enumerate(each.hops, 1) if each.bridged and hop is not None},
        }
        for each in routes.paths
    }
    kinds = {f"purity_{kind}": value for kind, value in routes.purity.items()}
    chances = {f"chance_{kind}": value for kind, value in routes.chance.items()}
    return {"bridged": routes.bridged, **kinds, **chances, "paths": paths}


def lines_of(routes: Routes) -> list[str]:
    """Plain lines for people."""
    kinds = [f"{kind} {value:.3f} (chance {routes.chance[kind]:.3f})" for kind, value in routes.purity.items()]
    lines = [f"bridges: {routes.bridged:.1%} of the pairs" + (f"; purity {', '.join(kinds)}" if kinds else "")]
    for each in routes.paths:
        purity = "" if each.purity is None else f", purity {each.purity:.3f} (chance {each.chance:.3f})"
        hops = " and ".join(f"{hop:.3f}" for hop in each.hops if hop is not None) if each.bridged else ""
        on_the_way = f", on the way {hops}" if hops else ""
        lines.append(f"  {each.direction} over {each.path} by {each.by}: {each.pairs} pairs{purity}{on_the_way}")
    return lines


def _paths(evidence: Evidence) -> pl.Series:
    """The roles that each pair leads over."""
    pairs, roles = evidence.pairs, dict(evidence.labels.select("window", "role").iter_rows())
    between = pairs["bridge"].to_list() if "bridge" in pairs.columns else [None] * pairs.height
    ends = pairs.select("anchor_role", "partner_role").iter_rows()
    told = [
        " > ".join([one, *(roles[window] for window in passed or ()), other])
        for (one, other), passed in zip(ends, between, strict=True)
    ]
    return pl.Series("path", told, dtype=pl.String)


def _of(evidence: Evidence, direction: str, path: str, by: str, part: pl.DataFrame) -> RoutePurity:
    known = labelled(part)
    return RoutePurity(
        direction=direction,
        path=path,
        by=by,
        pairs=part.height,
        anchors=part["anchor"].n_unique(),
        purity=_same(known) if known.height else None,
        chance=chance_of(known["anchor_label"], evidence.lenders[direction]["label"]),
        hops=_hops(part, path.count(" > "), evidence.labels),
    )


def _hops(part: pl.DataFrame, count: int, labels: pl.DataFrame) -> list[float | None]:
    """Purity of each pair on the way."""
    windows = [part["anchor"], *(part["bridge"].list.get(at) for at in range(count - 1)), part["partner"]]
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
