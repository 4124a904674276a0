"""Weighted contrastive loss over any combination of modalities.

Source: X. Ouyang et al., MMBind, SenSys 2025, arXiv 2411.12126, the weighted contrastive
loss of its second stage; its core is the supervised contrastive loss of P. Khosla et al.,
NeurIPS 2020, arXiv 2004.11362, equation 2, with the views of one sample as positives.
"""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_contrastive(embeddings: Tensor, present: Tensor, weights: Tensor, temperature: float) -> Tensor:
    r"""Pulls the views of a sample together, against every other present view of the batch.

    With z_iv the embedding of view v of sample i, V(i) the views present in i::

        l(i,v) = - 1/(|V(i)|-1) sum_{v' in V(i), v' != v} log( exp(z_iv.z_iv'/tau)
                                 / sum_{(k,u) != (i,v), u in V(k)} exp(z_iv.z_ku/tau) )
        L      = sum_i w_i sum_{v in V(i)} l(i,v) / (number of anchors)

    Anchors are the present views of samples with at least two of them. Other present views
    are negatives only; absent views take no part. Memory is O((V B)^2).

    Args:
        embeddings: float32 (views, samples, dimensions), unit vectors where present; what
            stands at absent places is never read.
        present: bool (views, samples).
        weights: float32 (samples,), of the samples' own terms.
        temperature: tau, above 0.

    Returns:
        The scalar loss; 0 (with zero gradient) when no sample has two views.

    Raises:
        ValueError: when shapes disagree or the temperature is not positive.

    Example:
        >>> z = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
        >>> float(weighted_contrastive(z, torch.ones(2, 2, dtype=torch.bool), torch.ones(2), 0.1)) < 1e-3
        True
    """
    if embeddings.ndim != 3 or present.shape != embeddings.shape[:2] or weights.shape != present.shape[1:]:
        raise ValueError(
            f"shapes disagree: embeddings {tuple(embeddings.shape)}, present {tuple(present.shape)}, "
            f"weights {tuple(weights.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    views, samples = present.nonzero(as_tuple=True)
    anchors = (present.sum(dim=0) >= 2)[samples].nonzero().squeeze(1)
    everyone = embeddings[views, samples]
    if not len(anchors):
        return everyone.sum() * 0.0
    logits = everyone[anchors] @ everyone.T / temperature
    itself = anchors[:, None] == torch.arange(len(samples), device=samples.device)
    logits = logits.masked_fill(itself, -torch.inf)
    positive = (samples[anchors, None] == samples) & ~itself
    pull = logits.masked_fill(~positive, 0.0).sum(dim=1) / positive.sum(dim=1)
    terms = weights[samples[anchors]] * (logits.logsumexp(dim=1) - pull)
    return terms.sum() / len(anchors)
