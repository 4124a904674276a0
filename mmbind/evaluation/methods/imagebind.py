"""ImageBind-style: everything is aligned to a frozen encoder of the shared modality."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.decoders import Decoders, mean_error
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.samples import Batch, Samples
from mmbind.training.trainer import Trainer


class ImageBind(Incomplete):
    """R. Girdhar et al., "ImageBind", CVPR 2023, arXiv 2305.05665, with the shared modality as the image.

    Half of the budget pre-trains the shared encoder (as an autoencoder of all unlabelled
    windows), which is then frozen; the other half aligns every other modality to it, each on
    the windows that have it.
    """

    name = "imagebind"

    def unavailable(self, inputs: Inputs) -> str:
        """Says so when no one modality is shared by all."""
        return inputs.not_shared

    def pretrain(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples) -> None:
        """Pre-trains the shared encoder, aligns the others."""
        model, shared = trainer.model, inputs.shared
        encoder, place = model.encoders[shared], trainer.model.names.index(inputs.shared)
        decoders = Decoders(inputs.modalities, [shared], model.size).to(model.device)

        def reconstruct(batch: Batch, generator: torch.Generator) -> Tensor:
            here = batch.present[shared].nonzero().squeeze(1)
            clean, noisy = model.scale(batch.views)[shared][here], trainer.views(batch, generator)[shared][here]
            return mean_error([(decoders.decode(shared, encoder(noisy)), clean)] if len(here) else [])

        def align(batch: Batch, generator: torch.Generator) -> Tensor:
            presence, views = model.presence(batch.present), trainer.views(batch, generator)
            others = presence & (torch.arange(len(presence), device=presence.device) != place)[:, None]
            here = presence[place].nonzero().squeeze(1)
            encoder.eval()
            with torch.no_grad():
                features = encoder(views[shared][here])
            anchor = functional.normalize(model.heads[shared](features), dim=1)
            embeddings = model.embed(views, others).index_put((here.new_full((), place), here), anchor)
            return weighted_contrastive(embeddings, presence, batch.weights, trainer.temperature)

        both = nn.ModuleDict({"encoder": encoder, "decoders": decoders})
        trainer.run("pretrain_shared", unlabelled, trainer.on(unlabelled, reconstruct), share=0.5, module=both)
        trainer.run("align", unlabelled, trainer.on(unlabelled, align), share=0.5)
