"""An image file and its results as layers, of which only what is looked at is read."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import zarr
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.calibration import LONG_NAMES
from napari_unet.core.image import is_large, spread
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Kind
from napari_unet.core.stack import Stack

_WINDOW = 2048  # px to a side of what is read at once of a large plane
_COARSEST = 2048  # px to a side of its coarsest level


class Room:
    """A folder for results that are only shown: it goes with the last layer that reads them."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="napari-unet-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def keep_for(self, layers: Sequence[Layer]) -> None:
        """Stay as long as one of these layers is there."""
        for layer in layers:
            weakref.finalize(layer, id, self)  # what is called does not matter: it holds the room


def layers_of(source: str, results: Sequence[tuple[Kind, Path]]) -> list[Layer]:
    """The image and its results as layers that lie on top of each other.

    Stacks are read plane by plane when they are looked at, large planes window by window.

    Parameters
    ----------
    source : str
        The image file and, where it holds several images, which one: “a.czi [2]”.
    results : what they are, and where

    Raises
    ------
    FileError, ImageError
        If a file cannot be read.
    """
    image, scene = _which(source)
    layers: list[Layer] = _images(image, image.stem, scene)
    for kind, path in results:
        if kind == "measurements":
            continue
        name = f"{image.stem} {kind}"
        layers += _images(path, name) if kind == "probabilities" else [_labels(path, name)]
    return layers


def _which(source: str) -> tuple[Path, int]:
    """The file, and which of its images."""
    found = re.fullmatch(r"(.*) \[(\d+)\]", source)
    if found is None or Path(source).exists():
        return Path(source), 0
    return Path(found[1]), int(found[2]) - 1


@dataclass(frozen=True, eq=False)
class _File:
    """All planes of a file: (…, C, Y, X), of large ones also coarser; how they lie.

    `greys` are the least and the greatest of each channel, where they are not looked for.
    """

    levels: list[Any]
    stack: Stack
    greys: list[tuple[float, float]] | None

    @property
    def channels(self) -> int:
        return int(self.levels[0].shape[-3])

    def channel(self, number: int) -> dict[str, Any]:
        """What a layer wants to know of one channel."""
        return self._given([level[..., number, :, :] for level in self.levels])

    def colours(self) -> dict[str, Any]:
        """The same of all channels, which are red, green and blue."""
        return self._given([np.moveaxis(level, -3, -1) for level in self.levels])

    def limits(self, number: int) -> dict[str, Any]:
        return {} if self.greys is None else {"contrast_limits": self.greys[number]}

    def _given(self, levels: list[Any]) -> dict[str, Any]:
        several = len(levels) > 1
        data = levels if several else levels[0]
        return {"data": data, "multiscale": several, **_lie(self.stack)}


def _images(path: Path, name: str, scene: int = 0) -> list[Layer]:
    file = _lazy(path, scene)
    names = file.stack.channels or tuple(str(n + 1) for n in range(file.channels))
    if file.channels == 3 and file.levels[0].dtype == np.uint8 and not file.stack.channels:
        return [Image(name=name, rgb=True, **file.colours())]
    if file.channels == 1:
        return [Image(name=name, **file.channel(0), **file.limits(0))]
    return [
        Image(name=f"{name} {said}", blending="additive", **file.channel(n), **file.limits(n))
        for n, said in enumerate(names)
    ]


def _labels(path: Path, name: str) -> Labels:
    return Labels(name=name, **_lazy(path).channel(0))


def _lazy(path: Path, scene: int = 0) -> _File:
    """A file whose planes are read later; one that has only one, of a usual size, at once."""
    with open_stack(path, scene) as stack:
        first, *others = stack.planes
        large = is_large(stack.shape[-2:])
        if not (others or large):
            return _File([stack.plane(first)], stack, None)
        view = stack.view(first)
        few = view[:, :1, :1]
        greys = _greys(view) if large and few.dtype != np.uint8 else None
    whole = _windows(path, scene, stack, few)
    levels = [whole, *(_levels_in(path, stack) if large else [])]
    while max(levels[-1].shape[-2:]) > _COARSEST and large:  # the file has no coarser ones
        levels.append(levels[-1][..., ::2, ::2])
    return _File(levels, stack, greys)


def _windows(path: Path, scene: int, stack: Stack, few: NDArray[Any]) -> Any:  # noqa: ANN401
    side = _WINDOW if is_large(stack.shape[-2:]) else max(stack.shape[-2:])
    shape = (*stack.shape[:-2], len(few), *stack.shape[-2:])
    sides = (*(1 for _ in stack.shape[:-2]), len(few), side, side)
    return da.map_blocks(
        _window, path, scene, chunks=da.core.normalize_chunks(sides, shape), dtype=few.dtype,
        meta=np.empty((0,) * len(shape), few.dtype),
    )  # fmt: skip


def _window(path: Path, scene: int, block_info: Any = None) -> NDArray[Any]:  # noqa: ANN401
    *front, _, rows, columns = block_info[None]["array-location"]
    with open_stack(path, scene) as stack:
        view = stack.view(tuple(start for start, _ in front))
        part = np.asarray(view[:, slice(*rows), slice(*columns)])
    return part[(None,) * len(front)]


def _greys(view: Any) -> list[tuple[float, float]]:  # noqa: ANN401
    """The least and the greatest of each channel in blocks all over a plane."""
    rows, columns = (spread(length) for length in view.shape[1:])
    blocks = [np.asarray(view[:, y, x]) for y in rows for x in columns]
    channels = np.concatenate([block.reshape(len(block), -1) for block in blocks], axis=1)
    greys = [values[np.isfinite(values)] for values in channels]
    return [(float(g.min()), float(g.max())) if np.unique(g).size > 1 else (0, 1) for g in greys]


def _levels_in(path: Path, stack: Stack) -> list[Any]:
    """The coarser levels (…, C, Y, X) that an OME-Zarr has."""
    found: list[Any] = []
    with suppress(Exception):  # another layout: then they are made
        group: Any = zarr.open_group(path, mode="r")
        notes = group.attrs.get("ome", group.attrs)["multiscales"][0]
        axes = "".join(axis["name"].upper() for axis in notes["axes"])
        for level in notes["datasets"][1:]:
            array = _ordered(da.from_array(group[level["path"]]), axes, stack.axes)
            if array.shape[:-3] == stack.shape[:-2]:
                found.append(array)
    return found


def _ordered(array: Any, axes: str, kept: str) -> Any:  # noqa: ANN401
    """An array with axes of T, Z, C, Y, X as (…, C, Y, X); those not `kept` have a length of 1."""
    wanted = [axis for axis in (*kept[:-2], "C", "Y", "X") if axis in axes]
    array = array[tuple(slice(None) if axis in wanted else 0 for axis in axes)]
    array = array.transpose([[a for a in axes if a in wanted].index(axis) for axis in wanted])
    return array if "C" in axes else array[..., None, :, :]


def _lie(stack: Stack) -> dict[str, Any]:
    """Size and unit of a step along each axis, as layers want them."""
    steps = [stack.spacing.get(axis, (1.0, "")) for axis in stack.axes]
    units = tuple(LONG_NAMES.get(unit, "pixel") for _, unit in steps)
    return {"scale": [step for step, _ in steps], "units": units}
