"""Sparse paint as an immutable value: 0 is unlabelled, 1…K are the classes.

Paint is kept in square blocks, and only blocks that hold paint exist, so a stroke on a huge
plane is small, and two versions of the same paint share all blocks that did not change.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from skimage.measure import label

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 256  # px per side
MAX_CLASSES = 255

ClassMap = NDArray[np.uint8]


class AnnotationError(ValueError):
    """Paint that cannot be trained on; the message says what to do."""


class Block(Struct, frozen=True, eq=False):
    """Paint in one square: its first row and column, and its (≤256, ≤256) uint8 values."""

    y: int
    x: int
    values: NDArray[Any]


class Annotations(Struct, frozen=True, eq=False, dict=True):
    """The paint on one plane of `shape` (Y, X)."""

    shape: tuple[int, int]
    blocks: tuple[Block, ...] = ()

    @classmethod
    def of(cls, paint: NDArray[Any], before: Annotations | None = None) -> Annotations:
        """Take a snapshot of a painted plane; what equals `before` is shared, not copied.

        Parameters
        ----------
        paint : (Y, X) integers
            0 unlabelled, 1…K classes.
        before : Annotations, optional
            An older snapshot of the same plane.

        Raises
        ------
        AnnotationError
            If the array is not a plane of classes 0…255.
        """
        check_class_map(paint)
        old: Mapping[tuple[int, int], Block] = {}
        if before is not None and before.shape == paint.shape:
            old = {(b.y, b.x): b for b in before.blocks}
        blocks = []
        for y in range(0, paint.shape[0], BLOCK):
            for x in range(0, paint.shape[1], BLOCK):
                part = paint[y : y + BLOCK, x : x + BLOCK]
                if not part.any():
                    continue
                known = old.get((y, x))
                if known is None or not np.array_equal(known.values, part):
                    values = part.astype(np.uint8)
                    values.flags.writeable = False
                    known = Block(y, x, values)
                blocks.append(known)
        return cls((int(paint.shape[0]), int(paint.shape[1])), tuple(blocks))

    def dense(self) -> ClassMap:
        """The whole plane as a (Y, X) uint8 array."""
        plane = np.zeros(self.shape, np.uint8)
        for block in self.blocks:
            h, w = block.values.shape
            plane[block.y : block.y + h, block.x : block.x + w] = block.values
        return plane

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each value 0…255; entry 0 is not counted and stays 0."""
        total = np.zeros(MAX_CLASSES + 1, np.int64)
        for block in self.blocks:
            total += np.bincount(block.values.ravel(), minlength=MAX_CLASSES + 1)
        total[0] = 0
        total.flags.writeable = False
        return total

    def same_as(self, other: Annotations) -> bool:
        """Whether the paint is the same (cheap when blocks are shared)."""
        return (
            self.shape == other.shape
            and len(self.blocks) == len(other.blocks)
            and all(
                a is b or ((a.y, a.x) == (b.y, b.x) and np.array_equal(a.values, b.values))
                for a, b in zip(self.blocks, other.blocks, strict=True)
            )
        )


def check_class_map(paint: NDArray[Any]) -> None:
    """Refuse what is not a plane of class numbers 0…255.

    Raises
    ------
    AnnotationError
    """
    if paint.ndim != 2:
        raise AnnotationError(
            f"Annotations must be one plane (Y, X) of class numbers, not of shape {paint.shape}."
        )
    if not np.issubdtype(paint.dtype, np.integer):
        raise AnnotationError(
            f"Annotations hold {paint.dtype} values; save them as whole numbers: "
            "0 for unlabelled, 1, 2, … for the classes."
        )
    if not paint.size:
        return
    low, high = int(paint.min()), int(paint.max())
    if low < 0 or high > MAX_CLASSES:
        raise AnnotationError(
            f"Annotations hold the value {low if low < 0 else high}, but classes go from 1 to 255. "
            "Is this an image of objects? Number the classes instead: 1 background, 2 cells, …"
        )


def check_shapes(paint: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Refuse paint of another size than its image, in px.

    Raises
    ------
    AnnotationError
    """
    if tuple(paint) != tuple(image):
        raise AnnotationError(
            f"The strokes are {_px(paint)} but the image is {_px(image)}: "
            "paint on a layer of the image's own size."
        )


def check_classes(counts: NDArray[np.int64], classes: int) -> None:
    """Refuse paint of a class that is not there; `counts` of painted pixels, by value.

    Raises
    ------
    AnnotationError
    """
    if counts[classes + 1 :].any():
        number = int(np.flatnonzero(counts)[-1])
        raise AnnotationError(
            f"Class {number} is painted but there are only {classes} classes: "
            "add the class, or erase that paint."
        )


def _px(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) + " px"


def check_trainable(counts: NDArray[np.int64]) -> None:
    """Refuse paint from which nothing can be learnt, by the pixels painted of each class.

    Raises
    ------
    AnnotationError
        If no class or only one is painted.
    """
    painted = np.flatnonzero(counts)
    if len(painted) == 0:
        raise AnnotationError(
            "Nothing is painted yet: paint a stroke inside each of at least two classes."
        )
    if len(painted) == 1:
        raise AnnotationError(
            f"Only class {painted[0]} is painted: paint a stroke of a second class, so that "
            "there is something to tell it from."
        )


def strokes(paint: ClassMap) -> NDArray[np.int32]:
    """Number the connected strokes of a plane (8-connected, one class each): (Y, X) int32."""
    numbered: NDArray[np.int32] = label(paint, background=0, connectivity=2).astype(np.int32)
    return numbered
