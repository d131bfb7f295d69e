"""The trainer: a first answer at once, then fine-tuning that is only shown where it is better.

Three sets of weights: the tuner's net is being trained, its running mean is the candidate, with a
last layer fitted anew, and `best` predicts. `best` is replaced by the candidate unless that does
worse on strokes held out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.agreement import Teacher
from napari_unet.core.annotations import Annotations, check_trainable
from napari_unet.core.answering import Painted, gather
from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.keeping import Best, Verdict
from napari_unet.core.material import Material, Paint
from napari_unet.core.patches import Patches
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import PRESETS
from napari_unet.core.scale import Rival, Rivals
from napari_unet.core.settings import Settings
from napari_unet.core.shown import Shown
from napari_unet.core.tuning import Tuner
from napari_unet.core.unet import UNet

_TILES = 8  # a check looks up so many in about the time of ten training steps
_RIPE = 20  # steps before fine-tuning replaces a fit that knows the held-out strokes, too
_SLOWER = 0.3  # of the learning rate, after it led to weights that are not a number


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
    fitted : bool
        Its last layer was fitted by an earlier trainer. Where the same strokes come again, on the
        side that they were dealt to, it is fitted anew, so that the score does not come from
        strokes that it knows. One that knows more classes is left as it is.

    Attributes
    ----------
    shown : the network that predicts.
    tuner : what is being trained.
    given : whether the shown last layer came with a model or from steps, and was not fitted.
    generation : grows whenever `predictor` changes; older predictions are stale.
    steps : training steps so far.
    spent : share of a known budget that is used up (0…1), for who knows it to set; the learning
        rate falls with it to zero.
    idle_checks : checks in a row that brought nothing better.
    interval : steps between two checks; more where the paint lies on many tiles.
    """

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
        self.steps = self.idle_checks = 0
        self.spent = 0.0
        self.interval = settings.training.check_every
        self._pace = 1.0
        self._learnt = False  # whether what is shown came from steps
        self.material = Material()
        self.pictures, self.splits = self.material.pictures, self.material.splits
        self.generator = torch.Generator(device.name).manual_seed(settings.training.seed)
        torch.manual_seed(settings.training.seed)  # drop-out draws from the global state
        self._fitted = fitted
        self.given = answered
        self._patches: Patches | None = None
        scale = settings.network.working_scale
        self._rivals = None if base.adapted else Rivals(base, scale, device)
        self._keeper: Best | None = None
        self.shown = Shown(base, device)
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

    @property
    def ready(self) -> bool:
        """Whether `step` can be called: an answer was fitted to paint of two classes."""
        return self._patches is not None and self.trainable

    # -- the first answer -------------------------------------------------------------------

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
        self.idle_checks = 0
        self.interval = self.settings.training.check_every * -(-painted.tiles // _TILES)
        self._patches = Patches(self.pictures, self.splits, self.settings, self.base)
        self._restart()
        self._teach()
        if not self.given:
            self.shown.set_head(*fitted)
        self._keeper = Best(self.predictor, self.pictures, self.splits)
        if not self.given:
            self.shown.set_head(*painted.fit(self.base.classes, held=True))
        return Verdict(self._keeper.score, kept=True)

    @property
    def _trains_last(self) -> bool:
        """Whether the last layer comes from the steps and not from a fit."""
        preset = PRESETS[self.settings.network.preset]
        return preset.adapted(self.settings.training).last_layer == "trained"

    # -- fine-tuning ------------------------------------------------------------------------

    def step(self) -> float:
        """Train on one batch of patches around paint; returns the loss.

        Call `answer` first, and again after new paint. Where memory runs out, batches become
        smaller; if it does even for one patch, the error is raised.
        """
        if self._patches is None:
            raise RuntimeError("answer() must come before step()")
        self.tuner.spent = self.spent
        loss = self.tuner.step_on(self._patches, self.generator, self._teacher)
        self.steps += 1
        return loss

    def check(self) -> Verdict:
        """Judge the averaged weights on held-out strokes; show them unless they do worse.

        See `Best.compare`. Weights that are infinite or not a number are thrown away, and training
        goes on from what is shown at a lower rate.
        """
        if self._keeper is None:
            raise RuntimeError("answer() must come before check()")
        kept = gained = False
        if not (healthy := self.tuner.finite):
            self._pace *= _SLOWER
            self._restart()
        elif self.given or self._keeper.score is None or self.tuner.steps >= _RIPE:
            kept, gained = self._try(self._keeper)
        self.idle_checks = 0 if gained else self.idle_checks + 1
        return Verdict(self._keeper.score, kept, stumbled=not healthy)

    def _try(self, keeper: Best) -> tuple[bool, bool]:
        """Compare the averaged weights, with a last layer fitted anew, and show them if kept."""
        candidate = Predictor(self.tuner.averaged, self.device)
        painted = None if self.given or self._trains_last else self._gather(candidate)
        if painted is not None:
            candidate.set_head(*painted.fit(self.base.classes, held=False))
        kept, gained = keeper.compare(candidate)
        if kept:
            self._learnt = True
            self.shown.replace(self.tuner.averaged, candidate)
            self.given |= self._trains_last
            if painted is None:
                self._teach()
            else:
                self.shown.set_head(*painted.fit(self.base.classes, held=False, tilted=False))
                self._teach()
                self.shown.set_head(*painted.fit(self.base.classes, held=True))
            self._rivals = None
            self.generation += 1
        return kept, gained

    def state(self) -> dict[str, Any]:
        """What fine-tuning goes on from, in tensors and numbers, for `restore`."""
        return {
            "tuner": self.tuner.state(), "steps": self.steps, "pace": self._pace,
            "dice": self.generator.get_state(), "noise": torch.get_rng_state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, after `answer` to the same planes and paint."""
        self._pace = state["pace"]
        self._restart()
        self.tuner.restore(state["tuner"])
        self.steps = state["steps"]
        self.generator.set_state(state["dice"])
        torch.set_rng_state(state["noise"])

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
        self._restart()

    def _forget(self, name: str) -> None:
        for key in (name, f"judged {name}"):
            self.predictor.forget(key)
            if self._rivals is not None:
                self._rivals.forget(key)

    def _teach(self) -> None:
        """Hold unpainted pixels to these weights, which have not seen the held-out paint."""
        self._teacher = Teacher(self.predictor.snapshot(), self.pictures, self.splits)

    def _restart(self) -> None:
        """Let training go on from what is shown.

        Random weights whose last layer is to be trained begin with that as it is, not fitted.
        """
        fresh = self._trains_last and not self._learnt and not self.base.pretrained
        begin = self.base if fresh else self.best
        self.tuner = Tuner(begin, self.settings, self.device, self._pace)
