"""Tiles and batches that fit into the memory that is free, chosen before it runs out.

A CPU does not say that memory has run out: the system ends the program. What a pass needs is
estimated; `benchmarks/memory.py` measures how well.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from napari_unet.core.device import Device
from napari_unet.core.tiling import Grid
from napari_unet.core.unet import UNet

_SHARE = 0.5  # of what is free
_READ, _WRITTEN = 4, 3  # values a pixel: times the width, times the features of the last layer
_KEPT = 15  # values a pixel that training keeps for the way back, times the width
_log = logging.getLogger(__name__)


def side_that_fits(
    net: UNet, features: int, grids: Sequence[Grid], device: Device, most: int
) -> int:
    """Pixels along rows and columns that a tile may decide: `most`, or that halved until it fits.

    Parameters
    ----------
    net : UNet
    features : int
        That its last layer sees.
    grids : of each axis; a tile of a volume has one slice.
    device : Device
        Has the memory.
    most : int
    """
    room, side = room_of(device), most
    while _tile(net, features, grids, device, side) > room and side > grids[-1].stride:
        side //= 2
    if side < most:
        _log.info("%d MB of free memory: tiles of %d px", room >> 20, side)
    return side


def voxels_that_fit(net: UNet, device: Device, most: int) -> int:
    """Voxels that a block of a volume may read: `most`, or fewer."""
    return min(most, room_of(device) // (_READ * net.width * device.precision.itemsize))


def training_fits(net: UNet, device: Device, pixels: int) -> bool:
    """Whether a training step on so many pixels fits, those of the context included."""
    return _KEPT * net.width * device.precision.itemsize * pixels <= room_of(device)


def room_of(device: Device) -> int:
    """Bytes that one pass may take."""
    return int(_SHARE * device.free)


def _tile(net: UNet, features: int, grids: Sequence[Grid], device: Device, side: int) -> int:
    """Bytes that a pass over one tile needs, about."""
    lengths = (1,) * (len(grids) - 2) + (side, side)
    read = math.prod(grid.input(n) for grid, n in zip(grids, lengths, strict=True))
    values = _READ * net.width * read / net.shrink**2 + _WRITTEN * features * side**2
    return int(values * device.precision.itemsize)
