"""The live prediction: the plane that is looked at, tile by tile, with the newest weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.image import Picture
from napari_unet.core.tiling import Window
from napari_unet.core.training import Trainer
from napari_unet.core.uncertainty import certainty, uncertainty
from napari_unet.engine.messages import UNSURE, Box, Event, Look, PlaneName, Predicted, Swept
from napari_unet.engine.sweep import Sweep

_MARGIN = 512  # px around what is looked at …
_FARTHEST = 4096  # … and from its middle, that are predicted of a large plane …
_SLICES = 8  # … and of a large volume so many slices above and below the one in view


def around(box: Box) -> Window:
    """What is predicted of a large plane or slice while the user looks at a box of it."""
    sides = []
    for low, high in ((box[0], box[2]), (box[1], box[3])):
        middle, half = (low + high) // 2, (high - low) // 2
        reach = min(half + _MARGIN, _FARTHEST)
        sides.append(slice(middle - reach, middle + reach))
    return tuple(sides)


def reached(look: Look, picture: Picture) -> Window | None:
    """What is predicted of a picture while the user looks at it; None where that is all of it."""
    if not picture.large:
        return None
    slices = (slice(look.z - _SLICES, look.z + _SLICES + 1),) * (len(picture.shape) - 2)
    return *slices, *around(look.box)


@dataclass
class _Course:
    """The sweep of one plane: of what weights and with what overlay, and over which part of it.

    `certain`: with how sure the prediction is.
    """

    sweep: Sweep
    made_for: tuple[int, int | None] | None = None
    reach: Window | None = None
    certain: bool = False


class Live:
    """Knows which tiles are out of date, and predicts the most urgent one when asked to.

    The plane that is looked at comes first, then those that the user may scroll to next.
    """

    def __init__(self) -> None:
        self._look = Look("", (0, 0, 0, 0))
        self._courses: dict[PlaneName, _Course] = {"": _Course(Sweep())}

    @property
    def waiting(self) -> bool:
        """Whether tiles are out of date."""
        return any(course.sweep.waiting for course in self._courses.values())

    @property
    def urgent(self) -> bool:
        """Whether the user sees some of them."""
        course = self._courses.get(self._look.plane)
        return course is not None and course.sweep.visible_waiting > 0

    @property
    def looked(self) -> Look:
        """What the user looks at."""
        return self._look

    def look(self, look: Look) -> None:
        """Take what the user looks at now."""
        self._look = look
        planes = (look.plane, *look.near)  # in this order they are predicted
        self._courses = {p: self._courses.get(p) or _Course(Sweep(p)) for p in planes}
        for course in self._courses.values():
            course.sweep.look(look.box, look.z)

    def opened(self, plane: PlaneName) -> None:
        """There are other pixels under this name."""
        if plane in self._courses:
            self._courses[plane].made_for = None

    def follow(self, trainer: Trainer) -> None:
        """Begin new sweeps where the weights, the pixels or what is asked for changed.

        Of a large plane only what is looked at, and around it, is predicted.
        """
        wanted = (trainer.generation, self._look.overlay)
        for plane, course in self._courses.items():
            picture = trainer.pictures.get(plane)
            reach = None if picture is None else reached(self._look, picture)
            # what was asked for with certainty does without, too
            same = wanted == course.made_for and course.certain >= self._look.certainty
            if same and reach == course.reach:
                continue
            tiles = [] if picture is None else trainer.predictor.tiles(picture, within=reach)
            if same:
                course.sweep.want(tiles)
            else:
                course.sweep.begin(tiles)
                course.certain = self._look.certainty
            course.made_for, course.reach = wanted, reach

    def clear(self) -> None:
        """Predict no more of these sweeps."""
        for course in self._courses.values():
            course.sweep.clear()

    def predict(self, trainer: Trainer) -> Iterator[Event]:
        """Predict the most urgent tile."""
        course = next(c for c in self._courses.values() if c.sweep.waiting)
        sweep = course.sweep
        picture = trainer.pictures.get(sweep.plane)
        if picture is None:  # the image was closed meanwhile
            sweep.clear()
            return
        tile = sweep.next()
        features = trainer.predictor.features(sweep.plane, picture, tile)
        if not trainer.answered:  # look ahead: the first stroke will find its features ready
            return
        labels = trainer.predictor.labels(features)
        shown, sure = self._overlay(trainer, features, certain=course.certain)
        z, y, x = tile.corner
        yield Predicted(sweep.plane, trainer.generation, y, x, labels, shown, z, sure)
        if sweep.plane == self._look.plane:
            yield Swept(
                sweep.plane, trainer.generation, sweep.total - sweep.waiting, sweep.total,
                sweep.visible_waiting,
            )  # fmt: skip

    def _overlay(
        self, trainer: Trainer, features: Tensor, *, certain: bool
    ) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
        """What is shown with the prediction of a tile, and how sure it is.

        Each is (...) from features (D, ...), or None where it is not wanted.
        """
        wanted = self._look.overlay
        if wanted is not None and wanted > trainer.base.classes:
            wanted = None
        if wanted is None and not certain:
            return None, None
        p = trainer.predictor.probabilities(features).cpu().numpy()
        sure = certainty(p) if certain else None
        if wanted is None:
            return None, sure
        if wanted == UNSURE:
            return uncertainty(p), sure
        return np.rint(255 * p[wanted - 1]).astype(np.uint8), sure
