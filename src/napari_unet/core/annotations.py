"""Sparse paint as an immutable value: 0 is unlabelled, 1…K are the classes.

Where the objects of a class are told apart, some values are ids of objects: see `objects_ids`.

Paint is kept in square blocks, and only blocks that hold paint exist, so a stroke on a huge
plane is small, and two versions of the same paint share all blocks that did not change.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from skimage import measure  # loads what it needs only where it is used

from napari_unet.core.objects_ids import classes_of_values
from napari_unet.core.paint_blocks import BLOCK, Block, ClassMap, cut
from napari_unet.core.paint_checks import (
    MAX_CLASSES,
    AnnotationError,
    check_class_map,
    check_classes,
    check_shapes,
    check_trainable,
    check_whole_numbers,
)

__all__ = [
    "BLOCK",
    "MAX_CLASSES",
    "AnnotationError",
    "Annotations",
    "Block",
    "ClassMap",
    "check_class_map",
    "check_classes",
    "check_shapes",
    "check_trainable",
    "check_whole_numbers",
    "strokes",
]


class Annotations(Struct, frozen=True, eq=False, dict=True):
    """The paint on one plane of `shape` (Y, X), or on the slices of a volume (Z, Y, X).

    `objects` are the classes whose objects have ids; see `objects_ids`.
    """

    shape: tuple[int, ...]
    blocks: tuple[Block, ...] = ()
    objects: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        paint: NDArray[Any],
        before: Annotations | None = None,
        objects: tuple[int, ...] = (),
    ) -> Annotations:
        """Take a snapshot of a painted plane; what equals `before` is shared, not copied.

        Parameters
        ----------
        paint : (Y, X) integers
            0 unlabelled, 1…K classes, ids of objects.
        before : Annotations, optional
            An older snapshot of the same plane.
        objects : tuple of int
            The classes whose objects have ids.

        Raises
        ------
        AnnotationError
            If the array is not a plane of classes 0…255.
        """
        check_class_map(paint)
        old = before.blocks if before is not None and before.shape == paint.shape else ()
        shape = (int(paint.shape[0]), int(paint.shape[1]))
        return cls(shape, tuple(cut(paint, old)), objects)

    @classmethod
    def of_volume(cls, paint: NDArray[Any], objects: tuple[int, ...] = ()) -> Annotations:
        """The same for a volume (Z, Y, X)."""
        blocks: list[Block] = []
        for z, plane in enumerate(paint):
            check_class_map(plane)
            blocks.extend(cut(plane, (), z=z))
        return cls(tuple(int(n) for n in paint.shape), tuple(blocks), objects)

    def replaced(self, y: int, x: int, paint: NDArray[Any], z: int = 0) -> Annotations:
        """The same with a part painted anew; blocks that are equal are shared.

        Parameters
        ----------
        y, x : int
            First row and column of the part: multiples of 256.
        paint : (h, w) integers
            Its sides are multiples of 256, or reach the edge of the plane.
        z : int
            Which slice of a volume.

        Raises
        ------
        AnnotationError
            If the part holds other values than classes 0…255.
        """
        check_class_map(paint)
        here: list[Block] = []
        there: list[Block] = []
        for b in self.blocks:
            inside = y <= b.y < y + paint.shape[0] and x <= b.x < x + paint.shape[1]
            (here if inside and b.z == z else there).append(b)
        blocks = [*there, *cut(paint, here, y, x, z)]
        ordered = tuple(sorted(blocks, key=lambda b: b.place))
        return Annotations(self.shape, ordered, self.objects)

    def part(self, y: int, x: int, height: int, width: int, z: int = 0) -> ClassMap:
        """The paint in a box, of a volume in one of slice `z`, as a (height, width) uint8 array."""
        part = np.zeros((height, width), np.uint8)
        for b in (b for b in self.blocks if b.z == z):
            h, w = b.values.shape
            top, left = max(b.y, y), max(b.x, x)
            low, right = min(b.y + h, y + height), min(b.x + w, x + width)
            if top < low and left < right:
                values = b.values[top - b.y : low - b.y, left - b.x : right - b.x]
                part[top - y : low - y, left - x : right - x] = values
        return part

    def squares(self, side: int) -> dict[tuple[int, ...], Annotations]:
        """The paint in squares of `side` px, a multiple of 256; only those that hold some.

        Returns
        -------
        dict
            (first row, first column) → the square's paint as that of a plane of its own; of a
            volume (slice, first row, first column) → that of a volume of one slice.
        """
        found: dict[tuple[int, ...], list[Block]] = {}
        for b in self.blocks:
            y, x = b.y // side * side, b.x // side * side
            corner = (b.z, y, x)[-len(self.shape) :]
            found.setdefault(corner, []).append(Block(b.y - y, b.x - x, b.values))
        squares = {}
        for corner, own in found.items():
            ends = zip(self.sides, corner[-2:], strict=True)
            shape = (*[1] * len(corner[:-2]), *(min(side, n - at) for n, at in ends))
            squares[corner] = Annotations(shape, tuple(own), self.objects)
        return squares

    def dense(self) -> ClassMap:
        """The whole plane (Y, X), or volume (Z, Y, X), as a uint8 array."""
        *slices, height, width = self.shape
        parts = [self.part(0, 0, height, width, z) for z in range(*slices or [1])]
        return np.stack(parts) if slices else parts[0]

    def slice_at(self, z: int) -> Annotations:
        """The paint on one slice of a volume as that of a plane."""
        blocks = tuple(Block(b.y, b.x, b.values) for b in self.blocks if b.z == z)
        return Annotations(self.shape[1:], blocks, self.objects)

    def with_slice(self, z: int, paint: Annotations) -> Annotations:
        """The same volume with the paint on one slice replaced by that of a plane."""
        own = [Block(b.y, b.x, b.values, z) for b in paint.blocks]
        blocks = sorted([*(b for b in self.blocks if b.z != z), *own], key=lambda b: b.place)
        return Annotations(self.shape, tuple(blocks), paint.objects)

    @property
    def painted_slices(self) -> tuple[int, ...]:
        """Which slices of a volume hold paint, in their order."""
        return tuple(sorted({b.z for b in self.blocks}))

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the plane, or of each slice."""
        return self.shape[-2], self.shape[-1]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each value 0…255; entry 0 is not counted and stays 0."""
        total = np.zeros(MAX_CLASSES + 1, np.int64)
        for block in self.blocks:
            total += np.bincount(block.values.ravel(), minlength=MAX_CLASSES + 1)
        total[0] = 0
        total.flags.writeable = False
        return total

    @property
    def largest(self) -> int:
        """The largest class that is painted; 0 if none is."""
        painted = classes_of_values(self.objects)[self.counts > 0]
        return int(painted.max(initial=0))

    def same_as(self, other: Annotations) -> bool:
        """Whether the paint is the same (cheap when blocks are shared)."""
        return (
            (self.shape, self.objects) == (other.shape, other.objects)
            and len(self.blocks) == len(other.blocks)
            and all(
                a is b or (a.place == b.place and np.array_equal(a.values, b.values))
                for a, b in zip(self.blocks, other.blocks, strict=True)
            )
        )


def strokes(paint: ClassMap) -> NDArray[np.int32]:
    """Number the connected strokes of a plane or volume, corners count: the same shape, int32."""
    found = measure.label(paint, background=0, connectivity=paint.ndim)
    numbered: NDArray[np.int32] = found.astype(np.int32)
    return numbered
