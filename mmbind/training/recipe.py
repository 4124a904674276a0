"""The one recipe of all methods: contrastive pre-training, then fine-tuning on few labels.

Methods differ in their pre-training samples alone. Architecture, augmentation and
schedules are the same, fixed beforehand; there is no model selection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from mmbind.config import Compute, Network, Schedule, Training
from mmbind.errors import InputError, MmbindError
from mmbind.learning.augment import augment
from mmbind.learning.compute import derived_seed, deterministic
from mmbind.learning.loop import DivergedError, fit
from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.samples import Batch, Samples
from mmbind.learning.scaling import Scaler
from mmbind.training.network import MultimodalModel, centre
from mmbind.windows.store import ModalitySpec

#: Windows that are classified at once.
PREDICT_BATCH = 256


@dataclass(frozen=True)
class TrainedModel:
    """A fine-tuned model and how it came about.

    Attributes:
        model: in evaluation mode.
        modalities: what each modality's windows hold.
        network: the sizes that the model was built with.
        classes: class names, in the order of :meth:`predict`'s columns.
        losses: mean loss per epoch, by phase (``pretrain``, ``finetune``).
    """

    model: MultimodalModel
    modalities: dict[str, ModalitySpec]
    network: Network
    classes: list[str]
    losses: dict[str, list[float]]

    @torch.no_grad()
    def predict(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Class probabilities of samples with any of the model's modalities.

        Args:
            samples: SI signals, as recorded.

        Returns:
            float32 (samples, classes); rows sum to 1.

        Raises:
            InputError: for a window that has none of the model's modalities.
        """
        out = np.empty((len(samples), len(self.classes)), dtype=np.float32)
        for first in range(0, len(samples), PREDICT_BATCH):
            positions = torch.arange(first, min(first + PREDICT_BATCH, len(samples)))
            batch = samples.batch(positions)
            presence = self.model.presence(batch.present)
            empty = (~presence.any(dim=0)).nonzero()
            if len(empty):
                window = samples.windows[int(positions[empty[0]])]
                raise InputError(f"The window {window!r} has none of the modalities {', '.join(self.model.names)}.")
            logits = self.model.classify(self.model.scale(batch.views), presence)
            out[positions.numpy()] = logits.softmax(dim=1).numpy()
        return out


def pretrain_and_finetune(
    pretraining: Samples | None,
    finetuning: Samples,
    *,
    training: Training,
    compute: Compute,
    seed: int,
    modalities: Mapping[str, ModalitySpec],
    work: Path | None,
    what: str,
) -> TrainedModel:
    """Trains one model.

    Scalers are fitted on the samples of both phases. The first phase minimises the weighted
    contrastive loss of the projected views, the second the cross-entropy of the fused
    features with some modalities hidden (``training.modality_dropout``; at least one stays).

    Args:
        pretraining: samples of the first phase; None skips it.
        finetuning: labelled samples of the second phase.
        training: network, augmentation, schedules.
        compute: threads.
        seed: of weights, order, augmentation and dropout.
        modalities: those of the model.
        work: folder for checkpoints, None for none; the caller removes it.
        what: a few words for progress and messages, e.g. ``"mmbind, seed 0"``.

    Raises:
        InputError: when fewer than two classes have labels.
        MmbindError: when training diverges; names the windows of that step.
    """
    _refuse_too_few_classes(finetuning)
    deterministic(compute, seed)
    phases = [finetuning] if pretraining is None else [pretraining, finetuning]
    scalers = {name: _scaler(name, spec, phases, training.network) for name, spec in modalities.items()}
    model = MultimodalModel(modalities, len(finetuning.classes), training.network, scalers)
    losses: dict[str, list[float]] = {}

    def run(phase: str, samples: Samples, schedule: Schedule, loss: Callable[[Batch, torch.Generator], Tensor]) -> None:
        def step(positions: Tensor, generator: torch.Generator) -> Tensor:
            return loss(samples.batch(positions), generator)

        try:
            losses[phase] = fit(
                model,
                step,
                samples=len(samples),
                schedule=schedule,
                seed=derived_seed(seed, phase),
                what=f"{what}: {phase}",
                work=None if work is None else work / phase,
                checkpoint_every=training.checkpoint_every,
            )
        except DivergedError as error:
            windows = ", ".join(sorted(samples.windows[position] for position in error.positions))
            raise MmbindError(f"{error.message} Windows of this step: {windows}.", hint=error.hint) from None

    def scaled_and_augmented(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        scaled = model.scale(batch.views)
        return {name: augment(view, training.augment, generator) for name, view in scaled.items()}

    def contrast(batch: Batch, generator: torch.Generator) -> Tensor:
        presence = model.presence(batch.present)
        embeddings = model.embed(scaled_and_augmented(batch, generator), presence)
        return weighted_contrastive(embeddings, presence, batch.weights, training.temperature)

    def classify(batch: Batch, generator: torch.Generator) -> Tensor:
        views = scaled_and_augmented(batch, generator)
        presence = hide(model.presence(batch.present), training.modality_dropout, generator)
        terms = functional.cross_entropy(model.classify(views, presence), batch.labels, reduction="none")
        return (batch.weights * terms).mean()

    if pretraining is not None:
        run("pretrain", pretraining, training.pretrain, contrast)
    run("finetune", finetuning, training.finetune, classify)
    return TrainedModel(model, dict(modalities), training.network, list(finetuning.classes), losses)


def hide(presence: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Hides present modalities at random; a sample that would lose all keeps all.

    Args:
        presence: bool (modalities, batch).
        chance: per modality and sample.
        generator: the only source of randomness.
    """
    if not chance:
        return presence
    kept = presence & (torch.rand(presence.shape, generator=generator) >= chance)
    return torch.where(kept.any(dim=0), kept, presence)


def _scaler(modality: str, spec: ModalitySpec, phases: list[Samples], network: Network) -> Scaler:
    parts = [samples.used(modality) for samples in phases if modality in samples.signals]
    signals = torch.cat(parts) if parts else torch.empty(0)
    if not len(signals):
        return Scaler.identity(len(spec.channels))
    return Scaler.fit((centre(signals) if modality in network.centred else signals).numpy())


def _refuse_too_few_classes(samples: Samples) -> None:
    found = sorted(set(samples.labels.tolist()))
    if -1 in found or not found:
        raise InputError("Fine-tuning needs labelled samples only.")
    if len(found) < 2:
        raise InputError(
            f"Fine-tuning needs at least two classes; all {len(samples)} labels are {samples.classes[found[0]]!r}.",
            hint="Raise roles.target.labels.count, or map the labels of the source otherwise.",
        )
