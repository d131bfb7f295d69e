"""How much each painted pixel counts: class balance and the border weight of equation 2.

Section 3 of the 2015 paper, and Falk et al. 2019, doi 10.1038/s41592-018-0261-2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label

from napari_unet.core.annotations import ClassMap
from napari_unet.core.settings import Training

_REACH = 4.0  # standard deviations of d1 + d2 beyond which the border weight is left out
BACKGROUND = 1  # the class between the objects


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

    @classmethod
    def of(cls, training: Training) -> Borders:
        """What the settings ask for."""
        if training.borders != "own":
            return BORDERS[training.borders]
        return cls(training.border_weight, training.border_sigma, training.far_background or None)


BORDERS = {"2015": Borders(10.0, 5.0), "2019": Borders(50.0, 6.0, far=0.1)}


def pixel_weights(
    classes: ClassMap, borders: Borders, counts: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """How much each pixel counts in the loss.

    Parameters
    ----------
    classes : (Y, X) or (Z, Y, X) uint8
        0 unlabelled, 1 background, 2…K; each connected region of one or several of the latter is
        an object.
    borders : Borders
    counts : (256,) int64, optional
        Painted pixels of each class that are balanced; by default those of this plane.

    Returns
    -------
    float32 of the same shape, 0 where nothing is painted
    """
    if counts is None:
        counts = np.bincount(classes.ravel(), minlength=256)
        counts[0] = 0
    if classes.ndim == 3:
        return _slice_by_slice(classes, borders, counts)
    objects = label(classes > BACKGROUND, connectivity=1)
    nearest, second = two_distances(objects, _REACH * max(borders.sigma, borders.fade))
    gap = nearest.astype(np.float64) + second
    between = borders.weight * np.exp(-(gap**2) / (2 * borders.sigma**2))
    if borders.far is None:
        weights = class_weights(counts)[classes].astype(np.float64)
    else:
        near = np.exp(-(nearest.astype(np.float64) ** 2) / (2 * borders.fade**2))
        weights = np.where(classes > BACKGROUND, 1, borders.far + (1 - borders.far) * near)
    weights += between * (classes == BACKGROUND)
    return (weights * (classes > 0)).astype(np.float32)


def _slice_by_slice(
    classes: ClassMap, borders: Borders, counts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The same for each slice of a volume (Z, Y, X): strokes lie in slices, and so do borders."""
    weights = np.zeros(classes.shape, np.float32)
    for z in np.flatnonzero(classes.any((1, 2))):
        weights[z] = pixel_weights(classes[z], borders, counts)
    return weights


def class_weights(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weight w_c of each value from its number of painted pixels, mean 1 over the paint.

    All classes get the same sum, so a rare class is not drowned (section 3, equation 2).

    Parameters
    ----------
    counts : (256,) int64
        Painted pixels of each value; 0 where a class is not painted.

    Returns
    -------
    (256,) float32, 0 for values that are not painted.
    """
    painted = counts > 0
    weights = np.zeros(len(counts), np.float32)
    weights[painted] = counts.sum() / (painted.sum() * counts[painted])
    return weights


def border_weights(classes: ClassMap, w0: float, sigma: float) -> NDArray[np.float32]:
    """w0·exp(−(d1 + d2)² / 2σ²) on painted background, 0 elsewhere: equation 2.

    d1 and d2 are the distances to the nearest and the second nearest object. Objects are the
    connected regions of the painted classes other than background.

    Parameters
    ----------
    classes : (Y, X) uint8
        0 unlabelled, 1 background, 2…K objects.
    w0 : float
    sigma : float
        In px.
    """
    objects = label(classes > BACKGROUND, connectivity=1)
    return border_weights_of(objects, classes == BACKGROUND, w0, sigma)


def border_weights_of(
    objects: NDArray[np.integer], where: NDArray[np.bool_], w0: float, sigma: float
) -> NDArray[np.float32]:
    """As `border_weights`, for objects (Y, X) that have ids, on the pixels `where`.

    Exact, and local: each object is looked at in its own box, grown by as far as it can matter.
    """
    nearest, second = two_distances(objects, _REACH * sigma)
    gap = nearest.astype(np.float64) + second
    weights = w0 * np.exp(-(gap**2) / (2 * sigma**2)) * where
    return np.where(np.isfinite(gap), weights, 0).astype(np.float32)


def two_distances(
    objects: NDArray[np.integer], reach: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distances in px to the nearest and second nearest object; infinite beyond `reach`."""
    nearest = np.full(objects.shape, np.inf, np.float32)
    second = np.full(objects.shape, np.inf, np.float32)
    pad = int(np.ceil(reach)) + 1
    boxes: Sequence[tuple[slice, ...] | None] = ndi.find_objects(objects)  # None: no such id
    for number, box in enumerate(boxes, start=1):
        if box is None:
            continue
        grown = tuple(
            slice(max(0, s.start - pad), min(n, s.stop + pad))
            for s, n in zip(box, objects.shape, strict=True)
        )
        distance = ndi.distance_transform_edt(objects[grown] != number).astype(np.float32)
        distance[distance > reach] = np.inf
        one, two = nearest[grown], second[grown]
        np.minimum(two, np.maximum(one, distance), out=two)
        np.minimum(one, distance, out=one)
    return nearest, second
