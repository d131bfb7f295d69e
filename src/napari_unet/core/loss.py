"""What the network is trained on: paint, and agreement with the shown prediction elsewhere."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def partial_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy over the painted pixels, divided by their summed weight.

    So 1 % of painted pixels give as much gradient as 100 % (cf. Çiçek et al. 2016,
    arXiv 1606.06650: weight 0 for unlabelled), and an unlabelled pixel gives none.

    Parameters
    ----------
    logits : (N, K, Y, X) float32
    labels : (N, Y, X) int64
        0 unlabelled, 1…K.
    weights : (N, Y, X) float32
        Weight of each pixel, equation 2; not looked at where unlabelled.

    Returns
    -------
    () float32; 0 where nothing is painted.
    """
    painted = weights * (labels > 0)
    losses = F.cross_entropy(logits, (labels - 1).clamp(min=0), reduction="none")
    return (painted * losses).sum() / painted.sum().clamp(min=1e-6)


def agreement_loss(logits: Tensor, target: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy with target probabilities over the pixels that are not painted.

    Parameters
    ----------
    logits : (N, K, Y, X) float32
    target : (N, K, Y, X) float32
        Probabilities; all 0 where there is no target.
    labels : (N, Y, X) int64
        0 unlabelled, 1…K.

    Returns
    -------
    () float32; 0 where no pixel has a target.
    """
    losses = -(target * logits.log_softmax(1)).sum(1)
    held = (labels == 0) & (target.sum(1) > 0.5)
    return (held * losses).sum() / held.sum().clamp(min=1)
