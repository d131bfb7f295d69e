"""The model file: safetensors with a JSON header. It is data: opening one runs no code."""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import safetensors
import safetensors.torch
import torch
from msgspec import Struct
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.device import Device, choose
from napari_unet.core.image import ImageError, Picture, as_plane
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet

FORMAT = 1
_KEY = "napari-unet"
_PROGRAM = "napari-unet-live"
_UNUSED = "num_batches_tracked"  # a counter of batch norm that frozen statistics do not need
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


class Model:
    """A network with its classes and how it was made.

    Parameters
    ----------
    net : UNet
    header : Header
    """

    def __init__(self, net: UNet, header: Header) -> None:
        self.net, self.header = net.eval(), header

    @classmethod
    def of(
        cls,
        net: UNet,
        classes: tuple[str, ...],
        settings: Settings,
        made: dict[str, str | int | float] | None = None,
    ) -> Model:
        """Wrap a network, and note the time and the program's version."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        shape = Shape(net.in_channels, net.classes, net.width, net.depth, net.axes, net.norm)
        header = Header(
            FORMAT, f"{_PROGRAM} {version(_PROGRAM)}", shape, classes, settings,
            {"date": now, **(made or {})},
        )  # fmt: skip
        return cls(net, header)

    def segment(
        self, image: NDArray[Any], *, rgb: bool | None = None, compute: Compute | None = None
    ) -> NDArray[np.uint8]:
        """Segment one image.

        Parameters
        ----------
        image : (Y, X), (Y, X, 3) or (Y, X, 4), any numeric type
        rgb : bool, optional
            Whether the last axis is colour; guessed from the shape by default.
        compute : Compute, optional
            Device and threads; by default a GPU where there is one, else all cores.

        Returns
        -------
        (Y, X) uint8 of classes 1…K.

        Raises
        ------
        ImageError
            If the image cannot be used; the message says what to do.
        """
        picture = Picture.of(as_plane(image, rgb=rgb))
        check_channels(self.header.shape.in_channels, picture.channels)
        predictor = self._ready if compute is None else self.predictor(choose(compute, spare=0))
        labels = np.zeros(picture.shape, np.uint8)
        mirrored = (compute or Compute()).mirrors
        for tile, found in predictor.segment(picture, mirrored=mirrored):
            labels[tile.write] = found
        return labels

    @cached_property
    def _ready(self) -> Predictor:
        return self.predictor(choose(Compute(), spare=0))

    def predictor(self, device: Device) -> Predictor:
        """Make the network ready to predict on a device."""
        return Predictor(self.net, device)

    def to_bytes(self, dtype: torch.dtype = torch.float32) -> bytes:
        """The model file's bytes."""
        state = {
            key: _stored(value, dtype)
            for key, value in self.net.state_dict().items()
            if not key.endswith(_UNUSED)
        }
        header = msgspec.json.encode(self.header).decode()
        data: bytes = safetensors.torch.save(state, metadata={_KEY: header})
        return data

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file; an older file of that name is replaced in one step."""
        target = Path(path)
        part = target.with_name(f".{target.name}.part")
        try:
            part.write_bytes(self.to_bytes())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)  # there only if something went wrong

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """Open a model file's bytes.

        Raises
        ------
        ModelError
            If they are not a model, damaged, or of a newer version.
        """
        header = read_header(data)
        with torch.device("meta"):  # sizes are compared before any memory is taken
            sizes = {k: v.shape for k, v in build(header.shape).state_dict().items()}
        try:
            state = safetensors.torch.load(data)
        except safetensors.SafetensorError as error:
            raise ModelError(f"This model file is damaged ({error}); use another copy.") from error
        if {k: v.shape for k, v in state.items()} != {
            k: v for k, v in sizes.items() if not k.endswith(_UNUSED)
        }:
            raise ModelError("This model file is damaged: its weights do not fit its own header.")
        net = build(header.shape)
        net.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
        return cls(net, header)


def load(path: str | os.PathLike[str]) -> Model:
    """Open a model file.

    Raises
    ------
    ModelError
        If it is not there, not a model, damaged, or of a newer version.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {error.strerror}.") from error
    return Model.from_bytes(data)


def bundled(preset: Literal["compact", "paper"] = "compact") -> Model | None:
    """The pre-trained model that comes with the program, or None where there is none."""
    resource = files("napari_unet") / "weights" / f"{preset}.safetensors"
    return Model.from_bytes(resource.read_bytes()) if resource.is_file() else None


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
        text = outer["__metadata__"][_KEY]
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


def build(shape: Shape) -> UNet:
    """An untrained network of a given shape."""
    return UNet(
        shape.in_channels, shape.classes, width=shape.width, depth=shape.depth,
        axes=shape.axes, norm=shape.norm,
    )  # fmt: skip


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


def _stored(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.detach().cpu().to(dtype).contiguous()
