"""The vectorised loss agrees with the formula written out as loops, and by hand."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.nn import functional

from mmbind.learning.losses.contrastive import weighted_contrastive


def by_loops(z: Tensor, present: Tensor, weights: Tensor, tau: float) -> float:
    """The formula as it stands in the paper, absent views taking no part."""
    views, samples = present.shape
    everyone = [(i, v) for i in range(samples) for v in range(views) if present[v, i]]
    total, anchors = 0.0, 0
    for i, v in everyone:
        positives = [u for u in range(views) if u != v and present[u, i]]
        if not positives:
            continue
        anchors += 1
        below = sum(math.exp(float(z[v, i] @ z[u, k]) / tau) for k, u in everyone if (k, u) != (i, v))
        term = -sum(math.log(math.exp(float(z[v, i] @ z[u, i]) / tau) / below) for u in positives) / len(positives)
        total += float(weights[i]) * term
    return total / anchors if anchors else 0.0


def unit(views: int, samples: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(views, samples, 5, generator=generator, dtype=torch.float64), dim=2)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, float]:
    views, samples = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    flags = draw(st.lists(st.booleans(), min_size=views * samples, max_size=views * samples))
    weights = draw(st.lists(st.floats(0, 1), min_size=samples, max_size=samples))
    z = unit(views, samples, draw(st.integers(0, 1000)))
    return (
        z,
        torch.tensor(flags).view(views, samples),
        torch.tensor(weights, dtype=torch.float64),
        draw(st.sampled_from([0.07, 0.1, 0.3, 1.0])),
    )


@settings(deadline=None, max_examples=60)
@given(batches())
def test_it_agrees_with_the_loops_for_any_presence(batch: tuple[Tensor, Tensor, Tensor, float]) -> None:
    assert float(weighted_contrastive(*batch)) == pytest.approx(by_loops(*batch), rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(batches(), st.floats(-1e3, 1e3))
def test_what_stands_at_absent_places_never_matters(batch: tuple[Tensor, Tensor, Tensor, float], junk: float) -> None:
    z, present, weights, tau = batch
    filled = torch.where(present[:, :, None], z, torch.full_like(z, junk))
    assert torch.equal(weighted_contrastive(filled, present, weights, tau), weighted_contrastive(*batch))


@settings(deadline=None, max_examples=40)
@given(batches())
def test_the_gradient_is_finite_and_zero_at_absent_places(batch: tuple[Tensor, Tensor, Tensor, float]) -> None:
    z, present, weights, tau = batch
    z = z.clone().requires_grad_()
    torch.autograd.backward(weighted_contrastive(z, present, weights, tau))
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert not z.grad[~present].any()


@settings(deadline=None, max_examples=20)
@given(batches(), st.randoms(use_true_random=False))
def test_the_order_of_samples_and_views_does_not_matter(batch: tuple[Tensor, Tensor, Tensor, float], random) -> None:
    z, present, weights, tau = batch
    samples = random.sample(range(z.shape[1]), z.shape[1])
    views = random.sample(range(z.shape[0]), z.shape[0])
    shuffled = weighted_contrastive(z[views][:, samples], present[views][:, samples], weights[samples], tau)
    assert float(shuffled) == pytest.approx(float(weighted_contrastive(*batch)), rel=1e-9, abs=1e-12)


def test_two_samples_with_two_equal_views_by_hand() -> None:
    x, y = [1.0, 0.0], [0.0, 1.0]
    z = torch.tensor([[x, y], [x, y]])
    present = torch.ones(2, 2, dtype=torch.bool)
    # each anchor: one positive at similarity 1, two negatives at similarity 0, tau 0.5
    term = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert float(weighted_contrastive(z, present, torch.ones(2), 0.5)) == pytest.approx(term, rel=1e-6)
    assert float(weighted_contrastive(z, present, torch.tensor([1.0, 0.0]), 0.5)) == pytest.approx(term / 2, rel=1e-6)


def test_a_sample_with_one_view_is_a_negative_only() -> None:
    x, y = [1.0, 0.0], [0.0, 1.0]
    z = torch.tensor([[x, y], [x, y]])
    present = torch.tensor([[True, True], [True, False]])
    # anchors: both views of sample 0; each has its positive (1) and the lone view of sample 1 (0)
    term = -math.log(math.exp(2) / (math.exp(2) + 1))
    found = [float(weighted_contrastive(z, present, torch.tensor([1.0, w]), 0.5)) for w in (0.0, 1.0)]
    assert found == pytest.approx([term, term], rel=1e-6)


def test_no_sample_with_two_views_gives_zero() -> None:
    z = unit(3, 2, 0).requires_grad_()
    present = torch.tensor([[True, False], [False, False], [False, True]])
    loss = weighted_contrastive(z, present, torch.ones(2, dtype=torch.float64), 0.1)
    torch.autograd.backward(loss)
    assert loss.item() == 0.0
    assert z.grad is not None
    assert not z.grad.any()


def test_it_stays_finite_at_a_tiny_temperature() -> None:
    z = unit(2, 8, 1).float().requires_grad_()
    loss = weighted_contrastive(z, torch.ones(2, 8, dtype=torch.bool), torch.ones(8), 1e-4)
    torch.autograd.backward(loss)
    assert loss.isfinite()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_wrong_shapes_and_temperatures_are_refused() -> None:
    z, present = unit(2, 3, 0), torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="shapes disagree"):
        weighted_contrastive(z, present.T, torch.ones(3), 0.1)
    with pytest.raises(ValueError, match="shapes disagree"):
        weighted_contrastive(z, present, torch.ones(2), 0.1)
    with pytest.raises(ValueError, match="temperature"):
        weighted_contrastive(z, present, torch.ones(3), 0.0)
