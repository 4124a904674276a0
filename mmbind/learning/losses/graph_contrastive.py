"""Contrastive loss with a graph of positives: a window's own views, and those of its partners.

Source: the supervised contrastive loss of P. Khosla et al., NeurIPS 2020, arXiv 2004.11362,
equation 2, with weighted positives: what a class is there, a weighted edge is here.
"""

from __future__ import annotations

import torch
from torch import Tensor


def graph_contrastive(embeddings: Tensor, present: Tensor, affinity: Tensor, temperature: float) -> Tensor:
    r"""Pulls views together as strongly as their windows are connected.

    With z_iv the embedding of view v of window i, and a_ik the affinity of two windows::

        p(ku|iv) = exp(z_iv.z_ku/tau) / sum_{(l,w) != (i,v)} exp(z_iv.z_lw/tau)
        l(i,v)   = - sum_{(k,u) != (i,v)} a_ik log p(ku|iv) / sum_{(k,u) != (i,v)} a_ik
        L        = mean of l over the views that have a positive

    Views whose affinities are all 0 but their own are negatives only. Memory is O((V B)^2).

    Args:
        embeddings: float32 (views, windows, dimensions), unit vectors where present; what
            stands at absent places is never read.
        present: bool (views, windows).
        affinity: float32 (windows, windows), at least 0; the diagonal weighs a window's own
            other views.
        temperature: tau, above 0.

    Returns:
        The scalar loss; 0 (with zero gradient) when no view has a positive.

    Raises:
        ValueError: when shapes disagree or the temperature is not positive.

    Example:
        >>> z = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
        >>> float(graph_contrastive(z, torch.ones(2, 2, dtype=torch.bool), torch.eye(2), 0.1)) < 1e-3
        True
    """
    windows = present.shape[1]
    if embeddings.ndim != 3 or present.shape != embeddings.shape[:2] or affinity.shape != (windows, windows):
        raise ValueError(
            f"shapes disagree: embeddings {tuple(embeddings.shape)}, present {tuple(present.shape)}, "
            f"affinity {tuple(affinity.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    views, owners = present.nonzero(as_tuple=True)
    everyone = embeddings[views, owners]
    itself = torch.eye(len(owners), dtype=torch.bool, device=owners.device)
    weights = affinity[owners][:, owners].masked_fill(itself, 0.0)
    total = weights.sum(dim=1)
    anchors = (total > 0).nonzero().squeeze(1)
    if not len(anchors):
        return everyone.sum() * 0.0
    logits = (everyone @ everyone.T / temperature).masked_fill(itself, -torch.inf)[anchors]
    pull = (weights[anchors] * logits.masked_fill(itself[anchors], 0.0)).sum(dim=1) / total[anchors]
    return (logits.logsumexp(dim=1) - pull).mean()
