"""MMBind's recipe as the stage train walks it: contrastive pre-training, then fine-tuning on few labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmbind.config import Compute, Training
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.trainer import Trainer, refuse_too_few_classes
from mmbind.windows.store import ModalitySpec


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
    refuse_too_few_classes(finetuning)
    trainer = Trainer(
        training=training,
        compute=compute,
        seed=seed,
        modalities=modalities,
        classes=finetuning.classes,
        seen=[finetuning] if pretraining is None else [pretraining, finetuning],
        work=work,
        what=what,
    )
    if pretraining is not None:
        trainer.run("pretrain", pretraining, trainer.on(pretraining, trainer.contrast))
    return trainer.finetune(finetuning)
