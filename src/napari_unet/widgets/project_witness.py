"""Sees what is painted on the desk, and makes entries of the project's log of it."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import Annotations, Block
from napari_unet.core.project.changes import Change, Painted, Plane, difference
from napari_unet.core.project.record import Record, Seen
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.planes import Index
from napari_unet.widgets.project_book import ImageBook
from napari_unet.widgets.project_values import stored_classes
from napari_unet.widgets.roster import Roster
from napari_unet.widgets.timers import single_shot


class Witness(QObject):
    """Watches desk and roster. What happens in one tick of the window's loop is one entry.

    Attributes
    ----------
    record : the paint and its history.
    book : the images that were painted on.

    Signals
    -------
    made : Entry
        To be written.
    entered : int
        The image of that number is new in the book, or has other pixels or layers.
    held : other strokes are held out.
    """

    made = Signal(object)
    entered = Signal(int)
    held = Signal()

    def __init__(self, desk: Desk, roster: Roster) -> None:
        super().__init__()
        self._desk, self._roster = desk, roster
        self._timer = single_shot(self, self.commit)
        self.start_anew()
        desk.stroked.connect(self._on_stroked)
        desk.bound.connect(self._on_bound)
        desk.repixelled.connect(self._on_repixelled)
        desk.planes.dealt.connect(self._on_dealt)
        roster.recoded.connect(self._on_recoded)
        roster.changed.connect(self._on_classes)

    def start_anew(self) -> None:
        """Nothing was painted so far, as far as this project is concerned."""
        record = Record()
        record.work.classes = stored_classes(self._roster.classes)
        self.go_on(record, ImageBook(self._desk))

    def go_on(self, record: Record, book: ImageBook) -> None:
        """Go on with what was painted in a project."""
        self.record, self.book = record, book
        self._seen: list[Change] = []
        self._how: Seen = "base"
        self._growing: Plane | None = None  # where a stroke is being drawn that was seen in part

    def settle(self) -> None:
        """Look at everything now, without waiting."""
        self._desk.flush()
        self.commit()

    def commit(self) -> None:
        """Make one entry of what was seen since the last one."""
        self._timer.stop()
        if not self._seen:
            return
        changes, self._seen = tuple(self._seen), []
        how, self._how = self._how, "base"
        self.made.emit(self.record.taken(changes, time.time(), how))

    def _see(self, changes: tuple[Change, ...], how: Seen) -> None:
        if changes:
            self._seen += changes
            self._how = how if self._how == "base" else self._how
            self._timer.start(0)

    def _on_stroked(self, binding: Binding, index: Index, paint: Annotations) -> None:
        number, new = self.book.enter(binding)
        if new:
            self.entered.emit(number)
        plane = number, index
        how: Seen = "more" if plane == self._growing or binding.strokes.goes_on else "do"
        if self._desk.scanning and self.record.work.paint(plane) is None:
            how = "base"  # it was there before the image was chosen
        self._growing = plane if binding.strokes.drawing else None
        self._see(self.record.painted(plane, paint), how)

    def _on_bound(self, binding: Binding) -> None:
        """An image was taken to the desk with strokes that may be others than the project's."""
        returned = self.book.number(binding) is None and not binding.strokes.counts.any()
        number = self.book.number(binding) or self.book.find_again(binding)
        missing: list[Painted] = []
        other: list[Change] = []
        for plane, paint in self.record.work.planes.items():
            if plane[0] != number:
                continue
            shown = binding.strokes.snapshots.get(plane[1], Annotations(paint.shape))
            if returned:
                missing += difference(plane, shown, paint)
            else:
                other += self.record.painted(plane, shown)
        if missing:
            binding.strokes.put_back(missing)
        if other:
            self.commit()
            self.made.emit(self.record.taken(tuple(other), time.time(), step=False))

    def _on_repixelled(self, binding: Binding) -> None:
        number = self.book.forget_pixels(binding)
        if number is not None:
            self.entered.emit(number)

    def _on_dealt(self, binding: Binding, index: Index, held: Annotations) -> None:
        number = self.book.number(binding)
        if number is not None:
            self.book.held[number, index] = held
            self.held.emit()

    def _on_recoded(self, table: NDArray[np.uint8]) -> None:
        """Strokes on images that are not on the desk must go on meaning what they meant."""
        for plane, paint in self.record.work.planes.items():
            if paint.blocks and self.book.binding(plane[0]) is None:
                blocks = tuple(Block(b.y, b.x, table[b.values]) for b in paint.blocks)
                recoded = Annotations(paint.shape, blocks, paint.objects)
                self._see(self.record.painted(plane, recoded), "do")

    def _on_classes(self) -> None:
        after = stored_classes(self._roster.classes)
        self._see(self.record.reclassed(after), "base")
