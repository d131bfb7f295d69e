"""All scores of found objects, for one image and for several together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from napari_unet.core.metrics.borders import insides, pixel_error, warp
from napari_unet.core.metrics.classes import confusion, dice, iou
from napari_unet.core.metrics.clusters import adapted_rand_error, rand_error, v_info, v_rand
from napari_unet.core.metrics.detection import Hits, hits, jaccards
from napari_unet.core.metrics.overlaps import contingency

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)  # IoU at which an object counts as found


class ObjectScores(Struct, frozen=True):
    """How well objects were found in one or more images.

    Attributes
    ----------
    hits : for each of `THRESHOLDS`, objects found rightly, wrongly, and missed, of all images.
    jaccards : SEG's score of each true object, of all images.
    means : the scores that are made for each image, as their mean over the images.
    """

    hits: tuple[Hits, ...]
    jaccards: tuple[float, ...]
    means: dict[str, float]

    @property
    def true(self) -> int:
        """Number of true objects."""
        return self.hits[0][0] + self.hits[0][2]

    @property
    def found(self) -> int:
        """Number of found objects."""
        return self.hits[0][0] + self.hits[0][1]

    def rows(self) -> list[tuple[str, float]]:
        """All scores with their names; NaN where one does not exist."""
        rows = []
        for threshold, (right, wrong, missed) in zip(THRESHOLDS, self.hits, strict=True):
            rows.append((f"F1 at IoU {threshold}", _over(2 * right, 2 * right + wrong + missed)))
        for threshold, (right, wrong, missed) in zip(THRESHOLDS, self.hits, strict=True):
            rows.append((f"AP at IoU {threshold}", _over(right, right + wrong + missed)))
        return [*rows, ("SEG", _over(sum(self.jaccards), len(self.jaccards))), *self.means.items()]

    @classmethod
    def together(cls, many: Sequence[ObjectScores]) -> ObjectScores:
        """The scores of several images: objects are pooled, the other scores averaged."""
        sums = np.sum([one.hits for one in many], axis=0).tolist()
        means = {}
        for name in many[0].means:
            values = np.array([one.means[name] for one in many])
            known = values[~np.isnan(values)]
            means[name] = float(known.mean()) if known.size else float("nan")
        return cls(
            tuple((right, wrong, missed) for right, wrong, missed in sums),
            tuple(score for one in many for score in one.jaccards),
            means,
        )


def score_objects(truth: NDArray[Any], found: NDArray[Any]) -> ObjectScores:
    """Compare two planes of object ids.

    IoU and Dice are of the pixels of all objects together, whichever object they belong to. Pixel
    and warping error are of maps of inside and border (`borders.insides`).

    Parameters
    ----------
    truth, found : (Y, X) integers
        0 is no object.

    Raises
    ------
    ValueError
        If the shapes differ, or the values are no ids.
    """
    table = contingency(truth, found)
    pixels = confusion((truth > 0) + 1, (found > 0) + 1, 2)
    one, two = insides(truth), insides(found)
    left = warp(one, two)
    return ObjectScores(
        tuple(hits(table, threshold) for threshold in THRESHOLDS),
        tuple(jaccards(table).tolist()),
        {
            "IoU of pixels": float(iou(pixels)[1]),
            "Dice of pixels": float(dice(pixels)[1]),
            "adapted Rand error": adapted_rand_error(table),
            "V_rand": v_rand(table),
            "V_info": v_info(table),
            "Rand error": rand_error(table),
            "pixel error": pixel_error(one, two),
            "warping error": left.error,
            "splits and mergers per px": left.splits_and_mergers,
        },
    )


def _over(part: float, whole: int) -> float:
    return part / whole if whole else float("nan")
