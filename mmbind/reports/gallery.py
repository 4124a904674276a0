"""Single pairs to look at: the most and the least similar, drawn over each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup

from mmbind.progress import progress
from mmbind.reports.evidence import hops_of
from mmbind.reports.figures import waveforms
from mmbind.windows.store import Signals, WindowStore

#: Channels drawn of a pair; of more, those that move most.
MAX_CHANNELS = 6
#: Points drawn per channel; longer windows are thinned.
MAX_STEPS = 200


@dataclass(frozen=True)
class DrawnPair:
    """A pair and its drawing.

    Attributes:
        pair: its row of the pairs table, with roles, subjects and labels.
        same: whether the true labels agree; None when one is unknown.
        svg: anchor and partner over each other, per channel.
        note: what is not drawn; empty when all is.
    """

    pair: dict[str, Any]
    same: bool | None
    svg: Markup
    note: str


def draw_gallery(
    pairs: pl.DataFrame, stores: Mapping[str, WindowStore], count: int
) -> tuple[list[DrawnPair], list[DrawnPair]]:
    """Draws the most and the least similar pairs.

    Two windows that found each other count once, and no pair is in both lists.

    Args:
        pairs: ``Evidence.pairs``.
        stores: window stores by role.
        count: how many from each end.

    Returns:
        The best, most similar first, and the worst, least similar first.
    """
    keys = ["anchor", "partner", "borrowed_modality", "rank"]
    first, second = pl.min_horizontal("anchor", "partner"), pl.max_horizontal("anchor", "partner")
    ranked = (
        pairs.sort(["similarity", *keys], descending=[True, *[False] * len(keys)])
        .with_columns(first.alias("first"), second.alias("second"))
        .unique(["first", "second", "shared_modality"], keep="first", maintain_order=True)
    )
    best = ranked.head(min(count, (ranked.height + 1) // 2))
    worst = ranked.tail(min(count, ranked.height // 2)).reverse()
    rows = [*best.to_dicts(), *worst.to_dicts()]
    drawn = [_draw(row, stores) for row in progress(rows, "report: drawing pairs")]
    return drawn[: best.height], drawn[best.height :]


def _draw(row: dict[str, Any], stores: Mapping[str, WindowStore]) -> DrawnPair:
    """Draws a pair; of a bridge each pair on the way, from the anchor to the partner."""
    bridge = row.get("bridge") or []
    windows = [row["anchor"], *bridge, row["partner"]]
    drawn, notes = [], [f"over {' and '.join(bridge)}, pair by pair"] if bridge else []
    for one, other, modalities in zip(windows, windows[1:], hops_of(row["shared_modality"]), strict=False):
        svg, note = _waveforms(one, other, modalities[0], stores)
        drawn.append(svg)
        if note and note not in notes:
            notes.append(note)
        if len(modalities) > 1:
            notes.append(f"{modalities[0]} of {', '.join(modalities)}")
    labels = row["anchor_label"], row["partner_label"]
    same = None if None in labels else labels[0] == labels[1]
    return DrawnPair(row, same, Markup("").join(drawn), "; ".join(notes))


def _waveforms(one: str, other: str, modality: str, stores: Mapping[str, WindowStore]) -> tuple[Markup, str]:
    """Two windows over each other, and what is not drawn."""
    home, away = _store_of(one, modality, stores), _store_of(other, modality, stores)
    anchor, partner = (_signal(store, modality, window) for store, window in ((home, one), (away, other)))
    spec = home.modalities[modality]
    shown = _moving(anchor, partner)
    thin = -(-len(anchor) // MAX_STEPS)
    svg = waveforms(
        anchor[::thin, shown],
        partner[::thin, shown],
        channels=[spec.channels[number] for number in shown],
        unit=spec.unit,
        seconds=None if spec.rate_hz is None else spec.steps / spec.rate_hz,
        alt=f"{modality} of the anchor {one} over that of its partner {other}",
    )
    left_out = len(spec.channels) - len(shown)
    return svg, f"{len(shown)} of {len(spec.channels)} channels, those that move most" if left_out else ""


def _store_of(window: str, modality: str, stores: Mapping[str, WindowStore]) -> WindowStore:
    """The store that holds a window."""
    return next(store for store in stores.values() if modality in store.modalities and store.holds(window))


def _signal(store: WindowStore, modality: str, window: str) -> Signals:
    signal: Signals = store.gather(modality, store.positions([window]))[0]
    return signal


def _moving(anchor: Signals, partner: Signals) -> list[int]:
    """Channels to draw, in their order: those with the largest variance in both windows."""
    variance = anchor.var(axis=0, dtype=np.float64) + partner.var(axis=0, dtype=np.float64)
    chosen = np.argsort(-variance, kind="stable")[:MAX_CHANNELS]
    return sorted(int(number) for number in chosen)
