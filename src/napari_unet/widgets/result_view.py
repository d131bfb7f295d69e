"""Shows the result of an image in the place of its live prediction, until painting goes on."""

from __future__ import annotations

import weakref

from napari.layers import Labels
from napari.viewer import Viewer
from qtpy.QtCore import QObject

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.scribe import Scribe


class ResultView(QObject):
    """Hides one of the two, as the image can hardly be seen below both.

    What the user shows or hides himself stays as it is.
    """

    def __init__(self, viewer: Viewer, desk: Desk, scribe: Scribe) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._desk = desk
        # weak, as a result may fill the memory and the user may remove it
        self._hidden: weakref.ref[Labels] | None = None
        self._result: weakref.ref[Labels] | None = None
        desk.painted.connect(self._on_painted)
        scribe.changed.connect(self._go_on)

    def show(self, binding: Binding | None, result: Labels) -> None:
        """Hide the prediction of an image in favour of its result."""
        self._forget()
        if binding is None or binding is not self._desk.active or not binding.prediction.visible:
            return
        binding.prediction.visible = False
        binding.prediction.events.visible.connect(self._forget)
        self._hidden, self._result = weakref.ref(binding.prediction), weakref.ref(result)

    def _on_painted(self) -> None:
        """Go on if it is the user who paints: corrections of objects become paint, too."""
        viewer, active = self._viewer(), self._desk.active
        if viewer is None or active is None or self._desk.scanning:
            return
        if viewer.layers.selection.active is active.paint:
            self._go_on()

    def _go_on(self) -> None:
        """Show what there is to correct, and hide the result, which does not change any more."""
        prediction = None if self._hidden is None else self._hidden()
        result = None if self._result is None else self._result()
        active = self._desk.active
        if prediction is None or active is None or prediction is not active.prediction:
            return
        self._forget()
        prediction.visible = True
        if result is not None:
            result.visible = False

    def _forget(self) -> None:
        """Change nothing any more, as the user did it or something else is shown."""
        prediction = None if self._hidden is None else self._hidden()
        if prediction is not None:
            prediction.events.visible.disconnect(self._forget)
        self._hidden = self._result = None
