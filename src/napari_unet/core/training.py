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
    AnnotationError,
    Annotations,
    check_shapes,
    check_trainable,
)
from napari_unet.core.answering import agreeing, gather
from napari_unet.core.device import Device
from napari_unet.core.head import NEVER
from napari_unet.core.holdout import Split, split
from napari_unet.core.image import Picture
from napari_unet.core.judging import Judgement, Window, judge, mean_over_classes, windows
from napari_unet.core.patches import Patches
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Settings
from napari_unet.core.tuning import Tuner
from napari_unet.core.unet import UNet

_TOLERANCE = 0.01  # of the score on held-out strokes
_RIPE = 20  # steps before fine-tuning replaces a fit that knows the held-out strokes, too
_PROGRESS = 1e-3  # a smaller gain does not count against patience


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
        self._top: Judgement | None = None  # the best score and error since the last answer
        self._score: float | None = None  # of the weights that are shown
        self._tuned = answered  # whether the shown last layer was trained, not just fitted
        self._patches: Patches | None = None
        self._windows: list[Window] = []
        self._set_best(base)
        self._restart()

    # -- what is trained on -----------------------------------------------------------------

    def open(self, name: str, picture: Picture) -> None:
        """Add a plane, or replace it."""
        self.close(name)
        self.pictures[name] = picture

    def close(self, name: str) -> None:
        """Forget a plane and its paint."""
        self._forget(name)
        self.pictures.pop(name, None)
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
        if annotations.counts[self.base.classes + 1 :].any():
            number = int(np.flatnonzero(annotations.counts)[-1])
            raise AnnotationError(
                f"Class {number} is painted but there are only {self.base.classes} classes: "
                "add the class, or erase that paint."
            )
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
        painted = gather(self.predictor, self.pictures, self.splits, self.generator)
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
        self._patches = Patches(self.pictures, self.splits, self.settings, self.base.grid)
        self._restart()
        self._windows = windows(self.predictor, self.pictures, self.splits)
        self._top = judge(self.predictor, self.pictures, self._windows)
        self._score = self._top.score if self._top else None
        self._teach()
        if not self._tuned:
            self._set_head(*painted.fit(self.base.classes, held=True))
        return Verdict(self._score, kept=True)

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

        Worse is a score more than 0.01 under the best one that any weights had since the last
        `answer`, so that small steps cannot add up to a decline. Where scores are alike, the
        weights that have seen more augmentation are the better guess.
        """
        averaged = self.tuner.averaged
        if not self.tuner.finite:
            self.idle_checks += 1
            self._restart()
            return Verdict(self._score, kept=False)
        if self._windows and not self._tuned and self.tuner.steps < _RIPE:
            self.idle_checks += 1
            return Verdict(self._score, kept=False)
        found = judge(Predictor(averaged, self.device), self.pictures, self._windows)
        top = self._top
        kept = found is None or top is None or found.score >= top.score - _TOLERANCE
        better = found is None or top is None or _gain(found, top)
        self.idle_checks = 0 if better else self.idle_checks + 1
        if found is not None and top is not None:
            self._top = Judgement(min(found.error, top.error), max(found.score, top.score))
        if kept:
            self._set_best(averaged)
            self._tuned = True
            self._score = found.score if found else None
            self._teach()
            self.generation += 1
        return Verdict(self._score, kept)

    # -- weights ----------------------------------------------------------------------------

    def _forget(self, name: str) -> None:
        self.predictor.forget(name)
        self.predictor.forget(f"judged {name}")

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

    def _set_best(self, net: UNet) -> None:
        self.best = copy.deepcopy(net)
        self.predictor = Predictor(self.best, self.device)

    def _restart(self) -> None:
        """Let training go on from what is shown."""
        self.tuner = Tuner(self.best, self.settings, self.device)


def _gain(found: Judgement, top: Judgement) -> bool:
    """Whether a judgement is better than the best before it by more than a trifle."""
    return found.score > top.score + _PROGRESS or found.error < top.error - _PROGRESS
