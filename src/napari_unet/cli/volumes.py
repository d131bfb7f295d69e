"""Stacks to train a network for volumes on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli.output import Refusal, say
from napari_unet.cli.painted_project import Material
from napari_unet.cli.pairs import check_pair, pair
from napari_unet.core.annotations import AnnotationError, check_class_map, check_whole_numbers
from napari_unet.core.calibration import Spacing
from napari_unet.core.files import FileError
from napari_unet.core.image import as_volume
from napari_unet.core.reading import open_stack


def read_volumes(options: argparse.Namespace) -> tuple[Material, float]:
    """The stacks and strokes that `napari-unet train --volume` names, and px between slices."""
    found = Material([], [], [], ())
    anisotropy = options.anisotropy
    for image_path, paint_path in pair(options.images, options.annotations):
        image, spacing = _read(image_path)
        paint = _read_paint(paint_path, objects=bool(options.objects))
        check_pair((image_path, image), (paint_path, paint), as_volume, axes=3)
        anisotropy = anisotropy or _anisotropy(spacing)
        found.images.append(image)
        found.paints.append(paint)
        found.names.append(image_path.name)
    if anisotropy is None:
        say("The files do not say how far slices lie apart: voxels are taken for cubes.")
    return found, anisotropy or 1.0


def _read(path: Path) -> tuple[NDArray[Any], Spacing]:
    """A stack as `train` takes it: (Z, Y, X), or (Z, Y, X, 3) for three channels."""
    with open_stack(path) as stack:
        if stack.axes != "ZYX":
            raise Refusal(
                f"{path} has the axes {stack.axes}: --volume needs one stack of slices, ZYX."
            )
        slices = [stack.plane(index) for index in stack.planes]
    volume = np.stack(slices, axis=1)
    if len(volume) not in {1, 3}:
        raise Refusal(f"{path} has {len(volume)} channels: save the one to use, or three.")
    return volume[0] if len(volume) == 1 else np.moveaxis(volume, 0, -1), stack.spacing


def _read_paint(path: Path, *, objects: bool) -> NDArray[Any]:
    paint, _ = _read(path)
    try:
        for plane in paint if paint.ndim == 3 else [paint]:
            (check_whole_numbers if objects else check_class_map)(plane)
    except AnnotationError as error:
        raise FileError(f"{path}: {error}") from error
    return paint


def _anisotropy(spacing: Spacing) -> float | None:
    """Distance of slices in px, where a file says both in the same unit."""
    (depth, unit), (width, other) = (spacing.get(axis, (0.0, "")) for axis in "ZX")
    return depth / width if depth and width and unit == other else None
