"""From planes to classes: what a batch needs of a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.device import choose
from napari_unet.core.header import check_channels, check_kind
from napari_unet.core.image import Picture
from napari_unet.core.model import Model
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Compute
from napari_unet.core.tiling import Window

# A tile: where it lies, its classes (h, w) uint8 and, if asked for, probabilities (K, h, w) float32
Piece: TypeAlias = tuple[Window, NDArray[np.uint8], NDArray[np.float32] | None]


class Segmenter(Protocol):
    """What segments planes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes 1…K."""
        ...

    @property
    def identity(self) -> bytes:
        """Changes when the results do."""
        ...

    def pieces(self, plane: NDArray[Any], *, probabilities: bool) -> Iterator[Piece]:
        """Segment a plane (C, Y, X), tile by tile. Raises `ImageError`, `MemoryError`."""
        ...


@dataclass(frozen=True)
class ModelSegmenter:
    """A model, and where it computes.

    Attributes
    ----------
    data : the model file's bytes
    compute : Compute
    spare : CPU cores left to others where `compute` does not fix the threads
    """

    data: bytes
    compute: Compute = field(default_factory=Compute)
    spare: int = 0

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes 1…K."""
        header = self._model.header
        return header.classes or tuple(f"class {n + 1}" for n in range(header.shape.classes))

    @property
    def identity(self) -> bytes:
        """The model and the settings that decide what it says."""
        return f"{self.compute.mirrors} {self.compute.precision} ".encode() + self.data

    @property
    def axes(self) -> int:
        """2 for a model of planes, 3 for one of volumes."""
        return self._model.header.shape.axes

    def pieces(self, plane: NDArray[Any], *, probabilities: bool) -> Iterator[Piece]:
        """Segment a plane (C, Y, X) or, with a model of volumes, (C, Z, Y, X), tile by tile.

        Raises
        ------
        ImageError
            If it has other channels or axes than the model was trained on, or cannot be used.
        MemoryError
            If not even the smallest tile fits.
        """
        shape = self._model.header.shape
        check_channels(shape.in_channels, len(plane))
        picture, predictor = Picture.of(plane), self._predictor
        check_kind(shape.axes, picture)
        found = predictor.mean(picture, predictor.blocks(picture), mirrored=self.compute.mirrors)
        for tile, shares in found:
            classes = (shares.argmax(0) + 1).to(torch.uint8).cpu().numpy()
            yield tile.write, classes, shares.float().cpu().numpy() if probabilities else None

    @cached_property
    def _model(self) -> Model:
        return Model.from_bytes(self.data)

    @cached_property
    def _predictor(self) -> Predictor:
        return self._model.predictor(choose(self.compute, spare=self.spare))


def axes_of(segmenter: Segmenter) -> int:
    """3 for a model of volumes, 2 for all else."""
    return segmenter.axes if isinstance(segmenter, ModelSegmenter) else 2
