"""From a class map to objects: connected regions, cut apart where they only touch.

Works tile by tile, and the result does not depend on the tiles: a tile only finds out to which of
its neighbours each pixel belongs, and that takes nothing but the pixel's distance to what is no
object, which is looked up as far as it goes (at most `objects_cuts.FARTHEST` px, beyond which it
does not grow). All else is decided on the list of parts of the whole plane, see `objects_parts` and
`objects_joining`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.objects_cuts import Mask, ReadMask, basins, components
from napari_unet.core.objects_joining import join
from napari_unet.core.objects_parts import (
    ArrayLike,
    Parts,
    Sides,
    Window,
    gather,
    scratch,
    windows,
)
from napari_unet.core.objects_settings import ObjectSettings

__all__ = ["ObjectSettings", "find_objects"]

Labels: TypeAlias = NDArray[np.unsignedinteger[Any]]
TILE = 2048  # px per side


def find_objects(  # noqa: PLR0913 - what to find, in what, and how much at a time
    classes: ArrayLike,
    number: int,
    settings: ObjectSettings | None = None,
    *,
    probability: ArrayLike | None = None,
    sides: Sides = (True, True, True, True),
    tile: int = TILE,
    progress: Callable[[int, int], None] | None = None,
) -> Labels:
    """Number the objects of one class.

    Parameters
    ----------
    classes : (Y, X) integers, array-like
        A class map; a numpy array, a memory map, a zarr array, …
    number : int
        The class whose objects are wanted.
    settings : ObjectSettings, optional
    probability : (Y, X) array-like, optional
        Of that class, 0…1, or 0…255 if uint8. Objects are then cut where it dips, too. Only its
        values where the plane is of that class count.
    sides : four bool
        Whether the first row, last row, first column, last column lie at the image's border;
        they do not if this is a part of an image.
    tile : int
        Side of the tiles, px. It changes memory and time, never the result.
    progress : callable, optional
        Told of tiles done and in all. What it raises ends the work.

    Returns
    -------
    (Y, X) unsigned integers
        0 where there is no object, 1…n in reading order (of the first pixels; of the innermost ones
        if objects are split), in the smallest type that holds n. If it is larger than 1 GiB, it is
        a memory map of a temporary file.
    """
    settings = settings or ObjectSettings()
    shape = (int(classes.shape[0]), int(classes.shape[1]))
    count = len(windows(shape, tile))
    rounds = 2 + bool(settings.holes)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, rounds * count)

    def given(window: Window) -> Mask:
        wanted: Mask = np.asarray(classes[window]) == number
        return wanted

    mask: ReadMask = given
    if settings.holes:
        mask = _filled(given, shape, settings.holes, tile, step)
    if settings.split:
        unfilled = given if settings.holes else None
        parts = gather(shape, tile, basins(mask, shape, probability, unfilled), step)
    else:
        parts = gather(shape, tile, components(mask, connectivity=1), step)
    return _numbered(parts, _final(parts, settings, sides), tile, step)


def _filled(
    mask: ReadMask,
    shape: tuple[int, int],
    largest: int,
    tile: int,
    step: Callable[[], None],
) -> ReadMask:
    """The same mask with its holes of up to `largest` px filled."""
    outside = gather(shape, tile, components(lambda w: ~mask(w), connectivity=2), step)
    hole = outside.areas <= largest
    hole[outside.touching((True, True, True, True))] = False
    hole[0] = False
    hole = hole[outside.part_of]

    def filled(window: Window) -> Mask:
        return mask(window) | hole[outside.labels[window]]

    return filled


def _final(parts: Parts, settings: ObjectSettings, sides: Sides) -> NDArray[np.int64]:
    """The final number of each part; 0 where it is dropped."""
    if settings.split:
        group = join(parts, settings.strength, settings.smallest)
    else:
        group = np.arange(len(parts.areas))
    area = np.bincount(group, weights=parts.areas, minlength=len(group))
    kept = area >= settings.smallest
    if settings.whole:
        kept[group[parts.touching(sides)]] = False
    first = np.zeros(len(group), bool)
    first[np.unique(group)] = True
    kept &= first
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0)[group]


def _numbered(
    parts: Parts, final: NDArray[np.int64], tile: int, step: Callable[[], None]
) -> Labels:
    dtype = np.min_scalar_type(int(final.max(initial=0)))
    table = final.astype(dtype)[parts.part_of]
    shape = (parts.labels.shape[0], parts.labels.shape[1])
    result: Labels = scratch(shape, dtype)
    for window in windows(shape, tile):
        result[window] = table[parts.labels[window]]
        step()
    return result
