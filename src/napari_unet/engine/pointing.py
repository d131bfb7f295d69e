"""Where to paint next: uncertainty around what is looked at, a tile at a time, then a place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from napari_unet.core.image import Picture
from napari_unet.core.tiling import nearest_first
from napari_unet.core.training import Trainer
from napari_unet.core.uncertainty import Place, next_place, uncertainty
from napari_unet.engine.messages import Event, Look, PlaneName, Suggested

_MOST = 16  # tiles, so that an answer takes seconds on a plane of any size
_REMEMBERED = 8  # places of a plane that are not suggested again


class Pointing:
    """Answers one request at a time; a new one takes the place of the one before."""

    def __init__(self) -> None:
        self._told: dict[PlaneName, deque[Place]] = {}
        self._request: Iterator[Sequence[Event]] | None = None

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for a place."""
        return self._request is not None

    def ask(self, trainer: Trainer, look: Look) -> None:
        """Begin to look for a place, nearest to the middle of what is looked at first.

        Parameters
        ----------
        trainer : Trainer
            That has answered, and has the plane.
        look : Look
        """
        self._request = self._search(trainer, look, trainer.pictures[look.plane])

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

    def _search(self, trainer: Trainer, look: Look, picture: Picture) -> Iterator[Sequence[Event]]:
        unsure = np.zeros(picture.shape, np.uint8)
        y0, x0, y1, x1 = look.box
        tiles = nearest_first(trainer.predictor.tiles(picture), ((y0 + y1) / 2, (x0 + x1) / 2))
        for tile in tiles[:_MOST]:
            if trainer.pictures.get(look.plane) is not picture:  # closed or replaced meanwhile
                return
            features = trainer.predictor.features(look.plane, picture, tile)
            p = trainer.predictor.probabilities(features).cpu().numpy()
            unsure[tile.write] = uncertainty(p)
            yield ()
        told = self._told.setdefault(look.plane, deque(maxlen=_REMEMBERED))
        paint = trainer.splits.get(look.plane)
        known = np.zeros(picture.shape, bool) if paint is None else paint.paint > 0
        place = next_place(unsure, known, told)
        if place is not None:
            told.append(place)
        yield (Suggested(look.plane, place),)
