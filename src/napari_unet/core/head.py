"""The first answer: a convex, regularised, class-balanced fit of the last 1×1 convolution.

The bundled network's features are frozen; only a linear map from features to classes is fitted
on the painted pixels. Ridge regression has a closed form, and the features are pre-trained
through it (Bertinetto et al. 2019, arXiv 1805.08136).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

NEVER = -30.0  # a logit that loses against any fitted class
_SCALE = 3.5  # logits per unit of the regression, as pre-training learnt it
_PENALTY = 3.0  # for one stroke of each class, in units of the features' variance
_TILT = 0.65  # how much of a class's share of the image counts


def balance(targets: Tensor, classes: int) -> Tensor:
    """Weight of each of (n,) targets so that every class present sums to the same; sum 1."""
    counts = torch.bincount(targets, minlength=classes).float()
    return (1 / counts.clamp(min=1))[targets] / (counts > 0).sum()


def ridge(
    features: Tensor, targets: Tensor, classes: int, strength: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Weighted ridge regression onto centred one-hot targets.

    Parameters
    ----------
    features : (n, D) float32
    targets : (n,) int64
        Classes 0…K-1.
    strength : float
        Weight of the penalty on the squared norm of the weights.

    Returns
    -------
    weight : (K, D), bias : (K,)
    """
    w = balance(targets, classes)[:, None]
    present = torch.bincount(targets, minlength=classes) > 0
    y = F.one_hot(targets, classes).float() - present.float() / present.sum()
    mean_x, mean_y = (w * features).sum(0), (w * y).sum(0)
    x = features - mean_x
    gram = (x * w).T @ x
    gram = gram + strength * torch.eye(len(gram), device=gram.device)
    weight = torch.linalg.solve(gram, (x * w).T @ (y - mean_y)).T
    return weight, mean_y - weight @ mean_x


def penalty(features: Tensor, strokes: float) -> float:
    """Strength of `ridge` for so many strokes of each class.

    A stroke's pixels are much alike, so it is strokes that count as observations, not pixels.
    """
    return _PENALTY / max(strokes, 1.0) * float(features.var(0, correction=0).mean()) + 1e-6


def fit_head(
    features: Tensor, targets: Tensor, classes: int, strokes: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Fit the last layer: `ridge` among the classes that are painted; others never win.

    Arguments and returns as in `ridge`; `strokes` as in `penalty`.
    """
    present, inverse = torch.unique(targets, return_inverse=True)
    fitted, offset = ridge(features, inverse, len(present), penalty(features, strokes))
    weight = features.new_zeros(classes, features.shape[1])
    bias = features.new_full((classes,), NEVER)
    weight[present], bias[present] = _SCALE * fitted, _SCALE * offset
    return weight, bias


def tilt(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """What to add to the bias so that classes win in proportion to how much of the image they are.

    Strokes say nothing of that: a fit gives all classes the same weight, so a rare one would win
    too often. Their shares are estimated from the fit's own mean probabilities; correcting for all
    of them would be right if these were calibrated (Saerens et al. 2002,
    doi 10.1162/089976602753284446).

    Parameters
    ----------
    features : (m, D) float32
        Of pixels painted or not.
    weight : (K, D), bias : (K,)

    Returns
    -------
    (K,) float32; 0 for classes that never win
    """
    fitted = bias > NEVER / 2
    share = (features @ weight.T + bias).softmax(1).mean(0)
    tilted = _TILT * (share * fitted.sum()).clamp(min=1e-3).log()
    return torch.where(fitted, tilted, 0.0)
