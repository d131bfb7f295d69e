"""The network that predicts what the user sees, until a better one takes its place."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.device import Device
from napari_unet.core.head import NEVER
from napari_unet.core.prediction import Predictor
from napari_unet.core.unet import UNet


class Shown:
    """A network of its own and what predicts with it.

    Parameters
    ----------
    net : UNet
        It is copied.
    device : Device

    Attributes
    ----------
    net : UNet
    predictor : Predictor
    """

    def __init__(self, net: UNet, device: Device) -> None:
        self._device = device
        self.replace(net)

    def replace(self, net: UNet, predictor: Predictor | None = None) -> None:
        """Let a copy of a network predict; with a predictor of it, if there is one."""
        self.net = copy.deepcopy(net)
        self.predictor = predictor or Predictor(self.net, self._device)

    def set_head(self, weight: Tensor, bias: Tensor) -> None:
        """Show another last layer: weight (K, D), bias (K,)."""
        self.predictor.set_head(weight, bias)
        self.net.set_last_layer(weight, bias)

    def knows_more(self, counts: NDArray[np.int64]) -> bool:
        """Whether it knows a class without painted pixels (it came from a model).

        Parameters
        ----------
        counts : (256,) int64
            Painted pixels of each class.
        """
        unpainted = torch.from_numpy(counts[1 : self.net.classes + 1] == 0)
        return bool((self.predictor.bias.cpu()[unpainted] > NEVER / 2).any())
