"""The parts that objects are made of, found tile by tile as if there were no tiles.

Each tile is looked at with a ring of one pixel of its neighbours. A pixel of the ring gets a label
from both, so the two labels stand for the same part. This is all that is needed to put the parts
together, as long as a label depends on a pixel and its direct neighbours only: see `objects_cuts`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Window: TypeAlias = tuple[slice, slice]
Shape: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[bool, bool, bool, bool]

NOWHERE = int(np.iinfo(np.int64).max)
_LARGE = 1 << 30  # bytes; larger arrays are kept on disk


class ArrayLike(Protocol):
    """An array of which windows can be read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its size, px."""

    def __getitem__(self, window: Any, /) -> Any:  # noqa: ANN401
        """Read a window."""


@dataclass(frozen=True)
class Saddles:
    """The highest pass between each two parts that touch: pairs (m, 2) int64, heights (m,)."""

    pairs: NDArray[np.int64]
    heights: NDArray[np.float64]

    @classmethod
    def of(cls, pairs: NDArray[np.int64], heights: NDArray[np.float64]) -> Saddles:
        """Keep of each pair, in whatever order, only the highest pass."""
        pairs = np.sort(pairs, axis=1)
        order = np.lexsort((heights, pairs[:, 1], pairs[:, 0]))
        pairs, heights = pairs[order], heights[order]
        last = np.ones(len(pairs), bool)
        last[:-1] = (pairs[1:] != pairs[:-1]).any(axis=1)
        last &= pairs[:, 0] != pairs[:, 1]
        return cls(pairs[last], heights[last])


@dataclass(frozen=True)
class Cut:
    """The parts in one window.

    Attributes
    ----------
    labels : (h, w) int32, 1…n; 0 outside the mask.
    anchors : (n,) int64, the pixel that a part is known by, counted row by row in the window, or
        `NOWHERE` if the part has it in another window.
    peaks : (n,) float64, height of the highest pixel.
    saddles : between the labels of this window.
    """

    labels: NDArray[np.int32]
    anchors: NDArray[np.int64]
    peaks: NDArray[np.float64]
    saddles: Saddles


CutWindow: TypeAlias = Callable[[Window, Window], Cut]  # of a tile, and the same with its ring


@dataclass(frozen=True)
class Parts:
    """All parts of a plane, in the order of their anchors, whatever the tiles were; 0 is no part.

    Attributes
    ----------
    labels : (Y, X) int32, as the tiles gave them.
    part_of : (labels + 1,) int64, the part that each label stands for.
    areas : (parts + 1,) int64, px.
    peaks : (parts + 1,) float64
    saddles : between parts.
    """

    labels: NDArray[np.int32]
    part_of: NDArray[np.int64]
    areas: NDArray[np.int64]
    peaks: NDArray[np.float64]
    saddles: Saddles

    def touching(self, sides: Sides) -> NDArray[np.int64]:
        """Parts in the first row, the last row, the first column, the last column."""
        lines = (self.labels[0], self.labels[-1], self.labels[:, 0], self.labels[:, -1])
        asked = [line for line, wanted in zip(lines, sides, strict=True) if wanted]
        found = np.unique(np.concatenate([np.zeros(1, np.int32), *asked]))
        return np.unique(self.part_of[found])


def scratch(shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
    """Zeros; on disk where they would fill the memory."""
    if np.dtype(dtype).itemsize * shape[0] * shape[1] <= _LARGE:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile() as file:  # it is gone when the array is
        return np.memmap(file, dtype, "w+", shape=shape)


def windows(shape: Shape, tile: int) -> list[Window]:
    """Squares that partition a plane."""
    return [
        (slice(y, min(y + tile, shape[0])), slice(x, min(x + tile, shape[1])))
        for y in range(0, shape[0], tile)
        for x in range(0, shape[1], tile)
    ]


def grown(window: Window, by: int, shape: Shape) -> Window:
    """The window with `by` px more on each side, cut to the plane."""
    y, x = (
        slice(max(s.start - by, 0), min(s.stop + by, n)) for s, n in zip(window, shape, strict=True)
    )
    return y, x


def within(window: Window, outer: Window) -> Window:
    """A window in the coordinates of one that contains it."""
    y, x = (slice(s.start - o.start, s.stop - o.start) for s, o in zip(window, outer, strict=True))
    return y, x


def gather(shape: Shape, tile: int, cut: CutWindow, step: Callable[[], None]) -> Parts:
    """Cut all tiles of a plane, and put together what belongs together.

    Parameters
    ----------
    shape : (Y, X), px
    tile : int
        Side of the tiles, px.
    cut : callable
    step : callable
        Called after each tile.
    """
    labels: NDArray[np.int32] = scratch(shape, np.int32)
    pieces = [_Piece.nothing()]
    total = 0
    for place in windows(shape, tile):
        window = grown(place, 1, shape)
        found = cut(place, window)
        inner = found.labels[within(place, window)]
        np.add(inner, total, out=labels[place], where=inner > 0)
        pieces.append(_Piece.of(found, place, window, shape, total))
        total += len(found.peaks)
        step()
    return _put_together(labels, pieces)


@dataclass(frozen=True)
class _Piece:
    """What is kept of a window: its labels' properties, on the plane and with its numbers."""

    areas: NDArray[np.int64]
    anchors: NDArray[np.int64]
    peaks: NDArray[np.float64]
    pairs: NDArray[np.int64]
    heights: NDArray[np.float64]
    ring: NDArray[np.int64]  # (3, r): rows, columns and labels of its pixels that are not the tile

    @classmethod
    def nothing(cls) -> _Piece:
        """The row of label 0."""
        none = np.zeros(1, np.int64)
        pairs, ring = np.zeros((0, 2), np.int64), np.zeros((3, 0), np.int64)
        return cls(none, none - 1, np.zeros(1), pairs, np.zeros(0), ring)

    @classmethod
    def of(cls, found: Cut, place: Window, window: Window, shape: Shape, total: int) -> _Piece:
        outer = found.labels.copy()
        outer[within(place, window)] = 0
        y, x = outer.nonzero()
        ring = np.stack([y + window[0].start, x + window[1].start, outer[y, x] + total])
        inner = found.labels[within(place, window)]
        rows, columns = np.divmod(found.anchors, found.labels.shape[1])
        moved = (rows + window[0].start) * shape[1] + columns + window[1].start
        return cls(
            areas=np.bincount(inner.ravel(), minlength=len(found.peaks) + 1)[1:],
            anchors=np.where(found.anchors == NOWHERE, NOWHERE, moved),
            peaks=found.peaks,
            pairs=found.saddles.pairs + total,
            heights=found.saddles.heights,
            ring=ring,
        )


def _put_together(labels: NDArray[np.int32], pieces: list[_Piece]) -> Parts:
    rows, columns, seen = np.concatenate([piece.ring for piece in pieces], axis=1)
    anchors = np.concatenate([piece.anchors for piece in pieces])
    same = coo_array(
        (np.ones(len(seen), np.int8), (seen, labels[rows, columns])), (len(anchors),) * 2
    )
    count, group = connected_components(same, directed=False)
    anchor = np.full(count, NOWHERE)
    np.minimum.at(anchor, group, anchors)
    rank = np.empty(count, np.int64)
    rank[np.argsort(anchor)] = np.arange(count)  # label 0 has anchor -1 and stays the first
    part_of = rank[group]
    areas = np.concatenate([piece.areas for piece in pieces])
    peaks = np.zeros(count)
    np.maximum.at(peaks, part_of, np.concatenate([piece.peaks for piece in pieces]))
    pairs = np.concatenate([piece.pairs for piece in pieces])
    heights = np.concatenate([piece.heights for piece in pieces])
    return Parts(
        labels,
        part_of,
        np.bincount(part_of, weights=areas, minlength=count).astype(np.int64),
        peaks,
        Saddles.of(part_of[pairs], heights),
    )
