"""What a model file says of itself; `front` reads it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from napari_unet.core.provenance import Provenance
from napari_unet.core.settings import Settings

FORMAT = 1
ModelBytes: TypeAlias = bytes | memoryview  # all of a model file


class ModelError(ValueError):
    """A file that is not a model that can be used here; the message says what to do."""


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What it takes to build the network.

    Attributes
    ----------
    in_channels : of the image.
    classes : how many.
    width : channels of the first level, doubled at each level down.
    depth : how many poolings.
    axes : 2 for planes, 3 for volumes.
    norm : batch norm before each ReLU.
    side : channels that each deeper level hands on to the last layer.
    shrink : how many pixels a side are averaged first: 2 is half size.
    across : levels that look across the slices of a volume.
    local : the last layer also sees the image itself.
    """

    in_channels: int
    classes: int
    width: int
    depth: int
    axes: int
    norm: bool
    side: int = 0
    shrink: int = 1
    across: int = 0
    local: bool = False


class Header(Struct, frozen=True):
    """What a model file says of itself.

    Fields that a newer version added are left out when it is read: what this version could not
    rightly do without them is told by a higher `format`.

    Attributes
    ----------
    format : of the header; a newer one than the program knows is refused.
    program : that made the file, with its version.
    shape : of the network.
    classes : their names, 1, 2, … in this order.
    settings : that it was trained with, by the groups and names of the settings.
    made : when and how.
    pretrained : the network had learnt from many images before the user's strokes.
    material : of what it was made.
    anisotropy : how many px the slices lay apart of the volumes that were learnt from.
    """

    format: int
    program: str
    shape: Shape
    classes: tuple[str, ...] = ()
    settings: Settings = Settings()
    made: dict[str, str | int | float] = {}
    pretrained: bool = True
    material: Provenance = Provenance()
    anisotropy: Annotated[float, Meta(gt=0)] = 1.0
