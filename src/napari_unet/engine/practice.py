"""What a trainer does, and when: it answers, takes steps, is judged, and rests."""

from __future__ import annotations

import time
from collections.abc import Iterator

from napari_unet.core.annotations import AnnotationError, check_trainable
from napari_unet.core.keeping import Verdict
from napari_unet.core.training import Trainer
from napari_unet.engine.copies import Copies
from napari_unet.engine.messages import Event, events
from napari_unet.engine.workbench import Workbench

_STUMBLED = (
    "Training became unstable. It went back to the last good network and goes on at a lower "
    "learning rate."
)


class Practice:
    """Drives the trainer of a workbench.

    Parameters
    ----------
    bench : Workbench

    Attributes
    ----------
    wanted : training goes on whenever there is nothing more urgent.
    untidy : holes were left in memory, to be given back once the tiles are out.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench, self._copies = bench, Copies(bench)
        self.wanted = self.untidy = False
        self._resting = self._stumbled = False
        self._unjudged = False  # whether steps were taken since the last check

    @property
    def due(self) -> bool:
        """Whether a step is to be taken when there is time."""
        trainer = self._bench.trainer
        return self.wanted and not self._resting and trainer is not None and trainer.ready

    def begin(self) -> None:
        """Train from now on; after an error the paint is learnt anew."""
        self.wanted, self._resting = True, False
        self._bench.changed, self._stumbled = self._bench.changed or self._stumbled, False

    def pause(self) -> None:
        """Train no longer."""
        self.wanted, self.untidy = False, True

    def stumble(self) -> None:
        """Train no longer after an error, and leave paint alone that waits to be learnt."""
        self.wanted, self._bench.changed, self._stumbled = False, False, True

    def wake(self) -> None:
        """What is learnt from is different now, so it may get better again."""
        self._resting = False

    def advise(self) -> Iterator[Event]:
        """Say what is missing before anything can be learnt."""
        trainer = self._bench.trainer
        try:
            if trainer is None:
                yield events.Advised(
                    "Choose an image, then paint a stroke inside each of two classes."
                )
            else:
                check_trainable(trainer.counts)
        except AnnotationError as error:
            yield events.Advised(str(error))

    def answer(self, trainer: Trainer) -> Iterator[Event]:
        """Fit new paint, where there are two classes of it."""
        self._bench.changed = False
        if not trainer.trainable:
            yield from self.advise()
            return
        self.untidy, start = True, time.perf_counter()
        verdict = trainer.answer()
        seconds = time.perf_counter() - start
        self._unjudged = False
        yield events.Answered(trainer.generation, seconds)
        yield _judged(trainer, verdict, seconds)

    def train(self, trainer: Trainer) -> Iterator[Event]:
        """Take one step, and a check where it is time for one."""
        start = time.perf_counter()
        loss = trainer.step()
        self._unjudged = True
        yield events.Trained(trainer.steps, loss, time.perf_counter() - start)
        if trainer.steps % trainer.interval:
            return
        yield from self._check(trainer)
        yield from self._copies.next(trainer)
        if trainer.idle_checks >= self._bench.settings.training.patience:
            self._resting = self.untidy = True
            yield events.Rested(
                "Training rests: it no longer gets better on the strokes held out. "
                "Paint where the prediction is wrong, and it goes on."
            )

    def finish(self) -> Iterator[Event]:
        """Judge the newest weights a last time, so that no step was in vain."""
        trainer = self._bench.trainer
        if trainer is not None and trainer.ready and self._unjudged:
            yield from self._check(trainer)

    def _check(self, trainer: Trainer) -> Iterator[Event]:
        start = time.perf_counter()
        verdict = trainer.check()
        self._unjudged = False
        yield _judged(trainer, verdict, time.perf_counter() - start)
        if verdict.stumbled:
            yield events.Advised(_STUMBLED)


def _judged(trainer: Trainer, verdict: Verdict, seconds: float) -> events.Judged:
    shrink = trainer.best.shrink
    return events.Judged(trainer.steps, verdict.score, verdict.kept, seconds, shrink)
