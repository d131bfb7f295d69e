"""An image file and its results as layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from dask.delayed import delayed
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.calibration import LONG_NAMES
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Kind
from napari_unet.core.stack import Index, Stack


def layers_of(source: str, results: Sequence[tuple[Kind, Path]]) -> list[Layer]:
    """The image and its results as layers that lie on top of each other.

    Stacks are read plane by plane when they are looked at.

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


def _images(path: Path, name: str, scene: int = 0) -> list[Layer]:
    data, stack = _lazy(path, scene)
    names = stack.channels or tuple(str(n + 1) for n in range(data.shape[-3]))
    if data.shape[-3] == 3 and data.dtype == np.uint8 and not stack.channels:
        return [Image(np.moveaxis(data, -3, -1), name=name, rgb=True, **_lie(stack))]
    if data.shape[-3] == 1:
        return [Image(data[..., 0, :, :], name=name, **_lie(stack))]
    return [
        Image(data[..., n, :, :], name=f"{name} {said}", blending="additive", **_lie(stack))
        for n, said in enumerate(names)
    ]


def _labels(path: Path, name: str) -> Labels:
    data, stack = _lazy(path)
    return Labels(data[..., 0, :, :], name=name, **_lie(stack))


def _lazy(path: Path, scene: int = 0) -> tuple[Any, Stack]:
    """All planes of a file as one array (…, C, Y, X), and how they lie."""
    with open_stack(path, scene) as stack:
        first, *others = stack.planes
        plane = stack.plane(first)
        if not others:
            return plane, stack
    read = delayed(_plane)
    planes = [da.from_delayed(read(path, scene, i), plane.shape, plane.dtype) for i in stack.planes]
    return da.stack(planes).reshape(*stack.shape[:-2], *plane.shape), stack


def _plane(path: Path, scene: int, index: Index) -> NDArray[Any]:
    with open_stack(path, scene) as stack:
        return stack.plane(index)


def _lie(stack: Stack) -> dict[str, Any]:
    """Size and unit of a step along each axis, as layers want them."""
    steps = [stack.spacing.get(axis, (1.0, "")) for axis in stack.axes]
    units = tuple(LONG_NAMES.get(unit, "pixel") for _, unit in steps)
    return {"scale": [step for step, _ in steps], "units": units}
