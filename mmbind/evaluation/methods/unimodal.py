"""Unimodal: every encoder learns alone, by reconstructing its own modality."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.decoders import Decoders, mean_error
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.samples import Batch, Samples
from mmbind.training.trainer import Trainer


class Unimodal(Incomplete):
    """Autoencoders of each modality on all windows that have it, then fine-tuning.

    The rival of the MMBind paper (arXiv 2411.12126, section 5) that uses no relation between
    modalities.
    """

    name = "unimodal"

    def pretrain(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples) -> None:
        """One phase of reconstruction."""
        model = trainer.model
        decoders = Decoders(inputs.modalities, model.names, model.size).to(model.device)

        def loss(batch: Batch, generator: torch.Generator) -> Tensor:
            clean, noisy = model.scale(batch.views), trainer.views(batch, generator)
            return mean_error(
                (decoders.decode(name, model.encoders[name](noisy[name][here])), clean[name][here])
                for name in model.names
                if name in clean and len(here := batch.present[name].nonzero().squeeze(1))
            )

        both = nn.ModuleDict({"model": model, "decoders": decoders})
        trainer.run("pretrain", unlabelled, trainer.on(unlabelled, loss), module=both)
