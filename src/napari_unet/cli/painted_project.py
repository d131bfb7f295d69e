"""The images and strokes of a project, for the command line."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli.output import Refusal, say
from napari_unet.core.annotations import Annotations
from napari_unet.core.objects_paint import class_map
from napari_unet.core.project.changes import Plane
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.manifest import ImageEntry
from napari_unet.core.project.recovery import Opened, open_project
from napari_unet.core.project.sources import copied
from napari_unet.core.reading import open_stack


@dataclass(frozen=True)
class Material:
    """What a project's user painted: one image (Y, X) or (Y, X, 3) and its paint for each plane."""

    images: list[NDArray[Any]]
    paints: list[NDArray[np.uint8]]
    names: list[str]
    classes: tuple[str, ...]


def read_project(path: Path) -> Material:
    """Read all painted planes of a project, which must not be open elsewhere.

    Raises
    ------
    Refusal
        If the project or one of its images cannot be used.
    FileError
        If an image's file cannot be read.
    """
    try:
        opened = open_project(path)
        with closing(opened.folder):
            for sentence in opened.told:
                say(sentence)
            if opened.manifest.volumes:
                say(
                    "In the panel this project looks across slices. Here its painted slices are "
                    "learnt from one by one; train on volumes with --volume and files of strokes."
                )
            return _read(opened)
    except ProjectError as error:
        raise Refusal(str(error)) from error


def _read(opened: Opened) -> Material:
    work = opened.record.work
    named = work.classes or opened.manifest.classes
    found = Material([], [], [], tuple(item.name for item in named))
    objects = tuple(k for k, item in enumerate(named, start=1) if item.objects)
    for (number, index), paint in sorted(work.planes.items()):
        entry = opened.manifest.image(number)
        if entry is None or not paint.blocks:
            continue
        found.images.append(_pixels(opened, entry, (number, index)))
        found.paints.append(class_map(Annotations(paint.shape, paint.blocks, objects)))
        found.names.append(" ".join([entry.layers[0].name, *map(str, index)]))
    if not found.images:
        raise Refusal(f"Nothing is painted in the project {opened.folder.path}.")
    return found


def _pixels(opened: Opened, entry: ImageEntry, plane: Plane) -> NDArray[Any]:
    """One plane of an image, as `train` takes it."""
    source = entry.layers[0]
    if len(entry.layers) > 1:
        raise Refusal(
            f"“{source.name}” has its channels in several layers; the command line trains on "
            "images of one layer: use the panel."
        )
    if source.copy is not None:
        pixels = copied(opened.folder.path, source)[plane[1]]
        return np.asarray(pixels)
    if source.file is None:
        raise Refusal(f"The project does not know where “{source.name}” is: open it in napari.")
    with open_stack(Path(source.file.path)) as stack:
        found = stack.plane(plane[1])
    if len(found) not in {1, 3}:
        raise Refusal(
            f"“{source.name}” has {len(found)} channels; the command line trains on grey and RGB "
            "images: use the panel."
        )
    return found[0] if len(found) == 1 else np.moveaxis(found, 0, -1)
