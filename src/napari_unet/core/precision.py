"""Whether a network gives the same labels in the precision that is fastest here."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch

from napari_unet.core.accelerated import Accelerated
from napari_unet.core.comparing import AGREEMENT, agreement, made_up
from napari_unet.core.compiled import available
from napari_unet.core.device import Device
from napari_unet.core.prediction import Predictor
from napari_unet.core.unet import UNet

_SIDE = 256  # px
_SLICES = 3
_log = logging.getLogger(__name__)


def predictor_for(net: UNet, device: Device) -> Predictor:
    """The network ready to predict; in float32 where a faster precision would change labels.

    That is looked for only where the settings leave the precision open, on an image that is made
    up, so that the choice is the same for all images of a batch and all workers of a cluster.
    Where the settings allow another library, and it is there, it is left to try it.
    """
    other = device.accelerate and net.axes == 2 and available()
    kind: type[Predictor] = Accelerated if other else Predictor
    fast = kind(net, device)
    if device.pinned or device.precision == torch.float32:
        return fast
    exact = kind(net, replace(device, precision=torch.float32))
    slices = (_SLICES,) if net.axes == 3 else ()
    share = agreement(fast, exact, made_up(net.in_channels, (*slices, _SIDE, _SIDE)))
    _log.info("%s keeps %.3f %% of the labels", device.said, 100 * share)
    if share >= AGREEMENT:
        return fast
    _log.warning("%s would change labels: float32 is used", device.said)
    return exact
