"""Binds an image to the layer that is painted on and the layer that shows the prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.viewer import Viewer
from numpy.typing import NDArray

from napari_unet.core.annotations import check_shapes
from napari_unet.core.image import ImageError
from napari_unet.widgets.certainty import certainty_of, keep
from napari_unet.widgets.easel import easel_of, recode
from napari_unet.widgets.layers import find_paint, like, new_paint
from napari_unet.widgets.palette import label_colours
from napari_unet.widgets.place import Follower, lay_over, place_of
from napari_unet.widgets.planes import check_channels, full_shape, plane_shape
from napari_unet.widgets.pyramid import blank
from napari_unet.widgets.strokes import StrokeWatch
from napari_unet.widgets.tiles import TileWriter


class Binding:
    """An image (one layer, or several as channels), its strokes and its prediction.

    Attributes
    ----------
    number : what its planes are called by.
    images : the image layer first, then those of further channels.
    paint : the layer with the strokes.
    lengths : (…, Y, X) of the image when it was bound.
    prediction : uint8 classes, written by the engine only.
    predicted : whether it holds some.
    blank : the layer for strokes was made with the binding, so there are none.
    """

    def __init__(self, number: int, images: Sequence[Image], paint: Labels, view: Labels) -> None:
        self.number = number
        self.images = tuple(images)
        self.paint = paint
        self.prediction = view
        self.strokes = StrokeWatch(paint)
        self.lengths = full_shape(self.image)
        self.tiles = TileWriter(view)
        self.predicted = self.blank = False
        self._follower = Follower(self.image, self._follow)

    @property
    def image(self) -> Image:
        """The layer that stands for the whole image."""
        return self.images[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of its planes, px."""
        return plane_shape(self.image)

    @property
    def annotated(self) -> bool:
        """Whether it holds strokes."""
        return any(paint.blocks for paint in self.strokes.snapshots.values())

    def loss(self, layer: Layer) -> str:
        """Why there is nothing to work on without a layer, as a sentence; empty if there is."""
        if layer in self.images:
            return (
                f"The image “{layer.name}” was removed, so its strokes are no longer used. "
                "Choose an image to go on."
            )
        if layer is self.paint:
            return (
                f"The layer “{layer.name}” was removed, and its strokes with it. "
                "Choose the image again to start with a new one, or to undo this."
            )
        return ""

    def show_again(self) -> None:
        """Make a new layer for the prediction, after the user deleted the last one."""
        self.tiles.close()
        old = self.prediction
        self.prediction = Labels(
            old.data, name=old.name, opacity=old.opacity, colormap=old.colormap,
            **place_of(self.image),
        )  # fmt: skip
        if (known := certainty_of(old)) is not None:
            keep(self.prediction, known)
        self.tiles = TileWriter(self.prediction, self.tiles.planes)

    def recolour(self, colours: Sequence[str]) -> None:
        """Give both layers these class colours."""
        self.paint.colormap = label_colours(colours)
        self.prediction.colormap = label_colours(colours, faint_background=True)

    def drop_class(self, table: NDArray[np.uint8]) -> None:
        """Erase a class from paint and prediction: (256,) values that take others' places."""
        self.strokes.flush()
        painted = {index for index, paint in self.strokes.snapshots.items() if paint.blocks}
        painted.add(self.strokes.current)  # it may hold what cannot be paint yet
        self.strokes.easel.recode(painted, table)
        self.paint.refresh()
        self.paint.events.set_data()  # tells that it changed, also where it is hidden
        if isinstance(self.prediction.data, np.ndarray):
            for index in self.tiles.planes:
                recode(self.prediction.data[index], table)
            self.prediction.refresh()
        else:  # what is in view is predicted anew
            self.prediction.data = blank(self.lengths)
        self.strokes.flush()

    def leave(self, viewer: Viewer) -> None:
        """Take the layers out of the viewer, those with strokes left out."""
        for layer in [self.prediction] if self.strokes.snapshots else [self.prediction, self.paint]:
            if layer in viewer.layers:
                viewer.layers.remove(layer)

    def close(self) -> None:
        """Let go of the layers; they stay in the viewer as they are."""
        self._follower.close()
        self.strokes.close()
        self.tiles.close()

    def _follow(self) -> None:
        """Lie over the image where that was moved, scaled or turned."""
        self.strokes.easel.follow(self.image)
        for layer in (self.prediction, self.tiles.overlay):
            if layer is not None:
                lay_over(layer, self.image)


def bind(
    viewer: Viewer,
    number: int,
    images: Sequence[Image],
    paint: Labels | None,
    colours: Sequence[str],
    prediction: Labels | None = None,
) -> Binding:
    """Bind an image; layers for paint and prediction are made where none are given.

    Raises
    ------
    ImageError
        If the layers cannot be channels of one image.
    AnnotationError
        If the paint layer has another size than the image.
    """
    check_channels(images)
    image = images[0]
    known = paint or find_paint(viewer, image)
    paint = known or new_paint(image, colours)
    _check_paint(paint, image)
    top = max(viewer.layers.index(layer) for layer in images)
    if prediction is None or prediction not in viewer.layers:
        prediction = like(image, f"{image.name} prediction", colours, faint=True)
        viewer.layers.insert(top + 1, prediction)
        prediction.editable = False
    elif viewer.layers.index(prediction) < top:  # a channel that was chosen later lies over it
        viewer.layers.move(viewer.layers.index(prediction), top + 1)
    if paint not in viewer.layers:
        viewer.layers.append(paint)
    elif viewer.layers.index(paint) < viewer.layers.index(prediction):
        viewer.layers.move(viewer.layers.index(paint), len(viewer.layers))
    binding = Binding(number, images, paint, prediction)
    binding.blank = known is None
    binding.recolour(colours)
    return binding


def _check_paint(paint: Labels, image: Layer) -> None:
    shape = easel_of(paint).shape
    check_shapes(shape[-2:], plane_shape(image))
    if shape != full_shape(image):
        raise ImageError(
            f"“{paint.name}” has another number of planes than “{image.name}”: "
            "paint on a layer of the image's own size."
        )
    if paint.multiscale or not isinstance(paint.data, np.ndarray):
        raise ImageError(f"“{paint.name}” cannot be painted on: choose “a new layer” instead.")
