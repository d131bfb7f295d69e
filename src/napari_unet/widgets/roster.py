"""The classes of a viewer's work: which there are, and which one is painted now."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np
from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import MAX_CLASSES
from napari_unet.core.objects_ids import (
    FIRST_ID,
    changed_ids,
    classes_of_values,
    ids_of,
    without_class,
)
from napari_unet.widgets.classes import ClassList, new_names
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.layers import find_paint

_MANY = 12  # new classes that strokes may bring along; more look like an image of objects


class Roster(QObject):
    """Classes and the one to paint; layers on the desk follow.

    Where the objects of a class are told apart, one of them is painted at a time: the label that
    is selected in the paint layer is then the id of an object.

    Signals
    -------
    changed : names, colours or number of classes are different now.
    renamed : the names are; the engine must know.
    called_anew : dict of str to str
        Classes by their names before, and what they are called now.
    selected_changed : another class is painted now.
    recoded : (256,) uint8
        The values of all strokes became others, by this table; those on the desk have.
    """

    recoded = Signal(object)
    changed = Signal()
    renamed = Signal()
    called_anew = Signal(object)
    selected_changed = Signal()

    def __init__(self, viewer: Viewer, desk: Desk) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._desk = desk
        self.classes = ClassList()
        self.selected = 1
        desk.selected.connect(self._on_selected)

    def set(self, classes: ClassList, *, recode: bool = True) -> None:
        """Change names and colours, tell objects apart, or add classes at the end.

        `recode` changes strokes that would mean something else now.
        """
        before, self.classes = self.classes, classes
        if classes.objects != before.objects:
            self._desk.objects = classes.objects
            for binding in self._desk.bindings:
                binding.strokes.tell_apart(classes.objects, recode=recode)
            if recode:
                self.recoded.emit(changed_ids(before.objects, classes.objects))
        if classes.colours != before.colours:
            self._desk.recolour(classes.colours)
        if classes.names != before.names:
            self.called_anew.emit(new_names(before, classes))
            self.renamed.emit()
        if self.selected > len(classes):
            self.select(len(classes))
        self.changed.emit()

    def adopt(self, names: Sequence[str]) -> None:
        """Take the names that a model or strokes bring along, if they are others."""
        classes = ClassList.named(tuple(names), self.classes.objects)
        if classes.names != self.classes.names:
            self.set(classes)

    def adopt_from(self, image: Image, paint: Labels | None) -> None:
        """Strokes that come with names for their classes bring them along, if they are the first.

        Parameters
        ----------
        image : Image
        paint : Labels, optional
            By default the layer that is found for the image.
        """
        viewer = self._viewer()
        if viewer is None or self._desk.counts.any():
            return
        paint = paint or find_paint(viewer, image)
        names = paint.metadata.get("classes", ()) if paint else ()
        if _are_names(names):
            self.adopt(names)

    def reconcile(self, names: Sequence[str]) -> None:
        """The engine took a model with these classes: keep ours where they are as many."""
        if len(names) != len(self.classes):
            self.adopt(names)
        elif tuple(names) != self.classes.names:
            self.renamed.emit()

    def make_room(self, largest: int) -> bool:
        """Have at least so many classes; False if that would be too many at once."""
        if largest > len(self.classes) + _MANY:
            return False
        if largest > len(self.classes):
            self.set(self.classes.grown(largest))
        return True

    def remove(self, number: int) -> None:
        """Remove a class and erase its strokes.

        Raises
        ------
        ClassListError
            If fewer than two would be left.
        """
        classes = self.classes.without(number)
        if number in self.classes.objects:
            self.tell_apart(number, on=False)  # the ids of other objects stay what they are
        table = without_class(number, self.classes.objects)
        for binding in self._desk.bindings:
            binding.drop_class(table)
        self.recoded.emit(table)
        self.set(classes, recode=False)
        self.select(min(self.selected, len(classes)))

    def tell_apart(self, number: int, *, on: bool) -> None:
        """Give each object of class `number` an id of its own, or no more.

        Raises
        ------
        ClassListError
            If the objects of this class cannot be told apart.
        """
        self.set(self.classes.telling_apart(number, on=on))
        self.select(number)

    def count_objects(self, number: int) -> int:
        """How many ids of objects of a class are painted."""
        ids = list(ids_of(number, self.classes.objects))
        painted = sum((b.strokes.values[ids] for b in self._desk.bindings), np.zeros(len(ids)))
        return int(np.count_nonzero(painted))

    def select(self, number: int) -> None:
        """Paint class `number` from now on; of one whose objects have ids, the next object."""
        self.selected = number
        viewer, active = self._viewer(), self._desk.active
        if active is not None and viewer is not None:
            viewer.layers.selection.active = active.paint
            active.paint.selected_label = self._next_id(number)
            active.paint.mode = "paint"
        self.selected_changed.emit()

    def next_object(self) -> None:
        """Paint another object of this class from now on."""
        self.select(self.selected)

    def _next_id(self, number: int) -> int:
        """An id that no object has, or at least none on this plane that was used last."""
        ids, active = ids_of(number, self.classes.objects), self._desk.active
        if not ids or active is None:
            return number
        active.strokes.flush()
        everywhere = active.strokes.values
        here = active.strokes.snapshots.get(active.strokes.current)
        for painted in (everywhere, here.counts if here is not None else everywhere):
            free = [value for value in ids if not painted[value]]
            if free:
                return free[0]
        after = active.paint.selected_label + 1
        return next((value for value in ids if value >= after), ids[0])

    def _on_selected(self, label: int) -> None:
        """The user took another label in napari's own controls."""
        if label >= FIRST_ID and not self.classes.objects:
            return
        number = int(classes_of_values(self.classes.objects)[label]) if label < 256 else 0
        if number != self.selected and 1 <= number <= len(self.classes):
            self.selected = number
            self.selected_changed.emit()


def _are_names(found: object) -> bool:
    """Whether what stands in a layer's metadata can be the names of classes."""
    return (
        isinstance(found, list | tuple)
        and 1 < len(found) <= MAX_CLASSES
        and all(isinstance(name, str) for name in found)
    )
