"""How unsure a prediction is, and where one more stroke would help most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.transform import downscale_local_mean

REACH = 16.0  # px that a stroke decides around itself: the σ at which uncertainty is summed
_COARSE = 4  # px to a side of the squares that are reckoned with; a stroke is larger
_KNOWN = 2.0  # times REACH around paint and told places, within which little is to be gained
_LEAST = 0.02  # mean uncertainty around a place, under which nothing is worth a stroke

Place = tuple[int, int]  # y, x in px


def uncertainty(probabilities: NDArray[Any]) -> NDArray[np.uint8]:
    """How near the second best class comes to the best: 1 − (p₁ − p₂).

    Parameters
    ----------
    probabilities : (K, ...) float
        Of K ≥ 2 classes; they sum to 1.

    Returns
    -------
    (...) uint8
        0 where one class is certain, 255 where two are alike.
    """
    second, first = np.partition(probabilities, -2, axis=0)[-2:]
    found: NDArray[np.uint8] = np.rint(255 * (1 - (first - second))).astype(np.uint8)
    return found


def certainty(probabilities: NDArray[Any]) -> NDArray[np.uint8]:
    """The probability of the most probable class, which objects of any class are cut by.

    Parameters
    ----------
    probabilities : (K, ...) float, 0…1

    Returns
    -------
    (...) uint8
        255 where one class is certain.
    """
    highest = np.clip(probabilities.max(axis=0), 0, 1)  # those of a stranger's network may be more
    found: NDArray[np.uint8] = np.rint(255 * highest).astype(np.uint8)
    return found


def next_place(
    unsure: NDArray[Any], known: NDArray[np.bool_], told: Sequence[Place] = ()
) -> Place | None:
    """Where a stroke meets the most uncertainty that nobody has painted at.

    Uncertainty is summed with the weight that a stroke has around itself, a Gaussian of σ
    `REACH`; beyond the edge of the plane there is none. What is near paint, or near a place
    that was told before, counts less.

    Parameters
    ----------
    unsure : (Y, X) uint8
        As from `uncertainty`; 0 where it is not known.
    known : (Y, X) bool
        Where there is paint.
    told : sequence of (y, x)
        Places that were suggested before, px.

    Returns
    -------
    (y, x) in px, or None where nothing is left to ask for.
    """
    coarse = downscale_local_mean(unsure.astype(np.float32) / 255, (_COARSE, _COARSE))
    taken = downscale_local_mean(known.astype(np.float32), (_COARSE, _COARSE)) > 0
    for y, x in told:
        taken[y // _COARSE, x // _COARSE] = True
    mass = ndi.gaussian_filter(coarse, REACH / _COARSE, mode="constant")
    if taken.any():
        away = ndi.distance_transform_edt(~taken) * _COARSE / (_KNOWN * REACH)
        mass *= 1 - np.exp(-0.5 * away**2)
    if mass.max(initial=0) < _LEAST:
        return None
    middle = np.array(np.unravel_index(mass.argmax(), mass.shape)) * _COARSE + _COARSE // 2
    row, column = np.minimum(middle, np.array(unsure.shape) - 1)
    return int(row), int(column)
