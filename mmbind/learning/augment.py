"""Mild augmentation of scaled windows, the same for every method."""

from __future__ import annotations

import torch
from torch import Tensor

from mmbind.config import Augment


def augment(signals: Tensor, config: Augment, generator: torch.Generator) -> Tensor:
    """Scales, shifts and blurs every window by its own draw.

    A shift repeats the first or last step where the window has moved away (after a shift
    nothing of the window's end appears at its start).

    Args:
        signals: float32 (windows, steps, channels), z-scored.
        config: how strong; all zeros returns the windows as they are.
        generator: the only source of randomness, on the CPU, so that draws are the same on all devices.

    Returns:
        float32 of the same shape.
    """
    windows, steps, _ = signals.shape
    largest = int(config.shift * steps)
    if largest:
        offsets = torch.randint(-largest, largest + 1, (windows, 1), generator=generator)
        moved = (torch.arange(steps) - offsets).clamp_(0, steps - 1).to(signals.device)
        signals = signals.gather(1, moved[:, :, None].expand_as(signals))
    if config.scale:
        signals = signals * (1 + config.scale * torch.randn(windows, 1, 1, generator=generator).to(signals.device))
    if config.noise:
        signals = signals + config.noise * torch.randn(signals.shape, generator=generator).to(signals.device)
    return signals
