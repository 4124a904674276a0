"""What a pair must fulfil, whatever its score: who, where on the body, at what time of day."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from mmbind.binding.graph import Graph, Ints, Mask
from mmbind.config import Source
from mmbind.config.binding import Constraints
from mmbind.errors import InputError

#: Why an anchor has no partner when the constraints leave no candidate.
FORBIDDEN = "has no candidate that the constraints allow"

_DAY_NS = 24 * 3600 * 10**9


def allowed(graph: Graph, anchors: pl.DataFrame, lenders: pl.DataFrame, constraints: Constraints) -> Mask:
    """Whether each edge fulfils the constraints, (edges).

    Args:
        graph: the candidates.
        anchors: subject, placement and start_ns of every anchor.
        lenders: the same of every lender.
        constraints: what is asked.
    """
    keep = np.ones(len(graph.lenders), dtype=np.bool_)
    if constraints.subject != "any":
        ours, theirs = _codes(anchors["subject"], lenders["subject"])
        same = ours[graph.anchors] == theirs[graph.lenders]
        keep &= same if constraints.subject == "same" else ~same
    if constraints.placement == "same":
        ours, theirs = _codes(anchors["placement"], lenders["placement"])
        keep &= ours[graph.anchors] == theirs[graph.lenders]
    if constraints.hours is not None:
        ours, theirs = (facts["start_ns"].to_numpy() % _DAY_NS for facts in (anchors, lenders))
        apart = np.abs(ours[graph.anchors] - theirs[graph.lenders])
        keep &= np.minimum(apart, _DAY_NS - apart) <= constraints.hours * 3600 * 10**9
    return keep


def with_placement(facts: pl.DataFrame, sources: Mapping[str, Source], constraints: Constraints) -> pl.DataFrame:
    """Adds the column ``placement`` to facts with a column ``source``, if the constraints ask for it.

    Raises:
        InputError: for a source whose placement is not a constant.
    """
    if constraints.placement == "any":
        return facts
    places = {}
    for name in facts["source"].unique().sort():
        places[name] = sources[name].identity.placement
        if places[name] is None:
            raise InputError(
                f"binding.constraints.placement is 'same', but the source {name!r} states no placement.",
                hint=f"Set sources.{name}.identity.placement.",
            )
    return facts.with_columns(placement=pl.col("source").replace_strict(places, return_dtype=pl.String))


def _codes(ours: pl.Series, theirs: pl.Series) -> tuple[Ints, Ints]:
    """Equal texts as equal numbers."""
    names = sorted({*ours.unique(), *theirs.unique()})
    number = {name: code for code, name in enumerate(names)}
    return tuple(  # type: ignore[return-value]
        np.array([number[name] for name in side], dtype=np.int64) for side in (ours, theirs)
    )
