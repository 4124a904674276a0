"""A fine-tuned model: class probabilities of windows with any combination of modalities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mmbind.config import Network
from mmbind.errors import InputError
from mmbind.learning.samples import Samples
from mmbind.training.network import MultimodalModel
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
        temperature: what class scores are divided by before they become probabilities (see
            :mod:`mmbind.training.calibration`); 1 where nothing was calibrated.
    """

    model: MultimodalModel
    modalities: dict[str, ModalitySpec]
    network: Network
    classes: list[str]
    losses: dict[str, list[float]]
    temperature: float = 1.0

    @torch.no_grad()
    def features(self, samples: Samples) -> dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
        """What the encoders make of samples.

        Args:
            samples: SI signals, as recorded.

        Returns:
            Per modality of the model, float32 (samples, features), zeros where a sample lacks it, and
            the row of each sample in it, int64 (samples,): -1 there.
        """
        found, present = [], []
        for first in range(0, len(samples), PREDICT_BATCH):
            positions = torch.arange(first, min(first + PREDICT_BATCH, len(samples)))
            batch = samples.batch(positions).to(self.model.device)
            present.append(self.model.presence(batch.present))
            found.append(self.model.features(self.model.scale(batch.views), present[-1]))
        values, here = torch.cat(found, dim=1).cpu().numpy(), torch.cat(present, dim=1).cpu().numpy()
        rows = np.where(here, np.arange(len(samples)), -1)
        return {name: (values[number], rows[number]) for number, name in enumerate(self.model.names)}

    def predict(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Class probabilities of samples with any of the model's modalities.

        Args:
            samples: SI signals, as recorded.

        Returns:
            float32 (samples, classes); rows sum to 1.

        Raises:
            InputError: for a window that has none of the model's modalities.
        """
        return self.probabilities(self.scores(samples)).numpy()

    def probabilities(self, scores: Tensor) -> Tensor:
        """Class probabilities, at the model's temperature.

        Args:
            scores: (samples, classes), see :meth:`scores`.
        """
        return (scores / self.temperature).softmax(dim=1)

    @torch.no_grad()
    def scores(self, samples: Samples) -> Tensor:
        """Class scores (logits) of samples, before any temperature.

        Args:
            samples: SI signals, as recorded.

        Returns:
            float32 (samples, classes), on the CPU.

        Raises:
            InputError: for a window that has none of the model's modalities.
        """
        out = torch.empty((len(samples), len(self.classes)))
        for first in range(0, len(samples), PREDICT_BATCH):
            positions = torch.arange(first, min(first + PREDICT_BATCH, len(samples)))
            batch = samples.batch(positions).to(self.model.device)
            presence = self.model.presence(batch.present)
            empty = (~presence.any(dim=0)).nonzero()
            if len(empty):
                window = samples.windows[first + int(empty[0])]
                raise InputError(f"The window {window!r} has none of the modalities {', '.join(self.model.names)}.")
            out[positions] = self.model.classify(self.model.scale(batch.views), presence).cpu()
        return out
