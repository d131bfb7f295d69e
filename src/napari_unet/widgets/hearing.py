"""Gives each event of the engine to whom it concerns."""

from __future__ import annotations

from typing import assert_never

from qtpy.QtCore import QObject, Signal

from napari_unet.engine.messages import (
    Advised,
    Answered,
    Dealt,
    Ended,
    Event,
    Exported,
    Failed,
    FileAdvanced,
    FileSegmented,
    FolderFound,
    FolderSegmented,
    Idle,
    Judged,
    Predicted,
    Ready,
    Refused,
    Rested,
    Restored,
    Scored,
    Segmented,
    Suggested,
    Swept,
    Trained,
    Wanted,
)
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.lesson import Lesson
from napari_unet.widgets.mirror import ActivityMirror
from napari_unet.widgets.pointer import Pointer
from napari_unet.widgets.roster import Roster
from napari_unet.widgets.segmenting import ImageSegmenter


class Hearing(QObject):
    """Takes what the engine said, batch by batch.

    Signals
    -------
    heard : a batch was taken in.
    """

    heard = Signal()

    def __init__(
        self,
        desk: Desk,
        roster: Roster,
        lesson: Lesson,
        segmenter: ImageSegmenter,
        pointer: Pointer,
    ) -> None:
        super().__init__()
        self._desk, self._roster = desk, roster
        self._lesson, self._segmenter, self._pointer = lesson, segmenter, pointer
        self._sweep = ActivityMirror("U-Net: predicting")
        self._segmentation = ActivityMirror("U-Net: segmenting")
        segmenter.progressed.connect(self._segmentation.show)
        segmenter.finished.connect(self._segmentation.close)

    def take(self, batch: list[Event]) -> None:
        """Give out the events of one tick of the window's timer."""
        for event in batch:
            self._give(event)
        self.heard.emit()

    def rest(self) -> None:
        """There is no engine any more."""
        self._sweep.close()
        self._segmentation.close()

    def _supply(self, wanted: Wanted) -> None:
        if not self._desk.planes.answer(wanted):
            self._segmenter.answer(wanted)

    def _give(self, event: Event) -> None:  # noqa: C901 - one flat match
        match event:
            case Predicted():
                self._desk.display.write(event)
            case Swept():
                self._sweep.show(event.done, event.total)
            case Wanted():
                self._supply(event)
            case Dealt():
                self._desk.planes.deal(event)
            case Suggested():
                self._pointer.show(event)
            case Segmented():
                self._segmenter.take(event)
            case Restored():
                self._roster.reconcile(event.classes)
                self._lesson.hear(event)
            case Refused():
                self._desk.planes.refuse(event.plane, event.sentence)
                self._segmenter.refused(event.plane)
                self._lesson.hear(event)
            case Failed():
                self._segmenter.fail("")  # its own complaint would be the same sentence again
                self._lesson.hear(event)
            case (
                Ready() | Answered() | Scored() | Trained() | Judged()
                | Rested() | Advised() | Exported()
            ):  # fmt: skip
                self._lesson.hear(event)
            # for the batch widget; for the child itself and the keeper
            case (
                FolderFound()
                | FileAdvanced()
                | FileSegmented()
                | FolderSegmented()
                | Idle()
                | Ended()
            ):
                pass
            case _:
                assert_never(event)
