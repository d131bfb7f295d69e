"""The first answer: a convex, regularised, class-balanced fit of the last 1×1 convolution.

The bundled network's features are frozen; only a linear map from features to classes is fitted
on the painted pixels. `ridge` has a closed form (Bertinetto et al. 2019, arXiv 1805.08136: the
features are pre-trained through it); `logistic` starts there and minimises cross-entropy.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

NEVER = -30.0  # a logit that loses against any fitted class


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


def logistic(
    features: Tensor,
    targets: Tensor,
    classes: int,
    *,
    strength: float = 1e-3,
    scale: float = 8.0,
    iterations: int = 30,
) -> tuple[Tensor, Tensor]:
    """Class-balanced multinomial logistic regression, started at `scale` × the ridge solution.

    Features are standardised inside, so the penalty treats all alike and no weight is huge.
    Arguments and returns as in `ridge`.
    """
    mean, spread = features.mean(0), features.std(0, correction=0).clamp(min=1e-3)
    x = (features - mean) / spread
    weight, bias = ridge(x, targets, classes, 0.1)
    weight = (scale * weight).detach().requires_grad_()
    bias = (scale * bias).detach().requires_grad_()
    importance = balance(targets, classes)
    solver = torch.optim.LBFGS([weight, bias], max_iter=iterations, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        solver.zero_grad()
        with torch.enable_grad():
            losses = F.cross_entropy(x @ weight.T + bias, targets, reduction="none")
            loss = (importance * losses).sum() + strength * weight.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(objective)  # type: ignore[no-untyped-call]
    weight, bias = weight.detach() / spread, bias.detach()
    return weight, bias - weight @ mean


def fit_head(features: Tensor, targets: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Fit the last layer: `logistic` among the classes that are painted; others never win.

    Arguments and returns as in `ridge`.
    """
    present, inverse = torch.unique(targets, return_inverse=True)
    fitted, offset = logistic(features, inverse, len(present))
    weight = features.new_zeros(classes, features.shape[1])
    bias = features.new_full((classes,), NEVER)
    weight[present], bias[present] = fitted, offset
    return weight, bias
