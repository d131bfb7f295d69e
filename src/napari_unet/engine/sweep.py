"""Which tile is predicted next: what the user looks at first, then what is most out of date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from napari_unet.core.tiling import Tile, Window, nearest_first, overlaps
from napari_unet.engine.messages import Box

_URGENT = 64  # tiles that are predicted without pause, so that training gets its turn


def seen_window(box: Box, z: int) -> Window:
    """What is seen of a volume (Z, Y, X) that is looked at in slice `z`; of a plane the rest."""
    return slice(z, z + 1), slice(box[0], box[2]), slice(box[1], box[3])


@dataclass
class Sweep:
    """The tiles of one plane that wait for the newest weights.

    Weights may change before a sweep has come to its end. So out of sight those tiles come first
    that were left out longest, and every tile gets its turn.

    Attributes
    ----------
    plane : name of the plane, empty where there is none.
    box : what the user sees of it, y0, x0, y1, x1 in px.
    z : in which slice, if it is a volume.
    """

    plane: str = ""
    box: Box = (0, 0, 0, 0)
    z: int = 0
    total: int = 0
    _visible: list[Tile] = field(default_factory=list)
    _rest: list[Tile] = field(default_factory=list)
    _number: int = 0  # of this sweep over the plane
    _taken: dict[Tile, int] = field(default_factory=dict)  # the last sweep that got to each tile

    def begin(self, tiles: Sequence[Tile]) -> None:
        """All tiles are out of date, and these are wanted."""
        self._number += 1
        self.want(tiles)

    def want(self, tiles: Sequence[Tile]) -> None:
        """These tiles are wanted from now on; what this sweep has got to stays done."""
        self.total = len(tiles)
        self._sort([t for t in tiles if self._taken.get(t, 0) < self._number])

    def look(self, box: Box, z: int = 0) -> None:
        """The user looks elsewhere: what waits is put in a new order."""
        self.box, self.z = box, z
        self._sort([*self._visible, *self._rest])

    def clear(self) -> None:
        """Nothing waits any more."""
        self.total = 0
        self._visible, self._rest = [], []

    @property
    def waiting(self) -> int:
        """Tiles that are out of date."""
        return len(self._visible) + len(self._rest)

    @property
    def visible_waiting(self) -> int:
        """Those of them that the user sees; of very many, the nearest to the middle."""
        return len(self._visible)

    def next(self) -> Tile:
        """Take the most urgent tile."""
        tile = (self._visible or self._rest).pop(0)
        self._taken[tile] = self._number
        return tile

    def _sort(self, tiles: Sequence[Tile]) -> None:
        axes = len(tiles[0].write) if tiles else 2
        window = seen_window(self.box, self.z)[-axes:]
        ordered = nearest_first(tiles, [(w.start + w.stop) / 2 for w in window])
        seen = [t for t in ordered if overlaps(t, window)]
        self._visible = seen[:_URGENT]
        rest = [*seen[_URGENT:], *(t for t in ordered if not overlaps(t, window))]
        # of the same age, nearest first
        self._rest = sorted(rest, key=lambda tile: self._taken.get(tile, 0))
