"""Pixels of large planes, asked for block by block when they are needed.

This is the one place where the engine waits for its parent. A plane too large to be sent whole is
offered (`Offer`); what is read of it is asked for with `Wanted` and comes as `Pixels`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import product
from queue import SimpleQueue
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import ImageError, Picture
from napari_unet.engine.messages import Box, Offer, Open, Pixels, PlaneName, Wanted

BLOCK = 256  # px per side
_KEPT = 256 << 20  # bytes of pixels that are remembered

_Key = tuple[PlaneName, int, int]


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

    def read(self, plane: PlaneName, shape: tuple[int, int], keys: list[_Key]) -> None:
        """See to it that these blocks of a plane of `shape` (Y, X) are remembered.

        Raises
        ------
        PixelsError
            If they do not come.
        """
        missing = [k for k in keys if k not in self._blocks]
        if not missing:
            return
        rows, columns = [k[1] for k in missing], [k[2] for k in missing]
        y0, x0 = min(rows) * BLOCK, min(columns) * BLOCK
        y1, x1 = (max(rows) + 1) * BLOCK, (max(columns) + 1) * BLOCK
        box = (y0, x0, min(y1, shape[0]), min(x1, shape[1]))
        image = self._fetch(plane, box)
        for _, row, column in missing:
            y, x = row * BLOCK - y0, column * BLOCK - x0
            self._remember((plane, row, column), image[:, y : y + BLOCK, x : x + BLOCK].copy())

    def block(self, key: _Key) -> NDArray[Any]:
        """A block (C, ≤256, ≤256) that was read."""
        self._blocks.move_to_end(key)
        return self._blocks[key]

    def trim(self) -> None:
        """Forget what was not read for the longest time, down to what may be kept."""
        while self._bytes > _KEPT:
            self._bytes -= self._blocks.popitem(last=False)[1].nbytes

    def _remember(self, key: _Key, block: NDArray[Any]) -> None:
        self._blocks[key] = block
        self._bytes += block.nbytes

    def _fetch(self, plane: PlaneName, box: Box) -> NDArray[Any]:
        """The pixels (C, h, w) of a box, waiting for them."""
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
    """An offered plane (C, Y, X), read like an array: `plane[:, y0:y1, x0:x1]`."""

    def __init__(self, supply: Supply, offer: Offer) -> None:
        self._supply, self._name = supply, offer.plane
        self.shape, self.dtype = offer.shape, np.dtype(offer.dtype)

    def __getitem__(self, window: tuple[slice, slice, slice]) -> NDArray[Any]:
        _, rows, columns = window
        found = np.empty(
            (self.shape[0], rows.stop - rows.start, columns.stop - columns.start), self.dtype
        )
        keys = [(self._name, y, x) for y, x in product(_touched(rows), _touched(columns))]
        self._supply.read(self._name, self.shape[1:], keys)
        for key in keys:
            here, there = zip(_shared(rows, key[1]), _shared(columns, key[2]), strict=True)
            found[(slice(None), *here)] = self._supply.block(key)[(slice(None), *there)]
        self._supply.trim()
        return found


def picture_of(command: Open | Offer, supply: Supply | None) -> Picture:
    """The picture of a plane that was sent or offered.

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


def _touched(side: slice) -> Iterator[int]:
    """Numbers of the blocks along an axis that a window touches."""
    return iter(range(side.start // BLOCK, math.ceil(side.stop / BLOCK)))


def _shared(side: slice, number: int) -> tuple[slice, slice]:
    """Where a window and a block share pixels: in the window, and in the block."""
    first = number * BLOCK
    low, high = max(side.start, first), min(side.stop, first + BLOCK)
    return slice(low - side.start, high - side.start), slice(low - first, high - first)
