"""A line that the user draws over a layer to say what is to be done there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels, Shapes
from qtpy.QtCore import QObject, Signal

from napari_unet.widgets.place import place_of
from napari_unet.widgets.timers import single_shot
from napari_unet.widgets.watch import ViewerWatch

_NAME = "draw to correct objects"


class Pen(QObject):
    """At most one layer to draw on, taken away when it is put down.

    Signals
    -------
    drawn : list of (y, x)
        Start and end of a line in px of the layer that is drawn over; the same for a click.
    put_down : the user removed the layer.
    """

    drawn = Signal(object)
    put_down = Signal()

    def __init__(self, watch: ViewerWatch, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watch = watch
        self._over: Labels | None = None
        self._sheet: Shapes | None = None
        self._ends: tuple[Any, Any] | None = None
        self._done = single_shot(self, self._tell)
        watch.layers_changed.connect(self._on_layers)

    def take_up(self, over: Labels) -> None:
        """Let the user draw over a layer."""
        viewer = self._watch.viewer
        if viewer is None or (self._sheet is not None and self._over is over):
            return
        self.put_away()
        self._over = over
        self._sheet = Shapes(
            ndim=over.ndim, name=_NAME, edge_color="white", edge_width=2, **place_of(over)
        )
        viewer.layers.append(self._sheet)
        viewer.layers.selection.active = self._sheet
        self._sheet.mode = "add_line"
        self._sheet.mouse_drag_callbacks.append(self._on_drag)

    def put_away(self) -> None:
        """No more drawing."""
        viewer, sheet, over = self._watch.viewer, self._sheet, self._over
        self._sheet = self._over = None
        if viewer is not None and sheet in viewer.layers:
            viewer.layers.remove(sheet)
            if over in viewer.layers:
                viewer.layers.selection.active = over

    def _on_drag(self, _layer: Shapes, event: Any) -> Iterator[None]:  # noqa: ANN401
        start = event.position
        yield
        while event.type == "mouse_move":
            yield
        self._ends = (start, event.position)
        self._done.start()  # once napari's own tool is done with the line

    def _tell(self) -> None:
        if self._sheet is None or self._over is None or self._ends is None:
            return
        self._sheet.data = []
        self._sheet.mode = "add_line"
        points = [np.rint(self._over.world_to_data(at))[-2:].astype(int) for at in self._ends]
        self._ends = None
        self.drawn.emit([(int(y), int(x)) for y, x in points])

    def _on_layers(self) -> None:
        viewer = self._watch.viewer
        if self._sheet is not None and viewer is not None and self._sheet not in viewer.layers:
            self._sheet = self._over = None
            self.put_down.emit()
