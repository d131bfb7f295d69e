"""Watches a paint layer and makes a snapshot of each plane that changed, soon after.

`paint` does not fire on undo and redo, and sometimes fires before the data is written. So every
event only marks planes as dirty; a short timer then compares them with the last snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QElapsedTimer, QObject, Signal

from napari_unet.core.annotations import AnnotationError, Annotations, ClassMap
from napari_unet.core.objects_ids import changed_ids, classes_of_values
from napari_unet.core.project.changes import Painted
from napari_unet.engine.messages import Box
from napari_unet.widgets.easel import easel_of
from napari_unet.widgets.planes import Index, indices
from napari_unet.widgets.timers import single_shot
from napari_unet.widgets.touched import Waiting, reached_planes, touched_planes

_REST = 180  # ms without a change until strokes are looked at
_LONGEST = 900  # ms until they are, however busily somebody paints
_GROWING = 1000  # ms of a stroke until what there is of it is told
_AT_ONCE = 5  # ms that planes of a stack are looked at for
_NEXT = 10  # ms until the next ones are, so that painting stays fluid


class StrokeWatch(QObject):
    """The strokes of one paint layer.

    Signals
    -------
    changed : Index, Annotations
        A plane holds other paint than before.
    drawn : Index, Annotations
        A stroke was just drawn, or (if `drawing`) is this far; `changed` tells of it later. If
        `goes_on`, another part of it was told before.
    refused : str
        The layer holds what cannot be paint, as a sentence.
    """

    changed = Signal(object, object)
    drawn = Signal(object, object)
    refused = Signal(str)

    def __init__(self, layer: Labels) -> None:
        super().__init__()
        self.layer, self.easel = layer, easel_of(layer)
        self.current: Index = (0,) * (layer.ndim - 2)
        self.snapshots: dict[Index, Annotations] = {}
        self.objects: tuple[int, ...] = ()  # classes whose objects have ids
        self._dirty = Waiting()
        self._drawn: dict[Index, Annotations] = {}  # told as drawn, but not as a change yet
        self._touched = Waiting()  # by a stroke, and not told as drawn yet
        self._begun = self.goes_on = False  # a part of the stroke was told
        self._waiting = QElapsedTimer()  # since the first change that was not looked at
        self._timer = single_shot(self, self._compare_next)
        self.drawing = False  # the mouse is down
        self._growth = single_shot(self, self._tell_drawn)
        self._done = single_shot(self, self._tell_drawn)
        self._rest = single_shot(self, self._tell_drawn, _NEXT)
        layer.events.labels_update.connect(self._on_drawing)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_undo_or_refresh)
        layer.events.data.connect(self._on_new_data)

    def close(self) -> None:
        """Stop watching."""
        for timer in (self._timer, self._growth, self._done, self._rest):
            timer.stop()
        self.layer.events.labels_update.disconnect(self._on_drawing)
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_undo_or_refresh)
        self.layer.events.data.disconnect(self._on_new_data)

    @property
    def counts(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Painted pixels of each class 0…255, over all planes."""
        total = np.zeros(256, np.int64)
        np.add.at(total, classes_of_values(self.objects), self.values)
        return total

    @property
    def values(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Painted pixels of each value 0…255, class or id of an object, over all planes."""
        total = np.zeros(256, np.int64)
        for strokes in self.snapshots.values():
            total += strokes.counts
        return total

    def tell_apart(self, objects: tuple[int, ...], *, recode: bool = True) -> None:
        """Objects of these classes have ids from now on.

        `recode` changes the values of paint that would mean something else now.
        """
        self.flush()
        table, before = changed_ids(self.objects, objects), self.values
        self.objects = objects
        if recode and before[table != np.arange(len(table))].any():
            self.easel.recode(self.snapshots, table)
            self.layer.refresh()
        self._mark(tuple(self.snapshots))
        self.flush()

    def visit(self, index: Index) -> None:
        """The user looks at another plane; what was painted on the last one is taken first."""
        if self._timer.isActive() and index != self.current and self.current in self._dirty:
            self._compare(self.current)
        self.current = index

    def scan(self) -> None:
        """Look at all planes now."""
        self._dirty = Waiting(indices(self.layer))
        self.flush()

    def put_back(self, strokes: Sequence[Painted]) -> None:
        """Write strokes into the layer, and look at them at once."""
        for stroke in strokes:
            where, values = stroke.values()
            self.lay((stroke.y, stroke.x, stroke.y + stroke.height, stroke.x + stroke.width))
            self.easel.write(stroke.index, stroke.y, stroke.x, where, values)
            self._dirty.add(stroke.index)
        self.flush()
        self.layer.refresh()

    def part(self, index: Index, box: Box) -> ClassMap:
        """The paint in a box (first and last + 1 row and column) as it is: (h, w) uint8."""
        self._mark((index,))
        self.flush()
        known = self.snapshots.get(index, Annotations((box[2], box[3])))
        return known.part(box[0], box[1], box[2] - box[0], box[3] - box[1])

    def paint(self, index: Index, y: int, x: int, where: NDArray[Any], values: ClassMap) -> int:
        """Paint where a mask at row `y`, column `x` says; how many pixels are others now.

        It is one step of napari's own undo.

        Raises
        ------
        AnnotationError
            If the box is larger than what can be painted on at once.
        """
        box = (y, x, y + where.shape[0], x + where.shape[1])
        where = where & (values != self.part(index, box))
        self.lay(box)
        rows, columns = np.nonzero(where)
        top, left = y - self.easel.origin[0], x - self.easel.origin[1]
        height, width = self.layer.data.shape[-2:]
        if min(top, left) < 0 or top + where.shape[0] > height or left + where.shape[1] > width:
            raise AnnotationError(f"At most {height:,} × {width:,} px can be painted on at once.")
        if len(rows):
            plane = tuple(np.full(len(rows), at) for at in index)
            self.layer.data_setitem((*plane, rows + top, columns + left), values[where])
            self._mark((index,))
        return len(rows)

    def lay(self, box: Box) -> None:
        """See to it that a box of the planes can be painted on."""
        if not self.drawing and not self.easel.shows(box):
            self.flush()
            self.easel.move(box)

    def flush(self) -> None:
        """Look at what is dirty now, without waiting."""
        self._timer.stop()
        self._tell_touched()
        for index in self._dirty.near(self.current):
            self._compare(index)

    def _on_drawing(self) -> None:
        if self._done.isActive():  # some tools tell that they painted before they do
            return
        self._begun &= self.drawing
        self.drawing = True
        if not self._growth.isActive():
            self._growth.start(_GROWING)

    def _tell_drawn(self) -> None:
        if self.drawing:
            self._touched |= reached_planes(self.layer, self.current)
        self._tell_touched(_AT_ONCE)

    def _tell_touched(self, limit: int | None = None) -> None:
        """Tell what was drawn, for so many ms; the rest a little later."""
        self.goes_on = self._begun
        for index in self._touched.near(self.current, limit):
            self._tell_plane(index)
        self.goes_on = False
        if self._touched:
            self._rest.start()

    def _tell_plane(self, index: Index) -> None:
        before = self.snapshots.get(index)
        try:
            after = self.easel.read(index, before, self.objects)
        except (AnnotationError, IndexError):
            return  # told with the change
        if after.blocks if before is None else not after.same_as(before):
            self._drawn[index], self._begun = after, True
            self.drawn.emit(index, after)

    def _on_paint(self, event: Any) -> None:  # noqa: ANN401
        planes = touched_planes(self.layer, event.value) | {self.current}
        self._mark(planes)
        self._touched |= planes
        self._begun &= self.drawing
        self.drawing = False
        self._done.start(0)  # the data may be written after this event

    def _on_undo_or_refresh(self) -> None:
        self.drawing = False
        # undo may change a plane that is not in view, but only one that was painted before
        self._mark((self.current, *self.snapshots))

    def _on_new_data(self) -> None:
        self._mark(indices(self.layer))

    def _mark(self, planes: Any) -> None:  # noqa: ANN401
        if not self._dirty:
            self._waiting.start()
        self._dirty.update(planes)
        self._timer.start(max(0, min(_REST, _LONGEST - self._waiting.elapsed())))

    def _compare_next(self) -> None:
        if not self._touched:
            for index in self._dirty.near(self.current, _AT_ONCE):
                self._compare(index)
        if self._dirty:
            self._timer.start(_NEXT)

    def _compare(self, index: Index) -> None:
        self._dirty.discard(index)
        before = self.snapshots.get(index)
        try:
            after = self.easel.read(index, before, self.objects)
        except AnnotationError as error:
            self.refused.emit(str(error))
            return
        except IndexError:  # the layer got a smaller stack meanwhile
            self.snapshots.pop(index, None)
            return
        drawn = self._drawn.pop(index, None)
        if before is None and drawn is None and not after.blocks:
            return
        self.snapshots[index] = after
        if before is None or not after.same_as(before):
            self.changed.emit(index, after)
        elif drawn is not None and not after.same_as(drawn):  # undone before it was told
            self.drawn.emit(index, after)
