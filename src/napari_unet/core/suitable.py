"""Refuses images that are not of one kind, and images and paint that a model was not made for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_unet.core.annotations import Annotations
from napari_unet.core.header import ModelError, Shape
from napari_unet.core.image import ImageError, Picture


def check_channels(wanted: int, found: int) -> None:
    """Refuse an image with another number of channels than the model was trained on.

    Raises
    ------
    ImageError
    """
    if wanted != found:
        raise ImageError(
            f"This model was trained on images of {wanted} channel{'s' * (wanted != 1)}, "
            f"this image has {found}: choose the channels it was trained on."
        )


def check_kind(axes: int, picture: Picture) -> None:
    """Refuse a plane for a model of volumes (3 axes), and a volume for one of planes (2 axes).

    Raises
    ------
    ImageError
    """
    found = len(picture.shape)
    if found == axes:
        return
    if axes == 3:
        raise ImageError(
            "This model segments volumes, this is a single plane: segment files of whole stacks "
            "with it (Batch segment a folder), or take a model that was trained on planes."
        )
    raise ImageError(
        "This model segments planes, this is a volume: give it the slices one by one, or take a "
        "model that was trained on volumes."
    )


def check_alike(picture: Picture, others: Sequence[Picture]) -> None:
    """Refuse an image that the same network cannot learn from as from these, which are alike.

    Raises
    ------
    ImageError
    """
    if others and others[0].channels != picture.channels:
        raise ImageError(
            f"This image has {picture.channels} channel(s), the ones before have "
            f"{others[0].channels}: one network learns from images of one kind."
        )
    if others and len(others[0].shape) != len(picture.shape):
        raise ImageError(
            "One network learns from volumes or from single planes, not from both: "
            "close one of the images."
        )


def check_fits(shape: Shape, pictures: Iterable[Picture], paints: Iterable[Annotations]) -> None:
    """Refuse a model for images of other channels or axes, or for paint of more classes.

    Raises
    ------
    ModelError, ImageError
    """
    painted = max((paint.largest for paint in paints), default=0)
    if painted > shape.classes:
        raise ModelError(
            f"This model has {shape.classes} classes but class {painted} is painted: "
            "erase that paint, or choose a model with as many classes."
        )
    for picture in pictures:
        check_channels(shape.in_channels, picture.channels)
        if shape.axes == 3:
            check_kind(3, picture)
