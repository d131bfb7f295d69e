"""Segments a whole image layer, plane by plane, into a normal Labels layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.image import ImageError
from napari_unet.engine.messages import Cancel, Close, Command, Open, Segmented, SegmentImage
from napari_unet.widgets.layers import like
from napari_unet.widgets.planes import Index, indices, read_plane

_PARTS = 1000  # progress is told in thousandths of the whole


class ImageSegmenter(QObject):
    """One segmentation at a time.

    Parameters
    ----------
    post : callable
        Takes commands for the engine.

    Signals
    -------
    progressed : int, int
        Done and all.
    finished : Labels or None, str
        The layer, not yet in the viewer, or None and a sentence (empty after a cancel).
    """

    progressed = Signal(int, int)
    finished = Signal(object, str)

    def __init__(self, post: Callable[[Command], None]) -> None:
        super().__init__()
        self._post = post
        self._images: tuple[Image, ...] = ()
        self._layer: Labels | None = None
        self._todo: list[Index] = []
        self._all = 1
        self._run = 0
        self._plane = ""

    @property
    def running(self) -> bool:
        """Whether a segmentation is going on."""
        return self._layer is not None

    def start(self, images: Sequence[Image], colours: Sequence[str]) -> None:
        """Segment all planes of an image (several layers are its channels)."""
        self._images = tuple(images)
        self._layer = like(images[0], f"{images[0].name} segmentation", colours, faint=True)
        self._layer.opacity = 0.6
        self._todo = list(indices(images[0]))
        self._all = len(self._todo)
        self._run += 1
        self._next()

    def take(self, tile: Segmented) -> None:
        """Write one tile; those of a cancelled segmentation are dropped."""
        if self._layer is None or tile.plane != self._plane:
            return
        height, width = tile.labels.shape
        plane = self._layer.data[self._todo[0]]
        plane[tile.y : tile.y + height, tile.x : tile.x + width] = tile.labels
        planes = self._all - len(self._todo) + tile.done / max(tile.total, 1)
        self.progressed.emit(round(_PARTS * planes / self._all), _PARTS)
        if tile.done >= tile.total:
            self._post(Close(tile.plane))
            self._todo.pop(0)
            self._next()

    def cancel(self) -> None:
        """Stop; nothing is kept."""
        if self.running:
            self._post(Cancel(self._plane))
            self._stop("")

    def fail(self, sentence: str) -> None:
        """The engine cannot do it."""
        if self.running:
            self._stop(sentence)

    def refused(self, plane: str) -> None:
        """The engine cannot follow a command about this plane."""
        if plane == self._plane:
            self.fail("")

    def _next(self) -> None:
        if not self._todo:
            layer, self._layer, self._images = self._layer, None, ()
            self.finished.emit(layer, "")
            return
        # these planes are its own: closing them disturbs nobody, late tiles fit no later run
        self._plane = f"segment{self._run}:{','.join(map(str, self._todo[0]))}"
        try:
            image = read_plane(self._images, self._todo[0])
        except (ImageError, IndexError) as error:
            self._stop(str(error))
            return
        self._post(Open(self._plane, np.ascontiguousarray(image)))
        self._post(SegmentImage(self._plane))

    def _stop(self, sentence: str) -> None:
        self._post(Close(self._plane))
        self._layer, self._images, self._todo, self._plane = None, (), [], ""
        self.finished.emit(None, sentence)
