"""The trainer: a first answer at once, then fine-tuning that is only shown where it is better.

Three sets of weights: `net` is being trained, `average` is its running mean, `best` predicts.
`best` is replaced by the average unless that does worse on strokes held out.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_unet.core.agreement import Teacher
from napari_unet.core.annotations import (
    MAX_CLASSES,
    AnnotationError,
    Annotations,
    check_shapes,
    check_trainable,
)
from napari_unet.core.device import Device
from napari_unet.core.head import fit_head
from napari_unet.core.holdout import Split, split
from napari_unet.core.image import Picture
from napari_unet.core.judging import Judgement, Window, judge, mean_over_classes, windows
from napari_unet.core.loss import agreement_loss, partial_loss
from napari_unet.core.patches import Patches
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import PRESETS
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet

_MOST_FITTED = 4000  # painted pixels of each class in the convex fit
_WARM_UP = 20  # steps
_TOLERANCE = 0.01  # of the score on held-out strokes
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
        right = self._right(name, paint, fresh) if self.answered and fresh.any() else None
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
        features, targets, trained = self._painted_features()
        classes = self.base.classes
        fitted = fit_head(features[trained], targets[trained], classes)
        tuned = (self.predictor.weight, self.predictor.bias)
        if self._tuned and _error(features, targets, *tuned) > _error(features, targets, *fitted):
            self._tuned = False
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
            self._set_head(*fit_head(features, targets, classes))
        return Verdict(self._score, kept=True)

    def _painted_features(self) -> tuple[Tensor, Tensor, Tensor]:
        """Features (n, D), classes 0…K-1 (n,) and whether trained on (n,) of painted pixels."""
        found, targets, trained = [], [], []
        for name, part in self.splits.items():
            for tile in self.predictor.tiles(self.pictures[name]):
                y, x = np.nonzero(part.paint[tile.write])
                if len(y):
                    values = self.predictor.features(name, self.pictures[name], tile)
                    found.append(values[:, y, x].T.float())
                    targets.append(torch.from_numpy(part.paint[tile.write][y, x].astype(int) - 1))
                    trained.append(torch.from_numpy(~part.held[tile.write][y, x]))
        features = torch.cat(found)
        classes, used = (torch.cat(t).to(features.device) for t in (targets, trained))
        order = torch.randperm(len(classes), generator=self.generator, device=classes.device)
        shuffled = classes[order]
        numbers = range(self.base.classes)
        pick = torch.cat([order[shuffled == k][:_MOST_FITTED] for k in numbers])
        return features[pick], classes[pick], used[pick]

    # -- fine-tuning ------------------------------------------------------------------------

    def step(self) -> float:
        """Train on one batch of patches around paint; returns the loss.

        Call `answer` first, and again after new paint.
        """
        if self._patches is None:
            raise RuntimeError("answer() must come before step()")
        batch = self._patches.draw(self.generator, self.device)
        pull = PRESETS[self.settings.network.preset].adapted(self.settings.training).agreement
        with self.device.precise():
            logits = self.net(batch.images)
        logits = logits.float()
        loss = partial_loss(logits, batch.labels, batch.weights)
        if pull > 0:
            target = self._teacher.read(batch.windows).to(self.device.name)
            loss = loss + pull * agreement_loss(logits, target, batch.labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        warm = min(1.0, (self._since_restart + 1) / _WARM_UP)
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * warm
        self.optimiser.step()
        self.average.update_parameters(self.net)
        self.steps += 1
        self._since_restart += 1
        return float(loss.detach())

    def check(self) -> Verdict:
        """Judge the averaged weights on held-out strokes; show them unless they do worse.

        Worse is a score more than 0.01 under the best one that any weights had since the last
        `answer`, so that small steps cannot add up to a decline. Where scores are alike, the
        weights that have seen more augmentation are the better guess.
        """
        averaged = cast("UNet", self.average.module)
        if not _finite(averaged):
            self.idle_checks += 1
            self._restart()
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

    def _right(
        self, name: str, paint: NDArray[np.uint8], where: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Where the current prediction agrees with the paint, on the tiles that hold `where`."""
        right = np.zeros(paint.shape, bool)
        for tile in self.predictor.tiles(self.pictures[name]):
            if where[tile.write].any():
                features = self.predictor.features(name, self.pictures[name], tile)
                right[tile.write] = self.predictor.labels(features) == paint[tile.write]
        return right

    def _forget(self, name: str) -> None:
        self.predictor.forget(name)
        self.predictor.forget(f"judged {name}")

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
        preset = PRESETS[self.settings.network.preset]
        self.net = self.device.put(copy.deepcopy(self.best)).train().requires_grad_()
        _freeze_statistics(self.net)
        decay = self.settings.training.averaging
        running_mean = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.net, multi_avg_fn=running_mean)
        self.optimiser = preset.optimiser(self.net, self.settings.training.learning_rate)
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._since_restart = 0


def _error(features: Tensor, targets: Tensor, weight: Tensor, bias: Tensor) -> float:
    """Mean over classes of 1 − p(true class)."""
    p = (features @ weight.T + bias).softmax(1).gather(1, targets[:, None])[:, 0]
    return mean_over_classes((1 - p).cpu().numpy(), targets.cpu().numpy())


def _gain(found: Judgement, top: Judgement) -> bool:
    """Whether a judgement is better than the best before it by more than a trifle."""
    return found.score > top.score + _PROGRESS or found.error < top.error - _PROGRESS


def _finite(net: nn.Module) -> bool:
    """Whether no weight is infinite or not a number."""
    return all(bool(p.isfinite().all()) for p in net.parameters())


def _freeze_statistics(net: nn.Module) -> None:
    """Batch norm keeps its pre-trained statistics: a few patches know no better ones."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            module.eval()
