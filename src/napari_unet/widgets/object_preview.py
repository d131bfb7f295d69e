"""Shows the objects of what is in view, in a layer of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.objects_parts import Sides, Window
from napari_unet.widgets.certainty import certainty_of
from napari_unet.widgets.compat import visible_box
from napari_unet.widgets.object_work import ObjectWork, Progress
from napari_unet.widgets.place import place_of
from napari_unet.widgets.planes import Index, current_index, full_shape, plane_shape
from napari_unet.widgets.timers import single_shot
from napari_unet.widgets.watch import ViewerWatch

_REST = 250  # ms from a change to the preview
_MARGIN = 64  # px around what is in view
_LARGEST = 2048  # px per side; of a larger view only the middle is shown
_IDS = np.iinfo(np.uint16).max  # napari draws uint16 fast, so that painting stays fluid


@dataclass(frozen=True)
class Wish:
    """What to show: a class of a layer's class map, over an image."""

    image: Image
    classes: Labels
    number: int
    settings: ObjectSettings


@dataclass(frozen=True, eq=False)
class _View:
    """A wish, and the part of it that was in view, with how sure the network was if it said so."""

    wish: Wish
    index: Index
    window: Window
    part: NDArray[Any]
    certainty: NDArray[np.uint8] | None

    def same_as(self, other: _View | None) -> bool:
        return (
            other is not None
            and (self.wish, self.index, self.window) == (other.wish, other.index, other.window)
            and np.array_equal(self.part, other.part)
            and _same(self.certainty, other.certainty)
        )


class ObjectPreview(QObject):
    """Follows the view.

    Signals
    -------
    counted : int, float, str
        Objects that are shown, their median area in px, and where they are.
    dismissed : the user removed the layer.
    failed : Exception
    """

    counted = Signal(int, float, str)
    dismissed = Signal()
    failed = Signal(object)

    def __init__(self, watch: ViewerWatch, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watch = watch
        self._wish: Wish | None = None
        self._layer: Labels | None = None
        self._over: Image | None = None
        self._shown: _View | None = None
        self._asked: _View | None = None
        self._work = ObjectWork(self)
        self._work.done.connect(self._show)
        self._work.failed.connect(self.failed)
        self._timer = single_shot(self, self._look, _REST)
        watch.moved.connect(self.look_again)

    @property
    def layer(self) -> Labels | None:
        """The layer that shows it, while it does."""
        return self._layer

    def show(self, wish: Wish | None) -> None:
        """Show this from now on, or nothing."""
        if self._layer is not None and (wish is None or self._over is not wish.image):
            self._take_away()
        self._wish = wish
        self.look_again()

    def look_again(self) -> None:
        """Something may look different now."""
        if self._wish is not None and not self._timer.isActive():
            self._timer.start()

    def _look(self) -> None:
        wish, viewer = self._wish, self._watch.viewer
        if wish is None or viewer is None or self._work.running:
            return
        if self._layer is not None and self._layer not in viewer.layers:
            self._layer = self._over = self._shown = self._wish = None
            self.dismissed.emit()
            return
        if wish.classes not in viewer.layers or wish.image not in viewer.layers:
            return
        index, shape = current_index(viewer, wish.image), plane_shape(wish.image)
        window = _window(visible_box(viewer, wish.image, shape), shape)
        data = wish.classes.data[0] if wish.classes.multiscale else wish.classes.data
        part = np.array(data[(*index, *window)])
        known = certainty_of(wish.classes) if wish.settings.split else None
        certainty = None if known is None else known.read(index, window, part)
        view = _View(wish, index, window, part, certainty)
        if view.same_as(self._shown):
            return
        self._asked = view
        self._work.start(partial(_find, view, _sides(window, shape)))

    def _show(self, labels: NDArray[np.uint16]) -> None:
        view, viewer = self._asked, self._watch.viewer
        if view is None or viewer is None or self._wish is None:
            return
        if view.wish.image is not self._wish.image or view.wish.classes not in viewer.layers:
            self.look_again()
            return
        if self._layer is None:
            self._layer, self._over = _layer_over(view.wish.image), view.wish.image
            active = viewer.layers.selection.active
            viewer.layers.insert(viewer.layers.index(view.wish.classes) + 1, self._layer)
            viewer.layers.selection.active = active
        if self._shown is not None:
            self._layer.data[(*self._shown.index, *self._shown.window)] = 0
        self._layer.data[(*view.index, *view.window)] = labels
        self._layer.refresh(thumbnail=False, highlight=False, extent=False)
        self._shown = view
        areas = np.bincount(labels.ravel())[1:]
        median = float(np.median(areas[areas > 0])) if areas.any() else 0.0
        whole = max(s.stop - s.start for s in view.window) < _LARGEST
        where = "In view" if whole else "In the middle of the view"
        self.counted.emit(int(np.count_nonzero(areas)), median, where)
        self.look_again()  # what has changed meanwhile

    def _take_away(self) -> None:
        viewer, layer = self._watch.viewer, self._layer
        self._work.stop()
        self._layer = self._over = self._shown = self._asked = None
        if viewer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)


def _same(one: NDArray[np.uint8] | None, other: NDArray[np.uint8] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _find(view: _View, sides: Sides, progress: Progress) -> NDArray[np.uint16]:
    found = find_objects(
        view.part,
        view.wish.number,
        view.wish.settings,
        probability=view.certainty,
        sides=sides,
        tile=512,
        progress=progress,
    )
    if found.max(initial=0) > _IDS:
        found = (found - 1) % _IDS + (found > 0)
    return found.astype(np.uint16)


def _window(box: tuple[int, int, int, int], shape: tuple[int, int]) -> Window:
    """The box and a margin, cut to the plane and to what can be shown at once."""
    sides = []
    for low, high, length in zip(box[:2], box[2:], shape, strict=True):
        middle, half = (low + high) // 2, min((high - low + 1) // 2 + _MARGIN, _LARGEST // 2)
        sides.append(slice(max(middle - half, 0), min(middle + half, length)))
    return sides[0], sides[1]


def _sides(window: Window, shape: tuple[int, int]) -> Sides:
    """Which sides of a window are sides of the plane."""
    (y, x), (height, width) = window, shape
    return y.start == 0, y.stop == height, x.start == 0, x.stop == width


def _layer_over(image: Image) -> Labels:
    layer = Labels(
        np.zeros(full_shape(image), np.uint16),
        name=f"{image.name} objects (preview)",
        opacity=0.6,
        **place_of(image),
    )
    layer.editable = False
    return layer
