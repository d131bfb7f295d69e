"""From the arrays of napari and of files to the planes that the network sees.

A plane is (C, Y, X); grey images get one channel, RGB(A) three. Grey values are normalised per
channel over the whole plane, never over a tile, so tiles cannot differ from one another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Plane = NDArray[Any]
LARGE = 1 << 26  # px; of a larger plane or volume no array of its own size is made anywhere
SAMPLE = 1 << 20  # grey values looked at for the statistics
TAIL = 0.1  # per cent at each end that do not count: hot pixels, scale bars
_BLOCKS, _SIDE = 8, 128  # of a sample of a large plane, along each axis; px
LIMIT = 10.0  # standard deviations; what lies further out is cut off


class ImageError(ValueError):
    """An image that cannot be used; the message says what to do."""


class Normalisation(Struct, frozen=True):
    """Mean and standard deviation of each channel, in grey values."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def apply(self, plane: Plane) -> NDArray[np.float32]:
        """Standardise a plane, a volume or a part of one: (C, ...) float32, cut off at ±10."""
        exact = np.result_type(plane.dtype, np.float32)  # float64 where float32 would round values
        each = (-1, *[1] * (plane.ndim - 1))
        mean = np.asarray(self.mean, exact).reshape(each)
        deviation = np.asarray(self.deviation, exact).reshape(each)
        scaled: NDArray[np.float32] = ((plane - mean) / deviation).astype(np.float32, copy=False)
        return np.clip(scaled, -LIMIT, LIMIT, out=scaled)


@dataclass(frozen=True, eq=False)
class Picture:
    """A plane and how it is normalised; pixels are read and standardised window by window.

    Attributes
    ----------
    raw : (C, Y, X) or, of a volume, (C, Z, Y, X), any numeric type
        An array, or what has a shape and can be read like one.
    normalisation : Normalisation
    window : part of `raw` that is meant, if not all of it; what is around it is its context.
    """

    raw: Plane
    normalisation: Normalisation
    window: tuple[slice, ...] | None = None

    @classmethod
    def of(cls, raw: Plane) -> Picture:
        """Measure a (C, Y, X) plane. Raises `ImageError` where that cannot be done."""
        return cls(raw, measure(raw))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape (Y, X) or (Z, Y, X) in px."""
        if self.window is not None:
            return tuple(side.stop - side.start for side in self.window)
        return tuple(int(n) for n in self.raw.shape[1:])

    @property
    def large(self) -> bool:
        """Whether it is too large for arrays of its own size, such as one of its paint."""
        return is_large(self.shape)

    def part(self, window: tuple[slice, ...]) -> Picture:
        """A window of a whole plane as a picture of its own."""
        return replace(self, window=window)

    @property
    def column(self) -> Picture:
        """Of a part of a volume, its rows and columns in all slices; of a plane, itself."""
        if self.window is None or len(self.window) == 2:
            return self
        return replace(self, window=(slice(0, self.raw.shape[1]), *self.window[-2:]))

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.raw.shape[0])

    def read(self, window: tuple[slice, ...]) -> NDArray[np.float32]:
        """Standardised grey values of a window, mirrored outside the image: (C, h, w)."""
        if self.window is not None:
            moves = [side.start for side in self.window]
            window = tuple(
                slice(w.start + by, w.stop + by) for w, by in zip(window, moves, strict=True)
            )
        return self.normalisation.apply(read_mirrored(self.raw, window))


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether a plane of this spatial shape is too large for arrays of its own size."""
    return math.prod(shape) > LARGE


def as_plane(array: Plane, *, rgb: bool | None = None) -> Plane:
    """View an image as (C, Y, X), without a copy.

    Parameters
    ----------
    array : (Y, X), (Y, X, 3) or (Y, X, 4)
        Grey or colour; an alpha channel is left out.
    rgb : bool, optional
        Whether the last axis is colour; by default it is when it has length 3 or 4.

    Raises
    ------
    ImageError
        If the array has other axes, or no pixels.
    """
    array = np.asarray(array)
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise ImageError(f"This image holds {array.dtype} values; grey values must be numbers.")
    if rgb is None:
        rgb = array.ndim == 3 and array.shape[-1] in (3, 4)
    if array.ndim != (3 if rgb else 2) or (rgb and array.shape[-1] not in (3, 4)):
        raise ImageError(
            f"An image of shape {array.shape} is not a single plane: choose one plane of it, "
            "(Y, X) or (Y, X, 3)."
        )
    if 0 in array.shape:
        raise ImageError(f"This image has no pixels: its shape is {array.shape}.")
    return np.moveaxis(array[..., :3], -1, 0) if rgb else array[None]


