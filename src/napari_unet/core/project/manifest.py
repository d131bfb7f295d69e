"""What a project is made of, as one JSON file that a person can read.

It is checked against these types before anything in it is used. Numbers are bounded, and names
of files inside the project cannot lead out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from napari_unet.core.project.changes import LabelClasses, Px
from napari_unet.core.settings import Settings

FORMAT = 1
PROGRAM = "napari-unet-live"
VERSION = version(PROGRAM)

Text: TypeAlias = Annotated[str, Meta(max_length=4096)]
Step: TypeAlias = tuple[Annotated[int, Meta(ge=0)], float]
Numbers: TypeAlias = Annotated[tuple[float, ...], Meta(max_length=16)]
Matrix: TypeAlias = Annotated[tuple[Numbers, ...], Meta(max_length=16)]


class Place(Struct, frozen=True):
    """Where a layer lies in the world; empty parts are as the image's file says.

    Attributes
    ----------
    scale : how far two pixels lie apart on each axis.
    translate : where the first pixel lies.
    rotate : turns the layer.
    shear : shears it.
    affine : moves it besides, as napari's affine does.
    units : of the axes.
    axis_labels : what the axes are called.
    """

    scale: Numbers = ()
    translate: Numbers = ()
    rotate: Matrix = ()
    shear: Numbers = ()
    affine: Matrix = ()
    units: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    axis_labels: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()


class File(Struct, frozen=True):
    """A file, and how it is known again.

    Attributes
    ----------
    path : from the project's folder.
    size : in bytes; -1 where it is not known.
    checksum : of its content; empty where it is not known.
    """

    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    size: int = -1
    checksum: Annotated[str, Meta(max_length=128)] = ""


class Source(Struct, frozen=True):
    """One image layer and where its pixels are.

    Attributes
    ----------
    name : of the layer.
    shape : of its pixels at full resolution, without colour; 1 where channels are.
    dtype : of its pixels.
    rgb : its pixels are colours.
    channel : the axis that holds channels, if one does.
    channels : how many channels that axis has.
    depth : the axis along which slices make a volume, if one does; unset where it was not asked.
    file : what it was read from, if that is known.
    copy : its pixels inside the project, if they were copied.
    reader : the napari plugin that reads the file, empty for any.
    place : where the layer lies.
    """

    name: Text
    shape: Annotated[tuple[Px, ...], Meta(min_length=2, max_length=9)]
    dtype: Annotated[str, Meta(max_length=16)]
    rgb: bool = False
    file: File | None = None
    copy: File | None = None
    reader: Annotated[str, Meta(max_length=200)] = ""
    place: Place = Place()
    channel: Annotated[int, Meta(ge=0, le=8)] | None = None
    channels: Annotated[int, Meta(ge=1, le=65535)] = 1
    depth: Annotated[int, Meta(ge=0, le=8)] | UnsetType | None = UNSET

    @property
    def lengths(self) -> tuple[int, ...]:
        """The shape with the channels that there are."""
        return tuple(
            self.channels if axis == self.channel else n for axis, n in enumerate(self.shape)
        )


class ImageEntry(Struct, frozen=True):
    """An image of the project.

    Attributes
    ----------
    number : of the image in the log.
    layers : one or several channels.
    aside : it is kept for validation: its strokes are only judged by.
    """

    number: Px
    layers: Annotated[tuple[Source, ...], Meta(min_length=1, max_length=256)]
    aside: bool = False


class Progress(Struct, frozen=True):
    """How training went, for the panel's numbers and its curve.

    Attributes
    ----------
    step : how many steps were taken.
    loss : the last one.
    held_out : the last score on held-out strokes.
    best : the best model's score.
    losses : (step, loss) over time.
    scores : (step, score on held-out strokes) over time.
    agreements : (step, agreement on unpainted pixels) over time.
    """

    step: Annotated[int, Meta(ge=0)] = 0
    loss: float | None = None
    held_out: float | None = None
    best: float | None = None
    losses: Annotated[tuple[Step, ...], Meta(max_length=100_000)] = ()
    scores: Annotated[tuple[Step, ...], Meta(max_length=100_000)] = ()
    agreements: Annotated[tuple[Step, ...], Meta(max_length=100_000)] = ()


class Manifest(Struct, frozen=True):
    """All of a project that is not a stroke and not a model.

    Attributes
    ----------
    format : of the file; a newer one than the program knows is refused.
    program : that saved it, with its version.
    made : when it was begun, for a reader of the file.
    classes : 1, 2, … in this order.
    images : those on the desk.
    active : number of the image in work, if any.
    settings : the groups and names of the settings.
    progress : how training went.
    folder : of images that is walked through; empty for none.
    volumes : the network looks at all slices of a stack as one.
    """

    format: int = FORMAT
    program: str = f"{PROGRAM} {VERSION}"
    made: Annotated[str, Meta(max_length=100)] = ""
    classes: LabelClasses = ()
    images: Annotated[tuple[ImageEntry, ...], Meta(max_length=100_000)] = ()
    active: int | None = None
    settings: Settings = Settings()
    progress: Progress = Progress()
    folder: Text = ""
    volumes: bool = False

    def image(self, number: int) -> ImageEntry | None:
        """The image of that number."""
        return next((entry for entry in self.images if entry.number == number), None)

    def with_image(self, entry: ImageEntry) -> Manifest:
        """With an image added, or replaced."""
        others = (known for known in self.images if known.number != entry.number)
        images = tuple(sorted((*others, entry), key=lambda image: image.number))
        return msgspec.structs.replace(self, images=images)


def linked(manifest: Manifest, link: Callable[[str], str]) -> Manifest:
    """With the paths of all image files, and of their folder, put another way."""

    def moved(source: Source) -> Source:
        if source.file is None:
            return source
        file = msgspec.structs.replace(source.file, path=link(source.file.path))
        return msgspec.structs.replace(source, file=file)

    images = tuple(
        msgspec.structs.replace(image, layers=tuple(moved(source) for source in image.layers))
        for image in manifest.images
    )
    folder = link(manifest.folder) if manifest.folder else ""
    return msgspec.structs.replace(manifest, images=images, folder=folder)
