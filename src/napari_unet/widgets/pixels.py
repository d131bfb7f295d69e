"""The pixels of a plane or volume of image layers, to be read from any thread and in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_unet.core.image import (
    Normalisation,
    as_plane,
    as_volume,
    is_large,
    measure,
    spread,
)
from napari_unet.engine.messages import Bounds
from napari_unet.widgets.planes import channel_axis
from napari_unet.widgets.regions import Key, Region

_COARSE = 1 << 18  # px that are enough to measure grey values by
_WHOLE = 1 << 22  # px of a level that is read whole for it; of a finer one, blocks are
_SLICES, _BLOCKS = 8, 4  # of a volume so many slices, and blocks along each of their axes


@dataclass(frozen=True, eq=False)
class LayerPixels:
    """A plane or volume of one layer.

    Attributes
    ----------
    levels : the layer's data, the finest resolution first.
    index : of the plane in the axes before (Y, X); a slice where it is a volume.
    rgb : whether the last axis is colour.
    channel : which of the axes before (Y, X) holds channels, if one does.
    """

    levels: tuple[Any, ...]
    index: Key
    rgb: bool
    channel: int | None

    @property
    def lazy(self) -> bool:
        """Whether reading may take its time."""
        return not isinstance(self.levels[0], np.ndarray)

    def shape(self, level: int = 0) -> tuple[int, ...]:
        """(Y, X) of a level, px; of a volume (Z, Y, X). Coarse levels may have fewer slices."""
        sizes = self.levels[level].shape
        slices = [n for n, at in zip(sizes, self.index, strict=False) if isinstance(at, slice)]
        return tuple(int(n) for n in (*slices, *sizes[len(self.index) :][:2]))

    def read(self, window: tuple[slice, ...], level: int = 0) -> NDArray[Any]:
        """A window (h, w) of a level, with its channels: (C, h, w); of a volume (C, d, h, w).

        Raises
        ------
        ImageError
            If it does not hold numbers.
        """
        data, key = self.levels[level], list[int | slice]()
        *slices, rows, columns = window
        for axis, at in enumerate(self.index):
            if axis == self.channel:
                key.append(slice(None))
            elif isinstance(at, slice):
                key.extend(slices)
            else:  # coarse levels may have fewer planes, too
                key.append(at * data.shape[axis] // self.levels[0].shape[axis])
        found = np.asarray(data[(*key, rows, columns)])
        if self.channel is None:
            return self._view(found)
        before = [isinstance(at, slice) for at in self.index[: self.channel]]
        return np.concatenate([self._view(part) for part in np.moveaxis(found, sum(before), 0)])

    def _view(self, array: NDArray[Any]) -> NDArray[Any]:
        """A plane as (C, Y, X), or a volume as (C, Z, Y, X)."""
        if any(isinstance(at, slice) for at in self.index):
            return as_volume(array, rgb=self.rgb)
        return as_plane(array, rgb=self.rgb)


@dataclass(frozen=True, eq=False)
class PlanePixels:
    """A plane of an image of one layer, or of several whose channels are put together.

    Attributes
    ----------
    parts : of each layer.
    title : what people call it.
    deep : it is a volume; its slices lie `anisotropy` px apart.
    """

    parts: tuple[LayerPixels, ...]
    title: str = ""
    deep: bool = False
    anisotropy: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X), px; of a volume (Z, Y, X)."""
        shape = self.parts[0].shape()
        return (1, *shape) if self.deep and len(shape) == 2 else shape

    @property
    def large(self) -> bool:
        """Whether it is too large to be sent whole."""
        return is_large(self.shape)

    @property
    def lazy(self) -> bool:
        """Whether reading may take its time."""
        return any(part.lazy for part in self.parts)

    def read(self, box: Bounds) -> NDArray[Any]:
        """A box of the plane: (C, h, w); of a volume (C, d, h, w).

        Raises
        ------
        ImageError
            If it cannot be used.
        """
        axes = len(box) // 2
        window = tuple(slice(low, high) for low, high in zip(box[:axes], box[axes:], strict=True))
        parts = [part.read(window[-len(part.shape()) :]) for part in self.parts]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return found[:, None] if found.ndim == axes else found  # of a plane, the only slice

    def whole(self) -> NDArray[Any]:
        """All of the plane: (C, Y, X); of a volume (C, Z, Y, X).

        Raises
        ------
        ImageError
            If it cannot be used.
        """
        return self.read((*[0] * len(self.shape), *self.shape))

    def measure(self) -> tuple[NDArray[Any], Normalisation]:
        """Measure grey values in a coarse level, or in blocks, and never in all of what is large.

        Returns
        -------
        sample : (C, 1, 1) or (C, 1, 1, 1)
            One pixel, to tell the number of channels and their type by.
        normalisation : Normalisation

        Raises
        ------
        ImageError
            If the plane cannot be used.
        """
        samples = [_sample(part) for part in self.parts]
        found = [measure(sample) for sample in samples]
        axes = len(self.shape)
        return self.read((*[0] * axes, *[1] * axes)), Normalisation(
            tuple(m for one in found for m in one.mean),
            tuple(d for one in found for d in one.deviation),
        )


def pixels_of(layers: Sequence[Image], region: Region) -> PlanePixels:
    """The pixels of a plane or volume of an image (several layers are its channels)."""
    parts = []
    for layer in layers:
        levels = tuple(layer.data) if layer.multiscale else (layer.data,)
        parts.append(LayerPixels(levels, region.key, bool(layer.rgb), channel_axis(layer)))
    title = " + ".join(layer.name for layer in layers)
    return PlanePixels(tuple(parts), title, region.deep, region.anisotropy)


def _sample(part: LayerPixels) -> NDArray[Any]:
    """Pixels (C, h, w) from all over a plane or volume."""
    sizes = [prod(part.shape(level)) for level in range(len(part.levels))]
    enough = [level for level, size in enumerate(sizes) if size >= _COARSE] or [0]
    level = enough[-1]
    *slices, height, width = part.shape(level)
    windows = [tuple(slice(0, n) for n in part.shape(level))]
    if sizes[level] > _WHOLE:
        count = _BLOCKS if slices else None
        depth = [spread(n, _SLICES, 1) for n in slices]
        windows = list(product(*depth, spread(height, count), spread(width, count)))
    blocks = [part.read(window, level) for window in windows]
    return np.concatenate([block.reshape(len(block), -1) for block in blocks], axis=1)[:, None]
