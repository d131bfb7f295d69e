"""Corrections of objects: merge, split, delete, repaint; and what they say of the classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.draw import line
from skimage.measure import label
from skimage.morphology import disk
from skimage.segmentation import expand_labels

from napari_unet.core.objects_parts import Window

_GAP = 2  # px from each of two objects: what lies closer to both is filled when they are merged


class FixError(ValueError):
    """A correction that cannot be made; the message says what to do."""


class Fix(Struct, frozen=True, eq=False):
    """A correction.

    Attributes
    ----------
    box : where, in the plane; all objects that it concerns lie inside.
    before, after : ids of objects in the box, 0 for none.
    """

    box: Window
    before: NDArray[Any]
    after: NDArray[Any]

    @property
    def concerned(self) -> NDArray[Any]:
        """Ids of the objects that are others now, before or after."""
        changed = self.before != self.after
        ids = np.union1d(self.before[changed], self.after[changed])
        return ids[ids > 0]

    @property
    def objects(self) -> NDArray[Any]:
        """The objects that are right now: (h, w) ids, 0 elsewhere."""
        return np.where(np.isin(self.after, self.concerned), self.after, 0)

    @property
    def background(self) -> NDArray[np.bool_]:
        """What is no object any more: (h, w)."""
        gone: NDArray[np.bool_] = (self.before > 0) & (self.after == 0)
        return gone


def delete(labels: NDArray[Any], ids: Iterable[int]) -> Fix:
    """Objects that are none.

    Raises
    ------
    FixError
        If no object is named.
    """
    box = _box(labels, ids, 0)
    before = labels[box].copy()
    return Fix(box, before, np.where(np.isin(before, list(ids)), 0, before))


def merge(labels: NDArray[Any], ids: Sequence[int]) -> Fix:
    """Objects that are one, by the first one's id; narrow gaps between them are closed.

    Raises
    ------
    FixError
        If fewer than two objects are named.
    """
    if len(set(ids)) < 2:
        raise FixError("Draw from one object to the one that it belongs to.")
    box = _box(labels, ids, _GAP)
    before = labels[box].copy()
    after, pen = before.copy(), disk(_GAP)
    whole = before == ids[0]
    for number in ids[1:]:
        other = before == number
        near = ndi.binary_dilation(whole, pen) & ndi.binary_dilation(other, pen)
        gap = near & ndi.binary_closing(whole | other, pen) & (before == 0)
        whole |= other | gap
    after[whole] = ids[0]
    return Fix(box, before, after)


def split(labels: NDArray[Any], path: Sequence[tuple[int, int]], last: int = 0) -> Fix:
    """An object that is several, cut along a path of points (y, x) in px.

    Parameters
    ----------
    labels : (Y, X) integers
    path : sequence of (y, x)
    last : the largest id elsewhere, in other planes; new ones come after it where there is room.

    Raises
    ------
    FixError
        If the path does not cut an object apart.
    """
    cut = np.zeros(labels.shape, bool)
    y, x = trace(path, labels.shape)
    cut[y, x] = True
    crossed = np.bincount(labels[y, x]) if len(y) else np.zeros(1, int)
    crossed[0] = 0
    number = int(crossed.argmax())
    if not crossed[number]:
        raise FixError("Draw the line across an object, from one side of it to the other.")
    box = _box(labels, [number], 1)
    before = labels[box].copy()
    own = before == number
    parts = label(own & ~cut[box], connectivity=1)
    sizes = np.bincount(parts.ravel())[1:]
    if len(sizes) < 2:
        raise FixError("The line must cut the object in two: draw it from one side to the other.")
    order = np.argsort(-sizes, kind="stable") + 1
    names = np.zeros(len(sizes) + 1, labels.dtype)
    names[order] = [number, *_unused(labels, len(sizes) - 1, last)]
    after = np.where(own, names[expand_labels(parts, max(own.shape))], before)
    return Fix(box, before, after.astype(labels.dtype))


def compare(before: NDArray[Any], after: NDArray[Any]) -> Fix | None:
    """What was painted over by hand, with all of the objects that it concerns; None if nothing."""
    changed = before != after
    if not changed.any():
        return None
    ids = np.union1d(before[changed], after[changed])
    inside = changed | _among(before, ids[ids > 0]) | _among(after, ids[ids > 0])
    box = _around(inside, 0)
    return Fix(box, before[box].copy(), after[box].copy())


def trace(
    path: Sequence[tuple[int, int]], shape: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The pixels (y, x) of a plane under a path, in order."""
    ends = list(path) if len(path) > 1 else [*path, *path]
    pieces = [line(*start, *stop) for start, stop in pairwise(ends)]
    y, x = (np.concatenate([piece[axis] for piece in pieces]) for axis in (0, 1))
    inside = (y >= 0) & (x >= 0) & (y < shape[0]) & (x < shape[1])
    return y[inside], x[inside]


def met(labels: NDArray[Any], path: Sequence[tuple[int, int]]) -> list[int]:
    """The objects under a path, in order."""
    return [int(number) for number in dict.fromkeys(labels[trace(path, labels.shape)]) if number]


def _unused(labels: NDArray[Any], count: int, last: int) -> list[int]:
    """Ids that no object has, after all others where the type has room for them."""
    largest, most = max(int(labels.max()), last), np.iinfo(labels.dtype).max
    if largest + count <= most:
        return list(range(largest + 1, largest + 1 + count))
    free = np.setdiff1d(np.arange(1, most + 1), labels)
    if len(free) < count:
        raise FixError(f"There is no room for more objects in this layer of {labels.dtype}.")
    return [int(number) for number in free[:count]]


def _box(labels: NDArray[Any], ids: Iterable[int], pad: int) -> Window:
    inside = _among(labels, ids)
    if not inside.any():
        raise FixError("There is no object here: click on one.")
    return _around(inside, pad)


def _among(labels: NDArray[Any], ids: Iterable[Any]) -> NDArray[np.bool_]:
    inside = np.zeros(labels.shape, bool)
    for number in ids:  # few; far faster than `isin` on large planes
        inside |= labels == number
    return inside


def _around(inside: NDArray[np.bool_], pad: int) -> Window:
    sides = []
    for axis in (1, 0):
        at = np.flatnonzero(inside.any(axis=axis))
        sides.append(slice(max(int(at[0]) - pad, 0), int(at[-1]) + 1 + pad))
    return sides[0], sides[1]
