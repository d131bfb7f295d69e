"""Whether a network gives the same labels in the precision that is fastest here."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor
from napari_unet.core.unet import UNet

AGREEMENT = 0.999  # share of pixels that must keep their label
_SIDE = 256  # px
_SLICES = 3
_DETAILS = (0.7, 2.0, 6.0, 18.0)  # px; sizes of what is in the image that is compared on
_log = logging.getLogger(__name__)


def predictor_for(net: UNet, device: Device) -> Predictor:
    """The network ready to predict; in float32 where a faster precision would change labels.

    That is looked for only where the settings leave the precision open, on an image that is made
    up of details of all sizes, so that the choice is the same for all images of a batch and all
    workers of a cluster.
    """
    fast = Predictor(net, device)
    if device.pinned or device.precision == torch.float32:
        return fast
    exact = Predictor(net, replace(device, precision=torch.float32))
    share = _agreement(fast, exact, _made_up(net.in_channels, slices=net.axes == 3))
    _log.info("%s keeps %.3f %% of the labels", device.said, 100 * share)
    if share >= AGREEMENT:
        return fast
    _log.warning("%s would change labels: float32 is used", device.said)
    return exact


def _agreement(one: Predictor, other: Predictor, picture: Picture) -> float:
    """Share of the pixels that get the same label from both."""
    first, second = (_labels(each, picture) for each in (one, other))
    return float((first == second).mean())


def _labels(predictor: Predictor, picture: Picture) -> NDArray[np.uint8]:
    labels = np.zeros(picture.shape, np.uint8)
    for tile, found in predictor.segment(picture, mirrored=False):
        labels[tile.write] = found
    return labels


def _made_up(channels: int, *, slices: bool) -> Picture:
    """An image with details of all sizes, or a volume of a few slices that are like it."""
    random = np.random.default_rng(0)
    noise = (random.normal(size=(channels, _SIDE, _SIDE)) for _ in _DETAILS)
    image = sum(
        size * gaussian_filter(layer, (0, size, size), mode="mirror")
        for size, layer in zip(_DETAILS, noise, strict=True)
    )
    plane = np.asarray(image, np.float32)
    return Picture.of(np.repeat(plane[:, None], _SLICES, axis=1) if slices else plane)
