"""What a model file says of itself, read without torch and before anything is allocated."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
from msgspec import Struct

from napari_unet.core.image import ImageError
from napari_unet.core.settings import Settings

FORMAT = 1
KEY = "napari-unet"
_LARGEST_WIDTH, _LARGEST_DEPTH = 256, 7
_NOT_A_HEADER = (
    struct.error, msgspec.MsgspecError, KeyError, TypeError, UnicodeError, RecursionError,
)  # fmt: skip


class ModelError(ValueError):
    """A file that is not a model that can be used here; the message says what to do."""


class Shape(Struct, frozen=True, forbid_unknown_fields=True):
    """What it takes to build the network."""

    in_channels: int
    classes: int
    width: int
    depth: int
    axes: int
    norm: bool


class Header(Struct, frozen=True):
    """What a model file says of itself."""

    format: int
    program: str
    shape: Shape
    classes: tuple[str, ...] = ()
    settings: Settings = Settings()
    made: dict[str, str | int | float] = {}


def read_header(data: bytes) -> Header:
    """Read and check the header before anything is allocated.

    Raises
    ------
    ModelError
    """
    not_one = ModelError(
        "This file is not a napari-unet model. Choose a .safetensors file that was saved "
        "with Save model… or napari-unet train."
    )
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > len(data) - 8:
            raise not_one
        outer = msgspec.json.decode(data[8 : 8 + length], type=dict[str, Any])
        text = outer["__metadata__"][KEY]
        number = msgspec.json.decode(text, type=dict[str, Any])["format"]
    except _NOT_A_HEADER as error:
        raise not_one from error
    if not isinstance(number, int) or number > FORMAT:
        raise ModelError(
            f"This model file has format {number}, newer than this program knows ({FORMAT}): "
            "update napari-unet-live to open it."
        )
    try:
        header = msgspec.json.decode(text, type=Header)
    except msgspec.MsgspecError as error:
        raise ModelError(f"This model file's header is damaged: {error}.") from error
    _check_shape(header)
    return header


def _check_shape(header: Header) -> None:
    """Refuse sizes that no model of ours has, before any memory is asked for."""
    s = header.shape
    fine = (
        1 <= s.in_channels <= 256
        and 2 <= s.classes <= 255
        and 1 <= s.width <= _LARGEST_WIDTH
        and 1 <= s.depth <= _LARGEST_DEPTH
        and s.width << s.depth <= 4096
        and s.axes in {2, 3}
        and len(header.classes) in {0, s.classes}
    )
    if not fine:
        raise ModelError("This model file's header is damaged: its sizes make no sense.")


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
