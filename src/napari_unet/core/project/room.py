"""How much memory the paint of a project may take as it is opened; a stranger's can ask for any.

A record of 150 bytes can fill a block of 64 KiB, and so can a stroke of a user. So what bounds a
project is not its size on the disk, but the memory that is free.
"""

from __future__ import annotations

import psutil

from napari_unet.core.annotations import BLOCK
from napari_unet.core.project.changes import Entry, Painted, Plane
from napari_unet.core.project.errors import ProjectError

_SHARE = 3  # of the free memory, one part for the log and one for the snapshot
_LEAST = 256 << 20  # bytes that are never too much
_APIECE = 1024  # bytes that a block takes beside its pixels


class Room:
    """The memory for one project's paint, block by block as it is asked for.

    Parameters
    ----------
    most : int, optional
        Bytes; by default a share of what is free.
    """

    def __init__(self, most: int | None = None) -> None:
        free = int(psutil.virtual_memory().available)
        self._most = max(_LEAST, free // _SHARE) if most is None else most
        self._taken = 0
        self._known: set[tuple[Plane, int, int]] = set()

    def follow(self, entry: Entry) -> None:
        """Make room for what an entry paints.

        Raises
        ------
        ProjectError
            If there is not so much.
        """
        for change in entry.changes:
            if isinstance(change, Painted):
                place = change.plane, change.y // BLOCK, change.x // BLOCK
                if place not in self._known:
                    self._known.add(place)
                    self.take(1, change.shape)

    def take(self, blocks: int, shape: tuple[int, int]) -> None:
        """Make room for so many blocks of a plane of this shape (Y, X).

        Raises
        ------
        ProjectError
            If there is not so much.
        """
        self._taken += blocks * (min(BLOCK, shape[0]) * min(BLOCK, shape[1]) + _APIECE)
        if self._taken > self._most:
            raise ProjectError(
                f"The paint of this project takes more than {self._most / 1e9:.2g} GB of memory, "
                "and not much more is free. Close other programs and open it again, or open it "
                "on a machine with more memory."
            )
