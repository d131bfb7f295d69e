"""Batch norm measured on the user's own image, once, before anything is learnt from paint.

Statistics from pre-training are those of other microscopes. The bundled network was pre-trained
with the statistics of one kind of image at a time, so it expects them (adaptive batch norm,
Li et al. 2017, arXiv 1603.04779); from here on they stay frozen, and prediction folds them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.tiling import Grid, Window
from napari_unet.core.unet import UNet

_OUTPUT = 260  # px per side of a window's output
_MOST = 2  # windows along an axis
_OF_SLICE = 100  # px per side of a window's output in a volume, where windows are thick


def adapted(net: UNet, picture: Picture, device: Device) -> UNet:
    """A copy whose batch norm holds the statistics of a few windows of a picture.

    Parameters
    ----------
    net : UNet
    picture : Picture
    device : Device

    Returns
    -------
    UNet
        On the same device as `net`, in evaluation mode.
    """
    measured = copy.deepcopy(net)
    measured.flatten()
    measured = device.put(measured).eval()
    for module in measured.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            module.reset_running_stats()
            module.momentum = None  # the plain mean
            module.train()
    with torch.no_grad(), device.precise():
        measured.features(device.tensor(_sample(picture, measured.grids)))
    found = copy.deepcopy(net)
    found.load_state_dict(dict(measured.named_buffers()), strict=False)
    found.adapted = True
    return found.eval()


def _sample(picture: Picture, grids: Sequence[Grid]) -> Tensor:
    """Windows spread over the picture, all of one size: (N, C, *input).

    Of a volume, four slices spread from the first to the last, at least.
    """
    picture = picture.column  # a single slice may be brighter than all others
    *slices, height, width = picture.shape
    side = _OF_SLICE if slices and grids[0].margin else _OUTPUT
    axes = [_windows(height, grids[-2], side), _windows(width, grids[-1], side)]
    windows = list(product(*axes))
    if slices:
        windows = windows * (4 // len(windows))
        last, margin = slices[0] - 1, grids[0].margin
        starts = np.linspace(0, last, len(windows)).round().astype(int)
        windows = [
            (slice(z - margin, z + margin + 1), *w) for z, w in zip(starts, windows, strict=True)
        ]
    return torch.stack([torch.from_numpy(picture.read(window)) for window in windows])


def _windows(length: int, grid: Grid, side: int) -> Window:
    size = grid.input(min(length, side))
    output = size - 2 * grid.margin
    number = min(_MOST, max(1, length // output))
    free = max(0, length - output)
    starts = [free // 2] if number == 1 else [0, free]
    return tuple(slice(s - grid.margin, s - grid.margin + size) for s in starts)
