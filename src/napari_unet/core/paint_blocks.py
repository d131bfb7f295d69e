"""Paint in square blocks, of which only those exist that hold some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BLOCK = 256  # px per side

ClassMap = NDArray[np.uint8]


class Block(Struct, frozen=True, eq=False):
    """Paint in one square: its first row and column, and its (≤256, ≤256) uint8 values.

    `z` is the slice of a volume that it lies in.
    """

    y: int
    x: int
    values: NDArray[Any]
    z: int = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it begins."""
        return self.z, self.y, self.x


def cut(
    paint: NDArray[Any], before: Iterable[Block], top: int = 0, left: int = 0, z: int = 0
) -> list[Block]:
    """The blocks of paint that begins at (`top`, `left`); those that are as before are shared."""
    old = {(b.y, b.x): b for b in before if b.z == z}
    blocks = []
    for y in range(0, paint.shape[0], BLOCK):
        for x in range(0, paint.shape[1], BLOCK):
            part = paint[y : y + BLOCK, x : x + BLOCK]
            if not part.any():
                continue
            known = old.get((top + y, left + x))
            if known is None or not np.array_equal(known.values, part):
                values = part.astype(np.uint8)
                values.flags.writeable = False
                known = Block(top + y, left + x, values, z)
            blocks.append(known)
    return blocks
