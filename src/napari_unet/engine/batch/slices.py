"""A volume that is too large to be read whole, read slice by slice from its file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from math import prod
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import check_numbers
from napari_unet.core.reading import open_stack
from napari_unet.core.stack import Index, Stack
from napari_unet.engine.batch.plan import Job

_KEPT = 1 << 30  # bytes of slices that are remembered: tiles beside each other need the same ones


class Slices:
    """Planes of a file as a volume (C, Z, Y, X): `volume[:, z0:z1, y0:y1, x0:x1]` reads it.

    The file is opened once more, at the first reading, as others are read meanwhile. Reads may come
    from several threads.

    Parameters
    ----------
    job : Job
        Of the file.
    planes : sequence of Index
        Which of its planes the slices are, in their order.
    few : (C, h, w)
        Some pixels of a plane, with the channels that are wanted.
    channels : tuple of int
        Their numbers in the file, 1 is the first; empty: all.
    plane : (Y, X) of the slices, px
    """

    def __init__(
        self,
        job: Job,
        planes: Sequence[Index],
        few: NDArray[Any],
        channels: tuple[int, ...],
        plane: tuple[int, ...],
    ) -> None:
        self._job, self._planes = job, planes
        self._channels = [number - 1 for number in channels]
        self.shape, self.dtype = (len(few), len(planes), *plane), few.dtype
        self._bytes = prod((len(few), *plane, few.dtype.itemsize))  # of a slice
        self._lock, self._file = Lock(), ExitStack()
        self._stack: Stack | None = None
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> NDArray[Any]:
        channels, slices, rows, columns = window
        numbers = range(*slices.indices(self.shape[1]))
        with self._lock:
            found = [self._read(z, rows, columns, len(numbers))[channels] for z in numbers]
        return np.stack(found, axis=1)

    def close(self) -> None:
        """Close the file and forget its pixels."""
        with self._lock:
            self._kept.clear()
            self._stack = None
            self._file.close()

    def _read(self, z: int, rows: slice, columns: slice, together: int) -> NDArray[Any]:
        """A window of a slice, one of so many that are read `together`: (C, h, w)."""
        if self._stack is None:
            self._stack = self._file.enter_context(open_stack(self._job.source, self._job.scene))
        fitting = _KEPT // self._bytes
        if together > fitting and self._stack.cut is not None:
            view = self._stack.view(self._planes[z])
            return self._wanted(view[:, rows, columns])
        if z not in self._kept:
            self._kept[z] = self._wanted(self._stack.plane(self._planes[z]))
        self._kept.move_to_end(z)
        while len(self._kept) > max(fitting, together):  # fewer would be read again for each tile
            self._kept.popitem(last=False)
        return self._kept[z][:, rows, columns]

    def _wanted(self, plane: NDArray[Any]) -> NDArray[Any]:
        return check_numbers(plane[self._channels] if self._channels else plane)
