"""``binding`` and ``report``: how windows find partners, and what the report shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section


class WeightMap(Section):
    """From a pair's similarity s to its weight w in [0, 1]."""

    #: ``log``: clip(1 + slope ln s). ``linear``: clip(slope (s - offset)). ``none``: 1.
    kind: Literal["log", "linear", "none"] = "log"
    slope: float = Field(default=0.5, gt=0)
    offset: float = 0.0


class Binding(Section):
    """How anchors find partners."""

    #: Partners per anchor.
    partners: int = Field(default=1, ge=1)
    weight: WeightMap = WeightMap()


class Report(Section):
    """The binding report."""

    #: Pairs drawn from each end of the similarity scale.
    drawn_pairs: int = Field(default=10, ge=1)
    #: How far a figure of the binding may fall below that of the accepted version before the
    #: pipeline stops, by name: ``bound`` (share of anchors with a partner), ``quality.*`` of
    #: the manifest, ``purity.*`` where labels are known.
    largest_drop: dict[str, Annotated[float, Field(ge=0)]] = {
        "bound": 0.05,
        "quality.coverage": 0.1,
        "quality.mutual": 0.1,
    }
