"""From painted objects to classes: with a ridge of background where two objects touch.

A network that only knows classes learns to keep touching objects apart if the pixels between them
are background, and count much (section 3 of the 2015 paper; see `weighting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotations import (
    AnnotationError,
    Annotations,
    ClassMap,
    check_whole_numbers,
)
from napari_unet.core.objects_ids import FIRST_ID, classes_of_values, ids_of
from napari_unet.core.weighting import BACKGROUND

OBJECT = BACKGROUND + 1  # the class of objects where there is no other
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # corners last: most are apart by then

Kind: TypeAlias = Literal["sparse", "dense"]


def classes_of(objects: NDArray[Any]) -> ClassMap:
    """The classes of painted objects, with a ridge of background where two of them touch.

    Parameters
    ----------
    objects : (Y, X) integers
        0 unlabelled, 1 background, 2, 3, … objects.

    Returns
    -------
    (Y, X) uint8
        0 unlabelled, 1 background, 2 object. Of two pixels that share a side or a corner and
        belong to different objects, the upper or the left one is background.
    """
    classes = np.minimum(objects, OBJECT).astype(np.uint8)
    return _parted(classes, np.where(objects > BACKGROUND, objects, 0))


def class_map(paint: Annotations) -> ClassMap:
    """The class of each pixel of paint, with a ridge between objects: uint8 of its shape.

    Objects on the slices of a volume are parted in each slice.
    """
    values = paint.dense()
    if not paint.objects:
        return values
    if values.ndim == 3:
        for z in paint.painted_slices:
            values[z] = class_map(paint.slice_at(z))
        return values
    classes = classes_of_values(paint.objects)[values]
    return _parted(classes, np.where(np.isin(classes, paint.objects), values, 0))


def _parted(classes: ClassMap, objects: NDArray[Any]) -> ClassMap:
    """Make background of one of two touching pixels of different objects (ids; 0 none)."""
    for here, there in _neighbours(objects.shape):
        both = (objects[here] > 0) & (objects[there] > 0) & (objects[here] != objects[there])
        both &= (classes[here] != BACKGROUND) & (classes[there] != BACKGROUND)
        classes[here][both] = BACKGROUND
    return classes


def coded(
    labels: NDArray[Any], kind: Kind, number: int = OBJECT, objects: tuple[int, ...] = (OBJECT,)
) -> ClassMap:
    """Paint from an image of objects, with any number of them.

    Parameters
    ----------
    labels : (Y, X) integers
        Sparse: 0 unlabelled, 1 background, 2, 3, … objects. Dense: 0 background, 1, 2, … objects.
    kind : "sparse" or "dense"
    number : int
        The class of the objects.
    objects : tuple of int
        The classes whose objects have ids, this one among them.

    Raises
    ------
    AnnotationError
        If it is no plane of whole numbers from 0 on.
    """
    check_whole_numbers(labels)
    if labels.size and labels.min() < 0:
        raise AnnotationError(
            f"This image of objects holds the value {labels.min()}; objects have numbers over 0."
        )
    rest = {"sparse": 0, "dense": BACKGROUND}[kind]
    background = labels == (BACKGROUND if kind == "sparse" else 0)
    things = np.where(background, 0, labels)
    values = dealt(things, np.zeros(labels.shape, np.uint8), ids_of(number, objects))
    return np.where(background, BACKGROUND, np.where(things > 0, values, rest)).astype(np.uint8)


def dealt(objects: NDArray[Any], around: ClassMap, ids: Sequence[int]) -> ClassMap:
    """Give objects ids of paint, so that no two that touch have the same one.

    Parameters
    ----------
    objects : (Y, X) integers
        0 where there is none.
    around : (Y, X) uint8
        Paint that is there already; what lies under the objects does not matter.
    ids : sequence of int
        What may be given. Any plane can do with a few; with more, most objects have their own.

    Returns
    -------
    (Y, X) uint8, 0 where there is no object
    """
    known, numbers = np.unique(objects, return_inverse=True)
    numbers = numbers.reshape(objects.shape) + (known[0] != 0)  # 0 none, 1…n
    count = int(numbers.max(initial=0))
    outside = np.where((numbers == 0) & (around >= FIRST_ID), around.astype(np.intp), 0)
    taken: list[set[int]] = [set() for _ in range(count + 1)]
    for mine, other in _touching(numbers, outside + (count + 1) * (outside > 0)):
        taken[mine].add(int(other) - count - 1)
    beside: list[list[int]] = [[] for _ in range(count + 1)]
    for one, two in _touching(numbers, numbers):
        beside[one].append(int(two))
    used = np.bincount(outside.ravel(), minlength=256)
    order = sorted(ids, key=lambda value: bool(used[value]))  # those that nobody has first
    table = np.zeros(count + 1, np.uint8)
    for number in range(1, count + 1):
        refused = taken[number] | {int(table[other]) for other in beside[number]}
        turn = (number - 1) % len(order)
        free = (v for v in (*order[turn:], *order[:turn]) if v not in refused)
        table[number] = next(free, order[turn])
    values: ClassMap = table[numbers]
    return values


def _touching(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
    """Pairs (n, 2) of different numbers over 0 that share a side or a corner, each way round."""
    pairs = []
    for here, there in _neighbours(one.shape):
        for a, b in ((one[here], two[there]), (one[there], two[here])):
            found = (a > 0) & (b > 0) & (a != b)
            pairs.append(np.stack([a[found], b[found]], axis=1))
    return np.unique(np.concatenate(pairs), axis=0)


def _neighbours(
    shape: tuple[int, ...],
) -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Pairs of windows whose pixels share a side or a corner."""
    height, width = shape
    return [
        (
            (slice(0, height - dy), slice(max(-dx, 0), width - max(dx, 0))),
            (slice(dy, height), slice(max(dx, 0), width + min(dx, 0))),
        )
        for dy, dx in _NEIGHBOURS
    ]
