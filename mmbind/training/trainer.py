"""One training: phases one after the other, on one network, with one budget.

What all methods share lies here: the network and its scalers, augmentation, the loop with its
checkpoints, fine-tuning. What they do before fine-tuning is their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from mmbind.config import Compute, Network, Schedule, Training
from mmbind.errors import InputError, MmbindError
from mmbind.learning.augment import augment
from mmbind.learning.compute import derived_seed, deterministic, half_precision, prepared_device
from mmbind.learning.loop import DivergedError, Step, fit
from mmbind.learning.losses.contrastive import weighted_contrastive
from mmbind.learning.samples import Batch, Samples
from mmbind.learning.scaling import Scaler
from mmbind.training.model import TrainedModel
from mmbind.training.network import MultimodalModel, centre
from mmbind.training.pretrained import shared_phase
from mmbind.windows.store import ModalitySpec

#: From a batch and a seeded generator to a scalar loss.
Loss = Callable[[Batch, torch.Generator], Tensor]


class Trainer:
    """Trains one model, phase by phase.

    Attributes:
        model: the network.
        training: network, augmentation, schedules.
        seed: of weights, order, augmentation and dropout.
        classes: class names.
        losses: mean loss per epoch, by phase.
        untrained: the weights before any training.
        before_labels: those that fine-tuning first started from; None until then.
    """

    def __init__(
        self,
        *,
        training: Training,
        compute: Compute,
        seed: int,
        modalities: Mapping[str, ModalitySpec],
        classes: Sequence[str],
        seen: Sequence[Samples],
        steps: int | None = None,
        work: Path | None = None,
        pretrained: Path | None = None,
        what: str = "training",
    ) -> None:
        """Builds the network.

        Args:
            training: network, augmentation, schedules.
            compute: device, threads and precision.
            seed: see the class.
            modalities: those of the model.
            classes: class names.
            seen: whose windows scale the model; which of them have labels must not matter where
                pre-training is shared.
            steps: optimisation steps of all pre-training phases together; None lets a phase
                take the epochs of ``training.pretrain``.
            work: folder for checkpoints, None for none; the caller removes it.
            pretrained: folder of finished phases of pre-training, shared by trainings that differ in
                their labels only (:mod:`mmbind.training.pretrained`); None shares nothing.
            what: a few words for progress and messages, e.g. ``"mmbind, seed 0"``.
        """
        deterministic(compute, seed)
        self.training, self.seed, self.classes = training, seed, list(classes)
        self.losses: dict[str, list[float]] = {}
        self._modalities, self._steps, self._work, self._what = dict(modalities), steps, work, what
        self._pretrained = pretrained
        scalers = {name: _scaler(name, spec, seen, training.network) for name, spec in modalities.items()}
        # set up on the CPU, so that it starts from the same weights everywhere
        self.model = MultimodalModel(modalities, len(classes), training.network, scalers).to(prepared_device(compute))
        self.model.half_precision = half_precision(compute)
        self.untrained = self.weights()
        self.before_labels: dict[str, Tensor] | None = None

    @property
    def temperature(self) -> float:
        """Softmax temperature tau of contrastive losses."""
        return self.training.temperature

    def weights(self) -> dict[str, Tensor]:
        """A copy of the model's weights as they are now."""
        return {name: value.clone() for name, value in self.model.state_dict().items()}

    def run(
        self,
        phase: str,
        samples: Samples,
        step: Step,
        *,
        share: float = 1.0,
        schedule: Schedule | None = None,
        module: nn.Module | None = None,
    ) -> None:
        """Minimises a loss over samples.

        Args:
            phase: its name, unique in this training.
            samples: whose positions steps are given; each is given once per epoch.
            step: from positions to the loss; :meth:`on` makes one of a loss of batches.
            share: part of the budget of pre-training that the phase takes.
            schedule: instead of pre-training's; not counted against the budget.
            module: what is trained; the model when None.

        Raises:
            MmbindError: when training diverges; names the windows of that step.
        """
        trained = self.model if module is None else module

        def train() -> list[float]:
            return fit(
                trained,
                step,
                samples=len(samples),
                schedule=schedule or self._budgeted(len(samples), share),
                seed=derived_seed(self.seed, phase),
                what=f"{self._what}: {phase}",
                work=None if self._work is None else self._work / phase,
                checkpoint_every=self.training.checkpoint_every,
            )

        try:
            shared = None if schedule is not None or self._pretrained is None else self._pretrained / phase
            self.losses[phase] = train() if shared is None else shared_phase(shared, trained, train)
        except DivergedError as error:
            windows = ", ".join(sorted(samples.windows[position] for position in error.positions))
            raise MmbindError(f"{error.message} Windows of this step: {windows}.", hint=error.hint) from None

    def batch(self, samples: Samples, positions: Tensor) -> Batch:
        """Samples at some positions (int64), gathered to where the model lies."""
        return samples.batch(positions).to(self.model.device)

    def on(self, samples: Samples, loss: Loss) -> Step:
        """The step that gathers samples and takes the loss of the batch."""
        return lambda positions, generator: loss(self.batch(samples, positions), generator)

    def views(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Scaled and augmented views of a batch."""
        scaled = self.model.scale(batch.views)
        return {name: augment(view, self.training.augment, generator) for name, view in scaled.items()}

    def contrast(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The weighted contrastive loss of the projected views (stage 2 of MMBind)."""
        presence = self.model.presence(batch.present)
        embeddings = self.model.embed(self.views(batch, generator), presence)
        return weighted_contrastive(embeddings, presence, batch.weights, self.temperature)

    def classify(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Cross-entropy of the fused features, some modalities hidden (``training.modality_dropout``)."""
        views = self.views(batch, generator)
        presence = hide(self.model.presence(batch.present), self.training.modality_dropout, generator)
        terms = functional.cross_entropy(self.model.classify(views, presence), batch.labels, reduction="none")
        return (batch.weights * terms).mean()

    def finetune(self, samples: Samples, phase: str = "finetune") -> TrainedModel:
        """Trains on labelled samples and returns the model.

        Raises:
            InputError: when fewer than two classes have labels.
            MmbindError: when training diverges.
        """
        refuse_too_few_classes(samples)
        if self.before_labels is None:
            self.before_labels = self.weights()
        self.run(phase, samples, self.on(samples, self.classify), schedule=self.training.finetune)
        return self.finished()

    def finished(self) -> TrainedModel:
        """The model as it is now."""
        return TrainedModel(self.model.eval(), self._modalities, self.training.network, self.classes, self.losses)

    def _budgeted(self, samples: int, share: float) -> Schedule:
        schedule = self.training.pretrain
        if self._steps is None:
            epochs = max(1, round(share * schedule.epochs))
        else:
            epochs = epochs_for(round(share * self._steps), samples, schedule.batch)
        return schedule.model_copy(update={"epochs": epochs})


def epochs_for(steps: int, samples: int, batch: int) -> int:
    """The number of epochs (at least 1) that comes nearest to a number of steps."""
    return max(1, round(steps / steps_per_epoch(samples, batch)))


def steps_per_epoch(samples: int, batch: int) -> int:
    """Optimisation steps of one epoch; the last batch may be smaller."""
    return max(1, math.ceil(samples / batch))


def hide(presence: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Hides present modalities at random; a sample that would lose all keeps all.

    Args:
        presence: bool (modalities, batch).
        chance: per modality and sample.
        generator: the only source of randomness, on the CPU.
    """
    if not chance:
        return presence
    kept = presence & (torch.rand(presence.shape, generator=generator) >= chance).to(presence.device)
    return torch.where(kept.any(dim=0), kept, presence)


def refuse_too_few_classes(samples: Samples) -> None:
    """Refuses samples that no classifier can be trained on.

    Raises:
        InputError: when a sample has no label, or all have the same.
    """
    found = sorted(set(samples.labels.tolist()))
    if -1 in found or not found:
        raise InputError("Fine-tuning needs labelled samples only.")
    if len(found) < 2:
        raise InputError(
            f"Fine-tuning needs at least two classes; all {len(samples)} labels are {samples.classes[found[0]]!r}.",
            hint="Raise roles.target.labels.count, or map the labels of the source otherwise.",
        )


def _scaler(modality: str, spec: ModalitySpec, seen: Sequence[Samples], network: Network) -> Scaler:
    holding = [samples for samples in seen if modality in samples.signals and bool((samples.rows[modality] >= 0).any())]
    if not holding:
        return Scaler.identity(len(spec.channels))
    centred = modality in network.centred

    for samples in holding:
        _refuse_broken(modality, samples)

    def blocks() -> Iterator[npt.NDArray[np.float32]]:
        for samples in holding:
            for block in samples.blocks(modality):
                yield (centre(block) if centred else block).numpy()

    return Scaler.fit_blocks(blocks)


def _refuse_broken(modality: str, samples: Samples) -> None:
    """Refuses NaN and infinity, by the first window that holds one."""
    broken = set[int]()
    for row, block in samples.numbered_blocks(modality):
        broken |= set(row[~block.isfinite().flatten(1).all(dim=1)].tolist())
    if broken:
        row = samples.rows[modality]
        window = next(samples.windows[at] for at, number in enumerate(row.tolist()) if number in broken)
        raise InputError(
            f"{modality!r} of the window {window!r} holds NaN or infinity; {len(broken)} windows do.",
            hint="Look at its recording (data/records), and run the stage 'window' again.",
        )
