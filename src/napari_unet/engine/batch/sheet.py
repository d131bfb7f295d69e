"""The first stage of one image: its planes or volumes, read one at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.device import DeviceError
from napari_unet.core.files import FileError, printable, reason
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError, is_large
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Recipe
from napari_unet.core.stack import Index, Stack
from napari_unet.engine.batch.ledger import Stamp
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.slices import Slices

_NOTHING = np.zeros((0, 0, 0))
_FORESEEN = (FileError, ImageError, ModelError, DeviceError, MemoryError, OSError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Sheet:
    """One plane or volume of a job's image, or what is wrong with the image.

    Attributes
    ----------
    plane : (C, Y, X), of a volume (C, Z, Y, X); empty where there is a problem
    index, number : which plane it is, the number from 1; of a volume its first one
    count : how many planes there are
    stamp : what the file looked like before it was read
    large : its planes are too large to be read whole; `plane` is empty then, and comes once
    """

    job: Job
    stack: Stack | None
    index: Index
    plane: NDArray[Any] | Slices
    number: int
    count: int
    stamp: Stamp
    problem: str = ""
    large: bool = False


def read(job: Job, recipe: Recipe, axes: int = 2, *, whole: bool = True) -> Iterator[Sheet]:
    """Read the planes of an image, or its volumes if a model has three `axes`.

    What goes wrong comes as the last sheet. `whole`: also planes that are so large that they
    should not be read as one.
    """
    try:
        if job.problem:
            raise FileError(job.problem)
        with open_stack(job.source, job.scene) as stack:
            planes, stamp, number = stack.planes, Stamp.of(job.source), 1
            if not whole and is_large(stack.shape[-2:]) and stack.cut is not None:
                yield Sheet(job, stack, (), _NOTHING, 1, 1, stamp, large=True)
                return
            for together in _volumes(stack) if axes == 3 else [[index] for index in planes]:
                first = chosen(stack.plane(together[0]), recipe.channels)
                plane = _volume(job, stack, together, first, recipe) if axes == 3 else first
                yield Sheet(job, stack, together[0], plane, number, len(planes), stamp)
                number += len(together)
    except Exception as error:  # noqa: BLE001 - the other files go on
        said = sentence(job, error)
        yield Sheet(job, None, (), _NOTHING, 1, 1, Stamp(0, 0), said)


def _volume(
    job: Job, stack: Stack, planes: list[Index], first: NDArray[Any], recipe: Recipe
) -> NDArray[Any] | Slices:
    """A volume (C, Z, Y, X) of a file; of a large one the slices are read when they are needed."""
    if is_large((len(planes), *stack.shape[-2:])):
        return Slices(job, planes, first[:, :1, :1], recipe.channels, stack.shape[-2:])
    others = [chosen(stack.plane(index), recipe.channels) for index in planes[1:]]
    return np.stack([first, *others], axis=1)


def _volumes(stack: Stack) -> list[list[Index]]:
    """The planes that make up each volume of a stack, one volume for each time."""
    if "Z" not in stack.axes:
        raise ImageError(
            f"this model segments volumes, but this image has no Z axis (its axes are {stack.axes})"
            ": take a model that was trained on planes."
        )
    return [list(volume) for _, volume in groupby(stack.planes, key=lambda index: index[:-1])]


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


def sentence(job: Job, error: BaseException) -> str:
    """What went wrong with an image, in words that name it; what nobody foresaw is logged."""
    if not isinstance(error, _FORESEEN):
        _log.error("%s", job.said, exc_info=error)
        what = printable(f"{type(error).__name__}: {reason(error)}")
        return (
            f"{job.said}: unforeseen {what}. Please report it, with this file if you can; the log "
            "says where it happened."
        )
    if isinstance(error, MemoryError):
        return f"{job.said} is too large for this computer's memory."
    if isinstance(error, FileError):
        return printable(str(error))
    if isinstance(error, OSError):
        return f"{job.said}: {reason(error)}."
    return printable(f"{job.said}: {error}")
