"""How small an object may be, judged by those that a user painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label, regionprops

from napari_unet.core.objects_settings import ObjectSettings

_SHARE = 0.35  # of the smallest painted one; chosen on images of the pre-training data
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
    rows, columns = np.flatnonzero(paint.any(1)), np.flatnonzero(paint.any(0))
    if not len(rows):
        return None
    top, left = rows[0], columns[0]
    painted = paint[top : rows[-1] + 1, left : columns[-1] + 1]  # mostly far less than the plane
    objects = label(np.where(np.isin(painted, list(ids)), painted, 0), connectivity=2)
    begin, end = -np.array((top, left)), paint.shape - np.array((top, left))  # the plane's border
    areas = [
        region.area
        for region in regionprops(objects)
        if (region.bbox[:2] > begin).all() and (region.bbox[2:] < end).all()
    ]
    if len(areas) < _FEWEST:
        return None
    smallest = int(min(areas))
    return max(int(_SHARE * smallest), min(smallest, ObjectSettings().smallest))
