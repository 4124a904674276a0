"""Lower bound: supervised training on the few labels, from scratch."""

from __future__ import annotations

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Contrastive
from mmbind.learning.samples import Samples


class Lower(Contrastive):
    """No pre-training (MMBind paper, arXiv 2411.12126, section 5: "lower bound")."""

    name = "lower"

    def unlabelled(self, inputs: Inputs) -> Samples | None:
        """None: the encoders start at random."""
        return None
