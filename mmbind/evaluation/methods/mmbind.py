"""MMBind: contrastive pre-training on pseudo pairs, weighted by their similarity."""

from __future__ import annotations

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Contrastive
from mmbind.learning.samples import Samples
from mmbind.training.samples import pseudo_paired


class MMBind(Contrastive):
    """Ouyang et al., SenSys 2025, arXiv 2411.12126: what the stage ``train`` does."""

    name = "mmbind"
    reads = ("roles", "bindings")

    def unlabelled(self, inputs: Inputs) -> Samples:
        """The pseudo pairs of all directions: own and borrowed modalities."""
        return pseudo_paired(list(inputs.unlabelled.values()), inputs.pairs)
