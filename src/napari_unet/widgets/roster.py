"""The classes of a viewer's work: which there are, and which one is painted now."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.layers import find_paint

_MANY = 12  # new classes that strokes may bring along; more look like an image of objects


class Roster(QObject):
    """Classes and the one to paint; layers on the desk follow.

    Signals
    -------
    changed : names, colours or number of classes are different now.
    renamed : the names are; the engine must know.
    selected_changed : another class is painted now.
    """

    changed = Signal()
    renamed = Signal()
    selected_changed = Signal()

    def __init__(self, viewer: Viewer, desk: Desk) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._desk = desk
        self.classes = ClassList()
        self.selected = 1
        desk.selected.connect(self._on_selected)

    def set(self, classes: ClassList) -> None:
        """Change names and colours, or add classes at the end."""
        before, self.classes = self.classes, classes
        if classes.colours != before.colours:
            self._desk.recolour(classes.colours)
        if classes.names != before.names:
            self.renamed.emit()
        self.changed.emit()

    def adopt(self, names: Sequence[str]) -> None:
        """Take the names that a model or strokes bring along, if they are others."""
        if tuple(names) != self.classes.names:
            self.set(ClassList.named(tuple(names)))

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
        if len(names) > 1:
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
        for binding in self._desk.bindings:
            binding.drop_class(number)
        self.set(classes)
        self.select(min(self.selected, len(classes)))

    def select(self, number: int) -> None:
        """Paint class `number` from now on."""
        self.selected = number
        viewer, active = self._viewer(), self._desk.active
        if active is not None and viewer is not None:
            viewer.layers.selection.active = active.paint
            active.paint.selected_label = number
            active.paint.mode = "paint"
        self.selected_changed.emit()

    def _on_selected(self, number: int) -> None:
        """The user took another label in napari's own controls."""
        if number != self.selected and 1 <= number <= len(self.classes):
            self.selected = number
            self.selected_changed.emit()
