"""Where to paint next: uncertainty around what is looked at, a tile at a time, then a place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from napari_unet.core.annotations import Annotations
from napari_unet.core.image import Picture
from napari_unet.core.tiling import Tile, Window, nearest_first
from napari_unet.core.training import Trainer
from napari_unet.core.uncertainty import Place, next_place, uncertainty
from napari_unet.engine.live import around
from napari_unet.engine.messages import Box, Event, Look, PlaneName, Suggested

_MOST = 16  # tiles, so that an answer takes seconds on a plane of any size
_REMEMBERED = 8  # places of a plane that are not suggested again


class Pointing:
    """Answers one request at a time; a new one takes the place of the one before."""

    def __init__(self) -> None:
        self._told: dict[PlaneName, dict[int, deque[Place]]] = {}  # by slice
        self._request: Iterator[Sequence[Event]] | None = None

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for a place."""
        return self._request is not None

    def ask(self, trainer: Trainer, look: Look, paint: Annotations | None) -> None:
        """Begin to look for a place, nearest to the middle of what is looked at first.

        Parameters
        ----------
        trainer : Trainer
            That has answered, and has the plane.
        look : Look
        paint : Annotations, optional
            What there is on the plane.
        """
        self._request = self._search(trainer, look, trainer.pictures[look.plane], paint)

    def opened(self, plane: PlaneName) -> None:
        """There are other pixels under this name."""
        self._told.pop(plane, None)

    def clear(self) -> None:
        """Nobody waits any more."""
        self._request = None

    def work(self) -> Iterator[Event]:
        """Look at one more tile, or name the place."""
        if self._request is None:
            return
        said = next(self._request, None)
        if said is None:
            self._request = None
        else:
            yield from said

    def _search(
        self, trainer: Trainer, look: Look, picture: Picture, paint: Annotations | None
    ) -> Iterator[Sequence[Event]]:
        y0, x0, y1, x1 = look.box
        tiles = trainer.predictor.tiles(picture, within=_searched(look, picture))
        middle = (look.z, (y0 + y1) / 2, (x0 + x1) / 2)[-len(picture.shape) :]
        tiles = nearest_first(tiles, middle)[:_MOST]
        box = _around_all(tiles)
        unsure = np.zeros((box[2] - box[0], box[3] - box[1]), np.uint8)
        for tile in tiles:
            if trainer.pictures.get(look.plane) is not picture:  # closed or replaced meanwhile
                return
            features = trainer.predictor.features(look.plane, picture, tile)
            p = trainer.predictor.probabilities(features).cpu().numpy()
            _, y, x = tile.corner
            height, width = p.shape[-2:]
            y, x = y - box[0], x - box[1]
            unsure[y : y + height, x : x + width] = uncertainty(p)
            yield ()
        slices = self._told.setdefault(look.plane, {})
        told = slices.setdefault(look.z, deque(maxlen=_REMEMBERED))
        near = [(y - box[0], x - box[1]) for y, x in told]
        near = [(y, x) for y, x in near if 0 <= y < len(unsure) and 0 <= x < unsure.shape[1]]
        known = np.zeros(unsure.shape, bool)
        if paint is not None:
            known = paint.part(box[0], box[1], *unsure.shape, look.z) > 0
        found = next_place(unsure, known, near)
        place = found and (found[0] + box[0], found[1] + box[1])
        if place is not None:
            told.append(place)
        yield (Suggested(look.plane, place, look.z),)


def _searched(look: Look, picture: Picture) -> Window:
    """What is searched: of what is large around the view, and of a volume the slice in view."""
    reach = around(look.box) if picture.large else tuple(slice(0, n) for n in picture.shape[-2:])
    return (slice(look.z, look.z + 1), *reach)[-len(picture.shape) :]


def _around_all(tiles: Sequence[Tile]) -> Box:
    """The smallest box around what some tiles write."""
    rows, columns = zip(*(t.write[-2:] for t in tiles), strict=True)
    return (
        min(r.start for r in rows), min(c.start for c in columns),
        max(r.stop for r in rows), max(c.stop for c in columns),
    )  # fmt: skip
