"""From painted objects to what is trained on: classes with a ridge, and the weights of pixels.

Painted objects have ids: 0 is unlabelled, 1 background, 2, 3, … the objects. A network that only
knows classes learns to keep touching objects apart if the pixels between them are background, and
count much (section 3 of the 2015 paper; Falk et al. 2019, doi 10.1038/s41592-018-0261-2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from skimage.segmentation import relabel_sequential

from napari_unet.core.annotations import ClassMap
from napari_unet.core.weighting import BACKGROUND, class_weights, two_distances

OBJECT = BACKGROUND + 1  # the class of objects, and the first id of one
_REACH = 4.0  # standard deviations beyond which nothing is added


class Borders(Struct, frozen=True):
    """How much background pixels count near objects.

    Attributes
    ----------
    weight, sigma : w0 and σ (px) of w0·exp(−(d1 + d2)² / 2σ²), for pixels between two objects.
    far : weight of background far from all objects, where an object's pixel has 1; None balances
        the classes by their painted pixels.
    fade : px over which background loses weight with its distance to the nearest object.
    """

    weight: float
    sigma: float
    far: float | None = None
    fade: float = 10.0


PRESETS = {"2015": Borders(10.0, 5.0), "2019": Borders(50.0, 6.0, far=0.1)}


def classes_of(objects: NDArray[Any]) -> ClassMap:
    """The classes of painted objects, with a ridge of background where two of them touch.

    Parameters
    ----------
    objects : (Y, X) integers
        0 unlabelled, 1 background, 2, 3, … objects.

    Returns
    -------
    (Y, X) uint8
        0 unlabelled, 1 background, 2 object. Of two pixels that share a side or a corner and
        belong to different objects, the upper or the left one is background.
    """
    classes: ClassMap = np.minimum(objects, OBJECT).astype(np.uint8)
    height, width = objects.shape
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):  # corners last: most are apart by then
        here = slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0))
        there = slice(dy, height), slice(max(dx, 0), width + min(dx, 0))
        both = (classes[here] == OBJECT) & (classes[there] == OBJECT)
        classes[here][both & (objects[here] != objects[there])] = BACKGROUND
    return classes


def weights_of(objects: NDArray[Any], borders: Borders) -> tuple[ClassMap, NDArray[np.float32]]:
    """The classes of painted objects, and how much each pixel counts in the loss.

    Parameters
    ----------
    objects : (Y, X) integers
        0 unlabelled, 1 background, 2, 3, … objects.
    borders : Borders

    Returns
    -------
    classes : (Y, X) uint8, see `classes_of`
    weights : (Y, X) float32, 0 where nothing is painted
    """
    classes = classes_of(objects)
    alone, _, _ = relabel_sequential(np.where(classes == OBJECT, objects, 0))
    nearest, second = two_distances(alone, _REACH * max(borders.sigma, borders.fade))
    gap = nearest.astype(np.float64) + second
    between = borders.weight * np.exp(-(gap**2) / (2 * borders.sigma**2))
    if borders.far is None:
        counts = np.bincount(classes.ravel(), minlength=256)
        counts[0] = 0
        weights = class_weights(counts)[classes].astype(np.float64)
    else:
        near = np.exp(-(nearest.astype(np.float64) ** 2) / (2 * borders.fade**2))
        weights = np.where(classes == OBJECT, 1, borders.far + (1 - borders.far) * near)
    weights += between * (classes == BACKGROUND)
    return classes, (weights * (classes > 0)).astype(np.float32)
