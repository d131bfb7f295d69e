"""What happens when: strokes, training steps and tiles in the order of their urgency.

`Session.run` is a plain generator without threads: the child process drives it for the window,
the command line with a `for` loop, and tests with `next()`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

import numpy as np

from napari_unet.core.annotations import AnnotationError, check_trainable
from napari_unet.core.device import DeviceError
from napari_unet.core.files import FileError
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError, Picture
from napari_unet.core.model import Model
from napari_unet.core.prediction import Predictor
from napari_unet.core.training import Trainer
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import (
    Advised,
    Annotate,
    Answered,
    Cancel,
    Close,
    Command,
    Configure,
    Event,
    Export,
    Exported,
    Idle,
    Judged,
    Look,
    Open,
    Pause,
    Predicted,
    Ready,
    Refused,
    Reset,
    Rested,
    Restore,
    Restored,
    Segmented,
    SegmentFolder,
    SegmentImage,
    Swept,
    Train,
    Trained,
)
from napari_unet.engine.sweep import Sweep
from napari_unet.engine.workbench import Init, Workbench

_COPY_EVERY = 15.0  # seconds between two copies of the best weights for the parent
_BAD_INPUT = (AnnotationError, DeviceError, FileError, ImageError, ModelError)


class Session:
    """Commands in, events out; between two events nothing takes longer than a step or a tile.

    Parameters
    ----------
    spare : int
        CPU cores left to others where the settings do not fix the threads.
    init : "bundled", "random" or Model
        What a new network starts from.
    """

    def __init__(self, *, spare: int = 1, init: Init | Model = "bundled") -> None:
        self.bench = Workbench(spare=spare, init=init)
        self._sweep = Sweep()
        self._look = Look("", (0, 0, 0, 0))
        # generation, plane and probability that the sweep is for
        self._swept: tuple[int, str, int | None] = (0, "", None)
        self._jobs: Iterator[Event] | None = None
        self._todo: deque[Command] = deque()  # taken from the inbox, an error loses none of them
        self._training = self._resting = self._cancelled = self._stumbled = False
        self._copied = (0, 0.0)  # generation and time of the parent's copy of the best weights

    def run(self, inbox: Inbox) -> Iterator[Event]:
        """Work until the inbox is closed. `Idle` says that nothing is left to do for now."""
        device = self.bench.device
        yield Ready(device.name, device.threads, device.said)
        while not inbox.closed:
            self._todo.extend(inbox.take())
            while self._todo:
                try:
                    yield from self._obey(self._todo.popleft())
                except _BAD_INPUT as error:
                    yield Refused(str(error))
            yield from self._work()

    def pause(self) -> None:
        """Drop all work that waits (after an error); paint and weights stay."""
        self._training, self._jobs, self.bench.changed = False, None, False
        self._todo = deque(c for c in self._todo if not isinstance(c, Train))
        self._stumbled = True
        self._sweep.clear()

    def finish(self) -> None:
        """Judge the newest weights a last time, so that no step was in vain."""
        if self.bench.trainer is not None and self.bench.trainer.ready:
            self.bench.trainer.check()

    # -- commands ---------------------------------------------------------------------------

    def _obey(self, command: Command) -> Iterator[Event]:  # noqa: C901 - one flat match
        bench = self.bench
        match command:
            case Configure() | Open() | Close() | Annotate():
                bench.take(command)
                self._resting = False
                if isinstance(command, Open) and command.plane == self._look.plane:
                    self._swept = (0, "", None)  # other pixels under the same name
            case Look():
                self._sweep.look(command.box)
                self._look = command
            case Train():
                self._training, self._resting = True, False
                bench.changed, self._stumbled = bench.changed or self._stumbled, False
                yield from self._advise()
            case Pause():
                self._training = False
            case Reset():
                self._training = False
                bench.reset()
            case Restore():
                bench.restore(Model.from_bytes(command.model))
                yield Restored(bench.classes)
            case Export():
                yield Exported(bench.model().to_bytes(), asked=True)
            case SegmentImage():
                self._jobs, self._cancelled = self._segment(command.plane), False
            case SegmentFolder():
                self._cancelled = False
                model = Model.from_bytes(command.model) if command.model else bench.model()
                target = Path(command.target)
                self._jobs = segment_folder(
                    model,
                    Path(command.source),
                    target,
                    pattern=command.pattern,
                    stopped=lambda: self._cancelled,
                )
            case Cancel():
                self._cancelled = True
            case _:
                assert_never(command)

    def _advise(self) -> Iterator[Event]:
        """Say what is missing before anything can be learnt."""
        trainer = self.bench.trainer
        try:
            if trainer is None:
                yield Advised("Choose an image, then paint a stroke inside each of two classes.")
            else:
                check_trainable(trainer.counts)
        except AnnotationError as error:
            yield Advised(str(error))

    # -- work -------------------------------------------------------------------------------

    def _work(self) -> Iterator[Event]:
        """Do the one most urgent thing."""
        trainer = self.bench.trainer
        if trainer is not None and self.bench.changed:
            yield from self._answer(trainer)
        elif trainer is not None and self._stale(trainer) and self._sweep.visible_waiting:
            yield from self._predict(trainer)
        elif self._jobs is not None:
            yield from self._one_job(self._jobs)
        elif trainer is not None and self._training and not self._resting and trainer.ready:
            yield from self._train(trainer)
            if self._sweep.waiting:
                yield from self._predict(trainer)
        elif self._sweep.waiting and trainer is not None and trainer.answered:
            yield from self._predict(trainer)
        else:
            yield Idle()

    def _answer(self, trainer: Trainer) -> Iterator[Event]:
        self.bench.changed = False
        if not trainer.trainable:
            yield from self._advise()
            return
        start = time.perf_counter()
        verdict = trainer.answer()
        seconds = time.perf_counter() - start
        yield Answered(trainer.generation, seconds)
        yield Judged(
            trainer.steps, verdict.score, kept=True, agreement=self.bench.agreement, seconds=seconds
        )

    def _train(self, trainer: Trainer) -> Iterator[Event]:
        start = time.perf_counter()
        loss = trainer.step()
        yield Trained(trainer.steps, loss, time.perf_counter() - start)
        settings = self.bench.settings.training
        if trainer.steps % settings.check_every:
            return
        start = time.perf_counter()
        verdict = trainer.check()
        seconds = time.perf_counter() - start
        agreement = self.bench.agreement
        yield Judged(trainer.steps, verdict.score, verdict.kept, agreement, seconds)
        yield from self._copy(trainer)
        if trainer.idle_checks >= settings.patience:
            self._resting = True
            yield Rested(
                "Training rests: it no longer gets better on the strokes held out. "
                "Paint where the prediction is wrong, and it goes on."
            )

    def _copy(self, trainer: Trainer) -> Iterator[Event]:
        """Give the parent the best weights now and then, in case this process dies."""
        generation, when = self._copied
        now = time.monotonic()
        if trainer.generation != generation and now - when > _COPY_EVERY:
            self._copied = (trainer.generation, now)
            yield Exported(self.bench.model().to_bytes(), asked=False)

    def _stale(self, trainer: Trainer) -> bool:
        """Begin a new sweep when the weights, the plane or what is asked for changed."""
        wanted = (trainer.generation, self._look.plane, self._look.probability)
        if wanted != self._swept:
            self._swept = wanted
            picture = trainer.pictures.get(self._look.plane)
            self._sweep.plane, self._sweep.box = self._look.plane, self._look.box
            self._sweep.begin(trainer.predictor.tiles(picture) if picture else [])
        return self._sweep.waiting > 0

    def _predict(self, trainer: Trainer) -> Iterator[Event]:
        """Predict the most urgent tile of the plane that is looked at."""
        sweep, picture = self._sweep, trainer.pictures.get(self._sweep.plane)
        if picture is None:  # the image was closed meanwhile
            sweep.clear()
            return
        tile = sweep.next()
        features = trainer.predictor.features(sweep.plane, picture, tile)
        if not trainer.answered:  # look ahead: the first stroke will find its features ready
            return
        labels, shown = trainer.predictor.labels(features), None
        if (number := self._look.probability) is not None and number <= trainer.base.classes:
            p = trainer.predictor.probabilities(features)[number - 1]
            shown = (255 * p).round().to("cpu").numpy().astype(np.uint8)
        y, x = (w.start for w in tile.write)
        yield Predicted(sweep.plane, trainer.generation, y, x, labels, shown)
        yield Swept(
            sweep.plane, trainer.generation, sweep.total - sweep.waiting, sweep.total,
            sweep.visible_waiting,
        )  # fmt: skip

    # -- jobs -------------------------------------------------------------------------------

    def _one_job(self, jobs: Iterator[Event]) -> Iterator[Event]:
        try:
            yield next(jobs)
        except StopIteration:
            self._jobs = None

    def _segment(self, plane: str) -> Iterator[Event]:
        """All tiles of a plane, with the weights that are best when the job begins."""
        trainer = self.bench.trainer
        if trainer is None or plane not in trainer.pictures:
            raise ImageError("There is no image to segment: choose an image layer first.")
        if not trainer.answered:
            raise ModelError("There is no model yet: paint a few strokes of two classes first.")
        return self._segmented(trainer.predictor.snapshot(), plane, trainer.pictures[plane])

    def _segmented(self, predictor: Predictor, plane: str, picture: Picture) -> Iterator[Event]:
        pixels, done = picture.shape[0] * picture.shape[1], 0
        mirrored = self.bench.settings.compute.mirrors
        for tile, labels in predictor.segment(picture, mirrored=mirrored):
            trainer = self.bench.trainer
            gone = trainer is None or trainer.pictures.get(plane) is not picture
            if self._cancelled or gone:
                return
            done += labels.size
            y, x = (w.start for w in tile.write)
            yield Segmented(plane, y, x, labels, done, pixels)
