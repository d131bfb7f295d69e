"""Sees to it that the engine runs where the user wants it, and that it knows everything."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from qtpy.QtCore import QObject

from napari_unet.core.header import ModelBytes
from napari_unet.engine.host import Host
from napari_unet.engine.messages import Configure, Event, Ready
from napari_unet.widgets import hosts, notices
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.keeper import Keeper
from napari_unet.widgets.lesson import Lesson
from napari_unet.widgets.segmenting import ImageSegmenter
from napari_unet.widgets.timers import single_shot, stop

# ms that the newest weights are waited for before the engine is left, here and elsewhere
_HANDING_OVER, _TRAVELLING = 4000, 60_000
_UNFINISHED = (
    "The engine stopped while it was segmenting and was started again. Your strokes are safe. "
    "Press “Segment this image” again."
)
_BROKEN_OFF = (
    "Segmenting was broken off as the engine was lost, and nothing of it was kept. Press “Segment "
    "this image” again."
)
_log = logging.getLogger(__name__)


class EngineCare(QObject):
    """Starts the engine, here or elsewhere; a new one is told all that the last one knew.

    Parameters
    ----------
    keeper, desk, lesson, segmenter
        The process, the images, training as it stands, and who segments whole images.
    configuration : callable
        Gives the classes and settings as they are.

    Attributes
    ----------
    host : Host or None
        Where the user wants it; None is this machine.
    """

    def __init__(
        self,
        keeper: Keeper,
        desk: Desk,
        lesson: Lesson,
        segmenter: ImageSegmenter,
        configuration: Callable[[], Configure],
    ) -> None:
        super().__init__()
        self._keeper, self._desk, self._lesson = keeper, desk, lesson
        self._segmenter, self._configuration = segmenter, configuration
        self.host: Host | None = None
        self._broken_off = False  # segmenting, which the user was not told yet
        self._patience = single_shot(self, self._move)
        lesson.changed.connect(self._tell_broken_off)
        lesson.withheld.connect(self._hurry)
        keeper.received.connect(self._on_received)
        keeper.died.connect(self._on_died)
        keeper.given_up.connect(self._on_given_up)
        keeper.parted.connect(self._on_parted)
        keeper.returned.connect(self._on_returned)

    def start(self) -> None:
        """Start the engine if there is none."""
        if self._keeper.host != self.host and not self._keeper.running:  # closed as it was left
            self._keeper.move(self.host)
        if self._keeper.start():
            self._introduce()

    def move(self, host: Host | None) -> None:
        """Compute on another machine (None: on this one), with all that was learnt so far."""
        self.host = host
        report = self._lesson.report
        if self._keeper.running and report.answered and report.step:
            self._patience.start(_HANDING_OVER if self._keeper.host is None else _TRAVELLING)
            self._lesson.hand_over(self._on_handed_over)
        else:
            self._move()

    def rest(self) -> None:
        """Nobody needs the engine any more; one that was to be left is not replaced."""
        stop(self._patience)
        self._broken_off = False

    def _hurry(self) -> None:
        """Wait no longer for weights that will not come."""
        if self._patience.isActive():
            self._patience.start(0)

    def _on_handed_over(self, _: ModelBytes) -> None:
        if self._patience.isActive():
            self._patience.stop()
            self._move()

    def _move(self) -> None:
        self._segmenter.fail("Segmenting was stopped, as another machine computes now.")
        self._keeper.move(self.host)
        self.start()
        self._lesson.go_on()

    def _introduce(self, *, revived: bool = False) -> None:
        """Tell a new engine everything; `revived`: the last one died."""
        self._keeper.post(self._configuration())
        self._lesson.resume(revived=revived)
        self._desk.replay()

    def _on_received(self, batch: list[Event]) -> None:
        host = self._keeper.host
        if host is not None and any(isinstance(event, Ready) for event in batch):
            with contextlib.suppress(OSError):  # then it must be typed again
                hosts.remember(host)

    def _on_died(self, said: str) -> None:
        _log.warning("The engine stopped. Its last words: %s", said)
        segmenting = self._segmenter.running
        self._go_on(revived=True)
        if segmenting:
            self._lesson.complain(_UNFINISHED)
        else:
            self._lesson.hush()  # the guide tells it, and there is nothing to do about it

    def _on_returned(self) -> None:
        self._go_on()

    def _go_on(self, *, revived: bool = False) -> None:
        self._segmenter.fail("")
        self._introduce(revived=revived)
        self._lesson.go_on()

    def _break_off(self) -> None:
        """Segment no more; it is told when it can be done again, as other sentences come now."""
        self._broken_off |= self._segmenter.running
        self._segmenter.fail("")

    def _tell_broken_off(self) -> None:
        if self._broken_off and self._lesson.report.answered:
            self._broken_off = False
            self._lesson.complain(_BROKEN_OFF)

    def _on_given_up(self, said: str) -> None:
        self._break_off()
        self._lesson.stop(gone=True)
        notices.report("The engine stopped several times in a row. Your strokes are safe.", said)

    def _on_parted(self, sentence: str, again: bool) -> None:  # noqa: FBT001 - a signal's
        self._break_off()
        rest = (
            "The connection is tried again by itself."
            if again
            else "Then press “Connect” under “Compute on”."
        )
        first = self._lesson.part(f"{sentence} Your strokes are safe. {rest}")
        if first:
            notices.warn(sentence)
        self._hurry()
