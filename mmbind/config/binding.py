"""``binding`` and ``report``: how windows find partners, and what the report shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmbind.config.base import Section

#: Longest chain of pairs; each pair costs certainty.
MOST_HOPS = 4


class WeightMap(Section):
    """From a pair's similarity s to its weight w in [0, 1]."""

    #: ``log``: clip(1 + slope ln s). ``linear``: clip(slope (s - offset)). ``none``: 1.
    #: ``calibrated``: the probability that the pair is right, as ``by`` tells it.
    kind: Literal["log", "linear", "none", "calibrated"] = "log"
    slope: float = Field(default=0.5, gt=0)
    offset: float = 0.0
    #: Who tells which pairs are right, wherever probabilities are asked for. ``cycles``: without labels,
    #: whether pairs of this score lead back to windows like those they came from. ``labelled``: the
    #: target's labelled windows, each beside its best match among those of other people.
    by: Literal["cycles", "labelled"] = Field(default="cycles", exclude_if=lambda by: by == "cycles")
    #: ``cycles``: the windows most like an anchor that count as leading back to it; None:
    #: as many as tell most, see ``mmbind/binding/cycles.py``.
    neighbours: int | None = Field(default=None, ge=0)


class Search(Section):
    """Step 1, *propose*: which windows are looked at more closely."""

    #: ``exact``, or ``auto``: approximate where it pays and its recall is proven.
    method: Literal["auto", "exact"] = "auto"
    #: Share of the true nearest windows that an approximate search must find ...
    recall: float = Field(default=0.99, gt=0, lt=1)
    #: ... with this confidence (exact binomial bound on a fresh holdout).
    confidence: float = Field(default=0.95, gt=0, lt=1)
    #: Largest index of an approximate search, in GiB; where more is needed, the search is exact.
    max_memory_gb: float = Field(default=4.0, gt=0)
    #: Where the products are computed; ``auto`` takes a GPU where there is one. Same answers.
    device: Literal["auto", "cpu", "cuda"] = "auto"


class KeepOrder(Section):
    """Step 2, *re-rank*: the order of the search is kept."""

    kind: Literal["none"] = "none"


#: Representations of a sensor's windows that can be warped.
View = Literal["centred", "z_scored", "raw", "magnitude", "gravity", "vertical"]


class Warping(Section):
    """Step 2, *re-rank*: dynamic time warping of the shared modality's windows."""

    kind: Literal["dtw"] = "dtw"
    #: What is warped. ``centred``: every window without its mean, its mean square set to one.
    #: ``z_scored``: the same channel by channel. ``raw``, ``magnitude``: as they are, scaled
    #: over all windows. For devices worn differently: ``gravity``, the vertical and the
    #: horizontal part of an acceleration, and ``vertical``, their logarithms.
    view: View = "centred"
    #: Steps per window while warping; windows that have no more keep theirs.
    steps: int = Field(default=60, ge=2)
    #: Largest shift of one window against the other, in those steps.
    band: int = Field(default=8, ge=0)
    #: Share of the embedding's cosine in the score; the rest is the warped correlation's, brought
    #: to the cosines' mean and deviation over all candidates.
    embedding: float = Field(default=0.0, ge=0, lt=1)


Rerank = Annotated[KeepOrder | Warping, Field(discriminator="kind")]


class Nearest(Section):
    """The best candidates, as in the paper."""

    kind: Literal["nearest"] = "nearest"


class Softmax(Section):
    """The best candidates, weighted by softmax(score / temperature)."""

    kind: Literal["softmax"] = "softmax"
    temperature: float = Field(default=0.1, gt=0)


class Mutual(Section):
    """Only windows that are among the best of each other."""

    kind: Literal["mutual"] = "mutual"


class Csls(Section):
    """Scores less the mean score of both windows' neighbourhoods, against hubs."""

    kind: Literal["csls"] = "csls"
    neighbours: int = Field(default=10, ge=1)
    #: Partners weigh softmax(scaled score / temperature).
    temperature: float = Field(default=0.05, gt=0)


class Capped(Section):
    """Nobody lends more than ``cap`` times; the best pairs choose first."""

    kind: Literal["capped"] = "capped"
    cap: int = Field(default=3, ge=1)


class Transport(Section):
    """Entropic optimal transport on the candidates."""

    kind: Literal["transport"] = "transport"
    #: Entropy, in standard deviations of the candidates' scores.
    temperature: float = Field(default=0.3, gt=0)
    #: 1: balanced, every window gives and takes equally. Less lets popular windows give more.
    damping: float = Field(default=0.6, gt=0, le=1)
    #: At most so many rounds; they end when nothing moves any more.
    iterations: int = Field(default=100, ge=1)


class Ratio(Section):
    """Only anchors whose best candidates are clearly nearer than the next one."""

    kind: Literal["ratio"] = "ratio"
    #: Distance of the last one taken, at most this share of the distance of the next one.
    ratio: float = Field(default=0.9, gt=0, le=1)


Select = Annotated[
    Nearest | Softmax | Mutual | Csls | Capped | Transport | Ratio,
    Field(discriminator="kind"),
]


class Constraints(Section):
    """What pairs must fulfil; candidates that do not are not considered."""

    subject: Literal["any", "same", "different"] = "any"
    #: By the sources' ``identity.placement``.
    placement: Literal["any", "same"] = "any"
    #: Largest difference in the time of day, in hours (UTC); None: any.
    hours: float | None = Field(default=None, gt=0, le=12)


class Bridges(Section):
    """Chains of roles, for what no role can lend directly; see ``docs/bridges.md``."""

    #: Pairs in a row, at most; 1: no bridges.
    max_hops: int = Field(default=2, ge=1, le=MOST_HOPS)
    #: ``needed``: where no role lends the modality directly. ``always``: beside those that do.
    when: Literal["needed", "always"] = "needed"
    #: Partners that every window of a chain passes on to.
    fan: int = Field(default=5, ge=1)
    #: What becomes of a modality that no chain reaches: ``refuse`` the study, or ``skip`` the modality.
    unreached: Literal["refuse", "skip"] = "refuse"


class Binding(Section):
    """How anchors find partners: propose, re-rank, select."""

    #: Partners per anchor, at most.
    partners: int = Field(default=1, ge=1)
    #: Windows that the search proposes to each anchor for the later steps.
    candidates: int = Field(default=64, ge=2)
    search: Search = Search()
    rerank: Rerank = Warping()
    select: Select = Csls()
    constraints: Constraints = Constraints()
    weight: WeightMap = WeightMap()
    bridges: Bridges = Field(default=Bridges(), exclude_if=lambda bridges: bridges == Bridges())


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
