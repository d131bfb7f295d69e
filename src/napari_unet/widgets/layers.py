"""Makes the layers that lie over an image: for strokes, predictions and overlays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils import Colormap
from napari.viewer import Viewer

from napari_unet.core.image import is_large
from napari_unet.widgets.easel import MovingEasel, easel_of
from napari_unet.widgets.palette import label_colours
from napari_unet.widgets.place import place_of
from napari_unet.widgets.planes import full_shape, plane_shape
from napari_unet.widgets.pyramid import blank

_WORLD = ("units", "axis_labels")
_OPACITY, _PAINT = 0.45, 0.9  # of predictions and of paint
_BRUSH = (4, 60)  # thinnest and thickest brush to begin with, px
_BRUSH_SHARE = 0.02  # of the image's shorter side


def new_paint(image: Layer, colours: Sequence[str]) -> Labels:
    """An empty layer to paint on, with a brush that suits the image."""
    shape = full_shape(image)
    if is_large(shape[-2:]):
        world = {key: value for key, value in place_of(image).items() if key in _WORLD}
        small = np.zeros((*shape[:-2], 1, 1), np.uint8)
        paint = Labels(
            small, name=paint_name(image), opacity=_PAINT, colormap=label_colours(colours), **world
        )
        MovingEasel(paint, image, shape)
    else:
        paint = like(image, paint_name(image), colours)
    paint.brush_size = _brush(plane_shape(image))
    return paint


def paint_name(image: Layer) -> str:
    """What the layer with an image's strokes is called at first."""
    return f"{image.name} strokes"


def find_paint(viewer: Viewer, image: Layer) -> Labels | None:
    """Strokes that are there already, from a sample or an earlier panel."""
    for layer in viewer.layers:
        if (
            isinstance(layer, Labels)
            and layer.name == paint_name(image)
            and easel_of(layer).shape == full_shape(image)
        ):
            return layer
    return None


def like(
    image: Layer,
    name: str,
    colours: Sequence[str],
    *,
    faint: bool = False,
    data: Any = None,  # noqa: ANN401
) -> Labels:
    """An empty uint8 Labels layer that lies exactly over an image.

    `data` are the zeros that are its data, if it is not to have new ones.
    """
    return Labels(
        blank(full_shape(image)) if data is None else data,
        name=name,
        opacity=_OPACITY if faint else _PAINT,
        colormap=label_colours(colours, faint_background=faint),
        **place_of(image),
    )


def overlay_layer(image: Layer, name: str, colormap: str | Colormap, opacity: float) -> Image:
    """An empty uint8 Image layer that lies exactly over an image."""
    return Image(
        blank(full_shape(image)),
        name=name,
        rgb=False,
        colormap=colormap,
        contrast_limits=(0, 255),
        opacity=opacity,
        **place_of(image),
    )


def _brush(shape: tuple[int, int]) -> int:
    thin, thick = _BRUSH
    return int(np.clip(round(min(shape) * _BRUSH_SHARE), thin, thick))
