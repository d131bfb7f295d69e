"""The first answer: what can be told from strokes at once, without a training step.

The last layer is fitted to the features of painted pixels, at the working scale that suits.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations, check_trainable
from napari_unet.core.answering import Painted, gather
from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.keeping import Best, Verdict
from napari_unet.core.material import Material, Paint
from napari_unet.core.prediction import Predictor
from napari_unet.core.scale import Rival, Rivals
from napari_unet.core.settings import Settings
from napari_unet.core.shown import Shown
from napari_unet.core.stopwatch import timed
from napari_unet.core.unet import UNet


class FirstAnswer:
    """Planes, their paint, and what predicts: see `Trainer`, which goes on from it."""

    def __init__(
        self,
        base: UNet,
        settings: Settings,
        device: Device,
        generation: int = 1,
        *,
        answered: bool = False,
        fitted: bool = False,
    ) -> None:
        self.base, self.settings, self.device = base, settings, device
        self.generation, self.answered = generation, answered
        self.material = Material()
        self.pictures, self.splits = self.material.pictures, self.material.splits
        self.generator = torch.Generator(device.name).manual_seed(settings.training.seed)
        torch.manual_seed(settings.training.seed)  # drop-out draws from the global state
        self._fitted = fitted
        self.given = answered
        self.seconds = 0.0
        scale = settings.network.working_scale
        self._rivals = None if base.adapted else Rivals(base, scale, device)
        self._keeper: Best | None = None
        self.shown = Shown(base, device)

    # -- what is trained on -----------------------------------------------------------------

    def open(self, name: str, picture: Picture) -> None:
        """Add a plane, or replace it."""
        self.close(name)
        self.pictures[name] = picture
        if self._rivals is not None and self._rivals.measured is None:
            self._work_at(self._rivals.measure(name, picture))

    def close(self, name: str) -> None:
        """Forget a plane and its paint."""
        self._forget(name)
        self.pictures.pop(name, None)
        if self._rivals is not None and name == self._rivals.measured and not self.answered:
            self._rivals.measured = None
        self.splits.pop(name, None)

    def annotate(
        self,
        name: str,
        annotations: Annotations,
        *,
        held: Annotations | None = None,
        aside: bool = False,
    ) -> float | None:
        """Take new paint of a plane; first score it against the current prediction.

        See `Paint` for `held` and `aside`, `Material.take` for what comes back or is raised.
        """
        if held is not None and self._fitted:
            self.given = False
        predictor = self.predictor if self.answered else None
        paint = Paint(annotations, held, aside)
        return self.material.take(name, paint, self.base.classes, self.settings.training, predictor)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each class 0…255, over all planes that are learnt from."""
        return self.material.counts

    @property
    def trainable(self) -> bool:
        """Whether two classes are painted."""
        return int(np.count_nonzero(self.counts)) > 1

    @property
    def predictor(self) -> Predictor:
        """What the user sees comes from it."""
        return self.shown.predictor

    @property
    def best(self) -> UNet:
        """The network that predicts."""
        return self.shown.net

    @property
    def score(self) -> float | None:
        """How well what is shown does on held-out strokes (0…1), if any are held out."""
        return None if self._keeper is None else self._keeper.score

    # -- the answer -------------------------------------------------------------------------

    @timed
    def answer(self) -> Verdict:
        """Fit the last layer to the strokes, and go on from there.

        It is judged as fitted without the held-out strokes, and shown as fitted to all. A last
        layer that came with a model stays where the fitted one does not explain the paint better.

        Raises
        ------
        AnnotationError
            If fewer than two classes are painted.
        """
        check_trainable(self.counts)
        painted = self._look_up()
        fitted = painted.fit(self.base.classes, held=False)
        shown = (self.predictor.weight, self.predictor.bias)
        more = self.shown.knows_more(self.counts)
        self.given = (self.given or (self._fitted and more)) and (
            more or painted.error(shown) <= painted.error(fitted)
        )
        if not self.given:
            self.shown.set_head(*painted.fit(self.base.classes, held=False, tilted=False))
        self.answered = True
        self.generation += 1
        self._begin(painted)
        if not self.given:
            self.shown.set_head(*fitted)
        self._keeper = Best(self.predictor, self.pictures, self.splits)
        if not self.given:
            self.shown.set_head(*painted.fit(self.base.classes, held=True))
        return Verdict(self._keeper.score, kept=True)

    def _begin(self, painted: Painted) -> None:
        """Go on from the answer; what is shown knows no held-out strokes now, nor how many of each.

        Whoever trains further does so here; an answer alone has nothing to do.
        """

    # -- weights ----------------------------------------------------------------------------

    def _look_up(self) -> Painted:
        """Features of painted pixels; while the working scale is open, at the one that suits."""
        if self.given or self._rivals is None:
            return self._gather(self.predictor)
        rival, painted = self._rivals.look_up(self.material, self.generator, begun=self.answered)
        self._work_at(rival)
        return painted

    def _gather(self, predictor: Predictor) -> Painted:
        return gather(predictor, self.pictures, self.splits, self.generator)

    def _work_at(self, rival: Rival) -> None:
        """Go on from a network at another working scale."""
        self.base = rival.net
        self.shown.replace(rival.net, rival.predictor)

    def _forget(self, name: str) -> None:
        for key in (name, f"judged {name}"):
            self.predictor.forget(key)
            if self._rivals is not None:
                self._rivals.forget(key)
