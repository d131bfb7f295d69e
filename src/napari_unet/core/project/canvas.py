"""Paint that changes are applied to: from a log back to annotations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_unet.core.annotations import BLOCK, Annotations, Block, ClassMap
from napari_unet.core.project.changes import (
    Classes,
    Entry,
    LabelClass,
    Painted,
    Plane,
    difference,
)
from napari_unet.core.project.errors import DamagedError


class Canvas:
    """One plane's paint that can be changed; blocks are copied before they are."""

    def __init__(self, paint: Annotations) -> None:
        self.shape = paint.sides
        self._paint: Annotations | None = paint
        self._blocks: dict[tuple[int, int], ClassMap] = {(b.y, b.x): b.values for b in paint.blocks}

    def apply(self, change: Painted) -> None:
        """Apply a change of a plane of this size.

        Raises
        ------
        DamagedError
        """
        key = change.y // BLOCK * BLOCK, change.x // BLOCK * BLOCK
        block = self._blocks.get(key)
        if block is None:
            size = tuple(min(BLOCK, n - k) for n, k in zip(self.shape, key, strict=True))
            block = np.zeros(size, np.uint8)
        if not block.flags.writeable:
            block = block.copy()
        y, x = change.y - key[0], change.x - key[1]
        where, values = change.values()
        block[y : y + change.height, x : x + change.width][where] = values
        self._blocks[key] = block
        self._paint = None

    @property
    def paint(self) -> Annotations:
        """The paint as it is now."""
        if self._paint is None:
            blocks = []
            for (y, x), values in sorted(self._blocks.items()):
                values.flags.writeable = False
                if values.any():
                    blocks.append(Block(y, x, values))
            self._paint = Annotations(self.shape, tuple(blocks))
        return self._paint


class Work:
    """All paint and the classes; entries of the log are applied to it.

    Attributes
    ----------
    classes : empty as long as no entry named any.
    """

    def __init__(
        self,
        planes: Mapping[Plane, Annotations] | None = None,
        classes: tuple[LabelClass, ...] = (),
    ) -> None:
        self.classes = classes
        self._canvases = {plane: Canvas(paint) for plane, paint in (planes or {}).items()}

    def apply(self, entry: Entry) -> None:
        """Follow an entry, whole or not at all.

        Raises
        ------
        DamagedError
            If it does not fit what was before it.
        """
        self._check(entry)
        for change in entry.changes:
            if isinstance(change, Classes):
                self.classes = change.after
                continue
            if change.plane not in self._canvases:
                self._canvases[change.plane] = Canvas(Annotations(change.shape))
            self._canvases[change.plane].apply(change)

    def put(self, plane: Plane, paint: Annotations) -> None:
        """A plane holds other paint now."""
        self._canvases[plane] = Canvas(paint)

    def paint(self, plane: Plane) -> Annotations | None:
        """The paint on a plane; None if it never had any."""
        canvas = self._canvases.get(plane)
        return None if canvas is None else canvas.paint

    @property
    def planes(self) -> dict[Plane, Annotations]:
        """The paint on each plane that ever had some."""
        return {plane: canvas.paint for plane, canvas in self._canvases.items()}

    def _check(self, entry: Entry) -> None:
        new: dict[Plane, tuple[int, int]] = {}
        for change in entry.changes:
            if isinstance(change, Painted):
                known = self._canvases.get(change.plane)
                shape = new.setdefault(change.plane, known.shape if known else change.shape)
                if change.shape != shape:
                    raise DamagedError("a stroke is of a plane of another size")


def bridge(now: Work, wanted: Work, time: float) -> Entry | None:
    """What turns one state into another; None if they are the same.

    Raises
    ------
    DamagedError
        If a plane has another size in each.
    """
    before, after = now.planes, wanted.planes
    changes: list[Painted | Classes] = []
    for plane in before.keys() | after.keys():
        some = after.get(plane) or before[plane]
        if before.get(plane, some).shape != some.shape:
            raise DamagedError("a plane has two sizes")
        changes += difference(plane, before.get(plane), after.get(plane, Annotations(some.shape)))
    if now.classes != wanted.classes and wanted.classes:
        changes.append(Classes(now.classes, wanted.classes))
    return Entry(time, tuple(changes)) if changes else None
