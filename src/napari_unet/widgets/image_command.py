"""The command line that repeats *Segment this image* on the image's file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari.layers import Image

from napari_unet.core.commands import Selection, segment_command
from napari_unet.core.files import FileError
from napari_unet.core.image import ImageError
from napari_unet.core.reading import open_stack
from napari_unet.core.settings import Compute
from napari_unet.core.stack import Stack
from napari_unet.widgets.model_file import SUFFIX
from napari_unet.widgets.planes import all_lengths, channel_axis, depth_axis, full_shape
from napari_unet.widgets.project_images import file_of
from napari_unet.widgets.studio import Studio

_COMPUTE = Compute()  # what the command line does without flags
_MODEL, _TARGET = f"model{SUFFIX}", "results"
_OWN_FILE = "Save it with File > Save Selected Layers, and open that file."


class ImageCommandError(ValueError):
    """No command repeats it; the message says what is missing."""


def image_command(studio: Studio) -> str:
    """The line that segments the file of the image in work as the panel does.

    Raises
    ------
    ImageCommandError
        If there is none, with a sentence that says what is missing.
    """
    active = studio.desk.active
    if active is None:
        raise ImageCommandError("There is no image in work: choose one first.")
    if not studio.situation.answered:
        raise ImageCommandError("There is no model yet: paint a few strokes of two classes first.")
    volumes = studio.desk.planes.volumes
    return file_command(active.images, _MODEL, studio.settings.compute, volumes=volumes)


def file_command(
    images: Sequence[Image], model: str, compute: Compute = _COMPUTE, *, volumes: bool = False
) -> str:
    """The line that segments the file of an image, or of its channels, with a model file.

    Raises
    ------
    ImageCommandError
        If there is none, with a sentence that says what is missing.
    """
    path = _file_of(images)
    try:
        with open_stack(path) as stack:
            _compare(images[0], path, stack, volumes=volumes)
    except (FileError, ImageError, OSError) as error:
        raise ImageCommandError(f"The command line cannot read this image: {error}") from error
    return segment_command(Selection(str(path), _TARGET), model, compute=compute)


def _file_of(images: Sequence[Image]) -> Path:
    if len(images) > 1:
        raise ImageCommandError(
            f"The channels of this image are {len(images)} layers, and a command reads one "
            "file: save them as one file and open that."
        )
    path = file_of(images[0])
    if path is None:
        raise ImageCommandError(
            f"“{images[0].name}” has no file that a command could read. {_OWN_FILE}"
        )
    return path


def _compare(image: Image, path: Path, stack: Stack, *, volumes: bool) -> None:
    """Refuse a file that the command line would read otherwise than the layer is."""
    lengths = [(axis, n) for axis, n in enumerate(full_shape(image)) if n > 1]
    there = [(axis, n) for axis, n in zip(stack.axes, stack.shape, strict=True) if n > 1]
    if [n for _, n in lengths] != [n for _, n in there]:
        raise ImageCommandError(
            f"“{image.name}” is {_sizes(lengths)} px here, and {path.name} is {_sizes(there)} px "
            f"to the command line. {_OWN_FILE}"
        )
    here, found = _channels(image), len(stack.view((0,) * (len(stack.shape) - 2)))
    if here != found:
        raise ImageCommandError(
            f"“{image.name}” has {_count(here)}, and {path.name} has {_count(found)} to the "
            f"command line. {_OWN_FILE}"
        )
    depth = [name for (axis, _), (name, _) in zip(lengths, there, strict=True)
             if axis == depth_axis(image)]  # fmt: skip
    if volumes and depth != ["Z"]:
        raise ImageCommandError(
            f"{path.name} does not say that its slices are Z, so the command line cannot see them "
            "as one. Save it as OME-TIFF, and open that file."
        )


def _channels(image: Image) -> int:
    axis = channel_axis(image)
    return 3 if image.rgb else 1 if axis is None else all_lengths(image)[axis]


def _sizes(axes: list[tuple[int, int]] | list[tuple[str, int]]) -> str:
    return " × ".join(str(n) for _, n in axes)


def _count(channels: int) -> str:
    return f"{channels} channel{'s' * (channels != 1)}"
