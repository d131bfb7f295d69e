"""How sure the network was of each pixel's class, kept beside the layer that shows the classes.

It is told with the class that it is about. So what was painted over since, by the user or by a
program, counts as certain; and so does what the network never said anything of.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.objects_parts import ArrayLike, Window
from napari_unet.widgets.planes import Index, full_shape
from napari_unet.widgets.pyramid import empty

SAID = np.uint16  # a class, and how probable it was, a byte each: one array is written and read
_CERTAIN = 255
_kept: weakref.WeakKeyDictionary[Labels, Certainty] = weakref.WeakKeyDictionary()


def certainty_of(layer: Labels) -> Certainty | None:
    """What is known of a layer of classes; None where the network said nothing of it."""
    known = _kept.get(layer)
    return known if known is not None and known.shape == full_shape(layer) else None


def keep(layer: Labels, certainty: Certainty) -> Certainty:
    """Keep it for as long as there is the layer."""
    _kept[layer] = certainty
    return certainty


def in_memory(pixels: Any) -> bool:  # noqa: ANN401
    """Whether they are in memory and not in a file, so that a copy costs next to nothing."""
    return isinstance(pixels, np.ndarray) and not isinstance(pixels, np.memmap)


def still(plane: NDArray[Any]) -> NDArray[Any]:
    """A copy of a plane; of a large one, in a file without a name."""
    copy = empty(plane.shape, plane.dtype)
    copy[...] = plane
    return copy


class Certainty:
    """The probability of each pixel's class.

    Parameters
    ----------
    said : (…, Y, X) of type `SAID`, array-like
        Zeros to begin with.
    """

    def __init__(self, said: Any) -> None:  # noqa: ANN401
        self._said = said
        self.shape: tuple[int, ...] = tuple(said.shape)

    def write(
        self, index: Index, y: int, x: int, labels: NDArray[Any], values: NDArray[Any] | None
    ) -> None:
        """Take a tile (h, w) of classes, and how probable each was; None: it was not said."""
        height, width = labels.shape
        place = (*index, slice(y, y + height), slice(x, x + width))
        self._said[place] = 0 if values is None else labels.astype(SAID) << 8 | values

    def read(self, index: Index, window: Window, classes: NDArray[Any]) -> NDArray[np.uint8]:
        """A window of a plane, 0…255, whose pixels are of these classes (h, w) now."""
        said = np.asarray(self._said[(*index, *window)])
        found: NDArray[np.uint8] = np.where(said >> 8 == classes, said & _CERTAIN, _CERTAIN).astype(
            np.uint8
        )
        return found

    def over(self, classes: ArrayLike, index: Index) -> ArrayLike:
        """A plane, read window by window, whose pixels are of these classes (Y, X) now."""
        return _Plane(self, classes, index)

    def frozen(self) -> Certainty:
        """What it is now, while the prediction goes on; on a disk it goes on with it."""
        return Certainty(self._said.copy()) if in_memory(self._said) else self

    def plane(self, index: Index) -> Certainty:
        """One plane (Y, X) as it is now; it may take long."""
        return Certainty(still(self._said[index]))


class _Plane:
    """One plane of it."""

    def __init__(self, certainty: Certainty, classes: ArrayLike, index: Index) -> None:
        self._certainty, self._classes, self._index = certainty, classes, index
        self.shape = classes.shape

    def __getitem__(self, window: Window) -> NDArray[np.uint8]:
        return self._certainty.read(self._index, window, np.asarray(self._classes[window]))
