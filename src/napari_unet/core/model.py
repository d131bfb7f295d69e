"""The model file: safetensors with a JSON header. It is data: opening one runs no code."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.device import Device, choose
from napari_unet.core.files import replacing
from napari_unet.core.front import read_front, seal
from napari_unet.core.header import FORMAT, Header, ModelBytes, ModelError, Shape
from napari_unet.core.image import Picture, as_plane, as_volume
from napari_unet.core.precision import predictor_for
from napari_unet.core.prediction import Predictor
from napari_unet.core.provenance import Provenance
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.suitable import check_channels
from napari_unet.core.unet import UNet

_PROGRAM = "napari-unet-live"
_UNUSED = "num_batches_tracked"  # a counter of batch norm that frozen statistics do not need


class Model:
    """A network with its classes and how it was made.

    Parameters
    ----------
    net : UNet
    header : Header
    name : str
        Of its file, as far as known.
    """

    def __init__(self, net: UNet, header: Header, name: str = "", checksum: str = "") -> None:
        self.net, self.header, self.name = net.eval(), header, name
        self._checksum = checksum
        self._ready: Predictor | None = None
        self._asked: tuple[Device, bool] | None = None  # and whether it may be accelerated

    @classmethod
    def of(
        cls,
        net: UNet,
        classes: tuple[str, ...],
        settings: Settings,
        made: dict[str, str | int | float] | None = None,
        material: Provenance | None = None,
    ) -> Model:
        """Wrap a network, and note the time and the program's version."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        shape = Shape(
            net.in_channels, net.classes, net.width, net.depth, net.axes, net.norm,
            net.side, net.shrink, net.across, net.local,
        )  # fmt: skip
        header = Header(
            FORMAT, f"{_PROGRAM} {version(_PROGRAM)}", shape, classes, settings,
            {"date": now, **(made or {})}, net.pretrained, material or Provenance(),
            net.anisotropy,
        )  # fmt: skip
        return cls(net, header)

    def segment(
        self, image: NDArray[Any], *, rgb: bool | None = None, compute: Compute | None = None
    ) -> NDArray[np.uint8]:
        """Segment one image or, with a model of volumes, one volume.

        Parameters
        ----------
        image : (Y, X), (Y, X, 3) or (Y, X, 4), any numeric type
            Of a volume (Z, Y, X), (Z, Y, X, 3) or (Z, Y, X, 4).
        rgb : bool, optional
            Whether the last axis is colour; guessed from the shape by default.
        compute : Compute, optional
            Device and threads; by default a GPU where there is one, else all cores.

        Returns
        -------
        (Y, X) or (Z, Y, X) uint8 of classes 1…K.

        Raises
        ------
        ImageError
            If the image cannot be used; the message says what to do.
        """
        volumes = self.header.shape.axes == 3
        picture = Picture.of(as_volume(image) if volumes else as_plane(image, rgb=rgb))
        check_channels(self.header.shape.in_channels, picture.channels)
        compute = compute or Compute()
        predictor = self.predictor(choose(compute, spare=0))
        labels = np.zeros(picture.shape, np.uint8)
        for tile, found in predictor.segment(picture, mirrored=compute.mirrors):
            labels[tile.write] = found
        return labels

    def predictor(self, device: Device) -> Predictor:
        """The network ready to predict on a device; kept until another device is asked for."""
        asked = (device, device.accelerate)
        if self._ready is None or self._asked != asked:
            self._ready, self._asked = predictor_for(self.net, device), asked
        return self._ready

    @property
    def checksum(self) -> str:
        """That of its file; of a model that comes from none, what its file's would be."""
        return self._checksum or read_front(io.BytesIO(self.to_bytes())).checksum

    def to_bytes(self, dtype: torch.dtype = torch.float32) -> bytes:
        """The model file's bytes."""
        state = {
            key: _stored(value, dtype)
            for key, value in self.net.state_dict().items()
            if not key.endswith(_UNUSED)
        }
        header = msgspec.json.encode(self.header).decode()
        return seal(safetensors.torch.save(state), header)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file; an older file of that name is replaced in one step."""
        with replacing(Path(path)) as part:
            part.write_bytes(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: ModelBytes) -> Model:
        """Open a model file's bytes; a ModelError tells what is wrong with them, as for `read`."""
        return cls.read(io.BytesIO(data))

    @classmethod
    def read(cls, stream: BinaryIO) -> Model:
        """Open a model file, after its header was checked against its size and the network.

        Raises
        ------
        ModelError
            If it is not a model, damaged, or of a newer version.
        """
        front = read_front(stream)
        with torch.device("meta"):  # takes no memory
            wanted = build(front.header.shape).state_dict()
        sizes = {k: tuple(v.shape) for k, v in wanted.items() if not k.endswith(_UNUSED)}
        if sizes != {k: tensor.shape for k, tensor in front.tensors.items()}:
            raise ModelError("This model file is damaged: its weights do not fit its own header.")
        stream.seek(0)
        data = stream.read()
        front.check_weights(memoryview(data)[front.length :])
        try:
            state = safetensors.torch.load(data)
        except safetensors.SafetensorError as error:
            raise ModelError(f"This model file is damaged ({error}); use another copy.") from error
        net = build(front.header.shape)
        net.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
        net.pretrained, net.anisotropy = front.header.pretrained, front.header.anisotropy
        return cls(net, front.header, checksum=front.checksum)


def load(path: str | os.PathLike[str]) -> Model:
    """Open a model file.

    Raises
    ------
    ModelError
        If it is not there, not a model, damaged, or of a newer version.
    """
    try:
        with Path(path).open("rb") as file:
            model = Model.read(file)
    except OSError as error:
        raise ModelError(
            f"The model file {path} cannot be read: {error.strerror or error}."
        ) from error
    model.name = Path(path).name
    return model


def bundled(preset: Literal["compact", "paper"] = "compact") -> Model | None:
    """The pre-trained model that comes with the program, or None where there is none."""
    resource = files("napari_unet") / "weights" / f"{preset}.safetensors"
    return Model.from_bytes(resource.read_bytes()) if resource.is_file() else None


def build(shape: Shape) -> UNet:
    """An untrained network of a given shape."""
    return UNet(
        shape.in_channels, shape.classes, width=shape.width, depth=shape.depth,
        axes=shape.axes, norm=shape.norm, side=shape.side, shrink=shape.shrink,
        across=shape.across, local=shape.local,
    )  # fmt: skip


def _stored(value: Tensor, dtype: torch.dtype) -> Tensor:
    return value.detach().cpu().to(dtype).contiguous()
