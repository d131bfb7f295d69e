"""Planes, and what a predictor makes of them from its tiles."""

from __future__ import annotations

import numpy as np
import torch

from napari_unet.core.image import Picture


def picture_of(shape, channels=1, seed=0):
    return Picture.of(np.random.default_rng(seed).normal(50, 10, (channels, *shape)))


def stitched(predictor, picture, output):
    """Features of a plane, from its tiles."""
    whole = torch.full((len(predictor.weight[0]), *picture.shape), torch.nan)
    for tile in predictor.tiles(picture, output):
        whole[(slice(None), *tile.write)] = predictor.features("a", picture, tile).float()
    return whole
