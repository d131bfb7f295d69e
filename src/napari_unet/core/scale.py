"""The working scale: the size of the image at which the network does better on the strokes.

Large or noisy objects are easier to tell from afar. Both scales share their weights; batch norm
is measured on the picture at each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from napari_unet.core.adaptation import adapted
from napari_unet.core.answering import Painted, gather
from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.material import Material
from napari_unet.core.prediction import Predictor
from napari_unet.core.unet import UNet

SHRINKS: dict[Literal["auto", "full", "half"], tuple[int, ...]] = {
    "auto": (1, 2),
    "full": (1,),
    "half": (2,),
}
_FEWEST = 3  # strokes of each class; fewer say too little of what other strokes would be like
_CLEARLY = 0.97  # of the error in use, below which another scale is better by more than chance


@dataclass(frozen=True)
class Rival:
    """A network at one working scale, and what predicts with it."""

    net: UNet
    predictor: Predictor


class Rivals:
    """The working scales that are still open, until fine-tuning settles it.

    Parameters
    ----------
    source : UNet
        What is adapted to the user's images.
    scale : "auto", "full" or "half"
    device : Device

    Attributes
    ----------
    measured : name of the plane that batch norm was measured on; None before.
    """

    def __init__(
        self, source: UNet, scale: Literal["auto", "full", "half"], device: Device
    ) -> None:
        self._source, self._shrinks, self._device = source, SHRINKS[scale], device
        self._all: list[Rival] = []
        self._current = 0
        self.measured: str | None = None

    def measure(self, name: str, picture: Picture) -> Rival:
        """Measure batch norm on a plane, at each scale; returns what to begin with."""
        self._all = [self._at(shrink, picture) for shrink in self._shrinks]
        self._current, self.measured = 0, name
        return self._all[0]

    def choose(self, look_up: Callable[[Predictor], Painted]) -> tuple[Rival, Painted]:
        """The scale that does best on strokes it has not seen, and its features of the paint."""
        found = [look_up(rival.predictor) for rival in self._all]
        if len(found) > 1 and found[0].strokes >= _FEWEST:
            self._current = better([painted.surprise for painted in found], self._current)
        return self._all[self._current], found[self._current]

    def look_up(
        self, material: Material, generator: torch.Generator, *, begun: bool
    ) -> tuple[Rival, Painted]:
        """Look up the paint's features at each scale, and choose: see `choose`.

        Unless training has `begun`, batch norm is measured on a plane that is painted.
        """
        marked = [n for n, part in material.splits.items() if part.counts.any() and not part.aside]
        if not begun and self.measured not in marked:
            self.measure(marked[0], material.pictures[marked[0]])
        return self.choose(
            lambda predictor: gather(predictor, material.pictures, material.splits, generator)
        )

    def forget(self, name: str) -> None:
        """Drop the cached features of a plane."""
        for rival in self._all:
            rival.predictor.forget(name)

    def _at(self, shrink: int, picture: Picture) -> Rival:
        net = copy.deepcopy(self._source)
        net.shrink = shrink
        net = adapted(net, picture, self._device)
        return Rival(net, Predictor(net, self._device))


def better(errors: Sequence[float], current: int) -> int:
    """Which of several scales to work at: another one only if it is clearly better."""
    best = min(range(len(errors)), key=errors.__getitem__)
    return best if errors[best] < _CLEARLY * errors[current] else current
