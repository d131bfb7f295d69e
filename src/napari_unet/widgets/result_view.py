"""Shows the result of an image in the place of its live prediction, until work on it goes on."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.scribe import Scribe
from napari_unet.widgets.watch import ViewerWatch


class ResultView(QObject):
    """Hides one of the two, as the image can hardly be seen below both.

    What the user shows or hides himself stays as it is.
    """

    def __init__(self, watch: ViewerWatch, desk: Desk, scribe: Scribe) -> None:
        super().__init__()
        self._watch, self._desk = watch, desk
        # by the prediction that is hidden; weak, as a result may fill the memory
        self._results: weakref.WeakKeyDictionary[Labels, weakref.ref[Labels]] = (
            weakref.WeakKeyDictionary()
        )
        desk.painted.connect(self._on_painted)
        scribe.changed.connect(self.go_on)
        watch.layers_changed.connect(self._on_layers)

    def show(self, binding: Binding | None, result: Labels) -> None:
        """Hide the prediction of an image, or its last result, in favour of this result."""
        if binding is None or binding is not self._desk.active:
            return
        prediction = binding.prediction
        if prediction in self._results:
            self._hide_result(prediction)
        elif not prediction.visible:
            return
        else:
            prediction.visible = False
            prediction.events.visible.connect(self._on_shown)
        self._results[prediction] = weakref.ref(result)

    def go_on(self) -> None:
        """Show what there is to correct, and hide the result, which does not change any more."""
        active = self._desk.active
        if active is None or active.prediction not in self._results:
            return
        self._hide_result(active.prediction)
        self._forget(active.prediction)
        active.prediction.visible = True

    def _on_painted(self) -> None:
        """Go on if it is the user who paints: corrections of objects become paint, too."""
        viewer, active = self._watch.viewer, self._desk.active
        if viewer is None or active is None or self._desk.scanning:
            return
        if viewer.layers.selection.active is active.paint:
            self.go_on()

    def _on_layers(self) -> None:
        """Without its result, an image shows its prediction again."""
        viewer, active = self._watch.viewer, self._desk.active
        known = None if active is None else self._results.get(active.prediction)
        if viewer is not None and known is not None and known() not in viewer.layers:
            self.go_on()

    def _on_shown(self, event: Any) -> None:  # noqa: ANN401
        """The user showed it himself, and will hide what he wants."""
        self._forget(event.source)

    def _hide_result(self, prediction: Labels) -> None:
        result = self._results[prediction]()
        if result is not None:
            result.visible = False

    def _forget(self, prediction: Labels) -> None:
        del self._results[prediction]
        prediction.events.visible.disconnect(self._on_shown)
