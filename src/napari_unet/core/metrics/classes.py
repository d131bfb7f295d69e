"""How well a class map agrees with the truth: IoU and Dice, for each class and as a mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Confusion = NDArray[np.int64]


def confusion(truth: NDArray[Any], prediction: NDArray[Any], classes: int) -> Confusion:
    """Count the pixels of each pair of true and predicted class.

    Parameters
    ----------
    truth, prediction : (Y, X) integers
        Classes 1…`classes`; where the truth is 0 (unlabelled) nothing is counted.
    classes : int

    Returns
    -------
    (classes + 1, classes + 1) int64
        Rows are the true class, columns the predicted one; row 0 is empty, column 0 holds
        labelled pixels for which nothing was predicted. Tables of several images add up.

    Raises
    ------
    ValueError
        If the shapes differ or a value lies outside 0…`classes`.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"the truth is {truth.shape} and the prediction {prediction.shape}")
    for name, values in (("truth", truth), ("prediction", prediction)):
        if values.size and not 0 <= int(values.min()) <= int(values.max()) <= classes:
            raise ValueError(f"the {name} holds values outside 0…{classes}")
    labelled = truth > 0
    pairs = truth[labelled].astype(np.int64) * (classes + 1) + prediction[labelled]
    table: Confusion = np.bincount(pairs, minlength=(classes + 1) ** 2)
    return table.reshape(classes + 1, classes + 1).astype(np.int64)


def iou(table: Confusion) -> NDArray[np.float64]:
    """Intersection over union of classes 1…K: (K,) float64 in 0…1.

    NaN for a class that neither the truth nor the prediction has.
    """
    hit, truth, predicted = _sums(table)
    return _ratio(hit, truth + predicted - hit)


def dice(table: Confusion) -> NDArray[np.float64]:
    """Dice (F1 over pixels) of classes 1…K: (K,) float64 in 0…1; NaN as in `iou`."""
    hit, truth, predicted = _sums(table)
    return _ratio(2 * hit, truth + predicted)


def mean(scores: NDArray[np.float64]) -> float:
    """Mean over the classes that are present; NaN if none is."""
    present = scores[~np.isnan(scores)]
    return float(present.mean()) if present.size else float("nan")


def _sums(table: Confusion) -> tuple[Confusion, Confusion, Confusion]:
    """Pixels right, true and predicted, of classes 1…K."""
    return np.diag(table)[1:], table.sum(axis=1)[1:], table.sum(axis=0)[1:]


def _ratio(part: Confusion, whole: Confusion) -> NDArray[np.float64]:
    scores = np.full(len(whole), np.nan)
    np.divide(part, whole, out=scores, where=whole > 0)
    return scores
