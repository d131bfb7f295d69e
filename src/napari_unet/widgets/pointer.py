"""Shows where to paint next: moves the view there and draws a ring around the place."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np
from napari.layers import Points
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.engine.messages import Command, Suggest, Suggested
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.compat import camera, plainly_2d
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.place import place_of
from napari_unet.widgets.planes import Index, current_index
from napari_unet.widgets.timers import single_shot

_RING = 64  # px of the image, across
_SMALLEST = 48  # px of the screen; a smaller ring is too small to paint in
_SHOWN = 2500  # ms
_COLOURS = ["black", "white"]  # outside and inside, to be seen on any image


class Pointer(QObject):
    """Asks the engine where one more stroke would help most, and takes the user there.

    Attributes
    ----------
    ring : the layer with the mark, while it is there.

    Signals
    -------
    said : str
        What to know or do instead, as a sentence.
    """

    said = Signal(str)

    def __init__(self, viewer: Viewer, desk: Desk, post: Callable[[Command], None]) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._desk, self._post = desk, post
        self.ring: Points | None = None
        self._timer = single_shot(self, self.hide, _SHOWN)
        desk.painted.connect(self.hide)

    def ask(self) -> None:
        """Ask for a place on the plane that is in view; the answer comes to `show`."""
        viewer = self._viewer()
        if viewer is None or self._desk.active is None:
            return
        if not plainly_2d(viewer):
            self.said.emit("Turn to the 2-D view of the image to be shown where to paint next.")
            return
        self._desk.gaze.look()
        self._post(Suggest())

    def show(self, event: Suggested) -> None:
        """Take the user to the place that the engine suggests."""
        viewer, place = self._viewer(), self._desk.planes.place_of(event.plane)
        if viewer is None or place is None:
            return
        binding, index = place[0], place[1].plane(event.z)
        if binding is not self._desk.active or index != current_index(viewer, binding.image):
            return  # the user went elsewhere meanwhile
        if event.place is None:
            self.said.emit(
                "No place stands out any more. Look for mistakes yourself, or keep the result."
            )
            return
        self._move(viewer, binding, index, event.place)
        self._mark(viewer, binding, index, event.place)

    def hide(self) -> None:
        """Take the ring away."""
        self._timer.stop()
        viewer, ring = self._viewer(), self.ring
        self.ring = None
        if viewer is not None and ring is not None and ring in viewer.layers:
            viewer.layers.remove(ring)

    def _move(self, viewer: Viewer, binding: Binding, index: Index, place: tuple[int, int]) -> None:
        eye, image = camera(viewer), binding.image
        eye.center = (*eye.center[:-2], *image.data_to_world((*index, *place))[-2:])
        across = _RING * eye.zoom * float(np.abs(image.scale[-1]))
        if across < _SMALLEST:
            eye.zoom *= 2 * _SMALLEST / across

    def _mark(self, viewer: Viewer, binding: Binding, index: Index, place: tuple[int, int]) -> None:
        self.hide()
        active = viewer.layers.selection.active
        self.ring = Points(
            [(*index, *place)] * 2, name="paint here", size=[1.1 * _RING, _RING],
            face_color="transparent", border_color=_COLOURS, border_width=0.05,
            **place_of(binding.image),
        )  # fmt: skip
        viewer.layers.append(self.ring)
        viewer.layers.selection.active = active
        self._timer.start()
