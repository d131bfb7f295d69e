"""Overlap-tile geometry (figure 2 of the 2015 paper), worked out one axis at a time.

Each tile has a window to write and a larger one to read: the same window, grown to a size that
the network accepts, plus the margin of context on each side. The writes partition the image.
Tiles start at multiples of the network's stride (2^depth), so all of them pool on one grid and
the tiled output equals the output of the whole image. The paper's own 388 px tiles laid side by
side would shift that grid; 384 px do not.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Window = tuple[slice, ...]


@dataclass(frozen=True)
class Grid:
    """What tiles must fit, in px per axis.

    Attributes
    ----------
    margin : context that an output window needs on each side.
    stride : spacing of the network's pooling grid, 2^depth.
    """

    margin: int
    stride: int

    def cover(self, length: int) -> int:
        """Smallest output size of the network that is ≥ `length`: 4 mod 16 for depth 4."""
        first = 4 % self.stride or self.stride
        return first + -(-max(length - first, 0) // self.stride) * self.stride

    def input(self, length: int) -> int:
        """Smallest input size whose output covers `length`: 12 mod 16 for depth 4."""
        return self.cover(length) + 2 * self.margin

    def step(self, output: int) -> int:
        """Largest tile step that keeps the pooling grid, at most `output`."""
        return max(self.stride, output // self.stride * self.stride)


@dataclass(frozen=True)
class Tile:
    """One step of the overlap-tile strategy.

    Attributes
    ----------
    write : window of the image that this tile decides.
    read : window that the network must see; it may reach outside the image (mirror there).
    """

    write: Window
    read: Window

    def __hash__(self) -> int:
        # Python 3.11 cannot hash slices
        return hash(tuple((s.start, s.stop) for s in (*self.write, *self.read)))

    def read_by(self, grids: Sequence[Grid]) -> Tile:
        """The same write window, read as a network with these grids, one for each axis, must."""
        seen = (_seen(write, grid) for write, grid in zip(self.write, grids, strict=True))
        return Tile(self.write, tuple(seen))

    @property
    def crop(self) -> Window:
        """The part of the network's output that is written."""
        return tuple(slice(0, w.stop - w.start) for w in self.write)

    @property
    def corner(self) -> tuple[int, int, int]:
        """First slice, row and column of the write window; of a plane, slice 0."""
        *z, y, x = (w.start for w in self.write)
        return (z[0] if z else 0), y, x

    @property
    def centre(self) -> tuple[float, ...]:
        """Middle of the write window, in px."""
        return tuple((w.start + w.stop - 1) / 2 for w in self.write)

    def moved(self, origin: Sequence[int]) -> Tile:
        """The same tile with `origin` added to all its coordinates, in px."""
        return Tile(_shift(self.write, origin), _shift(self.read, origin))

    def within(self, outer: Tile) -> Window:
        """Return the write window in the coordinates of another one that contains it."""
        return _shift(self.write, [-w.start for w in outer.write])


def _shift(window: Window, by: Sequence[int]) -> Window:
    return tuple(slice(w.start + n, w.stop + n) for w, n in zip(window, by, strict=True))


def axis_tiles(
    length: int, output: int, grid: Grid, within: slice | None = None
) -> list[tuple[slice, slice]]:
    """Write and read windows along one axis of `length` px for tiles of about `output` px.

    With `within` only those that write into it.
    """
    step = grid.step(output)
    first = 0 if within is None else max(within.start, 0) // step * step
    windows = []
    for start in range(first, length if within is None else min(within.stop, length), step):
        write = slice(start, min(start + step, length))
        windows.append((write, _seen(write, grid)))
    return windows


def _seen(write: slice, grid: Grid) -> slice:
    """The read window for a write window."""
    low = write.start - grid.margin
    return slice(low, low + grid.input(write.stop - write.start))


def tiles(
    shape: Sequence[int],
    output: int | Sequence[int],
    grid: Grid | Sequence[Grid],
    within: Window | None = None,
) -> list[Tile]:
    """All tiles of an image of spatial `shape`, in reading order; their writes partition it.

    With `within` only those that write into this window. `output` and `grid` are those of all
    axes, or one for each.

    Raises
    ------
    ValueError
        If an axis has no pixels.
    """
    if min(shape) < 1:
        raise ValueError(f"an image of shape {tuple(shape)} has no pixels to tile")
    parts = [None] * len(shape) if within is None else within
    outputs = [output] * len(shape) if isinstance(output, int) else output
    axes = list(map(axis_tiles, shape, outputs, per_axis(grid, len(shape)), parts))
    return [
        Tile(write=tuple(w for w, _ in pair), read=tuple(r for _, r in pair))
        for pair in itertools.product(*axes)
    ]


def per_axis(grid: Grid | Sequence[Grid], axes: int) -> Sequence[Grid]:
    """The grid of each axis, where all have the same one or each has its own."""
    return (grid,) * axes if isinstance(grid, Grid) else grid


def nearest_first(todo: Sequence[Tile], point: Sequence[float]) -> list[Tile]:
    """The same tiles, by the distance of their middle to a point (in px)."""
    return sorted(
        todo,
        key=lambda t: sum((c - p) ** 2 for c, p in zip(t.centre, point, strict=True)),
    )


def overlaps(tile: Tile, window: Window) -> bool:
    """Whether a tile writes into a window."""
    return all(
        w.start < v.stop and v.start < w.stop for w, v in zip(tile.write, window, strict=True)
    )