def as_volume(array: Plane, *, rgb: bool | None = None) -> Plane:
    """View a stack as (C, Z, Y, X), without a copy.

    Parameters
    ----------
    array : (Z, Y, X), (Z, Y, X, 3) or (Z, Y, X, 4)
        Grey or colour; an alpha channel is left out.
    rgb : bool, optional
        Whether the last axis is colour; by default it is when there are four axes.

    Raises
    ------
    ImageError
        If the array has other axes, or no pixels.
    """
    array = np.asarray(array)
    colour = array.ndim == 4 if rgb is None else rgb
    wrong = colour != (array.shape[-1] in (3, 4)) and (colour or rgb is None)
    if array.ndim != (4 if colour else 3) or wrong:
        raise ImageError(
            f"An image of shape {array.shape} is not a volume: give (Z, Y, X) or (Z, Y, X, 3)."
        )
    flat = array.reshape(-1, *array.shape[2:])  # one tall plane, which is checked like any other
    plane = as_plane(flat, rgb=colour)
    return plane.reshape(-1, *array.shape[:3])


def measure(plane: Plane) -> Normalisation:
    """Robust mean and standard deviation of each channel of a plane (C, Y, X) or volume.

    Raises
    ------
    ImageError
        If a value is not finite or all values are equal.
    """
    axes = plane.ndim - 1
    step = max(1, round((plane[0].size / SAMPLE) ** (1 / axes)))
    means, deviations = [], []
    for channel in plane:
        check_numbers(channel)
        values = np.asarray(channel[(slice(None, None, step),) * axes], np.float64).ravel()
        if np.ptp(values) == 0 and step > 1:  # the little that differs may lie between the samples
            values = np.asarray(channel, np.float64).ravel()
        low, high = np.percentile(values, (TAIL, 100 - TAIL))
        cut = np.clip(values, low, high) if high > low else values
        means.append(float(cut.mean()))
        deviations.append(float(cut.std()) if np.ptp(cut) > 0 else 0.0)
    if max(deviations) == 0:
        raise ImageError(
            "All pixels of this image have the same value: there is nothing to tell apart. "
            "Choose another image or channel."
        )
    return Normalisation(tuple(means), tuple(d or 1.0 for d in deviations))


def check_numbers(pixels: Plane) -> Plane:
    """Pixels as they are; an `ImageError` where some are not finite."""
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ImageError(
            "This image has pixels that are not numbers (NaN or infinite): "
            "replace them first, for example with numpy.nan_to_num."
        )
    return pixels


def spread(length: int, count: int | None = None, side: int | None = None) -> list[slice]:
    """Where along an axis of `length` px the blocks of a sample lie."""
    count, side = count or _BLOCKS, side or _SIDE
    steps = [round(i * (max(length, side) - side) / (count - 1)) for i in range(count)]
    return [slice(start, min(start + side, length)) for start in steps]


def mirror(index: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Fold indices outside 0…length-1 back by reflection at the border pixels (section 2)."""
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    folded: NDArray[np.intp] = np.abs(index) % period
    return np.minimum(folded, period - folded, out=folded)


def read_mirrored(plane: Plane, window: tuple[slice, ...]) -> Plane:
    """Read a window of a (C, *spatial) plane; where it lies outside, the image is mirrored.

    Only the box that is needed is read, so lazy arrays stay lazy.
    """
    box, inside = [], []
    for axis, length in zip(window, plane.shape[1:], strict=True):
        index = mirror(np.arange(axis.start, axis.stop), length)
        low = int(index.min())
        box.append(slice(low, int(index.max()) + 1))
        inside.append(index - low)
    part = np.asarray(plane[(slice(None), *box)])
    for axis_number, index in enumerate(inside, start=1):
        if len(index) != part.shape[axis_number] or (np.diff(index) != 1).any():
            part = part.take(index, axis=axis_number)
    return part
