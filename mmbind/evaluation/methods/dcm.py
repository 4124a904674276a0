"""Dual contrastive (DCM): the shared modality against the sum of all others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.samples import Batch, Samples
from mmbind.training.trainer import Trainer


class DualContrastive(Incomplete):
    """Two views per window: z of the shared modality, and the sum of the other present ones.

    The rival of the MMBind paper (arXiv 2411.12126, section 5) for incomplete data.
    """

    name = "dcm"

    def unavailable(self, inputs: Inputs) -> str:
        """Says so when no one modality is shared by all."""
        return inputs.not_shared

    def pretrain(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples) -> None:
        """One phase of the two-view loss."""
        shared = trainer.model.names.index(inputs.shared)

        def loss(batch: Batch, generator: torch.Generator) -> Tensor:
            presence = trainer.model.presence(batch.present)
            embeddings = trainer.model.embed(trainer.views(batch, generator), presence)
            return weighted_contrastive(*two_views(embeddings, presence, shared), batch.weights, trainer.temperature)

        trainer.run("pretrain", unlabelled, trainer.on(unlabelled, loss))


def two_views(embeddings: Tensor, presence: Tensor, shared: int) -> tuple[Tensor, Tensor]:
    """The shared view, and the others as one.

    Args:
        embeddings: float32 (views, samples, dimensions), unit vectors where present.
        presence: bool (views, samples).
        shared: position of the shared view.

    Returns:
        Embeddings float32 (2, samples, dimensions), unit vectors where present, and which
        are present (2, samples).
    """
    others = (torch.arange(len(presence), device=presence.device) != shared).nonzero().squeeze(1)
    summed = (embeddings[others] * presence[others, :, None]).sum(dim=0)
    views = torch.stack([embeddings[shared], functional.normalize(summed, dim=1)])
    return views, torch.stack([presence[shared], presence[others].any(dim=0)])
