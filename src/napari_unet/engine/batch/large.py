"""An image with large planes: block by block into a zarr on the disk, and from there to results.

No array of a plane's own size is made, unless objects are looked for. On a cluster each block is
a task; blocks never share a chunk of the zarr, so a block that is computed twice does no harm.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_unet.core.finding import RESULTS
from napari_unet.core.image import check_numbers
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Recipe
from napari_unet.core.sampled import measure_sample
from napari_unet.core.stack import Index, Stack, View
from napari_unet.core.uncertainty import certainty
from napari_unet.engine.batch.blocks import Block, Large
from napari_unet.engine.batch.delivery import Delivery, write
from napari_unet.engine.batch.ledger import Stamp
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.batch.sheet import chosen
from napari_unet.engine.batch.stages import Results, asked

_SCRATCH = "blocks-"  # what the names of zarrs begin with


def begin(job: Job, segmenter: ModelSegmenter, recipe: Recipe, target: Path) -> Large:
    """Measure an image and make room for what will be found on it.

    Raises
    ------
    FileError, ImageError, OSError
    """
    stamp = Stamp.of(job.source)
    with open_stack(job.source, job.scene) as stack:
        views = [_view(stack, index, recipe) for index in stack.planes]
        segmenter.check(len(views[0]))
        greys = tuple(measure_sample(view) for view in views)
    # never used twice: a cluster may begin an image again while the blocks of it are computed
    name = f"{_SCRATCH}{secrets.token_hex(8)}.zarr"
    large = Large(job, target / RESULTS / name, stack.shape, stamp, greys, segmenter.step)
    group = zarr.open_group(large.scratch, mode="w", zarr_format=2)
    *front, height, width = stack.shape
    ones, side, count = [1] * len(front), large.step, len(segmenter.classes)
    for name in ("classes", "certainty") if recipe.cuts else ("classes",):
        group.create_array(
            name, shape=stack.shape, chunks=(*ones, side, side), dtype="u1", fill_value=0
        )
    if "probabilities" in recipe.kinds:
        group.create_array(
            "probabilities", shape=(*front, count, height, width), dtype="f4", fill_value=0,
            chunks=(*ones, count, side, side),
        )  # fmt: skip
    return large


def fill(large: Large, block: Block, segmenter: ModelSegmenter, recipe: Recipe) -> Iterator[int]:
    """Segment a block into the zarr; the pixels of each tile, when it is there.

    Raises
    ------
    FileError, ImageError, MemoryError, OSError
    """
    group: Any = zarr.open_group(large.scratch, mode="r+")
    number = int(np.ravel_multi_index(block.index, large.shape[:-2])) if block.index else 0
    with open_stack(large.job.source, large.job.scene) as stack:
        view = _view(stack, block.index, recipe)
        pieces = segmenter.pieces(
            view,
            probabilities=asked(recipe),
            normalisation=large.greys[number],
            within=block.window,
        )
        with closing(pieces):  # before the file is
            for window, part, shares in pieces:
                group["classes"][(*block.index, *window)] = part
                if "probabilities" in recipe.kinds:
                    group["probabilities"][(*block.index, slice(None), *window)] = shares
                if recipe.cuts and shares is not None:
                    group["certainty"][(*block.index, *window)] = certainty(shares)
                yield part.size


def finish(
    large: Large, classes: tuple[str, ...], recipe: Recipe, target: Path, key: str
) -> Delivery:
    """Write the results of an image whose blocks are all there.

    Raises
    ------
    FileError, ImageError, MemoryError, OSError
    """
    job = large.job
    group: Any = zarr.open_group(large.scratch, mode="r")
    with open_stack(job.source, job.scene) as stack:
        results = Results(stack, large.stamp, classes, recipe)
        if results.counting is not None:
            for index in stack.planes:
                plane = chosen(stack.plane(index), recipe.channels)
                sure = _Plane(group["certainty"], index) if recipe.cuts else None
                results.count(index, np.asarray(group["classes"][index]), plane, sure)
        results.images |= {kind: group[kind] for kind in recipe.kinds if kind in group}
        return write(job, results, target, recipe, key)


def clear(target: Path) -> None:
    """Delete what a batch that was killed left."""
    for path in (target / RESULTS).glob(f"{_SCRATCH}*"):
        shutil.rmtree(path, ignore_errors=True)


def _view(stack: Stack, index: Index, recipe: Recipe) -> Any:  # noqa: ANN401
    view: Any = stack.view(index)
    if isinstance(view, View) and max(recipe.channels, default=0) <= len(view):
        return _Checked(
            view.cut,
            (len(recipe.channels) or len(view), *view.shape[1:]),
            tuple(number - 1 for number in recipe.channels),
        )
    return chosen(view, recipe.channels)


class _Plane:
    """A plane of an array on the disk, window by window."""

    def __init__(self, array: Any, index: Index) -> None:  # noqa: ANN401
        self._array, self._index = array, index
        self.shape: tuple[int, ...] = array.shape[-2:]

    def __getitem__(self, window: tuple[slice, slice]) -> NDArray[Any]:
        return np.asarray(self._array[(*self._index, *window)])


class _Checked(View):
    """A plane of which only a sample was looked at beforehand."""

    def __getitem__(self, key: tuple[slice, slice, slice]) -> NDArray[Any]:
        return check_numbers(super().__getitem__(key))
