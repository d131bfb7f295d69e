"""Prediction by OpenVINO, where there is so much to do that it pays to compile the network.

That takes seconds, so it is for weights that stay. Whether it is tried is told by how much there
was and is to do, not by a clock. So of a row of images the first ones may be predicted by PyTorch,
and pixels on the brink may come out otherwise in a second run.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.comparing import AGREEMENT, agreement, made_up
from napari_unet.core.compiled import Compiled
from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor
from napari_unet.core.tilewise import Forward
from napari_unet.core.tiling import Tile, Window
from napari_unet.core.unet import UNet

_PAYS = 20 << 20  # px that tiles of one size read, for each thread, from which it is tried
_SIZES = 2  # of tiles that it is tried for; others, as those at the edges, are few
_WORTH_IT = 1.1  # it must be this much faster to be used
_REPEATS = 3

_log = logging.getLogger(__name__)
_Size: TypeAlias = tuple[int, ...]


class Accelerated(Predictor):
    """A predictor whose tiles OpenVINO predicts where that is faster and keeps the labels.

    Parameters
    ----------
    net : UNet
        Of planes. Copied and folded; later changes of it are not seen.
    device : Device
        The CPU.
    """

    def __init__(self, net: UNet, device: Device) -> None:
        super().__init__(net, device)
        self._plain = net.folded()
        self._asked: Counter[_Size] = Counter()  # how often, by what tiles read
        self._compiled: dict[_Size, Forward | None] = {}  # None: PyTorch is to do it

    def set_head(self, weight: Tensor, bias: Tensor) -> None:
        """As for any predictor; what is compiled has the last layer in it, and is dropped."""
        super().set_head(weight, bias)
        plain = self._plain.folded()
        plain.set_last_layer(weight, bias)
        self._plain, self._compiled = plain, {}

    def mean(
        self, picture: Picture, todo: Sequence[Tile], *, mirrored: bool
    ) -> Iterator[tuple[Tile, Tensor]]:
        """As for any predictor; may take some seconds to get ready."""
        views = len(self.orientations) if mirrored else 1
        examples = {_size(tile.read): tile for tile in todo}
        self._asked.update(_size(tile.read) for tile in todo for _ in range(views))
        for size, tile in examples.items():
            if self._pays(size):
                self._compiled[size] = self._tried(tile)
        return super().mean(picture, todo, mirrored=mirrored)

    def shares(self, images: Tensor) -> Tensor:
        """Class probabilities (K, *output) float32 of a standardised image (1, C, *input)."""
        size = tuple(images.shape[2:])
        if (network := self._compiled.get(size)) is not None:
            try:
                return network(images)[0].softmax(0)
            except Exception as error:  # noqa: BLE001 - whatever it raises, PyTorch can do it
                _log.warning("OpenVINO failed (%s): PyTorch goes on", error)
                self._compiled[size] = None
        return super().shares(images)

    def _pays(self, size: _Size) -> bool:
        """Whether it is to be tried for tiles that read so much."""
        if size in self._compiled or len(self._compiled) >= _SIZES:
            return False
        return self._asked[size] * self.pictures * prod(size) >= _PAYS * self.device.threads

    def _tried(self, tile: Tile) -> Forward | None:
        """The network compiled for such tiles; None where PyTorch does as well."""
        size, picture = _size(tile.read), made_up(self._plain.in_channels, _size(tile.write))
        other = self.snapshot()
        try:
            (own,) = self.tiles(picture)
            images = torch.from_numpy(picture.read(own.read))[None]
            network = Compiled(self._plain, size, self.device)
            times = _times_as_fast(network, self.shares, images)
            other._compiled = {size: network}  # noqa: SLF001 - of the same class
            exact = Predictor(self._plain, replace(self.device, precision=torch.float32))
            share = agreement(other, exact, picture)
        except Exception as error:  # noqa: BLE001 - whatever it raises, PyTorch can do it
            _log.warning("OpenVINO cannot be used (%s): PyTorch predicts", error)
            return None
        good = share >= AGREEMENT and times >= _WORTH_IT
        _log.info(
            "OpenVINO predicts tiles of %s px %.2f times as fast and keeps %.3f %% of the labels: "
            "%s is used",
            " × ".join(map(str, size)), times, 100 * share, "it" if good else "PyTorch",
        )  # fmt: skip
        return network if good else None


def _size(window: Window) -> _Size:
    return tuple(part.stop - part.start for part in window)


def _times_as_fast(one: Forward, other: Forward, images: Tensor) -> float:
    """How many times as fast one is as the other, each at its best of some turns."""
    spent = [[_seconds(each, images) for each in (one, other)] for _ in range(_REPEATS)]
    first, second = np.min(spent, axis=0)
    return float(second / first)


def _seconds(forward: Forward, images: Tensor) -> float:
    began = time.perf_counter()
    forward(images)
    return time.perf_counter() - began
