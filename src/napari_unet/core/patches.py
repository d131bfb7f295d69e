"""Batches of training patches, drawn so that their output windows hold paint of every class."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.annotations import MAX_CLASSES
from napari_unet.core.device import Device
from napari_unet.core.fitting import training_fits
from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.presets import PRESETS
from napari_unet.core.sampling import place, read_image, read_labels, vary_grey
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet
from napari_unet.core.weighting import Borders, pixel_weights

_log = logging.getLogger(__name__)
_OFF_CENTRE = 0.4  # how far from a patch's middle its painted pixel may lie, in patch sides
_AFIELD = 1.2


@dataclass(frozen=True)
class Batch:
    """images (N, C, H, W) float32; labels (N, h, w) int64, 0 unlabelled; weights (N, h, w).

    `windows` says where the labels lie: N pairs of a plane's name and (h, w, 2) points in px. Those
    of a volume have an axis of slices more: (N, C, D, H, W), (N, 1, h, w) and (1, h, w, 3).
    """

    images: Tensor
    labels: Tensor
    weights: Tensor
    windows: tuple[tuple[str, Tensor], ...]


class Patches:
    """Draws patches around the paint of several planes.

    Parameters
    ----------
    pictures : the planes, by name
    splits : their paint
    settings : Settings
    net : what they are for: it says what sizes it accepts, and how much it shrinks them first
    """

    def __init__(
        self,
        pictures: Mapping[str, Picture],
        splits: Mapping[str, Split],
        settings: Settings,
        net: UNet,
    ) -> None:
        self._augmentation, self._margin = settings.augmentation, net.margin
        self._shrink = net.shrink
        self._across = net.grids[0].margin if net.axes == 3 else 0
        training = PRESETS[settings.network.preset].adapted(settings.training)
        self._batch, self._side = training.batch, net.grid.cover(training.patch * net.shrink)
        self._reaches = (_OFF_CENTRE, _AFIELD if training.agreement > 0 else _OFF_CENTRE)
        painted = {name: part.trained for name, part in splits.items() if part.trained.any()}
        counts = sum(np.bincount(p.ravel(), minlength=MAX_CLASSES + 1) for p in painted.values())
        counts = np.asarray(counts, np.int64)
        counts[0] = 0
        borders = Borders.of(training)
        self._planes = []
        centres: dict[int, list[NDArray[np.int64]]] = {int(k): [] for k in np.flatnonzero(counts)}
        for index, (name, paint) in enumerate(painted.items()):
            # what is held out is not trained on, but its objects are there
            weights = pixel_weights(splits[name].paint, borders, counts)
            self._planes.append(
                (name, pictures[name], torch.from_numpy(paint), torch.from_numpy(weights))
            )
            for number, found in centres.items():
                points = np.argwhere(paint == number)
                found.append(np.insert(points, 0, index, axis=1))
        self._dense = {i for i, plane in enumerate(self._planes) if bool(plane[2].all())}
        self._centres = {k: torch.from_numpy(np.concatenate(v)) for k, v in centres.items()}

    def fit(self, net: UNet, device: Device) -> None:
        """Draw fewer patches at a time where training on them would not fit into memory."""
        while not training_fits(net, device, self._pixels) and self.lighten():
            _log.info("little free memory: %d patches a step", self._batch)

    @property
    def _pixels(self) -> int:
        """Pixels of a batch that the network works on, those of the context included."""
        size = (self._side + 2 * self._margin) / self._shrink
        return int(self._batch * size**2 * (1 + 2 * self._across))

    def lighten(self) -> bool:
        """Draw half as many patches from now on, for want of memory; False if there is only one."""
        lighter = self._batch > 1
        self._batch = max(1, self._batch // 2)
        return lighter

    def draw(self, generator: torch.Generator, device: Device) -> Batch:
        """A batch of varied patches; each is centred near paint, classes in turn at random."""
        drawn = [self._one(generator) for _ in range(self._batch)]
        parts, windows = zip(*drawn, strict=True)
        images, labels, weights = (torch.stack(part) for part in zip(*parts, strict=True))
        images = vary_grey(images.to(device.name), self._augmentation, generator)
        return Batch(
            device.tensor(images), labels.to(device.name), weights.to(device.name), windows
        )

    def _inside(self, centre: tuple[float, float], shape: tuple[int, ...]) -> tuple[float, float]:
        """Move a patch so that no pixel of a wholly painted plane is wasted for ones outside it."""
        y, x = (
            min(max(c, (min(self._side, n) - 1) / 2), n - 1 - (min(self._side, n) - 1) / 2)
            for c, n in zip(centre, shape, strict=True)
        )
        return y, x

    def _one(
        self, generator: torch.Generator
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[str, Tensor]]:
        size = self._side + 2 * self._margin
        numbers = list(self._centres)

        def draw(most: int) -> int:
            return int(torch.randint(most, (), generator=generator, device=generator.device))

        candidates = self._centres[numbers[draw(len(numbers))]]
        index, *z, y, x = candidates[draw(len(candidates))].tolist()
        # every other patch looks further afield, for the agreement on what is not painted
        reach = self._reaches[draw(2)] * self._side
        shift = (torch.rand(2, generator=generator, device=generator.device) * 2 - 1) * reach
        centre = (y + float(shift[0]), x + float(shift[1]))
        name, picture, paint, weights = self._planes[index]
        if index in self._dense:
            centre = self._inside(centre, picture.shape[-2:])
        patch = place(centre, size, self._augmentation, generator)
        window = patch.window(self._margin).cpu()
        if z:
            window = in_slice(window, z[0])
        labels, weight = read_labels(paint, window).long(), read_labels(weights, window)
        if not z:
            return (read_picture(picture, patch.points), labels, weight), (name, window)
        image = read_slab(picture, patch.points, z[0], self._across)
        upside_down = self._augmentation.flip and draw(2) == 1
        return (image.flip(1) if upside_down else image, labels, weight), (name, window)


def in_slice(points: Tensor, z: int) -> Tensor:
    """Points (H, W, 2) of a slice as those of its volume: (1, H, W, 3)."""
    return torch.cat([torch.full_like(points[..., :1], z), points], -1)[None]


def read_slab(picture: Picture, points: Tensor, z: int, across: int) -> Tensor:
    """Interpolate a slice of a volume and `across` slices on each side: (C, D, H, W).

    All are read at the same (H, W, 2) points, as strokes lie in slices and these may be far apart.
    """
    read = slice(z - across, z + across + 1)
    slab = read_picture(picture, points, (read,))
    return slab.view(picture.channels, -1, *slab.shape[1:])


def read_picture(picture: Picture, points: Tensor, slices: tuple[slice, ...] = ()) -> Tensor:
    """Interpolate a picture at (H, W, 2) points in px, reading only the box around them.

    Of a volume, some `slices`: all of the first channel, then of the next.
    """
    low = points.amin((0, 1)).floor().int().tolist()
    high = points.amax((0, 1)).ceil().int().tolist()
    box = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
    image = torch.from_numpy(picture.read((*slices, *box))).to(points.device)
    image = image.flatten(0, -3)
    return read_image(image, points - torch.tensor(low, device=points.device))
