"""Paints for the user: what the prediction says where they draw around it, or the last slice."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from napari.layers import Labels, Shapes
from napari.viewer import Viewer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from skimage.draw import polygon

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.compat import plainly_2d
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.place import place_of
from napari_unet.widgets.planes import Index, full_shape, slice_axis
from napari_unet.widgets.timers import single_shot

Pixels: TypeAlias = NDArray[np.intp]


class Scribe(QObject):
    """Strokes that need no brush; napari's undo takes them back, and the engine scores them.

    Attributes
    ----------
    outline : the layer that the user draws on, while it is there.

    Signals
    -------
    changed : the user begins to draw around a region, or ends.
    said, copied : str
        What to know or do, as a sentence; that strokes were copied.
    """

    changed = Signal()
    said = Signal(str)
    copied = Signal(str)

    def __init__(self, viewer: Viewer, desk: Desk) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._desk = desk
        self.outline: Shapes | None = None
        self._drawn = single_shot(self, self._on_drawn)
        viewer.layers.events.removed.connect(self._on_removed)

    # -- what the prediction says ----------------------------------------------------------

    def toggle_outline(self) -> None:
        """Let the user draw around what is right, or not any more."""
        viewer, binding = self._viewer(), self._desk.active
        if viewer is None or binding is None:
            return
        if self.outline is not None:
            self._leave()
        elif not plainly_2d(viewer):
            self.said.emit("Turn to the 2-D view of the image to accept what is predicted.")
        else:
            self._begin(viewer, binding)

    def _begin(self, viewer: Viewer, binding: Binding) -> None:
        outline = Shapes(
            ndim=binding.paint.ndim, name="accept the prediction inside", edge_color="white",
            face_color="#ffffff30", edge_width=2, **place_of(binding.image),
        )  # fmt: skip
        self.outline = outline
        viewer.layers.append(outline)
        viewer.layers.selection.active = outline
        outline.mode = "add_polygon_lasso"
        outline.mouse_drag_callbacks.append(self._on_drag)
        self.changed.emit()

    def _leave(self) -> None:
        """Take the outline away, and go on painting."""
        viewer, outline = self._viewer(), self.outline
        self.outline = None
        if viewer is None or outline is None:
            return
        if outline in viewer.layers:
            viewer.layers.remove(outline)
        active = self._desk.active
        if active is not None and active.paint in viewer.layers:
            viewer.layers.selection.active = active.paint
        self.changed.emit()

    def _on_drag(self, _layer: Shapes, event: Any) -> Iterator[None]:  # noqa: ANN401
        """Look at the outline after the mouse was released, once napari's own tool is done."""
        yield
        while event.type == "mouse_move":
            yield
        self._drawn.start()

    def _on_drawn(self) -> None:
        outline, binding = self.outline, self._desk.active
        if outline is None or binding is None or not outline.data:
            return
        index, paint = binding.strokes.current, binding.paint
        y, x = _inside(outline, paint)
        if not len(y):  # a click begins an outline, another one ends it
            return
        top, left = _corner(binding, index)
        prediction = binding.prediction
        finest = prediction.data[0] if prediction.multiscale else prediction.data
        values = np.asarray(finest[index])[y + top, x + left]
        count = _paint(binding, index, y, x, values)
        self._leave()
        if not count:
            self.said.emit("There is nothing new to accept in there: it is painted already.")

    def _on_removed(self, event: Any) -> None:  # noqa: ANN401
        if event.value is self.outline or self._desk.active is None:
            self._leave()

    # -- what was painted on the slice before ----------------------------------------------

    def copy_to_next_slice(self) -> None:
        """Paint the strokes of this slice of a stack on the next one too, and go there."""
        binding = self._desk.active
        if binding is None:
            return
        index = binding.strokes.current
        axis = slice_axis(binding.image)
        if axis is None or index[axis] + 1 >= full_shape(binding.image)[axis]:
            self.said.emit("There is no slice after this one to copy the strokes to.")
            return
        strokes = np.asarray(binding.paint.data[index])
        y, x = np.nonzero(strokes)
        if not len(y):
            self.said.emit("There are no strokes on this slice to copy. Paint some first.")
            return
        following = (*index[:axis], index[axis] + 1, *index[axis + 1 :])
        _paint(binding, following, y, x, strokes[y, x])
        self._desk.visit(binding, following)
        self.copied.emit("The strokes are copied. Erase or paint over what differs on this slice.")


def _inside(outline: Shapes, paint: Labels) -> tuple[Pixels, Pixels]:
    """Rows and columns of a paint layer within what was drawn last."""
    corners = np.array([
        paint.world_to_data(outline.data_to_world(at))[-2:] for at in outline.data[-1]
    ])  # fmt: skip
    y, x = polygon(corners[:, 0], corners[:, 1], paint.data.shape[-2:])
    return y, x


def _corner(binding: Binding, index: Index) -> tuple[int, int]:
    """Where the paint layer begins on the plane: it may lie over a part of a large one."""
    world = binding.paint.data_to_world((*index, 0, 0))
    y, x = np.rint(binding.prediction.world_to_data(world)[-2:])
    return int(y), int(x)


def _paint(binding: Binding, index: Index, y: Pixels, x: Pixels, values: NDArray[Any]) -> int:
    """Paint pixels of the paint layer where nothing is painted yet; how many."""
    free = (values > 0) & (np.asarray(binding.paint.data[index])[y, x] == 0)
    if not free.any():
        return 0
    y, x, values = y[free], x[free], values[free]
    top, left = int(y.min()), int(x.min())
    where = np.zeros((int(y.max()) - top + 1, int(x.max()) - left + 1), bool)
    box = np.zeros(where.shape, np.uint8)
    where[y - top, x - left], box[y - top, x - left] = True, values
    down, right = binding.strokes.easel.origin
    return binding.strokes.paint(index, top + down, left + right, where, box)
