"""Whether two ways to predict give the same labels, looked at on an image that is made up.

It has details of all sizes, so what is found holds for all images of a batch and all workers of a
cluster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor

AGREEMENT = 0.999  # share of pixels that must keep their label
_DETAILS = (0.7, 2.0, 6.0, 18.0)  # px


def agreement(one: Predictor, other: Predictor, picture: Picture) -> float:
    """Share of the pixels that get the same label from both."""
    first, second = (_labels(each, picture) for each in (one, other))
    return float((first == second).mean())


def made_up(channels: int, shape: Sequence[int]) -> Picture:
    """An image (Y, X) with details of all sizes, or a volume (Z, Y, X) of slices like it."""
    *slices, height, width = shape
    random = np.random.default_rng(0)
    noise = (random.normal(size=(channels, height, width)) for _ in _DETAILS)
    image = sum(
        size * gaussian_filter(layer, (0, size, size), mode="mirror")
        for size, layer in zip(_DETAILS, noise, strict=True)
    )
    plane = np.asarray(image, np.float32)
    return Picture.of(np.repeat(plane[:, None], slices[0], axis=1) if slices else plane)


def _labels(predictor: Predictor, picture: Picture) -> NDArray[np.uint8]:
    labels = np.zeros(picture.shape, np.uint8)
    for tile, found in predictor.segment(picture, mirrored=False):
        labels[tile.write] = found
    return labels
