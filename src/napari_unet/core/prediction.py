"""Prediction tile by tile with a folded network, its features cached.

The network is split where the first answer needs it: *features* (all but the last layer) and
*head* (the 1×1 convolution). While only the head changes, cached features make a new prediction
of a plane cost milliseconds.
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.device import Device
from napari_unet.core.fitting import side_that_fits, voxels_that_fit
from napari_unet.core.image import Picture
from napari_unet.core.orientations import MIRRORS, SEVEN, Orientation
from napari_unet.core.tilewise import predict
from napari_unet.core.tiling import Tile, Window, per_axis, tiles
from napari_unet.core.unet import UNet

OUTPUT = 516  # px per side that a tile decides at most (a 700 px input for depth 4) …
_BLOCK = 388  # … the same for a block of a volume …
_VOXELS = 6 << 20  # … and the voxels it may read: about 1.2 GB for the compact network in float32
_CACHE_BYTES = 512 << 20

_Key = tuple[str | tuple[int, int], ...]  # a plane's name and a tile's write window


class Predictor:
    """One set of weights, ready to predict: labels, probabilities and features of tiles.

    Parameters
    ----------
    net : UNet
        Copied and folded; later changes of it are not seen.
    device : Device

    Attributes
    ----------
    orientations : what the mean is taken over when it is asked for: the four mirror images, or
        the paper's seven for the paper's network.
    """

    pictures = 1  # like the next one, that are to come as far as is known

    def __init__(self, net: UNet, device: Device) -> None:
        self.device = device
        self.orientations: Sequence[Orientation] = SEVEN if net.original else MIRRORS
        folded = net.folded()
        self.grid, self.grids = folded.grid, folded.grids
        self.weight, self.bias = (part.float().to(device.name) for part in folded.last_layer())
        self._net = device.put(folded.to(device.precision))
        self._most = side_that_fits(folded, self.weight.shape[1], self.grids, device, OUTPUT)
        self._voxels = voxels_that_fit(folded, device, _VOXELS)
        self._cache: OrderedDict[_Key, Tensor] = OrderedDict()
        self._cached_bytes = 0

    def set_head(self, weight: Tensor, bias: Tensor) -> None:
        """Replace the last layer: weight (K, D), bias (K,). Cached features stay valid."""
        self.weight, self.bias = weight.to(self.device.name), bias.to(self.device.name)

    def snapshot(self) -> Self:
        """The same weights with a cache of their own; a later `set_head` here changes nothing."""
        other = copy.copy(self)
        other._cache, other._cached_bytes = OrderedDict(), 0  # noqa: SLF001
        return other

    def segment(
        self, picture: Picture, *, mirrored: bool
    ) -> Iterator[tuple[Tile, NDArray[np.uint8]]]:
        """Classes 1…K of a whole plane, tile by tile, without the cache.

        Parameters
        ----------
        picture : Picture
        mirrored : bool
            Take the mean probability over `orientations` of each tile: so many times the work.
            Tiles begin and end on the pooling grid, so this makes no seams.
        """
        for tile, found in self.mean(picture, self.blocks(picture), mirrored=mirrored):
            yield tile, most_probable(found)

    def mean(
        self, picture: Picture, todo: Sequence[Tile], *, mirrored: bool
    ) -> Iterator[tuple[Tile, Tensor]]:
        """Class probabilities (K, h, w) float32 of tiles; parameters as in `segment`."""
        views = self.orientations if mirrored else (Orientation(),)

        def mean(images: Tensor) -> Tensor:
            found = [v.undo(self.shares(v.turn(images))) for v in views]
            return torch.stack(found).mean(0, keepdim=True)

        return predict(mean, picture, todo, self.grids)

    def shares(self, images: Tensor) -> Tensor:
        """Class probabilities (K, *output) float32 of a standardised image (1, C, *input)."""
        return self.probabilities(self.forward(images)[0])

    def tiles(
        self, picture: Picture, output: int = OUTPUT, within: Window | None = None
    ) -> list[Tile]:
        """The tiles of a plane, or those that write into a window of it.

        Those of a volume have one slice each: people paint and look at single ones.
        """
        side = min(output, self._most)
        outputs = (1,) * (len(picture.shape) - 2) + (side, side)
        return tiles(picture.shape, outputs, self.grids, within)

    def blocks(self, picture: Picture, within: Window | None = None) -> list[Tile]:
        """Tiles to segment a picture with: of a volume as thick as memory lets them be.

        `within`: those that write into this window.
        """
        if len(picture.shape) == 2:
            return self.tiles(picture, within=within)
        slices, *sides = self.grids
        side = min(_BLOCK, self._most)
        area = math.prod(
            grid.input(min(n, side)) for grid, n in zip(sides, picture.shape[1:], strict=True)
        )
        thick = max(1, self._voxels // area - 2 * slices.margin)
        return tiles(picture.shape, (thick, side, side), self.grids, within)

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, D, *output) of standardised images (N, C, *input)."""
        with torch.inference_mode():
            return self._net.features(self.device.tensor(images.to(self.device.precision)))

    def features(self, name: str, picture: Picture, tile: Tile) -> Tensor:
        """Features (D, h, w) of a tile of the plane `name`, from the cache where it has them.

        It may be of another network: what has learnt from the slices around must see more of them.
        """
        key: _Key = (name, *((w.start, w.stop) for w in tile.write))
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        found = torch.empty(
            (len(self.weight[0]), *(w.stop - w.start for w in tile.write)),
            dtype=self.device.precision,
            device=self.device.name,
        )
        own = tile.read_by(per_axis(self.grids, len(tile.write)))
        for part, values in predict(self.forward, picture, [own], self.grids):
            found[(slice(None), *part.within(tile))] = values
        self._remember(key, found)
        return found

    def forget(self, name: str) -> None:
        """Drop the cached features of a plane."""
        for key in [k for k in self._cache if k[0] == name]:
            self._cached_bytes -= self._cache.pop(key).nbytes

    def probabilities(self, features: Tensor) -> Tensor:
        """Softmax of the head's logits: (K, ...) float32 from features (D, ...)."""
        with torch.inference_mode():
            return logits(features, self.weight, self.bias).softmax(0)

    def labels(self, features: Tensor) -> NDArray[np.uint8]:
        """The most probable class 1…K of each pixel: (...) uint8 from features (D, ...)."""
        with torch.inference_mode():
            return most_probable(logits(features, self.weight, self.bias))

    def _remember(self, key: _Key, features: Tensor) -> None:
        self._cache[key] = features
        self._cached_bytes += features.nbytes
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes


def logits(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The head alone, in float32: (K, ...) from features (D, ...)."""
    flat = features.flatten(1).float()
    return torch.addmm(bias[:, None], weight, flat).view(-1, *features.shape[1:])


def most_probable(values: Tensor) -> NDArray[np.uint8]:
    """The class 1…K with the largest of some values (K, ...), the first of several: (...) uint8."""
    best = values.max(0).indices + 1  # `argmax` takes 40 times as long along the first axis
    labels: NDArray[np.uint8] = best.to(torch.uint8).cpu().numpy()
    return labels


def how_certain(shares: Tensor) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """`most_probable` and `certainty` at once: only two bytes a pixel leave the device."""
    best = shares.float().max(0)
    sure = (255 * best.values.clamp(0, 1)).round()
    labels, certain = (v.to(torch.uint8).cpu().numpy() for v in (best.indices + 1, sure))
    return labels, certain
