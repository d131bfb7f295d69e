"""The working scale: the size of the image at which the network does better on the strokes.

Large or noisy objects are easier to tell from afar. Both scales share their weights; batch norm
is measured on the picture at each.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from napari_unet.core.adaptation import adapted
from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor
from napari_unet.core.unet import UNet

SHRINKS: dict[Literal["auto", "full", "half"], tuple[int, ...]] = {
    "auto": (1, 2),
    "full": (1,),
    "half": (2,),
}
_CLEARLY = 0.97  # of the error in use, below which another scale is better by more than chance


@dataclass(frozen=True)
class Rival:
    """A network at one working scale, and what predicts with it."""

    net: UNet
    predictor: Predictor


def rivals(base: UNet, shrinks: Sequence[int], picture: Picture, device: Device) -> list[Rival]:
    """The network at each working scale, its batch norm measured on a picture."""
    found = []
    for shrink in shrinks:
        net = copy.deepcopy(base)
        net.shrink = shrink
        net = adapted(net, picture, device)
        found.append(Rival(net, Predictor(net, device)))
    return found


def better(errors: Sequence[float], current: int) -> int:
    """Which of several scales to work at: another one only if it is clearly better."""
    best = min(range(len(errors)), key=errors.__getitem__)
    return best if errors[best] < _CLEARLY * errors[current] else current
