"""Label binding: windows are compared by the names of their classes.

Where the shared modality is the label, partners are windows of the same class. Where label
sets overlap only partly, class names are compared and the most similar class is taken (MMBind,
arXiv 2411.12126, label as the shared modality; there by a pretrained sentence embedding).
mmbind loads no pretrained model: names are compared by their n-grams of characters (W. B.
Cavnar and J. M. Trenkle, N-Gram-Based Text Categorization, SDAIR 1994), after the study's own
table ``shared.synonyms`` has replaced names. N-grams see that ``walking_fast`` is like
``walk``; that ``jog`` is like ``run`` they cannot see: say so in ``synonyms``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmbind.config import Shared
from mmbind.encoders.base import SharedEncoder
from mmbind.learning.compute import derived_seed
from mmbind.windows.store import ModalitySpec, Signals

#: Lengths of the n-grams; a name has a blank on both sides.
LENGTHS = (2, 3, 4)
#: Random numbers per window; they choose among the windows of a class.
DRAWS = 8
#: What a name is made of; the rest only parts words.
WORD = re.compile(r"[^\W_]+")
#: Length of the random part of an embedding.
CHANCE = 0.1


class LabelNames(SharedEncoder):
    """A class name's n-grams as embedding, and a small random part per window.

    All windows of a class would have one embedding, and all anchors of a class the same
    partner. So every window carries :data:`DRAWS` numbers drawn by its id and the seed; with
    length :data:`CHANCE` they decide among equals alone: similarity is 0.99 times that of the
    names, plus or minus 0.01.
    """

    names: Tensor

    def __init__(self, spec: ModalitySpec, shared: Shared) -> None:
        """Compares the names; nothing is learned."""
        super().__init__(spec, shared)
        classes = spec.channels[:-DRAWS]
        self.register_buffer("names", torch.from_numpy(embed_names(classes, shared.synonyms)))

    @property
    def dimensions(self) -> int:
        """The number of distinct n-grams, and the random part."""
        return self.names.shape[1] + DRAWS

    def learn(self, signals: Signals, work: Path | None) -> list[float]:
        """Learns nothing."""
        return []

    def forward(self, signals: Tensor) -> Tensor:
        """Embeddings of :func:`label_signals`, float32 (windows, dimensions)."""
        named, draws = signals[:, 0, :-DRAWS] @ self.names, signals[:, 0, -DRAWS:]
        return torch.cat([math.sqrt(1 - CHANCE**2) * named, CHANCE * draws], dim=1)


def embed_names(classes: Sequence[str], synonyms: Mapping[str, str]) -> Signals:
    """Unit vectors of n-gram counts, so that their product is the cosine of the names.

    Args:
        classes: names.
        synonyms: names and what replaces them.

    Returns:
        float32 (classes, distinct n-grams).
    """
    counts = [Counter(_ngrams(synonyms.get(name, name))) for name in classes]
    vocabulary = {ngram: column for column, ngram in enumerate(sorted(set().union(*counts)))}
    vectors = np.zeros((len(classes), max(len(vocabulary), 1)))
    for row, counted in enumerate(counts):
        for ngram, count in counted.items():
            vectors[row, vocabulary[ngram]] = count
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    unit: Signals = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


def label_spec(classes: Sequence[str]) -> ModalitySpec:
    """What :func:`label_signals` returns: one step, a channel per class, and the draws."""
    return ModalitySpec(1, [*classes, *(f"draw {number}" for number in range(DRAWS))], "1", None)


def label_signals(windows: Sequence[str], labels: Sequence[str], classes: Sequence[str], seed: int) -> Signals:
    """Labels as windows of one step, so that every encoder takes the same input.

    Args:
        windows: window ids (n).
        labels: their labels (n), each one of the classes.
        classes: all labels, sorted.
        seed: of the draws.

    Returns:
        float32 (n, 1, classes + DRAWS): 1 for the window's class, and a random unit vector.
    """
    column = {name: position for position, name in enumerate(classes)}
    signals = np.zeros((len(windows), 1, len(classes) + DRAWS), dtype=np.float32)
    for row, (window, label) in enumerate(zip(windows, labels, strict=True)):
        signals[row, 0, column[label]] = 1.0
        draws = np.random.default_rng(derived_seed(seed, "labels", window)).normal(size=DRAWS)
        signals[row, 0, -DRAWS:] = draws / np.sqrt((draws**2).sum())
    return signals


def _ngrams(name: str) -> list[str]:
    """N-grams of a name in small letters, its words apart, a blank on both sides."""
    text = " ".join(["", *WORD.findall(name.casefold()), ""])
    return [text[start : start + length] for length in LENGTHS for start in range(len(text) - length + 1)]
