"""Which parts of the watershed belong to one object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.objects_parts import Parts

_STEP = 1.0  # px; a smaller drop says nothing about a shape made of pixels


def join(parts: Parts, strength: float, smallest: int) -> NDArray[np.int64]:
    """Give each part the number of the first part of its object.

    The parts meet from the highest pass down, as islands do when the water falls. Two islands
    become one unless the pass between them is a neck: lower than `strength` times the lower of
    their peaks, and by more than a pixel. An island smaller than `smallest` px is no object of
    its own and always joins.

    Parameters
    ----------
    parts : Parts
    strength : float
        0…1
    smallest : int
        px

    Returns
    -------
    (parts + 1,) int64
    """
    order = np.lexsort((*parts.saddles.pairs.T[::-1], -parts.saddles.heights))
    peaks, areas = parts.peaks.tolist(), parts.areas.tolist()
    parent = list(range(len(peaks)))

    def root(part: int) -> int:
        while parent[part] != part:
            parent[part] = part = parent[parent[part]]
        return part

    pairs, heights = parts.saddles.pairs[order].tolist(), parts.saddles.heights[order].tolist()
    for (one, two), height in zip(pairs, heights, strict=True):
        first, second = sorted((root(one), root(two)))
        if first == second:
            continue
        lower = min(peaks[first], peaks[second])
        neck = height < strength * lower and lower - height > _STEP
        if not neck or min(areas[first], areas[second]) < smallest:
            parent[second] = first
            peaks[first] = max(peaks[first], peaks[second])
            areas[first] += areas[second]
    return np.array([root(part) for part in range(len(parent))], np.int64)
