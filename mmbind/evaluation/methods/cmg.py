"""Cross-modal generation (CMG): what is missing is generated from the shared modality."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.decoders import Decoders, mean_error
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.samples import Batch, Samples
from mmbind.learning.signals import StackedSignals
from mmbind.training.trainer import Trainer

#: Windows that are generated at once.
GENERATED = 256


class CrossModalGeneration(Incomplete):
    """Half of the budget trains generators, the other half contrasts windows that they complete.

    The rival of the MMBind paper (arXiv 2411.12126, section 5): for each other modality an
    encoder of the shared one and a decoder, trained on the windows that have both.
    """

    name = "cmg"

    def unavailable(self, inputs: Inputs) -> str:
        """Says so when no one modality is shared by all."""
        return inputs.not_shared

    def pretrain(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples) -> None:
        """Trains generators, completes the windows, contrasts."""
        model, shared = trainer.model, inputs.shared
        others = [name for name in model.names if name != shared and name in unlabelled.signals]
        encoder, decoders = model.encoders[shared], Decoders(inputs.modalities, others, model.size).to(model.device)

        def generate(batch: Batch, generator: torch.Generator) -> Tensor:
            clean, noisy = model.scale(batch.views), trainer.views(batch, generator)
            features = encoder(noisy[shared])
            return mean_error(
                (decoders.decode(name, features[here]), clean[name][here])
                for name in others
                if len(here := (batch.present[name] & batch.present[shared]).nonzero().squeeze(1))
            )

        both = nn.ModuleDict({"encoder": encoder, "decoders": decoders})
        trainer.run("generate", unlabelled, trainer.on(unlabelled, generate), share=0.5, module=both)
        whole = completed(unlabelled, trainer, encoder, decoders, shared, others)
        trainer.run("pretrain", whole, trainer.on(whole, trainer.contrast), share=0.5)


@torch.no_grad()
def completed(
    samples: Samples, trainer: Trainer, encoder: nn.Module, decoders: Decoders, shared: str, others: list[str]
) -> Samples:
    """Samples in which generated windows stand in the place of missing ones.

    Args:
        samples: windows that have the shared modality and some others.
        trainer: its model scales windows, and takes the scaling back.
        encoder: of the shared modality.
        decoders: of the others.
        shared: the shared modality.
        others: the modalities to complete.
    """
    encoder.eval()
    signals, rows = dict(samples.signals), dict(samples.rows)
    for name in others:
        lacking = ((rows[name] < 0) & (rows[shared] >= 0)).nonzero().squeeze(1)
        made = []
        for part in torch.split(lacking, GENERATED):
            view = samples.batch(part).views[shared].to(trainer.model.device)
            scaled = decoders.decode(name, encoder(trainer.model.scale({shared: view})[shared]))
            made.append(trainer.model.unscale(name, scaled).cpu())
        if made:
            first = len(signals[name])
            signals[name] = StackedSignals([signals[name], *made])
            rows[name] = rows[name].index_put((lacking,), first + torch.arange(len(lacking)))
    return Samples(signals, rows, samples.weights, samples.labels, samples.classes, samples.windows)
