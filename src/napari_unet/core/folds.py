"""Strokes dealt into folds, so that a fit can be judged on strokes that it has not seen."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_unet.core.annotations import ClassMap, strokes
from napari_unet.core.head import balance, penalty, ridge

FOLDS = 5


def folds(paint: ClassMap) -> NDArray[np.uint8]:
    """The fold 0…4 of each painted pixel: (Y, X), 0 where nothing is painted.

    Each class's strokes are dealt in turn, so a fold holds strokes of all classes if it can. A
    class's only stroke is cut in two halves.
    """
    dealt = np.zeros(paint.shape, np.uint8)
    regions = strokes(paint)
    for number in np.unique(paint[paint > 0]):
        own = paint == number
        names, which = np.unique(regions[own], return_inverse=True)
        if len(names) == 1:
            points = np.argwhere(own)
            along = points[:, int(np.ptp(points, axis=0).argmax())]
            which = (along > np.median(along)).astype(int)
        dealt[own] = which % FOLDS
    return dealt


def cross_validated(
    features: Tensor, targets: Tensor, fold: Tensor, classes: int, strokes: float
) -> float:
    """Squared error of ridge fits on the strokes that each was fitted without.

    Parameters
    ----------
    features : (n, D) float32
    targets : (n,) int64, classes 0…K-1
    fold : (n,) uint8
    classes : int
    strokes : float
        Of each class; see `penalty`.

    Returns
    -------
    float
        Mean over classes; of folds whose complement has all painted classes. Infinite where
        there is none.
    """
    wanted = functional.one_hot(targets, classes).float() - 1 / classes
    painted = len(torch.unique(targets))
    strength = penalty(features, strokes)
    errors, judged = [], []
    for number in torch.unique(fold):
        kept = fold == number
        if len(torch.unique(targets[~kept])) == painted:
            weight, bias = ridge(features[~kept], targets[~kept], classes, strength)
            found = features[kept] @ weight.T + bias
            errors.append((found - wanted[kept]).square().sum(1))
            judged.append(targets[kept])
    if not errors:
        return float("inf")
    return float((balance(torch.cat(judged), classes) * torch.cat(errors)).sum())
