"""Tells the engine what the user looks at, whenever the camera or the sliders move."""

from __future__ import annotations

import weakref

from napari.viewer import Viewer
from qtpy.QtCore import QObject

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.compat import connect_all, disconnect_all, view_events, visible_box
from napari_unet.widgets.overlay import Overlay
from napari_unet.widgets.plane_book import PlaneBook
from napari_unet.widgets.planes import Index, current_index, show_index
from napari_unet.widgets.timers import single_shot

_GLANCE = 100  # ms between two looks while the camera moves
_SETTLE = 200  # ms on one plane of a stack until it is opened


class Gaze(QObject):
    """What is in view of the image in work, if there is one.

    Attributes
    ----------
    binding : the image in work.
    """

    def __init__(self, viewer: Viewer, planes: PlaneBook) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._planes = planes
        self.binding: Binding | None = None
        self._overlay: Overlay | None = None
        self._certainty = False
        self._timer = single_shot(self, self.look)
        connect_all(view_events(viewer), self._on_moved)

    def look(self) -> None:
        """Tell what is in view now."""
        viewer, binding = self._viewer(), self.binding
        if viewer is None or binding is None:
            return
        index = current_index(viewer, binding.image)
        binding.strokes.visit(index)
        binding.strokes.lay(visible_box(viewer, binding.image, binding.shape))
        overlay = None if self._overlay is None else self._overlay.what
        self._planes.look(viewer, binding, index, overlay, certainty=self._certainty)

    def go_to(self, index: Index) -> None:
        """Show a plane of the image in work."""
        viewer = self._viewer()
        if viewer is not None and self.binding is not None:
            show_index(viewer, self.binding.image, index)
            self.look()

    def show_overlay(self, overlay: Overlay | None) -> None:
        """Ask for an overlay from now on, in a layer of its own."""
        self._overlay = overlay
        viewer, binding = self._viewer(), self.binding
        if overlay is not None and binding is not None and viewer is not None:
            overlay.show(viewer, binding)
        self.look()

    def ask_certainty(self, *, wanted: bool) -> None:
        """Let the engine say how sure predictions are from now on, or leave that out."""
        if wanted != self._certainty:
            self._certainty = wanted
            self.look()

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        viewer = self._viewer()
        if viewer is not None:
            disconnect_all(view_events(viewer), self._on_moved)

    def _on_moved(self) -> None:
        viewer, binding = self._viewer(), self.binding
        if viewer is None or binding is None:
            return
        before = binding.strokes.current
        binding.strokes.visit(current_index(viewer, binding.image))
        if binding.strokes.current != before:
            self._timer.start(_SETTLE)
        elif not self._timer.isActive():
            self._timer.start(_GLANCE)
