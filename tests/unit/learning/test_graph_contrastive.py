"""The loss over a graph of positives, against a slow and obvious one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.losses.graph_contrastive import graph_contrastive


def slow(z: torch.Tensor, present: torch.Tensor, affinity: torch.Tensor, tau: float) -> float:
    """The formula of the docstring, term by term."""
    views, windows = present.shape
    everyone = [(i, v) for i in range(windows) for v in range(views) if present[v, i]]
    terms = []
    for i, v in everyone:
        scores = {(k, u): float(z[v, i] @ z[u, k]) / tau for k, u in everyone if (k, u) != (i, v)}
        total = sum(math.exp(score) for score in scores.values())
        weights = {(k, u): float(affinity[i, k]) for k, u in scores}
        if sum(weights.values()) > 0:
            pull = sum(weights[at] * math.log(math.exp(score) / total) for at, score in scores.items())
            terms.append(-pull / sum(weights.values()))
    return sum(terms) / len(terms) if terms else 0.0


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 10_000), st.sampled_from([0.1, 0.3, 1.0]))
def test_it_is_the_formula(views: int, windows: int, seed: int, tau: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    z = torch.nn.functional.normalize(torch.randn(views, windows, 4, generator=generator), dim=2)
    present = torch.rand(views, windows, generator=generator) < 0.7
    affinity = torch.rand(windows, windows, generator=generator).round(decimals=1)
    affinity = torch.maximum(affinity, affinity.T) * (torch.rand(windows, windows, generator=generator) < 0.6)
    loss = graph_contrastive(z, present, affinity, tau)
    assert float(loss) == pytest.approx(slow(z, present, affinity, tau), rel=1e-4, abs=1e-5)


def test_without_edges_it_is_the_paper_s_loss() -> None:
    z = torch.nn.functional.normalize(torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1)), dim=2)
    present = torch.ones(2, 6, dtype=torch.bool)
    ours = graph_contrastive(z, present, torch.eye(6), 0.1)
    assert float(ours) == pytest.approx(float(weighted_contrastive(z, present, torch.ones(6), 0.1)), rel=1e-6)


def test_absent_views_take_no_part() -> None:
    z = torch.nn.functional.normalize(torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(2)), dim=2)
    present = torch.tensor([[True] * 4, [True, False, True, False]])
    spoilt = z.clone()
    spoilt[1, 1] = torch.nan
    affinity = torch.ones(4, 4)
    assert float(graph_contrastive(spoilt, present, affinity, 0.3)) == pytest.approx(
        float(graph_contrastive(z, present, affinity, 0.3))
    )


def test_wrong_shapes_and_temperatures_are_refused() -> None:
    z, present = torch.randn(2, 4, 3), torch.ones(2, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="shapes disagree"):
        graph_contrastive(z, present, torch.eye(3), 0.1)
    with pytest.raises(ValueError, match="above 0"):
        graph_contrastive(z, present, torch.eye(4), 0.0)
