"""The pixels of one plane of image layers, to be read from any thread and part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from napari_unet.engine.messages import Box
from napari_unet.widgets.planes import channel_axis
from napari_unet.widgets.regions import Key, Region

_COARSE = 1 << 18  # px that are enough to measure grey values by
_WHOLE = 1 << 22  # px of a level that is read whole for it; of a finer one, blocks are


@dataclass(frozen=True, eq=False)
class LayerPixels:
    """A plane of one layer.

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

    def shape(self, level: int = 0) -> tuple[int, int]:
        """(Y, X) of a level, px."""
        y, x = self.levels[level].shape[len(self.index) :][:2]
        return int(y), int(x)

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """A window (C, h, w) of a level; of a volume (C, Z, h, w).

        Raises
        ------
        ImageError
            If it does not hold numbers.
        """
        data, key = self.levels[level], []
        for axis, at in enumerate(self.index):
            whole = self.levels[0].shape[axis]  # coarse levels may have fewer planes, too
            all_of = axis == self.channel or isinstance(at, slice)
            key.append(slice(None) if all_of else at * data.shape[axis] // whole)
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
    def shape(self) -> tuple[int, int]:
        """(Y, X), px."""
        return self.parts[0].shape()

    @property
    def volume(self) -> tuple[int, int, int]:
        """(Z, Y, X), px; of a plane there is one slice."""
        part = self.parts[0]
        pairs = zip(part.levels[0].shape, part.index, strict=False)
        return (max((n for n, at in pairs if isinstance(at, slice)), default=1), *self.shape)

    @property
    def large(self) -> bool:
        """Whether it is too large to be sent whole."""
        return is_large(self.shape)

    @property
    def lazy(self) -> bool:
        """Whether reading may take its time."""
        return any(part.lazy for part in self.parts)

    def read(self, box: Box) -> NDArray[Any]:
        """A box of the plane: (C, h, w).

        Raises
        ------
        ImageError
            If it cannot be used.
        """
        y0, x0, y1, x1 = box
        parts = [part.read(slice(y0, y1), slice(x0, x1)) for part in self.parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def whole(self) -> NDArray[Any]:
        """All of the plane: (C, Y, X); of a volume (C, Z, Y, X).

        Raises
        ------
        ImageError
            If it cannot be used.
        """
        whole = self.read((0, 0, *self.shape))
        return whole[:, None] if self.deep and whole.ndim == 3 else whole

    def measure(self) -> tuple[NDArray[Any], Normalisation]:
        """Measure grey values in a coarse level, or in blocks, and never in all of a large plane.

        Returns
        -------
        sample : (C, h, w)
            A few pixels, to tell the number of channels and their type by.
        normalisation : Normalisation

        Raises
        ------
        ImageError
            If the plane cannot be used.
        """
        samples = [_sample(part) for part in self.parts]
        found = [measure(sample) for sample in samples]
        few = self.read((0, 0, 1, 1))
        return few, Normalisation(
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
    """Pixels (C, h, w) from all over a plane."""
    sizes = [shape[0] * shape[1] for shape in map(part.shape, range(len(part.levels)))]
    enough = [level for level, size in enumerate(sizes) if size >= _COARSE] or [0]
    level = enough[-1]
    height, width = part.shape(level)
    if sizes[level] <= _WHOLE:
        return part.read(slice(0, height), slice(0, width), level)
    blocks = [part.read(y, x, level) for y in spread(height) for x in spread(width)]
    return np.concatenate([block.reshape(len(block), -1) for block in blocks], axis=1)[:, None]
