"""The trainer: a first answer at once, then fine-tuning that is only shown where it is better.

Three sets of weights: the tuner's net is being trained, its running mean is the candidate, and
`best` predicts. `best` is replaced by the candidate unless that does worse on strokes held out.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.agreement import Teacher
from napari_unet.core.annotations import (
    MAX_CLASSES,
    Annotations,
    check_classes,
    check_shapes,
    check_trainable,
)
from napari_unet.core.answering import Painted, agreeing, gather
from napari_unet.core.device import Device
from napari_unet.core.head import NEVER
from napari_unet.core.holdout import Split, split
from napari_unet.core.image import Picture
from napari_unet.core.judging import mean_over_classes
from napari_unet.core.keeping import Best
from napari_unet.core.patches import Patches
from napari_unet.core.prediction import Predictor
from napari_unet.core.scale import Rival, Rivals
from napari_unet.core.settings import Settings
from napari_unet.core.tuning import Tuner
from napari_unet.core.unet import UNet

_RIPE = 20  # steps before fine-tuning replaces a fit that knows the held-out strokes, too


@dataclass(frozen=True)
class Verdict:
    """A check of the averaged weights on held-out strokes.

    Attributes
    ----------
    score : what `best` now gets right of them (0…1, classes alike); None if nothing is held out.
    kept : whether `best` was replaced.
    """

    score: float | None
    kept: bool


class Trainer:
    """Learns from paint on any number of planes.

    Parameters
    ----------
    base : UNet
        What to start from.
    settings : Settings
    device : Device
    generation : int
        First generation number.
    answered : bool
        Whether `base` can tell the classes already.

    Attributes
    ----------
    predictor : what the user sees comes from it.
    tuner : what is being trained.
    generation : grows whenever `predictor` changes; older predictions are stale.
    steps : training steps so far.
    idle_checks : checks in a row that brought nothing better.
    """

    def __init__(
        self,
        base: UNet,
        settings: Settings,
        device: Device,
        generation: int = 1,
        *,
        answered: bool = False,
    ) -> None:
        self.base, self.settings, self.device = base, settings, device
        self.generation, self.answered = generation, answered
        self.steps = self.idle_checks = 0
        self.pictures: dict[str, Picture] = {}
        self.splits: dict[str, Split] = {}
        self.generator = torch.Generator(device.name).manual_seed(settings.training.seed)
        torch.manual_seed(settings.training.seed)  # drop-out draws from the global state
        self._tuned = answered  # whether the shown last layer was trained, not just fitted
        self._patches: Patches | None = None
        scale = settings.network.working_scale
        self._rivals = None if base.adapted else Rivals(base, scale, device)
        self._keeper: Best | None = None
        self._show(base)
        self._restart()

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
        if self.splits.pop(name, None) is not None:
            self._patches = None  # they hold its pixels and paint; `answer` makes new ones

    def annotate(self, name: str, annotations: Annotations) -> float | None:
        """Take new paint of a plane; first score it against the current prediction.

        Returns
        -------
        float or None
            Share of the newly painted pixels that were predicted right before anything was
            learnt from them (0…1, classes alike); None where there was no prediction or paint.

        Raises
        ------
        AnnotationError
            If the paint does not fit the plane or has more classes than the network.
        """
        check_shapes(annotations.shape, self.pictures[name].shape)
        check_classes(annotations.counts, self.base.classes)
        paint, before = annotations.dense(), self.splits.get(name)
        fresh = (paint != (before.paint if before is not None else 0)) & (paint > 0)
        right = (
            agreeing(self.predictor, name, self.pictures[name], paint, fresh)
            if self.answered and fresh.any()
            else None
        )
        training = self.settings.training
        self.splits[name] = split(paint, before, right, share=training.held_out, seed=training.seed)
        return None if right is None else mean_over_classes(right[fresh], paint[fresh])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each value 0…255, over all planes."""
        total = np.zeros(MAX_CLASSES + 1, np.int64)
        for part in self.splits.values():
            total += part.counts
        return total

    @property
    def trainable(self) -> bool:
        """Whether two classes are painted."""
        return int(np.count_nonzero(self.counts)) > 1

    @property
    def ready(self) -> bool:
        """Whether `step` can be called: an answer was fitted to paint of two classes."""
        return self._patches is not None and self.trainable

    # -- the first answer -------------------------------------------------------------------

    def answer(self) -> Verdict:
        """Fit the last layer to the strokes on frozen features, and go on from there.

        It is judged, and fine-tuned on, as fitted without the held-out strokes; what is shown
        until fine-tuning does better is fitted to all. A last layer that was fine-tuned stays
        where the fitted one does not explain the paint better.

        Raises
        ------
        AnnotationError
            If fewer than two classes are painted.
        """
        check_trainable(self.counts)
        painted = self._look_up()
        fitted = painted.fit(self.base.classes, held=False)
        tuned = (self.predictor.weight, self.predictor.bias)
        self._tuned = self._tuned and (
            self._knows_more() or painted.error(tuned) <= painted.error(fitted)
        )
        if not self._tuned:
            self._set_head(*fitted)
        self.answered = True
        self.generation += 1
        self.idle_checks = 0
        self._patches = Patches(self.pictures, self.splits, self.settings, self.base)
        self._restart()
        self._keeper = Best(self.predictor, self.pictures, self.splits)
        self._teach()
        if not self._tuned:
            self._set_head(*painted.fit(self.base.classes, held=True))
        return Verdict(self._keeper.score, kept=True)

    # -- fine-tuning ------------------------------------------------------------------------

    def step(self) -> float:
        """Train on one batch of patches around paint; returns the loss.

        Call `answer` first, and again after new paint.
        """
        if self._patches is None:
            raise RuntimeError("answer() must come before step()")
        loss = self.tuner.step(self._patches.draw(self.generator, self.device), self._teacher)
        self.steps += 1
        return loss

    def check(self) -> Verdict:
        """Judge the averaged weights on held-out strokes; show them unless they do worse.

        See `Best.compare`. Weights that are infinite or not a number are thrown away.
        """
        if self._keeper is None:
            raise RuntimeError("answer() must come before check()")
        kept = gained = False
        if not self.tuner.finite:
            self._restart()
        elif self._tuned or self._keeper.score is None or self.tuner.steps >= _RIPE:
            candidate = Predictor(self.tuner.averaged, self.device)
            kept, gained = self._keeper.compare(candidate)
        self.idle_checks = 0 if gained else self.idle_checks + 1
        if kept:
            self._show(self.tuner.averaged)
            self._tuned, self._rivals = True, None
            self._teach()
            self.generation += 1
        return Verdict(self._keeper.score, kept)

    # -- weights ----------------------------------------------------------------------------

    def _look_up(self) -> Painted:
        """Features of painted pixels; while the working scale is open, at the one that suits."""

        def features(predictor: Predictor) -> Painted:
            return gather(predictor, self.pictures, self.splits, self.generator)

        if self._tuned or self._rivals is None:
            return features(self.predictor)
        marked = [name for name, part in self.splits.items() if part.counts.any()]
        if not self.answered and self._rivals.measured not in marked:
            self._rivals.measure(marked[0], self.pictures[marked[0]])
        rival, painted = self._rivals.choose(features)
        self._work_at(rival)
        return painted

    def _work_at(self, rival: Rival) -> None:
        """Go on from a network at another working scale."""
        self.base, self.best, self.predictor = rival.net, copy.deepcopy(rival.net), rival.predictor
        self._restart()

    def _forget(self, name: str) -> None:
        for key in (name, f"judged {name}"):
            self.predictor.forget(key)
            if self._rivals is not None:
                self._rivals.forget(key)

    def _knows_more(self) -> bool:
        """Whether the shown weights know a class that is not painted (they came from a model)."""
        unpainted = torch.from_numpy(self.counts[1 : self.base.classes + 1] == 0)
        return bool((self.predictor.bias.cpu()[unpainted] > NEVER / 2).any())

    def _teach(self) -> None:
        """Hold unpainted pixels to these weights, which have not seen the held-out paint."""
        self._teacher = Teacher(self.predictor.snapshot(), self.pictures, self.splits)

    def _set_head(self, weight: Tensor, bias: Tensor) -> None:
        """Show another last layer: weight (K, D), bias (K,)."""
        self.predictor.set_head(weight, bias)
        with torch.no_grad():
            self.best.head.weight.copy_(weight.view_as(self.best.head.weight))
            self.best.head.bias.copy_(bias)

    def _show(self, net: UNet) -> None:
        """Let a copy of a network predict."""
        self.best = copy.deepcopy(net)
        self.predictor = Predictor(self.best, self.device)

    def _restart(self) -> None:
        """Let training go on from what is shown."""
        self.tuner = Tuner(self.best, self.settings, self.device)
