"""Lower bound: supervised training on the few labels, from scratch."""

from __future__ import annotations

from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Reading
from mmbind.learning.samples import Samples


class Lower:
    """No pre-training (MMBind paper, arXiv 2411.12126, section 5: "lower bound")."""

    name = "lower"
    reads: tuple[Reading, ...] = ()

    def unavailable(self, inputs: Inputs) -> str:
        """Always available."""
        return ""

    def pretraining_samples(self, inputs: Inputs) -> Samples | None:
        """None: the encoders start at random."""
        return None
