"""How good weights are on held-out strokes: what keep-best goes by, and what the panel shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotations import ClassMap
from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor
from napari_unet.core.tiling import Tile

_OUTPUT = 132  # px per side of the windows in which held-out strokes are predicted
_MOST = 24  # windows


@dataclass(frozen=True)
class Judgement:
    """What a predictor makes of held-out pixels; each class counts the same.

    Attributes
    ----------
    error : mean of 1 − p(true class): falls with every bit of progress, and is bounded.
    score : share of pixels that are right, 0…1.
    """

    error: float
    score: float


@dataclass(frozen=True)
class Window:
    """A tile of a plane with held-out paint: the pixels in it, and their classes."""

    plane: str
    tile: Tile
    where: tuple[Any, ...]  # of numbers along each axis
    truth: ClassMap

    @property
    def y(self) -> NDArray[np.intp]:
        """Rows of the pixels."""
        rows: NDArray[np.intp] = self.where[-2]
        return rows


def windows(
    predictor: Predictor, pictures: Mapping[str, Picture], splits: Mapping[str, Split]
) -> list[Window]:
    """Small tiles that cover the held-out paint; where there are too many, the fullest."""
    found = []
    for name, part in splits.items():
        held = np.where(part.held, part.paint, 0).astype(np.uint8)
        for tile in predictor.tiles(pictures[name], _OUTPUT):
            where = np.nonzero(held[tile.write])
            if len(where[0]):
                found.append(Window(name, tile, where, held[tile.write][where]))
    found.sort(key=lambda w: -len(w.truth))
    return found[:_MOST]


def judge(
    predictor: Predictor, pictures: Mapping[str, Picture], where: list[Window]
) -> Judgement | None:
    """Judge a predictor; None where nothing is held out."""
    if not where:
        return None
    wrong, right = [], []
    for window in where:
        plane = f"judged {window.plane}"
        features = predictor.features(plane, pictures[window.plane], window.tile)
        p = predictor.probabilities(features[(slice(None), *window.where)]).cpu().numpy()
        wrong.append(1 - p[window.truth.astype(int) - 1, np.arange(len(window.truth))])
        right.append(p.argmax(0) + 1 == window.truth)
    truth = np.concatenate([w.truth for w in where])
    return Judgement(
        mean_over_classes(np.concatenate(wrong), truth),
        mean_over_classes(np.concatenate(right), truth),
    )


def mean_over_classes(values: NDArray[Any], classes: NDArray[Any]) -> float:
    """Mean of the classes' means, so that a rare class counts as much as a common one."""
    return float(np.mean([values[classes == k].mean() for k in np.unique(classes)]))
