"""Steps back and forth through a project's history, over all images and planes."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari_unet.core.project.changes import Entry, Painted
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.project_values import class_list
from napari_unet.widgets.project_witness import Witness
from napari_unet.widgets.roster import Roster


class Steps:
    """Takes strokes and changes of classes back, and does them again.

    Parameters
    ----------
    desk : Desk
    roster : Roster
    witness : Witness
        Has the record and the images.
    write : callable
        Takes the entry of each step, as the log holds those, too.
    """

    def __init__(
        self, desk: Desk, roster: Roster, witness: Witness, write: Callable[[Entry], None]
    ) -> None:
        self._desk, self._roster, self._witness, self._write = desk, roster, witness, write

    def undo(self) -> bool:
        """Take the last change back, wherever it is; whether there was one."""
        self._witness.settle()
        return self._follow(self._witness.record.history.undo(time.time()))

    def redo(self) -> bool:
        """Do again what was taken back last; whether there was something."""
        self._witness.settle()
        return self._follow(self._witness.record.history.redo(time.time()))

    def _follow(self, entry: Entry | None) -> bool:
        if entry is None:
            return False
        record, book = self._witness.record, self._witness.book
        record.follow(entry)
        self._write(entry)
        classes = class_list(record.work.classes)
        if len(classes) > len(self._roster.classes):
            self._roster.set(classes, recode=False)
        strokes = [change for change in entry.changes if isinstance(change, Painted)]
        for number in {stroke.image for stroke in strokes}:
            binding = book.binding(number)
            if binding is not None:  # else it is not open, and only the record changes
                mine = [stroke for stroke in strokes if stroke.image == number]
                binding.strokes.put_back(mine)
                self._desk.visit(binding, mine[-1].index)
        self._roster.set(classes, recode=False)  # the strokes are put back as they were
        return True
