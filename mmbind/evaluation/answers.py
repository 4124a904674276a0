"""What a trained model says of the test windows, with every subset of their modalities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch

from mmbind.errors import InputError
from mmbind.learning.samples import Samples
from mmbind.training.model import TrainedModel
from mmbind.training.samples import as_recorded
from mmbind.windows.store import WindowStore

#: Digits of a probability that are kept.
DIGITS = 6


@dataclass(frozen=True)
class Answers:
    """Answers on a store's windows.

    Attributes:
        classes: class names.
        chosen: class per window in the order of the store, as position in ``classes``, by
            subset of modalities (see :func:`subset_name`); -1 where the window has none of them.
        confidence: probability of the chosen class per window, with all its modalities.
    """

    classes: list[str]
    chosen: dict[str, list[int]]
    confidence: list[float]

    @property
    def complete(self) -> list[int]:
        """The chosen classes with all modalities that model and windows have."""
        return self.chosen[max(self.chosen, key=lambda name: name.count("+"))]


def answer(model: TrainedModel, test: WindowStore) -> Answers:
    """Asks a model about every window of a store, once per non-empty subset of the modalities.

    Only modalities that the model knows count.

    Args:
        model: the model.
        test: signals; its labels are not looked at.

    Raises:
        InputError: for a window that has none of the model's modalities.
    """
    asked = as_recorded([test])
    order = {window: place for place, window in enumerate(test.ids)}
    place = np.array([order[window] for window in asked.windows], dtype=np.int64)
    known = sorted(set(asked.signals) & set(model.modalities))
    chosen: dict[str, list[int]] = {}
    confidence = np.zeros(len(order))
    for names in subsets(known):
        part, kept = restricted(asked, names)
        probabilities = model.predict(part)
        best = np.full(len(order), -1, dtype=np.int64)
        best[place[kept]] = probabilities.argmax(axis=1)
        chosen[subset_name(names)] = best.tolist()
        if len(names) == len(known):
            confidence[place[kept]] = probabilities.max(axis=1)
    blind = [window for window, best in zip(test.ids, chosen.get(subset_name(known), []), strict=False) if best < 0]
    if blind or not known:
        window = (blind or test.ids)[0]
        raise InputError(f"The window {window!r} has none of the modalities {', '.join(model.modalities)}.")
    return Answers(model.classes, chosen, [round(float(value), DIGITS) for value in confidence])


def subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All non-empty subsets, smaller ones first, each in the order of ``names``."""
    for size in range(1, len(names) + 1):
        yield from combinations(names, size)


def subset_name(names: Iterable[str]) -> str:
    """What a subset is called: its modalities, sorted, e.g. ``acc+gyro``."""
    return "+".join(sorted(names))


def restricted(samples: Samples, names: Sequence[str]) -> tuple[Samples, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The samples with some modalities only; those that have none of them are left out.

    Args:
        samples: the samples.
        names: modalities to keep.

    Returns:
        The samples, and the positions int64 (n,) of those that are left.
    """
    present = torch.stack([samples.rows[name] >= 0 for name in names]).any(dim=0)
    kept = present.nonzero().squeeze(1)
    part = replace(
        samples,
        signals={name: samples.signals[name] for name in names},
        rows={name: samples.rows[name] for name in names},
    )
    return part.at(kept), kept.numpy()
