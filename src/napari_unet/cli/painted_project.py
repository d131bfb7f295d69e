"""The images and strokes of a project, for the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli.output import Refusal, say
from napari_unet.core.annotations import Annotations
from napari_unet.core.objects_paint import class_map
from napari_unet.core.project.changes import Plane
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.looking import Seen, look_into
from napari_unet.core.project.manifest import ImageEntry
from napari_unet.core.project.sources import copied
from napari_unet.core.reading import open_stack


@dataclass(frozen=True)
class Material:
    """What a project's user painted: one image (Y, X) or (Y, X, 3) and its paint for each plane.

    Attributes
    ----------
    aside : of each, whether it is kept for validation; empty where none is.
    """

    images: list[NDArray[Any]]
    paints: list[NDArray[np.uint8]]
    names: list[str]
    classes: tuple[str, ...]
    aside: list[bool] = field(default_factory=list)


def read_project(path: Path) -> Material:
    """Read all painted planes of a project; a window may have it open meanwhile.

    Raises
    ------
    Refusal
        If the project or one of its images cannot be used.
    FileError
        If an image's file cannot be read.
    """
    try:
        seen = look_into(path)
        for sentence in seen.told:
            say(sentence)
        if seen.manifest.volumes:
            say(
                "In the panel this project looks across slices. Here its painted slices are "
                "learnt from one by one; train on volumes with --volume and files of strokes."
            )
        return _read(seen)
    except ProjectError as error:
        raise Refusal(str(error)) from error


def _read(seen: Seen) -> Material:
    work = seen.work
    named = work.classes or seen.manifest.classes
    found = Material([], [], [], tuple(item.name for item in named))
    objects = tuple(k for k, item in enumerate(named, start=1) if item.objects)
    for (number, index), paint in sorted(work.planes.items()):
        entry = seen.manifest.image(number)
        if entry is None or not paint.blocks:
            continue
        found.images.append(_pixels(seen, entry, (number, index)))
        found.paints.append(class_map(Annotations(paint.shape, paint.blocks, objects)))
        found.names.append(" ".join([entry.layers[0].name, *map(str, index)]))
        found.aside.append(entry.aside)
    if not found.images:
        raise Refusal(f"Nothing is painted in the project {seen.path}.")
    if all(found.aside):
        raise Refusal(
            f"All painted images of the project {seen.path} are kept for validation: paint on "
            "another one, or take the tick at Validate away."
        )
    return found


def _pixels(seen: Seen, entry: ImageEntry, plane: Plane) -> NDArray[Any]:
    """One plane of an image, as `train` takes it."""
    source = entry.layers[0]
    if len(entry.layers) > 1:
        raise Refusal(
            f"“{source.name}” has its channels in several layers; the command line trains on "
            "images of one layer: use the panel."
        )
    if source.copy is not None:
        pixels = copied(seen.path, source)[plane[1]]
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
