"""The stages of one image: read its planes, segment each, put the results together.

They run one after the other in a Dask task, and overlap for a row of files on one machine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_unet.core.files import FileError, reason
from napari_unet.core.image import ImageError, is_large
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Kind, Recipe
from napari_unet.core.stack import Index, Stack
from napari_unet.engine.batch.blocks import Large
from napari_unet.engine.batch.counting import Counting
from napari_unet.engine.batch.ledger import Stamp
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.segmenter import Segmenter

_LARGE = 1 << 30  # bytes; larger results wait on disk until they are written
_NOTHING = np.zeros((0, 0, 0))
BAD_FILE = (FileError, ImageError, MemoryError, OSError)


@dataclass(frozen=True, eq=False)
class Sheet:
    """One plane of a job's image, or what is wrong with the image.

    Attributes
    ----------
    plane : (C, Y, X); empty where there is a problem
    number, count : which plane it is, from 1, and how many there are
    stamp : what the file looked like before it was read
    large : its planes are too large to be read whole; `plane` is empty then, and comes once
    """

    job: Job
    stack: Stack | None
    index: Index
    plane: NDArray[Any]
    number: int
    count: int
    stamp: Stamp
    problem: str = ""
    large: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """What the network says of a plane: (Y, X) uint8 and, if asked for, (K, Y, X) float32.

    Of an image with large planes it lies in a zarr, see `large`.
    """

    sheet: Sheet
    classes: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None
    problem: str
    seconds: float
    large: Large | None = None


Advance: TypeAlias = float  # share of an image that is done, 0…1


def read(job: Job, recipe: Recipe, *, whole: bool = True) -> Iterator[Sheet]:
    """Read the planes of an image; what goes wrong comes as the last sheet.

    `whole`: also those that are so large that they should not be.
    """
    try:
        if job.problem:
            raise FileError(job.problem)
        with open_stack(job.source, job.scene) as stack:
            planes, stamp = stack.planes, Stamp.of(job.source)
            if not whole and is_large(stack.shape[-2:]) and stack.cut is not None:
                yield Sheet(job, stack, (), _NOTHING, 1, 1, stamp, large=True)
                return
            for number, index in enumerate(planes, start=1):
                plane = chosen(stack.plane(index), recipe.channels)
                yield Sheet(job, stack, index, plane, number, len(planes), stamp)
    except BAD_FILE as error:
        said = sentence(job, error)
        yield Sheet(job, None, (), _NOTHING, 1, 1, Stamp(0, 0), said)


def segment(sheet: Sheet, segmenter: Segmenter, recipe: Recipe) -> Iterator[Advance | Found]:
    """Segment a plane: how far it is after each tile, and in the end what was found."""
    began, problem = time.perf_counter(), sheet.problem
    shape, wanted = sheet.plane.shape[1:], "probabilities" in recipe.kinds
    classes = room(shape, np.uint8)
    shares = room((len(segmenter.classes), *shape), np.float32) if wanted else None
    done = 0
    try:
        pieces = () if problem else segmenter.pieces(sheet.plane, probabilities=wanted)
        for window, part, share in pieces:
            classes[window] = part
            if shares is not None:
                shares[(slice(None), *window)] = share
            done += part.size
            if (share_done := (sheet.number - 1 + done / classes.size) / sheet.count) < 1:
                yield share_done
    except BAD_FILE as error:
        problem = sentence(sheet.job, error)
    yield Found(sheet, classes, shares, problem, time.perf_counter() - began)


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
            self.count(found.sheet.index, found.classes, found.sheet.plane)

    def count(self, index: Index, classes: NDArray[np.uint8], plane: NDArray[Any]) -> None:
        """Look for objects on the plane (C, Y, X) at `index`, in its classes (Y, X)."""
        assert self.counting is not None  # noqa: S101 - the caller looked
        where = dict(zip(self.stack.axes[:-2], index, strict=True))
        numbered = self.counting.add(classes, plane, where)
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


def sentence(job: Job, error: BaseException) -> str:
    """What went wrong with an image, in words that name it."""
    if isinstance(error, MemoryError):
        return f"{job.said} is too large for this computer's memory."
    if isinstance(error, FileError):
        return str(error)
    if isinstance(error, OSError):
        return f"{job.said}: {reason(error)}."
    return f"{job.said}: {error}"


def chosen(plane: NDArray[Any], channels: tuple[int, ...]) -> NDArray[Any]:
    """The channels that are wanted, 1 is the first. Raises `ImageError`."""
    if not channels:
        return plane
    if max(channels) > len(plane):
        raise ImageError(
            f"This image has {len(plane)} channel{'s' * (len(plane) != 1)}, there is no channel "
            f"{max(channels)}: choose another one."
        )
    return plane[[number - 1 for number in channels]]
