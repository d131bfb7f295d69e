"""Segments a whole image layer, plane by plane, into a normal Labels layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.core.image import is_large
from napari_unet.engine.messages import (
    Cancel,
    Close,
    Command,
    Offer,
    Open,
    Pixels,
    PlaneName,
    Segmented,
    SegmentImage,
    Wanted,
)
from napari_unet.widgets.background import Background
from napari_unet.widgets.certainty import SAID, Certainty, keep
from napari_unet.widgets.feed import Feed
from napari_unet.widgets.layers import like
from napari_unet.widgets.pixels import pixels_of
from napari_unet.widgets.planes import Index, full_shape
from napari_unet.widgets.pyramid import blank, empty, on_disk, write
from napari_unet.widgets.regions import Region, regions

_PARTS = 1000  # progress is told in thousandths of the whole


@dataclass(frozen=True)
class Package:
    """A package of bioimage.io, and whether it may run what its author programmed."""

    path: str = ""
    trusted: bool = False


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
        self._feed, self._background = Feed(), Background()
        self._feed.say.connect(self._on_pixels)
        self._feed.failed.connect(self._on_unread)
        self._images: tuple[Image, ...] = ()
        self._package = Package()
        self._layer: Labels | None = None
        self._certainty: Certainty | None = None  # of what is in the layer
        self._todo: list[Region] = []
        self._all = 1
        self._run = 0
        self._plane = ""

    @property
    def running(self) -> bool:
        """Whether a segmentation is going on."""
        return self._layer is not None

    def start(
        self,
        images: Sequence[Image],
        colours: Sequence[str],
        first: Index | None = None,
        package: Package | None = None,
        *,
        volumes: bool = False,
    ) -> None:
        """Segment all planes, or `volumes`, of an image (several layers are its channels).

        With `first` that plane is segmented first, then its neighbours, then theirs. A `package`
        does it in the place of the best model.
        """
        image = images[0]
        self._images, self._package = tuple(images), package or Package()
        self._layer = like(
            image, f"{image.name} segmentation", colours, faint=True, data=_room(image)
        )
        self._layer.opacity = 0.6
        self._certainty = keep(self._layer, Certainty(_room_beside(image)))
        self._todo = regions(image, deep=volumes)
        if first is not None:
            self._todo.sort(key=lambda region: _steps(region.index, first))
        self._all = len(self._todo)
        self._run += 1
        self._next()

    def take(self, tile: Segmented) -> None:
        """Write one tile; those of a cancelled segmentation are dropped."""
        if self._layer is None or tile.plane != self._plane:
            return
        job = partial(_write, self._layer.data, self._certainty, self._todo[0], tile)
        if self._layer.multiscale:  # on a disk, which may be slow
            self._background.do(job, partial(self._on_written, tile))
        else:
            self._on_written(tile, job())

    def answer(self, wanted: Wanted) -> None:
        """Give the engine the pixels that it asks for."""
        if not self._feed.answer(wanted):
            self._post(Pixels(wanted.plane, wanted.box, None))

    def cancel(self) -> None:
        """Stop; nothing is kept."""
        if self.running:
            self._post(Cancel(self._plane))
            self._stop("")

    def fail(self, sentence: str) -> None:
        """The engine cannot do it."""
        if self.running:
            self._stop(sentence)

    def refused(self, plane: PlaneName) -> None:
        """The engine cannot follow a command about this plane."""
        if plane == self._plane:
            self.fail("")

    def _next(self) -> None:
        if not self._todo:
            layer, self._layer, self._certainty, self._images = self._layer, None, None, ()
            self.finished.emit(layer, "")
            return
        # these planes are its own: closing them disturbs nobody, late tiles fit no later run
        self._plane = f"segment{self._run}:{','.join(map(str, self._todo[0].index))}"
        self._feed.give(self._plane, pixels_of(self._images, self._todo[0]))

    def _on_pixels(self, command: Command) -> None:
        self._post(command)
        if isinstance(command, (Open, Offer)):
            package = self._package
            self._post(SegmentImage(command.plane, package.path, package.trusted))

    def _on_unread(self, plane: PlaneName, sentence: str) -> None:
        if plane == self._plane:
            self._stop(sentence)

    def _on_written(self, tile: Segmented, outcome: Any) -> None:  # noqa: ANN401
        if self._layer is None or tile.plane != self._plane:
            return
        if isinstance(outcome, Exception):
            self._post(Cancel(self._plane))
            self._stop(f"The result cannot be written ({outcome}). Is the disk full?")
            return
        planes = self._all - len(self._todo) + tile.done / max(tile.total, 1)
        self.progressed.emit(round(_PARTS * planes / self._all), _PARTS)
        if tile.done >= tile.total:
            self._close()
            self._todo.pop(0)
            self._next()

    def _close(self) -> None:
        self._feed.drop(self._plane)
        self._post(Close(self._plane))

    def _stop(self, sentence: str) -> None:
        self._close()
        self._layer, self._certainty = None, None
        self._images, self._todo, self._plane = (), [], ""
        self.finished.emit(None, sentence)


def _write(
    data: Any,  # noqa: ANN401
    certainty: Certainty | None,
    region: Region,
    tile: Segmented,
) -> None:
    for index, part in region.parts(tile.z, tile.labels):
        write(data, index, tile.y, tile.x, part)
    if certainty is not None and tile.certainty is not None:
        said = region.parts(tile.z, tile.certainty)
        for (index, part), (_, sure) in zip(region.parts(tile.z, tile.labels), said, strict=True):
            certainty.write(index, tile.y, tile.x, part, sure)


def _room(image: Image) -> Any:  # noqa: ANN401
    """Zeros for the result: an array, or for a large image levels on disk."""
    shape = full_shape(image)
    return on_disk(shape, image.scale) if is_large(shape[-2:]) else blank(shape)


def _room_beside(image: Image) -> Any:  # noqa: ANN401
    """Zeros for how sure the result is, of which viewers need no levels."""
    shape = full_shape(image)
    large = is_large(shape[-2:])
    return on_disk(shape, image.scale, SAID)[0] if large else empty(shape, SAID)


def _steps(index: Index, other: Index) -> int:
    """How many planes lie between two."""
    return sum(abs(a - b) for a, b in zip(index, other, strict=True))
