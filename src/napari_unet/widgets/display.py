"""Shows what the engine predicts, in layers of their own over the images."""

from __future__ import annotations

import weakref

from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.engine.messages import Predicted
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.compat import connect_all, disconnect_all, look_events
from napari_unet.widgets.gaze import Gaze
from napari_unet.widgets.overlay import Overlay
from napari_unet.widgets.plane_book import PlaneBook


class Display(QObject):
    """Predictions and overlays of the images of one viewer.

    Signals
    -------
    shown : a prediction was shown, hidden, or looks different.
    """

    shown = Signal()

    def __init__(self, viewer: Viewer, planes: PlaneBook, gaze: Gaze) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._planes, self._gaze = planes, gaze
        self._bindings: list[Binding] = []

    def add(self, binding: Binding) -> None:
        """Watch the prediction of an image."""
        connect_all(look_events(binding.prediction), self._on_look)
        self._bindings.append(binding)

    def drop(self, binding: Binding) -> None:
        """Watch it no more."""
        disconnect_all(look_events(binding.prediction), self._on_look)
        self._bindings.remove(binding)

    def write(self, tile: Predicted) -> None:
        """Put a predicted tile into its layer."""
        place, viewer = self._planes.place_of(tile.plane), self._viewer()
        if place is None or viewer is None:  # its image was removed meanwhile
            return
        binding, region = place
        if binding.prediction not in viewer.layers:
            binding.show_again()
            connect_all(look_events(binding.prediction), self._on_look)
            viewer.layers.insert(viewer.layers.index(binding.image) + 1, binding.prediction)
            binding.prediction.editable = False
        for index, part in region.flat(tile):
            binding.tiles.write(index, part, visible=index == binding.strokes.current)
        binding.predicted = True

    def show_overlay(self, overlay: Overlay | None) -> None:
        """Ask for an overlay from now on, in a layer of its own; the one before is hidden."""
        for binding in self._bindings:
            binding.tiles.show_overlay(None)
        self._gaze.show_overlay(overlay)

    def lose(self, layer: Layer) -> None:
        """A layer was removed from the viewer: if it is an overlay, write into it no more."""
        for binding in self._bindings:
            if layer is binding.tiles.overlay:
                binding.tiles.show_overlay(None)

    def _on_look(self) -> None:
        self.shown.emit()
