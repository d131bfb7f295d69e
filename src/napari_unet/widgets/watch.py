"""Turns the viewer's own events into Qt signals, which let go of closed widgets by themselves."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Layer
from napari.utils.theme import get_theme
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.widgets.compat import connect_all, view_events


class ViewerWatch(QObject):
    """Tells of changes in the list of layers and in the theme.

    Signals
    -------
    layers_changed : a layer came, went, moved or got another name.
    moved : another part, or another plane, is in view.
    theme_changed : colours are different now.
    """

    layers_changed = Signal()
    moved = Signal()
    theme_changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        events = viewer.layers.events
        events.inserted.connect(self._on_inserted)
        events.removed.connect(self._on_removed)
        events.reordered.connect(self._on_changed)
        viewer.events.theme.connect(self._on_theme)
        connect_all(view_events(viewer), self._on_moved)
        for layer in viewer.layers:
            layer.events.name.connect(self._on_changed)

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, if it is still there."""
        return self._viewer()

    def layers(self, kind: type | tuple[type, ...]) -> list[Any]:
        """The viewer's layers of a kind, or of several, the topmost first."""
        viewer = self._viewer()
        layers = [] if viewer is None else viewer.layers
        return [layer for layer in reversed(layers) if isinstance(layer, kind)]

    def add_layer(self, layer: Layer) -> None:
        """Put a layer on top, if the viewer is still there."""
        viewer = self._viewer()
        if viewer is not None:
            viewer.layers.append(layer)

    @property
    def theme(self) -> str:
        """The name of the theme; pictures of napari's are found by it."""
        viewer = self._viewer()
        return "dark" if viewer is None else str(viewer.theme)

    def theme_colour(self, role: str) -> str:
        """A colour of the theme as #rrggbb, by the name of its role."""
        theme = get_theme(self.theme)
        # `as_hex` shortens #ffffff to #fff, and with napari 0.6 nothing can keep it from that
        return "#{:02x}{:02x}{:02x}".format(*getattr(theme, role).as_rgb_tuple(alpha=False))

    def _on_inserted(self, event: Any) -> None:  # noqa: ANN401
        event.value.events.name.connect(self._on_changed)
        self.layers_changed.emit()

    def _on_removed(self, event: Any) -> None:  # noqa: ANN401
        event.value.events.name.disconnect(self._on_changed)
        self.layers_changed.emit()

    def _on_changed(self) -> None:
        self.layers_changed.emit()

    def _on_moved(self) -> None:
        self.moved.emit()

    def _on_theme(self) -> None:
        self.theme_changed.emit()
