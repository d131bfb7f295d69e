"""From planes to classes: what a batch needs of a model."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from napari_unet.core.device import Device, choose
from napari_unet.core.front import read_front
from napari_unet.core.image import Normalisation, Picture
from napari_unet.core.model import Model
from napari_unet.core.prediction import OUTPUT, Predictor, most_probable
from napari_unet.core.settings import Compute
from napari_unet.core.suitable import check_channels, check_kind
from napari_unet.core.tiling import Window
from napari_unet.engine.batch.ahead import reading_ahead

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
    pictures : how many there are to segment, as far as is known
    """

    data: bytes
    compute: Compute = field(default_factory=Compute)
    spare: int = 0
    pictures: int = 1

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes 1…K."""
        header = self._model.header
        return header.classes or tuple(f"class {n + 1}" for n in range(header.shape.classes))

    @cached_property
    def identity(self) -> bytes:
        """What decides what it says: weights, classes, settings; not when and of what it was made.

        A window makes the model's file anew for each batch, with another date in it.
        """
        front = read_front(io.BytesIO(self.data))
        compute, header = self.compute, front.header
        told = (
            compute.mirrors, compute.precision, compute.accelerate, header.shape, header.classes,
            front.tensors,
        )  # fmt: skip
        digest = hashlib.sha256(msgspec.json.encode(told, order="sorted"))
        digest.update(memoryview(self.data)[front.length :])
        return digest.digest()

    @property
    def device(self) -> Device:
        """Where it computes, and in which precision."""
        return self._predictor.device

    @property
    def step(self) -> int:
        """How far apart tiles begin, in px."""
        return self._predictor.grid.step(OUTPUT)

    def check(self, channels: int) -> None:
        """Refuse planes of so many channels where it works on another number: `ImageError`."""
        check_channels(self._model.header.shape.in_channels, channels)

    @property
    def axes(self) -> int:
        """2 for a model of planes, 3 for one of volumes."""
        return self._model.header.shape.axes

    def pieces(
        self,
        plane: Any,  # noqa: ANN401
        *,
        probabilities: bool,
        normalisation: Normalisation | None = None,
        within: Window | None = None,
    ) -> Generator[Piece]:
        """Segment a plane (C, Y, X) or, with a model of volumes, (C, Z, Y, X), tile by tile.

        With a `normalisation` its grey values are not measured, and only what is needed of it is
        read, a tile ahead on a thread that ends with this generator; `within`: only the tiles
        that write into this window.

        Raises
        ------
        ImageError
            If it has other channels or axes than the model was trained on, or cannot be used.
        MemoryError
            If not even the smallest tile fits.
        """
        self.check(len(plane))
        picture = Picture.of(plane) if normalisation is None else Picture(plane, normalisation)
        check_kind(self.axes, picture)
        predictor = self._predictor
        todo = predictor.blocks(picture, within)
        windows = [tile.read for tile in todo]
        lazy = normalisation is not None
        with reading_ahead(picture, windows) if lazy else nullcontext(picture) as source:
            for tile, shares in predictor.mean(source, todo, mirrored=self.compute.mirrors):
                classes = most_probable(shares)
                yield tile.write, classes, shares.float().cpu().numpy() if probabilities else None

    @cached_property
    def _model(self) -> Model:
        return Model.from_bytes(self.data)

    @cached_property
    def _predictor(self) -> Predictor:
        predictor = self._model.predictor(choose(self.compute, spare=self.spare))
        predictor.pictures = self.pictures
        return predictor


def axes_of(segmenter: Segmenter) -> int:
    """3 for a model of volumes, 2 for all else."""
    return segmenter.axes if isinstance(segmenter, ModelSegmenter) else 2
