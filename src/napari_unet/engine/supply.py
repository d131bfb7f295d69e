"""Pixels of large planes and volumes, asked for block by block when they are needed.

This is the one place where the engine waits for its parent. What is too large to be sent whole is
offered (`Offer`); what is read of it is asked for with `Wanted` and comes as `Pixels`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from itertools import product
from queue import SimpleQueue
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import ImageError, Picture
from napari_unet.engine.messages import Bounds, Offer, Open, Pixels, PlaneName, Wanted

BLOCKS = {2: (256, 256), 3: (8, 256, 256)}  # px to the sides of a block, by the number of axes
_KEPT = 256 << 20  # bytes of pixels that are remembered

_Key = tuple[PlaneName, tuple[int, ...]]  # a block's number along each axis


class PixelsError(ImageError):
    """Pixels that did not come; the message is empty where nobody needs them any more."""


class Supply:
    """Asks for pixels and remembers those that came last.

    Parameters
    ----------
    ask : callable
        Takes a `Wanted`, which must be followed by a `deliver`, from any thread.
    """

    def __init__(self, ask: Callable[[Wanted], None]) -> None:
        self._ask = ask
        self._blocks: OrderedDict[_Key, NDArray[Any]] = OrderedDict()
        self._bytes = 0
        self._came: SimpleQueue[Pixels | None] = SimpleQueue()  # None is the end

    def deliver(self, pixels: Pixels) -> None:
        """What was asked for has come (or an excuse)."""
        self._came.put(pixels)

    def close(self) -> None:
        """No more will come."""
        self._came.put(None)

    def plane(self, offer: Offer) -> LargePlane:
        """What stands for an offered plane; blocks of an older one of its name are forgotten."""
        for key in [k for k in self._blocks if k[0] == offer.plane]:
            self._bytes -= self._blocks.pop(key).nbytes
        return LargePlane(self, offer)

    def read(self, plane: PlaneName, shape: tuple[int, ...], keys: list[_Key]) -> None:
        """See to it that these blocks of a plane or volume of a spatial `shape` are remembered.

        Raises
        ------
        PixelsError
            If they do not come.
        """
        missing = [k for k in keys if k not in self._blocks]
        if not missing:
            return
        sides, numbers = BLOCKS[len(shape)], np.array([number for _, number in missing])
        first = numbers.min(0) * sides
        last = np.minimum((numbers.max(0) + 1) * sides, shape)
        image = self._fetch(plane, (*first.tolist(), *last.tolist()))
        for key, corner in zip(missing, numbers * sides - first, strict=True):
            inside = (slice(at, at + side) for at, side in zip(corner, sides, strict=True))
            self._remember(key, image[(slice(None), *inside)].copy())

    def block(self, key: _Key) -> NDArray[Any]:
        """A block that was read: (C, ≤256, ≤256), of a volume (C, ≤8, ≤256, ≤256)."""
        self._blocks.move_to_end(key)
        return self._blocks[key]

    def trim(self) -> None:
        """Forget what was not read for the longest time, down to what may be kept."""
        while self._bytes > _KEPT:
            self._bytes -= self._blocks.popitem(last=False)[1].nbytes

    def _remember(self, key: _Key, block: NDArray[Any]) -> None:
        self._blocks[key] = block
        self._bytes += block.nbytes

    def _fetch(self, plane: PlaneName, box: Bounds) -> NDArray[Any]:
        """The pixels (C, h, w) or (C, d, h, w) of a box, waiting for them."""
        self._ask(Wanted(plane, box))
        came = self._came.get()
        while came is not None and (came.plane, came.box) != (plane, box):  # nobody waits for it
            came = self._came.get()
        if came is None:
            self._came.put(None)
            raise PixelsError("")
        if came.image is None:
            raise PixelsError(came.problem)
        return came.image


class LargePlane:
    """An offered plane (C, Y, X), read like an array: `plane[:, y0:y1, x0:x1]`.

    Or a volume (C, Z, Y, X), of which a range of slices is read.
    """

    def __init__(self, supply: Supply, offer: Offer) -> None:
        self._supply, self._name = supply, offer.plane
        self.shape, self.dtype = offer.shape, np.dtype(offer.dtype)

    def __getitem__(self, window: tuple[slice, ...]) -> NDArray[Any]:
        _, *sides = window
        blocks = BLOCKS[len(sides)]
        found = np.empty((self.shape[0], *(s.stop - s.start for s in sides)), self.dtype)
        keys = [(self._name, numbers) for numbers in product(*map(_touched, sides, blocks))]
        self._supply.read(self._name, self.shape[1:], keys)
        for key in keys:
            here, there = zip(*map(_shared, sides, key[1], blocks), strict=True)
            found[(slice(None), *here)] = self._supply.block(key)[(slice(None), *there)]
        self._supply.trim()
        return found


def picture_of(command: Open | Offer, supply: Supply | None) -> Picture:
    """The picture of a plane or volume that was sent or offered.

    Raises
    ------
    ImageError
        If it cannot be used.
    """
    if isinstance(command, Open):
        return Picture.of(command.image)
    if supply is None:
        raise ImageError("This image is too large to be sent to the engine.")
    plane = cast("NDArray[Any]", supply.plane(command))  # read like one
    return Picture(plane, command.normalisation)


def _touched(side: slice, block: int) -> range:
    """Numbers of the blocks of so many px along an axis that a window touches."""
    return range(side.start // block, math.ceil(side.stop / block))


def _shared(side: slice, number: int, block: int) -> tuple[slice, slice]:
    """Where a window and a block share pixels: in the window, and in the block."""
    first = number * block
    low, high = max(side.start, first), min(side.stop, first + block)
    return slice(low - side.start, high - side.start), slice(low - first, high - first)
