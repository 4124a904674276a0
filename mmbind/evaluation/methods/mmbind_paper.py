"""MMBind as in the paper: nearest neighbours of the autoencoder, the loss between views, fine-tuning."""

from __future__ import annotations

import polars as pl

from mmbind.binding.find import find_pairs
from mmbind.config import Binding, MethodName, Training, WeightMap
from mmbind.config.binding import KeepOrder, Nearest
from mmbind.dataset.table import SampleTable
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Contrastive, Reading
from mmbind.learning.samples import Samples
from mmbind.training.samples import pseudo_paired


class MMBindPaper(Contrastive):
    """Ouyang et al., SenSys 2025, arXiv 2411.12126, section 4, without weights.

    Every window borrows from the one window nearest to it by the study's embeddings, which
    must be the paper's: of the autoencoder, of one modality as recorded, not aligned.
    """

    name: MethodName = "mmbind_paper"
    reads: tuple[Reading, ...] = ("roles", "embeddings")
    weight = WeightMap(kind="none")

    def unavailable(self, inputs: Inputs) -> str:
        """Says so when the study's embeddings are not those of the paper."""
        shared = inputs.study.params.shared
        of_paper = shared.encoder == "autoencoder" and shared.representation == "raw"
        plain = shared.align == "none" and not shared.fused and not shared.also
        return "" if of_paper and plain else "the study's embeddings are not those of the paper's autoencoder"

    def settings(self, training: Training) -> Training:
        """The loss between the views of a sample."""
        return training.model_copy(update={"contrast": "views", "propagate": False})

    def unlabelled(self, inputs: Inputs) -> Samples:
        """One sample per pair, of both directions."""
        return pseudo_paired(
            list(inputs.unlabelled.values()), SampleTable.of(list(inputs.unlabelled.values()), self.pairs(inputs))
        )

    def pairs(self, inputs: Inputs) -> pl.DataFrame:
        """The paper's pairs."""
        rules = Binding(partners=1, rerank=KeepOrder(), select=Nearest(), weight=self.weight)
        return find_pairs(inputs.study, rules).pairs


class MMBindPaperWeighted(MMBindPaper):
    """The same, each pair weighted by its similarity: clip(1 + 0.5 ln s), one map for all studies."""

    name: MethodName = "mmbind_paper_weighted"
    weight = WeightMap(kind="log", slope=0.5)
