"""The later stages of one image: segment its planes, put the results together.

With `sheet.read` they run one after the other in a Dask task, and overlap for a row of files on one
machine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from math import prod
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_unet.core.objects_parts import ArrayLike
from napari_unet.core.recipe import Kind, Recipe
from napari_unet.core.sampled import measure_sample
from napari_unet.core.stack import Index, Stack
from napari_unet.core.tiling import Window
from napari_unet.core.uncertainty import certainty
from napari_unet.engine.batch.blocks import Large
from napari_unet.engine.batch.counting import Counting
from napari_unet.engine.batch.ledger import Stamp
from napari_unet.engine.batch.segmenter import ModelSegmenter, Piece, Segmenter
from napari_unet.engine.batch.sheet import Sheet, sentence
from napari_unet.engine.batch.slices import Slices

_LARGE = 1 << 30  # bytes; larger results wait on disk until they are written


@dataclass(frozen=True, eq=False)
class Found:
    """What the network says of a plane: (Y, X) uint8 and, if asked for, (K, Y, X) float32.

    `certainty` is (Y, X) uint8 where objects are cut apart. Of an image with large planes all lies
    in a zarr, see `large`.
    """

    sheet: Sheet
    classes: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None
    problem: str
    seconds: float
    large: Large | None = None
    certainty: NDArray[np.uint8] | None = None


Advance: TypeAlias = float  # share of an image that is done, 0…1


class _Maps:
    """What becomes of a plane or volume of a `shape`, tile by tile."""

    def __init__(self, shape: tuple[int, ...], count: int, recipe: Recipe) -> None:
        self.classes = room(shape, np.uint8)
        wanted = "probabilities" in recipe.kinds
        self.probabilities = room((count, *shape), np.float32) if wanted else None
        self.certainty = room(shape, np.uint8) if recipe.cuts else None

    def put(
        self, window: Window, part: NDArray[np.uint8], shares: NDArray[np.float32] | None
    ) -> None:
        self.classes[window] = part
        if self.probabilities is not None:
            self.probabilities[(slice(None), *window)] = shares
        if self.certainty is not None and shares is not None:
            self.certainty[window] = certainty(shares)


def segment(sheet: Sheet, segmenter: Segmenter, recipe: Recipe) -> Generator[Advance | Found]:
    """Segment a plane: how far it is after each tile, and in the end what was found.

    Of a volume, what was found comes plane by plane.
    """
    began, problem = time.perf_counter(), sheet.problem
    shape = sheet.plane.shape[1:]
    maps = _Maps(shape, len(segmenter.classes), recipe)
    slices = shape[0] if len(shape) == 3 else 1
    done = 0
    with closing(sheet.plane) if isinstance(sheet.plane, Slices) else nullcontext():
        try:
            for window, part, shares in _pieces(sheet, segmenter, probabilities=asked(recipe)):
                maps.put(window, part, shares)
                done += part.size
                planes_done = sheet.number - 1 + slices * done / maps.classes.size
                if planes_done < sheet.count:
                    yield planes_done / sheet.count
        except Exception as error:  # noqa: BLE001 - the other files go on
            problem = sentence(sheet.job, error)
        seconds = time.perf_counter() - began
        found = Found(
            sheet, maps.classes, maps.probabilities, problem, seconds, certainty=maps.certainty
        )
        several = len(shape) == 3 and not problem
        yield from _planes_of(found, measured=recipe.counts) if several else [found]


def asked(recipe: Recipe) -> bool:
    """Whether probabilities are needed, to be written or to cut objects by."""
    return "probabilities" in recipe.kinds or recipe.cuts


def _pieces(sheet: Sheet, segmenter: Segmenter, *, probabilities: bool) -> Iterator[Piece]:
    """Segment a plane or volume; one that is read slice by slice is measured by a sample."""
    plane = sheet.plane
    if sheet.problem:
        return
    if isinstance(plane, Slices) and isinstance(segmenter, ModelSegmenter):
        measured = measure_sample(plane)
        pieces = segmenter.pieces(plane, probabilities=probabilities, normalisation=measured)
        with closing(pieces):  # it reads on another thread
            yield from pieces
    else:
        yield from segmenter.pieces(cast("NDArray[Any]", plane), probabilities=probabilities)


def _planes_of(found: Found, *, measured: bool) -> Iterator[Found]:
    """What was found in a volume, for each of its planes; its pixels where they are `measured`."""
    sheet, slices = found.sheet, len(found.classes)
    for z in range(slices):
        try:
            plane = _plane_at(sheet.plane, z, measured=measured)
        except Exception as error:  # noqa: BLE001 - the other files go on
            yield replace(found, problem=sentence(sheet.job, error))
            return
        own = replace(sheet, index=(*sheet.index[:-1], z), plane=plane, number=sheet.number + z)
        shares = None if found.probabilities is None else found.probabilities[:, z]
        sure = None if found.certainty is None else found.certainty[z]
        yield Found(
            own, found.classes[z], shares, found.problem, found.seconds / slices, certainty=sure
        )


def _plane_at(volume: NDArray[Any] | Slices, z: int, *, measured: bool) -> NDArray[Any]:
    """A plane (C, Y, X) of a volume; empty where it would be read again for nothing."""
    if isinstance(volume, Slices) and not measured:
        return np.zeros((0, 0, 0), volume.dtype)
    return volume[:, z : z + 1, :, :][:, 0]


class Results:
    """The results of one image, put together plane by plane.

    Parameters
    ----------
    stack : Stack
    stamp : what its file looked like before it was read
    classes : names of the classes
    recipe : Recipe
    """

    def __init__(
        self, stack: Stack, stamp: Stamp, classes: tuple[str, ...], recipe: Recipe
    ) -> None:
        self.stack, self.stamp, self.classes, self.recipe = stack, stamp, classes, recipe
        self.images: dict[Kind, Any] = {}
        self.counting = Counting(recipe, classes, stack) if recipe.counts else None

    def add(self, found: Found) -> None:
        """Add what was found on a plane, and look for objects on it."""
        if "classes" in self.recipe.kinds:
            self._put("classes", found.sheet.index, found.classes)
        if found.probabilities is not None:
            self._put("probabilities", found.sheet.index, found.probabilities)
        if self.counting is not None:
            plane = cast("NDArray[Any]", found.sheet.plane)  # of a volume that of one slice
            self.count(found.sheet.index, found.classes, plane, found.certainty)

    def count(
        self,
        index: Index,
        classes: NDArray[np.uint8],
        plane: NDArray[Any],
        certainty: ArrayLike | None,
    ) -> None:
        """Look for objects on the plane (C, Y, X) at `index`, in its classes (Y, X)."""
        assert self.counting is not None  # noqa: S101 - the caller looked
        where = dict(zip(self.stack.axes[:-2], index, strict=True))
        numbered = self.counting.add(classes, plane, where, certainty)
        if "objects" in self.recipe.kinds:
            self._put("objects", index, numbered)

    @property
    def objects(self) -> int | None:
        """How many there are, if they were looked for."""
        return None if self.counting is None else self.counting.count

    def axes(self, kind: Kind) -> str:
        """The axes of a result."""
        axes = self.stack.axes
        return f"{axes[:-2]}CYX" if kind == "probabilities" else axes

    def _put(self, kind: Kind, index: Index, part: NDArray[Any]) -> None:
        if len(self.stack.planes) == 1:
            self.images[kind] = part
            return
        if kind not in self.images:
            shape = (*self.stack.shape[:-2], *part.shape)
            self.images[kind] = room(shape, part.dtype)
        self.images[kind][index] = part


def room(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros; on disk where they would fill the memory."""
    if np.dtype(dtype).itemsize * prod(shape) <= _LARGE:
        return np.zeros(shape, dtype)
    return np.memmap(tempfile.TemporaryFile(), dtype, "w+", shape=shape)
