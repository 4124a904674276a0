"""Closing the gap between sources in embedding space: what is peculiar to a source is taken away.

Devices, body places and habits shift and stretch the embeddings of a whole source. Each map
below is affine, one per source, fitted on the source's unlabelled windows alone:

=========== ======================= ====================================================
name        x of source s becomes   afterwards all sources have
=========== ======================= ====================================================
none        x                       (nothing)
centre      x - m_s                 the same mean
standardise (x - m_s) / d_s         the same mean and deviation of every dimension
whiten      (x - m_s) C_s^-1/2      the same mean; no dimension counts more than another
coral       (x - m_s) C_s^-1/2 C^1/2 the same mean and covariance: that of the mean source
=========== ======================= ====================================================

Sources: B. Sun, J. Feng, K. Saenko, Return of Frustratingly Easy Domain Adaptation, AAAI 2016,
arXiv 1511.05547, algorithm 1 (CORAL; there one domain is mapped on the other, here all on the
mean covariance C, so that none is the reference); A. Kessy et al., Optimal Whitening and
Decorrelation, The American Statistician 2018, section 2 (ZCA, the whitening that turns least).

They assume that sources do about the same things about equally often. Where one source jogs
and the other sits, its mean is jogging, and taking it away does harm: ``docs/encoders.md``
has the figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mmbind.config.shared import AlignmentName

#: Share of the mean variance that is added to every variance before roots are inverted.
SHRINKAGE = 0.1
#: Alignments that turn dimensions into each other.
FULL = ("whiten", "coral")


@dataclass
class Moments:
    """Sums over the embeddings of one source, float64.

    Attributes:
        dimensions: size of an embedding.
        count: how many were added.
        total: (dimensions,) sum.
        products: (dimensions, dimensions) sum of outer products.
    """

    dimensions: int
    count: int = 0
    total: Tensor = field(init=False)
    products: Tensor = field(init=False)

    def __post_init__(self) -> None:
        """Starts at zero."""
        self.total = torch.zeros(self.dimensions, dtype=torch.float64)
        self.products = torch.zeros(self.dimensions, self.dimensions, dtype=torch.float64)

    def add(self, vectors: Tensor) -> None:
        """Adds embeddings, float64 (n, dimensions)."""
        self.count += len(vectors)
        self.total += vectors.sum(dim=0)
        self.products += vectors.T @ vectors

    @property
    def mean(self) -> Tensor:
        """(dimensions,)."""
        return self.total / max(self.count, 1)

    @property
    def covariance(self) -> Tensor:
        """(dimensions, dimensions), shrunk; the unit matrix where nothing varies."""
        spread = self.products / max(self.count, 1) - torch.outer(self.mean, self.mean)
        level = spread.diagonal().mean().clamp_min(0.0)
        if level <= 1e-12 * (1.0 + self.mean.square().mean()):
            return torch.eye(self.dimensions, dtype=torch.float64)
        return (spread + spread.T) / 2 + SHRINKAGE * level * torch.eye(self.dimensions, dtype=torch.float64)


class Alignment(nn.Module):
    """One affine map per source; the maps are buffers, so the state is the alignment."""

    mean: Tensor
    transform: Tensor

    def __init__(self, name: AlignmentName, dimensions: int, sources: int) -> None:
        """Sets up maps that change nothing.

        Args:
            name: which alignment.
            dimensions: size of an embedding.
            sources: how many there are.
        """
        super().__init__()
        self.name = name
        kept = 0 if name == "none" else sources
        shape = (dimensions, dimensions) if name in FULL else (dimensions,)
        unit = torch.eye(dimensions, dtype=torch.float64) if name in FULL else torch.ones(shape, dtype=torch.float64)
        self.register_buffer("mean", torch.zeros(kept, dimensions, dtype=torch.float64))
        self.register_buffer("transform", unit.expand(kept, *shape).clone())

    def learn(self, moments: Iterable[Moments]) -> None:
        """Takes the maps from the moments of all sources, in their order."""
        if self.name == "none":
            return
        known = list(moments)
        covariances = [each.covariance for each in known]
        common = torch.stack(covariances).mean(dim=0)
        for row, (each, covariance) in enumerate(zip(known, covariances, strict=True)):
            self.mean[row] = each.mean
            if self.name == "standardise":
                self.transform[row] = covariance.diagonal().rsqrt()
            elif self.name == "whiten":
                self.transform[row] = _power(covariance, -0.5)
            elif self.name == "coral":
                self.transform[row] = _power(covariance, -0.5) @ _power(common, 0.5)

    def forward(self, vectors: Tensor, sources: Tensor) -> Tensor:
        """Aligns embeddings.

        Args:
            vectors: float64 (n, dimensions).
            sources: int64 (n,), position of each one's source.

        Returns:
            float64 (n, dimensions).
        """
        if self.name == "none":
            return vectors
        out = vectors - self.mean[sources]
        if self.name not in FULL:
            return out * self.transform[sources]
        for source in sorted(set(sources.tolist())):
            here = sources == source
            out[here] = out[here] @ self.transform[source]
        return out


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive matrix."""
    values: Tensor
    vectors: Tensor
    values, vectors = torch.linalg.eigh(matrix)
    raised = vectors * values.clamp_min(1e-12).pow(exponent)
    return raised @ vectors.T
