"""Class maps of large planes on disk, in levels of half the size each, as viewers like them."""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray

from napari_unet.core.image import is_large
from napari_unet.widgets.planes import Index

_CHUNK = 512  # px to a side; the tiles of the prediction have this size, too
_COARSEST = 2048  # px to a side of the coarsest level
_IN_MEMORY = 1 << 28  # bytes


def empty(shape: tuple[int, ...], dtype: DTypeLike = np.uint8) -> NDArray[Any]:
    """Zeros; of a large stack they lie in a file without a name, where only what is written is."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= _IN_MEMORY:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="napari-unet-") as file:
        return np.memmap(file, dtype, mode="w+", shape=shape)


def blank(shape: tuple[int, ...], dtype: type = np.uint8) -> Any:  # noqa: ANN401
    """Zeros of `shape` (…, Y, X) to show as a layer: an array, or levels of large planes."""
    if not is_large(shape[-2:]):
        return empty(shape, dtype)
    return [empty(level, dtype) for level in _levels(shape)]


def write(data: Any, index: Index, y: int, x: int, values: NDArray[Any]) -> bool:  # noqa: ANN401
    """Write a tile (h, w) into a layer's data: into all levels, if there are some.

    Returns
    -------
    bool
        False if it reaches outside, because the image was replaced.
    """
    levels: list[Any] = [data] if isinstance(data, np.ndarray) else list(data)
    height, width = levels[0].shape[-2:]
    if y + values.shape[0] > height or x + values.shape[1] > width:
        return False
    for number, level in enumerate(levels):
        step = 1 << number
        part = values[-y % step :: step, -x % step :: step]
        top, left = -(-y // step), -(-x // step)
        part = part[: level.shape[-2] - top, : level.shape[-1] - left]
        if part.size:
            level[(*index, slice(top, top + part.shape[0]), slice(left, left + part.shape[1]))] = (
                part
            )
    return True


def on_disk(shape: tuple[int, ...], scale: Sequence[float], dtype: type = np.uint8) -> list[Any]:
    """Zeros of `shape` (…, Y, X) as the levels of an OME-Zarr image in a temporary folder.

    `scale` is the size of a pixel along each axis. The folder goes when the finest level is let
    go of.
    """
    folder = Path(tempfile.mkdtemp(prefix="napari-unet-", suffix=".ome.zarr"))
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    shapes = _levels(shape)
    levels = [
        group.create_array(
            str(number), shape=level, chunks=(*[1] * (len(level) - 2), _CHUNK, _CHUNK),
            dtype=dtype, fill_value=0, chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        for number, level in enumerate(shapes)
    ]  # fmt: skip
    group.attrs["multiscales"] = [_described(len(shapes), scale)]
    weakref.finalize(levels[0], shutil.rmtree, folder, ignore_errors=True)
    return levels


def folder_of(levels: Any) -> Path | None:  # noqa: ANN401
    """The folder that levels lie in; None if they are only in memory."""
    root = None if isinstance(levels, np.ndarray) else getattr(levels[0], "store", None)
    return None if root is None else Path(root.root)


def _levels(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes of the levels; each has every other row and column of the one before."""
    shapes = [shape]
    while max(shapes[-1][-2:]) > _COARSEST:
        *lengths, height, width = shapes[-1]
        shapes.append((*lengths, -(-height // 2), -(-width // 2)))
    return shapes


def _described(levels: int, scale: Sequence[float]) -> dict[str, Any]:
    """What OME-Zarr 0.4 says of an image."""
    names = ("tczyx" if len(scale) > 4 else "tzyx")[-len(scale) :]
    kinds = {"t": "time", "c": "channel"}
    sizes = [float(size) for size in scale]
    return {
        "version": "0.4",
        "axes": [{"name": name, "type": kinds.get(name, "space")} for name in names],
        "datasets": [
            {
                "path": str(k),
                "coordinateTransformations": [
                    {
                        "type": "scale",
                        "scale": [*sizes[:-2], *(size * (1 << k) for size in sizes[-2:])],
                    }
                ],
            }
            for k in range(levels)
        ],
    }
