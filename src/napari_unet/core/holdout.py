"""Which strokes are kept aside to judge training, so that "better" means better on unseen paint.

Whole strokes are held out where a class has several; of a class's only stroke, one end. New
strokes where the prediction is wrong are corrections and are always trained on. Of an image that
the user keeps for validation, all strokes are held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_unet.core.annotations import MAX_CLASSES, ClassMap, strokes

_RIGHT = 0.9  # share of a new stroke that must be predicted right for it to be held out


@dataclass(frozen=True)
class Split:
    """The paint of a plane, and which of its pixels are kept aside.

    Attributes
    ----------
    paint : (Y, X) uint8, 0 = unlabelled
    held : (Y, X) bool, True only where painted
    aside : the plane is only judged by, so all of its paint is held out.
    """

    paint: ClassMap
    held: NDArray[np.bool_]
    aside: bool = False

    @classmethod
    def dealt(cls, paint: ClassMap, held: ClassMap) -> Split:
        """A decision that was made before: `held` is the paint (Y, X) that was kept aside."""
        return cls(paint, (held > 0) & (held == paint))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each value 0…255; entry 0 is not counted and stays 0."""
        found = np.bincount(self.paint.ravel(), minlength=MAX_CLASSES + 1)
        found[0] = 0
        found.flags.writeable = False
        return found

    def within(self, classes: int) -> Split:
        """The same without the paint of later classes than so many."""
        paint = np.where(self.paint > classes, 0, self.paint).astype(np.uint8)
        return Split(paint, self.held & (paint > 0), self.aside)

    @property
    def trained(self) -> ClassMap:
        """The paint that is trained on: (Y, X) uint8."""
        return np.where(self.held, 0, self.paint).astype(np.uint8)


def split(
    paint: ClassMap,
    before: Split | None = None,
    right: NDArray[np.bool_] | None = None,
    *,
    share: float = 0.2,
    seed: int = 0,
    aside: bool = False,
) -> Split:
    """Decide for new strokes; old ones stay on their side.

    Parameters
    ----------
    paint : (Y, X) uint8
    before : Split, optional
        The decision for the older paint of this plane.
    right : (Y, X) bool, optional
        Where the current prediction agrees with the paint; None before the first prediction.
    share : float
        Part of each class's painted pixels to hold out, 0…0.5.
    seed : int
        Decides which strokes.
    aside : bool
        Hold out all paint. Where that was so before and is no more, all strokes are new ones.
    """
    if aside:
        return Split(paint, paint > 0, aside=True)
    before = None if before is not None and before.aside else before
    known = before.paint if before is not None else np.zeros_like(paint)
    held = before.held & (paint == known) if before is not None else np.zeros(paint.shape, bool)
    if share <= 0:
        return Split(paint, np.zeros(paint.shape, bool))
    fresh = strokes(np.where(paint == known, 0, paint).astype(np.uint8))
    boxes = ndi.find_objects(fresh)
    total = np.bincount(paint.ravel(), minlength=MAX_CLASSES + 1)
    kept = np.bincount(paint[held], minlength=MAX_CLASSES + 1)
    for index in np.random.default_rng(seed).permutation(len(boxes)):
        box = boxes[index]
        stroke = fresh[box] == index + 1
        number = int(paint[box][stroke][0])
        size = int(stroke.sum())
        wanted = kept[number] + size / 2 <= share * total[number]
        good = right is None or right[box][stroke].mean() >= _RIGHT
        if wanted and good:
            held[box] |= stroke
            kept[number] += size
    return Split(paint, _something_of_each(paint, held, share))


def _something_of_each(paint: ClassMap, held: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Of a class that is held out wholly or not at all, hold out one end of the largest stroke."""
    numbers = np.flatnonzero(np.bincount(paint.ravel(), minlength=MAX_CLASSES + 1))
    for number in numbers[numbers > 0]:
        own = paint == number
        if held[own].any() and not held[own].all():
            continue
        held[own] = False
        regions = strokes(np.where(paint == number, paint, 0).astype(np.uint8))
        sizes = np.bincount(regions.ravel())
        sizes[0] = 0
        points = np.argwhere(regions == sizes.argmax())
        axis = int(np.ptp(points, axis=0).argmax())
        order = points[np.argsort(points[:, axis], kind="stable")]
        end = order[len(order) - round(share * len(order)) :]
        held[tuple(end.T)] = True
    return held
