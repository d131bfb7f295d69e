"""An image with large planes on its way: where its blocks lie, and what was measured of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from napari_unet.core.image import Normalisation
from napari_unet.core.stack import Index
from napari_unet.core.tiling import Window
from napari_unet.engine.batch.ledger import Stamp
from napari_unet.engine.batch.plan import Job

_TILES = 4  # of a block, along each axis


@dataclass(frozen=True)
class Block:
    """A window of one plane."""

    index: Index
    window: Window


@dataclass(frozen=True)
class Large:
    """An image on its way.

    Attributes
    ----------
    scratch : the zarr
    shape : (…, Y, X) of the image
    greys : how each plane is normalised
    step : how far apart tiles begin, px
    """

    job: Job
    scratch: Path
    shape: tuple[int, ...]
    stamp: Stamp
    greys: tuple[Normalisation, ...]
    step: int

    @property
    def blocks(self) -> list[Block]:
        """All blocks; they partition the planes."""
        side = self.step * _TILES
        sides = [
            [slice(start, min(start + side, n)) for start in range(0, n, side)]
            for n in self.shape[-2:]
        ]
        return [Block(i, w) for i in np.ndindex(self.shape[:-2]) for w in product(*sides)]

    def discard(self) -> None:
        """Delete the zarr."""
        shutil.rmtree(self.scratch, ignore_errors=True)
