"""Same-class oracle: pairs by true label, to see what pairing itself costs."""

from __future__ import annotations

import numpy as np
import polars as pl

from mmbind.config import MethodName
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods.base import Reading
from mmbind.evaluation.methods.mim import Incomplete
from mmbind.learning.samples import Samples
from mmbind.schema import PAIRS
from mmbind.training.model import TrainedModel
from mmbind.training.recipe import train_on_pairs
from mmbind.training.trainer import Trainer


class Oracle(Incomplete):
    """Control: partners are drawn at random among the windows of the same true class."""

    name: MethodName = "oracle"
    reads: tuple[Reading, ...] = ("roles", "truth")

    def unavailable(self, inputs: Inputs) -> str:
        """Says so when fewer than two unlabelled roles have true labels."""
        labelled = [role for role in inputs.unlabelled if inputs.truth(role).index["label"].count()]
        return "" if len(labelled) > 1 else "the true labels of the unlabelled roles are not known"

    def train(self, trainer: Trainer, inputs: Inputs, unlabelled: Samples | None, labelled: Samples) -> TrainedModel:
        """Mmbind's recipe on pairs by true label, as many per window as the binding has."""
        return train_on_pairs(
            trainer, list(inputs.unlabelled.values()), inputs.target, same_class_pairs(inputs), labelled
        )


def same_class_pairs(inputs: Inputs) -> pl.DataFrame:
    """Draws partners by true class.

    Args:
        inputs: the stores, whose truth is read, and the seed of the draw.

    Returns:
        Pairs (``schema.PAIRS``), sorted by anchor, borrowed modality and rank; similarity
        is 1, weights are equal and sum to 1 over an anchor's partners. Windows without label, or
        whose class no partner has, are left out.
    """
    generator = np.random.default_rng(inputs.seed)
    params, roles = inputs.study.params, inputs.unlabelled
    rows: list[tuple[object, ...]] = []
    for role, anchors in roles.items():
        others = [other for other in roles if other != role]
        lendable = {modality for other in others for modality in roles[other].modalities}
        for borrowed in sorted(lendable - set(anchors.modalities)):
            lenders = _lenders(inputs, others, borrowed)
            labels = inputs.truth(role).index["label"]
            for anchor, source, label in zip(anchors.ids, anchors.index["source"], labels, strict=True):
                choice = lenders.get(label, [])
                drawn = generator.choice(len(choice), min(params.binding.partners, len(choice)), replace=False)
                for rank, position in enumerate(drawn, start=1):
                    ids = (anchor, source, *choice[position])
                    rows.append((*ids, params.shared.modality, borrowed, 1.0, rank, 0.0, False, 1.0 / len(drawn)))
    return pl.DataFrame(rows, schema=PAIRS, orient="row").sort("anchor", "borrowed_modality", "rank")


def _lenders(inputs: Inputs, roles: list[str], modality: str) -> dict[str | None, list[tuple[str, str]]]:
    """Window and source of those in some roles that have a modality, by true label."""
    by_label: dict[str | None, list[tuple[str, str]]] = {}
    for role in roles:
        store = inputs.unlabelled[role]
        columns = store.ids, store.index["source"], inputs.truth(role).index["label"], store.present(modality)
        for window, source, label, present in zip(*columns, strict=True):
            if present and label is not None:
                by_label.setdefault(label, []).append((window, source))
    return by_label
