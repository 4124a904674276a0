"""What the benchmark of training compares gives the same numbers."""

from __future__ import annotations

import torch

from benchmarks.training.__main__ import layout
from mmbind.learning.convolution import Convolution


def test_both_layouts_convolve_the_same() -> None:
    torch.manual_seed(0)
    layer, found = Convolution(3, 4, 5), []
    signals = torch.randn(2, 3, 11)
    for products in (False, True):
        seen = signals.clone().requires_grad_()
        with layout(products=products):
            out = layer(seen)
        out.square().sum().backward()
        assert layer.weight.grad is not None
        assert seen.grad is not None
        found.append((out.is_contiguous(), out.detach(), seen.grad, layer.weight.grad))
        layer.weight.grad = None
    assert [contiguous for contiguous, *_ in found] == [True, False]  # the second has time before channels
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
