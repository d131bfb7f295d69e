"""The orientations of a square grid, over which predictions are averaged.

A square looks the same after four quarter turns, mirrored or not: eight orientations, each of
which is a flip of some axes and a swap of both or none. None of them interpolates, so averages stay
seamless. The 2015 paper averages over "7 rotated versions of the input data" (section 4) and does
not say which; here they are the seven beside the one as the image lies.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Orientation(NamedTuple):
    """Flips of the last two axes, and after them a swap of the two."""

    axes: tuple[int, ...] = ()
    swapped: bool = False

    def turn(self, images: Tensor) -> Tensor:
        """Images (..., Y, X) in this orientation; Y and X change places where it is swapped."""
        flipped = images.flip(self.axes) if self.axes else images
        return flipped.transpose(-1, -2) if self.swapped else flipped

    def undo(self, images: Tensor) -> Tensor:
        """Images (..., Y, X) in this orientation, as they lay before."""
        upright = images.transpose(-1, -2) if self.swapped else images
        return upright.flip(self.axes) if self.axes else upright


_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
MIRRORS = tuple(Orientation(axes) for axes in _FLIPS)
ALL = tuple(Orientation(axes, swapped) for swapped in (False, True) for axes in _FLIPS)
SEVEN = ALL[1:]
