"""An image file as planes that are read one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.calibration import Spacing
from napari_unet.core.image import as_plane

Index: TypeAlias = tuple[int, ...]  # a number for each axis before YX
Place: TypeAlias = Mapping[str, int]  # the same with the axes' names
Take: TypeAlias = Callable[[Place], NDArray[Any]]
Cut: TypeAlias = Callable[[Place, slice, slice], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class View:
    """A plane (C, Y, X) of a file, of which only the windows are read that are asked for.

    Attributes
    ----------
    cut : reads rows and columns: (C, h, w)
    shape : (C, Y, X)
    channels : which channels of the file it has, from 0; empty: all
    """

    cut: Callable[[slice, slice], NDArray[Any]]
    shape: tuple[int, ...]
    channels: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[slice, slice, slice]) -> NDArray[Any]:
        found = self.cut(*key[1:])
        return (found[list(self.channels)] if self.channels else found)[key[0]]

    def chosen(self, channels: tuple[int, ...]) -> View:
        """With some of its channels only, from 0."""
        return View(self.cut, (len(channels), *self.shape[1:]), channels)


@dataclass(frozen=True, eq=False)
class Stack:
    """An open image file: its axes, and its planes one at a time.

    Attributes
    ----------
    axes : "YX", "ZYX", "TYX" or "TZYX"
    shape : length of each of the axes
    take : reads the plane (C, Y, X) at a place on the axes before YX
    spacing : axis → step from one to the next and its unit, where the file says it
    channels : names of the channels, where the file says them
    cut : reads a window of a plane, where the file allows to read less than a plane
    """

    axes: str
    shape: tuple[int, ...]
    take: Take
    spacing: Spacing = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    cut: Cut | None = None

    @property
    def planes(self) -> list[Index]:
        """Where the planes are, in the order of the axes."""
        return list(np.ndindex(self.shape[:-2]))

    def plane(self, index: Index) -> NDArray[Any]:
        """Read one plane: (C, Y, X), of the file's own type.

        Raises
        ------
        FileError, ImageError
        """
        return _numbers(self.take(self._place(index)))

    def view(self, index: Index) -> View | NDArray[Any]:
        """One plane (C, Y, X), read window by window where that can be done.

        Raises
        ------
        FileError, ImageError
        """
        cut, place = self.cut, self._place(index)
        if cut is None:
            return self.plane(index)
        few = _numbers(cut(place, slice(0, 1), slice(0, 1)))
        return View(lambda rows, columns: _numbers(cut(place, rows, columns)),
                    (len(few), *self.shape[-2:]))  # fmt: skip

    def _place(self, index: Index) -> Place:
        return dict(zip(self.axes, index, strict=False))


def _numbers(plane: NDArray[Any]) -> NDArray[Any]:
    if plane.dtype.kind not in "iuf" or 0 in plane.shape:
        plane = np.stack([as_plane(channel)[0] for channel in plane])  # or says what is wrong
    return plane.astype(plane.dtype.newbyteorder("="), copy=False)


def as_channels(block: NDArray[Any], axes: str) -> NDArray[Any]:
    """Order a block with axes Y and X, and maybe C and S (colours), as (C, Y, X)."""
    if "S" in axes and block.shape[axes.index("S")] == 4:
        block = block.take(range(3), axis=axes.index("S"))  # the fourth is transparency
    order = [axes.index(a) for a in "CSYX" if a in axes]
    height, width = (block.shape[axes.index(a)] for a in "YX")
    return block.transpose(order).reshape(-1, height, width)
