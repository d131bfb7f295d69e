"""The live prediction: the plane that is looked at, tile by tile, with the newest weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.training import Trainer
from napari_unet.core.uncertainty import uncertainty
from napari_unet.engine.messages import UNSURE, Event, Look, PlaneName, Predicted, Swept
from napari_unet.engine.sweep import Sweep


class Live:
    """Knows which tiles are out of date, and predicts the most urgent one when asked to."""

    def __init__(self) -> None:
        self._look = Look("", (0, 0, 0, 0))
        self._sweep = Sweep()
        self._made_for: tuple[int, PlaneName, int | None] | None = None  # what the sweep is for

    @property
    def waiting(self) -> bool:
        """Whether tiles are out of date."""
        return self._sweep.waiting > 0

    @property
    def urgent(self) -> bool:
        """Whether the user sees some of them."""
        return self._sweep.visible_waiting > 0

    @property
    def looked(self) -> Look:
        """What the user looks at."""
        return self._look

    def look(self, look: Look) -> None:
        """Take what the user looks at now."""
        self._look = look
        self._sweep.look(look.box)

    def opened(self, plane: PlaneName) -> None:
        """There are other pixels under this name."""
        if plane == self._look.plane:
            self._made_for = None

    def follow(self, trainer: Trainer) -> None:
        """Begin a new sweep when the weights, the plane or what is asked for changed."""
        plane, overlay = self._look.plane, self._look.overlay
        wanted = (trainer.generation, plane, overlay)
        if wanted == self._made_for:
            return
        self._made_for = wanted
        if plane != self._sweep.plane:
            self._sweep = Sweep(plane, self._look.box)
        picture = trainer.pictures.get(plane)
        self._sweep.begin(trainer.predictor.tiles(picture) if picture else [])

    def clear(self) -> None:
        """Predict no more of this sweep."""
        self._sweep.clear()

    def predict(self, trainer: Trainer) -> Iterator[Event]:
        """Predict the most urgent tile."""
        sweep, picture = self._sweep, trainer.pictures.get(self._sweep.plane)
        if picture is None:  # the image was closed meanwhile
            sweep.clear()
            return
        tile = sweep.next()
        features = trainer.predictor.features(sweep.plane, picture, tile)
        if not trainer.answered:  # look ahead: the first stroke will find its features ready
            return
        labels = trainer.predictor.labels(features)
        shown = self._overlay(trainer, features)
        y, x = (w.start for w in tile.write)
        yield Predicted(sweep.plane, trainer.generation, y, x, labels, shown)
        yield Swept(
            sweep.plane, trainer.generation, sweep.total - sweep.waiting, sweep.total,
            sweep.visible_waiting,
        )  # fmt: skip

    def _overlay(self, trainer: Trainer, features: Tensor) -> NDArray[np.uint8] | None:
        """What is shown with the prediction of a tile: (h, w) from features (D, h, w)."""
        wanted = self._look.overlay
        if wanted is None or wanted > trainer.base.classes:
            return None
        p = trainer.predictor.probabilities(features).cpu().numpy()
        if wanted == UNSURE:
            return uncertainty(p)
        shown: NDArray[np.uint8] = np.rint(255 * p[wanted - 1]).astype(np.uint8)
        return shown
