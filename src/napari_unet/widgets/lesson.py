"""What the network is doing and has learnt, as the panel knows it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias, assert_never

from qtpy.QtCore import QObject, Signal

from napari_unet.core.header import ModelBytes
from napari_unet.engine.messages import (
    Advised,
    Answered,
    Command,
    Export,
    Exported,
    Failed,
    Judged,
    Pause,
    Ready,
    Refused,
    Reset,
    Rested,
    Restore,
    Restored,
    Scored,
    Train,
    Trained,
)
from napari_unet.widgets import notices
from napari_unet.widgets.guidance import Learning
from napari_unet.widgets.model_file import ModelFileError, write_model
from napari_unet.widgets.report import Report
from napari_unet.widgets.requests import Requests, Then

News: TypeAlias = (
    Ready | Restored | Answered | Scored | Trained | Judged
    | Rested | Advised | Refused | Exported | Failed
)  # fmt: skip


class Lesson(QObject):
    """Training as it stands.

    Parameters
    ----------
    post : callable
        Takes commands for the engine.
    seen : callable, optional
        Whether a guide is in sight, which shows the notice.

    Attributes
    ----------
    report : the numbers to show.
    learning : what goes on.
    trained : training has been started once.
    gone, revived : the engine died too often; it died, and a new one is starting.
    lost : why the machine that computes is out of reach, as a sentence; empty while it is not.
    notice, urgent : a sentence that comes before all other advice, and whether it is a warning.
    done : the sentence says that something is done.
    loaded : name of the file that the model came from, while nothing was learnt since.

    Signals
    -------
    changed : any of these is different now.
    learnt : the model file of what predicts now, ModelBytes; empty if all was forgotten.
    withheld : the engine that was asked for the model will not hand it over.
    """

    changed = Signal()
    learnt = Signal(object)
    withheld = Signal()

    def __init__(
        self, post: Callable[[Command], None], seen: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__()
        self._post, self._seen = post, seen
        self.report = Report()
        self.learning = Learning.PAUSED
        self.trained = self.gone = self.revived = False
        self.notice, self.lost = "", ""
        self.urgent = self.done = False
        self._refused = False  # the engine cannot work, whatever plane is in view
        self._stays = False  # the notice has nothing to do with the next answer
        self._model: ModelBytes = b""
        self.loaded: str | None = None
        self._requests = Requests()  # for the model

    @property
    def knows(self) -> bool:
        """Whether there is something learnt, here or in a model file."""
        return bool(self._model)

    def train(self) -> None:
        """Learn from the strokes until `pause`."""
        self.learning, self.trained, self.gone = Learning.TRAINING, True, False
        self._post(Train())
        self.hush()

    def pause(self) -> None:
        """Stop learning; what was learnt stays."""
        self.learning = Learning.PAUSED
        self._post(Pause())
        self.say("")

    def reset(self) -> None:
        """Forget what was learnt."""
        self.pause()
        self._post(Reset())
        self.report, self.trained = self.report.forgotten(), False
        self._model, self.loaded = b"", None
        self.learnt.emit(b"")
        self._withhold("all that was learnt is forgotten.")
        self.changed.emit()

    def save(self, path: Path) -> None:
        """Write the best model so far, as soon as the engine hands it over."""
        self.hand_over(partial(self._write, path), "The model is not saved")

    def hand_over(self, then: Then, loss: str = "") -> None:
        """Call `then` with the best model so far, as soon as the engine hands it over.

        With a `loss` it is the user's own request: a new engine is asked again, and where none
        answers, the user is told so (“The model is not saved”). Others hear `withheld`.
        """
        self._requests.add(then, loss)
        self._ask()

    def adopt(self, model: ModelBytes, name: str = "") -> None:
        """Go on from the bytes of a model file of this name."""
        self._model, self.loaded = model, name
        self.learnt.emit(model)
        self._post(Restore(bytes(model), name))
        self.say("")

    def recall(self, report: Report, model: ModelBytes, name: str | None = None) -> None:
        """Go on from where a project was left, or from a file of this name that it had loaded."""
        self.report, self.trained = report, report.step > 0
        self._model, self.loaded = model, name
        if model:
            self._post(Restore(bytes(model), name))
        self.changed.emit()

    def resume(self, *, revived: bool = False) -> None:
        """Tell a new engine what the last one had learnt; `revived`: that one died."""
        self.lost, self.gone, self.revived = "", False, revived
        self.report = self.report.unanswered()
        if self._requests.outlive():
            self.withheld.emit()
        if self._model:
            self._post(Restore(bytes(self._model), self.loaded))
        self.changed.emit()

    def go_on(self) -> None:
        """Train again on a new engine, if the last one did."""
        if self.learning is not Learning.PAUSED:
            self.learning = Learning.TRAINING
            self._post(Train())

    def stop(self, *, gone: bool = False) -> None:
        """There is no engine any more."""
        self.learning, self.gone, self.lost = Learning.PAUSED, gone, ""
        self.report = self.report.unanswered()
        self._withhold("the engine ended before. Do it again when it runs.")
        self.changed.emit()

    def part(self, sentence: str) -> bool:
        """The machine that computes is out of reach; True if it was not already."""
        first, self.lost = not self.lost, sentence
        self.report = self.report.unanswered()
        self._requests.outlive()
        self.changed.emit()
        return first

    def say(self, sentence: str, *, urgent: bool = False, done: bool = False) -> None:
        """Put a sentence before all other advice; an empty one takes it back.

        What is `urgent`, or says that something is `done`, is shown in any situation.
        """
        self.notice, self.urgent, self.done, self._refused = sentence, urgent, done, False
        self._stays = done
        self.changed.emit()

    def confirm(self, sentence: str) -> None:
        """Say that something that the user asked for is done."""
        self.say(sentence, done=True)

    def hush(self) -> None:
        """Take the sentence back, unless the engine still cannot work."""
        if not self._refused:
            self.say("")

    def complain(self, sentence: str, *, stays: bool = True) -> None:
        """Say that something cannot be used or done; it `stays` whatever the engine answers."""
        self.say(sentence, urgent=True)
        self._stays = stays
        if self.gone or self.lost or not self._seen():  # else the guide says it
            notices.warn(sentence)

    def hear(self, event: News) -> None:
        """Take an event of the engine in."""
        match event:
            case Ready() | Restored() | Judged() | Answered() | Scored() | Trained():
                self._count(event)
            case Rested():
                if self.learning is Learning.TRAINING:
                    self.learning = Learning.RESTING
            case Advised():
                if not self._refused and not (self.urgent and self._stays):
                    self.say(event.sentence)
            case Refused():
                self.complain(event.sentence, stays=False)
                if event.withheld or not self._requests.asked:
                    self._withhold(event.sentence)
                self._refused = not (self.report.answered or event.plane)
            case Exported():
                self._keep(event)
            case Failed():
                self.learning = Learning.PAUSED
                self.say(event.sentence, urgent=True)
                self._withhold(event.sentence)
                notices.report(event.sentence, event.traceback)
            case _:
                assert_never(event)

    def _ask(self) -> None:
        self._requests.asked = True
        self._post(Export())

    def _withhold(self, why: str) -> None:
        """Nobody who asked for the model gets it."""
        if not self._requests:
            return
        if losses := self._requests.drop():
            self.complain(" ".join(f"{loss}: {why}" for loss in losses))
        self.withheld.emit()

    def _count(self, event: Ready | Restored | Judged | Answered | Scored | Trained) -> None:
        self.report = self.report.after(event)
        if isinstance(event, Answered):
            self._refused = False
            if not self._stays:
                self.say("")
        if isinstance(event, (Answered, Restored)) and self._requests and not self._requests.asked:
            self._ask()  # what the last engine was asked for
        if isinstance(event, Trained) and self.learning is Learning.RESTING:
            self.learning = Learning.TRAINING

    def _keep(self, event: Exported) -> None:
        self._model, self.loaded = event.model, None
        self.learnt.emit(event.model)
        if event.asked:
            self._requests.answer(event.model)

    def _write(self, path: Path, model: ModelBytes) -> None:
        try:
            write_model(path, model)
        except ModelFileError as error:
            self.complain(str(error))
        else:
            self.confirm(f"The model is saved as {path}.")
