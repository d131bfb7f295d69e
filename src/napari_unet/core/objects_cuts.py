"""Cuts windows of a mask into parts, by rules that look at a pixel and its neighbours only.

- *components*: neighbours in the mask are in one part.
- *basins*: each pixel belongs to the peak that it climbs to, always to its highest neighbour. This
  is the watershed of the landscape upside down, in the definition that does not depend on the
  order of flooding. scikit-image floods the whole plane from one queue, so what a pixel becomes
  there depends on pixels arbitrarily far away, and tiles could not be proven to fit together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label

from napari_unet.core.objects_parts import (
    NOWHERE,
    ArrayLike,
    Cut,
    CutWindow,
    Saddles,
    Shape,
    Window,
    grown,
    within,
)

Mask: TypeAlias = NDArray[np.bool_]
ReadMask: TypeAlias = Callable[[Window], Mask]

FARTHEST = 512  # px; distances do not grow beyond, so wider objects are flat in the middle
_NEAR = 64  # px around a window that are looked at first, for distances
_SOFT = 3  # px around a hole in which the network is unsure where it ends


def components(mask: ReadMask, connectivity: int) -> CutWindow:
    """Cut into connected regions (connectivity 1: by sides, 2: also by corners)."""

    def cut(_tile: Window, window: Window) -> Cut:
        labels: NDArray[np.int32] = label(mask(window), connectivity=connectivity).astype(np.int32)
        flat = labels.ravel()
        pixels = np.flatnonzero(flat)[::-1]
        anchors = np.zeros(int(flat.max(initial=0)) + 1, np.int64)
        anchors[flat[pixels]] = pixels  # the first pixel of each is written last
        none = Saddles(np.zeros((0, 2), np.int64), np.zeros(0))
        return Cut(labels, anchors[1:], np.zeros(len(anchors) - 1), none)

    return cut


def basins(
    mask: ReadMask,
    shape: Shape,
    probability: ArrayLike | None = None,
    given: ReadMask | None = None,
) -> CutWindow:
    """Cut into the basins of the distance to the mask's outside, times a probability.

    `given` is the mask before its holes were filled. What the probability says of them and their
    rims would cut a ring around each, so it counts as 1 there.
    """

    def cut(tile: Window, window: Window) -> Cut:
        heights = distances(mask, window, shape)
        if probability is not None:
            share = _share(np.asarray(probability[window]))
            if given is not None:
                share[_around_holes(mask, given, window, shape)] = 1
            heights = heights * share
        return climb(heights, mask(window), within(tile, window))

    return cut


def _around_holes(mask: ReadMask, given: ReadMask, window: Window, shape: Shape) -> Mask:
    """Which pixels of a window lie in holes that were filled, or `_SOFT` px around them."""
    wide = grown(window, _SOFT, shape)
    holes = mask(wide) & ~given(wide)
    if holes.any():
        holes = ndi.maximum_filter(holes, 2 * _SOFT + 1, mode="constant")
    around: Mask = holes[within(window, wide)]
    return around


def distances(mask: ReadMask, window: Window, shape: Shape) -> NDArray[np.float64]:
    """Exact distances to what is not in the mask, px, up to `FARTHEST`; 0 outside the mask.

    What was not looked at is more than `reach` px away, so distances up to `reach` are right;
    if there are longer ones, more is looked at. Beyond the plane's border nothing ends.
    """
    reach = _NEAR
    while True:
        wide = grown(window, reach, shape)
        inside = mask(wide)
        found: NDArray[np.float64] = (
            np.full(inside.shape, np.inf) if inside.all() else ndi.distance_transform_edt(inside)
        )[within(window, wide)]
        if found.max(initial=0) <= reach:
            return found
        if reach >= FARTHEST:
            return np.minimum(found, FARTHEST)
        reach *= 2


def climb(heights: NDArray[np.float64], mask: Mask, tile: Window) -> Cut:
    """Find the basins in a window.

    Parameters
    ----------
    heights : (h, w) float64, not negative
    mask : (h, w) bool
    tile : two slices
        Pixels around the tile do not climb: where they lead to is known in their own tile.
    """
    inner = np.zeros(mask.shape, bool)
    inner[tile] = True
    target = _steps(heights, mask, inner).ravel()
    while not np.array_equal(further := target[target], target):
        target = further  # twice as far each time
    top = (target == np.arange(target.size)) & mask.ravel()
    labels = (np.cumsum(top, dtype=np.int32)[target] * mask.ravel()).reshape(mask.shape)
    peaks = np.flatnonzero(top)
    anchors = np.where(inner.ravel()[peaks], peaks, NOWHERE)
    return Cut(labels, anchors, heights.ravel()[peaks], _saddles(labels, heights))


def _steps(heights: NDArray[np.float64], mask: Mask, inner: Mask) -> NDArray[np.int32]:
    """Where each pixel climbs to: itself or the highest of its four neighbours, row by row.

    Among equals only to the right and down, so that there is no circle. So a plateau may be left as
    a part of its own beside a higher one; but the pass between them is as high as it is itself.
    """
    own = np.arange(heights.size, dtype=np.int32).reshape(heights.shape)
    level = np.where(mask, heights, -np.inf)
    best, target = level.copy(), own.copy()
    low, high, every = slice(None, -1), slice(1, None), slice(None)
    for at, beside, rises in (
        ((high, every), (low, every), np.greater),  # up
        ((every, high), (every, low), np.greater),  # left
        ((every, low), (every, high), np.greater_equal),  # right
        ((low, every), (high, every), np.greater_equal),  # down
    ):
        better = rises(level[beside], best[at])
        np.copyto(best[at], level[beside], where=better)
        np.copyto(target[at], own[beside], where=better)
    return np.where(mask & inner, target, own)


def _saddles(labels: NDArray[np.int32], heights: NDArray[np.float64]) -> Saddles:
    """The highest pass between each two parts that share a side of a pixel."""
    pairs, passes = [], []
    for axis in (0, 1):
        part, height = np.moveaxis(labels, axis, 0), np.moveaxis(heights, axis, 0)
        one, two = part[:-1], part[1:]
        meet = (one != two) & (one > 0) & (two > 0)
        pairs.append(np.stack([one[meet], two[meet]], axis=1))
        passes.append(np.minimum(height[:-1][meet], height[1:][meet]))
    return Saddles.of(np.concatenate(pairs).astype(np.int64), np.concatenate(passes))


def _share(probability: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities as 0…1."""
    largest = np.iinfo(probability.dtype).max if probability.dtype.kind in "iu" else 1
    return probability.astype(np.float64) / largest
