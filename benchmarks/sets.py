"""The annotated sets of the paper's experiments: what is trained on, and how a result is judged.

Each is a folder with images/NAME.png and labels/NAME.png. Nothing is chosen on the test images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.io import imread

from dense import Plane
from napari_unet.core.metrics import contingency, isbi, score_objects, v_info, v_rand
from napari_unet.core.metrics.isbi import THRESHOLDS, Isbi, regions, thinned
from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.objects_paint import classes_of

INSIDE = 2
Array = np.ndarray
FINE = tuple(round(0.05 * k, 2) for k in range(1, 20))


def read(data: Path, name: str, kind: str = "labels") -> Array:
    """An image, or the labels of one."""
    return imread(data / kind / f"{name}.png")


# -- ISBI 2012: cells (inside) and the membranes between them -------------------------------


def isbi_names(first: int, stop: int) -> list[str]:
    """Names of the slices `first`…`stop` - 1."""
    return [f"slice{number:02d}" for number in range(first, stop)]


def isbi_plane(data: Path, name: str) -> Plane:
    """A slice, all of it annotated."""
    cells = read(data, name) == 1
    return Plane(name, read(data, name, "images"), np.where(cells, INSIDE, 1).astype(np.uint8))


def isbi_curve(
    planes: Sequence[Plane], found: Sequence[Array], thresholds: Sequence[float] = FINE
) -> Array:
    """Mean V_rand and V_info over the slices at each threshold: (thresholds, 2)."""
    rows = []
    for threshold in thresholds:
        tables = [
            contingency(regions(plane.paint == INSIDE), thinned(regions(p > threshold)))
            for plane, p in zip(planes, found, strict=True)
        ]
        rows.append((np.mean([v_rand(t) for t in tables]), np.mean([v_info(t) for t in tables])))
    return np.array(rows)


def isbi_scores(
    planes: Sequence[Plane], found: Sequence[Array], thresholds: Sequence[float] = THRESHOLDS
) -> dict[str, float]:
    """All scores, as the mean over the slices; of several thresholds each score takes its best."""
    rows = [
        [
            isbi(plane.paint == INSIDE, p, (threshold,))
            for plane, p in zip(planes, found, strict=True)
        ]
        for threshold in thresholds
    ]
    scores = {}
    for name in Isbi.__struct_fields__:
        means = [np.mean([getattr(one, name) for one in row]) for row in rows]
        best = max(means) if name.startswith("v_") else min(means)
        scores[name] = round(float(best), 6)
    return scores


# -- PhC-U373 and BBBC030: cells with ids ----------------------------------------------------

U373_TRAIN = ("t001", "t005", "t006", "t007", "t021", "t049", "t059", "t067", "t072", "t075")
U373_TEST = ("t092", "t096", "t100", "t102", "t112")
BORDER = 50  # px: cells that lie wholly outside this field of interest have no label


@dataclass(frozen=True)
class Cells:
    """An image whose cells have ids; `known` is where it is annotated."""

    name: str
    image: Array
    ids: Array
    known: Array

    @property
    def plane(self) -> Plane:
        """Cells and what surely is none; the rest is left unlabelled."""
        paint = classes_of(np.where(self.ids > 0, self.ids.astype(np.int64) + 1, 1))
        return Plane(self.name, self.image, np.where(self.known, paint, 0).astype(np.uint8))


def u373(data: Path, frame: str) -> Cells:
    """A frame, partly annotated.

    What only the silver truth takes for a cell is unlabelled; so is what lies outside the field
    of interest and is in no cell.
    """
    name = f"01_{frame}"
    gold, silver = read(data, name), read(data, name, "labels_silver")
    inner = np.zeros(gold.shape, bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    known = (gold > 0) | (inner & (silver == 0))
    return Cells(name, read(data, name, "images"), gold, known)


def cho(data: Path, name: str) -> Cells:
    """An image of BBBC030, annotated throughout; at half size, as its cells are large."""
    ids = read(data, name)[::2, ::2]
    image = read(data, name, "images").astype(np.float32)
    image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    image = image.reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2).mean((1, 3))
    return Cells(name, image, ids, np.ones(ids.shape, bool))


def cell_scores(
    cells: Sequence[Cells], found: Sequence[Array], objects: ObjectSettings
) -> dict[str, float]:
    """IoU of the cells' pixels where annotated, SEG and F1 of the objects, over all images."""
    both = either = 0
    scores = []
    for cell, p in zip(cells, found, strict=True):
        inside = p > 0.5
        both += np.count_nonzero(inside & (cell.ids > 0))
        either += np.count_nonzero((inside | (cell.ids > 0)) & cell.known)
        ids = find_objects(np.where(inside, INSIDE, 1), INSIDE, objects, probability=p)
        unknown = _mostly_unknown(ids, cell.known)
        scores.append(score_objects(cell.ids, np.where(np.isin(ids, unknown), 0, ids)))
    rows = dict(type(scores[0]).together(scores).rows())
    return {
        "iou": round(float(both / either), 4),
        "seg": round(rows["SEG"], 4),
        "f1_50": round(rows["F1 at IoU 0.5"], 4),
    }


def _mostly_unknown(ids: Array, known: Array) -> Array:
    """Found objects that lie mostly where nothing is annotated: they are not judged."""
    sizes = np.bincount(ids.ravel())
    seen = np.bincount(ids[known], minlength=len(sizes))
    return np.flatnonzero(seen < sizes / 2)
