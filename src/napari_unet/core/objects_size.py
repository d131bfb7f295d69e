"""How small an object may be, judged by those that a user painted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from napari_unet.core.objects_settings import ObjectSettings

Box: TypeAlias = tuple[slice, ...]
_SHARE = 0.35  # of the smallest painted one; chosen on images of the pre-training data
_MOST = 1 << 24  # px that are looked at, as the window waits: a third of a second
_TOUCHING = np.ones((3, 3), bool)
_FEWEST = 3  # of one or two painted objects, neither needs to be small for its kind


def smallest_like(paint: NDArray[Any], ids: Sequence[int]) -> int | None:
    """The area below which something is hardly an object, if those that are painted are typical.

    Where cells have thousands of pixels, specks of a few dozen are none. Less than by default is
    only said if so small ones are painted. Objects that the plane's border cuts off say nothing of
    their size.

    Parameters
    ----------
    paint : (Y, X) integers
        Painted objects: connected pixels of one value.
    ids : sequence of int
        The values that are objects.

    Returns
    -------
    px², or None if fewer than three whole objects are painted.
    """
    boxes: Sequence[Box | None] = ndi.find_objects(paint, max_label=max(ids, default=0))
    known = [(number, box) for number in ids if (box := boxes[number - 1]) is not None]
    areas: list[int] = []
    left = _MOST
    for number, box in sorted(known, key=lambda one: _pixels(one[1])):
        left -= _pixels(box)
        if left < 0:
            break
        areas += _areas(paint, number, box)
    if len(areas) < _FEWEST:
        return None
    smallest = min(areas)
    return max(int(_SHARE * smallest), min(smallest, ObjectSettings().smallest))


def _pixels(box: Box) -> int:
    return math.prod(side.stop - side.start for side in box)


def _areas(paint: NDArray[Any], number: int, box: Box) -> list[int]:
    """Areas of the whole objects of one value, which lies in a box only."""
    parts, count = ndi.label(paint[box] == number, _TOUCHING)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    tops = np.array([side.start for side in box])
    found = []
    for part, inner in enumerate(ndi.find_objects(parts), start=1):
        first = tops + [side.start for side in inner]
        end = tops + [side.stop for side in inner]
        if (first > 0).all() and (end < paint.shape).all():
            found.append(int(areas[part]))
    return found
