"""Corrections of the objects in a result layer; the strokes learn of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from msgspec.structs import replace
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.objects_fixing import Fix, FixError, compare, delete, merge, met, split
from napari_unet.core.objects_ids import ids_of
from napari_unet.core.objects_paint import dealt
from napari_unet.core.weighting import BACKGROUND
from napari_unet.engine.messages import Box
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.object_class import class_of
from napari_unet.widgets.object_table import remeasure
from napari_unet.widgets.planes import Index
from napari_unet.widgets.roster import Roster
from napari_unet.widgets.timers import single_shot

Path: TypeAlias = Sequence[tuple[int, int]]  # points (y, x) in px
Tool: TypeAlias = Literal["merge", "split", "delete"]
_TOOLS: dict[Tool, Callable[[NDArray[np.integer], Path, int], Fix]] = {
    "merge": lambda labels, path, _: merge(labels, met(labels, path)),
    "split": split,
    "delete": lambda labels, path, _: delete(labels, met(labels, path)),
}


@dataclass(frozen=True, eq=False)
class _Step:
    """A correction, and the strokes that it painted over."""

    index: Index
    fix: Fix
    strokes: NDArray[np.uint8]


class ObjectFixer(QObject):
    """Corrects one layer of objects, and paints what the corrections say on its image.

    Objects that were touched are right as they are now, and are painted each with its own id;
    what is no object any more is background. What is repainted with napari's own tools counts, too.

    Signals
    -------
    changed : there is something to undo, or no more; another layer is corrected.
    said : str
        What to know or do, as a sentence.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, roster: Roster, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._roster = roster
        self.layer: Labels | None = None
        self._binding: Binding | None = None
        self._known: dict[Index, NDArray[np.integer]] = {}  # planes as they were last seen
        self._steps: list[_Step] = []
        self._compare = single_shot(self, self._look)
        roster.recoded.connect(self._on_recoded)

    @property
    def undoable(self) -> bool:
        """Whether there is a correction to take back."""
        return bool(self._steps)

    @property
    def binding(self) -> Binding | None:
        """The image whose objects are corrected."""
        return self._binding

    def take(self, layer: Labels, binding: Binding) -> None:
        """Correct this layer from now on: objects of that image, of the class that it says."""
        self.leave()
        self.layer, self._binding = layer, binding
        layer.events.paint.connect(self._on_touched)
        layer.events.set_data.connect(self._on_touched)
        self.see()
        self.changed.emit()

    def leave(self) -> None:
        """Correct nothing more."""
        if self.layer is not None:
            self.layer.events.paint.disconnect(self._on_touched)
            self.layer.events.set_data.disconnect(self._on_touched)
        self.layer = self._binding = None
        self._known, self._steps = {}, []
        self.changed.emit()

    def see(self) -> None:
        """Remember the plane in view as it is, to find what is repainted by hand."""
        if self.layer is not None and self._binding is not None:
            index = self._binding.strokes.current
            if index not in self._known:
                self._known[index] = self.layer.data[index].copy()

    def use(self, tool: Tool, path: Path) -> None:
        """Correct what lies under a path."""
        if self.layer is None or self._binding is None:
            return
        self._look()
        index = self._binding.strokes.current
        try:
            fix = _TOOLS[tool](self.layer.data[index], path, self._last())
        except FixError as error:
            self.said.emit(str(error))
            return
        self._put(index, fix)
        self._learn(index, fix)

    def undo(self) -> None:
        """Take the last correction back, and what was painted for it."""
        if self._steps and self.layer is not None:
            step = self._steps.pop()
            back = replace(step.fix, before=step.fix.after, after=step.fix.before)
            self._put(step.index, back)
            self._unlearn(step)

    def _last(self) -> int:
        """The largest id in whatever plane: no new object may have it."""
        assert self.layer is not None  # noqa: S101 - asked by those who call
        table = self.layer.features
        if "index" in table and len(table):
            return int(table["index"].max())
        return int(self.layer.data.max(initial=0))  # they could not be measured

    def _on_recoded(self, table: NDArray[np.uint8]) -> None:
        """Strokes have other values now, so have those that undo would bring back."""
        self._steps = [_Step(s.index, s.fix, table[s.strokes]) for s in self._steps]

    def _on_touched(self) -> None:
        self._compare.start()  # napari's tools may tell of it before it is done

    def _put(self, index: Index, fix: Fix) -> None:
        assert self.layer is not None  # noqa: S101 - asked by those who call
        self.layer.data[(*index, *fix.box)] = fix.after
        self._known[index][fix.box] = fix.after
        self.layer.refresh()

    def _look(self) -> None:
        """Find what was repainted, undone or redone with napari's own tools."""
        self._compare.stop()
        if self.layer is None or self._binding is None:
            return
        self.see()
        index = self._binding.strokes.current
        if self._known[index].shape != self.layer.data[index].shape:  # other data altogether
            self.leave()
            return
        fix = compare(self._known[index], self.layer.data[index])
        if fix is None:
            return
        self._known[index][fix.box] = fix.after
        last = self._steps[-1] if self._steps else None
        if last is not None and last.index == index and last.fix.box == fix.box and (
            np.array_equal(last.fix.before, fix.after)
        ):  # fmt: skip
            self._unlearn(self._steps.pop())
        else:
            self._learn(index, fix)

    def _learn(self, index: Index, fix: Fix) -> None:
        """Paint what a correction says."""
        binding = self._binding
        assert binding is not None and self.layer is not None  # noqa: S101, PT018
        number = self._roster.classes.number(class_of(self.layer))
        if number not in self._roster.classes.objects:
            self._roster.set(self._roster.classes.telling_apart(number, on=True))
        strokes = binding.strokes.part(index, _corners(fix))
        ids = ids_of(number, self._roster.classes.objects)
        values = np.where(fix.background, BACKGROUND, dealt(fix.objects, strokes, ids))
        y, x, *_ = _corners(fix)
        binding.strokes.paint(index, y, x, values > 0, values.astype(np.uint8))
        self._steps.append(_Step(index, fix, strokes))
        remeasure(self.layer, binding.images, index, fix)
        self.changed.emit()

    def _unlearn(self, step: _Step) -> None:
        """Put the strokes back that a correction painted over."""
        binding = self._binding
        assert binding is not None and self.layer is not None  # noqa: S101, PT018
        y, x, *_ = _corners(step.fix)
        learnt = (step.fix.objects > 0) | step.fix.background
        binding.strokes.paint(step.index, y, x, learnt, step.strokes)
        back = replace(step.fix, before=step.fix.after, after=step.fix.before)
        remeasure(self.layer, binding.images, step.index, back)
        self.changed.emit()


def _corners(fix: Fix) -> Box:
    rows, columns = fix.box
    return rows.start, columns.start, rows.stop, columns.stop
