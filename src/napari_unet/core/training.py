"""The trainer: a first answer at once, then fine-tuning that is only shown where it is better.

Three sets of weights: the tuner's net is being trained, its running mean is the candidate, with a
last layer fitted anew, and `best` predicts. `best` is replaced by the candidate unless that does
worse on strokes held out.
"""

from __future__ import annotations

from typing import Any

import torch

from napari_unet.core.agreement import Teacher
from napari_unet.core.answering import Painted
from napari_unet.core.device import Device
from napari_unet.core.first_answer import FirstAnswer
from napari_unet.core.keeping import Best, Verdict
from napari_unet.core.patches import Patches
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import PRESETS
from napari_unet.core.scale import Rival
from napari_unet.core.settings import Settings
from napari_unet.core.stopwatch import timed
from napari_unet.core.tuning import Tuner
from napari_unet.core.unet import UNet

_TILES = 8  # a check looks up so many in about the time of ten training steps
_RIPE = 20  # steps before fine-tuning replaces a fit that knows the held-out strokes, too
_SLOWER = 0.3  # of the learning rate, after it led to weights that are not a number


class Trainer(FirstAnswer):
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
    steps, seconds : training steps so far; how long they, answers and checks took.
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
        super().__init__(base, settings, device, generation, answered=answered, fitted=fitted)
        self.steps = self.idle_checks = 0
        self.spent = 0.0
        self.interval = settings.training.check_every
        self._pace = 1.0
        self._learnt = False  # whether what is shown came from steps
        self._patches: Patches | None = None
        self._restart()

    def close(self, name: str) -> None:
        """Forget a plane and its paint."""
        if name in self.splits:
            self._patches = None  # they hold its pixels and paint; `answer` makes new ones
        super().close(name)

    @property
    def ready(self) -> bool:
        """Whether `step` can be called: an answer was fitted to paint of two classes."""
        return self._patches is not None and self.trainable

    @property
    def learnt(self) -> bool:
        """Whether what is shown came from steps, and is not the first answer."""
        return self._learnt

    @property
    def _trains_last(self) -> bool:
        """Whether the last layer comes from the steps and not from a fit."""
        preset = PRESETS[self.settings.network.preset]
        return preset.adapted(self.settings.training).last_layer == "trained"

    # -- fine-tuning ------------------------------------------------------------------------

    @timed
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

    @timed
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

    def _begin(self, painted: Painted) -> None:
        """Let training go on from an answer."""
        self.idle_checks = 0
        self.interval = self.settings.training.check_every * -(-painted.tiles // _TILES)
        self._patches = Patches(self.pictures, self.splits, self.settings, self.base)
        self._patches.fit(self.base, self.device)
        self._restart()
        self._teach()

    def _work_at(self, rival: Rival) -> None:
        super()._work_at(rival)
        self._restart()

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
