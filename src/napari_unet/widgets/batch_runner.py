"""Runs a batch in an engine process, and tells how it goes."""

from __future__ import annotations

from itertools import count

from msgspec.structs import replace
from qtpy.QtCore import QObject, Signal

from napari_unet.core.header import ModelBytes
from napari_unet.engine.messages import (
    Cancel,
    Configure,
    Event,
    Failed,
    FileAdvanced,
    FileSegmented,
    FolderFound,
    FolderSegmented,
    Refused,
    SegmentFolder,
)
from napari_unet.widgets import notices
from napari_unet.widgets.keeper import Keeper
from napari_unet.widgets.studio import Studio

_runs = count(1)  # of all batches, as two windows may use one engine


class BatchRunner(QObject):
    """One batch at a time: in a process of its own, or in the panel's if it has the model.

    It runs on this machine, where the files are; if the panel computes on another one, the model
    is brought from there.

    Signals
    -------
    told : FolderFound, FileAdvanced or FileSegmented
    ended : str, bool
        A sentence, and whether the user must hear of it.
    """

    told = Signal(object)
    ended = Signal(str, bool)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._own = Keeper()
        self._keeper: Keeper | None = None  # of the process that works
        self._run = 0  # the number of the batch
        self._waiting: SegmentFolder | None = None  # for the model
        for keeper in (self._own, studio.keeper):
            keeper.received.connect(self._take)
            keeper.died.connect(self._on_died)
            keeper.given_up.connect(self._on_died)
        studio.keeper.parted.connect(self._on_parted)
        studio.lesson.withheld.connect(self._on_withheld)

    @property
    def running(self) -> bool:
        """Whether a batch is on its way."""
        return self._keeper is not None

    @property
    def holds_up(self) -> bool:
        """Whether the panel's own engine is at it, which cannot train meanwhile."""
        return self._keeper is self._studio.keeper

    def start(self, command: SegmentFolder) -> None:
        """Begin a batch."""
        self._run = next(_runs)
        command = replace(command, run=self._run)
        away = self._studio.keeper.host is not None
        self._keeper = self._own if command.model or away else self._studio.keeper
        if away and not command.model:
            self._waiting = command
            self._studio.lesson.hand_over(self._on_model)
        else:
            self._begin(command)

    def _begin(self, command: SegmentFolder) -> None:
        if self._keeper is None:
            return
        if self._keeper.start():  # a new process knows no settings yet
            classes = self._studio.roster.classes.names
            self._keeper.post(Configure(classes, self._studio.settings))
        self._keeper.post(command)

    def cancel(self) -> None:
        """Stop at once; files that are done stay."""
        if self._keeper is not None:
            self._keeper.post(Cancel())
            self._end("Cancelled. Files that are done stay; start again to go on.")

    def close(self) -> None:
        """End the process."""
        self._own.close()

    def _take(self, batch: list[Event]) -> None:
        for event in batch:
            if self._keeper is None or self.sender() is not self._keeper:
                return
            match event:
                case FolderFound() if event.run > self._run:
                    self._end("Another batch was started and took the place of this one.")
                case FolderFound() | FileAdvanced() | FileSegmented() if event.run == self._run:
                    self.told.emit(event)
                case FolderSegmented() if event.run == self._run:
                    self._end(_sum(event), warn=bool(event.problem))
                case Refused() if event.run == self._run or self._keeper is self._own:
                    self._end(event.sentence, warn=self._keeper is self._own)
                case Failed():
                    if self._keeper is self._own:
                        notices.report(event.sentence, event.traceback)
                    self._end(event.sentence)
                case _:
                    pass  # of a batch that was cancelled; training and prediction: the panel's

    def _on_died(self, said: str) -> None:
        # the model is waited for from the panel's process
        working = self._keeper if self._waiting is None else self._studio.keeper
        if self._keeper is None or self.sender() is not working:
            return
        if working is self._own:
            notices.report("The engine stopped while it was segmenting files.", said)
        self._end("The engine stopped. Start again: files that are done are skipped.")

    def _on_model(self, model: ModelBytes) -> None:
        if self._waiting is not None:
            command, self._waiting = replace(self._waiting, model=bytes(model)), None
            self._begin(command)

    def _on_parted(self, sentence: str) -> None:
        if self._waiting is not None:
            self._end(f"{sentence} Start again when it is back, or choose a model file.", warn=True)

    def _on_withheld(self) -> None:
        if self._waiting is not None:
            self._end("The model did not come from the engine. Start again.", warn=True)

    def _end(self, sentence: str, *, warn: bool = False) -> None:
        self._keeper = self._waiting = None
        self._own.close()
        self.ended.emit(sentence, warn)


def _sum(event: FolderSegmented) -> str:
    if event.problem:
        return event.problem
    parts = [f"{event.written} segmented"]
    if event.skipped:
        parts.append(f"{event.skipped} done before")
    if event.failed:
        which = "it" if event.failed == 1 else "one"
        parts.append(f"{event.failed} failed (click {which} in the table to see why)")
    return f"{'Cancelled' if event.cancelled else 'Done'}: {', '.join(parts)}."
