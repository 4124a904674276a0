"""Bridges: pairs of windows whose roles share nothing, over windows of roles between them.

A chain a - b - c joins a window a of role A with a window b of role B by what these two share, and b
with a window c of role C by what those share. What is known of a chain:

*Probability.* The product of the calibrated probabilities of its pairs. If the errors of its
pairs are independent given their scores, it is the probability that all of them are right, and then
the ends are alike, too: a lower bound of the probability that the ends are, since two errors
rarely make a right pair.

*Similarity.* cos(min(pi, sum of arccos s)) over the similarities s of its pairs. On the unit sphere
angles obey the triangle inequality, so of three windows in one space it is the least cosine that
the ends can have. The pairs of a bridge lie in different spaces, where no cosine of the ends
exists; there it is the same figure by convention: 1 for chains of equal windows, never
more than the weakest pair, the same from both ends.

Many chains lead from a to the same c. Each window passes its weight (probability x share of
the rule) on to its partners, as a random walk does; the partners of a are the windows c that
most of it reaches, summed over all chains, so that chains vote. The pair is told by its
heaviest chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.binding.constraints import allowed
from mmbind.binding.graph import build_graph
from mmbind.binding.weights import weigh
from mmbind.config import WeightMap
from mmbind.config.binding import Constraints
from mmbind.schema import BRIDGES, PAIRS

Floats = npt.NDArray[np.float64]
#: What the table of chains is sorted by at the end of each window.
_BEST = ["anchor", "reach", "at"]


def chain_similarity(similarities: Floats) -> Floats:
    """The similarity of chains.

    Args:
        similarities: of the pairs of each chain, float64 (chains, pairs); what lies outside [-1, 1],
            as scores of some views do, counts as its nearest end.

    Returns:
        float64 (chains,), in [-1, 1].
    """
    angles = np.arccos(np.clip(similarities, -1.0, 1.0)).sum(axis=1)
    return np.asarray(np.cos(np.minimum(angles, np.pi)))


def follow(legs: Sequence[pl.DataFrame], fan: int) -> pl.DataFrame:
    """Walks from every anchor over all legs.

    Args:
        legs: pairs of each leg, ``schema.PAIRS`` with ``score`` and ``probability``, whose weights are
            probability x share.
        fan: windows that a chain may be at after each leg but the last, those that are reached most.

    Returns:
        One row per anchor and window reached: ``anchor``, ``at`` (window), their sources,
        ``reach``, and of the heaviest chain ``mutual`` (whether all its pairs are), the windows between
        (``via_1``, ...), and ``similarity_<leg>``, ``score_<leg>``, ``probability_<leg>``. Sorted by anchor,
        the most reached first, ties by the id of the window.
    """
    frame = _named(legs[0], 1).rename({"anchor_source": "source", "weight": "reach"})
    frame = frame.with_columns(heaviest="reach")
    for number, leg in enumerate(legs[1:], start=2):
        frame = _keep_most(frame, fan).rename({"at": f"via_{number - 1}"}).drop("at_source")
        step = _named(leg, number).drop("anchor_source").rename({"anchor": f"via_{number - 1}", "mutual": "also"})
        frame = (
            frame.join(step, on=f"via_{number - 1}", how="inner")
            .with_columns(
                reach=pl.col("reach") * pl.col("weight"),
                heaviest=pl.col("heaviest") * pl.col("weight"),
                mutual=pl.col("mutual") & pl.col("also"),
            )
            .drop("weight", "also")
        )
        frame = _merged(frame, [f"via_{passed}" for passed in range(1, number)])
    return frame.sort(_BEST, descending=[False, True, False])


def within(
    chains: pl.DataFrame, anchors: pl.DataFrame, lenders: pl.DataFrame, constraints: Constraints
) -> pl.DataFrame:
    """The chains whose ends fulfil the constraints: those of the pairs between need not suffice.

    Args:
        chains: of :func:`follow`.
        anchors: facts (window, subject, start_ns, placement where it is asked for), sorted by window.
        lenders: the same of the windows at the other end.
        constraints: what is asked.
    """
    if constraints == Constraints() or not chains.height:
        return chains
    rows, columns = (
        np.searchsorted(facts["window"].to_numpy(), chains[name].to_numpy())
        for name, facts in (("anchor", anchors), ("at", lenders))
    )
    flat = np.zeros(chains.height)
    graph = build_graph(rows, columns, flat, flat, (anchors.height, lenders.height))
    kept = allowed(graph, anchors, lenders, constraints)
    chosen = np.isin(rows * lenders.height + columns, (graph.anchors * lenders.height + graph.lenders)[kept])
    return chains.filter(pl.Series(chosen))


def bridged_pairs(chains: pl.DataFrame, hops: int, partners: int, weight: WeightMap) -> pl.DataFrame:
    """The best chains of every anchor as pairs.

    Args:
        chains: of :func:`follow`.
        hops: how many pairs a chain has.
        partners: how many partners an anchor may have.
        weight: from a score to a weight: a chain's is the product of its pairs', times the part of what
            reaches the anchor's partners that reaches this one.

    Returns:
        ``schema.PAIRS`` but the modalities, ``score``, ``probability`` and ``schema.BRIDGES``, by anchor
        and rank. No pair has a margin.
    """
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("anchor")
    best = chains.with_columns(rank=rank).filter(pl.col("rank") <= partners)
    similarities, scores, probabilities = (
        best.select(f"{name}_{leg}" for leg in range(1, hops + 1)).to_numpy().reshape(-1, hops)
        for name in ("similarity", "score", "probability")
    )
    reach = best["reach"].to_numpy()
    starts = np.flatnonzero(best["rank"].to_numpy() == 1)
    totals = np.add.reduceat(reach, starts) if len(starts) else reach
    total = np.repeat(totals, np.diff(np.append(starts, best.height)))
    share = np.divide(reach, total, out=np.zeros_like(reach), where=total > 0)
    probability = probabilities.prod(axis=1)
    worth = probability if weight.kind == "calibrated" else weigh(scores, weight).prod(axis=1)
    return best.select(
        "anchor",
        pl.col("source").alias("anchor_source"),
        pl.col("at").alias("partner"),
        pl.col("at_source").alias("partner_source"),
        pl.Series("similarity", chain_similarity(similarities)),
        "rank",
        pl.lit(None, PAIRS["margin"]).alias("margin"),
        "mutual",
        pl.Series("weight", worth * share),
        pl.Series("score", chain_similarity(scores)),
        pl.Series("probability", probability),
        pl.concat_list(f"via_{passed}" for passed in range(1, hops)).alias("bridge"),
        pl.concat_list(f"similarity_{leg}" for leg in range(1, hops + 1)).alias("hop_similarities"),
        pl.concat_list(f"probability_{leg}" for leg in range(1, hops + 1)).alias("hop_probabilities"),
    )


def no_bridges(pairs: pl.DataFrame) -> pl.DataFrame:
    """Direct pairs with the columns of bridged ones, empty."""
    return pairs.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in BRIDGES.items())


def _named(leg: pl.DataFrame, number: int) -> pl.DataFrame:
    """A leg's columns as chains call them."""
    return leg.select(
        "anchor",
        "anchor_source",
        pl.col("partner").alias("at"),
        pl.col("partner_source").alias("at_source"),
        "weight",
        "mutual",
        *(pl.col(name).alias(f"{name}_{number}") for name in ("similarity", "score", "probability")),
    )


def _merged(frame: pl.DataFrame, via: list[str]) -> pl.DataFrame:
    """Chains with the same ends as one: reaches summed, the heaviest told; ties go to the lowest ids."""
    if not frame.height:
        return frame
    keys = ["anchor", "at", "heaviest", *via]
    ordered = frame.sort(keys, descending=[name == "heaviest" for name in keys])
    ends = ordered.select("anchor", "at")
    first = (ends != ends.shift(1)).select(pl.any_horizontal(pl.all()).fill_null(value=True)).to_series()
    sums = np.add.reduceat(ordered["reach"].to_numpy(), np.flatnonzero(first.to_numpy()))
    return ordered.filter(first).with_columns(reach=pl.Series(sums))


def _keep_most(frame: pl.DataFrame, fan: int) -> pl.DataFrame:
    """The windows that most of each anchor reaches."""
    ordered = frame.sort(_BEST, descending=[False, True, False])
    return ordered.filter(pl.int_range(pl.len()).over("anchor") < fan)
