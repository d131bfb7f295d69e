"""How a plane is normalised that is too large to be read whole: by blocks all over it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from napari_unet.core.image import Normalisation, measure, spread

# Blocks along each axis and px to their sides; the next where all px of a channel are alike
_ROUNDS = ((8, 128), (16, 128), (32, 64), (64, 32))


def measure_sample(plane: Any) -> Normalisation:  # noqa: ANN401
    """As `measure`, from blocks all over a plane (C, Y, X) that is too large to be read whole.

    Of a volume (C, Z, Y, X), from blocks of some of its slices. Where a channel looks empty, on a
    slide with little on it, blocks closer together are read.
    """
    sample = np.zeros((1, 1))
    for count, side in _ROUNDS:
        *slices, height, width = plane.shape[1:]
        across = [spread(length, _ROUNDS[0][0], 1) for length in slices]
        windows = product(*across, spread(height, count, side), spread(width, count, side))
        blocks = [np.asarray(plane[(slice(None), *window)]) for window in windows]
        sample = np.concatenate([block.reshape(len(block), -1) for block in blocks], 1)
        if (sample.max(1) > sample.min(1)).all():
            break
    return measure(sample[:, None])
