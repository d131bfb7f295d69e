"""The scores of the ISBI 2012 challenge, each at the threshold that is best for the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label
from skimage.segmentation import watershed

from napari_unet.core.metrics.borders import pixel_error, warp
from napari_unet.core.metrics.clusters import rand_error, v_info, v_rand
from napari_unet.core.metrics.overlaps import contingency

THRESHOLDS = tuple(round(0.1 * k, 1) for k in range(10))  # the challenge's 0, 0.1, … 0.9


class Isbi(Struct, frozen=True):
    """Scores of one plane. V: 1 is best; errors: 0 is best.

    Attributes
    ----------
    v_rand, v_info : after thinning the borders to one pixel (the challenge's scores since 2015).
    rand_error, pixel_error, warping_error : without thinning (its scores before).
    splits_and_mergers : of the warping, per pixel.
    """

    v_rand: float
    v_info: float
    rand_error: float
    pixel_error: float
    warping_error: float
    splits_and_mergers: float


def isbi(
    truth: NDArray[Any], inside: NDArray[Any], thresholds: Sequence[float] = THRESHOLDS
) -> Isbi:
    """Judge a map of cells and membranes.

    Parameters
    ----------
    truth : (Y, X)
        0 on membranes, another value inside cells.
    inside : (Y, X) float
        Probability of lying inside a cell, 0…1.
    thresholds : floats
        What is above lies inside; each score is taken at its best one.

    Raises
    ------
    ValueError
        If the shapes differ or no threshold is given.
    """
    if truth.shape != inside.shape:
        raise ValueError(f"the truth is {truth.shape} and the result {inside.shape}")
    cells = regions(truth > 0)
    rows = [_at(truth > 0, cells, inside > threshold) for threshold in thresholds]
    if not rows:
        raise ValueError("there is no threshold")
    v = np.array(rows)
    return Isbi(
        *(float(s) for s in v[:, :2].max(axis=0)), *(float(s) for s in v[:, 2:].min(axis=0))
    )


def regions(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the regions inside the borders; corners do not connect."""
    numbered: NDArray[np.int64] = label(inside, connectivity=1)
    return numbered


def thinned(labels: NDArray[Any]) -> NDArray[Any]:
    """Grow all objects alike, until the borders between them are one pixel wide."""
    if not labels.any():
        return labels
    grown: NDArray[Any] = watershed(
        ndi.distance_transform_edt(labels == 0), labels, watershed_line=True
    )
    return grown


def _at(
    truth: NDArray[np.bool_], cells: NDArray[np.int64], found: NDArray[np.bool_]
) -> tuple[float, ...]:
    objects = regions(found)
    thin = contingency(cells, thinned(objects))
    left = warp(truth, found)
    return (
        v_rand(thin), v_info(thin), rand_error(contingency(cells, objects)),
        pixel_error(truth, found), left.error, left.splits_and_mergers,
    )  # fmt: skip
