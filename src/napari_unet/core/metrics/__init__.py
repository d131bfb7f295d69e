"""How well a result agrees with the truth.

`classes` compares class maps pixel by pixel; `overlaps` counts which objects share pixels, and
`detection` (objects found), `clusters` (pixels that belong together) judge by these counts;
`borders` compares outlines as the ISBI 2012 challenge did; `scores` takes them together.
"""

from __future__ import annotations

from napari_unet.core.metrics.borders import Warping, insides, pixel_error, warp
from napari_unet.core.metrics.classes import Confusion, confusion, dice, iou, mean
from napari_unet.core.metrics.clusters import (
    adapted_rand_error,
    rand_error,
    v_info,
    v_rand,
    variation_of_information,
)
from napari_unet.core.metrics.detection import average_precision, f1, hits, seg
from napari_unet.core.metrics.isbi import Isbi, isbi
from napari_unet.core.metrics.overlaps import Overlaps, contingency
from napari_unet.core.metrics.scores import ObjectScores, score_objects

__all__ = [
    "Confusion",
    "Isbi",
    "ObjectScores",
    "Overlaps",
    "Warping",
    "adapted_rand_error",
    "average_precision",
    "confusion",
    "contingency",
    "dice",
    "f1",
    "hits",
    "insides",
    "iou",
    "isbi",
    "mean",
    "pixel_error",
    "rand_error",
    "score_objects",
    "seg",
    "v_info",
    "v_rand",
    "variation_of_information",
    "warp",
]
