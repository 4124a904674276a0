"""Embedding beside the encoder's own convolutions and products, run bare in the same dtype."""

from __future__ import annotations

from statistics import median

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.binding.embeddings import encoder, sessions, windows
from benchmarks.binding.timing import in_turn, ratio
from benchmarks.results import table
from mmbind.encoders.model import MICRO_BATCH
from mmbind.learning.memory import keep_freed_memory


def section(count: int, rounds: int) -> str:
    """Windows per second of the default encoder, and of its convolutions and linear layer alone.

    One thread, as ``compute.threads`` has it: the batches are too small to share. Memory is kept as the stage does.
    """
    torch.set_num_threads(1)
    keep_freed_memory()
    signals = windows(sessions("fleet_a", 4), count, np.random.default_rng(0))
    model = encoder(signals[:1024], 128)
    layers = [layer for layer in [*model.down.modules(), model.code] if isinstance(layer, nn.Conv1d | nn.Linear)]
    batches = torch.split(torch.from_numpy(signals), MICRO_BATCH)

    def whole() -> None:
        with torch.inference_mode():
            for batch in batches:
                model(batch)

    shapes: list[torch.Tensor] = []

    def remember(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        shapes.append(torch.randn(inputs[0].shape))

    hooks = [layer.register_forward_pre_hook(remember) for layer in layers]
    with torch.no_grad():  # inference mode folds layers together
        model(batches[0])
    for hook in hooks:
        hook.remove()

    def bare() -> None:
        with torch.inference_mode():
            for _ in batches:
                for layer, values in zip(layers, shapes, strict=True):
                    if isinstance(layer, nn.Conv1d):
                        functional.conv1d(values, layer.weight, None, layer.stride, layer.padding)
                    else:
                        functional.linear(values, layer.weight)

    in_turn({"whole": whole, "bare": bare}, 1)
    times = in_turn({"whole": whole, "bare": bare}, rounds)
    rows = [
        ["convolutions and products alone", f"{count / median(times['bare']):,.0f}", "1"],
        ["the encoder", f"{count / median(times['whole']):,.0f}", f"{ratio(times, 'bare', 'whole'):.2f}"],
    ]
    title = f"Default encoder, float32, micro-batches of {MICRO_BATCH}, one thread"
    return f"{title}:\n\n" + table(["", "windows/s", "of the bare speed (wanted: 0.85)"], rows)
