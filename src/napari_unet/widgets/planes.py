"""From napari's image layers to planes (C, Y, X), and where the user is in a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from napari.viewer import Viewer
from numpy.typing import NDArray

from napari_unet.core.image import ImageError, as_plane

Index = tuple[int, ...]  # of the axes before (Y, X)


def full_shape(layer: Layer) -> tuple[int, ...]:
    """Shape (…, Y, X) of a layer at full resolution, without colour."""
    data = layer.data[0] if layer.multiscale else layer.data
    shape = data.shape[:-1] if getattr(layer, "rgb", False) else data.shape
    return tuple(int(n) for n in shape)


def plane_shape(layer: Layer) -> tuple[int, int]:
    """Shape (Y, X) of a layer's planes."""
    y, x = full_shape(layer)[-2:]
    return y, x


def indices(layer: Layer) -> Iterator[Index]:
    """All planes of a layer, in order; a single `()` for a 2-D image."""
    return product(*(range(n) for n in full_shape(layer)[:-2]))


def current_index(viewer: Viewer, layer: Layer) -> Index:
    """The plane of a layer that the sliders show."""
    lengths = full_shape(layer)[:-2]
    if not lengths:
        return ()
    point = np.asarray(layer.world_to_data(viewer.dims.point))[: len(lengths)]
    rounded = np.clip(np.rint(point), 0, np.asarray(lengths) - 1)
    return tuple(int(i) for i in rounded)


def show_index(viewer: Viewer, layer: Layer, index: Index) -> None:
    """Put the sliders on a plane of a layer."""
    point = np.asarray(layer.data_to_world((*index, 0, 0)))
    first = viewer.dims.ndim - len(point)  # axes that the layer does not have
    for axis in range(len(index)):
        viewer.dims.set_point(first + axis, float(point[axis]))


def read_plane(layers: Sequence[Image], index: Index) -> NDArray[Any]:
    """One plane (C, Y, X); the channels of several layers are put one after the other.

    Raises
    ------
    ImageError
        If the layers cannot be taken together.
    """
    parts = []
    for layer in layers:
        data = layer.data[0] if layer.multiscale else layer.data
        parts.append(as_plane(np.asarray(data[index]), rgb=bool(layer.rgb)))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def check_channels(layers: Sequence[Image]) -> None:
    """Refuse layers of different sizes as channels of one image.

    Raises
    ------
    ImageError
    """
    first = layers[0]
    for layer in layers[1:]:
        if full_shape(layer) != full_shape(first):
            raise ImageError(
                f"“{layer.name}” is {_size(layer)} but “{first.name}” is {_size(first)}: "
                "channels of one image must have the same size."
            )


def _size(layer: Layer) -> str:
    return " × ".join(str(n) for n in full_shape(layer)) + " px"
